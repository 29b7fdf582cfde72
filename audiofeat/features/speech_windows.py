"""What the speech model sees: one row of statistics for each half second.

A row describes the three seconds around its half second (at the ends: the first or last three), the second in their
middle, and their quietest fifth, where a bed of music is heard under speech. It reads the shared spectrum between 100
and 3,200 Hz where speech lives, so that bandwidth and codec do not decide. Every value is relative to the window's own
level.

References
----------
Scheirer & Slaney, "Construction and evaluation of a robust multifeature speech/music discriminator", ICASSP 1997;
the pitch prominence after Hillenbrand, Cleveland, Erickson, "Acoustic correlates of breathy vocal quality", 1994.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor import SPECTRAL_VALUES
from audiofeat.features.frames import (
    BIN_HZ,
    MEL_RANGE_HZ,
    N_MEL,
    TIMBRE_RATE_HZ,
    TIMBRE_STEP,
    Floats,
    Frames,
)
from audiofeat.features.heard import STEP_S
from audiofeat.features.speech_tones import in_tune, tuning

_WINDOW = 129  # frames: three seconds
_CENTRE = 43  # frames: one second
_STEP = 22
_STEPS_AT_ONCE = 16  # many small arrays cost more than a few larger ones
_SILENT_DBFS = -60.0
_SPEECH_BAND_HZ = (100.0, 3_200.0)
_LEVEL_EDGES_HZ = (100.0, 400.0, 1_000.0, 2_000.0, 3_200.0)
_TREBLE_MOST_HZ = 8_000.0
_N_CEPSTRUM = 6
_PITCH_HZ = (80.0, 400.0)
_N_LAGS = 48
_VOICED_PROMINENCE_DB = 3.0
_FAR_FRAMES = 9
_NEAR_FRAMES = 2
_RANGE_DB = 35.0
_ACTIVE_DB = 20.0
_PAUSE_DB = 22.0
_QUIET_SHARE = 0.2
_QUIET_RANGE_DB = 50.0
_FLOOR = 1e-14
_RELATIVE_FLOOR = 10**-3.5  # noise in the valleys of a spectrum shall not tell one recording from another
_MODULATION_HZ = (1.0, 1.67, 2.33, 3.0, 3.67, 4.33, 5.0, 6.0, 7.0, 8.0, 9.5, 11.0, 13.0, 15.0, 17.0)
_MODULATION_EDGES = (0, 3, 7, 11)  # of the list above: below 3 Hz, 3-5 Hz (syllables), 6-9.5 Hz, over 10 Hz

_LEVELS = ("level", *(f"level_{int(low)}_hz" for low in _LEVEL_EDGES_HZ[:-1]))
_CEPSTRUM = tuple(f"cepstrum_{n}" for n in range(1, _N_CEPSTRUM + 1))
_SHAPES = (
    *_CEPSTRUM, "change", "likeness_46_ms", "likeness_209_ms", "flatness", "crest", "centroid", "prominence", "pitch",
    "zero_crossings", "flux", "treble",
)  # fmt: skip
_OF_MEAN = ("change", "likeness_46_ms", "likeness_209_ms", "flatness", "crest", "centroid", "prominence", "flux")
_OF_STD = (*_CEPSTRUM, "change", "likeness_209_ms", "flatness", "crest", "centroid", "prominence", "pitch",
           "zero_crossings", "treble")  # fmt: skip
_OF_STEP = (*_CEPSTRUM, "flatness", "centroid", "prominence")
_OF_CENTRE = ("change", "likeness_46_ms", "likeness_209_ms", "flatness", "crest", "prominence", "flux")
_OF_QUIET = ("change", "likeness_209_ms", "flatness", "crest", "prominence")
_N_TUNING = 3
_N_CURVES = len(_LEVELS) + len(_SHAPES) + _N_TUNING

FEATURES = (
    *(f"{name}_std" for name in _LEVELS), "level_skew", "low_energy_ratio", "pause_ratio", "comodulation",
    *(f"modulation_{n}" for n in range(4)), *(f"band_modulation_{n}" for n in range(4)),
    *(f"{name}_mean" for name in _OF_MEAN), *(f"{name}_std" for name in _OF_STD),
    *(f"{name}_step" for name in _OF_STEP),
    "voiced_ratio", "pitch_step", "pitch_steady_ratio",
    "level_centre", "level_centre_std", "voiced_centre", *(f"{name}_centre" for name in _OF_CENTRE),
    "level_quiet", *(f"{name}_quiet" for name in _OF_QUIET),
    "in_tune", "in_tune_centre", "in_tune_quiet", "tonality",
)  # fmt: skip


class Windows:
    """Turns blocks into one row of ``FEATURES`` for each half second; keeps no more than fourteen seconds of frames."""

    def __init__(self) -> None:
        self._curves = np.zeros((0, _N_CURVES), dtype=np.float32)
        self._dropped = 0
        self._steps = 0
        self._spectra: Floats | None = None
        self._decibel: Floats | None = None

    def push(self, frames: Frames, *, last: bool) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the rows of the half seconds that are known now, and which of them are loud enough to be judged.

        A quarter of a second or more at the end counts as a half second. Audio under three seconds has no rows.
        """
        if len(frames.power):
            self._curves = np.concatenate((self._curves, self._frame_curves(frames)))
        known = self._dropped + len(self._curves)
        ready = self._steps
        if known >= _WINDOW and last:
            ready = max(ready, round(known / TIMBRE_RATE_HZ / STEP_S))
        elif known >= _WINDOW:
            ready = max(ready, int((known - _WINDOW / 2) / TIMBRE_RATE_HZ / STEP_S) - 1)
        if ready == self._steps or (not last and ready < self._steps + _STEPS_AT_ONCE):
            return np.zeros((0, len(FEATURES)), dtype=np.float32), np.zeros(0, dtype=bool)
        starts = np.array([_start(step) for step in range(self._steps, ready)]) - self._dropped
        firsts = np.clip(starts + (_STEP - _WINDOW) // 2, 0, known - self._dropped - _WINDOW)
        tensor = self._curves[firsts[:, None] + np.arange(_WINDOW)]
        own = np.clip(starts - firsts, 0, _WINDOW - _STEP)[:, None] + np.arange(_STEP)
        power = 10 ** (tensor[np.arange(len(starts))[:, None], own, 0] / 10)
        loud = 10 * np.log10(power.mean(axis=1)) > _SILENT_DBFS
        centres = np.clip(own[:, 0] + (_STEP - _CENTRE) // 2, 0, _WINDOW - _CENTRE)
        rows = np.column_stack((_statistics(tensor, centres), _tuned(tensor, centres)))
        self._steps = ready
        drop = max(0, _start(self._steps) - _WINDOW - self._dropped)
        self._curves = self._curves[drop:]
        self._dropped += drop
        return rows, loud

    def _frame_curves(self, frames: Frames) -> Floats:
        """Return levels, shapes and tuning of each timbre frame."""
        power = frames.power[::TIMBRE_STEP]
        levels = [10 * np.log10(power[:, 3:].sum(axis=1) / 3 + _FLOOR)]
        edges = np.searchsorted(BIN_HZ, (*_LEVEL_EDGES_HZ, _TREBLE_MOST_HZ))
        bands = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
        *inner, treble = (10 * np.log10(bands + _FLOOR)).T
        levels += inner

        mel_band, bins, to_cepstrum, to_lags, lag_octaves = _tables()
        mel = frames.mel[::TIMBRE_STEP, mel_band]
        decibel = 10 * np.log10(np.maximum(mel, _RELATIVE_FLOOR * mel.max(axis=1, keepdims=True)) + _FLOOR)
        before = decibel[:1] if self._decibel is None else self._decibel
        change = np.abs(np.diff(decibel, axis=0, prepend=before)).mean(axis=1)
        self._decibel = decibel[-1:]

        speech = power[:, bins] + np.float32(_FLOOR)
        top = speech.max(axis=1, keepdims=True)
        log_power = 10 * np.log10(np.maximum(speech, _RELATIVE_FLOOR * top))
        mean_db = 10 * np.log10(speech.mean(axis=1))
        prominence = log_power @ to_lags
        lag = prominence.argmax(axis=1)

        spectra = np.sqrt(speech)
        spectra /= np.linalg.norm(spectra, axis=1, keepdims=True)
        past = np.repeat(spectra[:1], _FAR_FRAMES, axis=0) if self._spectra is None else self._spectra
        joined = np.concatenate((past, spectra))
        self._spectra = joined[-_FAR_FRAMES:]
        near = np.einsum("ij,ij->i", spectra, joined[_FAR_FRAMES - _NEAR_FRAMES : -_NEAR_FRAMES])
        far = np.einsum("ij,ij->i", spectra, joined[:-_FAR_FRAMES])

        centroid = np.square(spectra) @ np.log2(BIN_HZ[bins])
        shared = dict(zip(SPECTRAL_VALUES, frames.spectral.T, strict=True))
        shapes = (
            *(decibel @ to_cepstrum).T, change, near, far, log_power.mean(axis=1) - mean_db,
            10 * np.log10(top[:, 0]) - mean_db, centroid, prominence.max(axis=1), lag_octaves[lag],
            np.log2(shared["zero_crossing_hz"] + 20), shared["flux"], np.maximum(treble - levels[0], -_RANGE_DB),
        )  # fmt: skip
        return np.column_stack((*levels, *shapes, tuning(log_power, bins.start))).astype(np.float32)


@cache
def _tables() -> tuple[slice, slice, Floats, Floats, Floats]:
    """Return the speech band among mel bands and bins, and the matrices to cepstrum and to pitch lags."""
    low, high = _SPEECH_BAND_HZ
    corners = np.linspace(_mel(MEL_RANGE_HZ[0]), _mel(MEL_RANGE_HZ[1]), N_MEL + 2)
    inside = np.flatnonzero((corners[1:-1] > _mel(low)) & (corners[2:] < _mel(high)))
    mel_band = slice(int(inside[0]), int(inside[-1]) + 1)
    turns = (np.arange(len(inside)) + 0.5) / len(inside)
    to_cepstrum = np.cos(np.pi * np.outer(turns, np.arange(1, _N_CEPSTRUM + 1))) / len(inside)
    bins = slice(*(int(at) for at in np.searchsorted(BIN_HZ, (low, high))))
    pitch_hz = np.geomspace(*_PITCH_HZ, _N_LAGS)
    waves = np.cos(2 * np.pi * np.outer(BIN_HZ[bins], 1 / pitch_hz))
    taper = np.hanning(len(waves) + 2)[1:-1, None]
    waves = taper * (waves - (taper * waves).sum(axis=0) / taper.sum()) * 2 / taper.sum()
    octaves = np.log2(pitch_hz / _PITCH_HZ[0])
    return mel_band, bins, to_cepstrum.astype(np.float32), waves.astype(np.float32), octaves.astype(np.float32)


def _mel(hz: float) -> float:
    """Slaney's mel scale, the one of the shared filter bank."""
    return float(hz / (200 / 3) if hz < 1_000 else 15 + np.log(hz / 1_000) / (np.log(6.4) / 27))


@cache
def _modulation() -> Floats:
    clock_s = np.arange(_WINDOW) / TIMBRE_RATE_HZ
    waves = np.exp(-2j * np.pi * np.outer(clock_s, _MODULATION_HZ)) * np.hanning(_WINDOW + 2)[1:-1, None]
    return np.concatenate((waves.real, waves.imag), axis=1).astype(np.float32)


def _start(step: int) -> int:
    return round(step * STEP_S * TIMBRE_RATE_HZ)


def _statistics(tensor: Floats, centres: NDArray[np.int64]) -> Floats:
    """Return ``FEATURES`` of windows of shape (steps, 129, curves); ``centres`` is where their middle second starts."""
    loudest = tensor[:, :, :1].max(axis=1, keepdims=True)
    levels = np.maximum(tensor[:, :, : len(_LEVELS)], loudest - np.float32(_RANGE_DB))
    level = levels[:, :, 0]
    offset = levels - levels.mean(axis=1, keepdims=True)
    spread = offset.std(axis=1) + np.float32(0.1)
    power = 10 ** ((level - loudest[:, :, 0]) / 10)
    columns = [
        spread,
        (offset[:, :, 0] ** 3).mean(axis=1) / spread[:, 0] ** 3,
        (power < 0.25 * power.mean(axis=1, keepdims=True)).mean(axis=1),
        (level < loudest[:, :, 0] - _PAUSE_DB).mean(axis=1),
        offset[:, :, 1:].mean(axis=2).std(axis=1) / spread[:, 1:].mean(axis=1),
    ]
    waves = np.swapaxes(offset, 1, 2) @ _modulation()
    real, imaginary = np.split(np.square(waves), 2, axis=2)
    bands = np.add.reduceat(real + imaginary, _MODULATION_EDGES, axis=2)
    shares = bands / (bands.sum(axis=2, keepdims=True) + 1)
    columns += [shares[:, 0], shares[:, 1:].mean(axis=1)]

    shapes = dict(zip(_SHAPES, np.moveaxis(tensor[:, :, len(_LEVELS) : -_N_TUNING], 2, 0), strict=True))
    active = (level > loudest[:, :, 0] - _ACTIVE_DB).astype(np.float32)
    steps = active[:, 1:] * active[:, :-1]
    weight, step_weight = _normalised(active), _normalised(steps)
    means = {name: (shapes[name] * weight).sum(axis=1) for name in {*_OF_MEAN, *_OF_STD}}
    columns += [means[name] for name in _OF_MEAN]
    columns += [np.sqrt((np.square(shapes[name] - means[name][:, None]) * weight).sum(axis=1)) for name in _OF_STD]
    columns += [(np.abs(np.diff(shapes[name], axis=1)) * step_weight).sum(axis=1) for name in _OF_STEP]

    voiced = active * (shapes["prominence"] > _VOICED_PROMINENCE_DB)
    glide = np.abs(np.diff(shapes["pitch"], axis=1))
    voiced_steps = _normalised(voiced[:, 1:] * voiced[:, :-1])
    columns += [
        (voiced * weight).sum(axis=1),
        (np.minimum(glide, 0.5) * voiced_steps).sum(axis=1),
        ((glide < 0.5 * np.log2(_PITCH_HZ[1] / _PITCH_HZ[0]) / _N_LAGS) * voiced_steps).sum(axis=1),
    ]
    at = np.arange(len(tensor))[:, None], centres[:, None] + np.arange(_CENTRE)
    columns += [offset[:, :, 0][at].mean(axis=1), offset[:, :, 0][at].std(axis=1)]
    centre_weight = _normalised(active[at])
    columns += [(voiced[at] * centre_weight).sum(axis=1)]
    columns += [(shapes[name][at] * centre_weight).sum(axis=1) - means[name] for name in _OF_CENTRE]
    wide = np.maximum(tensor[:, :, 0] - loudest[:, :, 0], -np.float32(_QUIET_RANGE_DB))
    count = round(_QUIET_SHARE * _WINDOW)
    quiet = np.argpartition(wide, count, axis=1)[:, :count]
    columns += [np.take_along_axis(wide, quiet, axis=1).mean(axis=1)]
    columns += [np.take_along_axis(shapes[name], quiet, axis=1).mean(axis=1) for name in _OF_QUIET]
    return np.column_stack(columns).astype(np.float32)


def _tuned(tensor: Floats, centres: NDArray[np.int64]) -> Floats:
    """Return how well tones agree on one tuning: in the window, its middle, its quiet fifth; and how many there are."""
    tunings = tensor[:, :, -_N_TUNING:]
    count = round(_QUIET_SHARE * _WINDOW)
    quiet = np.argpartition(tensor[:, :, 0], count, axis=1)[:, :count, None]
    middle = tunings[np.arange(len(tensor))[:, None], centres[:, None] + np.arange(_CENTRE)]
    parts = (tunings, middle, np.take_along_axis(tunings, quiet, axis=1))
    return np.column_stack((*map(in_tune, parts), np.log10(tunings[:, :, 2].mean(axis=1) + 1)))


def _normalised(weight: Floats) -> Floats:
    """Scale each row to a sum of one (zero stays zero)."""
    scaled: Floats = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1)
    return scaled
