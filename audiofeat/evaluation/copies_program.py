"""``python -m audiofeat.evaluation.copies_program PARENT FOLDER``: path and names a line in, written copies a line out.

A confined child for every file: what decodes untrusted bytes may crash.
"""

import json
import os
import signal
import sys
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audiofeat.audio.decode import Decoder
from audiofeat.audio.probe import probe
from audiofeat.extraction import sandbox

_LONGEST_S = 3_600
_DEADLINE_S = 300
_QUIETER = 10 ** (-12 / 20)
_TRIMMED_RATIO = 0.1
_OPUS_RATE_HZ = 48_000
_CODECS = {
    "MP3 128 kbit/s": ("mp3", "libmp3lame", 128_000),
    "AAC 96 kbit/s": ("ipod", "aac", 96_000),
    "Opus 64 kbit/s": ("ogg", "libopus", 64_000),
}

Pcm = NDArray[np.float32]


def write(path: Path, pcm: Pcm, rate_hz: int, name: str) -> None:
    """Write one copy of PCM, shape (samples, channels)."""
    half, edge = len(pcm) // 2, round(_TRIMMED_RATIO * len(pcm))
    cuts = {
        "first half": pcm[:half],
        "second half": pcm[half:],
        "-12 dB": pcm * np.float32(_QUIETER),
        "trimmed": pcm[edge : len(pcm) - edge],
        "mono": pcm.mean(axis=1, keepdims=True),
    }
    if name in cuts:
        soundfile.write(path, cuts[name], rate_hz, format="WAV", subtype="FLOAT")
    else:
        _encode(path, pcm[:, :2], rate_hz, name)


def _encode(path: Path, pcm: Pcm, rate_hz: int, name: str) -> None:
    container, codec, bits_per_s = _CODECS[name]
    if codec == "libopus" and rate_hz != _OPUS_RATE_HZ:
        pcm, rate_hz = soxr.resample(pcm, rate_hz, _OPUS_RATE_HZ), _OPUS_RATE_HZ
    layout = "mono" if pcm.shape[1] == 1 else "stereo"
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate_hz, layout=layout)
        if not isinstance(stream, av.AudioStream):
            raise TypeError(f"{codec} is no codec of audio")
        stream.bit_rate = bits_per_s
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm.T, dtype=np.float32), "fltp", layout)
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate_hz)
        for part in (*resampler.resample(frame), None):
            file.mux(stream.encode(part))


def _copied(path: Path, names: list[str], folder: Path) -> dict[str, str]:
    """Fork, and return what the child has written."""
    wanted = {name: folder / f"{number}.copy" for number, name in enumerate(names)}
    for where in wanted.values():
        where.unlink(missing_ok=True)
    parent = os.getpid()
    child = os.fork()
    if not child:
        try:
            sandbox.die_with_parent(parent)
            sandbox.confine()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(_DEADLINE_S)
            facts = probe(path, max_duration_s=_LONGEST_S)
            pcm = np.concatenate(list(Decoder(facts).blocks()))
            for name, where in wanted.items():
                aside = where.with_suffix(".part")
                write(aside, pcm, facts.rate_hz, name)
                aside.replace(where)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return {name: str(where) for name, where in wanted.items() if where.exists()}


def main() -> None:
    """Answer until stdin closes."""
    sandbox.die_with_parent(int(sys.argv[1]))
    folder = Path(sys.argv[2])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        path, *names = json.loads(line)
        answers.write(json.dumps(_copied(Path(path), names, folder)).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
