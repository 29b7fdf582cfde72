"""Rolling a new version of the fingerprint out: the old index serves until nearly every item has the new one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain import registry
from audiofeat.domain.descriptor import DIMENSIONS, pack
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import GroupResult, JobState, Outcome, Registration
from audiofeat.domain.lookups import Rules
from audiofeat.errors import IndexIncomplete
from audiofeat.services import serve_index
from audiofeat.services.build_index import build_index
from audiofeat.services.lookup import neighbours as look_up
from tests.commands import wait_until

ITEMS = 12
RNG = np.random.default_rng(3)
SPACE = fit((20 + RNG.normal(0, 1.2, (60, len(DIMENSIONS)))).astype(np.float32), kind=Kind.TRACK)
OLD, NEW = ((20 + RNG.normal(0, 1.2, (ITEMS, len(DIMENSIONS)))).astype(np.float32) for _ in range(2))


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Services(load_settings(home=tmp_path / "home", poll_s=0.001))


def analysed(services: Services, number: int, descriptor: np.ndarray, *, run: str) -> None:
    """Have an item measured once more; its audio is the same."""
    audio = ObjectVersion("s3/music", f"{number}.wav", run, 1)
    (job,) = services.catalogue.register([Registration(audio, kind=Kind.TRACK)])
    claim = services.catalogue.claim(job.job_id, worker="w", lease_s=60)
    assert claim is not None
    outcome = Outcome(
        state=JobState.DONE, sha256=f"{number}", audio={"decoded_duration_s": 30.0}, flags=(),
        groups=(GroupResult("descriptor", registry.GROUP_VERSIONS["descriptor"], {}, {}),), extractor={},
        kind=Kind.TRACK, kind_source=KindSource.METADATA, descriptor=pack(descriptor),
    )  # fmt: skip
    assert services.catalogue.finish(claim, outcome)


def build(services: Services) -> str:
    return build_index(
        Kind.TRACK,
        catalogue=services.catalogue,
        publisher=services.publisher,
        artefacts=services.artefacts,
        reference=SPACE,
    ).release


def neighbours(services: Services, number: int = 0) -> list[tuple[str, float]]:
    found = look_up(f"{number}.wav", rules=Rules(k=ITEMS - 1), catalogue=services.catalogue, indexes=services.indexes)
    return [(line.item.key, round(line.distance or 0.0, 5)) for line in found.neighbours]


@pytest.fixture
def next_release(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what makes this process one of the next release, whose fingerprints are of a higher version."""
    newer = registry.GROUP_VERSIONS["descriptor"] + 1
    return lambda: monkeypatch.setitem(registry.GROUP_VERSIONS, "descriptor", newer)  # type: ignore[arg-type]  # read-only to all others


def test_the_old_index_serves_until_the_new_one_is_complete(
    services: Services, next_release: Callable[[], None]
) -> None:
    """Lookups do not move while items are reprocessed, nothing partial is built, and rolling back moves them back."""
    for number in range(ITEMS):
        analysed(services, number, OLD[number], run="1")
    first = build(services)
    before = neighbours(services)
    assert len(before) == ITEMS - 1
    next_release()
    for number in range(ITEMS):
        with pytest.raises(IndexIncomplete, match=f"{ITEMS - number} of {ITEMS} tracks"):
            build(services)
        assert neighbours(services) == before
        analysed(services, number, NEW[number], run="2")
    assert neighbours(services) == before
    second = build(services)
    # A reader opens the new release beside the queries.
    wait_until(lambda: neighbours(services) != before)
    rolled = serve_index.rollback(Kind.TRACK, catalogue=services.catalogue, publisher=services.publisher)
    assert rolled.release == first != second
    wait_until(lambda: neighbours(services) == before)


def test_a_new_item_is_found_during_the_rollout(services: Services, next_release: Callable[[], None]) -> None:
    """What the old index does not know has no old place: it is searched beside it."""
    for number in range(ITEMS - 1):
        analysed(services, number, OLD[number], run="1")
    build(services)
    next_release()
    analysed(services, ITEMS - 1, NEW[ITEMS - 1], run="1")
    assert f"{ITEMS - 1}.wav" in {key for key, _ in neighbours(services)}


def test_an_unchanged_fingerprint_keeps_its_place_in_the_index(services: Services) -> None:
    """Reprocessing other groups sends nothing through the overlay."""
    for number in range(ITEMS):
        analysed(services, number, OLD[number], run="1")
    sequences = [row.sequence for row in services.catalogue.embeddings(Kind.TRACK)]
    for number in range(ITEMS):
        analysed(services, number, OLD[number], run="2")
    assert [row.sequence for row in services.catalogue.embeddings(Kind.TRACK)] == sequences
    analysed(services, 0, NEW[0], run="3")
    assert [row.sequence for row in services.catalogue.embeddings(Kind.TRACK, after_sequence=max(sequences))]
