"""Events in any order and number, with work going on in between, end in the same catalogue."""

import shutil
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.catalogue.database import Database
from audiofeat.domain.items import Kind, KindSource
from audiofeat.domain.jobs import JobState, Lane, Outcome
from audiofeat.domain.object_events import Happened, ObjectEvent, canonical_sequencer

# Every transaction is written through to the disk: without one an example takes a third of the time.
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
KEYS = ("a.wav", "b/c.mp3", "cover.jpg")


@dataclass(frozen=True)
class Plan:
    """What happened, in the order in which it did, and the order in which it is told."""

    history: list[ObjectEvent]
    arrivals: list[ObjectEvent]
    work_after: frozenset[int]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A history of a few keys, versioned or not, shuffled with repetitions, with work between some arrivals."""
    history: list[ObjectEvent] = []
    is_versioned = draw(st.booleans())
    alive: dict[str, list[str]] = {key: [] for key in KEYS}
    for step in range(draw(st.integers(1, 8))):
        # Most things happen to one key: where several share few events, little can be told in a wrong order.
        key = draw(st.sampled_from((KEYS[0], KEYS[0], *KEYS)))
        what = draw(st.sampled_from(["put", "remove version" if is_versioned else "put", "delete"]))
        version_id = None
        happened = Happened.CREATED if what == "put" else Happened.DELETED
        if is_versioned and what == "put":
            version_id = f"v{step}"
            alive[key].append(version_id)
        if is_versioned and what == "remove version" and alive[key]:
            version_id = draw(st.sampled_from(alive[key]))
            alive[key].remove(version_id)
        # Of different lengths, as Amazon's may be.
        sequencer = canonical_sequencer(f"00{step + 1:02X}" + draw(st.sampled_from(["", "00", "7F"])))
        history.append(
            ObjectEvent(
                store="s3/music",
                key=key,
                happened=happened,
                at=datetime(2026, 1, 1, tzinfo=UTC),
                sequencer=sequencer,
                # Two versions of a key may have the same bytes, thus the same ETag.
                # A deletion tells the last one in one dialect, and none in the other.
                version=draw(st.sampled_from(["x", "y"] if what == "put" else [None, "x", "y"])),
                version_id=version_id,
            )
        )
    again = draw(st.lists(st.sampled_from(history), max_size=4))
    arrivals = draw(st.permutations(history + again))
    return Plan(history, arrivals, draw(st.frozensets(st.integers(0, len(arrivals)), max_size=3)))


def work(catalogue: SqlCatalogue) -> None:
    """Claim and finish everything that is due."""
    while due := catalogue.due(Lane.COLD, limit=10):
        for job_id in due:
            claim = catalogue.claim(job_id, worker="w", lease_s=60)
            assert claim is not None
            outcome = Outcome(
                state=JobState.DONE,
                sha256=claim.audio.version,
                audio={"decoded_duration_s": 1.0},
                flags=(),
                groups=(),
                extractor={},
                kind=Kind.TRACK,
                kind_source=KindSource.INFERRED,
                descriptor=b"\0\0\0\0",
            )
            assert catalogue.finish(claim, outcome)


def seen(catalogue: SqlCatalogue) -> dict[str, Any]:
    """Return what a user sees of the catalogue, and what the ledger believes of the objects."""
    items = catalogue.items(limit=100)
    embedded = {item.item_id: catalogue.embedding_of(item.item_id) for item in items}
    known = catalogue.known_objects("s3/music", "", after=None, limit=100)
    return {
        "items": [(item.item_id, item.store, item.key, item.sha256, item.state) for item in items],
        "embeddings": {name: (row.sha256, row.descriptor.tolist()) if row else None for name, row in embedded.items()},
        "searchable": sorted(row.item_id for row in catalogue.embeddings(Kind.TRACK) if row.descriptor.shape == (1,)),
        "objects": [(row.key, row.version) for row in known],
    }


def converges(plan: Plan, new: Callable[[], SqlCatalogue]) -> None:
    """Tell one ledger the history as it was, another as it arrived, and compare."""
    straight, shuffled = new(), new()
    try:
        for event in plan.history:
            straight.take_events([event], lane=Lane.COLD)
        work(straight)
        for n, event in enumerate(plan.arrivals):
            if n in plan.work_after:
                work(shuffled)
            shuffled.take_events([event], lane=Lane.COLD)
        work(shuffled)
        at_once = new()
        at_once.take_events(plan.arrivals, lane=Lane.COLD)
        work(at_once)
        expected = seen(straight)
        assert seen(shuffled) == expected
        assert seen(at_once) == expected
        at_once.close()
        # The same once more changes nothing.
        fates = {taken.fate for taken in shuffled.take_events(plan.arrivals, lane=Lane.COLD)}
        assert fates <= {"late", "not_audio"}
        assert seen(shuffled) == expected
    finally:
        straight.close()
        shuffled.close()


@given(plan=plans())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_order_and_number_of_events_ends_in_the_same_catalogue(empty_sqlite: Path, plan: Plan) -> None:
    """Permuted, repeated, one by one or at once, worked on in between: a user sees the same items."""
    with tempfile.TemporaryDirectory(prefix="audiofeat-events-", dir=_MEMORY) as folder:
        converges(plan, lambda: _copy(empty_sqlite, Path(folder)))


@given(plan=plans())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_does_so_on_postgresql(new_postgresql_ledger: Callable[[], str], plan: Plan) -> None:
    """The same on a server."""
    converges(plan, lambda: open_catalogue(new_postgresql_ledger()))


def _copy(ledger: Path, folder: Path) -> SqlCatalogue:
    return SqlCatalogue(Database(f"sqlite:///{shutil.copy(ledger, folder / f'{uuid.uuid4()}.sqlite3')}"))
