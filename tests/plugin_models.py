"""Small ONNX files with the signatures of published models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write(
    path: Path,
    *,
    shape: Sequence[int | str] = ("n", 128, 96),
    outputs: Sequence[int] = (4, 8),
    nan: bool = False,
    integers: bool = False,
) -> Path:
    """Write a model: mean over the frames, then a matrix for each output; its values follow the bands."""
    rng = np.random.default_rng(1)
    lengths = [length for length in shape[1:] if length != 1]
    bands = next(length for length in reversed(lengths) if length in {96, 64, 40})
    at = max(place for place, length in enumerate(shape) if length == bands)
    others = [place for place in range(1, len(shape)) if place != at]
    kind = TensorProto.INT64 if integers else TensorProto.FLOAT
    nodes = [
        helper.make_node("Cast", ["melspectrogram"], ["bands"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["bands"], ["mean"], axes=others, keepdims=0),
    ]
    constants, given = [], []
    for number, size in enumerate(outputs):
        matrix = rng.normal(0, 0.1, (bands, size)).astype(np.float32)
        matrix[0, 0] = np.nan if nan else matrix[0, 0]
        constants.append(numpy_helper.from_array(matrix, f"weights_{number}"))
        name = ("activations", "embeddings", "more")[number]
        nodes.append(helper.make_node("MatMul", ["mean", f"weights_{number}"], [name]))
        given.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [shape[0], size]))
    entry = helper.make_tensor_value_info("melspectrogram", kind, list(shape))
    graph = helper.make_graph(nodes, "small", [entry], given, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def write_head(
    path: Path, size: int, *, outputs: int = 3, batch: int | str = "n", middle: bool = False, nan: bool = False
) -> Path:
    """Write a classifier on another model's values, as those of the zoo on embeddings: a matrix and a softmax."""
    matrix = np.random.default_rng(2).normal(0, 1, (size, outputs)).astype(np.float32)
    matrix[0, 0] = np.nan if nan else matrix[0, 0]
    shape = [batch, 1, size] if middle else [batch, size]
    nodes = [
        helper.make_node("MatMul", ["embeddings", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["activations"], axis=-1),
    ]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("activations", "logits")]
    return _save(path, nodes, shape, given, numpy_helper.from_array(matrix, "weights"), entry="embeddings")


def write_of_samples(path: Path, *, shape: Sequence[int | str] = ("n", 16_000), nan: bool = False) -> Path:
    """Write a model of samples: their mean square, and their largest."""
    axes = list(range(1, len(shape)))
    nodes = [
        helper.make_node("Mul", ["waveform", "waveform"], ["squared"]),
        helper.make_node("ReduceMean", ["squared"], ["mean"], axes=axes, keepdims=0),
        helper.make_node("Mul", ["mean", "one"], ["power"]),
        helper.make_node("ReduceMax", ["waveform"], ["largest"], axes=axes, keepdims=0),
    ]
    one = numpy_helper.from_array(np.array(np.nan if nan else 1.0, dtype=np.float32), "one")
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [shape[0]]) for name in ("power", "largest")]
    return _save(path, nodes, list(shape), given, one, entry="waveform")


def _save(path: Path, nodes: list[Any], shape: list[Any], given: list[Any], constant: Any, *, entry: str) -> Path:
    inputs = [helper.make_tensor_value_info(entry, TensorProto.FLOAT, shape)]
    graph = helper.make_graph(nodes, "small", inputs, given, [constant])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def weights(path: Path) -> list[np.ndarray]:
    """Return the matrices of a model that :func:`write` wrote."""
    return [numpy_helper.to_array(constant) for constant in onnx.load(str(path)).graph.initializer]
