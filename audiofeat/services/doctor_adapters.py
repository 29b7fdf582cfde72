"""Checks of what lies outside: ledger, stores and broker."""

import uuid
from collections.abc import Callable, Sequence
from itertools import islice

from audiofeat.domain.machine import BrokerState, LedgerState
from audiofeat.errors import BrokerUnavailable
from audiofeat.ports import ObjectStore
from audiofeat.services.doctor import Finding, Verdict, fine

_MOST_SKEW_S = 2.0


def ledger(state_of: Callable[[], LedgerState]) -> Finding:
    """Compare the ledger's revision with the newest one, and its clock with this host's."""
    state = state_of()
    if state.revision is None:
        return fine(f"{state.name} has no tables yet; the first command that needs them makes them")
    found = f"{state.name} at revision {state.revision}"
    if state.revision != state.newest:
        return Finding(
            Verdict.WARNING, f"{found}, newest is {state.newest}",
            "any command that opens the ledger upgrades it; upgrade audiofeat where the ledger is the newer one",
        )  # fmt: skip
    if abs(state.clock_skew_s) > _MOST_SKEW_S:
        return Finding(
            Verdict.WARNING, f"{found}; the clocks differ by {state.clock_skew_s:.1f} s", "run an NTP client on both"
        )
    return fine(f"{found}, clocks agree")


def artefacts(store: Callable[[], ObjectStore]) -> Finding:
    """Write, read and delete an object where curves and indexes are kept."""
    opened = store()
    key, body = f"doctor/{uuid.uuid4()}", b"audiofeat doctor"
    opened.put(key, body)
    try:
        read, _ = opened.get(key)
    finally:
        opened.delete(key)
    if read != body:
        return Finding(Verdict.FAILED, f"{opened.name} gives back other bytes", "check the store's proxies and caches")
    return fine(f"{opened.name} is writable and readable")


def sources(stores: Callable[[], Sequence[ObjectStore]]) -> Finding:
    """List the first object of every bucket that audio may be read from."""
    found = [f"{store.name}: {'readable' if list(islice(store.list(), 1)) else 'empty'}" for store in stores()]
    return fine(", ".join(found) if found else "no buckets are named in AUDIOFEAT_ALLOWED_BUCKETS: nothing to ask")


def broker(state_of: Callable[[], BrokerState], *, embedded_program: Callable[[], str] | None) -> Finding:
    """Ask the broker how it is set; an embedded one need not run, but must be there."""
    try:
        state = state_of()
    except BrokerUnavailable:
        if embedded_program is None:
            raise
        return fine(f"embedded, not running now: {embedded_program()}")
    found = f"{state.product} at {state.name}"
    if state.weaknesses:
        worries, remedies = zip(*state.weaknesses, strict=True)
        return Finding(Verdict.WARNING, f"{found}; {'; '.join(worries)}", "; ".join(remedies))
    return fine(found)
