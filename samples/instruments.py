"""Instruments: each function returns one note or hit as a mono signal.

Pitches are given in Hz, durations in seconds; amplitudes are near 1 so that a mix can be written in gains.
"""

from __future__ import annotations

import numpy as np
from sound import Signal, band, filtered, times_s, white_noise


def _envelope(time_s: Signal, attack_s: float, release_s: float) -> Signal:
    """Return a raised-cosine attack and release over the whole of a note."""
    rise = np.clip(time_s / attack_s, 0.0, 1.0)
    fall = np.clip((time_s[-1] - time_s) / release_s, 0.0, 1.0)
    return (0.5 - 0.5 * np.cos(np.pi * rise)) * (0.5 - 0.5 * np.cos(np.pi * fall))


def _harmonics(phase: Signal, pitch_hz: float, rate_hz: int, weights: Signal) -> Signal:
    """Sum harmonics of one phase, leaving out those above 0.45 of the sample rate."""
    turn = np.exp(1j * phase)
    partial = np.ones_like(turn)
    total = np.zeros(len(phase))
    for number, weight in enumerate(weights, start=1):
        if number * pitch_hz > 0.45 * rate_hz:
            break
        partial = partial * turn
        total += weight * partial.imag
    return total


def kick(rate_hz: int, depth_hz: float = 48.0) -> Signal:
    """Return a bass drum: a sine that falls quickly, with a click at its front."""
    time_s = times_s(0.22, rate_hz)
    sweep_hz = depth_hz + 140.0 * np.exp(-time_s / 0.018)
    body = np.sin(2 * np.pi * np.cumsum(sweep_hz) / rate_hz) * np.exp(-time_s / 0.075)
    return body + 0.3 * np.sin(2 * np.pi * 1800.0 * time_s) * np.exp(-time_s / 0.002)


def snare(rate_hz: int, rng: np.random.Generator, ring_hz: float = 190.0) -> Signal:
    """Return a snare drum: two ringing modes under a burst of noise."""
    time_s = times_s(0.24, rate_hz)
    modes = np.sin(2 * np.pi * ring_hz * time_s) + 0.6 * np.sin(2 * np.pi * 1.7 * ring_hz * time_s)
    rattle = filtered(white_noise(len(time_s), rng), rate_hz, band(1200.0, 9000.0, 2))
    return 0.5 * modes * np.exp(-time_s / 0.035) + 0.8 * rattle * np.exp(-time_s / 0.065)


def hat(rate_hz: int, rng: np.random.Generator, ring_s: float = 0.02) -> Signal:
    """Return a hi-hat: high-passed noise that dies within `ring_s` (its e-folding time)."""
    time_s = times_s(6.0 * ring_s, rate_hz)
    noise = filtered(white_noise(len(time_s), rng), rate_hz, band(6500.0, 0.48 * rate_hz, 3))
    return noise * np.exp(-time_s / ring_s)


def growling_bass(pitch_hz: float, duration_s: float, rate_hz: int, growl_hz: float) -> Signal:
    """Return two detuned saws under a filter that opens and closes `growl_hz` times a second."""
    time_s = times_s(duration_s, rate_hz)
    opening = 0.55 + 0.4 * np.sin(2 * np.pi * growl_hz * time_s - np.pi / 2)
    total = np.sin(2 * np.pi * pitch_hz * time_s)
    for detune in (-0.004, 0.004):
        turn = np.exp(2j * np.pi * pitch_hz * (1 + detune) * time_s)
        partial = np.ones_like(turn)
        bright = np.ones(len(time_s))
        for number in range(1, 15):
            partial = partial * turn
            bright = bright * opening
            total += 0.8 * partial.imag * bright / np.sqrt(number)
    return 0.6 * total * _envelope(time_s, 0.006, 0.03)


def stab(pitch_hz: float, duration_s: float, rate_hz: int) -> Signal:
    """Return a short synthesiser stab: a saw whose highs die first."""
    time_s = times_s(duration_s, rate_hz)
    numbers = np.arange(1, 17)
    bright = _harmonics(2 * np.pi * pitch_hz * time_s, pitch_hz, rate_hz, 1.0 / numbers)
    dull = _harmonics(2 * np.pi * pitch_hz * time_s, pitch_hz, rate_hz, 1.0 / numbers**2.2)
    mix = np.exp(-time_s / 0.07)
    return 0.6 * (mix * bright + (1 - mix) * dull) * np.exp(-time_s / 0.25) * _envelope(time_s, 0.003, 0.03)


def pad(pitch_hz: float, duration_s: float, rate_hz: int, slope: float, attack_s: float = 0.5) -> Signal:
    """Return a soft pad: three slowly drifting voices of harmonics falling as ``n ** -slope``."""
    time_s = times_s(duration_s, rate_hz)
    weights = 1.0 / np.arange(1, 11) ** slope
    total = np.zeros(len(time_s))
    for voice, detune in enumerate((-0.0022, 0.0, 0.0026)):
        drift = 0.15 * np.sin(2 * np.pi * (0.31 + 0.12 * voice) * time_s + voice)
        phase = 2 * np.pi * pitch_hz * (1 + detune) * time_s + drift + 2.1 * voice
        total += _harmonics(phase, pitch_hz, rate_hz, weights)
    return total / 3.0 * _envelope(time_s, attack_s, attack_s)


def bell(pitch_hz: float, duration_s: float, rate_hz: int) -> Signal:
    """Return a soft bell: a frequency-modulated sine whose modulation fades."""
    time_s = times_s(duration_s, rate_hz)
    index = 0.9 * np.exp(-time_s / 0.12)
    phase = 2 * np.pi * pitch_hz * time_s
    tone = np.sin(phase + index * np.sin(3.0 * phase))
    return tone * np.exp(-time_s / (0.3 * duration_s)) * _envelope(time_s, 0.004, 0.05)


def plucked(
    pitch_hz: float,
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    brightness: float,
    ring_s: float,
) -> Signal:
    """Return a plucked string (Karplus and Strong, 1983).

    Parameters
    ----------
    brightness
        0 to 1: how little the pick is softened before it excites the string.
    ring_s
        Time in which the string falls by 60 dB, besides what its own damping takes.

    Notes
    -----
    The loop runs at a whole number of samples near twice the rate and is then read at the speed that gives
    the exact pitch, which spares an all-pass filter.
    """
    period = int(np.ceil(2.0 * rate_hz / pitch_hz))
    speed = (period + 0.5) * pitch_hz / rate_hz
    periods = int(np.ceil(duration_s * pitch_hz)) + 2
    loss = 10.0 ** (-3.0 / (ring_s * pitch_hz))
    pick = rng.uniform(-1.0, 1.0, period)
    span = max(1, round((1.0 - brightness) * period / 12.0))
    pick = np.convolve(np.concatenate([pick, pick[:span]]), np.ones(span) / span, mode="same")[:period]
    pick -= np.roll(pick, period // 5)
    pick -= pick.mean()
    string = np.empty((periods, period))
    string[0] = pick / (np.sqrt(np.mean(pick**2)) + 1e-12)
    before_last = 0.0
    for turn in range(1, periods):
        last = string[turn - 1]
        shifted = np.concatenate([[before_last], last[:-1]])
        string[turn] = loss * 0.5 * (last + shifted)
        before_last = last[-1]
    wave = string.ravel()
    time_s = times_s(duration_s, rate_hz)
    read = np.interp(np.arange(len(time_s)) * speed, np.arange(len(wave)), wave)
    return 0.4 * read * _envelope(time_s, 0.001, 0.03)


def struck(pitch_hz: float, duration_s: float, rate_hz: int, velocity: float, ring_s: float) -> Signal:
    """Return a struck string, piano-like: stretched partials in pairs, the higher the sooner gone."""
    time_s = times_s(duration_s, rate_hz)
    stiffness = 0.00035 * (pitch_hz / 262.0) ** 0.9
    total = np.zeros(len(time_s))
    for number in range(1, 15):
        partial_hz = number * pitch_hz * np.sqrt(1.0 + stiffness * number**2)
        if partial_hz > 0.45 * rate_hz:
            break
        hammer = abs(np.sin(np.pi * number / 8.3)) + 0.08
        level = hammer * np.exp(-number * (1.3 - velocity) * 0.55) / number**0.4
        decay_s = ring_s * (262.0 / pitch_hz) ** 0.4 / (1.0 + 0.35 * (number - 1))
        fade = 0.75 * np.exp(-time_s / (0.35 * decay_s)) + 0.25 * np.exp(-time_s / (1.6 * decay_s))
        pair = np.sin(2 * np.pi * partial_hz * time_s) + 0.7 * np.sin(2 * np.pi * (partial_hz + 0.35) * time_s + 0.4)
        total += level * fade * pair
    knock = np.sin(2 * np.pi * 115.0 * time_s) * np.exp(-time_s / 0.012) * 0.25
    return (total + knock) * velocity * _envelope(time_s, 0.0025, 0.06)


def brass(
    pitch_hz: float,
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    formant_hz: float,
    effort: float,
) -> Signal:
    """Return a blown note: a saw that brightens as it speaks, under one fixed formant.

    Parameters
    ----------
    formant_hz
        Centre of the formant: about 500 for a horn, 1200 for a trumpet.
    effort
        0 to 1: how bright the note becomes.
    """
    time_s = times_s(duration_s, rate_hz)
    attack_s = 0.045 + 6.0 / pitch_hz
    speak = 1.0 - np.exp(-time_s / attack_s)
    swell = speak * (0.82 + 0.3 * np.exp(-(((time_s - 0.11) / 0.06) ** 2)))
    vibrato = 0.004 * np.clip((time_s - 0.35) / 0.3, 0.0, 1.0) * np.sin(2 * np.pi * 5.4 * time_s)
    scoop = -0.012 * np.exp(-time_s / 0.03)
    turn = np.exp(2j * np.pi * np.cumsum(pitch_hz * (1 + vibrato + scoop)) / rate_hz)
    partial = np.ones_like(turn)
    bright = np.ones(len(time_s))
    opening = np.clip(swell * (0.72 + 0.24 * effort), 0.0, 0.97)
    total = np.zeros(len(time_s))
    for number in range(1, 25):
        if number * pitch_hz > min(0.45 * rate_hz, 9000.0):
            break
        partial = partial * turn
        bright = bright * opening
        formant = 0.45 + 1.6 * np.exp(-(((number * pitch_hz - formant_hz) / (0.45 * formant_hz)) ** 2))
        total += formant * bright * partial.imag
    breath = filtered(white_noise(len(time_s), rng), rate_hz, band(700.0, 4000.0, 1))
    return (total + 0.012 * breath) * swell * _envelope(time_s, 0.012, 0.07)
