"""``python -m audiofeat.evaluation.peer_program PARENT ALGORITHM...``: a path a line in, answers a line out.

A child for every algorithm and file, with a limit on its memory and an alarm that ends it even in native code.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"))

import essentia
import numpy as np
import soundfile
import soxr
from essentia import standard as es

from audiofeat.evaluation.confined import Pcm, answer_lines, fork_with_pcm
from audiofeat.extraction import sandbox

_ESSENTIA_RATE_HZ = 44_100
_LIBROSA_RATE_HZ = 22_050
_DEADLINE_S = 120

Said = dict[str, Any]


def _mono(pcm: Pcm, rate_hz: int, wanted_hz: int) -> Pcm:
    mono: Pcm = np.ascontiguousarray(soxr.resample(pcm.mean(axis=1), rate_hz, wanted_hz), dtype=np.float32)
    return mono


def _rhythm_extractor(pcm: Pcm, rate_hz: int) -> Said:
    bpm, beats, confidence, *_ = es.RhythmExtractor2013()(_mono(pcm, rate_hz, _ESSENTIA_RATE_HZ))
    return {"tempo_bpm": float(bpm) or None, "beat_times_s": beats.tolist(), "tempo_confidence": float(confidence)}


def _percival(pcm: Pcm, rate_hz: int) -> Said:
    return {"tempo_bpm": float(es.PercivalBpmEstimator()(_mono(pcm, rate_hz, _ESSENTIA_RATE_HZ))) or None}


def _key(pcm: Pcm, rate_hz: int, **how: str) -> Said:
    key, scale, _ = es.KeyExtractor(**how)(_mono(pcm, rate_hz, _ESSENTIA_RATE_HZ))
    return {"key": f"{key} {scale}"}


def _loudness(pcm: Pcm, rate_hz: int) -> Said:
    stereo = np.ascontiguousarray(pcm[:, :2] if pcm.shape[1] > 1 else np.repeat(pcm, 2, axis=1))
    _, _, integrated, spread = es.LoudnessEBUR128(sampleRate=rate_hz)(stereo)
    # A mono file sounds from one loudspeaker: half the power of the same signal on two.
    offset_lu = 0.0 if pcm.shape[1] > 1 else -10 * np.log10(2)
    return {"integrated_loudness_lufs": float(integrated + offset_lu), "loudness_range_lu": float(spread)}


def _beat_track(pcm: Pcm, rate_hz: int) -> Said:
    import librosa  # noqa: PLC0415  only where it was asked for

    mono = _mono(pcm, rate_hz, _LIBROSA_RATE_HZ)
    tempo, beats = librosa.beat.beat_track(y=mono, sr=_LIBROSA_RATE_HZ, units="time")
    return {"tempo_bpm": float(np.atleast_1d(tempo)[0]) or None, "beat_times_s": beats.tolist()}


def _music_extractor(pcm: Pcm, rate_hz: int) -> Said:
    """Return every number that it gives, in the order of their names; it reads files, so it is handed one of ours."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        soundfile.write(file.name, pcm, rate_hz, format="WAV", subtype="FLOAT")
        # With its defaults silence is filled with noise, and two runs differ.
        extractor = es.MusicExtractor(lowlevelSilentFrames="keep", tonalSilentFrames="keep")
        pool, _ = extractor(file.name)
    # There are as many beats as there are: all other descriptors have one length for every file.
    left_out = ("metadata", "rhythm.beats_position")
    names = [name for name in sorted(pool.descriptorNames()) if not name.startswith(left_out)]
    numbers = [np.ravel(pool[name]) for name in names if not isinstance(pool[name], str | list)]
    return {"descriptors": np.concatenate([n for n in numbers if n.dtype.kind in "fi"]).astype(float).tolist()}


_PROGRAMS: dict[str, Callable[[Pcm, int], Said]] = {
    "essentia RhythmExtractor2013": _rhythm_extractor,
    "essentia PercivalBpmEstimator": _percival,
    "essentia KeyExtractor": _key,
    "essentia KeyExtractor bgate": lambda pcm, rate_hz: _key(pcm, rate_hz, profileType="bgate"),
    "essentia LoudnessEBUR128": _loudness,
    "essentia MusicExtractor": _music_extractor,
    "librosa beat_track": _beat_track,
}


def _said(path: Path, name: str) -> Said:
    """Return what a child says; empty where it died, hung or refused."""
    reading, writing = os.pipe()

    def say(pcm: Pcm, rate_hz: int) -> None:
        # NaN keeps Essentia busy for ever.
        if np.isfinite(pcm).all():
            with os.fdopen(writing, "wb") as answer:
                answer.write(json.dumps(_PROGRAMS[name](pcm, rate_hz), allow_nan=False).encode())

    child = fork_with_pcm(path, say, deadline_s=_DEADLINE_S)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        received = answer.read()
    os.waitpid(child, 0)
    try:
        said: Said = json.loads(received)
    except ValueError:
        return {}
    return said


def main() -> None:
    """Answer until stdin closes."""
    sandbox.die_with_parent(int(sys.argv[1]))
    algorithms = sys.argv[2:]
    essentia.log.infoActive = essentia.log.warningActive = False
    if any(name.startswith("librosa ") for name in algorithms):
        # Imports and compiles before the first fork, once for all files.
        _beat_track(np.random.default_rng(1).random((_LIBROSA_RATE_HZ, 1), dtype=np.float32), _LIBROSA_RATE_HZ)
    answer_lines(lambda path: {name: _said(Path(str(path)), name) for name in algorithms})


if __name__ == "__main__":
    main()
