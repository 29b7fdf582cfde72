"""Signals: filters, room, level and stereo placement, in numpy alone.

A mono signal has the shape ``(samples,)``, a stereo one ``(samples, 2)``. Frequencies are in Hz, times in
seconds, loudness in LUFS (ITU-R BS.1770), full scale is 1.0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float64]
Gain = Callable[[Signal], Signal]

CEILING = 0.84
"""Highest sample value of a finished clip: leaves room for the overshoot of lossy codecs."""


def times_s(duration_s: float, rate_hz: int) -> Signal:
    """Return the time of every sample of a stretch of sound."""
    return np.arange(max(1, round(duration_s * rate_hz))) / rate_hz


def white_noise(count: int, rng: np.random.Generator) -> Signal:
    """Return Gaussian white noise of unit variance."""
    return rng.standard_normal(count)


def band(low_hz: float, high_hz: float, order: int = 4) -> Gain:
    """Return a band-pass gain curve with Butterworth-shaped edges (0 and inf leave a side open)."""

    def gain(frequency_hz: Signal) -> Signal:
        safe_hz = np.maximum(frequency_hz, 1e-3)
        above = 1.0 / np.sqrt(1.0 + (low_hz / safe_hz) ** (2 * order))
        below = 1.0 / np.sqrt(1.0 + (safe_hz / high_hz) ** (2 * order))
        return above * below

    return gain


def bump(centre_hz: float, width_hz: float, height: float, floor: float = 1.0) -> Gain:
    """Return a gain curve that is `floor` everywhere and rises by `height` around one frequency."""

    def gain(frequency_hz: Signal) -> Signal:
        return floor + height * np.exp(-(((frequency_hz - centre_hz) / width_hz) ** 2))

    return gain


def filtered(signal: Signal, rate_hz: int, gain: Gain) -> Signal:
    """Apply a zero-phase gain curve along the first axis."""
    padded = len(signal) + rate_hz // 4
    frequency_hz = np.fft.rfftfreq(padded, 1.0 / rate_hz)
    curve = gain(frequency_hz)
    spectrum = np.fft.rfft(signal, padded, axis=0)
    spectrum *= curve if signal.ndim == 1 else curve[:, None]
    return np.fft.irfft(spectrum, padded, axis=0)[: len(signal)]


def resampled(signal: Signal, from_hz: int, to_hz: int) -> Signal:
    """Change the sample rate by cutting or padding the spectrum."""
    count = round(len(signal) * to_hz / from_hz)
    spectrum = np.fft.rfft(signal, axis=0)
    kept = min(len(spectrum), count // 2 + 1)
    target = np.zeros((count // 2 + 1, *signal.shape[1:]), dtype=complex)
    target[:kept] = spectrum[:kept]
    return np.fft.irfft(target, count, axis=0) * (to_hz / from_hz)


def convolved(signal: Signal, response: Signal) -> Signal:
    """Convolve two mono signals through the spectrum."""
    count = len(signal) + len(response) - 1
    size = 1 << (count - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(response, size), size)[:count]


def in_room(dry: Signal, rate_hz: int, decay_s: float, wet: float, rng: np.random.Generator) -> Signal:
    """Add a diffuse room tail to a stereo signal.

    Parameters
    ----------
    dry
        Stereo signal; its length is kept.
    decay_s
        Time in which the tail falls by 60 dB.
    wet
        Level of the tail relative to the dry sound.
    """
    time_s = times_s(decay_s, rate_hz)
    mono = dry.mean(axis=1)
    sides = []
    for side in range(2):
        tail = white_noise(len(time_s), rng) * np.exp(-6.9 * time_s / decay_s)
        tail = filtered(tail, rate_hz, band(150.0, 4500.0, 1))
        tail /= np.sqrt(np.sum(tail**2))
        sides.append(dry[:, side] + wet * convolved(mono, tail)[: len(dry)])
    return np.stack(sides, axis=1)


class Canvas:
    """A stereo stretch of silence on which notes are placed."""

    def __init__(self, duration_s: float, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.signal: Signal = np.zeros((round(duration_s * rate_hz), 2))

    def add(self, note: Signal, at_s: float, gain: float = 1.0, pan: float = 0.0) -> None:
        """Mix a mono note in at a time; `pan` runs from -1 (left) to 1 (right) at constant power."""
        start = round(at_s * self.rate_hz)
        length = min(len(note), len(self.signal) - start)
        if length <= 0:
            return
        angle = (pan + 1.0) * np.pi / 4.0
        sides = np.array([np.cos(angle), np.sin(angle)]) * gain
        self.signal[start : start + length] += note[:length, None] * sides


def faded(signal: Signal, rate_hz: int, in_s: float = 0.005, out_s: float = 0.4) -> Signal:
    """Fade both ends, so that a clip neither clicks nor stops dead."""
    shape = np.ones(len(signal))
    rise, fall = round(in_s * rate_hz), round(out_s * rate_hz)
    shape[:rise] = np.linspace(0.0, 1.0, rise)
    shape[-fall:] = np.linspace(1.0, 0.0, fall) ** 2
    return signal * (shape if signal.ndim == 1 else shape[:, None])


def _k_weighting(frequency_hz: Signal) -> Signal:
    """Return the magnitude of the BS.1770 K-weighting (its 48 kHz filters, at true frequencies)."""
    z = np.exp(-2j * np.pi * frequency_hz / 48000.0)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1.0 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1.0 - 2.0 * z + z**2) / (1.0 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    return np.abs(shelf * high_pass)


def integrated_loudness_lufs(signal: Signal, rate_hz: int) -> float:
    """Measure the gated integrated loudness of a mono or stereo clip (ITU-R BS.1770-4)."""
    stereo = signal[:, None] if signal.ndim == 1 else signal
    weighted = filtered(stereo, rate_hz, _k_weighting)
    energy = np.concatenate([[0.0], np.cumsum(np.sum(weighted**2, axis=1))])
    block = round(0.4 * rate_hz)
    starts = np.arange(0, len(stereo) - block + 1, round(0.1 * rate_hz))
    power = (energy[starts + block] - energy[starts]) / block
    power = power[power > 10.0 ** ((-70.0 + 0.691) / 10.0)]
    if not len(power):
        return float("-inf")
    power = power[power > 0.1 * power.mean()]
    return float(-0.691 + 10.0 * np.log10(power.mean()))


def levelled(signal: Signal, rate_hz: int, target_lufs: float) -> Signal:
    """Bring a clip to an integrated loudness, bending peaks softly where they would pass the ceiling.

    Raises
    ------
    ValueError
        If the clip cannot reach the loudness within half a tenth of a LU.
    """
    knee = 0.6 * CEILING
    for _ in range(12):
        miss_lu = target_lufs - integrated_loudness_lufs(signal, rate_hz)
        size = np.abs(signal)
        if abs(miss_lu) < 0.02 and size.max() <= CEILING:
            return signal
        signal = signal * 10.0 ** (miss_lu / 20.0)
        size = np.abs(signal)
        bent = knee + (CEILING - knee) * np.tanh((size - knee) / (CEILING - knee))
        signal = np.where(size > knee, np.sign(signal) * bent, signal) if size.max() > CEILING else signal
    miss_lu = target_lufs - integrated_loudness_lufs(signal, rate_hz)
    if abs(miss_lu) > 0.05:
        message = f"cannot reach {target_lufs} LUFS, {miss_lu:.2f} LU short: choose a lower target"
        raise ValueError(message)
    return signal
