"""API keys: how one looks, what it allows, and what is kept of it."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

_FORM = re.compile(r"(af_[0-9a-f]{10})_[A-Za-z0-9_-]{43}")
_PREFIX_BYTES, _SECRET_BYTES = 5, 32


class Scope(StrEnum):
    """What a key allows; ``admin`` includes the others."""

    READ = "read"
    INGEST = "ingest"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as the ledger keeps it: everything but the key.

    ``prefix`` are its first characters, by which it is recognised and found. ``digest`` is the SHA-256 of the whole:
    behind 256 random bits nothing slower is needed.
    """

    prefix: str
    name: str
    scopes: tuple[Scope, ...]
    digest: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def opens(self, text: str) -> bool:
        """Tell whether a text is this key; takes equally long for any text."""
        return hmac.compare_digest(self.digest, digest(text))

    def is_valid(self, now: datetime) -> bool:
        """Tell whether the key still holds."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def allows(self, scope: Scope) -> bool:
        """Tell whether the key is good for something."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


def make() -> str:
    """Return a new key, as its owner gets it: once."""
    return f"af_{secrets.token_hex(_PREFIX_BYTES)}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def prefix(text: str) -> str | None:
    """Return a key's prefix; None for what has not the form of a key."""
    found = _FORM.fullmatch(text)
    return found[1] if found else None


def digest(text: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def in_order(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    """Return scopes once each, in their order."""
    given = set(scopes)
    return tuple(scope for scope in Scope if scope in given)
