"""Defects of the recording: clipping, offset, silence and fades at its ends, bandwidth, noise, hum, cancelling."""

import numpy as np

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Floats, Frames, Measured, Result
from audiofeat.features.quality_bandwidth import LENGTH, Bandwidth
from audiofeat.features.quality_fade import STEP_S, fade_in_s
from audiofeat.features.quality_hum import Hum

_AUDIBLE_AMPLITUDE = 10 ** (-60 / 20)
_CLIP_LEVEL = 0.999
_CHUNK_STEPS = 5
_STEPS_PER_S = round(1 / STEP_S)
_DIGITAL_SILENCE_DBFS = -120.0
_NOISE_PERCENTILE = 10
_AUDIBLE_POWER = 1e-7
_CANCELS = 10 ** (-12 / 10)
_END_SAMPLES = 4_096


class Quality:
    """Counts sample-wise facts of the PCM at its own rate, and keeps the energies of each 100 ms."""

    def __init__(self) -> None:
        self._frames = self._clipped = 0
        self._sums: Floats | float = 0.0
        self._first_sound: int | None = None
        self._last_sound = 0
        self._peak = 0.0
        self._rate_hz = self._channels = 1
        self._waiting: Floats | None = None
        self._energies: list[Floats] = []
        self._bandwidth = Bandwidth()
        self._hum = Hum()

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        planes = frames.planes
        self._rate_hz, self._channels = frames.pcm_rate_hz, len(planes)
        self._hum.push(frames.mono)
        if not planes.size:
            return
        peak = _peak(planes)
        self._peak = max(self._peak, peak)
        if peak >= _CLIP_LEVEL:
            self._clipped += int(np.count_nonzero(np.abs(planes) >= _CLIP_LEVEL))
        self._sums = self._sums + planes.mean(axis=1).astype(np.float64) * planes.shape[1]
        if peak > _AUDIBLE_AMPLITUDE:
            self._find_ends(planes)
        self._frames += planes.shape[1]
        self._take_steps(planes)

    def _find_ends(self, planes: Floats) -> None:
        """Note where sound begins and where it was heard last; most blocks sound to their end."""
        if self._first_sound is None:
            self._first_sound = self._frames + int(np.argmax(_sounding(planes)))
        tail = planes[:, -_END_SAMPLES:]
        if _peak(tail) <= _AUDIBLE_AMPLITUDE:
            tail = planes
        self._last_sound = self._frames + planes.shape[1] - int(np.argmax(_sounding(tail)[::-1]))

    def _take_steps(self, planes: Floats) -> None:
        """Cut the channels into steps of 100 ms, and look at the spectrum about every half second."""
        step = max(1, round(self._rate_hz * STEP_S))
        steps_in_chunk = max(_CHUNK_STEPS, -(-LENGTH // step))
        if self._waiting is not None and self._waiting.size:
            planes = np.concatenate((self._waiting, planes), axis=1)
        chunks = planes.shape[1] // (step * steps_in_chunk)
        taken = chunks * step * steps_in_chunk
        self._waiting = planes[:, taken:].copy()
        if not chunks:
            return
        energy = self._take_energies(planes[:, :taken], step)
        loudest = planes[int(np.argmax(energy)), :taken]
        self._bandwidth.push(loudest.reshape(chunks, -1)[:, :LENGTH])

    def _take_energies(self, planes: Floats, step: int) -> Floats:
        """Keep mean, left, right and cross power of each step, without its offset; return each channel's energy."""
        steps = planes.reshape(len(planes), -1, step)
        steps = steps - steps.mean(axis=2, keepdims=True)
        power = np.einsum("cns,cns->cn", steps, steps) / np.float32(step)
        second = min(1, len(planes) - 1)
        cross = np.einsum("ns,ns->n", steps[0], steps[second]) / np.float32(step)
        self._energies.append(np.column_stack((power.mean(axis=0), power[0], power[second], cross)))
        energy: Floats = power.sum(axis=1)
        return energy

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return clipping, offset and both ends, and what the levels and the spectrum of the whole item tell."""
        result = Result()
        count = max(self._frames, 1)
        heard = self._first_sound is not None
        result.put("clipped_ratio", self._clipped / (count * self._channels))
        result.put("dc_offset", float(np.max(np.abs(self._sums / count))))
        result.put("sample_peak_dbfs", 20 * np.log10(self._peak) if self._peak > 1e-9 else None, Reason.SILENCE)
        result.put("head_silence_s", (self._first_sound or 0) / self._rate_hz if heard else None, Reason.SILENCE)
        result.put("tail_silence_s", (count - self._last_sound) / self._rate_hz if heard else None, Reason.SILENCE)
        if self._waiting is not None:
            step = max(1, round(self._rate_hz * STEP_S))
            whole = self._waiting.shape[1] // step * step
            if whole:
                self._take_energies(self._waiting[:, :whole], step)
        energies = np.concatenate(self._energies) if self._energies else np.zeros((0, 4), dtype=np.float32)
        self._levels(result, energies, silence)
        self._spectrum(result, energies, silence)
        return result

    def _levels(self, result: Result, energies: Floats, silence: Reason | None) -> None:
        level_dbfs = 10 * np.log10(np.maximum(energies[:, 0], 1e-20))
        sounding = np.flatnonzero(level_dbfs > _DIGITAL_SILENCE_DBFS)
        nothing = _why_nothing(energies, silence)
        floor_dbfs = float(np.percentile(level_dbfs[sounding], _NOISE_PERCENTILE)) if len(sounding) else None
        result.put("noise_floor_dbfs", None if nothing is Reason.SILENCE else floor_dbfs, nothing)
        fades: tuple[float | None, float | None] = (None, None)
        if not (silence or nothing):
            item = level_dbfs[sounding[0] : sounding[-1] + 1]
            fades = (fade_in_s(item), fade_in_s(item[::-1]))
        result.put("fade_in_s", fades[0], silence or nothing)
        result.put("fade_out_s", fades[1], silence or nothing)
        ratio = _cancelling_ratio(energies) if self._channels >= 2 else None
        result.put("cancelling_ratio", ratio, Reason.MONO if self._channels < 2 else nothing or Reason.SILENCE)

    def _spectrum(self, result: Result, energies: Floats, silence: Reason | None) -> None:
        nothing = _why_nothing(energies, silence)
        end_hz = None if nothing else self._bandwidth.end_hz(self._rate_hz)
        result.put("bandwidth_hz", end_hz, nothing or Reason.TOO_SHORT)
        found = None
        if not nothing and not self._hum.long_enough:
            nothing = Reason.TOO_SHORT
        if not nothing:
            found = self._hum.found()
        result.put("hum_hz", found and found[0], nothing or Reason.ABSENT)
        result.put("hum_level_dbfs", found and found[1], nothing or Reason.ABSENT)


def _why_nothing(energies: Floats, silence: Reason | None) -> Reason | None:
    """Return why levels and spectra say nothing, or None where they do."""
    if silence is Reason.SILENCE:
        return silence
    if not len(energies):
        return Reason.TOO_SHORT
    return None if energies[:, 0].max() > 10 ** (_DIGITAL_SILENCE_DBFS / 10) else Reason.SILENCE


def _peak(planes: Floats) -> float:
    return float(max(planes.max(), -planes.min()))


def _sounding(planes: Floats) -> Floats:
    heard: Floats = np.abs(planes).max(axis=0) > _AUDIBLE_AMPLITUDE
    return heard


def _cancelling_ratio(energies: Floats) -> float | None:
    """Return the share of audible seconds whose mono sum lies 12 dB or more below the two channels' mean."""
    starts = np.arange(0, max(1, len(energies) - _STEPS_PER_S // 2), _STEPS_PER_S)
    if not len(energies):
        return None
    lengths = np.diff(np.append(starts, len(energies)))
    _, left, right, cross = np.add.reduceat(energies, starts, axis=0).T / lengths
    channels = (left + right) / 2
    audible = channels > _AUDIBLE_POWER
    if not audible.any():
        return None
    mono = (left + right + 2 * cross) / 4
    return float(np.mean(mono[audible] <= _CANCELS * channels[audible]))
