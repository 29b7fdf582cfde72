"""Songs whose parts are rendered: composed ones, and those of collections that the user names."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from audiofeat.features.offline.arrangements import Song, compose
from audiofeat.features.offline.genres import GENRES
from audiofeat.features.offline.midi_collections import excerpt, nottingham_song, pop909_song

HELD_BACK_EVERY = 5
EXCERPT_S = 8
_SONG_S = 24.0


class Songs:
    """Songs by number: of the collections that were named, and composed ones.

    Parameters
    ----------
    pop, tunes : Path or None
        Folders of POP909 and of the Nottingham collection.
    """

    def __init__(self, pop: Path | None, tunes: Path | None) -> None:
        self._collections: dict[str, tuple[Callable[[Path], Song | None], list[Path]]] = {}
        if pop is not None:
            self._collections["POP909"] = pop909_song, sorted(pop.glob("[0-9][0-9][0-9]/[0-9][0-9][0-9].mid"))
        if tunes is not None:
            self._collections["Nottingham"] = nottingham_song, sorted(tunes.rglob("*.mid"))

    def draw(self, rng: np.random.Generator, *, held_back: bool) -> tuple[str, Song]:
        """Return the name of a song and eight seconds of it."""
        kinds = ["composed", "composed", *self._collections]
        kind = kinds[int(rng.integers(len(kinds)))]
        if kind == "composed":
            genre = list(GENRES)[int(rng.integers(len(GENRES)))]
            seed = int(rng.integers(1_000_000)) + (2_000_000 if held_back else 0)
            song, name = compose(genre, seed, seconds=_SONG_S), f"{genre} {seed}"
        else:
            read_song, paths = self._collections[kind]
            pool = [path for n, path in enumerate(paths) if (n % HELD_BACK_EVERY == 0) == held_back]
            path = pool[int(rng.integers(len(pool)))]
            found = read_song(path)
            if found is None:  # it changes its key: of no use to others that read it
                return self.draw(rng, held_back=held_back)
            song, name = found, f"{kind} {path.stem}"
        song.notes.sort(key=lambda note: note[1])
        whole = song.notes[-1][1]
        return name, excerpt(song, float(rng.uniform(0, max(whole - EXCERPT_S, 0.01))), EXCERPT_S)
