"""One field of a foreign format: from which of our fields it comes, how, and how far to trust it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from audiofeat.domain import registry
from audiofeat.domain.field import Scope

_WEAKEST_LAST = (Scope.MEASURED, Scope.ESTIMATED, Scope.HEURISTIC)
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A field of a view.

    Parameters
    ----------
    name : str
        Dotted path in the view; ``[]`` stands for each entry of a list.
    sources : tuple of str
        Registry fields, or parts of the record as ``audio.codec``; none for a constant and for what nothing supports.
    how : str
        One sentence for the reader of the documentation.
    compute : callable, optional
        Takes the sources' values in their order; without it the field is null, or filled by its list's row.
    own_scope : Scope, optional
        Where the computation is weaker than what it is computed from.
    missing : object
        The value where a source is null.
    takes_nulls : bool
        Whether ``compute`` is asked even where a source is null.
    """

    name: str
    sources: tuple[str, ...]
    how: str
    compute: Callable[..., Any] | None = None
    own_scope: Scope = Scope.MEASURED
    missing: Any = None
    takes_nulls: bool = False

    @property
    def scope(self) -> Scope | None:
        """The weakest scope of the sources and of the computation; None for what is not given."""
        if not self.sources:
            return None
        scopes = [registry.BY_PATH[path].scope for path in self.sources if path in registry.BY_PATH]
        return max((self.own_scope, *scopes), key=_WEAKEST_LAST.index)

    def under(self, part: str) -> "Row":
        """Return the same field below a part of the view."""
        return replace(self, name=f"{part}.{self.name}")

    def value(self, record: Record) -> Any:  # noqa: ANN401  the field's own type
        """Return the field of one record."""
        if self.compute is None:
            return self.missing
        values = [value_of(record, path) for path in self.sources]
        if None in values and not self.takes_nulls:
            return self.missing
        return self.compute(*values)

    def provenance(self, record: Record) -> dict[str, Any]:
        """Return scope, sources, and the reasons of those sources that are null."""
        said: dict[str, Any] = {"scope": self.scope, "from": list(self.sources)}
        reasons = {path: record["reasons"][path] for path in self.sources if path in record["reasons"]}
        return said | ({"reasons": reasons} if reasons else {})


def value_of(record: Record, path: str) -> Any:  # noqa: ANN401  the field's own type
    """Return what a record says under a dotted path; None where it says nothing."""
    group, _, name = path.partition(".")
    found = record if group == "record" else record["features"].get(group) or record.get(group) or {}
    return found.get(name)


def filled(rows: Iterable[Row], record: Record) -> dict[str, Any]:
    """Return the nested mapping that the rows' names spell."""
    whole: dict[str, Any] = {}
    for row in rows:
        if "[]" in row.name:
            continue
        *path, name = row.name.split(".")
        part = whole
        for step in path:
            part = part.setdefault(step, {})
        part[name] = row.value(record)
    return whole


def envelope(rows: Iterable[Row], record: Record, *, parts: Iterable[str]) -> dict[str, Any]:
    """Return a view: where it comes from, its parts, and the provenance of every field that is given."""
    common = {name: record[name] for name in ("source", "status", "flags")}
    if not record["features"]:
        return common | {"error": record.get("error")} | dict.fromkeys(parts) | {"provenance": {}}
    kept = tuple(rows)
    provenance = {row.name: row.provenance(record) for row in kept if row.sources}
    return common | filled(kept, record) | {"provenance": provenance}
