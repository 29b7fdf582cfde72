"""Groups of duplicates and takedowns in the ledger, on SQLite and on PostgreSQL."""

import numpy as np
import pytest

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.descriptor import pack
from audiofeat.domain.duplicates import Evidence, GroupState, Link, Method
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import GroupResult, JobState, Outcome, Registration
from audiofeat.errors import InvalidInput, ItemUnknown


@pytest.fixture
def catalogue(ledger_url: str) -> SqlCatalogue:
    return open_catalogue(ledger_url)


def add(catalogue: SqlCatalogue, key: str, *, sha256: str = "", pcm: str | None = None) -> str:
    """Analyse one item."""
    [job] = catalogue.register([Registration(ObjectVersion("shop", key, "1", 100))])
    finish(catalogue, job.job_id, sha256=sha256 or key.ljust(64, "0"), pcm=pcm)
    return job.item_id


def finish(catalogue: SqlCatalogue, job_id: str, *, sha256: str, pcm: str | None = None) -> None:
    claim = catalogue.claim(job_id, worker="w", lease_s=60)
    assert claim is not None
    values = {"pcm_sha256": pcm, "chromaprint": None}
    done = Outcome(
        state=JobState.DONE, sha256=sha256, audio={"decoded_duration_s": 12.5}, flags=(),
        groups=(GroupResult("file", 1, values, {}),), extractor={}, kind=Kind.TRACK, kind_source=KindSource.INFERRED,
        descriptor=pack(np.arange(4, dtype=np.float32)),
    )  # fmt: skip
    assert catalogue.finish(claim, done)


def link(item_id: str, of: str, method: Method = Method.FINGERPRINT) -> Link:
    return Link(item_id, Evidence(method, of, bit_error_ratio=0.05))


class TestGroups:
    """Found, confirmed and undone."""

    def test_linked_items_are_one_group(self, catalogue: SqlCatalogue) -> None:
        """Links unite what they touch, across calls too; evidence stays with the one that was compared."""
        assert catalogue.join_duplicates([link("b", "a"), link("c", "a"), link("z", "y")]) == 3
        assert catalogue.join_duplicates([link("c", "b"), link("d", "c")]) == 1
        groups = catalogue.duplicate_groups_of(["a", "b", "c", "d", "y", "z", "stranger"])
        assert len({groups[name] for name in "abcd"}) == 1
        assert groups["y"] == groups["z"] != groups["a"]
        assert "stranger" not in groups
        view = catalogue.duplicate_group("d")
        assert view is not None
        assert {member.item_id: member.evidence and member.evidence.of for member in view.members} == {
            "a": None, "b": "a", "c": "a", "d": "c",
        }  # fmt: skip

    def test_a_link_between_two_groups_unites_them(self, catalogue: SqlCatalogue) -> None:
        """Whichever came first, and within one call."""
        catalogue.join_duplicates([link("b", "a"), link("d", "c")])
        catalogue.join_duplicates([link("f", "e"), link("d", "b"), link("e", "a")])
        assert len(set(catalogue.duplicate_groups_of(list("abcdef")).values())) == 1
        assert len(catalogue.duplicate_groups()) == 1

    def test_a_newcomer_keeps_its_evidence_whichever_side_it_stands_on(self, catalogue: SqlCatalogue) -> None:
        """The link may name it as the one that was compared with."""
        catalogue.join_duplicates([link("b", "a")])
        catalogue.join_duplicates([link("a", "new")])
        view = catalogue.duplicate_group("new")
        assert view is not None
        [member] = [member for member in view.members if member.item_id == "new"]
        assert member.evidence is not None
        assert member.evidence.of == "a"

    def test_a_split_is_remembered(self, catalogue: SqlCatalogue) -> None:
        """The item leaves its group, no link brings it back, not even by way of a third item; others stay."""
        catalogue.join_duplicates([link("b", "a"), link("c", "a")])
        assert catalogue.split_duplicates(["b"]) == 2
        assert set(catalogue.duplicate_groups_of(["a", "b", "c"])) == {"a", "c"}
        assert catalogue.join_duplicates([link("b", "a"), link("b", "c")]) == 0
        catalogue.join_duplicates([link("d", "b")])
        assert catalogue.join_duplicates([link("d", "a")]) == 0
        groups = catalogue.duplicate_groups_of(["a", "b", "c", "d"])
        assert groups["b"] == groups["d"] != groups["a"] == groups["c"]

    def test_a_group_of_one_is_none(self, catalogue: SqlCatalogue) -> None:
        """Splitting one of two ends the group."""
        catalogue.join_duplicates([link("b", "a")])
        catalogue.split_duplicates(["a"])
        assert catalogue.duplicate_groups_of(["a", "b"]) == {}
        assert catalogue.duplicate_groups() == []

    def test_confirming_undoes_a_split(self, catalogue: SqlCatalogue) -> None:
        """A person's word stands above what was said before; a confirmed group says that it is."""
        catalogue.join_duplicates([link("b", "a")])
        catalogue.split_duplicates(["b"])
        view = catalogue.confirm_duplicates(["a", "b"])
        assert {member.state for member in view.members} == {GroupState.CONFIRMED}
        assert len(catalogue.duplicate_groups_of(["a", "b"])) == 2
        assert catalogue.confirm_duplicates(["b"]) == view
        with pytest.raises(InvalidInput, match="in no group"):
            catalogue.confirm_duplicates(["stranger"])

    def test_suggestions_group_nothing(self, catalogue: SqlCatalogue) -> None:
        """They wait for a person, who confirms or splits them; each is noted once."""
        near = Link("b", Evidence(Method.DISTANCE, "a", distance=0.1))
        nearer = Link("c", Evidence(Method.DISTANCE, "a", distance=0.02))
        assert catalogue.suggest_duplicates([near, nearer, near]) == 2
        assert catalogue.duplicate_groups_of(["a", "b", "c"]) == {}
        assert catalogue.duplicate_suggestions() == [nearer, near]
        catalogue.confirm_duplicates(["c", "a"])
        catalogue.split_duplicates(["b"])
        assert catalogue.duplicate_suggestions() == []
        assert catalogue.suggest_duplicates([near, nearer]) == 0

    def test_prints_are_what_audio_is_known_by(self, catalogue: SqlCatalogue) -> None:
        """Each visible item once, strangers not at all."""
        ids = sorted(add(catalogue, f"{number}.wav", pcm=f"pcm-{number % 2}") for number in range(5))
        found = catalogue.prints_of([*ids, "stranger"])
        assert sorted(row.item_id for row in found) == ids
        assert {row.pcm_sha256 for row in found} == {"pcm-0", "pcm-1"}
        assert found[0].duration_s == 12.5


class TestMarks:
    """By what items are known."""

    def test_items_are_found_by_their_marks(self, catalogue: SqlCatalogue) -> None:
        """The longest known first; new marks take the place of old ones, and who has none is known by nothing."""
        catalogue.keep_marks(["a", "b"], {"a": [1, -2], "b": [1]})
        assert catalogue.known_by([1, -2, 3]) == {1: ["a", "b"], -2: ["a"]}
        catalogue.keep_marks(["a", "b"], {"a": [1, 3]})
        assert catalogue.known_by([1, -2, 3]) == {1: ["a"], 3: ["a"]}
        catalogue.forget_marks()
        assert catalogue.known_by([1, -2, 3]) == {}

    def test_copies_are_of_those_that_are_known(self, catalogue: SqlCatalogue) -> None:
        """Who is grouped with an item that has marks, and nobody else."""
        catalogue.join_duplicates([link("b", "a"), link("c", "a"), link("z", "y")])
        catalogue.keep_marks(["a"], {"a": [1]})
        assert catalogue.copies_of(["a", "z"]) == ["b", "c"]
        assert catalogue.copies_of(["b"]) == []

    def test_each_kind_is_looked_through_on_its_own(self, catalogue: SqlCatalogue) -> None:
        """From the beginning where nobody looked, or marks were forgotten."""
        assert catalogue.looked_through(Kind.TRACK) == 0
        catalogue.move_look(Kind.TRACK, 3)
        catalogue.move_look(Kind.TRACK, 5)
        assert (catalogue.looked_through(Kind.TRACK), catalogue.looked_through(Kind.EPISODE)) == (5, 0)
        catalogue.forget_marks()
        assert catalogue.looked_through(Kind.TRACK) == 0


class TestTakedowns:
    """What somebody wants gone."""

    def test_a_taken_down_item_is_nowhere(self, catalogue: SqlCatalogue) -> None:
        """Not by id, not by name, not in lists, and readers of fingerprints learn that its place is empty."""
        item_id = add(catalogue, "one.wav")
        [before] = catalogue.embeddings(Kind.TRACK)
        catalogue.take_down(item_id)
        assert catalogue.items_by_id([item_id]) == {}
        assert catalogue.items() == []
        with pytest.raises(ItemUnknown):
            catalogue.find_item("one.wav")
        [tombstone] = catalogue.embeddings(Kind.TRACK, after_sequence=before.sequence)
        assert (tombstone.item_id, tombstone.embedding, tombstone.descriptor.size) == (item_id, None, 0)
        assert catalogue.prints_of([item_id]) == []

    def test_it_stays_down_when_its_object_comes_again(self, catalogue: SqlCatalogue) -> None:
        """A newer version is analysed, and not placed."""
        item_id = add(catalogue, "one.wav")
        catalogue.take_down(item_id)
        [job] = catalogue.register([Registration(ObjectVersion("shop", "one.wav", "2", 100))])
        finish(catalogue, job.job_id, sha256="2" * 64)
        assert catalogue.items_by_id([item_id]) == {}
        newest = catalogue.embeddings(Kind.TRACK)[-1]
        assert not np.isfinite(newest.descriptor).any()
        assert catalogue.taken_down() == [item_id]

    def test_it_can_be_put_back(self, catalogue: SqlCatalogue) -> None:
        """Its job runs once more, which finds the analysis and places it."""
        item_id = add(catalogue, "one.wav")
        catalogue.take_down(item_id)
        [job_id] = catalogue.put_back(item_id)
        assert item_id in catalogue.items_by_id([item_id])
        finish(catalogue, job_id, sha256="one.wav".ljust(64, "0"))
        assert np.isfinite(catalogue.embeddings(Kind.TRACK)[-1].descriptor).all()
        assert catalogue.taken_down() == []

    def test_a_stranger_cannot_be_taken_down(self, catalogue: SqlCatalogue) -> None:
        """It is an error that names it."""
        with pytest.raises(ItemUnknown, match="stranger"):
            catalogue.take_down("stranger")
