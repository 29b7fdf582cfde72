"""Songs of many genres with their exact truth: beats, downbeats, tempo, key and chords.

A song is composed in beats from the bars of a genre: sections with parts coming and going, fills, swing, a tempo
that may drift, players who are not quite together. All chance comes from one seed.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from audiofeat.features.offline.genres import CRASH, GENRES, SNARE, Drums, Genre

KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
# Degrees of the scale, one a bar; V of a minor key is major.
_PROGRESSIONS = {
    "major": ((0, 3, 4, 0), (0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 0, 4), (0, 1, 4, 0), (0, 5, 1, 4), (3, 4, 2, 5),
              (0, 2, 3, 4)),
    "minor": ((0, 3, 4, 0), (0, 5, 2, 6), (0, 6, 5, 4), (0, 3, 6, 2), (0, 5, 3, 4), (0, 0, 3, 4), (0, 6, 5, 6)),
}  # fmt: skip
_DRUM_CHANNEL = 9
_LEVELS = {"X": 1.0, "x": 0.78, "o": 0.42, "?": 0.7}
_TOMS = (50, 48, 47, 45, 43)
_HELD_BACK_OF = 3

Array = NDArray[np.float64]


@dataclass(slots=True)
class Song:
    """Notes and truth of one song.

    Parameters
    ----------
    notes : list of tuple
        Channel, start and length in seconds, pitch, velocity.
    programs, volumes : dict
        General MIDI program and volume (0-127) of each channel.
    chords : list of tuple
        Start and end in seconds, and a name such as ``C`` or ``C#m``.
    """

    genre: str
    key: str
    meter: int
    tempo_bpm: float
    beat_times_s: Array
    downbeat_times_s: Array
    notes: list[tuple[int, float, float, int, int]] = field(default_factory=list)
    programs: dict[int, int] = field(default_factory=dict)
    volumes: dict[int, int] = field(default_factory=dict)
    chords: list[tuple[float, float, str]] = field(default_factory=list)


class _Composer:
    """Writes one song; positions are in beats from the first downbeat until they become seconds."""

    def __init__(self, name: str, seed: int, seconds: float, *, held_back: bool) -> None:
        self.genre: Genre = GENRES[name]
        self.rng = np.random.default_rng(seed)
        self.held_back = held_back
        rng, genre = self.rng, self.genre
        self.mode = str(rng.choice(("major", "minor"), p=(0.6, 0.4)))
        self.tonic = int(rng.integers(12))
        low, high = np.log(genre.bpm)
        bpm = float(np.exp(rng.uniform(low, high)))
        self.swing = float(rng.uniform(*genre.swing))
        self.bars = max(4, int(seconds * bpm / 60 / genre.beats))
        count = self.bars * genre.beats + 1
        drift = genre.drift * rng.uniform(0, 1.6)
        walk = np.cumsum(rng.standard_normal(count)) * 0.25
        walk = np.clip((walk - walk.mean()) / max(np.sqrt(count) * 0.25, 1e-9), -2, 2)
        periods = 60 / bpm * (1 + drift * walk + 0.15 * drift * rng.standard_normal(count))
        lead_in = rng.uniform(0.05, 1.2)
        self.clock = lead_in + np.concatenate(([0.0], np.cumsum(periods)))
        self.loose_s = float(rng.choice((0.0, 0.004, 0.009), p=(0.3, 0.4, 0.3)))
        beats = self.clock[: self.bars * genre.beats]
        self.song = Song(
            genre=name, key=f"{KEYS[self.tonic]} {self.mode}", meter=genre.beats,
            tempo_bpm=60 / float(np.median(np.diff(beats))),
            beat_times_s=beats, downbeat_times_s=beats[:: genre.beats],
        )  # fmt: skip

    def time_s(self, beat: float) -> float:
        """Return when a position sounds, the second half of a beat as late as the swing has it."""
        whole, part = divmod(beat, 1.0)
        part = part * 2 * self.swing if part < 0.5 else self.swing + (part - 0.5) * 2 * (1 - self.swing)
        return float(np.interp(whole + part, np.arange(len(self.clock)), self.clock))

    def note(self, channel: int, beat: float, beats: float, pitch: int, velocity: float) -> None:
        if beat >= self.bars * self.genre.beats:
            return
        start = max(0.0, self.time_s(beat) + self.rng.normal(0, self.loose_s) if self.loose_s else self.time_s(beat))
        length = max(0.04, self.time_s(beat + beats) - self.time_s(beat))
        level = int(np.clip(velocity * 118 + self.rng.normal(0, 4), 12, 127))
        self.song.notes.append((channel, start, length, int(np.clip(pitch, 21, 108)), level))

    def program(self, channel: int, pool: tuple[int, ...], volume: tuple[int, int] = (70, 112)) -> None:
        """Choose an instrument; every third of a pool that has three is kept for the held-back songs."""
        kept = pool[_HELD_BACK_OF - 1 :: _HELD_BACK_OF]
        seen = tuple(program for program in pool if program not in kept)
        if kept:
            pool = kept if self.held_back and self.rng.random() < 0.7 else pool if self.held_back else seen
        self.song.programs[channel] = int(self.rng.choice(pool))
        self.song.volumes[channel] = int(self.rng.integers(*volume))

    def triad(self, degree: int) -> tuple[int, int, int]:
        """Return the pitch classes of a chord of the key."""
        scale = _SCALES[self.mode]
        root, third, fifth = (scale[(degree + step) % 7] for step in (0, 2, 4))
        if self.mode == "minor" and degree == 4:
            third = 11
        return (root + self.tonic) % 12, (third + self.tonic) % 12, (fifth + self.tonic) % 12

    def compose(self) -> Song:
        """Write all sections."""
        rng, genre = self.rng, self.genre
        self.program(0, genre.bass_programs, (84, 120))
        self.program(1, genre.chord_programs, (60, 105))
        self.program(2, genre.lead_programs, (64, 112))
        if genre.pads:
            self.program(3, genre.pads, (40, 84))
        self.song.volumes[_DRUM_CHANNEL] = int(rng.integers(78, 124))
        self.song.programs[_DRUM_CHANNEL] = int(rng.choice((0, 0, 0, 8, 16, 25, 32, 40)))
        progressions = _PROGRESSIONS[self.mode]
        bar = 0
        length = int(rng.choice((4, 8), p=(0.5, 0.5)))
        drums = genre.drums[rng.integers(len(genre.drums))] if genre.drums else {}
        while bar < self.bars:
            progression = progressions[rng.integers(len(progressions))]
            if genre.drums and rng.random() < 0.35:
                drums = genre.drums[rng.integers(len(genre.drums))]
            self._section(bar, min(length, self.bars - bar), progression, drums)
            bar += length
        return self.song

    def _section(self, first: int, bars: int, progression: tuple[int, ...], drums: Drums) -> None:
        rng, genre = self.rng, self.genre
        silent_drums = rng.random() < (0.3 if first == 0 else 0.08)
        bass = genre.bass[rng.integers(len(genre.bass))] if rng.random() < 0.92 else None
        chords = genre.chords[rng.integers(len(genre.chords))] if rng.random() < 0.93 else None
        lead, pad = rng.random() < 0.72, bool(genre.pads) and rng.random() < 0.4
        if bass is None and chords is None:
            chords = genre.chords[0]
        motif = [self._motif(), self._motif()]
        twice = genre.beats == 4 and rng.random() < 0.25
        for n in range(bars):
            bar = first + n
            halves = [progression[bar % 4]] if not twice else [progression[bar % 4], progression[(bar + 2) % 4]]
            following = progression[(bar + 1) % 4]
            self._chord_names(bar, halves)
            fill = drums and n == bars - 1 and rng.random() < 0.75
            if drums and not silent_drums:
                self._drums(bar, drums, crash=n == 0 and rng.random() < 0.7, fill=bool(fill))
            if bass is not None:
                self._bass(bar, bass, halves, following)
            if chords is not None:
                self._chords(bar, chords, halves)
            if lead and rng.random() < 0.88:
                self._melody(bar, motif[n % 2] if rng.random() < 0.8 else self._motif(), halves)
            if pad:
                self._pad(bar, halves)

    def _chord_names(self, bar: int, halves: list[int]) -> None:
        start, beats = bar * self.genre.beats, self.genre.beats / len(halves)
        for n, degree in enumerate(halves):
            root, third, fifth = self.triad(degree)
            kind = {(4, 7): "", (3, 7): "m", (3, 6): "dim"}[((third - root) % 12, (fifth - root) % 12)]
            times = self.time_s(start + n * beats), self.time_s(start + (n + 1) * beats)
            self.song.chords.append((round(times[0], 4), round(times[1], 4), KEYS[root] + kind))

    def _drums(self, bar: int, drums: Drums, *, crash: bool, fill: bool) -> None:
        genre, rng = self.genre, self.rng
        steps = genre.beats * genre.steps
        fill_from = steps - int(rng.choice((1, 2, 2))) * genre.steps if fill else steps
        for pitch, line in drums.items():
            for step, sign in enumerate(line[:fill_from]):
                if sign != "." and (sign != "?" or rng.random() < 0.5):
                    self.note(_DRUM_CHANNEL, bar * genre.beats + step / genre.steps, 0.2, pitch, _LEVELS[sign])
        toms = (SNARE, *_TOMS)
        for step in range(fill_from, steps):
            if rng.random() < 0.75:
                pitch = toms[min(len(toms) - 1, (step - fill_from) * len(toms) // (steps - fill_from))]
                self.note(_DRUM_CHANNEL, bar * genre.beats + step / genre.steps, 0.2, pitch, rng.uniform(0.6, 0.95))
        if crash:
            self.note(_DRUM_CHANNEL, bar * genre.beats, 1, CRASH, 0.85)

    def _degree(self, halves: list[int], step: int) -> int:
        return halves[step * len(halves) // (self.genre.beats * self.genre.steps)]

    def _bass(self, bar: int, line: str, halves: list[int], following: int) -> None:
        genre, low = self.genre, 33
        for step, sign in enumerate(line):
            if sign in "R358w":
                triad = self.triad(self._degree(halves, step))
                target = self.triad(following)[0] + int(self.rng.choice((-2, -1, 1, 2)))
                pitch = {"R": triad[0], "3": triad[1], "5": triad[2], "8": triad[0], "w": target}[sign]
                pitch = low + (pitch - low) % 12 + 12 * (sign == "8")
                held = next((n for n in range(1, len(line) - step) if line[step + n] != "-"), len(line) - step)
                accent = 0.85 if step == 0 else 0.72
                self.note(0, bar * genre.beats + step / genre.steps, max(held, 1.2) / genre.steps * 0.95, pitch, accent)

    def _chords(self, bar: int, line: str, halves: list[int]) -> None:
        genre, struck = self.genre, 0
        for step, sign in enumerate(line):
            if sign not in "xa":
                continue
            triad = self.triad(self._degree(halves, step))
            pitches = sorted(55 + (pitch - 55) % 12 for pitch in triad)
            held = next((n for n in range(1, len(line) - step) if line[step + n] != "-"), len(line) - step)
            if sign == "a":
                held = 2
                figure = [*pitches, pitches[0] + 12, pitches[2], pitches[1]]
                pitches = [figure[struck % len(figure)]]
            struck += 1
            on_beat = step % genre.steps == 0
            for pitch in pitches:
                length = max(held, 1) / genre.steps * 0.9
                self.note(1, bar * genre.beats + step / genre.steps, length, pitch, 0.7 if on_beat else 0.62)

    def _motif(self) -> list[tuple[float, float, int]]:
        """Return onsets and lengths in beats and steps of the scale for one bar of melody."""
        rng, genre = self.rng, self.genre
        grid = 1 / genre.steps if genre.density > 1 or genre.steps == 3 else 0.5
        onsets = []
        for n in range(round(genre.beats / grid)):
            weight = 1.5 if (n * grid) % 1 == 0 else 0.7
            if rng.random() < genre.density * weight * (0.6 if genre.density > 1 else 1):
                onsets.append(n * grid)
        if genre.density <= 1 and rng.random() < 0.2:
            onsets = [max(0.0, onset - 0.5) for onset in onsets]
        onsets = sorted(set(onsets))
        ends = [*onsets[1:], float(genre.beats)]
        step, motif = int(rng.integers(0, 7)), []
        for onset, end in zip(onsets, ends, strict=False):
            step += int(rng.choice((-2, -1, -1, 0, 1, 1, 2, 4), p=(0.1, 0.2, 0.15, 0.1, 0.2, 0.1, 0.1, 0.05)))
            motif.append((onset, min(end - onset, 2.0), int(np.clip(step, -3, 10))))
        return motif

    def _melody(self, bar: int, motif: list[tuple[float, float, int]], halves: list[int]) -> None:
        scale = _SCALES[self.mode]
        for onset, length, step in motif:
            octave, degree = divmod(step + halves[0], 7)
            pitch = 60 + self.tonic % 12 + scale[degree] + 12 * octave
            strong = 0.86 if onset % 1 == 0 else 0.78
            self.note(2, bar * self.genre.beats + onset, length * 0.92, pitch if pitch < 86 else pitch - 12, strong)

    def _pad(self, bar: int, halves: list[int]) -> None:
        beats = self.genre.beats / len(halves)
        for n, degree in enumerate(halves):
            for pitch in self.triad(degree):
                self.note(3, bar * self.genre.beats + n * beats, beats * 0.98, 55 + (pitch - 55) % 12, 0.55)


def compose(genre: str, seed: int, *, seconds: float, held_back: bool = False) -> Song:
    """Return a song of a genre.

    Parameters
    ----------
    genre : str
        A name in ``GENRES``.
    seed : int
        The same seed gives the same song.
    seconds : float
        About how long it is.
    held_back : bool
        Whether it may use the programs that are kept from fitting.

    Examples
    --------
    >>> song = compose("waltz", 1, seconds=30)
    >>> song.meter, len(song.downbeat_times_s) * 3 == len(song.beat_times_s)
    (3, True)
    """
    return _Composer(genre, seed, seconds, held_back=held_back).compose()
