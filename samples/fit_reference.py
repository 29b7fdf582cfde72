"""Fit the two reference spaces that ship with the package: ``python samples/fit_reference.py [--variants N]``.

Catalogues of fewer than 100 items are too small to fit a space on and use these. They are fitted on music and speech
that the same players make as the samples, but from other scores: other seeds, keys, tempi, registers, words and
levels, so that no sample is among them. Needs the project's environment, and about ten minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
from catalogue import Clip, Make, clips
from make_samples import sound_of

from audiofeat.domain import reference
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind
from audiofeat.domain.space import SPACE_VERSION, to_json
from audiofeat.extraction.client import ExtractionServer

_KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
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


def descriptors_of(originals: list[Clip], variants: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the descriptors of all variations, shape (clips, dimensions), NaN if not measured, and of their parts."""
    rows, pieces = [], []
    with ExtractionServer() as server, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        for number in range(variants):
            for original in originals:
                clip = variation(original, number)
                soundfile.write(path, sound_of(clip), clip.rate_hz, subtype="PCM_16")
                descriptor = server.extract(path, source=clip.path).record["features"]["descriptor"]
                rows.append(np.array(descriptor["values"], dtype=np.float32))
                pieces.append(np.array(descriptor["parts"], dtype=np.float32))
            print(f"{len(rows)} clips", file=sys.stderr)
    return np.stack(rows), pieces


def main() -> None:
    """Fit and write both spaces."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", type=int, default=9, help="variations of each sample")
    variants = parser.parse_args().variants
    folder = Path(reference.__file__).parent
    for kind, make in ((Kind.TRACK, Make.MUSIC), (Kind.EPISODE, Make.SPEECH)):
        descriptors, pieces = descriptors_of([clip for clip in clips() if clip.make is make], variants)
        path = folder / f"{kind.value}-{SPACE_VERSION}.json"
        path.write_text(to_json(fit(descriptors, kind=kind, pieces=pieces)) + "\n", encoding="utf-8")
        print(f"{path.name}: fitted on {len(descriptors)} clips", file=sys.stderr)


if __name__ == "__main__":
    main()
