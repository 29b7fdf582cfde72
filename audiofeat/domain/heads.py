"""Heads: small linear models of named, stored features, so that what is measured once can be judged anew.

A head has outputs, an output a few terms: ``weight x clip((feature - centre) / scale)``. Their sum is in standard
deviations of what the head was fitted on; ``error`` says how far it was off on artists that it had not seen.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Self

from audiofeat.errors import InvalidInput

CLIP = 3.0
COVERED = 0.9
_REACH = NormalDist().inv_cdf((1 + COVERED) / 2)
_MISSING_MOST = 0.5
_LEAST = 1e-3

Values = Mapping[str, Mapping[str, Any]]


def _major_strength(values: Values) -> float | None:
    tonal = values["tonal"]
    sign = {"major": 1.0, "minor": -1.0}.get(tonal["mode"] or "", 0.0)
    return sign * (tonal["key_strength"] or 0.0)


# Features that a head may name and no field holds.
DERIVED: Mapping[str, Callable[[Values], float | None]] = {"tonal.major_strength": _major_strength}


def feature(values: Values, path: str) -> float | None:
    """Return a feature by its name: ``group.field``, ``group.field[3]`` or one of ``DERIVED``; None where it is null.

    Raises
    ------
    KeyError
        There is no such field.
    """
    if path in DERIVED:
        return DERIVED[path](values)
    group, _, rest = path.partition(".")
    name, _, place = rest.partition("[")
    value = values[group][name]
    if place and value is not None:
        value = value[int(place.rstrip("]"))]
    return None if value is None else float(value)


def is_logarithmic(path: str) -> bool:
    """Tell whether a feature counts by its logarithm: frequencies and rates are heard in ratios."""
    return path.endswith(("_hz", "_bpm", "spectral_flux"))


def prepared(path: str, value: float) -> float:
    """Return a feature as heads count it."""
    return math.log(max(value, _LEAST)) if is_logarithmic(path) else value


@dataclass(frozen=True, slots=True)
class Term:
    """What one feature adds to an output."""

    feature: str
    centre: float
    scale: float
    weight: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value in 0-1 with the interval that holds nine of ten true values, and how probable it is above the middle."""

    value: float
    low: float
    high: float
    above_probability: float


@dataclass(frozen=True, slots=True)
class Output:
    """One thing that a head tells.

    Parameters
    ----------
    terms : tuple of Term
        At most 29: with the mean, an output has at most 30 coefficients.
    mean, spread : float
        Of what it was fitted on.
    error : float
        Root mean square error on unseen artists, in standard deviations.
    is_rank : bool
        Whether the value is the share of what it was fitted on that lies lower, instead of being in its unit.
    origin : str
        What it was fitted on, in a few words.
    """

    terms: tuple[Term, ...]
    mean: float
    spread: float
    error: float
    is_rank: bool
    origin: str

    def estimate(self, values: Values) -> Estimate | None:
        """Return what the features say; None where too few of them were measured."""
        score = missing = whole = 0.0
        for term in self.terms:
            whole += abs(term.weight)
            value = feature(values, term.feature)
            if value is None:
                missing += abs(term.weight)
                continue
            away = (prepared(term.feature, value) - term.centre) / term.scale
            score += term.weight * min(max(away, -CLIP), CLIP)
        if missing > _MISSING_MOST * whole:
            return None
        middle = 0.0 if self.is_rank else (0.5 - self.mean) / self.spread
        low, high = score - _REACH * self.error, score + _REACH * self.error
        above = NormalDist().cdf((score - middle) / self.error)
        return Estimate(self._shown(score), self._shown(low), self._shown(high), above)

    def _shown(self, score: float) -> float:
        return NormalDist().cdf(score) if self.is_rank else min(max(self.mean + self.spread * score, 0.0), 1.0)


@dataclass(frozen=True)
class Head:
    """Outputs by name, and the versions of the feature groups that they were fitted on."""

    group: str
    outputs: Mapping[str, Output]
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
                name: Output(**{**said, "terms": tuple(Term(**term) for term in said["terms"])})
                for name, said in document["outputs"].items()
            }
            head = cls(str(document["group"]), outputs, dict(document["versions"]))
            numbers = [n for o in outputs.values() for n in (o.mean, o.spread, o.error)]
            numbers += [n for o in outputs.values() for t in o.terms for n in (t.centre, t.scale, t.weight)]
            sound = all(math.isfinite(number) for number in numbers)
            scales = [n for o in outputs.values() for n in (o.spread, o.error, *(t.scale for t in o.terms))]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InvalidInput(f"this is no head: {error!r}", "use what `audiofeat train` wrote") from error
        if not sound or not outputs or min(scales) <= 0:
            raise InvalidInput("the head has numbers that no fit gives", "use what `audiofeat train` wrote")
        return head

    def document(self) -> dict[str, Any]:
        """Return the head as JSON has it."""
        outputs = {
            name: {**asdict(output), "terms": [asdict(term) for term in output.terms]}
            for name, output in self.outputs.items()
        }
        return {"group": self.group, "versions": dict(self.versions), "outputs": outputs}

    def text(self) -> str:
        """Return the document as a file holds it."""
        return json.dumps(self.document(), indent=1) + "\n"
