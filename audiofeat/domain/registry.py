"""The one list of fields: what an analysis contains, in which unit and range, how far to trust it, and from where.

The public names are the group's name, a dot and the field's name, as in ``loudness.integrated_loudness_lufs``.
Changing how a field's number comes about means raising its group's version and a line under *Analysis* in the
changelog.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from audiofeat.domain import fields_music, fields_sound, fields_speech
from audiofeat.domain.field import Field, Shape
from audiofeat.errors import InvalidInput

GROUP_VERSIONS: Mapping[str, int] = {
    "file": 3,
    "subprints": 1,
    "quality": 2,
    "stereo": 1,
    "loudness": 2,
    "rhythm": 2,
    "tonal": 5,
    "timbre": 3,
    "instrumentation": 7,
    "structure": 1,
    "speech": 5,
    "delivery": 5,
    "production": 5,
    "mood": 4,
    "descriptor": 11,
}
# Since which version all that a head of one's own reads of a group comes about as it does now, where that is not the
# newest: that for mood reads shares of energy, and what is said of families has changed since.
READ_BY_HEADS_SINCE: Mapping[tuple[str, str], int] = {("mood", "instrumentation"): 5}
# Whose values a group takes from others that were measured in the same pass; all others read the sound alone.
GROUP_READS: Mapping[str, frozenset[str]] = {
    "structure": frozenset({"loudness", "timbre", "tonal"}),
    "delivery": frozenset({"speech"}),
    "production": frozenset({"loudness", "quality", "speech"}),
    "mood": frozenset({"instrumentation", "loudness", "rhythm", "speech", "timbre", "tonal"}),
    "descriptor": frozenset(
        {
            "delivery",
            "instrumentation",
            "loudness",
            "production",
            "rhythm",
            "speech",
            "stereo",
            "structure",
            "timbre",
            "tonal",
        }
    ),
}
# Kept for the spaces and for what is heard again, not published among the features.
INTERNAL_GROUPS = frozenset({"descriptor", "subprints"})


_ROWS = {**fields_sound.ROWS, **fields_music.ROWS, **fields_speech.ROWS}
FIELDS: tuple[Field, ...] = tuple(Field(group, *row) for group in GROUP_VERSIONS for row in _ROWS[group])
BY_PATH: Mapping[str, Field] = {field.path: field for field in FIELDS}
PUBLIC_FIELDS = tuple(field for field in FIELDS if field.group not in INTERNAL_GROUPS)

_WORDS = frozenset({Shape.TEXT, Shape.LABELS})


def is_as_head_reads_it(head: str, group: str, version: int) -> bool:
    """Tell whether what a head reads of a group came about in a version as it does today.

    Examples
    --------
    >>> is_as_head_reads_it("mood", "tonal", GROUP_VERSIONS["tonal"]), is_as_head_reads_it("mood", "tonal", 1)
    (True, False)
    """
    newest = GROUP_VERSIONS.get(group, 0)
    return READ_BY_HEADS_SINCE.get((head, group), newest) <= version <= newest


def with_what_they_read(groups: Iterable[str]) -> frozenset[str]:
    """Return groups together with all that have to be measured for their sake, and for the sake of these.

    Examples
    --------
    >>> sorted(with_what_they_read(["structure"]))
    ['loudness', 'structure', 'timbre', 'tonal']
    """
    needed = frozenset(groups)
    while True:
        together = needed.union(*(GROUP_READS.get(group, frozenset()) for group in needed))
        if together == needed:
            return needed
        needed = together


def check(path: str, value: Any) -> None:  # noqa: ANN401  a field's own type
    """Raise InvalidInput where a value is not what the registry says of its field; None is checked elsewhere."""
    field = BY_PATH.get(path)
    if field is None:
        raise InvalidInput(f"{path} is not in the registry")
    leaves = _leaves(path, value, field.depth)
    if field.group in INTERNAL_GROUPS:
        leaves = [leaf for leaf in leaves if leaf is not None]
    if _all_within(leaves, field):
        return
    for leaf in leaves:
        if field.shape in _WORDS:
            if not isinstance(leaf, str):
                raise InvalidInput(f"{path} is not text: {leaf!r}")
            continue
        if not isinstance(leaf, int | float) or not math.isfinite(leaf):
            raise InvalidInput(f"{path} is not a finite number: {leaf!r}")
        if (field.low is not None and leaf < field.low) or (field.high is not None and leaf > field.high):
            raise InvalidInput(f"{path} = {leaf} is outside {field.low} to {field.high} {field.unit}")


def _all_within(leaves: list[Any], field: Field) -> bool:
    """Tell in a few passes without a step per number whether all is well; who is at fault takes a closer look."""
    if not leaves:
        return True
    if field.shape in _WORDS or not set(map(type, leaves)) <= {int, float} or not math.isfinite(sum(leaves)):
        return False
    return (field.low is None or min(leaves) >= field.low) and (field.high is None or max(leaves) <= field.high)


def _leaves(path: str, value: Any, depth: int) -> list[Any]:  # noqa: ANN401  a field's own type
    """Return what lies within so many lists."""
    leaves = [value]
    for _ in range(depth):
        if not all(isinstance(part, list) for part in leaves):
            raise InvalidInput(f"{path} has the wrong shape")
        leaves = [leaf for part in leaves for leaf in part]
    if list in set(map(type, leaves)):
        raise InvalidInput(f"{path} has the wrong shape")
    return leaves
