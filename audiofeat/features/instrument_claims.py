"""What is claimed of an item: of dense sound, as nearly every record is, only what was seen to be right there.

Probabilities are calibrated on rendered music. Where two families or more are expected to sound, those of other
families than drums, a voice, and a bass beside drums end below the claim that something is present, unless a head that
was fitted on labels of one's own tells them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.families import FAMILIES
from audiofeat.domain.family_heads import SHARES, FamilyHead
from audiofeat.features.frames import Floats
from audiofeat.features.instrument_head import logistic

DENSE_FAMILIES = 2.0
"""From so many families on, by the sum of their probabilities, sound is dense."""
PRESENT, ABSENT = 0.7, 0.3
"""From which probability on a family is said to be present, and up to which to be absent."""
_NAMES = tuple(FAMILIES)
_DRUMS, _BASS = _NAMES.index("drums"), _NAMES.index("bass")
_SEEN_RIGHT = np.array([name in {"drums", "voice"} for name in _NAMES])
_MOST = np.float32(0.8)  # log-odds of a probability of 0.69
_LEAST_PROBABILITY = np.float32(1e-6)


def word(probability: float) -> str | None:
    """Return what is said of a family, None where that is not sure."""
    return "present" if probability >= PRESENT else "absent" if probability <= ABSENT else None


def judged(
    log_odds: Sequence[float], curve: Floats, shares: Sequence[float | None] = (), own: FamilyHead | None = None
) -> tuple[Floats, Floats]:
    """Return the probabilities to publish, of each second and of the item.

    Parameters
    ----------
    log_odds : sequence of float
        Of each family in the item, by the shipped head.
    curve : array of shape (seconds, families)
        Probabilities of each second, by the shipped head.
    shares : sequence of float or None
        Of energy, as an own head reads them.
    own : FamilyHead, optional
        Tells some families in place of the shipped one; their seconds move as far as the item.
    """
    said = np.array(log_odds, dtype=np.float32)
    probability = np.clip(curve, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    heard = np.log(probability / (1 - probability))
    unproven = _unproven(logistic(said))
    item, seconds = _bent(said, unproven), _bent(heard, unproven)
    known = [share for share in shares if share is not None]
    if own is not None and len(known) == len(SHARES):
        for family, moved in own.log_odds([*log_odds, *known]).items():
            at = _NAMES.index(family)
            item[at], seconds[:, at] = moved, heard[:, at] + moved - said[at]
    return logistic(seconds), logistic(item)


def _unproven(probability: Floats) -> NDArray[np.bool_]:
    """Tell of which families nobody knows how often records bear out a claim."""
    if probability.sum() < DENSE_FAMILIES:
        return np.zeros(len(_NAMES), dtype=np.bool_)
    unproven = ~_SEEN_RIGHT
    unproven[_BASS] = probability[_DRUMS] < 0.5
    return unproven


def _bent(log_odds: Floats, which: NDArray[np.bool_]) -> Floats:
    """Return log-odds, those of some families bent below a claim: which of them are above 0, and their order, stay."""
    low = np.where(log_odds > 0, _MOST * np.tanh(log_odds / _MOST), log_odds)
    return np.asarray(np.where(which, low, log_odds), dtype=np.float32)
