"""Singing made from speech: vowels that people spoke, held on the notes of a melody.

The spectral envelopes of recorded speech, taken at syllables, shape the harmonics of a voice that follows the notes
with glides, vibrato and jitter; consonants keep their own time and are noise under the same envelopes.
"""

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Array = NDArray[np.float64]
Note = tuple[float, float, int, int]

_FRAME = 1_024
_CONTROL_S = 0.01
_LIFTER_S = 0.0016
_CONSONANT_S = 0.09
_MOST_HARMONICS = 70
_BELOW_DB = 30.0


def envelopes(speech: Samples, rate_hz: int) -> tuple[Array, NDArray[np.int64]]:
    """Return log-magnitude envelopes every 10 ms, shape (frames, 513), and the frames in the midst of syllables."""
    hop = round(_CONTROL_S * rate_hz)
    count = 1 + (len(speech) - _FRAME) // hop
    frames = np.lib.stride_tricks.sliding_window_view(speech, _FRAME)[::hop][:count] * np.hanning(_FRAME)
    logarithm = np.log(np.abs(scipy.fft.rfft(frames, axis=1)) + 1e-5)
    cepstrum = scipy.fft.irfft(logarithm, axis=1)
    cut = round(_LIFTER_S * rate_hz)
    cepstrum[:, cut:-cut] = 0
    smooth = scipy.fft.rfft(cepstrum, axis=1).real
    hz = np.linspace(0, rate_hz / 2, smooth.shape[1])
    level = smooth[:, (hz > 250) & (hz < 2_500)].max(axis=1)
    peaks, _ = scipy.signal.find_peaks(level, distance=12, height=level.max() - _BELOW_DB / 8.7)
    return smooth, peaks[peaks > round(_CONSONANT_S / _CONTROL_S)]


def sing(notes: list[Note], seconds: float, speech: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """Return a melody of (start s, length s, MIDI pitch, velocity), one tone at a time, as a voice sings it.

    Raises
    ------
    ValueError
        The speech has no syllable.
    """
    shapes, syllables = envelopes(speech, rate_hz)
    if not len(syllables):
        raise ValueError("no syllable in the speech")
    ticks = round(seconds / _CONTROL_S)
    source, pitch = np.zeros(ticks, dtype=np.int64), np.full(ticks, np.nan)
    voiced, level = np.zeros(ticks), np.zeros(ticks)
    lead = round(_CONSONANT_S / _CONTROL_S)
    for start, length, note, velocity in notes:
        begin, end = round(start / _CONTROL_S), min(ticks, round((start + length) / _CONTROL_S))
        if end - begin < 4 or begin >= ticks:
            continue
        at = int(syllables[int(rng.integers(len(syllables)))])
        tick = np.arange(end - begin)
        wander = np.cumsum(rng.normal(0, 0.15, len(tick)))
        place = np.where(tick < lead, at - lead + tick, at + np.clip(wander, -3, 3))
        source[begin:end] = np.clip(place.astype(np.int64), 0, len(shapes) - 1)
        pitch[begin:end] = note
        onset = int(rng.integers(0, lead))
        voiced[begin:end] = np.clip((tick - onset) / 3, 0, 1)
        level[begin:end] = velocity / 127 * np.minimum(1, (end - begin - tick) / 6)
    known = np.flatnonzero(~np.isnan(pitch))
    if not len(known):
        return np.zeros(round(seconds * rate_hz), dtype=np.float32)
    pitch = np.interp(np.arange(ticks), known, pitch[known])
    glide = np.hanning(2 * int(rng.integers(2, 8)) + 3)
    pitch = np.convolve(np.pad(pitch, len(glide), mode="edge"), glide / glide.sum(), "same")[len(glide) : -len(glide)]
    clock = np.arange(ticks) * _CONTROL_S
    swell = np.convolve(level > 0, np.ones(30) / 30, "same")
    vibrato = rng.uniform(0, 0.5) * swell * np.sin(2 * np.pi * rng.uniform(4.5, 6.8) * clock + rng.uniform(0, 6))
    drift = scipy.signal.lfilter([0.05], [1, -0.95], rng.standard_normal(ticks)) * rng.uniform(0.05, 0.3)
    hz = 440 * 2 ** ((pitch + vibrato + drift - 69) / 12)
    return _sound(hz, voiced, level, shapes[source], rate_hz=rate_hz, rng=rng)


def _sound(hz: Array, voiced: Array, level: Array, shapes: Array, *, rate_hz: int, rng: np.random.Generator) -> Samples:
    ticks = len(hz)
    soft = np.hanning(7)[1:-1]
    shapes = scipy.signal.convolve(shapes, (soft / soft.sum())[:, None], "same")
    count = round(ticks * _CONTROL_S * rate_hz)
    at = np.linspace(0, ticks - 1, count)
    grid = np.arange(ticks)
    phase = 2 * np.pi * np.cumsum(np.interp(at, grid, hz)) / rate_hz
    samples = np.zeros(count)
    stretch = rng.uniform(0.88, 1.15)
    harmonics = min(_MOST_HARMONICS, int(0.47 * rate_hz / hz.max()))
    bins = shapes.shape[1] - 1
    for harmonic in range(1, harmonics + 1):
        place = np.clip(harmonic * hz / stretch / (rate_hz / 2) * bins, 0, bins - 1)
        low = place.astype(np.int64)
        part = place - low
        amplitude = np.exp((1 - part) * shapes[grid, low] + part * shapes[grid, low + 1])
        amplitude *= voiced * level * np.sqrt(hz / 200)
        samples += np.interp(at, grid, amplitude) * np.sin(harmonic * phase + rng.uniform(0, 6))
    hop = round(_CONTROL_S * rate_hz)
    breath = np.zeros(count + _FRAME)
    window = np.hanning(_FRAME)
    airy = rng.uniform(0.02, 0.12)
    for tick in range(ticks):
        strength = level[tick] * max(1 - voiced[tick], airy)
        if strength > 0:
            noise = np.exp(shapes[tick]) * np.exp(2j * np.pi * rng.random(shapes.shape[1]))
            begin = tick * hop
            breath[begin : begin + _FRAME] += strength * window * scipy.fft.irfft(noise, _FRAME)
    tonal = np.sqrt(np.mean(np.square(samples))) + 1e-9
    airs = np.sqrt(np.mean(np.square(breath))) + 1e-9
    samples += breath[_FRAME // 2 : _FRAME // 2 + count] * tonal / airs * rng.uniform(0.1, 0.35)
    return (samples / max(float(np.abs(samples).max()), 1e-9)).astype(np.float32)
