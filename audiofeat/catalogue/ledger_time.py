"""The time by which the ledger judges, inside a statement: no question of its own is asked for it."""

from typing import Any

from sqlalchemy import Double, FunctionElement, bindparam
from sqlalchemy.ext.compiler import compiles


class LedgerTime(FunctionElement[float]):
    """The parameter ``now``; on PostgreSQL the server's clock where that is None. In epoch seconds."""

    type = Double()
    inherit_cache = True

    def __init__(self) -> None:
        super().__init__(bindparam("now", type_=Double()))


@compiles(LedgerTime)
def _told(element: LedgerTime, compiler: Any, **options: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    return str(compiler.process(element.clauses, **options))


@compiles(LedgerTime, "postgresql")
def _on_postgresql(element: LedgerTime, compiler: Any, **options: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    return f"coalesce({_told(element, compiler, **options)}, extract(epoch FROM clock_timestamp())::float8)"
