"""What ledger and broker say of themselves when they are examined."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerState:
    """What a ledger's database says of itself; ``revision`` is None where there are no tables yet."""

    name: str
    revision: str | None
    newest: str
    clock_skew_s: float


@dataclass(frozen=True, slots=True)
class BrokerState:
    """What a broker says of itself, and what its settings put at risk, each with its remedy."""

    name: str
    product: str
    weaknesses: tuple[tuple[str, str], ...]
