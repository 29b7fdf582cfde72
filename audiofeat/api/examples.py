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
    found = known.get("request") if where[:1] == ("body",) else known.get("parameters")
    for step in where[1:]:
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and isinstance(step, int):
            found = found[0] if found else None
        else:
            return None
    return found
