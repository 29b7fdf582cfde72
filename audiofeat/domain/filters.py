"""Which items may be an answer: conditions on attributes, as text or as JSON says them.

As text: ``genre=ambient``, ``genre=ambient|drone``, ``artist!=Somebody``, ``tempo_bpm=118..126``, ``duration_s=..600``,
``release_date=1990..1999``, ``explicit=false``. As JSON: ``{"genre": ["ambient", "drone"], "tempo_bpm": {"min": 118,
"max": 126}, "artist": {"not": ["Somebody"]}}``. Different conditions have all to hold; of several values one has to.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from audiofeat.domain.attributes import FLATS, Attribute, Sort, attribute, folded
from audiofeat.domain.genres import marks
from audiofeat.domain.metadata_fields import read_value
from audiofeat.errors import InvalidInput

Said = str | bool | float | Sequence[str | bool | float] | Mapping[str, object]
Operand = str | bool | float
# Several artists or genres are one text with semicolons; a language may go on with a region.
LISTS = frozenset({"artist", "genre"})
TAGS_WITH_PARTS = frozenset({"language"})
MOST_CONDITIONS = 50
MOST_VALUES = 1_000
_TERM = re.compile(r"\s*([\w.]+)\s*(!?=)(.*)", re.DOTALL)
_PARTS = frozenset({"min", "max", "not"})


@dataclass(frozen=True, slots=True)
class Condition:
    """What an attribute has to be: one of some values, or within a range whose ends belong to it.

    Where ``negated``, what it must not be; an item of which the attribute is not known then passes.
    """

    attribute: Attribute
    values: tuple[Operand, ...] = ()
    low: Operand | None = None
    high: Operand | None = None
    negated: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether only its own values meet it, and no others because of what they contain."""
        return bool(self.values) and self.attribute.name not in LISTS | TAGS_WITH_PARTS

    @property
    def marks(self) -> tuple[str, ...]:
        """What the texts of a list that meets it contain one of: a name, or the path of a genre's node."""
        is_genre = self.attribute.name == "genre"
        return tuple(mark for value in self.values for mark in (marks(str(value)) if is_genre else (f"; {value};",)))

    def meets(self, known: Operand | None) -> bool:
        """Tell whether an attribute that is known to be this meets the condition, as the ledger would.

        Examples
        --------
        >>> [condition] = parse(["genre=ambient"])
        >>> condition.meets("dark; ambient"), condition.meets("drone; electronic/ambient/drone/"), condition.meets(None)
        (True, True, False)
        """
        return (known is not None and self._is_met(known)) is not self.negated

    def _is_met(self, known: Operand) -> bool:
        if self.values:
            if self.attribute.name in LISTS:
                return any(mark in f"; {known};" for mark in self.marks)
            if self.attribute.name in TAGS_WITH_PARTS:
                return known in self.values or any(str(known).startswith(f"{value}-") for value in self.values)
            return known in self.values
        if isinstance(known, str):
            return (self.low is None or known >= str(self.low)) and (self.high is None or known <= f"{self.high}~")
        return (self.low is None or known >= float(self.low)) and (self.high is None or known <= float(self.high))


def parse(terms: Iterable[str]) -> tuple[Condition, ...]:
    """Return the conditions that texts say; raises InvalidInput, naming term and remedy.

    Examples
    --------
    >>> [condition] = parse(["tempo_bpm=118..126"])
    >>> condition.attribute.name, condition.low, condition.high
    ('rhythm.tempo_bpm', 118.0, 126.0)
    """
    return _limited([_parsed(term) for term in terms])


def read(said: Mapping[str, Said]) -> tuple[Condition, ...]:
    """Return the conditions that JSON says; raises InvalidInput, naming field and remedy."""
    found: list[Condition] = []
    for name, what in said.items():
        about = attribute(name)
        if not isinstance(what, Mapping):
            found.append(_one_of(about, _as_list(what)))
            continue
        if not what or set(what) - _PARTS:
            raise InvalidInput(f"{name}: a condition has min, max or not", f'such as {{"{name}": {{"min": 1}}}}')
        low, high, refused = what.get("min"), what.get("max"), what.get("not")
        if low is not None or high is not None:
            found.append(_between(about, low, high))
        if refused is not None:
            found.append(_one_of(about, _as_list(refused), negated=True))
    return _limited(found)


def _limited(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    if len(conditions) > MOST_CONDITIONS:
        raise InvalidInput(f"at most {MOST_CONDITIONS} conditions can be given, these are {len(conditions)}")
    return tuple(conditions)


def _parsed(term: str) -> Condition:
    found = _TERM.fullmatch(term)
    if found is None:
        raise InvalidInput(f"{term!r} is no condition", "write field=value, field!=value, field=a|b or field=low..high")
    name, sign, said = found.groups()
    about, negated = attribute(name), sign == "!="
    low, dots, high = said.partition("..")
    if dots and about.sort in {Sort.NUMBER, Sort.DAY}:
        return _between(about, low.strip() or None, high.strip() or None, negated=negated)
    return _one_of(about, [part.strip() for part in said.split("|")], negated=negated)


def _as_list(what: object) -> list[object]:
    return list(what) if isinstance(what, list | tuple) else [what]


def _one_of(about: Attribute, given: Sequence[object], *, negated: bool = False) -> Condition:
    if not 1 <= len(given) <= MOST_VALUES:
        raise InvalidInput(f"{about.name}: give 1 to {MOST_VALUES:,} values, these are {len(given)}")
    values = tuple(operand(about, value) for value in given)
    if about.sort is Sort.DAY:
        # A year means all of its days.
        if len(values) > 1:
            raise InvalidInput(f"{about.name}: give one date, or a range such as 1990..1999")
        return Condition(about, low=values[0], high=values[0], negated=negated)
    return Condition(about, values=values, negated=negated)


def _between(about: Attribute, low: object, high: object, *, negated: bool = False) -> Condition:
    if about.sort not in {Sort.NUMBER, Sort.DAY}:
        raise InvalidInput(f"{about.name} has no order, so no range", f"name its values: {about.name}=a|b")
    first = None if low is None else operand(about, low)
    last = None if high is None else operand(about, high)
    if first is None and last is None:
        raise InvalidInput(f"{about.name}: a range needs an end", f"such as {about.name}=1..2, ..2 or 1..")
    if isinstance(first, float) and isinstance(last, float) and first > last:
        raise InvalidInput(f"{about.name}: {first:g}..{last:g} is empty", f"did you mean {last:g}..{first:g}?")
    if isinstance(first, str) and isinstance(last, str) and first > f"{last}~":
        raise InvalidInput(f"{about.name}: {first}..{last} is empty", f"did you mean {last}..{first}?")
    return Condition(about, low=first, high=last, negated=negated)


def operand(about: Attribute, given: object) -> Operand:
    """Return a value in the form in which an attribute is compared; raises InvalidInput with a correct value."""
    if about.sort is Sort.NUMBER:
        return _number(about, given)
    if about.sort is Sort.TRUTH:
        value, problem = read_value("explicit", given)
        if not isinstance(value, bool) or problem:
            raise InvalidInput(f"{about.name} is true or false, not {given!r}", f"write {about.name}=true")
        return value
    if not isinstance(given, str) or not given.strip():
        raise InvalidInput(f"{about.name} is a text, not {given!r}", f"write {about.name}=value")
    if about.sort is Sort.DAY:
        value, problem = read_value("release_date", given)
        if problem or not isinstance(value, str):
            raise InvalidInput(f"{about.name}: {given!r} is {problem}", "such as 1999, 1999-12 or 1999-12-31")
        return value
    if about.sort is Sort.WORD:
        words = {folded(word): word for word in about.words}
        words |= {folded(flat): sharp for flat, sharp in FLATS.items() if sharp in about.words}
        if folded(given) not in words:
            raise InvalidInput(f"{about.name} cannot be {given!r}", f"it is one of {', '.join(about.words)}")
        return words[folded(given)]
    if about.name == "isrc":
        return folded(re.sub(r"[\s-]", "", given))
    return folded(given.strip())


def _number(about: Attribute, given: object) -> float:
    try:
        number = math.nan if isinstance(given, bool) or not isinstance(given, str | int | float) else float(given)
    except ValueError:
        number = math.nan
    least = -math.inf if about.low is None else about.low
    most = math.inf if about.high is None else about.high
    if not (math.isfinite(number) and least <= number <= most):
        within = f"a number from {least:g} to {most:g}" if math.isfinite(most) else f"a number of at least {least:g}"
        within = within if math.isfinite(least) or math.isfinite(most) else "a finite number"
        raise InvalidInput(f"{about.name} is {within} {about.unit}".rstrip() + f", not {given!r}")
    return number
