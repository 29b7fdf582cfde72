"""Arousal, valence and acousticness by formula, from level-invariant measurements of the other groups.

The signs follow the literature (fast, dense, bright and percussive music is felt as aroused; major mode and a clear
pulse as positive), the weights are ours. The loudness of the mastering has no part in it.

References
----------
Russell, "A circumplex model of affect", 1980; Gabrielsson & Lindstroem, "The role of structure in the musical
expression of emotions", in Handbook of Music and Emotion, 2010.
"""

from collections.abc import Mapping

import numpy as np

from audiofeat.domain.heads import feature
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Measured

# feature: (weight, typical value, typical spread)
Terms = Mapping[str, tuple[float, float, float]]

_AROUSAL: Terms = {
    "rhythm.onset_rate_hz": (0.9, 4.0, 2.0),
    "timbre.spectral_flux": (0.6, 0.15, 0.06),
    "timbre.spectral_centroid_hz": (0.6, 2_200.0, 900.0),
    "instrumentation.percussive_ratio": (0.5, 0.15, 0.15),
    "loudness.dynamic_complexity_db": (-0.3, 3.0, 2.0),
}
_VALENCE: Terms = {
    "rhythm.onset_rate_hz": (0.4, 4.0, 2.0),
    "rhythm.pulse_clarity": (0.4, 0.4, 0.2),
    "timbre.spectral_centroid_hz": (0.2, 2_200.0, 900.0),
}
# Tones that stand clear of each other where voices and plucked or bowed strings lie, and what machines and mastering
# bring: much below 150 Hz, steep transients, noise, an even level.
_ACOUSTICNESS: Terms = {
    "timbre.octave_band_contrast_db[4]": (0.8, 23.0, 4.5),
    "timbre.octave_band_crest_db[4]": (0.5, 10.8, 1.8),
    "instrumentation.low_end_ratio": (-0.6, 0.28, 0.26),
    "instrumentation.percussive_ratio": (-0.5, 0.1, 0.15),
    "instrumentation.noise_ratio": (-0.3, 0.05, 0.1),
    "loudness.dynamic_complexity_db": (0.4, 2.5, 1.5),
}
_MODE_WEIGHT = 0.8
_MOST_SPREADS = 2.5
_SPOKEN_RATIO = 0.6


def reason_against(measured: Measured, silence: Reason | None) -> Reason | None:
    """Return why there is no mood: silence, too little of it, or speech."""
    spoken = (measured["speech"]["speech_ratio"] or 0.0) >= _SPOKEN_RATIO
    return silence or (Reason.NOT_MUSIC if spoken else None)


def arousal(measured: Measured) -> float | None:
    """Return arousal in 0-1; None where an ingredient is missing."""
    total = _weighted(measured, _AROUSAL)
    return None if total is None else _logistic(total)


def valence(measured: Measured) -> float | None:
    """Return valence in 0-1; None where an ingredient other than the mode is missing."""
    total = _weighted(measured, _VALENCE)
    mode = {"major": 1.0, "minor": -1.0}.get(measured["tonal"]["mode"] or "", 0.0)
    return None if total is None else _logistic(total + _MODE_WEIGHT * mode * (measured["tonal"]["key_strength"] or 0))


def acousticness(measured: Measured) -> float | None:
    """Return acousticness in 0-1; None where an ingredient is missing."""
    total = _weighted(measured, _ACOUSTICNESS)
    return None if total is None else _logistic(total)


def _weighted(measured: Measured, terms: Terms) -> float | None:
    total = 0.0
    for path, (weight, typical, spread) in terms.items():
        value = feature(measured, path)
        if value is None:
            return None
        total += weight * float(np.clip((value - typical) / spread, -_MOST_SPREADS, _MOST_SPREADS))
    return total


def _logistic(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))
