"""Numbers that only grow, handed out in the order of the commits."""

from sqlalchemy import BigInteger, Connection, ScalarSelect, bindparam, select, update

from audiofeat.catalogue.schema import counters
from audiofeat.catalogue.statements import Statement

JOBS = "jobs"
EMBEDDINGS = "embeddings"


_RAISED = (
    update(counters)
    .where(counters.c.name == bindparam("wanted"))
    .values(value=counters.c.value + bindparam("count", type_=BigInteger()))
)
_RAISE = _RAISED.returning(counters.c.value)
_raise = Statement(_RAISED)


def reserve(connection: Connection, name: str, *, count: int = 1) -> int:
    """Return the last of ``count`` fresh numbers.

    The counter's row stays locked until the transaction ends, so whoever holds a higher number commits later.
    """
    return int(connection.execute(_RAISE, {"wanted": name, "count": count}).scalar_one())


def draw(connection: Connection, name: str) -> None:
    """Raise a counter by one, for the statement that comes next and reads what was :func:`drawn`."""
    _raise(connection, {"wanted": name, "count": 1})


def drawn(name: str) -> ScalarSelect[int]:
    """Return the number that this transaction has drawn, as part of a statement."""
    return select(counters.c.value).where(counters.c.name == name).scalar_subquery()
