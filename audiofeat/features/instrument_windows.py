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

from audiofeat.domain.descriptor import N_MFCC, SPECTRAL_VALUES
from audiofeat.features.frames import BIN_HZ, TIMBRE_RATE_HZ, TIMBRE_STEP, Floats, Frames

_LOGARITHMIC = ("centroid_hz", "spread_hz", "rolloff_50_hz", "rolloff_85_hz", "flux", "zero_crossing_hz")
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
        if not len(frames.mfcc):
            return
        rows = self._sums(frames)
        second = ((self._frames + np.arange(len(rows))) / TIMBRE_RATE_HZ).astype(np.int64)
        self._frames += len(rows)
        # A block may begin with a new second: then nothing is added to the one that is open.
        starts = np.searchsorted(second, np.arange(self._second, second[-1] + 1))
        self._second = int(second[-1])
        added = np.add.reduceat(rows, starts)
        if len(starts) > 1 and starts[1] == 0:
            added[0] = 0
        added[0] += self._open
        self._ended += list(added[:-1])
        self._open = added[-1]

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

    def _sums(self, frames: Frames) -> NDArray[np.float64]:
        """Return what each frame adds to the sums."""
        curves, bands = self._curves(frames)
        audible = frames.audible.astype(np.float64)[:, None]
        row = np.column_stack((curves, bands, audible))
        before = row[:1] if self._before is None else self._before
        self._before = row[-1:]
        change = np.diff(row, axis=0, prepend=before)
        steps = audible * np.concatenate((before[:, -1:], audible[:-1]))
        rise = np.maximum(change[:, _K:-1], 0) * audible
        fall = np.maximum(-change[:, _K:-1], 0) * audible
        attack = rise.mean(axis=1, keepdims=True)
        square = curves * curves
        return np.column_stack((
            audible, curves * audible, square * audible, square * curves * audible, np.abs(change[:, :_K]) * steps,
            steps, bands * audible, bands * bands * audible, rise, fall, attack, curves[:, :_AT_ATTACKS] * attack,
            np.ones_like(audible),
        ))  # fmt: skip

    def _curves(self, frames: Frames) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the values of each frame, shape (frames, curves), and the level of its bands in dB."""
        mel = frames.mel[::TIMBRE_STEP]
        level = 10 * np.log10(mel.sum(axis=1) + _LEAST_POWER)
        self._loudest_db = max(self._loudest_db, float(level.max()))
        spectral = frames.spectral.astype(np.float64)
        columns = dict(zip(SPECTRAL_VALUES, spectral.T, strict=True))
        for name in _LOGARITHMIC:
            columns[name] = np.log2(columns[name] + 1e-3)
        for band in range(_BANDS):
            columns[f"band_share_{band}_db"] = np.maximum(columns[f"band_share_{band}_db"], _QUIETEST_SHARE_DB)
        spectra = np.sqrt(mel + _LEAST_POWER)
        spectra /= np.linalg.norm(spectra, axis=1, keepdims=True)
        furthest = _LIKENESS_FRAMES[-1]
        past = np.repeat(spectra[:1], furthest, axis=0) if self._spectra is None else self._spectra
        joined = np.concatenate((past, spectra))
        self._spectra = joined[-furthest:]
        count = len(spectra)
        alike = [np.einsum("ij,ij->i", spectra, joined[furthest - lag : furthest - lag + count])
                 for lag in _LIKENESS_FRAMES]  # fmt: skip
        bins, to_lags, octaves = _lags()
        power = frames.power[::TIMBRE_STEP, bins]
        power = np.maximum(power, _RELATIVE_FLOOR * power.max(axis=1, keepdims=True) + _LEAST_POWER)
        prominence = (10 * np.log10(power)) @ to_lags
        lag = prominence.argmax(axis=1)
        curves = np.column_stack((
            frames.mfcc[:, 1:], *(columns[name] for name in SPECTRAL_VALUES if "band" not in name),
            *(columns[name] for name in SPECTRAL_VALUES if "band" in name),
            *alike, prominence.max(axis=1), octaves[lag], level,
        )).astype(np.float64)  # fmt: skip
        shares = np.column_stack([columns[f"band_share_{band}_db"] for band in range(_BANDS)])
        return curves, np.maximum(shares + level[:, None], self._loudest_db - _BELOW_LOUDEST_DB)


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
    """Return the bins that pitch is sought in, the matrix from their dB to prominence, and octaves above 80 Hz."""
    bins = slice(*(int(at) for at in np.searchsorted(BIN_HZ, _PITCH_BAND_HZ)))
    pitch_hz = np.geomspace(*_PITCH_HZ, _N_LAGS)
    waves = np.cos(2 * np.pi * np.outer(BIN_HZ[bins], 1 / pitch_hz))
    taper = np.hanning(2 * len(waves) + 1)[len(waves) : -1, None]
    waves = taper * (waves - (taper * waves).sum(axis=0) / taper.sum()) * 2 / taper.sum()
    return bins, waves.astype(np.float32), np.log2(pitch_hz / _PITCH_HZ[0]).astype(np.float32)
