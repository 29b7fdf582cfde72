"""Numbers of changes, so that a reader can ask for what is new, without a counter that writers would wait for.

On SQLite one transaction writes at a time, and the next number is one more than the highest. On PostgreSQL a row is
numbered by the transaction that wrote it, and what is settled is what lies before the oldest one still under way: no
later commit can have such a number.
"""

from typing import Any

from sqlalchemy import BigInteger, FunctionElement
from sqlalchemy.ext.compiler import compiles


class NextChange(FunctionElement[int]):
    """The number that a row of attributes gets with what is being written."""

    type = BigInteger()
    inherit_cache = True


class SettledChange(FunctionElement[int]):
    """The number up to which every change of attributes can be seen by now."""

    type = BigInteger()
    inherit_cache = True


@compiles(NextChange, "sqlite")
def _next_on_sqlite(_element: NextChange, _compiler: Any, **_options: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    return "(SELECT coalesce(max(change), 0) + 1 FROM attributes)"


@compiles(NextChange, "postgresql")
def _next_on_postgresql(_element: NextChange, _compiler: Any, **_options: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    return "pg_current_xact_id()::text::bigint"


@compiles(SettledChange, "sqlite")
def _settled_on_sqlite(_element: SettledChange, _compiler: Any, **_options: Any) -> str:  # noqa: ANN401  SQLAlchemy's
    return "(SELECT coalesce(max(change), 0) FROM attributes)"


@compiles(SettledChange, "postgresql")
def _settled_on_postgresql(_element: SettledChange, _compiler: Any, **_options: Any) -> str:  # noqa: ANN401  SQLAlchemy's
    return "pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1"
