"""Defects of the recording: clipping, offset, silence and fades at its ends, bandwidth, noise, hum, cancelling."""

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.block import STEPS_PER_S, Block
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Floats, Frames, Measured, Result
from audiofeat.features.quality_bandwidth import LENGTH, Bandwidth
from audiofeat.features.quality_fade import fade_in_s
from audiofeat.features.quality_hum import Hum

_AUDIBLE_AMPLITUDE = 10 ** (-60 / 20)
_SPECTRA_PER_S = 2
_DIGITAL_SILENCE_DBFS = -120.0
_NOISE_PERCENTILE = 10
_AUDIBLE_POWER = 1e-7
_CANCELS = 10 ** (-12 / 10)

Array = NDArray[np.float64]


class Quality:
    """Counts sample-wise facts of the PCM at its own rate, and keeps the energies of each 100 ms."""

    def __init__(self) -> None:
        self._frames = self._clipped = 0
        self._sums: Array | float = 0.0
        self._first_sound: int | None = None
        self._last_sound = 0
        self._peak = 0.0
        self._rate_hz = self._channels = 1
        self._begun_step: Array | float = 0.0
        self._energies: list[Floats] = []
        self._waiting: Floats | None = None
        self._bandwidth = Bandwidth()
        self._hum = Hum()

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        block = frames.block
        self._rate_hz, self._channels = block.rate_hz, len(block.planes)
        self._hum.push(frames.low)
        self._peak = max(self._peak, float(block.peaks.max()))
        self._clipped += block.clipped
        self._sums = self._sums + block.sums.sum(axis=0)
        self._find_ends(block)
        self._frames += len(block.pcm)
        self._keep_energies(block)
        self._look_at_spectra(block)

    def _find_ends(self, block: Block) -> None:
        """Note where sound begins and where it was heard last."""
        sounding = np.flatnonzero(block.peaks.max(axis=1) > _AUDIBLE_AMPLITUDE)
        if not len(sounding):
            return
        if self._first_sound is None:
            self._first_sound = self._frames + int(_audible_samples(block, sounding[0])[0])
        self._last_sound = self._frames + int(_audible_samples(block, sounding[-1])[-1]) + 1

    def _keep_energies(self, block: Block) -> None:
        """Keep mean, left, right and cross power of each whole step, without its offset."""
        steps = np.column_stack((block.lengths, block.sums, block.energies, block.crosses)).astype(np.float64)
        steps[0] += self._begun_step
        self._begun_step = 0.0
        if not block.ends_whole:
            self._begun_step, steps = steps[-1], steps[:-1]
        if len(steps):
            self._energies.append(_powers(steps, self._channels))

    def _look_at_spectra(self, block: Block) -> None:
        """Look at the loudest channel's spectrum about every half second."""
        planes = block.planes
        if self._waiting is not None and self._waiting.size:
            planes = np.concatenate((self._waiting, planes), axis=1)
        length = max(LENGTH, self._rate_hz // _SPECTRA_PER_S)
        taken = planes.shape[1] // length * length
        self._waiting = planes[:, taken:].copy()
        if taken:
            loudest = planes[int(np.argmax(block.energies.sum(axis=0))), :taken]
            self._bandwidth.push(loudest.reshape(-1, length)[:, :LENGTH])

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


def _audible_samples(block: Block, step: np.intp) -> NDArray[np.intp]:
    """Return where in the block the samples of a step are loud enough to be heard."""
    start = int(block.ends[step - 1]) if step else 0
    found: NDArray[np.intp] = np.flatnonzero(
        np.abs(block.planes[:, start : block.ends[step]]).max(axis=0) > _AUDIBLE_AMPLITUDE
    )
    return start + found


def _powers(steps: Array, channels: int) -> Floats:
    """Return mean, left, right and cross power without offset of rows of lengths, sums, energies and crosses."""
    means, energies = np.split(steps[:, 1:-1] / steps[:, :1], [channels], axis=1)
    power = np.maximum(energies - np.square(means), 0)
    second = min(1, channels - 1)
    cross = steps[:, -1] / steps[:, 0] - means[:, 0] * means[:, second] if second else power[:, 0]
    return np.column_stack((power.mean(axis=1), power[:, 0], power[:, second], cross)).astype(np.float32)


def _cancelling_ratio(energies: Floats) -> float | None:
    """Return the share of audible seconds whose mono sum lies 12 dB or more below the two channels' mean."""
    starts = np.arange(0, max(1, len(energies) - STEPS_PER_S // 2), STEPS_PER_S)
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
