"""The append-only history of every job."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, insert

from audiofeat.catalogue.schema import transitions
from audiofeat.domain.jobs import JobState


@dataclass(frozen=True, slots=True)
class Transition:
    """One step in the life of a job; ``before`` is None where it begins."""

    job_id: str
    before: JobState | None
    after: JobState
    worker: str | None = None
    note: str | None = None


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
    if rows:
        connection.execute(insert(transitions), rows)
