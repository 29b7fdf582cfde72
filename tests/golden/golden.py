"""What is kept of the analysis of some items, so that no number changes unnoticed.

``ITEM.json`` holds, for each group, its version, its values and reasons; what grows with the duration is kept as its
length, mean, spread and ends.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from audiofeat.domain import registry
from audiofeat.domain.field import Field, Scope, Shape
from audiofeat.extraction.client import ExtractionServer
from audiofeat.extraction.view import Record
from tests.synthesis import Signal, click_track, noise, song, write

HERE = Path(__file__).parent
_SAMPLES = HERE.parents[1] / "samples" / "audio"
SAMPLED = ("dnb_neon_circuit.ogg", "piano_late_train.ogg", "pad_glass_horizon.flac", "show_two_chairs_ep1.ogg")
_SECONDS = 12.0
# Relative, or absolute below 1. Standards and closed forms differ between processors by the rounding of their sums;
# estimates pass on more of it, since a maximum or a vote may fall on the neighbouring bin of a curve.
TOLERANCES = {Scope.MEASURED: 1e-4, Scope.ESTIMATED: 1e-3, Scope.HEURISTIC: 1e-3}
_ENDS = 4
_LONG_TEXT = 32

Golden = dict[str, dict[str, Any]]


def generated() -> dict[str, Signal]:
    """Sound that is made here, and stored without loss."""
    tune = song(_SECONDS)
    return {
        "silence": np.zeros(len(tune), dtype=np.float32),
        "offset": np.full(len(tune), 0.5, dtype=np.float32),
        "clicks": click_track(120, _SECONDS),
        "antiphase": np.column_stack((tune, -tune)),
        "three_seconds": song(3.0),
        "noise": noise(_SECONDS),
    }


def items() -> list[str]:
    """Return the names of all items."""
    return [*SAMPLED, *generated()]


def analysed(name: str, server: ExtractionServer, folder: Path) -> Golden:
    """Return what an analysis of an item says today, as it is kept."""
    signal = generated().get(name)
    path = _SAMPLES / name if signal is None else write(folder / name, signal, form="float")
    return summary(server.extract(path, source=name).record, lossless=signal is not None or name.endswith(".flac"))


def summary(record: Record, *, lossless: bool) -> Golden:
    """Return version, values and reasons of each group."""
    found: Golden = {}
    for group, values in record["features"].items():
        fields = {name: _kept(registry.BY_PATH[f"{group}.{name}"], value, lossless) for name, value in values.items()}
        reasons = {name: record["reasons"][f"{group}.{name}"] for name, value in values.items() if value is None}
        found[group] = {"version": registry.GROUP_VERSIONS[group], "values": fields, "reasons": reasons}
    return found


def _kept(field: Field, value: Any, lossless: bool) -> Any:
    if value is None:
        return None
    if field.shape is Shape.TEXT and len(value) > _LONG_TEXT and not lossless:
        # Decoders of lossy formats may round differently, which changes every digit of a hash.
        return {"length": len(value)}
    if not field.grows:
        return value
    kept: dict[str, Any] = {"length": len(value), "first": value[:_ENDS], "last": value[-_ENDS:]}
    if field.shape is not Shape.LABELS and value:
        numbers = np.asarray(value, dtype=float)
        kept |= {"mean": _digits(numbers.mean(axis=0)), "spread": _digits(numbers.std(axis=0))}
    return kept


def _digits(numbers: Any) -> Any:
    # A part of the descriptor has gaps: they are no numbers, and stay none.
    rounded = [float(f"{number:.9g}") if np.isfinite(number) else None for number in np.atleast_1d(numbers)]
    return rounded if np.ndim(numbers) else rounded[0]


def differences(name: str, stored: Golden, today: Golden) -> Iterator[str]:
    """Say what was changed without raising a version, and what was raised without being stored anew."""
    for group in sorted(stored.keys() | today.keys()):
        if group not in today:
            yield f"{name}: the group {group} is gone; run tests/golden/update.py"
        elif group not in stored:
            yield f"{name}: the group {group} is new; run tests/golden/update.py"
        elif stored[group]["version"] != today[group]["version"]:
            yield f"{name}: {group} has another version; run tests/golden/update.py"
        else:
            for path in changed(group, stored[group], today[group]):
                yield f"{name}: {path} has changed; raise the version of {group} in registry.GROUP_VERSIONS"


def changed(group: str, stored: dict[str, Any], today: dict[str, Any]) -> list[str]:
    """Return the fields of a group that differ by more than their tolerance."""
    names = sorted(stored["values"].keys() | today["values"].keys())
    missing = object()
    return [
        f"{group}.{name}"
        for name in names
        if not _alike(
            stored["values"].get(name, missing),
            today["values"].get(name, missing),
            TOLERANCES[registry.BY_PATH[f"{group}.{name}"].scope] if f"{group}.{name}" in registry.BY_PATH else 0.0,
        )
        or stored["reasons"].get(name) != today["reasons"].get(name)
    ]


def _alike(first: Any, second: Any, tolerance: float) -> bool:
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_alike(first[key], second[key], tolerance) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_alike, first, second, [tolerance] * len(first)))
    if isinstance(first, float | int) and isinstance(second, float | int):
        return math.isclose(first, second, rel_tol=tolerance, abs_tol=tolerance)
    return bool(first == second)


def load(name: str) -> Golden:
    """Return what is kept of an item; nothing where it is new."""
    path = _path(name)
    kept: Golden = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return kept


def store(name: str, golden: Golden) -> None:
    """Keep an item."""
    _path(name).write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _path(name: str) -> Path:
    return HERE / f"{Path(name).stem}.json"
