"""``python -m audiofeat.evaluation.copies_program PARENT FOLDER``: path and names a line in, written copies a line out.

A confined child for every file.
"""

import os
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import soxr

from audiofeat.evaluation.confined import Pcm, answer_lines, fork_with_pcm
from audiofeat.extraction import sandbox

_DEADLINE_S = 300
_QUIETER = 10 ** (-12 / 20)
_TRIMMED_RATIO = 0.1
_OPUS_RATE_HZ = 48_000
_CODECS = {
    "MP3 128 kbit/s": ("mp3", "libmp3lame", 128_000),
    "AAC 96 kbit/s": ("ipod", "aac", 96_000),
    "Opus 64 kbit/s": ("ogg", "libopus", 64_000),
}


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
    """Have a child write the copies, and return those that it has written."""
    wanted = {name: folder / f"{number}.copy" for number, name in enumerate(names)}
    for where in wanted.values():
        where.unlink(missing_ok=True)

    def write_all(pcm: Pcm, rate_hz: int) -> None:
        for name, where in wanted.items():
            aside = where.with_suffix(".part")
            write(aside, pcm, rate_hz, name)
            aside.replace(where)

    os.waitpid(fork_with_pcm(path, write_all, deadline_s=_DEADLINE_S), 0)
    return {name: str(where) for name, where in wanted.items() if where.exists()}


def main() -> None:
    """Answer until stdin closes."""
    sandbox.die_with_parent(int(sys.argv[1]))
    folder = Path(sys.argv[2])

    def answer(request: Any) -> dict[str, str]:  # noqa: ANN401  what LineProgram.ask was given
        path, *names = request
        return _copied(Path(path), names, folder)

    answer_lines(answer)


if __name__ == "__main__":
    main()
