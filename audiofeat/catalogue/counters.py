"""Numbers that only grow, handed out in the order of the commits."""

from sqlalchemy import Connection, update

from audiofeat.catalogue.schema import counters

JOBS = "jobs"
EMBEDDINGS = "embeddings"


def reserve(connection: Connection, name: str, *, count: int = 1) -> int:
    """Return the last of ``count`` fresh numbers.

    The counter's row stays locked until the transaction ends, so whoever holds a higher number commits later.
    """
    raised = (
        update(counters)
        .where(counters.c.name == name)
        .values(value=counters.c.value + count)
        .returning(counters.c.value)
    )
    return int(connection.execute(raised).scalar_one())
