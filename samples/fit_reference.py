"""Fit the two spaces that ship with the package: ``python samples/fit_reference.py [--variants N] [--kind K]``.

Catalogues of fewer than 100 items are too small to fit a space on and use these. They are fitted on music and speech
that the same players make as the samples, but from other scores: other seeds, keys, tempi, registers, words and
levels, so that no sample is among them; and episodes also on shows of all sorts of formats. Needs the project's
environment, and about ten minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from catalogue import Clip, Make, clips
from make_samples import sound_of
from programmes import a_format, a_voice, episode, maker
from shows import SPEECH_RATE_HZ

from audiofeat.domain import reference
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind
from audiofeat.domain.space import SPACE_VERSION, Space, to_json
from audiofeat.extraction.client import ExtractionServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sound import Signal

_KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_VOICES, _SEED = 12, 77
_RATES_HZ = (22_050, 32_000, 44_100, 48_000)


def variation(clip: Clip, number: int) -> Clip:
    """Return a clip by the same player from another score or script."""
    rng = np.random.default_rng([number, clip.score.seed if clip.score else clip.script.seed if clip.script else 0])
    level = float(clip.loudness_lufs or -18.0) + float(rng.uniform(-4, 3))
    clip = replace(clip, loudness_lufs=level, channels=int(rng.integers(1, 3)))
    if clip.script:
        script = replace(clip.script, seed=10_000 + 97 * number + clip.script.seed)
        return replace(clip, script=replace(script, length_s=float(rng.uniform(18, 30))))
    rate_hz = int(rng.choice(_RATES_HZ))
    score = replace(
        clip.score,
        seed=10_000 + 97 * number + clip.score.seed,
        tempo_bpm=clip.score.tempo_bpm * float(rng.uniform(0.9, 1.12)),
        key=str(rng.choice(_KEYS)),
        register=clip.score.register + int(rng.integers(-3, 4)),
        rate_hz=rate_hz,
    )
    return replace(clip, score=score, rate_hz=rate_hz)


def music(variants: int) -> Iterator[tuple[Signal, int]]:
    """Yield variations of every piece of the samples, each with its rate."""
    yield from _varied([clip for clip in clips() if clip.make is Make.MUSIC], variants)


def talk(variants: int) -> Iterator[tuple[Signal, int]]:
    """Yield variations of every episode of the samples, then half as many of other shows with all sorts of formats."""
    originals = [clip for clip in clips() if clip.make is Make.SPEECH]
    yield from _varied(originals, variants)
    rng = np.random.default_rng(_SEED)
    speak = maker([a_voice(rng) for _ in range(_VOICES)], SPEECH_RATE_HZ)
    for _ in range(len(originals) * variants // 2):
        form = a_format(_VOICES, SPEECH_RATE_HZ, rng)
        yield episode(form, speak, float(rng.uniform(18, 30)), SPEECH_RATE_HZ, rng), SPEECH_RATE_HZ


def _varied(originals: list[Clip], variants: int) -> Iterator[tuple[Signal, int]]:
    for number in range(variants):
        for original in originals:
            clip = variation(original, number)
            yield sound_of(clip), clip.rate_hz


def fitted(kind: Kind, material: Iterable[tuple[Signal, int]]) -> Space:
    """Return the space of some sounds, from the descriptors of each and of its parts."""
    rows, pieces = [], []
    with ExtractionServer() as server, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        for sound, rate_hz in material:
            soundfile.write(path, sound, rate_hz, subtype="PCM_16")
            record = server.extract(path, source=path.name, groups=("descriptor",)).record
            descriptor = record["features"]["descriptor"]
            rows.append(np.array(descriptor["values"], dtype=np.float32))
            pieces.append(np.array(descriptor["parts"], dtype=np.float32))
            print(f"{kind.value} {len(rows)}", file=sys.stderr)
    return fit(np.stack(rows), kind=kind, pieces=pieces)


def main() -> None:
    """Fit and write the spaces."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", type=int, default=9, help="variations of each sample")
    parser.add_argument("--kind", type=Kind, choices=list(Kind), action="append", help="only the space of this kind")
    options = parser.parse_args()
    for kind in options.kind or Kind:
        material = music(options.variants) if kind is Kind.TRACK else talk(options.variants)
        path = Path(reference.__file__).parent / f"{kind.value}-{SPACE_VERSION}.json"
        path.write_text(to_json(fitted(kind, material)) + "\n", encoding="utf-8")
        print(f"{path.name} written", file=sys.stderr)


if __name__ == "__main__":
    main()
