"""API keys on a SQL database: each verb is one transaction."""

import secrets as random
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from audiofeat.catalogue.database import Database, insert_into
from audiofeat.catalogue.key_schema import api_keys, secrets
from audiofeat.domain.keys import ApiKey, Scope
from audiofeat.errors import KeyUnknown
from audiofeat.ports import KeyRing

_SECRET_BYTES = 32


class SqlKeyRing(KeyRing):
    """What is known of the keys of the HTTP API."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_key(self, key: ApiKey) -> None:
        """Keep a new key."""
        row = {
            "prefix": key.prefix,
            "name": key.name,
            "scopes": ",".join(key.scopes),
            "digest": key.digest,
            "created_at": key.created_at.timestamp(),
            "expires_at": key.expires_at and key.expires_at.timestamp(),
        }
        with self._database.writing() as (connection, _):
            connection.execute(insert(api_keys).values(row))

    def key(self, prefix: str) -> ApiKey | None:
        """Return the key with this prefix, revoked and expired ones too."""
        with self._database.reading() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.prefix == prefix)).one_or_none()
        return None if row is None else _view(row)

    def api_keys(self) -> list[ApiKey]:
        """Return every key that there ever was, newest first."""
        with self._database.reading() as connection:
            query = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.prefix)
            return [_view(row) for row in connection.execute(query)]

    def has_keys(self) -> bool:
        """Tell whether there ever was a key."""
        with self._database.reading() as connection:
            return connection.execute(select(api_keys.c.prefix).limit(1)).first() is not None

    def revoke_key(self, prefix: str) -> ApiKey:
        """End a key for good; raises KeyUnknown."""
        with self._database.writing() as (connection, now):
            revoked_at = func.coalesce(api_keys.c.revoked_at, now)
            ended = update(api_keys).where(api_keys.c.prefix == prefix).values(revoked_at=revoked_at)
            row = connection.execute(ended.returning(*api_keys.c)).one_or_none()
        if row is None:
            raise KeyUnknown(f"no key begins with {prefix!r}", "audiofeat keys list")
        return _view(row)

    def key_used(self, prefix: str) -> None:
        """Note that a key was used now."""
        with self._database.writing(lasting=False) as (connection, now):
            connection.execute(update(api_keys).where(api_keys.c.prefix == prefix).values(last_used_at=now))

    def secret(self, name: str) -> bytes:
        """Return 32 random bytes that every process of this installation gets alike, made when first asked for."""
        query = select(secrets.c.value).where(secrets.c.name == name)
        with self._database.reading() as connection:
            known = connection.scalar(query)
        if known is not None:
            return bytes(known)
        with self._database.writing() as (connection, _):
            fresh = insert_into(connection, secrets).values(name=name, value=random.token_bytes(_SECRET_BYTES))
            connection.execute(fresh.on_conflict_do_nothing())
            return bytes(connection.execute(query).scalar_one())


def _view(row: Row[Any]) -> ApiKey:
    return ApiKey(
        prefix=row.prefix,
        name=row.name,
        scopes=tuple(Scope(scope) for scope in row.scopes.split(",")),
        digest=row.digest,
        created_at=datetime.fromtimestamp(row.created_at, tz=UTC),
        expires_at=_time(row.expires_at),
        last_used_at=_time(row.last_used_at),
        revoked_at=_time(row.revoked_at),
    )


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, tz=UTC)
