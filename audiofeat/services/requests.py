"""One object that somebody outside asks to have analysed, by message or over HTTP."""

from collections.abc import Callable, Mapping
from typing import Any

from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import Lane, MetadataRecord, Registered, Registration
from audiofeat.errors import InvalidInput
from audiofeat.ports import Catalogue, ObjectStore


def accept(
    request: Mapping[str, Any],
    *,
    source: str,
    catalogue: Catalogue,
    open_store: Callable[[str], ObjectStore],
    trace: str | None = None,
) -> Registered:
    """Write the job into the ledger; the object is asked for its version only where the request names none.

    Parameters
    ----------
    request : mapping
        The fields of a validated ``schemas.messages.IngestRequest``.
    source : str
        What the request's metadata is filed under.
    trace : str, optional
        In which the job goes on, as ``traceparent`` has it.

    Raises
    ------
    InvalidInput
        The store is a local folder: those are for the command line alone.
    ObjectMissing, AccessDenied, StoreUnavailable
        The object's version could not be asked for.
    """
    if request["store"].startswith("file:"):
        raise InvalidInput("requests name an S3 store, never a local folder", "use `audiofeat ingest FOLDER`")
    store = open_store(request["store"])
    key, etag, kind, size_bytes = request["key"], request["etag"], request["kind"], 0
    if etag is None:
        found = store.head(key)
        etag, size_bytes = found.version, found.size_bytes
    registration = Registration(
        audio=ObjectVersion(store.name, key, etag, size_bytes),
        lane=Lane(request["lane"]),
        reference=request["reference"],
        kind=Kind(kind) if kind else None,
        kind_source=KindSource.METADATA if kind else None,
        records=(MetadataRecord(source, dict(request["metadata"])),) if request["metadata"] else (),
        trace=trace,
    )
    (registered,) = catalogue.register([registration])
    return registered
