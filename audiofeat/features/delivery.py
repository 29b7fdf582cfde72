"""Delivery: how speech is spoken; pace, pauses, pitch, level, the colour of the voices, and how many there are.

Everything is read from stretches of speech, so that an item without speech costs nothing. Where there is enough speech
without music under it, pitch and colour are read there alone.

References
----------
Measures of pitch and spectrum are defined as in Eyben et al., "The Geneva minimalistic acoustic parameter set", TAC
2016; the code is ours.
"""

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain import registry
from audiofeat.domain.quality import Reason
from audiofeat.features.delivery_overlap import Overlap
from audiofeat.features.delivery_pitch import FRAME_HOP, pitches
from audiofeat.features.delivery_rhythm import pauses, syllables
from audiofeat.features.delivery_voices import Voices
from audiofeat.features.frames import BIN_HZ, ONSET_RATE_HZ, TIMBRE_STEP, Floats, Frames, Measured, Result
from audiofeat.features.stretches import Stretch, Stretches

_LEAST_S = 3.0
_VOWEL_BAND_HZ = (300.0, 3_300.0)
_KEPT_BELOW_HZ = 5_200.0
_VOICED_STRENGTH = 0.5
_VOICED_BELOW_DB = 25.0
_FLOOR = np.float32(1e-12)
_N_CEPSTRUM = 12
_LONGEST_PAUSE_PERCENTILE = 90
_PITCH_PERCENTILES = (10, 50, 90)
# Means and spreads of read speech, and how much each counts: movement of pitch (semitones), of level (dB), and pace.
_LIVELY = ((2.6, 1.0, 0.5), (5.5, 1.5, 0.25), (4.3, 0.8, 0.25))

Array = NDArray[np.float64]


class Delivery:
    """Measures each stretch of speech as it ends, and keeps sums and the values that percentiles need."""

    def __init__(self) -> None:
        self._stretches = Stretches(1, FRAME_HOP / TIMBRE_STEP, 1 / TIMBRE_STEP, 1 / TIMBRE_STEP)
        self._seconds = 0.0
        self._syllables = 0
        self._pauses: list[Array] = []
        self._levels: list[Floats] = []
        self._pitch: dict[bool, list[Floats]] = {False: [], True: []}
        self._colour = {False: np.zeros(5 + _N_CEPSTRUM), True: np.zeros(5 + _N_CEPSTRUM)}
        self._voiced = 0
        self._voices = Voices()
        self._overlap = Overlap()

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        band = slice(*(int(at) for at in np.searchsorted(BIN_HZ, _VOWEL_BAND_HZ)))
        kept = int(np.searchsorted(BIN_HZ, _KEPT_BELOW_HZ))
        level_db = 10 * np.log10(frames.power[:, band].sum(axis=1) + _FLOOR)
        parts = (level_db, frames.low, frames.mfcc[:, 1 : _N_CEPSTRUM + 1], frames.power[::TIMBRE_STEP, :kept])
        for stretch in self._stretches.push(parts, frames.heard):
            self._measure(stretch)

    def _measure(self, stretch: Stretch) -> None:
        level_db, low, mfcc, power = stretch.parts
        hz, strength = pitches(low)
        count = min(len(hz), len(mfcc), len(power), len(level_db) // TIMBRE_STEP)
        if not count:
            return
        hz, strength, mfcc, power = hz[:count], strength[:count], mfcc[:count], power[:count]
        loud_db = np.percentile(level_db, 95)
        levels = level_db[: count * TIMBRE_STEP : TIMBRE_STEP]
        voiced = (strength >= _VOICED_STRENGTH) & (levels > loud_db - _VOICED_BELOW_DB)
        nuclei = syllables(level_db, _widened(voiced, len(level_db)))
        starts, ends = pauses(level_db)
        self._seconds += len(level_db) / ONSET_RATE_HZ
        self._syllables += len(nuclei)
        self._pauses.append(np.column_stack((stretch.start + starts, ends - starts)) / ONSET_RATE_HZ)
        self._levels.append((level_db[nuclei] - loud_db).astype(np.float32))
        self._voiced += int(voiced.sum())
        self._pitch[stretch.over_music].append(hz[voiced].astype(np.float32))
        if voiced.any():
            self._colour[stretch.over_music] += np.concatenate(
                (_colours(power[voiced], strength[voiced]), mfcc[voiced].sum(axis=0))
            )
            self._voices.add(hz, voiced, mfcc)
        if not stretch.over_music:
            self._overlap.add(hz, strength, levels, mfcc)

    def result(self, measured: Measured, silence: Reason | None) -> Result:
        """Return the group's fields; nulls where less than three seconds of speech were found."""
        result = Result()
        for stretch in self._stretches.end():
            self._measure(stretch)
        spoken = measured["speech"]["speech_ratio"]
        names = [field.name for field in registry.FIELDS if field.group == "delivery"]
        if silence or spoken is None or self._seconds < _LEAST_S:
            for name in names:
                result.put(name, None, silence or (Reason.NOT_SPEECH if spoken is not None else Reason.TOO_SHORT))
            return result
        times = np.concatenate(self._pauses)
        self._say_pace(result, times)
        over_music = sum(map(len, self._pitch[False])) < _LEAST_S * ONSET_RATE_HZ / TIMBRE_STEP / 2
        self._say_pitch(result, np.concatenate([*self._pitch[over_music], np.zeros(0)]))
        self._say_colour(result, self._colour[over_music])
        levels = np.concatenate(self._levels)
        result.put("loudness_std_db", float(levels.std()) if len(levels) > 1 else None, Reason.TOO_SHORT)
        self._say_liveliness(result)
        self._voices.say(result, self._seconds)
        result.put("overlap_ratio", self._overlap.ratio(), Reason.LOW_CONFIDENCE)
        return result

    def _say_pace(self, result: Result, times: Array) -> None:
        durations = times[:, 1]
        paused_s = float(durations.sum())
        result.put("speech_duration_s", self._seconds)
        result.put("speaking_rate_hz", self._syllables / self._seconds)
        result.put("articulation_rate_hz", min(20.0, self._syllables / max(self._seconds - paused_s, 0.5)))
        result.put("pause_starts_s", np.round(times[:, 0], 3).tolist())
        result.put("pause_durations_s", np.round(durations, 3).tolist())
        result.put("pause_rate_per_min", 60 * len(times) / self._seconds)
        result.put("pause_mean_s", float(durations.mean()) if len(times) else None, Reason.ABSENT)
        longest = float(np.percentile(durations, _LONGEST_PAUSE_PERCENTILE)) if len(times) else None
        result.put("pause_percentile_90_s", longest, Reason.ABSENT)
        result.put("pause_ratio", paused_s / self._seconds)
        talking = max(self._seconds - paused_s, 0.5) * ONSET_RATE_HZ / TIMBRE_STEP
        result.put("voiced_ratio", min(1.0, self._voiced / talking))

    def _say_pitch(self, result: Result, hz: Array) -> None:
        nothing = len(hz) < ONSET_RATE_HZ / TIMBRE_STEP
        low, median, high = (0.0, 0.0, 0.0) if nothing else np.percentile(12 * np.log2(hz), _PITCH_PERCENTILES)
        result.put("pitch_median_hz", None if nothing else float(2 ** (median / 12)), Reason.LOW_CONFIDENCE)
        result.put("pitch_range_semitones", None if nothing else float(high - low), Reason.LOW_CONFIDENCE)
        spread = None if nothing else float((12 * np.log2(hz)).std())
        result.put("pitch_std_semitones", spread, Reason.LOW_CONFIDENCE)

    def _say_colour(self, result: Result, sums: Array) -> None:
        names = (
            "alpha_ratio_db", "hammarberg_index_db", "spectral_slope_low_db_per_khz", "spectral_slope_high_db_per_khz",
            "harmonics_to_noise_db",
        )  # fmt: skip
        count = sum(map(len, self._pitch[sums is self._colour[True]]))
        for name, value in zip(names, sums, strict=False):
            result.put(name, float(value / count) if count else None, Reason.LOW_CONFIDENCE)
        result.put("voice_mfcc", (sums[len(names) :] / count).tolist() if count else None, Reason.LOW_CONFIDENCE)

    def _say_liveliness(self, result: Result) -> None:
        values = [result.values[name] for name in ("pitch_std_semitones", "loudness_std_db", "articulation_rate_hz")]
        if None in values:
            result.put("liveliness", None, Reason.LOW_CONFIDENCE)
            return
        score = sum(
            weight * (value - typical) / spread
            for value, (typical, spread, weight) in zip(values, _LIVELY, strict=True)
        )
        result.put("liveliness", float(1 / (1 + np.exp(-score))))


def _widened(voiced: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Return for each frame whether it, or a timbre frame beside it, is voiced."""
    beside = voiced.copy()
    beside[1:] |= voiced[:-1]
    beside[:-1] |= voiced[1:]
    wide: NDArray[np.bool_] = np.resize(np.repeat(beside, TIMBRE_STEP), count)
    return wide


def _colours(power: Floats, strength: Array) -> Array:
    """Return sums over frames: alpha ratio, Hammarberg index, two slopes, and harmonics to noise."""
    hz = BIN_HZ[: power.shape[1]]
    power = power + _FLOOR

    def between(low_hz: float, high_hz: float) -> slice:
        return slice(int(np.searchsorted(hz, low_hz)), int(np.searchsorted(hz, high_hz)))

    def sums(band: slice) -> Floats:
        total: Floats = power[:, band].sum(axis=1)
        return total

    alpha = 10 * np.log10(sums(between(50, 1_000)) / sums(between(1_000, 5_000)))
    peaks = [power[:, between(*edges)].max(axis=1) for edges in ((0, 2_000), (2_000, 5_000))]
    hammarberg = 10 * np.log10(peaks[0] / peaks[1])
    slopes = []
    for low_hz, high_hz in ((20, 500), (500, 1_500)):
        band = between(low_hz, high_hz)
        distance = (hz[band] - hz[band].mean()) / 1_000
        slopes.append(10 * np.log10(power[:, band]) @ distance / np.square(distance).sum())
    periodic = np.clip(strength, 0.01, 0.999)
    noise = 10 * np.log10(periodic / (1 - periodic))
    return np.array([float(values.sum(dtype=np.float64)) for values in (alpha, hammarberg, *slopes, noise)])
