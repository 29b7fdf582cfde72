"""Is the sound fit to be analysed? Finiteness is judged block by block, level and defects at the end.

Also decides, second by second, which mono signal represents the channels: their mean, or the louder channel where
the mean would cancel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiofeat.codes import ErrorCode
from audiofeat.domain.quality import Flag
from audiofeat.errors import AudioRejected

MUSIC_LEAST_S = 3.0
SILENCE_DBFS = -70.0
_LOUDEST_AMPLITUDE = 8.0
_CLIP_LEVEL = 0.999
_CLIPPED_LEAST_RATIO = 0.01
_DC_LEAST = 0.02
_ANTIPHASE_CANCELS_DB = -12.0
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

    def mono(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Judge one block of shape (frames, channels) and return its mono signal.

        Raises
        ------
        AudioRejected
            ``not_finite`` or ``amplitude_out_of_range``.
        """
        planes = np.ascontiguousarray(block.T)
        peak = float(max(planes.max(), -planes.min()))
        if not np.isfinite(peak):
            raise AudioRejected(ErrorCode.NOT_FINITE, "the samples hold NaN or infinity")
        if peak > _LOUDEST_AMPLITUDE:
            raise AudioRejected(ErrorCode.AMPLITUDE_OUT_OF_RANGE, f"a sample of {peak:.3g} times full scale")
        if peak >= _CLIP_LEVEL:
            self._clipped += int(np.count_nonzero(np.abs(planes) >= _CLIP_LEVEL))
        self._frames += len(block)
        mono = np.empty(len(block), dtype=np.float32)
        for start in range(0, len(block), self._rate_hz):
            mono[start : start + self._rate_hz] = self._second(planes[:, start : start + self._rate_hz])
        return mono

    def _second(self, second: NDArray[np.float32]) -> NDArray[np.float32]:
        """Choose the mono signal of one second of shape (channels, frames), and take its level."""
        count = second.shape[1]
        total = second.sum(axis=1, dtype=np.float64)
        energy = np.array([float(np.dot(channel, channel)) for channel in second])
        self._sum += total
        self._energy += energy
        mono: NDArray[np.float32] = second[0]
        mono_sum = float(total[0])
        if len(second) > 1:
            mono = second.sum(axis=0) * np.float32(1 / len(second))
            mono_sum = float(total.mean())
            if energy.mean() > 1e-7 * count:
                self._audible_s += 1
                if 10 * np.log10((float(np.dot(mono, mono)) + 1e-20) / energy.mean()) < _ANTIPHASE_CANCELS_DB:
                    self._cancelling_s += 1
                    loudest = int(np.argmax(energy))
                    mono, mono_sum = second[loudest], float(total[loudest])
        # The offset goes before squaring: in float32 its square would drown what it hides.
        offset = mono_sum / count
        centred = mono - np.float32(offset)
        power = float(np.dot(centred, centred)) / count
        self._second_dbfs.append(_dbfs(power))
        self._mono_sum += mono_sum
        self._mono_energy += (power + offset**2) * count
        self._count_dropouts(mono)
        return mono

    def _count_dropouts(self, mono: NDArray[np.float32]) -> None:
        """Count gaps of exact zeros that cut loud sound off and let it in again at once, as lost packets do."""
        if mono[-1] and self._zero_run + len(mono) - np.count_nonzero(mono) <= _DROPOUT_LEAST_S * self._rate_hz:
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


def _dbfs(power: float) -> float:
    return float(10 * np.log10(max(power, 1e-20)))
