"""Batches that may work at certain hours only: held when their window closes, let go when it opens."""

from collections.abc import Callable

from sqlalchemy import Connection, select, update

from audiofeat.catalogue.batches import follow
from audiofeat.catalogue.schema import batches
from audiofeat.domain.batches import BatchState
from audiofeat.domain.jobs import Change


def keep(connection: Connection, now: float, is_open: Callable[[str], bool]) -> int:
    """Hold or let go; what a person has paused stays so. Return how many batches changed."""
    changed = 0
    for row in connection.execute(select(batches).where(batches.c.finished_at.is_(None)).with_for_update()).all():
        window = row.parameters.get("window")
        if not window:
            continue
        wanted = is_open(window)
        if row.state == BatchState.RUNNING and not wanted:
            state, what = BatchState.PAUSED, Change.PAUSE
        elif row.state == BatchState.PAUSED and wanted and row.parameters.get("held"):
            state, what = BatchState.RUNNING, Change.RESUME
        else:
            continue
        held = {**row.parameters, "held": state is BatchState.PAUSED}
        values = {"state": state, "parameters": held, "updated_at": now}
        connection.execute(update(batches).where(batches.c.batch_id == row.batch_id).values(values))
        follow(connection, now, row.batch_id, what)
        changed += 1
    return changed
