"""Is the sound fit to be analysed? Finiteness is judged block by block, level and defects at the end.

Also decides, second by second, which mono signal represents the channels: their mean, or the louder channel where
the mean would cancel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiofeat.codes import ErrorCode
from audiofeat.domain.block import STEPS_PER_S, Block
from audiofeat.domain.quality import Flag
from audiofeat.errors import AudioRejected

MUSIC_LEAST_S = 3.0
SILENCE_DBFS = -70.0
_LOUDEST_AMPLITUDE = 8.0
_CLIPPED_LEAST_RATIO = 0.01
_DC_LEAST = 0.02
_AUDIBLE_POWER = 1e-7
_ANTIPHASE_CANCELS = 10 ** (-12 / 10)
_ANTIPHASE_LEAST_RATIO = 0.5
_SILENT_CHANNEL_DB = -60.0
_MOSTLY_SILENT_RATIO = 0.6
_DROPOUT_LEAST_S = 0.25
_DROPOUT_MOST_S = 2.0
_DROPOUT_EDGE = 0.02


@dataclass(frozen=True, slots=True)
class Level:
    """What the gates measured of the whole file.

    Parameters
    ----------
    rms_dbfs : float
        Level of the mono signal without its offset, in dB re full scale.
    silent_ratio : float
        Share of seconds below -70 dBFS, 0-1.
    clipped_ratio : float
        Share of samples at or over full scale, 0-1.
    dc_offset : float
        Largest mean of a channel, in full scale.
    duration_s : float
        Seconds decoded.
    """

    rms_dbfs: float
    silent_ratio: float
    clipped_ratio: float
    dc_offset: float
    duration_s: float

    @property
    def is_silent(self) -> bool:
        """Whether nothing is to be heard."""
        return self.rms_dbfs < SILENCE_DBFS


class Gates:
    """Accumulates verdicts over the blocks of one file.

    Parameters
    ----------
    rate_hz, channels : int
        Of the decoded PCM.
    """

    def __init__(self, *, rate_hz: int, channels: int) -> None:
        self._rate_hz = rate_hz
        self._frames = 0
        self._clipped = 0
        self._sum = np.zeros(channels)
        self._energy = np.zeros(channels)
        self._mono_energy = self._mono_sum = 0.0
        self._second_dbfs: list[float] = []
        self._cancelling_s = self._audible_s = 0
        self._zero_run = self._dropouts = 0
        self._last_amplitude = 0.0

    def mono(self, block: Block) -> NDArray[np.float32]:
        """Judge one block, which starts with a second of the file, and return its mono signal.

        Raises
        ------
        AudioRejected
            ``not_finite`` or ``amplitude_out_of_range``.
        """
        if not np.isfinite(block.energies.sum()):
            raise AudioRejected(ErrorCode.NOT_FINITE, "the samples hold NaN or infinity")
        peak = float(block.peaks.max())
        if peak > _LOUDEST_AMPLITUDE:
            raise AudioRejected(ErrorCode.AMPLITUDE_OUT_OF_RANGE, f"a sample of {peak:.3g} times full scale")
        self._clipped += block.clipped
        self._frames += len(block.pcm)
        starts = np.arange(0, len(block.ends), STEPS_PER_S)
        counts, sums, energies, mono_energies, zeros = (
            np.add.reduceat(values, starts)
            for values in (block.lengths, block.sums, block.energies, block.mono_energies, block.mono_zeros)
        )
        self._sum += sums.sum(axis=0)
        self._energy += energies.sum(axis=0)
        mono, mono_sums = block.mono, sums.mean(axis=1)
        for second in self._cancelling(counts, energies, mono_energies):
            if mono is block.mono:
                mono = mono.copy()
            at, loudest = slice(*_span(second, block)), int(np.argmax(energies[second]))
            mono[at] = block.planes[loudest, at]
            mono_sums[second], mono_energies[second] = sums[second, loudest], energies[second, loudest]
            zeros[second] = counts[second] - np.count_nonzero(mono[at])
        # In double precision an offset's square does not drown what it hides.
        powers = np.maximum(mono_energies / counts - np.square(mono_sums / counts), 0)
        self._second_dbfs += [_dbfs(float(power)) for power in powers]
        self._mono_sum += float(mono_sums.sum())
        self._mono_energy += float(mono_energies.sum())
        for second, zero in enumerate(zeros):
            self._count_dropouts(mono[slice(*_span(second, block))], int(zero))
        return mono

    def _cancelling(
        self, counts: NDArray[np.int32], energies: NDArray[np.float64], mono_energies: NDArray[np.float64]
    ) -> NDArray[np.intp]:
        """Return the seconds whose mean of channels cancels."""
        if energies.shape[1] < 2:
            return np.zeros(0, dtype=np.intp)
        energy = energies.mean(axis=1)
        audible = energy > _AUDIBLE_POWER * counts
        cancels = np.flatnonzero(audible & (mono_energies < _ANTIPHASE_CANCELS * energy))
        self._audible_s += int(np.count_nonzero(audible))
        self._cancelling_s += len(cancels)
        return cancels

    def _count_dropouts(self, mono: NDArray[np.float32], zeros: int) -> None:
        """Count gaps of exact zeros that cut loud sound off and let it in again at once, as lost packets do."""
        if mono[-1] and self._zero_run + zeros <= _DROPOUT_LEAST_S * self._rate_hz:
            self._zero_run, self._last_amplitude = 0, abs(float(mono[-1]))
            return
        sounding = np.flatnonzero(mono)
        if not len(sounding):
            self._zero_run += len(mono)
            return
        edges = np.abs(np.concatenate(([self._last_amplitude], mono[sounding].astype(np.float64))))
        gaps = np.diff(np.concatenate(([-1 - self._zero_run], sounding))) - 1
        low, high = _DROPOUT_LEAST_S * self._rate_hz, _DROPOUT_MOST_S * self._rate_hz
        abrupt = np.minimum(edges[:-1], edges[1:]) > _DROPOUT_EDGE
        self._dropouts += int(np.count_nonzero((gaps > low) & (gaps < high) & abrupt))
        self._zero_run = len(mono) - 1 - int(sounding[-1])
        self._last_amplitude = float(edges[-1])

    def level(self) -> Level:
        """Return what was measured so far."""
        seconds = np.asarray(self._second_dbfs)
        frames = max(self._frames, 1)
        return Level(
            rms_dbfs=_dbfs(self._mono_energy / frames - (self._mono_sum / frames) ** 2),
            silent_ratio=float(np.mean(seconds < SILENCE_DBFS)) if len(seconds) else 1.0,
            clipped_ratio=self._clipped / (frames * len(self._sum)),
            dc_offset=float(np.max(np.abs(self._sum / frames))),
            duration_s=self._frames / self._rate_hz,
        )

    def flags(self) -> set[Flag]:
        """Return the flags that the sound itself raises."""
        level = self.level()
        raised = set()
        if level.duration_s < MUSIC_LEAST_S:
            raised.add(Flag.TOO_SHORT)
        if level.is_silent:
            return raised | {Flag.SILENT}
        if level.silent_ratio > _MOSTLY_SILENT_RATIO:
            raised.add(Flag.MOSTLY_SILENT)
        if self._dropouts:
            raised.add(Flag.DROPOUT)
        if level.dc_offset > _DC_LEAST:
            raised.add(Flag.DC_OFFSET)
        if level.clipped_ratio > _CLIPPED_LEAST_RATIO:
            raised.add(Flag.CLIPPED)
        if self._audible_s and self._cancelling_s > _ANTIPHASE_LEAST_RATIO * self._audible_s:
            raised.add(Flag.ANTIPHASE)
        if len(self._energy) > 1:
            ratio_db = 10 * np.log10((self._energy.min() + 1e-20) / self._energy.max())
            if ratio_db < _SILENT_CHANNEL_DB:
                raised.add(Flag.ONE_CHANNEL_SILENT)
        return raised


def _span(second: int, block: Block) -> tuple[int, int]:
    """Return the first sample of a second of a block, and the one behind its last."""
    start = second * block.rate_hz
    return start, min(start + block.rate_hz, len(block.mono))


def _dbfs(power: float) -> float:
    return float(10 * np.log10(max(power, 1e-20)))
