"""Loudness and dynamics in the time domain, at the file's own rate.

Conventions: LUFS and LU as in ITU-R BS.1770-4 and EBU R 128; momentary over 400 ms, short-term over 3 s, gates at
-70 LUFS and -10 LU; loudness range as in EBU Tech 3342; true peak by fourfold oversampling. The peak-to-short-term
ratio is the true peak over the loudest three seconds (PSR, AES TD1008).
"""

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from audiofeat import _native
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Floats, Frames, Measured, Result

_STEPS_PER_S = 100
_MOMENTARY_STEPS = 40
_SHORT_TERM_STEPS = 300
_STEPS_PER_TENTH = 10
_MOMENTARY_TENTHS = 4
_SHORT_TERM_TENTHS = 30
_ABSOLUTE_GATE_LUFS = -70.0
_TAPS = 32
_MIDDLE_TAPS = 8
_KAISER_BETA = 4.6
_TRUE_PEAK_LEAST_FRAMES = _TAPS + 16
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


@cache
def interpolator() -> tuple[Floats, Floats]:
    """Return the filters that give three points between two samples, shape (3, 32), and the bounds of what they give.

    A windowed sinc whose gain is within 0.06 dB of one up to 20 kHz at 44.1 kHz. The bounds are, over the three
    filters, the largest sum of the magnitudes of the eight middle taps, and the largest norms of all but the middle
    eight and of all but the middle sixteen.
    """
    distance = np.arange(_TAPS) - (_TAPS // 2 - 1) - np.arange(1, 4)[:, None] / 4
    taps = np.sinc(distance) * np.i0(_KAISER_BETA * np.sqrt(1 - np.square(2 * distance / _TAPS))) / np.i0(_KAISER_BETA)
    from_middle = np.abs(np.arange(_TAPS) - (_TAPS - 1) / 2)
    sums = np.abs(taps[:, from_middle < _MIDDLE_TAPS / 2]).sum(axis=1)
    norms = [
        np.linalg.norm(taps[:, from_middle > width / 2], axis=1).max() for width in (_MIDDLE_TAPS, 2 * _MIDDLE_TAPS)
    ]
    bounds = np.array([sums.max(), *norms])
    return taps.astype(np.float32), bounds.astype(np.float32)


def _lufs(power: Array | np.float64) -> Array:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-20))


class Loudness:
    """Accumulates K-weighted power over tenths of a second, the loudest 400 ms and 3 s, and the running true peak."""

    def __init__(self) -> None:
        self._filter_state: Array | None = None
        self._recent = np.zeros((0, 0), dtype=np.float32)
        self._true_peak = 0.0
        self._squares = 0.0
        self._samples = self._frames = self._step_count = 0
        self._begun_step = 0.0
        self._steps = np.zeros(0)
        self._max_momentary = self._max_short_term = 0.0
        self._tenths: list[Array] = []

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        planes, rate_hz = frames.block.planes, frames.block.rate_hz
        if self._filter_state is None:
            self._filter_state = np.zeros((-(-len(planes) // 2), 12))
            self._recent = np.zeros((len(planes), _TAPS), dtype=np.float32)
        self._samples += planes.size
        self._squares += float(frames.block.energies.sum())
        self._measure_peak(planes)
        ends = self._ends_of_steps(planes.shape[1], rate_hz)
        sums = np.zeros(len(ends) + 1)
        sums[0] = self._begun_step
        gains = channel_gains(len(planes))
        _native.k_weighted_sums(planes, k_weighting(rate_hz), gains, self._filter_state, ends, sums)
        self._begun_step = float(sums[-1])
        self._collect(sums[:-1], rate_hz)

    def _measure_peak(self, planes: Floats) -> None:
        """Raise the true peak; a short piece over the edge holds what lies between this block and the last."""
        edge = np.concatenate((self._recent, planes[:, :_TRUE_PEAK_LEAST_FRAMES]), axis=1)
        if edge.shape[1] < _TRUE_PEAK_LEAST_FRAMES:
            self._recent = edge
            return
        for piece in (edge, planes):
            if piece.shape[1] >= _TRUE_PEAK_LEAST_FRAMES:
                peaks = np.full(len(planes), self._true_peak, dtype=np.float32)
                _native.true_peak(piece, *interpolator(), peaks)
                self._true_peak = float(peaks.max())
        self._recent = (planes if planes.shape[1] >= _TAPS else edge)[:, -_TAPS:].copy()

    def _ends_of_steps(self, frames: int, rate_hz: int) -> NDArray[np.int32]:
        """Return where in the next frames the steps end: each is exactly 1/100 s, whatever the rate."""
        begun, self._frames = self._frames, self._frames + frames
        steps = np.arange(self._step_count + 1, self._frames * _STEPS_PER_S // rate_hz + 1)
        return (steps * rate_hz // _STEPS_PER_S - begun).astype(np.int32)

    def _collect(self, sums: Array, rate_hz: int) -> None:
        """Turn the sums of finished steps into power, and finished tenths of a second into their means."""
        edges = (self._step_count + np.arange(len(sums) + 1)) * rate_hz // _STEPS_PER_S
        kept = self._step_count % _STEPS_PER_TENTH
        steps = np.concatenate((self._steps, sums / np.maximum(np.diff(edges), 1)))
        self._step_count += len(sums)
        self._max_momentary = max(self._max_momentary, _greatest_mean(steps, _MOMENTARY_STEPS))
        self._max_short_term = max(self._max_short_term, _greatest_mean(steps, _SHORT_TERM_STEPS))
        begun = steps[len(steps) - len(sums) - kept :]
        whole = len(begun) // _STEPS_PER_TENTH * _STEPS_PER_TENTH
        self._tenths.append(begun[:whole].reshape(-1, _STEPS_PER_TENTH).mean(axis=1))
        self._steps = steps[-(_SHORT_TERM_STEPS - 1) :]

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return LUFS, LU, dBTP and dB values; the curve holds the loudness of each whole second."""
        result = Result()
        tenths = np.concatenate(self._tenths) if self._tenths else np.zeros(0)
        momentary, short_term = _running_mean(tenths, _MOMENTARY_TENTHS), _running_mean(tenths, _SHORT_TERM_TENTHS)
        integrated = _integrated_lufs(momentary)
        max_short_term = _loudest_lufs(self._max_short_term)
        nothing = Reason.SILENCE if len(momentary) else Reason.TOO_SHORT
        brief = Reason.TOO_SHORT if not len(short_term) else Reason.SILENCE
        true_peak_dbtp = 20 * np.log10(self._true_peak) if self._true_peak > 1e-9 else None
        rms_db = 10 * np.log10(self._squares / self._samples) if self._squares > 0 else None
        result.put("integrated_loudness_lufs", integrated, nothing)
        result.put("max_momentary_loudness_lufs", _loudest_lufs(self._max_momentary), nothing)
        result.put("max_short_term_loudness_lufs", max_short_term, brief)
        result.put("loudness_range_lu", _loudness_range_lu(short_term), brief)
        result.put("true_peak_dbtp", true_peak_dbtp, Reason.SILENCE)
        result.put("peak_to_loudness_ratio_lu", _difference(true_peak_dbtp, integrated), nothing)
        result.put("peak_to_short_term_ratio_lu", _difference(true_peak_dbtp, max_short_term), brief)
        result.put("crest_factor_db", _difference(true_peak_dbtp, rms_db), Reason.SILENCE)
        result.put("dynamic_complexity_db", _dynamic_complexity_db(tenths), nothing)
        seconds = _means_of(tenths, _STEPS_PER_S // _STEPS_PER_TENTH)
        result.put("loudness_curve_lufs", np.round(_lufs(seconds), 2).tolist())
        return result


def _difference(high: float | None, low: float | None) -> float | None:
    return None if high is None or low is None else high - low


def _running_mean(tenths: Array, width: int) -> Array:
    if len(tenths) < width:
        return np.zeros(0)
    means: Array = sliding_window_view(tenths, width).mean(axis=1)
    return means


def _greatest_mean(steps: Array, width: int) -> float:
    """Return the greatest mean of so many successive steps, 0 where there are fewer."""
    total = np.concatenate(([0.0], np.cumsum(steps)))
    return float((total[width:] - total[:-width]).max(initial=0.0)) / width


def _means_of(tenths: Array, width: int) -> Array:
    means: Array = tenths[: len(tenths) // width * width].reshape(-1, width).mean(axis=1)
    return means


def _integrated_lufs(blocks: Array) -> float | None:
    """Gate 400 ms blocks, 75 % overlapping, at -70 LUFS and then 10 LU below their mean (BS.1770-4)."""
    blocks = blocks[_lufs(blocks) > _ABSOLUTE_GATE_LUFS]
    if not len(blocks):
        return None
    relative_gate = _lufs(blocks.mean()) - 10.0
    return float(_lufs(blocks[_lufs(blocks) > relative_gate].mean()))


def _loudest_lufs(power: float) -> float | None:
    loudest = float(_lufs(np.float64(power)))
    return loudest if loudest > _ABSOLUTE_GATE_LUFS else None


def _loudness_range_lu(short_term: Array) -> float | None:
    """Return the spread from the 10th to the 95th percentile behind both gates (EBU Tech 3342)."""
    short_term = short_term[_lufs(short_term) > _ABSOLUTE_GATE_LUFS]
    if not len(short_term):
        return None
    levels = _lufs(short_term)
    low, high = np.percentile(levels[levels > _lufs(short_term.mean()) - 20.0], (10, 95))
    return float(high - low)


def _dynamic_complexity_db(tenths: Array) -> float | None:
    """Return the mean distance of the level over 0.2 s from the global level (Streich, PhD thesis, UPF 2006).

    The global level weighs loud parts more, after Vickers, "Automatic long-term loudness and dynamics matching",
    AES 111, 2001.
    """
    level_db = 10 * np.log10(np.maximum(_means_of(tenths, 2), 1e-20))
    level_db = level_db[level_db > _ABSOLUTE_GATE_LUFS]
    if not len(level_db):
        return None
    weight = _VICKERS_BASE ** (level_db.max() - level_db)
    return float(np.abs(level_db - np.average(level_db, weights=weight)).mean())
