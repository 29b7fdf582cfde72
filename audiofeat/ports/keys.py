"""The keys of the HTTP API, and what else only this installation knows."""

from typing import Protocol

from audiofeat.domain.keys import ApiKey


class KeyRing(Protocol):
    """Keeps what is known of keys, never a key."""

    def add_key(self, key: ApiKey) -> None:
        """Keep a new key."""

    def key(self, prefix: str) -> ApiKey | None:
        """Return the key with this prefix, revoked and expired ones too."""

    def api_keys(self) -> list[ApiKey]:
        """Return every key that there ever was, newest first."""

    def has_keys(self) -> bool:
        """Tell whether there ever was a key."""

    def revoke_key(self, prefix: str) -> ApiKey:
        """End a key for good; raises KeyUnknown."""

    def key_used(self, prefix: str) -> None:
        """Note that a key was used now."""

    def secret(self, name: str) -> bytes:
        """Return 32 random bytes that every process of this installation gets alike, made when first asked for."""
