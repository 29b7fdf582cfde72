"""Mood: arousal and valence with intervals, emotions as shares of listeners, and energy and acousticness by formula.

A head of a few level-invariant features, fitted on votes of listeners (``mood_model.json``), tells what people feel; a
catalogue may bring a head of its own, or the formula of the literature instead of any. The loudness of the mastering
has no part in it.

References
----------
Russell, "A circumplex model of affect", 1980; Zentner, Grandjean & Scherer, Emotion 8(4), 2008; Aljanaki, Wiering &
Veltkamp, "Studying emotion induced by music through a crowdsourcing game", Information Processing & Management, 2016.
"""

from audiofeat.domain.heads import Estimate, Head
from audiofeat.domain.mood_targets import EMOTIONS
from audiofeat.domain.quality import Reason
from audiofeat.features import mood_formula
from audiofeat.features.frames import Frames, Measured, Result
from audiofeat.features.mood_head import shipped

# By whether arousal and valence lie above the middle.
_LABELS = {(True, True): "energetic", (True, False): "tense", (False, True): "calm", (False, False): "sad"}
_SIDE_LEAST = 0.65
_FORMULAE = {"arousal": mood_formula.arousal, "valence": mood_formula.valence}


class Mood:
    """Needs no sound of its own: it reads what was measured before.

    Parameters
    ----------
    head : Head, optional
        Instead of the shipped one; with no outputs at all arousal and valence come from the formula.
    """

    def __init__(self, head: Head | None = None) -> None:
        self._head = head

    def push(self, frames: Frames) -> None:
        """Take in one block (nothing is kept)."""

    def result(self, measured: Measured, silence: Reason | None) -> Result:
        """Return the mood; speech has none (``not_music``), and what no head tells has the reason ``no_model``."""
        result = Result()
        reason = mood_formula.reason_against(measured, silence)
        head = self._head or shipped()
        found = {} if reason else {name: output.estimate(measured) for name, output in head.outputs.items()}

        def unknown(name: str) -> Reason:
            return reason or (Reason.LOW_CONFIDENCE if name in head.outputs else Reason.NO_MODEL)

        for name, formula in _FORMULAE.items():
            estimate = found.get(name)
            if head.outputs or reason:
                result.put(name, estimate and estimate.value, unknown(name))
            else:
                result.put(name, formula(measured), Reason.LOW_CONFIDENCE)
            result.put(f"{name}_low", estimate and estimate.low, unknown(name))
            result.put(f"{name}_high", estimate and estimate.high, unknown(name))
        label, probability = _label(found.get("arousal"), found.get("valence"))
        result.put("mood_label", label, reason or Reason.LOW_CONFIDENCE)
        result.put("mood_label_probability", probability, reason or Reason.LOW_CONFIDENCE)
        for name in EMOTIONS:
            estimate = found.get(name)
            result.put(f"{name}_ratio", estimate and estimate.value, unknown(name))
        for name, formula in (("energy", mood_formula.arousal), ("acousticness", mood_formula.acousticness)):
            result.put(name, None if reason else formula(measured), reason or Reason.LOW_CONFIDENCE)
        return result


def _label(arousal: Estimate | None, valence: Estimate | None) -> tuple[str | None, float | None]:
    """Return the quarter of the plane and its probability; None where either side is too unsure."""
    if arousal is None or valence is None:
        return None, None
    above = arousal.above_probability, valence.above_probability
    sides = [max(probability, 1 - probability) for probability in above]
    if min(sides) < _SIDE_LEAST:
        return None, None
    return _LABELS[above[0] > 0.5, above[1] > 0.5], sides[0] * sides[1]
