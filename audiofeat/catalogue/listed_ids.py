"""A list of ids as a single parameter, so that a statement is the same however many there are."""

from typing import Any

from sqlalchemy import BindParameter, FunctionElement, Text
from sqlalchemy.ext.compiler import compiles


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
