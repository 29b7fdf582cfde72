"""The append-only history of every job."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select

from audiofeat.catalogue.schema import transitions
from audiofeat.catalogue.statements import Statement
from audiofeat.domain.jobs import JobState
from audiofeat.ports import StepView


@dataclass(frozen=True, slots=True)
class Transition:
    """One step in the life of a job; ``before`` is None where it begins."""

    job_id: str
    before: JobState | None
    after: JobState
    worker: str | None = None
    note: str | None = None


_note = Statement(
    insert(transitions).inline(), ("job_id", "at", "from_state", "to_state", "worker", "note")
)  # fmt: skip


def note(connection: Connection, now: float, steps: Iterable[Transition]) -> None:
    """Append steps to the history."""
    rows = [
        {
            "job_id": step.job_id,
            "at": now,
            "from_state": step.before,
            "to_state": step.after,
            "worker": step.worker,
            "note": step.note,
        }
        for step in steps
    ]
    _note(connection, rows)


def of_job(connection: Connection, job_id: str) -> list[StepView]:
    """Return a job's steps, oldest first."""
    query = select(transitions).where(transitions.c.job_id == job_id).order_by(transitions.c.id)
    return [
        StepView(
            at=datetime.fromtimestamp(row.at, tz=UTC),
            before=JobState(row.from_state) if row.from_state else None,
            after=JobState(row.to_state),
            worker=row.worker,
            note=row.note,
        )
        for row in connection.execute(query)
    ]
