"""Production: how an episode was recorded and made; speech against its noise, room, loudness, opening and beds.

Clipping, hum and bandwidth are of the group ``quality``, loudness and its range of ``loudness``, width of ``stereo``:
they describe any sound. Here stands what means something for speech alone, and what codecs left behind.

References
----------
Loudness: ITU-R BS.1770-4, EBU Tech 3342; targets: AES TD1008. Decays: Ratnam et al., "Blind estimation of reverberation
time", JASA 114, 2003.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain import registry
from audiofeat.domain.quality import Reason
from audiofeat.features.delivery_rhythm import pauses
from audiofeat.features.frames import ONSET_RATE_HZ, Floats, Frames, Measured, Result
from audiofeat.features.production_codec import CodecTraces
from audiofeat.features.production_course import opening_and_end, spoken_seconds
from audiofeat.features.stretches import Stretch, Stretches

_STEREO_TARGET_LUFS, _MONO_TARGET_LUFS = -16.0, -19.0
_LEAST_STRETCH_FRAMES = round(2.0 * ONSET_RATE_HZ)
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, 10.0
_RANGE_GATE_LU = 20.0
_RANGE_PERCENTILES = (10, 95)
_LEAST_SECONDS = 3
_FLOOR = 1e-14
_NOISE_PERCENTILE = 5
_PERCENTILE_BELOW_MEAN_DB = 0.5  # of the level of steady noise in frames of 46 ms
_LEAST_NOISE_DBFS = -120.0
_SNR_DB = (-20.0, 100.0)
_DECAY_FROM_DB, _DECAY_TO_DB = 5.0, 25.0
_ABOVE_NOISE_DB = 6.0
_LEAST_DECAY_FRAMES = 3
_LEAST_DECAYS = 5
_DECAY_PERCENTILE = 75

Array = NDArray[np.float64]


class Production:
    """Measures each stretch of speech as it ends, and what codecs left throughout."""

    def __init__(self) -> None:
        self._stretches = Stretches(1)
        self._channels = self._rate_hz = 1
        self._noises: list[tuple[float, float, int]] = []
        self._decays: list[Array] = []
        self._codec = CodecTraces()

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        self._channels, self._rate_hz = len(frames.block.planes), frames.block.rate_hz
        power = (frames.power[:, 1:].sum(axis=1) / 3).astype(np.float32)
        self._codec.push(frames.block)
        for stretch in self._stretches.push((power,), frames.heard):
            self._measure(stretch)

    def _measure(self, stretch: Stretch) -> None:
        (power,) = stretch.parts
        if len(power) < _LEAST_STRETCH_FRAMES or stretch.over_music:
            return
        level_db = 10 * np.log10(power + _FLOOR)
        noise_db = float(np.percentile(level_db, _NOISE_PERCENTILE)) + _PERCENTILE_BELOW_MEAN_DB
        starts, ends = pauses(level_db)
        talking = np.ones(len(power), dtype=bool)
        for start, end in zip(starts, ends, strict=True):
            talking[start:end] = False
        speech = float(power[talking].mean(dtype=np.float64)) - 10 ** (noise_db / 10)
        self._noises.append((noise_db, 10 * np.log10(max(speech, 10 ** (noise_db / 10) * 1e-2)), len(power)))
        self._decays.append(_decays_db_per_s(level_db, starts, noise_db))

    def result(self, measured: Measured, silence: Reason | None) -> Result:
        """Return the group's fields; what describes speech is null where there are less than three seconds of it."""
        result = Result()
        for stretch in self._stretches.end():
            self._measure(stretch)
        self._say_codec(result, measured["quality"]["bandwidth_hz"], silence)
        spoken, loudness = spoken_seconds(measured["speech"]), measured["loudness"]
        if silence or spoken is None or spoken.sum() < _LEAST_SECONDS:
            reason = silence or (Reason.TOO_SHORT if spoken is None else Reason.NOT_SPEECH)
            for field in registry.FIELDS:
                if field.group == "production" and field.name not in result.values:
                    result.put(field.name, None, reason)
            return result
        self._say_loudness(result, loudness, spoken)
        self._say_noise_and_room(result)
        for name, value in opening_and_end(measured["speech"]).items():
            result.put(name, value)
        both, speech = (float(measured["speech"][f"{name}_ratio"]) for name in ("speech_over_music", "speech"))
        result.put("music_bed_ratio", both / speech if speech else 0.0)
        return result

    def _say_codec(self, result: Result, bandwidth_hz: float | None, silence: Reason | None) -> None:
        ratio = None if bandwidth_hz is None else min(1.0, 2 * bandwidth_hz / self._rate_hz)
        result.put("bandwidth_to_nyquist_ratio", ratio, silence or Reason.TOO_SHORT)
        step_db, holes = (None, None) if silence else self._codec.found()
        result.put("lowpass_step_db", step_db, silence or Reason.TOO_SHORT)
        result.put("band_hole_ratio", holes, silence or (Reason.TOO_SHORT if step_db is None else Reason.ABSENT))

    def _say_loudness(self, result: Result, loudness: Mapping[str, Any], spoken: NDArray[np.bool_]) -> None:
        target = _STEREO_TARGET_LUFS if self._channels > 1 else _MONO_TARGET_LUFS
        integrated = loudness["integrated_loudness_lufs"]
        result.put("target_loudness_lufs", target)
        away = None if integrated is None else integrated - target
        result.put("loudness_from_target_lu", away, Reason.SILENCE)
        curve = np.array(loudness["loudness_curve_lufs"])
        levels = curve[: len(spoken)][spoken[: len(curve)]]
        levels = levels[levels > _ABSOLUTE_GATE_LUFS]
        gated = levels[levels > _mean_db(levels) - _RELATIVE_GATE_LU] if len(levels) else levels
        result.put("speech_loudness_lufs", _mean_db(gated) if len(gated) else None, Reason.SILENCE)
        ranged = levels[levels > _mean_db(levels) - _RANGE_GATE_LU] if len(levels) else levels
        low, high = np.percentile(ranged, _RANGE_PERCENTILES) if len(ranged) else (0.0, 0.0)
        result.put("speech_loudness_range_lu", float(high - low) if len(ranged) else None, Reason.SILENCE)

    def _say_noise_and_room(self, result: Result) -> None:
        if self._noises:
            noise_db, speech_db, weight = np.array(self._noises).T
            floor = max(_weighted_median(noise_db, weight), _LEAST_NOISE_DBFS)
            result.put("speech_noise_floor_dbfs", floor)
            result.put(
                "snr_db",
                float(np.clip(_weighted_median(speech_db - np.maximum(noise_db, _LEAST_NOISE_DBFS), weight), *_SNR_DB)),
            )
        else:
            result.put("speech_noise_floor_dbfs", None, Reason.LOW_CONFIDENCE)
            result.put("snr_db", None, Reason.LOW_CONFIDENCE)
        decays = np.concatenate([*self._decays, np.zeros(0)])
        decays = decays[decays > 1]
        enough = len(decays) >= _LEAST_DECAYS
        time_s = float(min(10.0, 60 / np.percentile(decays, _DECAY_PERCENTILE))) if enough else None
        result.put("reverberation_time_s", time_s, Reason.LOW_CONFIDENCE)


def _mean_db(levels: Array) -> float:
    """Return the level of the mean power of levels in dB."""
    return float(10 * np.log10(np.mean(10 ** (levels / 10))))


def _weighted_median(values: Array, weight: Array) -> float:
    order = np.argsort(values)
    passed = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(passed, passed[-1] / 2)])


def _decays_db_per_s(level_db: Floats, starts: NDArray[np.int64], noise_db: float) -> Array:
    """Return how fast the level falls into each pause, where it falls far enough above the noise."""
    found = []
    for start in starts:
        before = level_db[max(0, start - round(0.5 * ONSET_RATE_HZ)) : start + 1]
        if not len(before):
            continue
        # From the last frame that is nearly as loud as the word's end on.
        top_db = float(before.max())
        first = start - len(before) + 1 + int(np.flatnonzero(before >= top_db - _DECAY_FROM_DB)[-1])
        falling = level_db[first : first + round(1.5 * ONSET_RATE_HZ)]
        low_db = max(top_db - _DECAY_FROM_DB - _DECAY_TO_DB, noise_db + _ABOVE_NOISE_DB)
        under = np.flatnonzero(falling < low_db)
        count = int(under[0]) if len(under) else 0
        if count >= _LEAST_DECAY_FRAMES and falling[0] - falling[count] > _DECAY_TO_DB / 2:
            found.append(-np.polyfit(np.arange(count + 1) / ONSET_RATE_HZ, falling[: count + 1], 1)[0])
    return np.array(found)
