"""The audio's own fingerprints: what was decoded, to the bit, and what it sounds like."""

import hashlib

import numpy as np
from essentia import _essentia

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import FRAME, LOW_RATE_HZ, Floats, Frames, Measured, Result

# AcoustID's own programs look at the first two minutes, and fingerprints are compared with theirs.
_FINGERPRINTED = 120 * LOW_RATE_HZ
_EMPTY = "AQAAAA"
_INAUDIBLE_AMPLITUDE = 1e-4


class File:
    """Hashes the decoded PCM, so that equal sound in another wrapper is recognised, and prints its sound."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._mono: list[Floats] = []
        # The analysis signal begins with half a frame that is not of the file.
        self._to_skip = FRAME // 4
        self._kept = 0

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        self._hash.update(np.ascontiguousarray(frames.block.pcm, dtype="<f4").data)
        if self._kept < _FINGERPRINTED:
            heard = frames.low[self._to_skip :][: _FINGERPRINTED - self._kept]
            self._to_skip -= min(self._to_skip, len(frames.low))
            self._kept += len(heard)
            self._mono.append(heard.copy())

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return ``pcm_sha256``, of interleaved little-endian float32, and ``chromaprint``, of the mono signal."""
        result = Result({"pcm_sha256": self._hash.hexdigest()})
        mono = np.concatenate(self._mono) if self._mono else np.zeros(0, dtype=np.float32)
        self._mono.clear()
        is_silent = silence is Reason.SILENCE or (len(mono) > 0 and np.abs(mono).max() < _INAUDIBLE_AMPLITUDE)
        text = None if is_silent or not len(mono) else _chromaprint(mono)
        result.put("chromaprint", text, Reason.SILENCE if is_silent else Reason.TOO_SHORT)
        return result


def _chromaprint(mono: Floats) -> str | None:
    """Return the fingerprint as AcoustID takes it, or None where the sound is shorter than its first item.

    L. Lalinsky, "How does Chromaprint work?", 2011. Essentia's public module builds every algorithm it has when it is
    imported, which takes 110 MB; the binding below it builds the one that is asked for.
    """
    chromaprinter = _essentia.Algorithm("Chromaprinter")
    chromaprinter.__configure__(sampleRate=float(LOW_RATE_HZ))
    text = str(chromaprinter.__compute__(np.clip(mono, -1, 1)))
    return text if text != _EMPTY else None
