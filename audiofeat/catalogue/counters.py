"""Numbers that only grow, handed out in the order of the commits."""

from sqlalchemy import Connection, bindparam, update

from audiofeat.catalogue.schema import counters

JOBS = "jobs"
EMBEDDINGS = "embeddings"


_RAISE = (
    update(counters)
    .where(counters.c.name == bindparam("wanted"))
    .values(value=counters.c.value + bindparam("count"))
    .returning(counters.c.value)
)


def reserve(connection: Connection, name: str, *, count: int = 1) -> int:
    """Return the last of ``count`` fresh numbers.

    The counter's row stays locked until the transaction ends, so whoever holds a higher number commits later.
    """
    return int(connection.execute(_RAISE, {"wanted": name, "count": count}).scalar_one())
