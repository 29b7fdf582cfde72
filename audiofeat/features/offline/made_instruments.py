"""Play notes with instruments made of equations, no two alike: another source beside the sampled ones.

A tone is a table of periods whose harmonics change with time: plucked strings die away the faster the higher the
partial, bows and lips swell and waver, pipes stand. Bars and bells are sums of their inharmonic modes.

References
----------
Fletcher, Rossing, "The Physics of Musical Instruments", Springer 1998 (plucked spectra, modes of bars, brightness of
brass); Jaffe, Smith, "Extensions of the Karplus-Strong plucked-string algorithm", CMJ 7(2), 1983 (decays).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.signal
from numpy.typing import NDArray

RATE_HZ = 22_050
_HIGHEST_HZ = 10_500.0
_MOST_HARMONICS = 90
_LEAST_PERIOD = 64
_RELEASE_S = 0.05

Array = NDArray[np.float64]
Note = tuple[float, float, int, int]
# Of so many seconds since the start, harmonics in Hz of shape (times, harmonics), key held for s, loudness 0-1.
_Model = Callable[[Array, Array, float, float], Array]


def _body(rng: np.random.Generator, spread_db: float = 7.0) -> Callable[[Array], Array]:
    """Return the gain of a body of a dozen random resonances."""
    at_hz, width = np.exp(rng.uniform(np.log(90), np.log(7_000), 12)), rng.uniform(0.04, 0.25, 12)
    gain_db = rng.normal(0, spread_db, 12)
    grid = np.linspace(np.log(40), np.log(12_000), 400)
    curve = (gain_db / (1 + ((grid[:, None] - np.log(at_hz)) / width) ** 2)).sum(axis=1)
    tilt = rng.uniform(-2, 2) * (grid - grid.mean())
    return lambda hz: np.asarray(10 ** (np.interp(np.log(np.maximum(hz, 1)), grid, curve + tilt) / 20))


def _plucked(rng: np.random.Generator, *, decay_s: tuple[float, float], bright: tuple[float, float]) -> _Model:
    body, place = _body(rng), rng.uniform(0.06, 0.32)
    sustain_s, damping, tilt = rng.uniform(*decay_s), rng.uniform(0.3, 2.5), rng.uniform(*bright)
    muting_s = rng.uniform(0.02, 0.15)

    def model(time_s: Array, hz: Array, held_s: float, loudness: float) -> Array:
        number = np.arange(1, hz.shape[1] + 1)
        start = np.abs(np.sin(np.pi * number * place)) / number ** (tilt + 0.5 * (1 - loudness)) * body(hz)
        rate = (1 / sustain_s) * (hz[:, :1] / 220) ** 0.5 * (1 + damping * (hz / 1_000) ** 1.5)
        after = np.maximum(time_s - held_s, 0)
        return np.asarray(start * np.exp(-rate * time_s[:, None] - after[:, None] / muting_s))

    return model


def _blown(rng: np.random.Generator, *, even: tuple[float, float], tilt: tuple[float, float], lips: float) -> _Model:
    """Bowed and blown tones; ``lips`` says how much brighter a loud one is."""
    body, slope, evens = _body(rng, 5.0), rng.uniform(*tilt), rng.uniform(*even)
    attack_s, release_s, cut_hz = rng.uniform(0.02, 0.15), rng.uniform(0.03, 0.15), rng.uniform(900, 2_500)
    shake_hz, shake = rng.uniform(4, 7), rng.uniform(0, 0.25)

    def model(time_s: Array, hz: Array, held_s: float, loudness: float) -> Array:
        number = np.arange(1, hz.shape[1] + 1)
        swell = np.minimum(1, time_s / attack_s) * np.exp(-np.maximum(time_s - held_s, 0) / release_s)
        swell = (swell * (1 + shake * np.minimum(1, time_s) * np.sin(2 * np.pi * shake_hz * time_s)))[:, None]
        shape = np.where(number % 2 == 0, evens, 1.0) / number**slope * body(hz)
        if lips:
            shape = shape * np.exp(-lips * hz / (cut_hz * (0.3 + 1.7 * loudness * swell)))
        return np.asarray(shape * swell)

    return model


def _organ(rng: np.random.Generator) -> _Model:
    ranks = np.array((1, 2, 3, 4, 5, 6, 8, 10, 12, 16))
    drawn = ranks[rng.random(len(ranks)) < rng.uniform(0.3, 0.8)]
    strength = dict(zip((1, *drawn), rng.uniform(0.2, 1.0, len(drawn) + 1), strict=True))
    pipe_tilt, is_pipes = rng.uniform(0.8, 2.5), rng.random() < 0.5
    attack_s = rng.uniform(0.004, 0.08)

    def model(time_s: Array, hz: Array, held_s: float, loudness: float) -> Array:  # noqa: ARG001  keys are not weighted
        number = np.arange(1, hz.shape[1] + 1)
        level = np.array([strength.get(int(n), 0.0) for n in number])
        if is_pipes:
            rows = [np.where(number % rank == 0, part * (rank / number) ** pipe_tilt, 0)
                    for rank, part in strength.items()]  # fmt: skip
            level = np.sum(rows, axis=0)
        swell = np.minimum(1, time_s / attack_s) * np.exp(-np.maximum(time_s - held_s, 0) / 0.02)
        return np.asarray(level * swell[:, None])

    return model


def _synthesiser(rng: np.random.Generator) -> _Model:
    is_square, slope = rng.random() < 0.5, rng.uniform(0.9, 1.3)
    width, low_hz, sweep = rng.uniform(0.1, 0.5), rng.uniform(200, 3_000), rng.uniform(0, 4)
    peak, closing_s = rng.uniform(0, 4), np.exp(rng.uniform(np.log(0.05), np.log(3)))
    attack_s, release_s = np.exp(rng.uniform(np.log(0.003), np.log(0.8))), rng.uniform(0.02, 0.8)

    def model(time_s: Array, hz: Array, held_s: float, loudness: float) -> Array:
        number = np.arange(1, hz.shape[1] + 1)
        shape = np.abs(np.sin(np.pi * number * width)) / number if is_square else 1 / number**slope
        cut_hz = (low_hz * 2 ** (sweep * (0.5 + loudness) * np.exp(-time_s / closing_s)))[:, None]
        answer = 1 / np.sqrt(1 + (hz / cut_hz) ** 4) + peak * np.exp(-(np.log2(hz / cut_hz) ** 2) * 8)
        swell = np.minimum(1, time_s / attack_s) * np.exp(-np.maximum(time_s - held_s, 0) / release_s)
        return np.asarray(shape * answer * swell[:, None])

    return model


def _harmonic(note: Note, model: _Model, rng: np.random.Generator, *, wavers: float, cents: float) -> Array:
    """Return a tone, as a table of periods read at the phase that its pitch gives."""
    _, length, pitch, velocity = note
    base_hz = 440 * 2 ** ((pitch - 69 + cents / 100) / 12)
    time_s = np.arange(round((length + 1.0) * RATE_HZ)) / RATE_HZ
    vibrato = wavers * np.clip(time_s - 0.15, 0, 0.4) / 0.4 * np.sin(2 * np.pi * rng.uniform(4.8, 6.5) * time_s)
    hz = base_hz * 2 ** (vibrato / 1_200)
    phase = np.cumsum(hz) / RATE_HZ
    periods = int(phase[-1]) + 2
    many = max(1, min(_MOST_HARMONICS, int(_HIGHEST_HZ / hz.max())))
    begin_s = np.interp(np.arange(periods), phase, time_s)
    partial_hz = np.interp(begin_s, time_s, hz)[:, None] * np.arange(1, many + 1)
    size = max(_LEAST_PERIOD, 4 * many)
    spectra = np.zeros((periods, size // 2 + 1), dtype=np.complex128)
    turns = np.exp(2j * np.pi * rng.random(many))
    spectra[:, 1 : many + 1] = model(begin_s, partial_hz, length, velocity / 127) * turns
    table = np.fft.irfft(spectra, size, axis=1).ravel() * size
    return np.interp(phase * size, np.arange(len(table)), table)


def _struck(note: Note, modes: Array, decays_s: Array, levels: Array) -> Array:
    _, _, pitch, velocity = note
    hz = 440 * 2 ** ((pitch - 69) / 12) * modes
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    sounding = hz < _HIGHEST_HZ
    level = levels[sounding] * (velocity / 127) ** np.arange(sounding.sum())
    waves = np.sin(2 * np.pi * hz[sounding, None] * time_s) * np.exp(-time_s / decays_s[sounding, None])
    return np.asarray(level @ waves)


_MODES = {"marimba": (1, 3.98, 9.8), "xylophone": (1, 3.0, 6.1), "bars": (1, 2.76, 5.40, 8.93),
          "bells": (0.5, 1, 1.19, 1.5, 2, 2.6, 3.0, 4.1)}  # fmt: skip
_MARIMBAS = frozenset({11, 12, 108, 114})
_PLAYERS: Mapping[str, tuple[range, Mapping[str, Any]]] = {
    "plucked": (range(24, 32), {"decay_s": (0.4, 3.0), "bright": (0.7, 1.8)}),
    "banjo": (range(105, 108), {"decay_s": (0.15, 0.7), "bright": (0.4, 1.2)}),
    "harpsichord": (range(6, 8), {"decay_s": (0.5, 2.5), "bright": (0.1, 0.7)}),
    "electric_bass": (range(32, 38), {"decay_s": (0.8, 3.0), "bright": (1.0, 2.2)}),
    "bowed": (range(40, 44), {"even": (0.8, 1.1), "tilt": (0.7, 1.5), "lips": 0.0}),
    "pizzicato": (range(45, 46), {"decay_s": (0.1, 0.4), "bright": (1.0, 2.0)}),
    "brass": (range(56, 62), {"even": (0.9, 1.1), "tilt": (0.0, 0.6), "lips": 1.0}),
    "reeds": (range(64, 71), {"even": (0.7, 1.3), "tilt": (0.4, 1.2), "lips": 0.15}),
    "clarinets": (range(71, 72), {"even": (0.02, 0.3), "tilt": (0.6, 1.3), "lips": 0.2}),
    "flutes": (range(72, 80), {"even": (0.3, 1.1), "tilt": (1.6, 3.0), "lips": 0.1}),
}
_BREATH = {"flutes": 0.06, "reeds": 0.015, "clarinets": 0.01, "brass": 0.006, "bowed": 0.02}
_COURSES = frozenset({"harpsichord", "banjo"})
PROGRAMS = frozenset({
    *(number for numbers, _ in _PLAYERS.values() for number in numbers),
    *range(8, 15), *range(16, 21), 38, 39, *range(48, 52), 62, 63, *range(80, 96), *range(97, 104), 108, 114,
}) - {27, 85, 91}  # fmt: skip
"""Numbers of General MIDI that there is an equation for."""


def play(program: int, notes: list[Note], seconds: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return notes of (start s, length s, MIDI pitch, velocity) as an instrument plays them that is drawn here."""
    count = round(seconds * RATE_HZ)
    samples = np.zeros(count + 4 * RATE_HZ)
    sound = _instrument(program, rng)
    for note in notes:
        tone = sound(note)
        at = round(note[0] * RATE_HZ)
        tone = tone[: len(samples) - at] * (0.2 + note[3] / 127)
        samples[at : at + len(tone)] += tone
    return np.asarray(samples[:count], dtype=np.float32)


def _instrument(program: int, rng: np.random.Generator) -> Callable[[Note], Array]:
    name = next((name for name, (numbers, _) in _PLAYERS.items() if program in numbers), "")
    if 8 <= program < 15 or program in {108, 114}:
        kinds = ("marimba", "xylophone") if program in _MARIMBAS else ("bars", "bells")
        modes = np.array(_MODES[kinds[int(rng.integers(2))]]) * rng.normal(1, 0.01)
        decays_s = rng.uniform(0.08, 0.4 if program in _MARIMBAS else 1.8) / modes ** rng.uniform(0.4, 1.2)
        levels = rng.uniform(0.2, 1.0, len(modes)) / modes ** rng.uniform(0, 0.8)
        return lambda note: _struck(note, modes, decays_s, levels)
    if 16 <= program < 21:
        model = _organ(rng)
    elif not name:
        model = _synthesiser(rng)
    elif "decay_s" in _PLAYERS[name][1]:
        model = _plucked(rng, **_PLAYERS[name][1])
    else:
        model = _blown(rng, **_PLAYERS[name][1])
    many = 2 if name in _COURSES or (not name and rng.random() < 0.6) or 48 <= program < 52 else 1
    if 48 <= program < 52:
        model, many = _blown(rng, even=(0.8, 1.1), tilt=(0.8, 1.5), lips=0.0), 4
    detuned = rng.normal(0, 5 if name else 9, many)
    sings = name in _BREATH and name != "clarinets"
    waver = rng.uniform(0, 30) if sings or 48 <= program < 52 else rng.uniform(0, 12) if not name else 0.0
    breath, band = _BREATH.get(name, 0.0) * rng.uniform(0.3, 2), rng.uniform(0.6, 0.98)

    def sound(note: Note) -> Array:
        cents = [float(offset + rng.normal(0, 2)) for offset in detuned]
        tone: Array = np.sum([_harmonic(note, model, rng, wavers=waver, cents=each) for each in cents], axis=0)
        if breath or "plucked" in name:
            noise = scipy.signal.lfilter([1 - band], [1, -band], rng.standard_normal(len(tone)))
            hull = scipy.signal.lfilter([0.01], [1, -0.99], np.abs(tone)) if breath else 0.0
            pick = np.exp(-np.arange(len(tone)) / (0.004 * RATE_HZ)) * rng.uniform(0, 0.3) * np.abs(tone).max()
            tone = tone + noise / max(float(noise.std()), 1e-9) * (breath * 4 * hull + (0.0 if breath else pick))
        return tone

    return sound
