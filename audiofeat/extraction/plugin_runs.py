"""Runs plug-in models over the blocks of one file; only a process that has one to run loads onnxruntime."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soxr
from numpy.typing import NDArray

from audiofeat.domain.plugin_inputs import FrontEnd
from audiofeat.domain.plugin_models import PluginSpec, group_of
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import LOW_RATE_HZ, RATE_HZ, Floats, Frames, Group, Measured, Result
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
    patches : array of shape (patches, frames, bands), (patches, samples) or (patches, values)
        At most as many as the model takes at a time.
    """
    shaped = patches
    if "bands" in spec.axes and spec.axes.index("bands") < spec.axes.index("frames"):
        shaped = np.transpose(patches, (0, 2, 1))
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


class _Mean:
    """Sums what a model says of each patch; the mean is what is kept."""

    def __init__(self, path: str, spec: PluginSpec) -> None:
        self._path, self._spec = Path(path), spec
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._patches = 0
        self._is_whole = True

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        return session_of(self._path)

    def _add(self, patches: Floats) -> dict[str, NDArray[np.float64]]:
        found = run(self._session, self._spec, patches)
        for name, values in found.items():
            self._sums[name] = self._sums.get(name, np.zeros(values.shape[1])) + values.sum(axis=0)
            self._is_whole &= bool(np.isfinite(values).all())
        self._patches += len(patches)
        return found

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return the mean of each output over the patches; one number that is none makes all of them null."""
        result = Result()
        reason = silence or (Reason.TOO_SHORT if not self._patches else None)
        reason = reason or (None if self._is_whole else Reason.MODEL_FAILED)
        for name in self._spec.outputs:
            mean = None if reason else (self._sums[name] / self._patches).tolist()
            result.put(name, mean, reason)
        return result


class HeadRun(_Mean):
    """A feature group: a model that is shown what another one says of each patch."""

    def push(self, frames: Frames) -> None:
        """Take in one block (what it is shown comes from the other model)."""

    def take(self, said: Mapping[str, NDArray[np.float64]]) -> None:
        """Take in what the other model says of some patches."""
        rows = said[self._spec.on_output or ""].astype(np.float32)
        most = self._spec.batch or len(rows)
        for begin in range(0, len(rows), most):
            self._add(rows[begin : begin + most])


class PluginRun(_Mean):
    """A feature group: a model that is shown the sound, and the heads on what it says."""

    def __init__(self, path: str, spec: PluginSpec, heads: Sequence[HeadRun] = ()) -> None:
        super().__init__(path, spec)
        self._heads = heads
        self._mel = None if spec.front_end is FrontEnd.PCM else FRONT_ENDS[spec.front_end]
        self._rate_hz = self._mel.rate_hz if self._mel else spec.rate_hz
        self._resampler: soxr.ResampleStream | None = None
        # As Essentia cuts frames: the first is centred on the first sample.
        self._left: Floats = np.zeros(self._mel.frame // 2 if self._mel else 0, dtype=np.float32)
        self._rows: Floats = np.zeros((0, self._mel.bands) if self._mel else 0, dtype=np.float32)
        # A patch of samples may be half a minute.
        self._most = spec.batch or (_PATCHES_AT_ONCE if self._mel else 1)

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        rows = self._signal(frames)
        if self._mel:
            rows, self._left = self._mel.of_signal(np.concatenate((self._left, rows)))
        self._rows = np.concatenate((self._rows, rows))
        length, hop = self._spec.patch_frames, self._spec.patch_hop
        starts = range(0, len(self._rows) - length + 1, hop)
        for begin in range(0, len(starts), self._most):
            patches = np.stack([self._rows[at : at + length] for at in starts[begin : begin + self._most]])
            found = self._add(patches)
            for head in self._heads:
                head.take(found)
        self._rows = self._rows[len(starts) * hop :]

    def _signal(self, frames: Frames) -> Floats:
        """Return the block at the model's rate; samples come from the file's own, so that nothing of them is lost."""
        if self._rate_hz == LOW_RATE_HZ:
            return frames.low
        signal, rate_hz = (frames.mono, RATE_HZ) if self._mel else (frames.block.mono, frames.block.rate_hz)
        if self._rate_hz == rate_hz:
            return signal
        if self._resampler is None:
            self._resampler = soxr.ResampleStream(rate_hz, self._rate_hz, 1, dtype="float32", quality="HQ")
        resampled: Floats = self._resampler.resample_chunk(signal)
        return resampled


def runs_of(orders: Mapping[str, Mapping[str, Any]], wanted: Collection[str]) -> dict[str, Group]:
    """Return the runs of the models that are wanted, and of those whose outputs they read.

    Parameters
    ----------
    orders : mapping
        By group: ``path`` of the file and its ``spec``.
    """
    specs = {group: PluginSpec.read(order["spec"]) for group, order in orders.items()}
    paths = {group: order["path"] for group, order in orders.items()}
    heads = {group: HeadRun(paths[group], spec) for group, spec in specs.items() if spec.on and group in wanted}
    runs: dict[str, Group] = {}
    for group, spec in specs.items():
        on_it = [head for name, head in heads.items() if group_of(specs[name].on or "") == group]
        if not spec.on and (on_it or group in wanted):
            runs[group] = PluginRun(paths[group], spec, on_it)
    return runs | heads
