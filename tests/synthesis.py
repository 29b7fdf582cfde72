"""Sound whose truth is known, and files of every format that hold it.

Every generator returns mono float32 at ``RATE_HZ`` unless it takes a rate; levels are in full scale.
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from audiofeat.domain.block import summed
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import RATE_HZ, Group, Result, SharedSpectrum

Signal = NDArray[np.float32]
Clock = NDArray[np.float64]

KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_TRIADS = {"major": (0, 4, 7), "minor": (0, 3, 7)}
_SOUNDFILE = {
    "wav": ("WAV", "PCM_16"),
    "wav24": ("WAV", "PCM_24"),
    "float": ("WAV", "FLOAT"),
    "rf64": ("RF64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
_LIBAV = {"m4a": ("ipod", "aac"), "aac": ("adts", "aac")}
FORMATS = (*_SOUNDFILE, *_LIBAV)


def sine(hz: float, seconds: float, *, amplitude: float = 0.5, rate_hz: int = RATE_HZ, phase: float = 0.0) -> Signal:
    """A steady sine; ``phase`` in radians."""
    clock_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * hz * clock_s + phase)).astype(np.float32)


def noise(seconds: float, *, amplitude: float = 0.1, rate_hz: int = RATE_HZ, seed: int = 1) -> Signal:
    """White Gaussian noise of that RMS."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * rate_hz))
    return (amplitude * samples).astype(np.float32)


def tone(hz: float, seconds: float, *, harmonics: int = 6, rate_hz: int = RATE_HZ) -> Signal:
    """A struck tone with falling harmonics."""
    clock_s = np.arange(round(seconds * rate_hz)) / rate_hz
    partials = [np.sin(2 * np.pi * hz * n * clock_s) / n for n in range(1, harmonics + 1) if hz * n < rate_hz / 2]
    return (sum(partials) * np.exp(-1.5 * clock_s)).astype(np.float32)


def _partials(*table: tuple[float, float], decay: float = 0.2, damping: float = 0.0) -> Callable[[float, Clock], Clock]:
    """A timbre of (ratio, amplitude) partials; the higher ones may die faster."""

    def play(hz: float, clock_s: Clock) -> Clock:
        sounding = [(ratio, amplitude) for ratio, amplitude in table if hz * ratio < RATE_HZ / 2]
        return sum(
            a * np.sin(2 * np.pi * hz * r * clock_s) * np.exp(-(decay + damping * r) * clock_s) for r, a in sounding
        )

    return play


def _electric_piano(hz: float, clock_s: Clock) -> Clock:
    bark = 1.6 * np.exp(-3 * clock_s) * np.sin(2 * np.pi * hz * clock_s)
    tine = 0.35 * np.exp(-9 * clock_s) * np.sin(2 * np.pi * 14 * hz * clock_s)
    return np.sin(2 * np.pi * hz * clock_s + bark + tine) * np.exp(-1.2 * clock_s)


TIMBRES: dict[str, Callable[[float, Clock], Clock]] = {
    "flute": _partials((1, 1), (2, 0.12), (3, 0.03), decay=0),
    "saw": _partials(*((n, 1 / n) for n in range(1, 21))),
    "clarinet": _partials(*((n, 1 / n) for n in range(1, 20, 2))),
    "string, plucked": _partials(*((n * (1 + 3e-4 * n * n) ** 0.5, n**-0.8) for n in range(1, 16)), decay=2, damping=1),
    "organ": _partials((0.5, 0.8), (1, 1), (1.5, 0.6), (2, 0.7), (3, 0.5), (4, 0.5), (5, 0.25), (6, 0.25), decay=0),
    "electric piano": _electric_piano,
}
"""Six clearly different timbres: of a frequency in Hz and a clock in s."""


CADENCES = ((0, 5, 7, 0), (0, 7, 0), (0, 8, 5, 7, 0), (0, 2, 7, 0))
"""Roots above the tonic; that of 8 is the sixth degree, 9 in major."""


def cadence_chords(roots: tuple[int, ...], key: int) -> list[list[int]]:
    """The chords of one of ``CADENCES`` in a key (0-11 C to B major, 12-23 C to B minor), in semitones from A4."""
    minor, chords = key >= 12, []
    for root in roots:
        # The fifth degree is major in both modes; the second degree of major, minor; the sixth of minor, major.
        third = 4 if root == 7 or (root == 8 and minor) else 3 if root in {2, 8} else 3 if minor else 4
        above = 9 if root == 8 and not minor else root
        fifth = 6 if root == 2 and minor else 7
        chords.append([key % 12 + above + up - 9 for up in (-12, 0, third, fifth)])
    return chords


def progression(chords: list[list[int]], timbre: str, *, tuning_hz: float = 440.0, chord_s: float = 0.5) -> Signal:
    """Chords, each a list of semitones from A4, in a timbre of ``TIMBRES``."""
    clock_s = np.arange(round(chord_s * RATE_HZ)) / RATE_HZ
    edges = np.minimum(1, np.minimum(clock_s, clock_s[::-1]) / 0.008)
    play = TIMBRES[timbre]
    struck = [edges * sum(play(tuning_hz * 2 ** (note / 12), clock_s) for note in notes) for notes in chords]
    sound = np.concatenate(struck)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def shepard(seconds: float, octaves_a_second: float, *, gliding: bool = False) -> Signal:
    """Shepard's ever rising tones, in semitones or gliding."""
    clock_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    octaves = clock_s * octaves_a_second
    if not gliding:
        octaves = np.floor(octaves * 12) / 12
    heights = [(octaves + voice) % 10 for voice in range(10)]
    voices = [np.exp(-0.5 * ((h - 5) / 1.5) ** 2) * np.sin(2 * np.pi * np.cumsum(20 * 2**h) / RATE_HZ) for h in heights]
    return (0.1 * np.sum(voices, axis=0)).astype(np.float32)


def cadence(tonic: int, mode: str, *, tuning_hz: float = 440.0, chord_s: float = 0.5, times: int = 3) -> Signal:
    """I IV V I or i iv V i on a tonic (0 is C), with a bass, repeated."""
    chords = [(0, mode), (5, mode), (7, "major"), (0, mode)]
    parts = []
    for root, kind in chords:
        semitones = [tonic + root + step for step in (-12, *_TRIADS[kind])]
        parts.append(sum(tone(tuning_hz * 2 ** ((s - 9) / 12), chord_s) for s in semitones))
    return np.tile(0.08 * np.concatenate(parts), times).astype(np.float32)


def beat_times(bpm: float, seconds: float, *, start_s: float = 0.25) -> NDArray[np.float64]:
    """Where the beats of a ladder are."""
    return np.arange(start_s, seconds - 0.1, 60 / bpm)


def click_track(bpm: float, seconds: float) -> Signal:
    """A short click on every beat."""
    clock_s = np.arange(int(0.03 * RATE_HZ)) / RATE_HZ
    click = 0.7 * np.sin(2 * np.pi * 1_500 * clock_s) * np.exp(-clock_s / 0.006)
    return _placed(seconds, [(time_s, click) for time_s in beat_times(bpm, seconds)])


def drum_loop(bpm: float, seconds: float) -> Signal:
    """Kick on 1 and 3, snare on 2 and 4, a hat on every eighth."""
    rng = np.random.default_rng(7)
    clock_s = np.arange(int(0.15 * RATE_HZ)) / RATE_HZ
    kick = 0.8 * np.sin(2 * np.pi * 55 * clock_s) * np.exp(-clock_s / 0.06)
    snare = 0.35 * rng.standard_normal(len(clock_s)) * np.exp(-clock_s / 0.04)
    hat = 0.06 * np.diff(rng.standard_normal(len(clock_s) + 1)) * np.exp(-clock_s / 0.015)
    hits = []
    for number, time_s in enumerate(beat_times(bpm, seconds)):
        hits += [(time_s, snare if number % 2 else kick), (time_s, hat), (time_s + 30 / bpm, hat)]
    return _placed(seconds, hits)


def _placed(seconds: float, hits: list[tuple[float, NDArray[np.float64]]]) -> Signal:
    signal = np.zeros(round(seconds * RATE_HZ) + RATE_HZ)
    for time_s, sound in hits:
        at = round(time_s * RATE_HZ)
        signal[at : at + len(sound)] += sound
    return signal[: round(seconds * RATE_HZ)].astype(np.float32)


def song(seconds: float = 12.0) -> Signal:
    """A cadence in C major over drums at 120 BPM: something of every group."""
    chords = cadence(0, "major", times=int(np.ceil(seconds / 2)))[: round(seconds * RATE_HZ)]
    return (0.9 * chords + 0.25 * drum_loop(120, seconds)).astype(np.float32)


def write(path: Path, signal: NDArray[np.float32], *, rate_hz: int = RATE_HZ, form: str = "wav") -> Path:
    """Write mono or (frames, channels) samples as one of ``FORMATS``; the file's name means nothing."""
    if form in _LIBAV:
        _write_with_libav(path, signal, rate_hz, *_LIBAV[form])
    else:
        container, codec = _SOUNDFILE[form]
        soundfile.write(path, signal, rate_hz, format=container, subtype=codec)
    return path


def _write_with_libav(path: Path, signal: NDArray[np.float32], rate_hz: int, container: str, codec: str) -> None:
    planes = np.ascontiguousarray(np.atleast_2d(signal.T))
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate_hz, layout="mono" if len(planes) == 1 else "stereo")
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=stream.layout.name)
        frame.sample_rate = rate_hz
        for sent in (frame, None):
            file.mux(stream.encode(sent))


def fed(
    group: Group,
    signal: NDArray[np.float32],
    *,
    rate_hz: int = RATE_HZ,
    block_s: float = 4.0,
    silence: Reason | None = None,
    measured: dict[str, dict[str, object]] | None = None,
) -> Result:
    """Push mono or (frames, channels) samples through a group, block by block, and ask for its result."""
    pcm = signal[:, None] if signal.ndim == 1 else signal
    spectrum = SharedSpectrum(rate_hz)
    edges = [*range(0, len(pcm), round(block_s * rate_hz)), len(pcm)]
    for start, end in pairwise(edges):
        block = np.ascontiguousarray(pcm[start:end])
        mono = block.mean(axis=1, dtype=np.float32)
        group.push(spectrum.push(summed(block, rate_hz, begun=start), mono, last=end == len(pcm)))
    return group.result(measured or {}, silence)
