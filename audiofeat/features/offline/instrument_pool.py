"""What mixtures are drawn from: stems by family and song, and noise."""

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audiofeat.features.offline import made_sound
from audiofeat.features.offline.instrument_players import RATE_HZ
from audiofeat.features.offline.instrument_stems import STEM, STEM_S, Samples, Stem, read

_RECORDED_SHARE = {"drums": 0.5, "voice": 0.75}
_CRIES = frozenset({"baby_cry"})


def by_second(samples: Samples) -> NDArray[np.float64]:
    """Return the mean square of each second."""
    seconds = samples.reshape(STEM_S, -1)
    return np.asarray(np.einsum("ij,ij->i", seconds, seconds), dtype=np.float64) / seconds.shape[1]


class Pool:
    """All stems of a folder, by family, kept back or not; and recorded noise, if there is.

    Parameters
    ----------
    folder : Path
        Of ``instrument_stems``.
    noise : Path, optional
        Folder with ``labels.jsonl``: ``file``, ``event``, ``fold``. The last fold is kept back; babies are left out.
    fonts : collection of str
        File names of the fonts that are used; by default all. What was recorded is always used.
    """

    def __init__(self, folder: Path, noise: Path | None = None, *, fonts: Collection[str] = ()) -> None:
        rows = [] if noise is None else [json.loads(line) for line in (noise / "labels.jsonl").read_text().splitlines()]
        rows = [row for row in rows if row["event"] not in _CRIES]
        last = max((row["fold"] for row in rows), default=0)
        self._noise = {
            held_back: [noise / row["file"] for row in rows if (row["fold"] == last) == held_back] if noise else []
            for held_back in (False, True)
        }
        self._samples: list[NDArray[np.int16]] = []
        self.stems: list[Stem] = []
        for path in sorted(folder.glob("*-[0-9][0-9][0-9][0-9].npz")):
            samples, stems = read(path)
            wanted = [not fonts or stem.source != "font" or stem.font in fonts for stem in stems]
            heard = (np.abs(samples).max(axis=1) > 0) & np.array(wanted)
            self._samples += list(samples[heard])
            self.stems += [stem for stem, is_heard in zip(stems, heard, strict=True) if is_heard]
        self._by: dict[tuple[str, bool, bool], list[int]] = {}
        self._by_song: dict[tuple[str, str], list[int]] = {}
        for at, stem in enumerate(self.stems):
            self._by.setdefault((stem.family, stem.held_back, stem.source != "font"), []).append(at)
            if stem.source == "font":
                self._by_song.setdefault((stem.song, stem.family), []).append(at)

    def sound(self, at: int) -> Samples:
        """Return a stem at an RMS of 0.1 where it sounds."""
        samples: Samples = self._samples[at].astype(np.float32) / np.float32(32_000)
        power = by_second(samples)
        return samples * np.float32(0.1 / max(np.sqrt(power[power > 1e-3 * power.max()].mean()), 1e-6))

    @property
    def has_noise(self) -> bool:
        """Whether there are recordings of noise."""
        return bool(self._noise[False])

    def noise(self, rng: np.random.Generator, *, held_back: bool) -> Samples:
        """Return noise at an RMS of 0.1, of a recording where there is one, half of the time made."""
        recorded = self._noise[held_back]
        if not recorded or rng.random() < 0.5:
            kind = ("noise", "clicks", "tones")[int(rng.integers(3))]
            sound = made_sound.KINDS[kind][1](STEM_S, rng).astype(np.float32)
        else:
            samples, rate_hz = soundfile.read(recorded[int(rng.integers(len(recorded)))], dtype="float32")
            sound = soxr.resample(samples, rate_hz, RATE_HZ * rng.uniform(0.9, 1.1))
            sound = np.roll(np.resize(sound, STEM), int(rng.integers(STEM)))
        return np.asarray(sound * (0.1 / max(float(sound.std()), 1e-9)), dtype=np.float32)

    def draw(self, family: str, song: str | None, rng: np.random.Generator, *, held_back: bool) -> int | None:
        """Return a stem of a family, of a song where that has one; None where there is no such stem."""
        if song is not None and (song, family) in self._by_song:
            pool = self._by_song[song, family]
            return pool[int(rng.integers(len(pool)))]
        recorded = rng.random() < _RECORDED_SHARE.get(family, 0.0)
        pool = self._by.get((family, held_back, recorded)) or self._by.get((family, held_back, not recorded)) or []
        return pool[int(rng.integers(len(pool)))] if pool else None
