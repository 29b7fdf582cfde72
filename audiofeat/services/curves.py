"""Curves: what of a feature group grows with the duration lies in the artefact store, the rest in the ledger."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from audiofeat.domain import registry
from audiofeat.domain.jobs import GroupResult
from audiofeat.ports import ObjectStore


def split(record: Mapping[str, Any], artefacts: ObjectStore, measured: GroupResult) -> GroupResult:
    """Return a group for the ledger, its curves stored and named: they have to be there before ``finish`` says so."""
    name, sha256 = measured.group, record["audio"]["sha256"]
    growing = {field.name for field in registry.FIELDS if field.group == name and field.grows}
    curves = {field: value for field, value in measured.values.items() if field in growing}
    kept = {field: value for field, value in measured.values.items() if field not in growing}
    key = None
    if any(curve is not None for curve in curves.values()):
        key = f"curves/{sha256[:2]}/{sha256}/{name}-{measured.version}.json.gz"
        artefacts.put(key, gzip.compress(json.dumps(curves, sort_keys=True).encode(), mtime=0))
    prefix = f"{name}."
    reasons = {path.removeprefix(prefix): why for path, why in record["reasons"].items() if path.startswith(prefix)}
    return replace(measured, values={} if name in registry.INTERNAL_GROUPS else kept, reasons=reasons, curves_key=key)


def load_curves(artefacts: ObjectStore, key: str) -> dict[str, Any]:
    """Return the curves behind a stored key."""
    body, _ = artefacts.get(key)
    curves: dict[str, Any] = json.loads(gzip.decompress(body))
    return curves
