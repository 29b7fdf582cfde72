"""Records as callers see them. Imports nothing heavy: the command line and the API use it."""

from typing import Any

from audiofeat.domain import registry
from audiofeat.domain.quality import Status
from audiofeat.errors import AudiofeatError

Record = dict[str, Any]


def public(record: Record) -> Record:
    """Return a record without the groups that only spaces read."""
    features = {group: values for group, values in record["features"].items() if group not in registry.INTERNAL_GROUPS}
    reasons = {path: r for path, r in record["reasons"].items() if path.split(".")[0] not in registry.INTERNAL_GROUPS}
    return {**record, "features": features, "reasons": reasons}


def unreadable(source: str, error: AudiofeatError) -> Record:
    """Return the record of a file that could not even be given to the extractor, or that killed its child."""
    return {
        "source": source,
        "status": Status.REJECTED.value,
        "flags": [],
        "error": {"code": error.code.value, "message": str(error)},
        "audio": {},
        "features": {},
        "reasons": {},
        "extractor": {},
    }
