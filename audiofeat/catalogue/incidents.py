"""What went wrong with a job each time it cost a budget: the evidence that a quarantine is judged by."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from audiofeat.catalogue.schema import incidents
from audiofeat.domain.jobs import Evidence
from audiofeat.ports import IncidentView


def note(connection: Connection, now: float, job: Row[Any], *, code: str, message: str, evidence: Evidence) -> None:
    """Append one incident of a held job."""
    row = {
        "job_id": job.job_id,
        "at": now,
        "attempt": job.attempt,
        "worker": job.worker,
        "code": code,
        "message": message,
        "stage": evidence.stage,
        "signal": evidence.signal,
        "sha256": evidence.sha256,
        "versions": dict(evidence.versions),
    }
    connection.execute(insert(incidents).values(row))


def of_job(connection: Connection, job_id: str) -> list[IncidentView]:
    """Return a job's incidents, oldest first."""
    query = select(incidents).where(incidents.c.job_id == job_id).order_by(incidents.c.id)
    return [
        IncidentView(
            at=datetime.fromtimestamp(row.at, tz=UTC),
            attempt=row.attempt,
            worker=row.worker,
            code=row.code,
            message=row.message,
            evidence=Evidence(row.stage, row.signal, row.sha256, row.versions),
        )
        for row in connection.execute(query)
    ]
