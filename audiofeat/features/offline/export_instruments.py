"""Write the head for instruments as ONNX: ``python -m audiofeat.features.offline.export_instruments FOLDER``.

For whoever runs it elsewhere; an extraction reads the same coefficients as arrays. ``pooled.onnx`` takes rows of
``FEATURES`` and returns their logits, and what scales the mean of both networks' logits to probabilities.
``spectrogram.onnx`` takes stretches as ``instrument_spectrogram.scaled`` gives them and returns weighted logits and
weights of each step.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from audiofeat.domain.families import FAMILIES
from audiofeat.features.frames import N_MEL, Floats
from audiofeat.features.instrument_head import CLIP, Head, head
from audiofeat.features.instrument_spectrogram import MOST_ATTENTION, STRETCH, STRIDE, Network, network
from audiofeat.features.instrument_windows import FEATURES

_OPSET, _IR = 13, 8
Shape = tuple[str, list[str | int]]
Arrays = dict[str, NDArray[Any]]


def pooled(shipped: Head) -> onnx.ModelProto:
    """Return the networks over pooled values, their weights in half precision as the file of arrays has them."""
    most = np.array(CLIP, dtype=np.float32)
    constants: Arrays = {"mean": shipped.mean, "scale": shipped.scale, "low": -most, "high": most}
    nodes = [
        helper.make_node("Sub", ["features", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "low", "high"], ["hidden_0"]),
    ]
    last = len(shipped.weights) - 1
    for n, (weight, bias) in enumerate(zip(shipped.weights, shipped.biases, strict=True)):
        nodes += [
            *_halves({f"weight_{n}": weight, f"bias_{n}": bias}, constants),
            helper.make_node("MatMul", [f"hidden_{n}", f"weight_{n}"], [f"product_{n}"]),
            helper.make_node("Add", [f"product_{n}", f"bias_{n}"], [f"sum_{n}"]),
        ]
        if n < last:
            nodes.append(helper.make_node("Relu", [f"sum_{n}"], [f"hidden_{n + 1}"]))
    nodes.append(helper.make_node("ReduceMean", [f"sum_{last}"], ["logits"], axes=[0], keepdims=0))
    scaling = {name: " ".join(map(str, getattr(shipped, name).tolist()))
               for name in ("window_slope", "window_offset", "item_slope", "item_offset")}  # fmt: skip
    return _model(
        nodes, constants, ("features", ["windows", len(FEATURES)]), ("logits", ["windows", len(FAMILIES)]),
        {"features": " ".join(FEATURES)} | scaling,
    )  # fmt: skip


def spectrogram(shipped: Network) -> onnx.ModelProto:
    """Return the network over the spectrogram, its kernels in half precision."""
    most = np.array(MOST_ATTENTION, dtype=np.float32)
    constants: Arrays = {"channel": np.array([1]), "weights": shipped.weights, "offsets": shipped.offsets, "low": -most,
                 "high": most}  # fmt: skip
    nodes = [helper.make_node("Unsqueeze", ["stretches", "channel"], ["hidden_0"])]
    for n, (kernel, bias) in enumerate(zip(shipped.kernels, shipped.biases, strict=True)):
        pads = [len(kernel) // 2] * 4
        names = [f"hidden_{n}", f"kernel_{n}", f"bias_{n}"]
        nodes += [
            *_halves({f"kernel_{n}": kernel.transpose(3, 2, 0, 1)}, constants),
            helper.make_node("Conv", names, [f"sum_{n}"], pads=pads, strides=[STRIDE, STRIDE]),
            helper.make_node("Relu", [f"sum_{n}"], [f"hidden_{n + 1}"]),
        ]
        constants[f"bias_{n}"] = bias
    top = f"hidden_{len(shipped.kernels)}"
    nodes += [
        helper.make_node("ReduceMean", [top], ["mean"], axes=[3], keepdims=0),
        helper.make_node("ReduceMax", [top], ["most"], axes=[3], keepdims=0),
        helper.make_node("Concat", ["mean", "most"], ["joined"], axis=1),
        helper.make_node("Transpose", ["joined"], ["steps"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["steps", "weights"], ["product"]),
        helper.make_node("Add", ["product", "offsets"], ["said"]),
        helper.make_node("Split", ["said"], ["logits", "attention"], axis=2),
        helper.make_node("Clip", ["attention", "low", "high"], ["clipped"]),
        helper.make_node("Exp", ["clipped"], ["odds"]),
        helper.make_node("Mul", ["logits", "odds"], ["weighted"]),
        helper.make_node("Concat", ["weighted", "odds"], ["answers"], axis=2),
    ]
    return _model(
        nodes, constants, ("stretches", ["stretches", STRETCH, N_MEL]),
        ("answers", ["stretches", "steps", 2 * len(FAMILIES)]), {},
    )  # fmt: skip


def _halves(arrays: Mapping[str, Floats], constants: Arrays) -> list[NodeProto]:
    """Keep arrays in half precision, and return what makes them whole again."""
    constants.update({f"{name}_half": values.astype(np.float16) for name, values in arrays.items()})
    return [helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT) for name in arrays]


def _model(
    nodes: list[NodeProto], constants: Arrays, entry: Shape, said: Shape, told: Mapping[str, str]
) -> onnx.ModelProto:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (entry, said)]
    kept = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "instruments", ends[:1], ends[1:], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    helper.set_model_props(model, {"families": " ".join(FAMILIES), **told})
    return model


def main() -> None:
    """Write the shipped head."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(pooled(head()), str(folder / "pooled.onnx"))
    onnx.save(spectrogram(network()), str(folder / "spectrogram.onnx"))


if __name__ == "__main__":
    main()
