"""What is heard again in a show, in the ledger and by the service that listens, on SQLite and on PostgreSQL."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import GroupResult, JobState, MetadataRecord, Outcome, Registration
from audiofeat.domain.repeats import RepeatKind
from audiofeat.domain.subprints import Words, encoded
from audiofeat.errors import InvalidInput
from audiofeat.ports import ObjectStore
from audiofeat.services.repeats import listen
from audiofeat.storage.directory import DirectoryStore
from prints import noisy, sound

JINGLE, AD = sound(901, 50), sound(902, 300)


@pytest.fixture
def catalogue(ledger_url: str) -> SqlCatalogue:
    return open_catalogue(ledger_url)


@pytest.fixture
def artefacts(tmp_path: Path) -> ObjectStore:
    return DirectoryStore(tmp_path)


class Shop:
    """Analyses episodes as a worker does."""

    def __init__(self, catalogue: SqlCatalogue, artefacts: ObjectStore) -> None:
        self._catalogue, self._artefacts = catalogue, artefacts

    def add(
        self, name: str, *parts: Words, show: str = "Harbour Line", version: str = "1", printed: bool = True
    ) -> str:
        """Analyse an episode with some parts between talk of its own; return the item's id."""
        seed = sum(map(ord, f"{name}{version}")) * 10
        talk = [sound(seed + n, 350) for n in range(len(parts) + 1)]
        words = np.concatenate([talk[0], *(x for pair in zip(parts, talk[1:], strict=True) for x in pair)])
        said = MetadataRecord("feed", {"show": show, "title": name})
        source = ObjectVersion("shop", f"{name}.mp3", version, 100)
        [job] = self._catalogue.register(
            [Registration(source, kind=Kind.EPISODE, kind_source=KindSource.METADATA, records=(said,))]
        )
        claim = self._catalogue.claim(job.job_id, worker="w", lease_s=60)
        assert claim is not None
        sha256 = f"{name}{version}".ljust(64, "0")
        key = f"curves/{sha256}/subprints-1.json.gz"
        self._artefacts.put(key, gzip.compress(json.dumps({"minutes": encoded(words)}).encode()))
        groups = (GroupResult("subprints", 1, {}, {}, key),) if printed else ()
        done = Outcome(
            state=JobState.DONE, sha256=sha256, audio={"decoded_duration_s": len(words) * 0.093}, flags=(),
            groups=groups, extractor={}, kind=Kind.EPISODE, kind_source=KindSource.METADATA,
        )  # fmt: skip
        assert self._catalogue.finish(claim, done)
        return job.item_id


@pytest.fixture
def shop(catalogue: SqlCatalogue, artefacts: ObjectStore) -> Shop:
    return Shop(catalogue, artefacts)


def test_a_show_is_listened_to_as_it_grows(shop: Shop, catalogue: SqlCatalogue, artefacts: ObjectStore) -> None:
    """New episodes alone are taken in; what they have is added to what is known, and told by item and by show."""
    first, second = shop.add("e1", JINGLE, AD), shop.add("e2", noisy(JINGLE, 0.08))
    shop.add("elsewhere", JINGLE, show="Another")
    assert sorted(catalogue.shows_to_hear()) == ["another", "harbour line"]
    found = listen("HARBOUR line", catalogue=catalogue, artefacts=artefacts)
    assert (found.episodes, found.listened, found.changed, found.without) == (2, 2, 0, 0)
    [jingle] = found.repeats
    assert jingle.kind is RepeatKind.JINGLE
    assert {one.item_id for one in jingle.heard} == {first, second}
    assert catalogue.shows_to_hear() == ["another"]
    third = shop.add("e3", noisy(AD, 0.05), noisy(JINGLE, 0.05))
    found = listen("harbour line", catalogue=catalogue, artefacts=artefacts)
    assert (found.episodes, found.listened) == (3, 1)
    assert [(view.kind, view.episodes) for view in found.repeats] == [(RepeatKind.JINGLE, 3), (RepeatKind.AD, 2)]
    assert [view.length_s for view, _ in catalogue.repeats_in(third)] == pytest.approx([27.9, 4.7], abs=0.5)


def test_an_episode_that_changed_is_listened_to_again(
    shop: Shop, catalogue: SqlCatalogue, artefacts: ObjectStore
) -> None:
    """What was heard in the audio of before is gone, and with it what only it had in common."""
    shop.add("e1", JINGLE, AD)
    changed = shop.add("e2", JINGLE, AD)
    assert len(listen("harbour line", catalogue=catalogue, artefacts=artefacts).repeats) == 2
    assert shop.add("e2", JINGLE, version="2") == changed
    assert catalogue.shows_to_hear() == ["harbour line"]
    found = listen("harbour line", catalogue=catalogue, artefacts=artefacts)
    assert (found.listened, found.changed) == (1, 1)
    assert [view.length_s for view in found.repeats] == pytest.approx([4.7], abs=0.5)
    again = listen("harbour line", catalogue=catalogue, artefacts=artefacts, again=True)
    assert (again.listened, again.changed) == (2, 0)
    assert [(view.kind, view.episodes) for view in again.repeats] == [(RepeatKind.JINGLE, 2)]


def test_an_item_that_left_the_show_is_told_no_more(
    shop: Shop, catalogue: SqlCatalogue, artefacts: ObjectStore
) -> None:
    """A corrected name, or an episode whose feed names another file by now."""
    first, second, third = (shop.add(name, JINGLE) for name in ("e1", "e2", "e3"))
    listen("harbour line", catalogue=catalogue, artefacts=artefacts)
    catalogue.lock_fields(second, {"show": "Elsewhere"}, by="ana")
    [jingle] = catalogue.repeats("harbour line")
    assert {one.item_id for one in jingle.heard} == {first, third}
    assert catalogue.repeats_in(second) == []


def test_what_cannot_be_compared_is_said(shop: Shop, catalogue: SqlCatalogue, artefacts: ObjectStore) -> None:
    """Episodes without sub-fingerprints are counted and wake nobody; a show without episodes is an error."""
    shop.add("old", printed=False)
    assert catalogue.shows_to_hear() == []
    found = listen("harbour line", catalogue=catalogue, artefacts=artefacts)
    assert (found.episodes, found.listened, found.without) == (1, 0, 1)
    with pytest.raises(InvalidInput, match="no episode of a show 'nobody'"):
        listen("Nobody", catalogue=catalogue, artefacts=artefacts)


def test_two_never_listen_to_one_show(shop: Shop, catalogue: SqlCatalogue, artefacts: ObjectStore) -> None:
    """While somebody holds its office the other does nothing, and says so; a hidden episode is told of to nobody."""
    item_id = shop.add("e1", JINGLE)
    shop.add("e2", JINGLE)
    assert catalogue.lead("repeats of harbour line", holder="other", lease_s=60)
    assert listen("harbour line", catalogue=catalogue, artefacts=artefacts).is_busy
    catalogue.resign("repeats of harbour line", holder="other")
    assert len(listen("harbour line", catalogue=catalogue, artefacts=artefacts).repeats) == 1
    catalogue.take_down(item_id)
    assert catalogue.repeats("harbour line") == []
