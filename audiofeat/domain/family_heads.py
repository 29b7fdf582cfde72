"""Heads for families of instruments that a catalogue fits on its own labels: they move the log-odds of the shipped one.

Of each family the new log-odds are ``slope x its own``, a few terms of those of the other families and of the shares of
energy, and an offset. With a slope of 1 and nothing else all stays as it was.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from audiofeat.domain.families import FAMILIES
from audiofeat.domain.heads import CLIP, Term
from audiofeat.errors import InvalidInput

GROUP = "instrumentation"
SHARES = ("percussive_ratio", "harmonic_ratio", "low_end_ratio", "noise_ratio")
INPUTS = (*FAMILIES, *SHARES)
"""What terms may name: log-odds of families, then shares of energy, all stored with each item."""


def inputs_of(values: Mapping[str, Any]) -> list[float] | None:
    """Return ``INPUTS`` of what was stored of an item; None where it has no families."""
    log_odds = values["family_log_odds"]
    shares = [values[name] for name in SHARES]
    return None if log_odds is None or None in shares else [*log_odds, *shares]


@dataclass(frozen=True, slots=True)
class FamilyOutput:
    """How the log-odds of one family are moved.

    Parameters
    ----------
    slope, offset : float
        Of the shipped log-odds of the family itself.
    terms : tuple of Term
        ``feature`` is one of ``INPUTS``.
    origin : str
        What it was fitted on, in a few words.
    """

    slope: float
    offset: float
    terms: tuple[Term, ...]
    origin: str

    def log_odds(self, family: str, inputs: Sequence[float]) -> float:
        """Return the new log-odds of an item."""
        said = dict(zip(INPUTS, inputs, strict=True))
        moved = sum(
            term.weight * min(max((said[term.feature] - term.centre) / term.scale, -CLIP), CLIP) for term in self.terms
        )
        return self.slope * said[family] + self.offset + moved


@dataclass(frozen=True)
class FamilyHead:
    """Outputs by family, and the version of the feature group whose log-odds they move; other families stay."""

    outputs: Mapping[str, FamilyOutput]
    versions: Mapping[str, int]

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the head that a document describes.

        Raises
        ------
        InvalidInput
            It is no such document, or has values that no fit gives.
        """
        try:
            outputs = {
                family: FamilyOutput(**{**said, "terms": tuple(Term(**term) for term in said["terms"])})
                for family, said in document["outputs"].items()
            }
            numbers = [n for o in outputs.values() for n in (o.slope, o.offset)]
            numbers += [n for o in outputs.values() for t in o.terms for n in (t.centre, t.scale, t.weight)]
            sound = all(math.isfinite(number) for number in numbers)
            sound &= all(term.scale > 0 and term.feature in INPUTS for o in outputs.values() for term in o.terms)
            sound &= document["group"] == GROUP and set(outputs) <= set(FAMILIES)
            head = cls(outputs, dict(document["versions"]))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InvalidInput(f"this is no head: {error!r}", "use what `audiofeat train` wrote") from error
        if not sound:
            raise InvalidInput("the head has values that no fit gives", "use what `audiofeat train` wrote")
        return head

    def document(self) -> dict[str, Any]:
        """Return the head as JSON has it."""
        outputs = {
            family: {**asdict(output), "terms": [asdict(term) for term in output.terms]}
            for family, output in self.outputs.items()
        }
        return {"group": GROUP, "versions": dict(self.versions), "outputs": outputs}

    def log_odds(self, inputs: Sequence[float]) -> dict[str, float]:
        """Return the new log-odds of the families that it moves, by name."""
        return {family: output.log_odds(family, inputs) for family, output in self.outputs.items()}
