"""Defects of the recording itself: clipping, offset, silence at head and tail, channels that cancel."""

import numpy as np

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Frames, Measured, Result

_AUDIBLE_AMPLITUDE = 10 ** (-60 / 20)
_CLIP_LEVEL = 0.999


class Quality:
    """Counts sample-wise facts of the PCM at its own rate."""

    def __init__(self) -> None:
        self._samples = self._clipped = self._frames = 0
        self._sum: np.ndarray | None = None
        self._first_sound: int | None = None
        self._last_sound = 0
        self._rate_hz = 1
        self._peak = 0.0
        self._cross = self._left = self._right = 0.0
        self._channels = 1

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        planes = np.ascontiguousarray(frames.pcm.T)
        self._rate_hz = frames.pcm_rate_hz
        self._channels = len(planes)
        magnitude = np.abs(planes)
        peak = float(magnitude.max(initial=0.0))
        self._peak = max(self._peak, peak)
        if peak >= _CLIP_LEVEL:
            self._clipped += int(np.count_nonzero(magnitude >= _CLIP_LEVEL))
        self._samples += planes.size
        total = planes.sum(axis=1, dtype=np.float64)
        self._sum = total if self._sum is None else self._sum + total
        sounding = magnitude.max(axis=0) > _AUDIBLE_AMPLITUDE
        if sounding.any():
            if self._first_sound is None:
                self._first_sound = self._frames + int(np.argmax(sounding))
            self._last_sound = self._frames + len(sounding) - int(np.argmax(sounding[::-1]))
        if self._channels >= 2:
            left, right = planes[:2]
            self._cross += float(np.dot(left, right))
            self._left += float(np.dot(left, left))
            self._right += float(np.dot(right, right))
        self._frames += len(sounding)

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return clipping, offset, silence at both ends and the stereo picture of the first two channels."""
        result = Result()
        frames = max(self._frames, 1)
        sum_of_channels = np.zeros(1) if self._sum is None else self._sum
        heard = self._first_sound is not None
        result.put("clipped_ratio", self._clipped / max(self._samples, 1))
        result.put("dc_offset", float(np.max(np.abs(sum_of_channels / frames))))
        result.put("sample_peak_dbfs", 20 * np.log10(self._peak) if self._peak > 1e-9 else None, Reason.SILENCE)
        result.put("head_silence_s", (self._first_sound or 0) / self._rate_hz if heard else None, Reason.SILENCE)
        result.put("tail_silence_s", (frames - self._last_sound) / self._rate_hz if heard else None, Reason.SILENCE)
        self._stereo(result, heard=heard)
        return result

    def _stereo(self, result: Result, *, heard: bool) -> None:
        reason = Reason.MONO if self._channels < 2 else Reason.SILENCE
        stereo = self._channels >= 2 and heard
        both = self._left * self._right
        result.put(
            "channel_correlation",
            float(np.clip(self._cross / np.sqrt(both), -1, 1)) if stereo and both > 0 else None,
            reason,
        )
        mid = self._left + self._right + 2 * self._cross
        side = self._left + self._right - 2 * self._cross
        result.put(
            "stereo_width", float(np.clip(side / (mid + side), 0, 1)) if stereo and mid + side > 0 else None, reason
        )
