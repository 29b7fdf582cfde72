"""INSERT ... ON CONFLICT on the hot path: SQLAlchemy keeps no such statement and would compile each one anew."""

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Executable, Table

from audiofeat.catalogue.database import insert_into


class Upsert:
    """A statement that adds rows, compiled once for each kind of database.

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
        self._table, self._columns, self._replaced = table, tuple(columns), tuple(replaced)
        self._compiled: dict[str, Executable] = {}

    def __call__(self, connection: Connection, rows: dict[str, Any] | Sequence[dict[str, Any]]) -> None:
        """Add a row or several."""
        name = connection.dialect.name
        if name not in self._compiled:
            self._compiled[name] = self._compile(connection)
        connection.execute(self._compiled[name], rows)

    def _compile(self, connection: Connection) -> Executable:
        new = insert_into(connection, self._table)
        if self._replaced:
            values = {column: new.excluded[column] for column in self._replaced}
            new = new.on_conflict_do_update(index_elements=list(self._table.primary_key), set_=values)
        else:
            new = new.on_conflict_do_nothing()
        # Connections take what is compiled, although their type does not say so.
        return cast("Executable", new.compile(dialect=connection.dialect, column_keys=self._columns))
