"""Cursors: where a page ends, sealed, so that one that was altered or belongs to another listing is noticed."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Annotated, Any

from fastapi import Query
from fastapi.exceptions import RequestValidationError

from audiofeat.ports import KeyRing

_SEALING = "cursors"
MOST_CHARACTERS = 1000
After = Annotated[
    str | None,
    Query(max_length=MOST_CHARACTERS, description="`next` of the page before, with the same other parameters."),
]
_SEAL_BYTES = 12
_NOT_OURS = "is no cursor of this listing under these parameters; give the `next` of the page before, or leave it out"


class Pages:
    """Makes and reads the cursors of one listing under its filters.

    Parameters
    ----------
    ring : KeyRing
        Knows the secret that all processes of an installation seal with.
    listing : str
        Its name.
    **filters
        What else decides what is listed.
    """

    def __init__(self, ring: KeyRing, listing: str, **filters: object) -> None:
        self._ring = ring
        self._about = json.dumps([listing, filters], sort_keys=True, default=str).encode()

    def sealed(self, position: object) -> str:
        """Return the cursor of a position, which may be anything that JSON can say."""
        packed = json.dumps(position, separators=(",", ":")).encode()
        return _text(self._seal(packed) + packed)

    def opened(self, cursor: str | None) -> Any:  # noqa: ANN401  whatever was sealed
        """Return the position that a cursor names; None without one.

        Raises
        ------
        RequestValidationError
            For what is not a cursor of this listing under these filters.
        """
        if cursor is None:
            return None
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        given, packed = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        # The last character has bits to spare: another one must not do as well.
        if not hmac.compare_digest(given, self._seal(packed)) or _text(raw) != cursor:
            raise RequestValidationError([{"loc": ("query", "after"), "msg": _NOT_OURS, "type": "cursor"}])
        return json.loads(packed)

    def _seal(self, packed: bytes) -> bytes:
        secret = self._ring.secret(_SEALING)
        return hmac.digest(secret, self._about + b"\0" + packed, hashlib.sha256)[:_SEAL_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
