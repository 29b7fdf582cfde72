"""Examples of every operation, as recorded: for the document, and for whoever sent something else."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any


@cache
def examples() -> dict[str, Any]:
    """Return by operation an example of its parameters, its body and its answer."""
    recorded: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return recorded


def correct_value(operation: str, where: Sequence[int | str]) -> Any:  # noqa: ANN401  whatever the part may be
    """Return what a part of a request may look like; None where nothing is recorded of it.

    Parameters
    ----------
    operation : str
        Its name.
    where : sequence
        As the framework names a part: ``("query", "k")``, ``("body", "metadata", "title")``.
    """
    known = examples().get(operation, {})
    if where[:1] != ("body",):
        return _at(known.get("parameters"), where[1:])
    own = _at(known.get("request"), where[1:])
    if own is not None or len(where) == 1:
        return own
    # A part that this operation was not asked with, such as a store, has the same form wherever it stands.
    others = (_at(other.get("request"), where[-1:]) for other in examples().values())
    return next((value for value in others if value is not None), None)


def nearest(operation: str, where: Sequence[int | str]) -> tuple[Sequence[int | str], Any]:
    """Return the part itself with its correct value, else the smallest part around it of which one is recorded."""
    parts = ((where[:end], correct_value(operation, where[:end])) for end in range(len(where), 0, -1))
    return next(((part, value) for part, value in parts if value is not None), (where, None))


def _at(found: Any, steps: Sequence[int | str]) -> Any:  # noqa: ANN401  as above
    for step in steps:
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and isinstance(step, int):
            found = found[0] if found else None
        else:
            return None
    return found
