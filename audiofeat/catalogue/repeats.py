"""The repeats of :mod:`audiofeat.ports` on a SQL database."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select

from audiofeat.catalogue.attribute_schema import attributes
from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.database import Database
from audiofeat.catalogue.repeat_schema import heard, hearings, repeats
from audiofeat.catalogue.schema import analyses, items
from audiofeat.catalogue.statements import Upsert
from audiofeat.domain.items import Kind
from audiofeat.domain.repeats import Heard, Repeat, RepeatKind
from audiofeat.domain.subprints import packed, unpacked
from audiofeat.ports.repeats import EpisodeRow, Repeats, RepeatView

_EPISODES = items.join(attributes, attributes.c.item_id == items.c.item_id).outerjoin(
    hearings, and_(hearings.c.item_id == items.c.item_id, hearings.c.show == attributes.c.show)
)
_IS_EPISODE = and_(
    items.c.kind == Kind.EPISODE,
    items.c.hidden_at.is_(None),
    items.c.sha256.is_not(None),
    attributes.c.show.is_not(None),
)
_LEAST_EPISODES = 2
_keep_repeat = Upsert(repeats, [column.name for column in repeats.c], replaced=("kind",))
_keep_heard = Upsert(heard, [column.name for column in heard.c], replaced=("end_s", "bit_error_ratio"))
_keep_hearing = Upsert(hearings, [column.name for column in hearings.c], replaced=("show", "sha256", "heard_at"))


class SqlRepeats(Repeats):
    """What is heard again, on SQLite or PostgreSQL.

    Every method raises CatalogueUnavailable or DiskFull where the database fails.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def shows_to_hear(self, *, limit: int = 10) -> list[str]:
        """Return shows with episodes that were not yet listened to for repeats, or have other audio by now."""
        is_printed = exists().where(analyses.c.sha256 == items.c.sha256, analyses.c.group == "subprints")
        unheard = or_(hearings.c.sha256.is_(None), hearings.c.sha256 != items.c.sha256)
        query = (
            select(attributes.c.show)
            .select_from(_EPISODES)
            .where(_IS_EPISODE, unheard, is_printed)
            .distinct()
            .limit(limit)
        )
        with self._database.reading() as connection:
            return list(connection.scalars(query))

    def episodes_to_hear(self, show: str) -> list[EpisodeRow]:
        """Return the analysed episodes of a show, by date of release and then by id."""
        query = (
            select(items.c.item_id, items.c.sha256, attributes.c.duration_s, hearings.c.sha256.label("heard"))
            .select_from(_EPISODES)
            .where(_IS_EPISODE, attributes.c.show == show)
            .order_by(func.coalesce(attributes.c.release_date, ""), items.c.item_id)
        )
        with self._database.reading() as connection:
            return [EpisodeRow(row[0], row[1], row[2] or 0.0, row[3]) for row in connection.execute(query)]

    def repeats_known(self, show: str) -> list[Repeat]:
        """Return the repeats of a show with their sub-fingerprints and places."""
        query = select(repeats).where(repeats.c.show == show).order_by(repeats.c.created_at, repeats.c.repeat_id)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            places = _places(
                connection, heard.c.repeat_id.in_(select(repeats.c.repeat_id).where(repeats.c.show == show))
            )
        return [Repeat(row.repeat_id, unpacked(row.words), places[row.repeat_id]) for row in rows]

    def repeats(self, show: str) -> list[RepeatView]:
        """Return what is heard again in a show, in most episodes first; only what at least two episodes have."""
        with self._database.reading() as connection:
            views = _views(connection, repeats.c.show == show)
        return sorted(views, key=lambda view: (-view.episodes, -view.length_s, view.repeat_id))

    def repeats_in(self, item_id: str) -> list[tuple[RepeatView, Heard]]:
        """Return what of other episodes is heard in this one, by its place."""
        here = select(heard.c.repeat_id).where(heard.c.item_id == item_id)
        with self._database.reading() as connection:
            views = _views(connection, repeats.c.repeat_id.in_(here))
        found = [(view, place) for view in views for place in view.heard if place.item_id == item_id]
        return sorted(found, key=lambda pair: pair[1].start_s)

    def keep_heard(
        self, show: str, episode: EpisodeRow, found: Sequence[tuple[Repeat, Heard]], *, kinds: dict[str, RepeatKind]
    ) -> None:
        """Note in one transaction that an episode was listened to and what was heard, instead of what was before."""
        with self._database.writing() as (connection, now):
            connection.execute(delete(heard).where(heard.c.item_id == episode.item_id))
            for repeat in {repeat.repeat_id: repeat for repeat, _ in found}.values():
                _keep_repeat(connection, {
                    "repeat_id": repeat.repeat_id, "show": show, "kind": kinds[repeat.repeat_id].value,
                    "words": packed(repeat.words), "created_at": now,
                })  # fmt: skip
            rows = [
                {
                    "repeat_id": repeat.repeat_id, "item_id": place.item_id, "start_s": place.start_s,
                    "end_s": place.end_s, "bit_error_ratio": place.bit_error_ratio,
                }
                for repeat, place in found
            ]  # fmt: skip
            if rows:
                _keep_heard(connection, rows)
            hearing = {"item_id": episode.item_id, "show": show, "sha256": episode.sha256, "heard_at": now}
            _keep_hearing(connection, hearing)

    def forget_heard(self, show: str, item_ids: Collection[str]) -> None:
        """Have episodes listened to again: what was heard in them is dropped, and repeats that nobody has any more."""
        with self._database.writing() as (connection, _):
            for batch in chunks(sorted(item_ids)):
                connection.execute(delete(heard).where(heard.c.item_id.in_(batch)))
                connection.execute(delete(hearings).where(hearings.c.item_id.in_(batch)))
            still = select(heard.c.repeat_id)
            connection.execute(delete(repeats).where(repeats.c.show == show, repeats.c.repeat_id.not_in(still)))


def _views(connection: Connection, which: ColumnElement[bool]) -> list[RepeatView]:
    rows = connection.execute(select(repeats).where(which).order_by(repeats.c.repeat_id)).all()
    places = _places(connection, heard.c.repeat_id.in_(select(repeats.c.repeat_id).where(which)))
    views = [
        RepeatView(
            row.repeat_id, row.show, RepeatKind(row.kind), Repeat(row.repeat_id, unpacked(row.words)).length_s,
            tuple(places[row.repeat_id]),
        )
        for row in rows
    ]  # fmt: skip
    return [view for view in views if view.episodes >= _LEAST_EPISODES]


def _places(connection: Connection, which: ColumnElement[bool]) -> dict[str, list[Heard]]:
    places: dict[str, list[Heard]] = defaultdict(list)
    # What is heard in an item that is hidden, or was heard in audio that another has replaced, is told to nobody.
    of_this_audio = and_(hearings.c.item_id == items.c.item_id, hearings.c.sha256 == items.c.sha256)
    joined = heard.join(items, items.c.item_id == heard.c.item_id).join(hearings, of_this_audio)
    # Nor what was heard in an item that is an episode of this show no more.
    joined = joined.join(
        attributes, and_(attributes.c.item_id == items.c.item_id, attributes.c.show == hearings.c.show)
    )
    shown = select(heard).select_from(joined).where(which, items.c.hidden_at.is_(None))
    for row in connection.execute(shown.order_by(heard.c.item_id, heard.c.start_s)):
        places[row.repeat_id].append(Heard(row.item_id, row.start_s, row.end_s, row.bit_error_ratio))
    return places
