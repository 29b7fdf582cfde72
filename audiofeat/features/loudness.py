"""Loudness and dynamics in the time domain, at the file's own rate.

Conventions: LUFS and LU as in ITU-R BS.1770-4 and EBU R 128; momentary over 400 ms, short-term over 3 s, gates at
-70 LUFS and -10 LU; loudness range as in EBU Tech 3342; true peak by fourfold oversampling.
"""

from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import sosfilt

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Frames, Measured, Result

_STEPS_PER_S = 100
_MOMENTARY = 40
_SHORT_TERM = 300
_GATE_STEP = 10
_ABSOLUTE_GATE_LUFS = -70.0
_OVERSAMPLING = 4
_SURROUND_GAIN = 1.41
_VICKERS_BASE = 0.9

Array = NDArray[np.float64]


@cache
def k_weighting(rate_hz: int) -> Array:
    """Return the two biquads of BS.1770's K-weighting for a rate, as second-order sections of shape (2, 6).

    The standard lists coefficients for 48 kHz; the analogue prototypes behind them (shelf at 1681.97 Hz of 4 dB,
    high-pass at 38.135 Hz) are brought to other rates by the bilinear transform.
    """
    shelf_hz, gain_db, shelf_q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    pass_hz, pass_q = 38.13547087602444, 0.5003270373238773
    k = np.tan(np.pi * shelf_hz / rate_hz)
    high = 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    norm = 1 + k / shelf_q + k * k
    shelf = [
        (high + band * k / shelf_q + k * k) / norm,
        2 * (k * k - high) / norm,
        (high - band * k / shelf_q + k * k) / norm,
        1.0,
        2 * (k * k - 1) / norm,
        (1 - k / shelf_q + k * k) / norm,
    ]
    k = np.tan(np.pi * pass_hz / rate_hz)
    norm = 1 + k / pass_q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / norm, (1 - k / pass_q + k * k) / norm]
    return np.array([shelf, high_pass])


def channel_gains(channels: int) -> Array:
    """Return BS.1770's channel weights: surround 1.41, the low-frequency channel of a 5.1 layout none."""
    gains = np.ones(channels)
    if channels in {5, 6, 8}:
        gains[3 if channels == 5 else 4 :] = _SURROUND_GAIN
    if channels >= 6:
        gains[3] = 0.0
    return gains


def _lufs(power: Array | np.float64) -> Array:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-20))


class Loudness:
    """Accumulates K-weighted power in steps of 10 ms and the running true peak."""

    def __init__(self) -> None:
        self._filter_state: Array | None = None
        self._oversampler: soxr.ResampleStream | None = None
        self._true_peak = 0.0
        self._steps: list[Array] = []
        self._step_count = 0
        self._pending: Array = np.zeros(0)
        self._frames = 0
        self._squares = 0.0
        self._samples = 0

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        pcm, rate_hz, channels = frames.pcm, frames.pcm_rate_hz, frames.pcm.shape[1]
        if self._filter_state is None or self._oversampler is None:
            self._filter_state = np.zeros((2, channels, 2))
            self._oversampler = soxr.ResampleStream(rate_hz, _OVERSAMPLING * rate_hz, channels, dtype="float32")
        oversampled = self._oversampler.resample_chunk(pcm)
        for signal in (pcm, oversampled):
            self._true_peak = max(self._true_peak, float(signal.max(initial=0.0)), -float(signal.min(initial=0.0)))
        self._samples += pcm.size
        planes = np.ascontiguousarray(pcm.T, dtype=np.float64)
        self._squares += float(np.vdot(planes, planes))
        weighted, self._filter_state = sosfilt(k_weighting(rate_hz), planes, zi=self._filter_state)
        self._collect(channel_gains(channels) @ np.square(weighted), rate_hz)

    def _collect(self, power: Array, rate_hz: int) -> None:
        """Average the power over steps of exactly 1/100 s, whatever the rate."""
        start = self._frames - len(self._pending)
        self._frames += len(power)
        power = np.concatenate((self._pending, power))
        count = self._frames * _STEPS_PER_S // rate_hz - self._step_count
        edges = (self._step_count + np.arange(count + 1)) * rate_hz // _STEPS_PER_S - start
        if count:
            self._steps.append(np.add.reduceat(power[: edges[-1]], edges[:-1]) / np.diff(edges))
            self._step_count += count
        self._pending = power[edges[-1] :]

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return LUFS, LU, dBTP and dB values; the curve holds the loudness of each whole second."""
        result = Result()
        steps = np.concatenate(self._steps) if self._steps else np.zeros(0)
        momentary = _running_mean(steps, _MOMENTARY)
        short_term = _running_mean(steps, _SHORT_TERM)[::_GATE_STEP]
        integrated = _integrated_lufs(momentary[::_GATE_STEP])
        nothing = Reason.SILENCE if len(momentary) else Reason.TOO_SHORT
        brief = Reason.TOO_SHORT if not len(short_term) else Reason.SILENCE
        true_peak_dbtp = 20 * np.log10(self._true_peak) if self._true_peak > 1e-9 else None
        rms_db = 10 * np.log10(self._squares / self._samples) if self._squares > 0 else None
        result.put("integrated_loudness_lufs", integrated, nothing)
        result.put("max_momentary_loudness_lufs", _loudest_lufs(momentary), nothing)
        result.put("max_short_term_loudness_lufs", _loudest_lufs(short_term), brief)
        result.put("loudness_range_lu", _loudness_range_lu(short_term), brief)
        result.put("true_peak_dbtp", true_peak_dbtp, Reason.SILENCE)
        result.put("peak_to_loudness_ratio_lu", _difference(true_peak_dbtp, integrated), nothing)
        result.put("crest_factor_db", _difference(true_peak_dbtp, rms_db), Reason.SILENCE)
        result.put("dynamic_complexity_db", _dynamic_complexity_db(steps), nothing)
        seconds = steps[: len(steps) // _STEPS_PER_S * _STEPS_PER_S].reshape(-1, _STEPS_PER_S).mean(axis=1)
        result.put("loudness_curve_lufs", [float(v) for v in np.round(_lufs(seconds), 2)])
        return result


def _difference(high: float | None, low: float | None) -> float | None:
    return None if high is None or low is None else high - low


def _running_mean(steps: Array, width: int) -> Array:
    if len(steps) < width:
        return np.zeros(0)
    total = np.concatenate(([0.0], np.cumsum(steps)))
    means: Array = np.maximum(total[width:] - total[:-width], 0) / width
    return means


def _integrated_lufs(blocks: Array) -> float | None:
    """Gate 400 ms blocks, 75 % overlapping, at -70 LUFS and then 10 LU below their mean (BS.1770-4)."""
    blocks = blocks[_lufs(blocks) > _ABSOLUTE_GATE_LUFS]
    if not len(blocks):
        return None
    relative_gate = _lufs(blocks.mean()) - 10.0
    return float(_lufs(blocks[_lufs(blocks) > relative_gate].mean()))


def _loudest_lufs(blocks: Array) -> float | None:
    if not len(blocks):
        return None
    loudest = float(_lufs(blocks.max()))
    return loudest if loudest > _ABSOLUTE_GATE_LUFS else None


def _loudness_range_lu(short_term: Array) -> float | None:
    """Return the spread from the 10th to the 95th percentile behind both gates (EBU Tech 3342)."""
    short_term = short_term[_lufs(short_term) > _ABSOLUTE_GATE_LUFS]
    if not len(short_term):
        return None
    levels = _lufs(short_term)
    low, high = np.percentile(levels[levels > _lufs(short_term.mean()) - 20.0], (10, 95))
    return float(high - low)


def _dynamic_complexity_db(steps: Array) -> float | None:
    """Return the mean distance of the level over 0.2 s from the global level (Streich, PhD thesis, UPF 2006).

    The global level weighs loud parts more, after Vickers, "Automatic long-term loudness and dynamics matching",
    AES 111, 2001.
    """
    width = _STEPS_PER_S // 5
    power = steps[: len(steps) // width * width].reshape(-1, width).mean(axis=1)
    level_db = 10 * np.log10(np.maximum(power, 1e-20))
    level_db = level_db[level_db > _ABSOLUTE_GATE_LUFS]
    if not len(level_db):
        return None
    weight = _VICKERS_BASE ** (level_db.max() - level_db)
    return float(np.abs(level_db - np.average(level_db, weights=weight)).mean())
