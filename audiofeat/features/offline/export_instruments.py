"""Write the head for instruments as ONNX: ``python -m audiofeat.features.offline.export_instruments head.onnx``.

For whoever runs it elsewhere; an extraction reads the same coefficients as arrays. Input are rows of ``FEATURES``,
outputs the logits of each row and its probabilities.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from audiofeat.domain.families import FAMILIES
from audiofeat.features.instrument_head import CLIP, Head, head
from audiofeat.features.instrument_windows import FEATURES

_OPSET, _IR = 13, 8


def exported(shipped: Head) -> onnx.ModelProto:
    """Return the head as ONNX, its weights in half precision as the file of arrays has them."""
    constants = {"mean": shipped.mean, "scale": shipped.scale, "low": np.float32(-CLIP), "high": np.float32(CLIP),
                 "slope": shipped.window_slope, "offset": shipped.window_offset}  # fmt: skip
    nodes = [
        helper.make_node("Sub", ["features", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "low", "high"], ["hidden_0"]),
    ]
    last = len(shipped.weights) - 1
    for n, (weight, bias) in enumerate(zip(shipped.weights, shipped.biases, strict=True)):
        for name, values in ((f"weight_{n}", weight), (f"bias_{n}", bias)):
            constants[f"{name}_half"] = values.astype(np.float16)
            nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
        nodes += [
            helper.make_node("MatMul", [f"hidden_{n}", f"weight_{n}"], [f"product_{n}"]),
            helper.make_node("Add", [f"product_{n}", f"bias_{n}"], [f"sum_{n}"]),
        ]
        if n < last:
            nodes.append(helper.make_node("Relu", [f"sum_{n}"], [f"hidden_{n + 1}"]))
    nodes += [
        helper.make_node("ReduceMean", [f"sum_{last}"], ["logits"], axes=[0], keepdims=0),
        helper.make_node("Mul", ["logits", "slope"], ["steeper"]),
        helper.make_node("Add", ["steeper", "offset"], ["log_odds"]),
        helper.make_node("Sigmoid", ["log_odds"], ["probabilities"]),
    ]
    entry = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["windows", len(FEATURES)])
    said = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["windows", len(FAMILIES)])
            for name in ("logits", "probabilities")]  # fmt: skip
    kept = [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "instruments", [entry], said, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    helper.set_model_props(model, {"features": " ".join(FEATURES), "families": " ".join(FAMILIES)})
    return model


def main() -> None:
    """Write the shipped head."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("file", type=Path)
    onnx.save(exported(head()), str(parser.parse_args().file))


if __name__ == "__main__":
    main()
