"""Mood by a documented formula: arousal and valence from level-invariant measurements of the other groups.

Heuristic: the signs follow the literature (fast, dense, bright and percussive music is felt as aroused; major mode and
a clear pulse as positive), the weights are ours. The loudness of the mastering has no part in it.

References
----------
Russell, "A circumplex model of affect", 1980; Gabrielsson & Lindstroem, "The role of structure in the musical
expression of emotions", in Handbook of Music and Emotion, 2010.
"""

import numpy as np

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Frames, Measured, Result

# field: (weight, typical value, typical spread)
_AROUSAL = {
    ("rhythm", "onset_rate_hz"): (0.9, 4.0, 2.0),
    ("timbre", "spectral_flux"): (0.6, 0.15, 0.06),
    ("timbre", "spectral_centroid_hz"): (0.6, 2_200.0, 900.0),
    ("instrumentation", "percussive_ratio"): (0.5, 0.15, 0.15),
    ("loudness", "dynamic_complexity_db"): (-0.3, 3.0, 2.0),
}
_VALENCE = {
    ("rhythm", "onset_rate_hz"): (0.4, 4.0, 2.0),
    ("rhythm", "pulse_clarity"): (0.4, 0.4, 0.2),
    ("timbre", "spectral_centroid_hz"): (0.2, 2_200.0, 900.0),
}
_MODE_WEIGHT = 0.8
_MOST_SPREADS = 2.5
_SPOKEN_RATIO = 0.6


class Mood:
    """Needs no sound of its own: it reads what was measured before."""

    def push(self, frames: Frames) -> None:
        """Take in one block (nothing is kept)."""

    def result(self, measured: Measured, silence: Reason | None) -> Result:
        """Return ``arousal`` and ``valence`` in 0-1; speech has none (``not_music``)."""
        result = Result()
        reason = silence
        if reason is None and (measured["speech"]["speech_ratio"] or 0.0) >= _SPOKEN_RATIO:
            reason = Reason.NOT_MUSIC
        mode = {"major": 1.0, "minor": -1.0}.get(measured["tonal"]["mode"] or "", 0.0)
        strength = measured["tonal"]["key_strength"] or 0.0
        arousal, valence = _weighted(measured, _AROUSAL), _weighted(measured, _VALENCE)
        missing = reason or Reason.LOW_CONFIDENCE
        result.put("arousal", None if reason or arousal is None else _logistic(arousal), missing)
        valence = None if valence is None else valence + _MODE_WEIGHT * mode * strength
        result.put("valence", None if reason or valence is None else _logistic(valence), missing)
        return result


def _weighted(measured: Measured, terms: dict[tuple[str, str], tuple[float, float, float]]) -> float | None:
    total = 0.0
    for (group, name), (weight, typical, spread) in terms.items():
        value = measured[group][name]
        if value is None:
            return None
        total += weight * float(np.clip((value - typical) / spread, -_MOST_SPREADS, _MOST_SPREADS))
    return total


def _logistic(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))
