"""Statements of the hot path: compiled once, and with a list of ids as a single parameter."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import BindParameter, Connection, CursorResult, Executable, FunctionElement, Select, Text
from sqlalchemy.ext.compiler import compiles


class Compiled:
    """A statement that is compiled once for each kind of database.

    SQLAlchemy keeps compiled statements too, but finds one again by walking through all of its parts.

    Parameters
    ----------
    statement : Select
        Whose parameters have names.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, Executable] = {}

    def __call__(self, connection: Connection, parameters: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute it."""
        name = connection.dialect.name
        if name not in self._compiled:
            # Connections take what is compiled, although their type does not say so.
            self._compiled[name] = cast("Executable", self._statement.compile(dialect=connection.dialect))
        return connection.execute(self._compiled[name], parameters)


class ListedIds(FunctionElement[str]):
    """The texts of a JSON list, a row each, for ``IN``: one parameter however many they are.

    Parameters
    ----------
    listed : BindParameter
        The list as JSON.
    """

    type = Text()
    inherit_cache = True

    def __init__(self, listed: BindParameter[str]) -> None:
        super().__init__(listed)


@compiles(ListedIds, "sqlite")
def _listed_on_sqlite(element: ListedIds, compiler: Any, **options: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **options)}))"  # noqa: S608  a parameter


@compiles(ListedIds, "postgresql")
def _listed_on_postgresql(element: ListedIds, compiler: Any, **options: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    return f"(SELECT json_array_elements_text(({compiler.process(element.clauses, **options)})::json))"
