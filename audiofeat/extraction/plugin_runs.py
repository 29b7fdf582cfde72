"""Runs plug-in models over the blocks of one file; only a process that has one to run loads onnxruntime."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soxr
from numpy.typing import NDArray

from audiofeat.domain.plugin_models import PluginSpec
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import LOW_RATE_HZ, RATE_HZ, Floats, Frames, Measured, Result
from audiofeat.features.mel_front_ends import FRONT_ENDS

_PATCHES_AT_ONCE = 8


def session_of(path: Path) -> onnxruntime.InferenceSession:
    """Open a model on one thread, without the arena that would keep what the largest batch took."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(session: onnxruntime.InferenceSession, spec: PluginSpec, patches: Floats) -> dict[str, NDArray[np.float64]]:
    """Return each output for each patch, shape (patches, values).

    Parameters
    ----------
    patches : array of shape (patches, frames, bands)
        At most as many as the model takes at a time.
    """
    shaped = np.transpose(patches, (0, 1, 2) if spec.axes.index("frames") < spec.axes.index("bands") else (0, 2, 1))
    if spec.batch is not None and len(patches) < spec.batch:
        shaped = np.concatenate((shaped, np.zeros((spec.batch - len(patches), *shaped.shape[1:]), dtype=np.float32)))
    for place, axis in enumerate(spec.axes):
        if axis == "one":
            shaped = np.expand_dims(shaped, place)
    found = session.run(list(spec.outputs), {spec.input: np.ascontiguousarray(shaped)})
    return {
        name: np.asarray(values, dtype=np.float64).reshape(len(shaped), -1)[: len(patches)]
        for name, values in zip(spec.outputs, found, strict=True)
    }


class PluginRun:
    """A feature group: sums what a model says of each patch; the mean is what is kept.

    Parameters
    ----------
    order : mapping
        ``path`` of the file and its ``spec``.
    """

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._path = Path(order["path"])
        self._spec = PluginSpec.read(order["spec"])
        self._front_end = FRONT_ENDS[self._spec.front_end]
        rate_hz = self._front_end.rate_hz
        self._resampler = (
            None if rate_hz == LOW_RATE_HZ else soxr.ResampleStream(RATE_HZ, rate_hz, 1, dtype="float32", quality="HQ")
        )
        # As Essentia cuts frames: the first is centred on the first sample.
        self._left: Floats = np.zeros(self._front_end.frame // 2, dtype=np.float32)
        self._bands: Floats = np.zeros((0, self._front_end.bands), dtype=np.float32)
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._patches = 0
        self._is_whole = True

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        return session_of(self._path)

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        signal = frames.low if self._resampler is None else self._resampler.resample_chunk(frames.mono)
        bands, self._left = self._front_end.of_signal(np.concatenate((self._left, signal)))
        self._bands = np.concatenate((self._bands, bands))
        length, hop = self._spec.patch_frames, self._spec.patch_hop
        starts = range(0, len(self._bands) - length + 1, hop)
        most = self._spec.batch or _PATCHES_AT_ONCE
        for begin in range(0, len(starts), most):
            self._add(np.stack([self._bands[at : at + length] for at in starts[begin : begin + most]]))
        self._bands = self._bands[len(starts) * hop :]

    def _add(self, patches: Floats) -> None:
        found = run(self._session, self._spec, patches)
        for name, values in found.items():
            self._sums[name] = self._sums.get(name, np.zeros(values.shape[1])) + values.sum(axis=0)
            self._is_whole &= bool(np.isfinite(values).all())
        self._patches += len(patches)

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return the mean of each output over the patches; one number that is none makes all of them null."""
        result = Result()
        reason = silence or (Reason.TOO_SHORT if not self._patches else None)
        reason = reason or (None if self._is_whole else Reason.MODEL_FAILED)
        for name in self._spec.outputs:
            mean = None if reason else (self._sums[name] / self._patches).tolist()
            result.put(name, mean, reason)
        return result
