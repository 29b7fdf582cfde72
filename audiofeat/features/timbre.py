"""Timbre: the shape of the spectrum over the audible frames of the whole item, and how it moves.

Means and standard deviations are taken over the audible frames (within 50 dB of the loudest so far), at 43.07 a
second, up to 11,025 Hz. Percentiles and changes are taken over texture windows: means of whole seconds, after
Tzanetakis & Cook, "Musical genre classification of audio signals", IEEE TSAP 10(5), 2002.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor import N_MFCC, SPECTRAL_VALUES
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import (
    BAND_EDGES_HZ,
    BIN_HZ,
    FLOOR_BELOW_PEAK,
    MEL_RANGE_HZ,
    TIMBRE_RATE_HZ,
    TIMBRE_STEP,
    Floats,
    Frames,
    Measured,
    Result,
)
from audiofeat.features.texture import Texture

_PUBLISHED = {
    "spectral_centroid_hz": "centroid_hz",
    "spectral_spread_hz": "spread_hz",
    "spectral_rolloff_hz": "rolloff_85_hz",
    "spectral_flatness_db": "flatness_db",
    "spectral_crest_db": "crest_db",
    "spectral_entropy": "entropy",
    "spectral_flux": "flux",
    "zero_crossing_rate_hz": "zero_crossing_hz",
}
_LEAST_FRAMES = 8
_PERCENTILES = (10, 50, 90)
_CURVE_COEFFICIENTS = 13
_SAMPLED = 4
# The golden ratio as a share of 2 to the 16th: multiples of it by squares look like chance.
_WHOLE, _GOLDEN = 1 << 16, 40_503
_CONTRAST_SHARE = 0.2
_PEAK_FLOOR = np.float32(1e-4)
_ERB_BANDS = 32
_LEAST_POWER = np.float32(1e-16)

Array = NDArray[np.float64]


def _spread(seen: int, count: int) -> NDArray[np.int64]:
    """Return which of some frames are sampled: one of each four, at places that keep step with no tempo."""
    fours = np.arange(seen // _SAMPLED, (seen + count) // _SAMPLED + 1)
    scattered = fours * fours * _GOLDEN % _WHOLE * _SAMPLED // _WHOLE
    places = fours * _SAMPLED + scattered - seen
    return places[(places >= 0) & (places < count)]


def _erb_filters() -> Floats:
    """Return triangles on the ERB-rate scale of Glasberg & Moore (Hearing Research 47, 1990), shape (513, 32)."""
    rate = 21.4 * np.log10(1 + 0.00437 * BIN_HZ.astype(np.float64))
    low, high = 21.4 * np.log10(1 + 0.00437 * np.array(MEL_RANGE_HZ))
    centres = np.linspace(low, high, _ERB_BANDS + 2)[1:-1]
    width = centres[1] - centres[0]
    filters: Floats = np.maximum(0, 1 - np.abs(rate[:, None] - centres) / width).astype(np.float32)
    return filters


_ERB = _erb_filters()
_OCTAVE_EDGES = np.searchsorted(BIN_HZ, BAND_EDGES_HZ)


class Timbre:
    """Sums frame-wise values and their squares, and averages them second by second."""

    def __init__(self) -> None:
        self._frames = 0
        self._seen = 0
        self._mfcc = np.zeros((2, N_MFCC))
        self._spectral = np.zeros((2, len(SPECTRAL_VALUES)))
        self._texture = Texture(len(SPECTRAL_VALUES), TIMBRE_RATE_HZ)
        self._curve = Texture(_CURVE_COEFFICIENTS, TIMBRE_RATE_HZ)
        self._erb = np.zeros(_ERB_BANDS)
        self._contrast = np.zeros(len(BAND_EDGES_HZ) - 1)
        self._peaks = 0
        self._sampled = 0

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        self._frames += int(np.count_nonzero(frames.audible))
        for sums, values in ((self._mfcc, frames.mfcc), (self._spectral, frames.spectral)):
            audible = values[frames.audible].astype(np.float64)
            sums[0] += audible.sum(axis=0)
            sums[1] += np.square(audible).sum(axis=0)
        self._texture.push(frames.spectral, frames.audible)
        self._curve.push(frames.mfcc[:, :_CURVE_COEFFICIENTS])
        self._sample(frames)

    def _sample(self, frames: Frames) -> None:
        """Look closer at one of four audible frames: bands as the ear has them, contrast, number of peaks."""
        chosen = _spread(self._seen, len(frames.audible))
        self._seen += len(frames.audible)
        power = frames.power[TIMBRE_STEP * chosen[frames.audible[chosen]]]
        if not len(power):
            return
        self._sampled += len(power)
        self._erb += (power @ _ERB).sum(axis=0)
        peak = power.max(axis=1, keepdims=True)
        inner = power[:, 1:-1]
        self._peaks += int(
            np.count_nonzero((inner > power[:, :-2]) & (inner >= power[:, 2:]) & (inner > peak * _PEAK_FLOOR))
        )
        decibel = 10 * np.log10(np.maximum(power, peak * FLOOR_BELOW_PEAK + _LEAST_POWER))
        for band, (low, high) in enumerate(pairwise(_OCTAVE_EDGES)):
            ordered = np.sort(decibel[:, low:high], axis=1)
            count = max(1, round(_CONTRAST_SHARE * (high - low)))
            self._contrast[band] += float((ordered[:, -count:].mean(axis=1) - ordered[:, :count].mean(axis=1)).sum())

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return the spectral shape and its movement, the cepstrum and its curve, bands and their contrast."""
        result = Result()
        enough = self._frames >= _LEAST_FRAMES and self._sampled > 0 and silence is not Reason.SILENCE
        reason = Reason.SILENCE if silence is not Reason.TOO_SHORT else silence

        def put(name: str, value: float | NDArray[np.floating] | list[list[float]] | None) -> None:
            plain = value.tolist() if isinstance(value, np.ndarray) else value
            result.put(name, plain if enough else None, reason)

        frames = max(self._frames, 1)
        seconds, heard = self._texture.means()
        seconds = seconds[heard] if heard.any() else np.zeros((1, len(SPECTRAL_VALUES)))
        means, squares = self._spectral / frames
        deviations = np.sqrt(np.maximum(squares - np.square(means), 0))
        for name, value in _PUBLISHED.items():
            at = SPECTRAL_VALUES.index(value)
            put(name, float(means[at]))
            put(_variant(name, "std"), float(deviations[at]))
            put(_variant(name, "percentiles"), np.percentile(seconds[:, at], _PERCENTILES))
            put(_variant(name, "change"), float(_mean_change(seconds[:, at])))
        for name, prefix in (("octave_band_share_db", "band_share_"), ("octave_band_crest_db", "band_crest_")):
            put(name, means[[n for n, value in enumerate(SPECTRAL_VALUES) if value.startswith(prefix)]])
        sampled = max(self._sampled, 1)
        put("octave_band_contrast_db", self._contrast / sampled)
        put("erb_band_share_db", 10 * np.log10(np.maximum(self._erb, 1e-16) / max(self._erb.sum(), 1e-16)))
        put("spectral_complexity", self._peaks / sampled)
        mfcc = self._mfcc / frames
        put("mfcc", mfcc[0])
        put("mfcc_std", np.sqrt(np.maximum(mfcc[1] - np.square(mfcc[0]), 0)))
        curve, _ = self._curve.means()
        put("mfcc_change", _mean_change(curve) if len(curve) else np.zeros(_CURVE_COEFFICIENTS))
        put("mfcc_curve", np.round(curve, 2))
        return result


def _variant(name: str, kind: str) -> str:
    """Return ``spectral_centroid_std_hz`` for the centroid: what was made of a value follows it, the unit last."""
    stem, unit = (name[:-3], name[-3:]) if name.endswith(("_hz", "_db")) else (name, "")
    return f"{stem}_{kind}{unit}"


def _mean_change(seconds: Array) -> Array:
    """Return the mean absolute difference of one second to the next; 0 where there is only one."""
    change: Array = np.abs(np.diff(seconds, axis=0)).mean(axis=0) if len(seconds) > 1 else np.zeros(seconds.shape[1:])
    return change
