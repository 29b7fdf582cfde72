"""The merge policy: whose word counts for which field, and by which rule.

A policy is a TOML file. ``order`` lists sources, the most trusted first: a whole name (``csv:label_feed``), a family
(``csv``), or ``*`` for all that are not listed, who come last where it is missing; a list within the list holds
sources of equal trust. ``[fields.NAME]`` gives a field a ``rule`` or an ``order`` of its own. ``[genres]`` maps what
sources call a genre to the tree's name of it, before the tree's own table; ``[names]`` gives the name by which an
artist goes, or several between semicolons, or "" for nobody. ``[artists] by_id`` lists names whose artists are told
apart by the ids that sources give, ``["*"]`` for all. See :data:`DEFAULT_TEXT` for the one that is in force until
another is given.
"""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from typing import Any

from audiofeat.domain.genres import spelt, tree
from audiofeat.domain.metadata_fields import field_name
from audiofeat.domain.things import named
from audiofeat.errors import InvalidInput

VERSION = 1
MEASURED = "measured"
_REST = "*"
_MOST_BYTES = 1 << 20

DEFAULT_TEXT = """\
version = 1
order = [["message", "api"], ["csv", "jsonl", "parquet"], "*", "tags"]

[fields.explicit]
rule = "any"

[fields.duration_s]
rule = "measured"
"""


class Rule(StrEnum):
    """How one of several valid values is chosen; the order of sources decides where a rule leaves several."""

    ORDER = "order"
    FRESHEST = "freshest"  # the value that was fetched last
    LONGEST = "longest"  # the longest text
    VOTE = "vote"  # what most sources say, without regard to case
    ANY = "any"  # true as soon as one source says so
    MEASURED = "measured"  # what the audio itself says; else it counts last, unless the order names it


@dataclass(frozen=True, slots=True)
class FieldPolicy:
    """How one field is merged."""

    rule: Rule
    order: tuple[tuple[str, ...], ...]

    def place(self, source: str) -> int:
        """Return how far down the order a source stands, by its name, its family, or as one of the rest."""
        return _place(self.order, source)

    def names(self, source: str) -> bool:
        """Tell whether a source stands in the order by its own name."""
        return any(source in equals for equals in self.order)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as written, and as read.

    Parameters
    ----------
    text : str
        The TOML.
    general : FieldPolicy
        For fields that are not named.
    fields : mapping
        By the field's common name.
    genres : mapping
        The tree's name of a genre, by another spelling.
    names : mapping
        The name that an artist goes by, by another one without regard to case.
    by_id : frozenset of str
        Names, without regard to case, whose artists are told apart by ids.
    """

    text: str
    general: FieldPolicy
    fields: Mapping[str, FieldPolicy] = field(default_factory=dict)
    genres: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    by_id: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """What tells one policy from another."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def of(self, name: str) -> FieldPolicy:
        """Return how a field is merged."""
        return self.fields.get(name, self.general)


@lru_cache(maxsize=4_096)
def _place(order: tuple[tuple[str, ...], ...], source: str) -> int:
    for name in (source, source.partition(":")[0], _REST):
        for place, equals in enumerate(order):
            if name in equals:
                return place
    return len(order)


@lru_cache(maxsize=16)
def parse(text: str) -> Policy:
    r"""Return the policy that a text states.

    Raises
    ------
    InvalidInput
        For what is no TOML, another version, an unknown word, or a rule that does not exist; the message names it.

    Examples
    --------
    >>> parse("version = 1\n[fields.genre]\nrule = 'vote'").of("genre").rule.value
    'vote'
    """
    if len(text) > _MOST_BYTES:
        raise InvalidInput(f"the merge policy is longer than {_MOST_BYTES:,} characters")
    try:
        stated = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(f"the merge policy is no TOML: {error}") from None
    _require_known("the merge policy", stated, ("version", "order", "rule", "fields", "genres", "names", "artists"))
    if stated.get("version") != VERSION:
        raise InvalidInput(f"the merge policy is of version {stated.get('version')!r}", f"write version = {VERSION}")
    general = _field_policy("the merge policy", stated, FieldPolicy(Rule.ORDER, ()))
    fields = stated.get("fields", {})
    if not isinstance(fields, dict) or not all(isinstance(one, dict) for one in fields.values()):
        raise InvalidInput("fields in the merge policy is no table of tables", "write [fields.genre]")
    own: dict[str, FieldPolicy] = {}
    for name, one in fields.items():
        where = f"[fields.{name}]"
        _require_known(where, one, ("rule", "order"))
        own[field_name(name)] = _field_policy(where, one, general)
    genres = {spelt(name): spelt(node) for name, node in _table(stated, "genres").items()}
    for name, node in genres.items():
        if node not in tree():
            close = get_close_matches(node, tree(), n=3)
            raise InvalidInput(
                f"[genres] maps {name!r} to {node!r}, which the genre tree has not",
                f"did you mean {', '.join(close)}?" if close else "docs/reference/genres.md has the tree",
            )
    artists = stated.get("artists", {})
    by_id = artists.get("by_id", []) if isinstance(artists, dict) and {*artists} <= {"by_id"} else None
    if not isinstance(by_id, list) or not all(isinstance(name, str) for name in by_id):
        raise InvalidInput("[artists] in the merge policy has no list of names", 'write by_id = ["Nirvana"]')
    names = {named(one): to for one, to in _table(stated, "names").items()}
    return Policy(text, general, own, genres, names, frozenset(map(named, by_id)))


def _table(stated: Mapping[str, Any], name: str) -> dict[str, str]:
    table = stated.get(name, {})
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise InvalidInput(f"[{name}] in the merge policy is no table of texts", 'write "Beatles, The" = "The Beatles"')
    return table


def _field_policy(where: str, stated: Mapping[str, Any], general: FieldPolicy) -> FieldPolicy:
    rule, order = stated.get("rule", general.rule.value), general.order
    if "order" in stated:
        order = _order(where, stated["order"])
    if rule not in set(Rule):
        raise InvalidInput(f"rule in {where} is {rule!r}", f"one of {', '.join(Rule)}")
    return FieldPolicy(Rule(rule), order)


def _order(where: str, stated: object) -> tuple[tuple[str, ...], ...]:
    places = [one if isinstance(one, list) else [one] for one in stated] if isinstance(stated, list) else [[None]]
    names = [name for place in places for name in place]
    if not all(isinstance(name, str) and name for name in names):
        raise InvalidInput(f"order in {where} is no list of sources", 'write order = ["csv", "*", "tags"]')
    if len(set(names)) != len(names):
        raise InvalidInput(f"order in {where} names a source twice")
    return tuple(tuple(place) for place in places)


def _require_known(where: str, stated: Mapping[str, Any], words: Sequence[str]) -> None:
    for word in stated:
        if word not in words:
            raise InvalidInput(f"{where} has {word!r}, which means nothing", f"it takes {', '.join(words)}")


DEFAULT = parse(DEFAULT_TEXT)
