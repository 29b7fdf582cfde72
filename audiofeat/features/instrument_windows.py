"""What the head for instruments sees: sums of each second, from which the values of a window of any length follow.

Values come from the frames of the shared spectrum and are independent of level: shape of the spectrum, how alike
frames are, how prominent a pitch is, how bands rise and fall, and what sounds at attacks. Means, deviations, skews and
changes of a window follow from sums, and sums of windows from those of seconds, so nothing but 260 numbers a second is
kept, and those for no longer than a window.

References
----------
Essid, Richard, David, "Instrument recognition in polyphonic music based on automatic taxonomies", IEEE TASLP 14(1),
2006; the pitch prominence after Hillenbrand, Cleveland, Erickson, "Acoustic correlates of breathy vocal quality", 1994.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from audiofeat import _native
from audiofeat.domain.descriptor import N_MFCC, SPECTRAL_VALUES
from audiofeat.features.frames import BIN_HZ, N_MEL, TIMBRE_RATE_HZ, TIMBRE_STEP, Floats, Frames

_LOGARITHMIC = [
    SPECTRAL_VALUES.index(name)
    for name in ("centroid_hz", "spread_hz", "rolloff_50_hz", "rolloff_85_hz", "flux", "zero_crossing_hz")
]
AROUND_S = 2
"""Seconds on either side of the second that a window is about."""

_LIKENESS_FRAMES = (1, 2, 4, 9)
_PITCH_HZ = (80.0, 1_000.0)
_N_LAGS = 64
_PITCH_BAND_HZ = (80.0, 5_000.0)
_BANDS = 8
_QUIETEST_SHARE_DB = -50.0
_BELOW_LOUDEST_DB = 60.0
_RELATIVE_FLOOR = np.float32(1e-4)
_LEAST_POWER = np.float32(1e-14)

_SHAPES = (*(f"mfcc_{n}" for n in range(1, N_MFCC)), *(name for name in SPECTRAL_VALUES if "band" not in name))
_CURVES = (
    *_SHAPES,
    *(name for name in SPECTRAL_VALUES if "band" in name),
    *(f"likeness_{lag}" for lag in _LIKENESS_FRAMES), "prominence", "pitch", "level",
)  # fmt: skip
_AT_ATTACKS = len(_SHAPES)
_K = len(_CURVES)
FEATURES = (
    *(f"{name}_mean" for name in _CURVES[:-1]),
    *(f"{name}_std" for name in _CURVES),
    *(f"{name}_skew" for name in _CURVES),
    *(f"{name}_change" for name in _CURVES),
    *(f"band_{band}_{what}" for what in ("std", "rise", "fall") for band in range(_BANDS)),
    *(f"{name}_at_attacks" for name in _SHAPES),
    "audible_ratio",
)
_WIDTHS = {"one": 1, "sum": _K, "square": _K, "cube": _K, "change": _K, "steps": 1, "band": _BANDS,
           "band_square": _BANDS, "rise": _BANDS, "fall": _BANDS, "attack": 1, "at_attack": _AT_ATTACKS}  # fmt: skip
_SHAPE = np.array((_K, _BANDS, _AT_ATTACKS), dtype=np.int32)
SUMS = sum(_WIDTHS.values())
"""How many sums there are of a second; the first is the share of audible frames."""


class Seconds:
    """Turns blocks into sums of each second; seconds are handed out once, when they have ended."""

    def __init__(self) -> None:
        self._frames = self._second = 0
        self._open = np.zeros(SUMS + 1)
        self._ended: list[NDArray[np.float64]] = []
        self._spectra: Floats | None = None
        self._before: NDArray[np.float64] | None = None
        self._loudest_db = -200.0

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        count = len(frames.mfcc)
        if not count:
            return
        values = self._values(frames)
        if self._before is None:
            self._before = np.append(values[0].astype(np.float64), frames.audible[0])
        second = ((self._frames + np.arange(count)) / TIMBRE_RATE_HZ).astype(np.int32) - np.int32(self._second)
        self._frames += count
        self._second += int(second[-1])
        sums = np.zeros((second[-1] + 1, SUMS + 1))
        sums[0] = self._open
        _native.second_sums(values, frames.audible, second, _SHAPE, self._before, sums)
        self._ended += list(sums[:-1])
        self._open = sums[-1]

    def take(self, *, last: bool = False) -> NDArray[np.float64]:
        """Return the mean sums of the seconds that have ended since, shape (seconds, SUMS).

        ``last`` counts half a second or more at the end as a second, and whatever there is of a first one.
        """
        if last and (self._open[-1] > TIMBRE_RATE_HZ / 2 or (self._open[-1] and self._frames < TIMBRE_RATE_HZ)):
            self._ended.append(self._open)
        rows = np.array(self._ended).reshape(-1, SUMS + 1)
        self._ended.clear()
        means: NDArray[np.float64] = rows[:, :-1] / np.maximum(rows[:, -1:], 1)
        return means

    def _values(self, frames: Frames) -> Floats:
        """Return the curves of each frame, and after them the level of its bands in dB."""
        mel = frames.mel[::TIMBRE_STEP]
        total = mel.sum(axis=1)
        level = 10 * np.log10(total + _LEAST_POWER)
        self._loudest_db = max(self._loudest_db, float(level.max()))
        values = np.empty((len(mel), _K + _BANDS), dtype=np.float32)
        values[:, : N_MFCC - 1] = frames.mfcc[:, 1:]
        spectral, alike = np.split(values[:, N_MFCC - 1 : _K - 3], (len(SPECTRAL_VALUES),), axis=1)
        spectral[:] = frames.spectral
        spectral[:, _LOGARITHMIC] = np.log2(spectral[:, _LOGARITHMIC] + np.float32(1e-3))
        shares = spectral[:, -_BANDS:]
        np.maximum(shares, _QUIETEST_SHARE_DB, out=shares)
        spectra = np.sqrt(mel + _LEAST_POWER)
        spectra /= np.sqrt(total + N_MEL * _LEAST_POWER)[:, None]
        self._compare(spectra, alike)
        bins, to_lags, octaves = _lags()
        power = frames.power[::TIMBRE_STEP, bins]
        power = np.maximum(power, _RELATIVE_FLOOR * power.max(axis=1, keepdims=True) + _LEAST_POWER)
        prominence = np.log10(power, out=power) @ to_lags
        lag = prominence.argmax(axis=1)
        values[:, _K - 3] = prominence[np.arange(len(lag)), lag]
        values[:, _K - 2] = octaves[lag]
        values[:, _K - 1] = level
        np.maximum(shares + level[:, None], self._loudest_db - _BELOW_LOUDEST_DB, out=values[:, _K:])
        return values

    def _compare(self, spectra: Floats, alike: Floats) -> None:
        """Write how alike each frame, a vector of length 1, is to some before it."""
        furthest = _LIKENESS_FRAMES[-1]
        past = np.repeat(spectra[:1], furthest, axis=0) if self._spectra is None else self._spectra
        joined = np.concatenate((past, spectra))
        self._spectra = joined[-furthest:]
        for at, lag in enumerate(_LIKENESS_FRAMES):
            np.einsum("ij,ij->i", spectra, joined[furthest - lag : len(joined) - lag], out=alike[:, at])


def pooled(sums: NDArray[np.float64]) -> Floats:
    """Return ``FEATURES`` of windows from the means of their seconds' sums, shape (windows, SUMS)."""
    cuts = np.cumsum(list(_WIDTHS.values()))
    part = dict(zip(_WIDTHS, np.split(sums, cuts[:-1], axis=1), strict=True))
    one = np.maximum(part["one"], 1e-9)
    mean = part["sum"] / one
    variance = np.maximum(part["square"] / one - mean * mean, 0)
    deviation = np.sqrt(variance)
    third = part["cube"] / one - 3 * mean * variance - mean**3
    skew = third / np.maximum(deviation, 1e-3) ** 3
    band_mean = part["band"] / one
    band_deviation = np.sqrt(np.maximum(part["band_square"] / one - band_mean * band_mean, 0))
    attack = np.maximum(part["attack"], 1e-9)
    at_attacks = part["at_attack"] / attack - mean[:, :_AT_ATTACKS]
    values = np.column_stack((
        mean[:, :-1], deviation, np.clip(skew, -5, 5), part["change"] / np.maximum(part["steps"], 1e-9),
        band_deviation, part["rise"] / one, part["fall"] / one, at_attacks, part["one"],
    ))  # fmt: skip
    return values.astype(np.float32)


def windows(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of the five seconds around each second (fewer at the ends), shape (seconds, values)."""
    count = len(seconds)
    known = np.pad(np.column_stack((seconds, np.ones(count))), ((AROUND_S, AROUND_S), (0, 0)))
    sums = np.sum([known[shift : shift + count] for shift in range(2 * AROUND_S + 1)], axis=0)
    means: NDArray[np.float64] = sums[:, :-1] / sums[:, -1:]
    return means


@cache
def _lags() -> tuple[slice, Floats, Floats]:
    """Return the bins that pitch is sought in, what turns logarithms of power to prominence in dB, and octaves."""
    bins = slice(*(int(at) for at in np.searchsorted(BIN_HZ, _PITCH_BAND_HZ)))
    pitch_hz = np.geomspace(*_PITCH_HZ, _N_LAGS)
    waves = np.cos(2 * np.pi * np.outer(BIN_HZ[bins], 1 / pitch_hz))
    taper = np.hanning(2 * len(waves) + 1)[len(waves) : -1, None]
    waves = taper * (waves - (taper * waves).sum(axis=0) / taper.sum()) * 20 / taper.sum()
    return bins, waves.astype(np.float32), np.log2(pitch_hz / _PITCH_HZ[0]).astype(np.float32)
