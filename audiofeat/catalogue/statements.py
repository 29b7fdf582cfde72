"""Statements of the hot path: SQLAlchemy writes each once for a database, and the driver runs it.

A job's claim and end run some fifteen of them. Through SQLAlchemy a small one costs SQLite ten times what it takes by
itself, and on PostgreSQL each would wait for its answer.
"""

from collections import namedtuple
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ClauseElement, ColumnElement, Connection, Dialect, Insert, Select, Table
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase

from audiofeat.catalogue.database import insert_into

# So many rows of an INSERT are one statement on PostgreSQL; more are sent one by one.
_ROWS_TOGETHER = 32

Made = Select[Any] | UpdateBase
Values = Mapping[str, Any]
Convert = Callable[[Any], Any]
# What a statement finds, with its columns as attributes.
Record = Any


class Statement:
    """A statement with named parameters, none of which is a list.

    Parameters
    ----------
    made : Select or UpdateBase
        What it does.
    columns : collection of str, optional
        That an INSERT gives.
    """

    def __init__(self, made: Made, columns: Collection[str] | None = None) -> None:
        self._made = made
        self._columns = None if columns is None else list(columns)
        self._is_one_for_many = columns is not None
        self._ready: dict[tuple[str, int], _Ready] = {}

    def __call__(self, connection: Connection, values: Values | Sequence[Values]) -> None:
        """Run it for one set of values or several; where the connection pipelines, without waiting for an answer."""
        rows = [values] if isinstance(values, Mapping) else values
        is_one = self._is_one_for_many and connection.dialect.name == "postgresql" and 1 < len(rows) <= _ROWS_TOGETHER
        if is_one:
            rows = [{f"{name}_m{n}": value for n, row in enumerate(rows) for name, value in row.items()}]
        ready = self._for(connection, len(values) if is_one else 1)
        given = [ready.given(row) for row in rows]
        if given:
            ready.run(connection, given if len(given) > 1 else given[0], many=len(given) > 1)

    def ask(self, connection: Connection, values: Values) -> "Answer":
        """Run it without waiting for what it finds, where the connection pipelines."""
        ready = self._for(connection, 1)
        return Answer(connection, ready, ready.run(connection, ready.given(values), many=False))

    def one_or_none(self, connection: Connection, values: Values) -> Record:
        """Return the row that it finds, or None."""
        return self.ask(connection, values).one_or_none()

    def all(self, connection: Connection, values: Values) -> list[Record]:
        """Return the rows that it finds."""
        return self.ask(connection, values).all()

    def made_for(self, _connection: Connection) -> Made:
        """Return what it does, in the connection's dialect."""
        return self._made

    def _for(self, connection: Connection, rows: int) -> "_Ready":
        key = connection.dialect.name, rows
        if key not in self._ready:
            made, columns = self.made_for(connection), self._columns
            if rows > 1:
                made, columns = cast("Insert", made).values([dict.fromkeys(columns or ()) for _ in range(rows)]), None
            self._ready[key] = _ready(made, columns, connection.dialect)
        return self._ready[key]


class Upsert(Statement):
    """A statement that adds rows.

    Parameters
    ----------
    table : Table
        Whose primary key decides what is there already.
    columns : collection of str
        That rows give.
    replaced : collection of str
        What a new row replaces in the one that is there; nothing: that one stays.
    """

    def __init__(self, table: Table, columns: Collection[str], *, replaced: Collection[str] = ()) -> None:
        super().__init__(table.insert(), columns)
        self._table, self._replaced = table, tuple(replaced)
        # One statement cannot replace the same row twice; several can.
        self._is_one_for_many = not replaced

    def made_for(self, connection: Connection) -> Made:
        """Return the INSERT with its ON CONFLICT, which each dialect has of its own."""
        new = insert_into(connection, self._table)
        if not self._replaced:
            return new.on_conflict_do_nothing()
        values = {column: new.excluded[column] for column in self._replaced}
        return new.on_conflict_do_update(index_elements=list(self._table.primary_key), set_=values)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A statement as the driver takes it.

    Parameters
    ----------
    parameters : sequence of tuple
        Name, value where none is given, and what makes of a value what the driver takes.
    read : callable or None
        Makes a record of what comes back; None where nothing does.
    """

    sql: str
    is_positional: bool
    parameters: Sequence[tuple[str, Any, Convert | None]]
    read: "_Reader | None"

    def given(self, values: Values) -> Sequence[Any] | Values:
        """Return values as the driver takes them."""
        found = [
            convert(values.get(name, default)) if convert else values.get(name, default)
            for name, default, convert in self.parameters
        ]
        return (
            found
            if self.is_positional
            else {name: value for (name, *_), value in zip(self.parameters, found, strict=True)}
        )

    def run(self, connection: Connection, given: Any, *, many: bool) -> DBAPICursor:  # noqa: ANN401  as the driver has it
        """Run it; return the driver's cursor."""
        cursor = connection.connection.cursor()
        for watch in connection.dispatch.before_cursor_execute:
            watch(connection, cursor, self.sql, given, None, many)
        with _translated(connection, cursor):
            (cursor.executemany if many else cursor.execute)(self.sql, given)
        return cursor


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement finds, once somebody wants to know."""

    _connection: Connection
    _ready: _Ready
    _cursor: DBAPICursor

    def one_or_none(self) -> Record:
        """Return the row, or None."""
        return next(iter(self.all()), None)

    def all(self) -> list[Record]:
        """Return the rows."""
        with _translated(self._connection, self._cursor):
            found = self._cursor.fetchall()
        read, description = self._ready.read, self._cursor.description or ()
        return [read(row, description) for row in found] if read else []


@contextmanager
def _translated(connection: Connection, cursor: DBAPICursor) -> Iterator[None]:
    """Raise the driver's errors as SQLAlchemy does."""
    dialect = connection.dialect
    try:
        yield
    except dialect.loaded_dbapi.Error as error:
        driver = connection.connection.dbapi_connection
        if dialect.is_disconnect(error, driver, cursor):
            connection.invalidate(error)
        raise DBAPIError.instance(
            None, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
        ) from error


def _ready(made: Made, columns: list[str] | None, dialect: Dialect) -> _Ready:
    compiled = cast("SQLCompiler", cast("ClauseElement", made).compile(dialect=dialect, column_keys=columns))
    binds = {name: bind for bind, name in compiled.bind_names.items()}
    names = compiled.positiontup if compiled.positional and compiled.positiontup else list(binds)
    types = {name: bind.type.dialect_impl(dialect) for name, bind in binds.items()}
    parameters = [(name, compiled.params[name], types[name].bind_processor(dialect)) for name in names]
    returned = list(made.exported_columns) if isinstance(made, Select) or made.exported_columns else []
    if not returned:
        return _Ready(compiled.string, compiled.positional, parameters, None)
    return _Ready(compiled.string, compiled.positional, parameters, _Reader(returned, dialect))


class _Reader:
    """Makes records of what the driver returns."""

    def __init__(self, columns: Sequence[ColumnElement[Any]], dialect: Dialect) -> None:
        self._types = [column.type.dialect_impl(dialect) for column in columns]
        self._dialect = dialect
        # Its columns are known at run time only.
        self._record: Record = namedtuple("record", [str(column.name) for column in columns])  # type: ignore[misc]  # noqa: PYI024
        self._reads: list[Convert | None] | None = None

    def __call__(self, found: Sequence[Any], description: Sequence[Any]) -> Record:
        if self._reads is None:
            types = zip(self._types, description, strict=True)
            self._reads = [one.result_processor(self._dialect, about[1]) for one, about in types]
        return self._record._make(
            read(value) if read else value for read, value in zip(self._reads, found, strict=True)
        )
