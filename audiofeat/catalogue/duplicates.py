"""The duplicates of :mod:`audiofeat.ports` on a SQL database: groups are made, confirmed and undone, never deleted."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, delete, exists, or_, select, update

from audiofeat.catalogue import duplicate_marks, duplicate_reads
from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.database import Database, insert_into
from audiofeat.catalogue.duplicate_schema import members, splits, suggestions
from audiofeat.domain.duplicates import Evidence, GroupState, Link, Method, pairs_between
from audiofeat.domain.items import Kind
from audiofeat.errors import InvalidInput
from audiofeat.ports.duplicates import Duplicates, GroupView, PrintRow

_LINKS_AT_ONCE = 1_000


class SqlDuplicates(Duplicates):
    """Groups of duplicates on SQLite or PostgreSQL.

    Every method raises CatalogueUnavailable or DiskFull where the database fails.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def duplicate_groups_of(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Return the group of each item that is in one, by item id; groups that are only suggested are none."""
        with self._database.reading() as connection:
            return duplicate_reads.groups_of(connection, item_ids)

    def prints_of(self, item_ids: Sequence[str]) -> list[PrintRow]:
        """Return what tells duplicates of those of the items that are there."""
        with self._database.reading() as connection:
            return duplicate_reads.prints_of(connection, item_ids)

    def looked_through(self, kind: Kind) -> int:
        """Return up to which sequence number fingerprints of a kind were looked at for duplicates."""
        with self._database.reading() as connection:
            return duplicate_marks.looked_through(connection, kind)

    def known_by(self, marks: Collection[int]) -> dict[int, list[str]]:
        """Return the items that are known by each mark, the longest known first."""
        with self._database.reading() as connection:
            return duplicate_marks.known_by(connection, marks)

    def copies_of(self, item_ids: Collection[str]) -> list[str]:
        """Return who is grouped with those of the items that are known by marks."""
        with self._database.reading() as connection:
            return duplicate_marks.copies_of(connection, item_ids)

    def keep_marks(self, looked_at: Sequence[str], known: Mapping[str, Collection[int]]) -> None:
        """Have items known by these marks alone, and those that were looked at and have none by nothing."""
        with self._database.writing() as (connection, _):
            duplicate_marks.keep(connection, looked_at, known)

    def move_look(self, kind: Kind, sequence: int) -> None:
        """Note up to which sequence number fingerprints of a kind were looked at."""
        with self._database.writing() as (connection, _):
            duplicate_marks.move(connection, kind, sequence)

    def forget_marks(self) -> None:
        """Drop all marks, so that the next look begins anew; groups stay."""
        with self._database.writing() as (connection, _):
            duplicate_marks.forget(connection)

    def duplicate_groups(self, *, after: str | None = None, limit: int = 100) -> list[GroupView]:
        """Return groups in the order of their ids, from the one behind ``after``."""
        with self._database.reading() as connection:
            return duplicate_reads.groups(connection, after=after, limit=limit)

    def duplicate_suggestions(self, *, limit: int = 100) -> list[Link]:
        """Return pairs that wait for somebody to judge, most alike first."""
        with self._database.reading() as connection:
            return duplicate_reads.suggested(connection, limit=limit)

    def duplicate_group(self, item_id: str) -> GroupView | None:
        """Return the group of an item, or of this id."""
        with self._database.reading() as connection:
            return duplicate_reads.group_of(connection, item_id)

    def join_duplicates(self, links: Sequence[Link]) -> int:
        """Put linked items into one group each; return how many links joined what was apart."""
        joined = 0
        for batch in chunks(links, size=_LINKS_AT_ONCE):
            with self._database.writing() as (connection, now):
                joined += _join(connection, now, batch)
        return joined

    def suggest_duplicates(self, links: Sequence[Link]) -> int:
        """Note pairs for somebody to judge; return how many are new."""
        noted = 0
        for batch in chunks(links, size=_LINKS_AT_ONCE):
            with self._database.writing() as (connection, now):
                noted += _suggest(connection, now, batch)
        return noted

    def confirm_duplicates(self, item_ids: Sequence[str]) -> GroupView:
        """Put items into one confirmed group with all that is grouped with them, whatever was said before."""
        if not item_ids:
            raise InvalidInput("name at least one item of a group")
        with self._database.writing() as (connection, now):
            first, *others = dict.fromkeys(item_ids)
            if not others and duplicate_reads.group_of(connection, first) is None:
                raise InvalidInput(f"{first} is in no group of duplicates", "name the items that are the same")
            whole = {first, *others} | _companions(connection, {first, *others})
            _forget_pairs(connection, splits, whole, whole)
            _join(connection, now, [Link(other, Evidence(Method.HAND, first)) for other in others])
            for batch in chunks(sorted(whole)):
                confirmed = update(members).where(members.c.item_id.in_(batch)).values(state=GroupState.CONFIRMED)
                connection.execute(confirmed)
            view = duplicate_reads.group_of(connection, first)
        if view is None:
            raise InvalidInput("an item cannot be the duplicate of itself")
        return view

    def split_duplicates(self, item_ids: Sequence[str]) -> int:
        """Take items out of their groups, and keep them apart from what they were grouped or suggested with."""
        with self._database.writing() as (connection, now):
            apart: set[tuple[str, str]] = set()
            for item_id in item_ids:
                seemed = _suggested_with(connection, item_id)
                apart |= set(pairs_between([item_id], seemed | _companions(connection, {item_id})))
                connection.execute(delete(members).where(members.c.item_id == item_id))
                _forget_pairs(connection, suggestions, {item_id}, seemed)
            _insert_pairs(
                connection, splits, [{"item_id": a, "other_id": b, "created_at": now} for a, b in sorted(apart)]
            )
            _drop_lonely(connection, {item for pair in apart for item in pair})
        return len(apart)


class _Grouping:
    """The groups that some links touch, as they become link by link."""

    def __init__(self, connection: Connection, links: Sequence[Link]) -> None:
        involved = {item_id for link in links for item_id in link.pair}
        self.known = duplicate_reads.groups_of(connection, sorted(involved), lock=True)
        self.inside = _members_of(connection, set(self.known.values()))
        self.known |= {item_id: group_id for group_id, group in self.inside.items() for item_id in group}
        self.group_of = dict(self.known)
        self.evidence: dict[str, dict[str, Any]] = {}
        self._apart = _splits_of(connection, involved | set(self.known))

    def unite(self, link: Link) -> bool:
        """Put both sides of a link into one group, unless they are in one or a pair across them was split."""
        item_id, other = link.item_id, link.evidence.of
        ours, theirs = self.group_of.get(item_id), self.group_of.get(other)
        left, right = self.inside.get(ours or "", {item_id}), self.inside.get(theirs or "", {other})
        if other in left or any(self._apart.get(one, frozenset()) & right for one in left):
            return False
        # The first of a new group was compared with nothing; who comes to a group was compared with one of it.
        if theirs is None:
            self.evidence[other] = replace(link.evidence, of=item_id).to_dict() if ours else {}
        if ours is None:
            self.evidence[item_id] = link.evidence.to_dict()
        group_id = theirs or ours or other
        self.inside[group_id] = left | right
        self.group_of |= dict.fromkeys(left | right, group_id)
        return True

    def write(self, connection: Connection, now: float) -> None:
        """Add who is new, and move who is in another group by now."""
        moved: dict[str, list[str]] = defaultdict(list)
        for item_id, group_id in self.known.items():
            if self.group_of[item_id] != group_id:
                moved[self.group_of[item_id]].append(item_id)
        for group_id, item_ids in moved.items():
            for batch in chunks(item_ids):
                connection.execute(update(members).where(members.c.item_id.in_(batch)).values(group_id=group_id))
        common = {"state": GroupState.FOUND, "created_at": now}
        rows = [
            {"item_id": item_id, "group_id": self.group_of[item_id], "evidence": evidence, **common}
            for item_id, evidence in self.evidence.items()
        ]
        if rows:
            connection.execute(members.insert(), rows)


def _join(connection: Connection, now: float, links: Sequence[Link]) -> int:
    grouping = _Grouping(connection, links)
    united = [link for link in links if grouping.unite(link)]
    grouping.write(connection, now)
    for link in united:
        _forget_pairs(connection, suggestions, {link.item_id}, {link.evidence.of})
    return len(united)


def _suggest(connection: Connection, now: float, links: Sequence[Link]) -> int:
    involved = {item_id for link in links for item_id in link.pair}
    group_of = duplicate_reads.groups_of(connection, sorted(involved))
    apart = _splits_of(connection, involved)
    rows = [
        {
            "item_id": a,
            "other_id": b,
            "evidence": {"item_id": link.item_id, **link.evidence.to_dict()},
            "created_at": now,
        }
        for link in links
        for a, b in [link.pair]
        if a != b and b not in apart.get(a, frozenset()) and (a not in group_of or group_of[a] != group_of.get(b))
    ]
    return _insert_pairs(connection, suggestions, rows)


def _insert_pairs(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    added = 0
    for batch in chunks(list({(row["item_id"], row["other_id"]): dict(row) for row in rows}.values()), size=1_000):
        new = insert_into(connection, table).values(batch).on_conflict_do_nothing()
        added += len(connection.execute(new.returning(table.c.item_id)).all())
    return added


def _forget_pairs(connection: Connection, table: Table, ones: Collection[str], others: Collection[str]) -> None:
    for batch in chunks(sorted(ones), size=500):
        for opposite in chunks(sorted(others), size=500):
            there = and_(table.c.item_id.in_(batch), table.c.other_id.in_(opposite))
            back = and_(table.c.item_id.in_(opposite), table.c.other_id.in_(batch))
            connection.execute(delete(table).where(or_(there, back)))


def _companions(connection: Connection, item_ids: set[str]) -> set[str]:
    """Return everything that is grouped with some items, the items themselves left out."""
    groups = set(duplicate_reads.groups_of(connection, sorted(item_ids), lock=True).values())
    return {member for group in _members_of(connection, groups).values() for member in group} - item_ids


def _members_of(connection: Connection, group_ids: Collection[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for batch in chunks(sorted(group_ids)):
        query = select(members.c.group_id, members.c.item_id).where(members.c.group_id.in_(batch))
        for row in connection.execute(query.with_for_update()):
            found[row.group_id].add(row.item_id)
    return dict(found)


def _pairs_of(connection: Connection, table: Table, item_ids: Collection[str]) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for batch in chunks(sorted(item_ids), size=2_000):
        either = or_(table.c.item_id.in_(batch), table.c.other_id.in_(batch))
        rows += connection.execute(select(table.c.item_id, table.c.other_id).where(either)).all()
    return rows


def _splits_of(connection: Connection, item_ids: Collection[str]) -> dict[str, set[str]]:
    apart: dict[str, set[str]] = defaultdict(set)
    for row in _pairs_of(connection, splits, item_ids):
        apart[row.item_id].add(row.other_id)
        apart[row.other_id].add(row.item_id)
    return dict(apart)


def _suggested_with(connection: Connection, item_id: str) -> set[str]:
    rows = _pairs_of(connection, suggestions, {item_id})
    return {row.other_id if row.item_id == item_id else row.item_id for row in rows}


def _drop_lonely(connection: Connection, item_ids: Collection[str]) -> None:
    """End groups of which one item is left: it is nobody's duplicate."""
    other = members.alias()
    alone = ~exists().where(other.c.group_id == members.c.group_id, other.c.item_id != members.c.item_id)
    for batch in chunks(sorted(item_ids)):
        connection.execute(delete(members).where(members.c.item_id.in_(batch), alone))
