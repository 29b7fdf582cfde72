"""Batches, offices and workers on a SQL database: each verb is one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from audiofeat.catalogue import attendance, batches, windows
from audiofeat.catalogue.database import Database
from audiofeat.domain.batches import Batch, BatchScope, BatchState
from audiofeat.domain.jobs import Change, Lane
from audiofeat.ports import Attendance, Batches, WorkerView


class SqlBatches(Batches):
    """Work on many items at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_batch(
        self,
        kind: str,
        *,
        lane: Lane,
        scope: BatchScope,
        parameters: Mapping[str, Any] | None = None,
        total: int | None = None,
        most_open: int = 1_000,
    ) -> Batch:
        """Begin a batch; the reconciler makes its jobs."""
        with self._database.writing() as (connection, now):
            return batches.create(
                connection, now, kind, lane=lane, scope=scope, parameters=parameters or {}, total=total,
                most_open=most_open,
            )  # fmt: skip

    def batch(self, batch_id: str) -> Batch:
        """Return one batch; raises BatchUnknown."""
        with self._database.reading() as connection:
            return batches.one(connection, batch_id)

    def batches(
        self,
        *,
        states: Iterable[BatchState] = (),
        kind: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Batch]:
        """Return batches in those states (all where none is named), newest first, those begun before ``after``."""
        with self._database.reading() as connection:
            return batches.newest(connection, states=states, kind=kind, after=after, limit=limit)

    def change_batch(self, change: Change, batch_id: str) -> Batch:
        """Pause, resume or cancel a batch and its jobs; raises BatchUnknown, or InvalidInput where it has ended."""
        with self._database.writing() as (connection, now):
            return batches.change(connection, now, change, batch_id)

    def expand_batches(self, *, page: int) -> int:
        """Look at the next items of each running batch that has room for jobs; return how many were seen."""
        with self._database.reading() as connection:
            waiting = batches.waiting(connection)
        seen = 0
        for batch_id in waiting:
            with self._database.writing() as (connection, now):
                seen += batches.expand(connection, now, batch_id, limit=page)
        return seen

    def keep_windows(self, is_open: Callable[[str], bool]) -> int:
        """Hold running batches whose window is closed, let those go on that were held; return how many changed."""
        with self._database.writing() as (connection, now):
            return windows.keep(connection, now, is_open)

    def ended_lately(self, batch_id: str, *, window_s: float) -> int:
        """Return how many jobs of a batch ended within the last ``window_s`` seconds."""
        with self._database.reading() as connection:
            return batches.ended_since(connection, batch_id, self._database.now(connection) - window_s)

    def settle_batches(self) -> int:
        """Have jobs follow their batch, end batches whose jobs have all ended; return how many changed."""
        with self._database.writing() as (connection, now):
            return batches.settle(connection, now)


class SqlAttendance(Attendance):
    """Who works, and who leads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lead(self, name: str, *, holder: str, lease_s: float) -> bool:
        """Take or keep an office that one process holds at a time; False where another one does."""
        with self._database.writing(lasting=False) as (connection, now):
            return attendance.lead(connection, now, name, holder=holder, lease_s=lease_s)

    def resign(self, name: str, *, holder: str) -> None:
        """Leave an office, so that the next one need not wait."""
        with self._database.writing() as (connection, _):
            attendance.resign(connection, name, holder=holder)

    def time(self) -> float:
        """Return the time by which leases are judged, in epoch seconds."""
        with self._database.reading() as connection:
            return self._database.now(connection)

    def attend(self, name: str, *, host: str, lanes: Sequence[str], slots: int) -> None:
        """Note that worker processes are there."""
        with self._database.writing(lasting=False) as (connection, now):
            attendance.attend(connection, now, name, host=host, lanes=lanes, slots=slots)

    def leave(self, name: str) -> None:
        """Note that worker processes have ended."""
        with self._database.writing() as (connection, _):
            attendance.leave(connection, name)

    def workers(self, *, seen_within_s: float) -> list[WorkerView]:
        """Return who has lately been there."""
        with self._database.reading() as connection:
            now = self._database.now(connection)
            return attendance.present(connection, now, seen_within_s=seen_within_s)
