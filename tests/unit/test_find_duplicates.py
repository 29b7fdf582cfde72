"""Looking for duplicates in a whole catalogue: hashes, fingerprints, and what is only suggested."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.duplicates import Method
from audiofeat.domain.fingerprints import decoded
from audiofeat.domain.items import Kind
from audiofeat.errors import IndexMissing
from audiofeat.ports import Hit, PrintRow
from audiofeat.services.duplicates import find, find_new, split
from prints import encoded, noisy, sound


class Prints(SqlCatalogue):
    """A ledger whose items have fingerprints that a test gave them, and came in the order in which it names them."""

    rows: list[PrintRow]

    def prints_of(self, item_ids: Sequence[str]) -> list[PrintRow]:
        """Return those of some."""
        return [row for row in self.rows if row.item_id in item_ids]

    def items(self, *, kind: Kind | None = None, after: str | None = None, limit: int = 100) -> list[Any]:
        """Return a page of them."""
        ids = sorted(row.item_id for row in self.rows if row.kind is kind and (after is None or row.item_id > after))
        return [SimpleNamespace(item_id=item_id) for item_id in ids[:limit]]

    def embeddings(self, kind: Kind, *, after_sequence: int = 0, limit: int | None = None) -> list[Any]:
        """Return who came after a number."""
        numbered = [
            SimpleNamespace(sequence=n, item_id=row.item_id, kind=row.kind) for n, row in enumerate(self.rows, 1)
        ]
        return [row for row in numbered if row.kind is kind and row.sequence > after_sequence][:limit]


@pytest.fixture
def ledger(tmp_path: Path) -> SqlCatalogue:
    return open_catalogue(f"sqlite:///{tmp_path}/ledger.db")


def printed(ledger: SqlCatalogue, *rows: PrintRow) -> Prints:
    """Let a ledger say that its items are printed so."""
    catalogue = Prints(ledger._database)
    catalogue.rows = list(rows)
    return catalogue


def row(name: str, print_: np.ndarray | None = None, *, duration_s: float = 30.0, **changes: object) -> PrintRow:
    text = None if print_ is None else encoded(print_)
    made = PrintRow(name, Kind.TRACK, f"sha-{name}", duration_s, f"pcm-{name}", text)
    return dataclasses.replace(made, **changes)


def groups(catalogue: SqlCatalogue) -> set[frozenset[str]]:
    return {frozenset(member.item_id for member in group.members) for group in catalogue.duplicate_groups()}


def test_equal_bytes_and_equal_samples_are_groups(ledger: SqlCatalogue) -> None:
    """The same sound in another wrapper is found by its samples; one hash leads to the other."""
    catalogue = printed(
        ledger, row("a"), row("b", sha256="sha-a", pcm_sha256="pcm-a"), row("c", pcm_sha256="pcm-a"), row("d"),
        row("e", pcm_sha256=None), row("f", pcm_sha256=None),
    )  # fmt: skip
    found = find(catalogue=catalogue)
    assert groups(catalogue) == {frozenset("abc")}
    assert (found.items, found.joined[Method.AUDIO_HASH], found.joined[Method.PCM_HASH]) == (6, 1, 1)
    assert find(catalogue=catalogue).joined[Method.AUDIO_HASH] == 0


def test_kinds_are_kept_apart(ledger: SqlCatalogue) -> None:
    """A track and an episode are two things even where the bytes are one."""
    catalogue = printed(ledger, row("a", sha256="one"), row("b", sha256="one", kind=Kind.EPISODE))
    find(catalogue=catalogue)
    assert groups(catalogue) == set()


def test_encodings_of_one_recording_are_a_group(ledger: SqlCatalogue) -> None:
    """With the evidence by which they were recognised; strangers stay alone."""
    tune = sound(1)
    catalogue = printed(
        ledger, row("a", tune), row("b", noisy(tune, 0.05)), row("c", tune[14:], duration_s=28.3), row("d", sound(2)),
        row("broken", None, chromaprint="AQ"),
    )  # fmt: skip
    find(catalogue=catalogue)
    assert groups(catalogue) == {frozenset("abc")}
    view = catalogue.duplicate_group("c")
    assert view is not None
    [evidence] = [member.evidence for member in view.members if member.item_id == "c"]
    assert evidence is not None
    assert (evidence.method, evidence.of) == (Method.FINGERPRINT, "a")
    assert evidence.bit_error_ratio == pytest.approx(0.0, abs=0.02)
    assert evidence.duration_difference_s == pytest.approx(-1.7)


@pytest.mark.parametrize(
    ("other", "duration_s"),
    [
        (sound(1), 60.0),
        (np.concatenate([sound(1)[:120], sound(9, 120)]), 30.0),
        (np.concatenate([sound(9, 180), sound(1)[:60]]), 30.0),
    ],
    ids=["an extended version", "the same beginning", "a short quotation"],
)
def test_what_is_partly_the_same_is_no_duplicate(ledger: SqlCatalogue, other: np.ndarray, duration_s: float) -> None:
    """Edits, versions and quotations are things of their own."""
    catalogue = printed(ledger, row("a", sound(1)), row("b", other, duration_s=duration_s))
    find(catalogue=catalogue)
    assert groups(catalogue) == set()


def test_a_chain_of_likenesses_is_no_group(ledger: SqlCatalogue) -> None:
    """What fits the second but not the first is not put with the first."""
    first = sound(1)
    second, third = noisy(first, 0.10, seed=1), noisy(noisy(first, 0.10, seed=1), 0.10, seed=2)
    catalogue = printed(ledger, row("a", first), row("b", second), row("c", third))
    find(catalogue=catalogue)
    assert all(not {"a", "c"} <= group for group in groups(catalogue))
    assert len(groups(catalogue)) == 1


def test_a_split_is_kept_to(ledger: SqlCatalogue) -> None:
    """However often somebody looks."""
    catalogue = printed(ledger, row("a", sound(1)), row("b", noisy(sound(1), 0.02)))
    find(catalogue=catalogue)
    catalogue.split_duplicates(["b"])
    assert find(catalogue=catalogue).joined[Method.FINGERPRINT] == 0
    assert groups(catalogue) == set()


def test_what_is_new_is_compared_with_what_was_there(ledger: SqlCatalogue) -> None:
    """Without a look at the rest: a copy of a copy joins the group, and what was looked at is not looked at again."""
    tune = sound(1)
    catalogue = printed(ledger, row("z", tune), row("stranger", sound(2)))
    assert find_new(Kind.TRACK, catalogue=catalogue).items == 2
    catalogue.rows += [
        row("a", noisy(tune, 0.02)),
        row("b", noisy(tune, 0.04, seed=3)),
        row("c", sha256="sha-stranger"),
    ]
    found = find_new(Kind.TRACK, catalogue=catalogue)
    assert (found.items, found.joined[Method.FINGERPRINT], found.joined[Method.AUDIO_HASH]) == (3, 2, 1)
    assert groups(catalogue) == {frozenset(["z", "a", "b"]), frozenset(["stranger", "c"])}
    assert find_new(Kind.TRACK, catalogue=catalogue).items == 0


def test_copies_of_what_was_split_are_still_found(ledger: SqlCatalogue) -> None:
    """An item that is kept apart from its group is compared with newcomers on its own."""
    tune = sound(1)
    catalogue = printed(ledger, row("a", tune), row("b", noisy(tune, 0.10)))
    find_new(Kind.TRACK, catalogue=catalogue)
    assert split(["b"], catalogue=catalogue) == 1
    catalogue.rows.append(row("c", noisy(tune, 0.10)))
    find_new(Kind.TRACK, catalogue=catalogue)
    assert groups(catalogue) == {frozenset(["b", "c"])}


def test_copies_are_found_after_the_first_of_them_is_gone(ledger: SqlCatalogue) -> None:
    """When it is told that an item is hidden or another thing, those that were known by it are known by themselves."""
    tune = sound(1)
    first, second = row("a", tune), row("b", noisy(tune, 0.02))
    catalogue = printed(ledger, first, second)
    find_new(Kind.TRACK, catalogue=catalogue)
    catalogue.rows = [row("other", sound(4)), second, dataclasses.replace(first, chromaprint=encoded(sound(5)))]
    find_new(Kind.TRACK, catalogue=catalogue)
    catalogue.rows.append(row("c", noisy(tune, 0.03, seed=5)))
    find_new(Kind.TRACK, catalogue=catalogue)
    [group] = [group for group in groups(catalogue) if "c" in group]
    assert "b" in group


def test_what_everybody_has_tells_nothing(ledger: SqlCatalogue) -> None:
    """A mark of hundreds of items costs no comparison, and those with marks of their own are still found."""
    hum = np.arange(40, dtype=np.uint32) << 4
    many = [row(f"hum-{n:03}", np.concatenate([hum, sound(100 + n, 120)]), pcm_sha256=None) for n in range(300)]
    catalogue = printed(ledger, *many, row("copy", noisy(decoded(many[-1].chromaprint or ""), 0.01)))
    find_new(Kind.TRACK, catalogue=catalogue)
    assert groups(catalogue) == {frozenset(["copy", "hum-299"])}


class Line:
    """An index of items on a line."""

    space = SimpleNamespace(id="line")

    def __init__(self, places: Mapping[str, float]) -> None:
        self._places = places

    def current(self, kind: Kind) -> "Line":
        if kind is Kind.EPISODE:
            raise IndexMissing("no episodes")
        return self

    def vector_of(self, item_id: str) -> float | None:
        return self._places.get(item_id)

    def search(self, vector: float, k: int, *, space: str) -> list[Hit]:
        assert space == "line"
        hits = [Hit((name,), abs(place - vector)) for name, place in self._places.items()]
        return sorted(hits, key=lambda hit: hit.distance)[:k]


def test_what_is_near_and_as_long_is_suggested(ledger: SqlCatalogue) -> None:
    """Where there is no fingerprint to tell; it waits for a person, and is suggested once."""
    rows = [row("a"), row("b"), row("far"), row("long", duration_s=90.0), row("c", sound(1)), row("d", sound(2))]
    catalogue = printed(ledger, *rows)
    line = Line({"a": 0.0, "b": 0.05, "far": 1.0, "long": 0.02, "c": 3.0, "d": 3.01, "stranger": 0.0})
    assert find(catalogue=catalogue, indexes=line).suggested == 1
    [link] = catalogue.duplicate_suggestions()
    assert link.pair == ("a", "b")
    assert (link.evidence.method, link.evidence.distance) == (Method.DISTANCE, 0.05)
    assert groups(catalogue) == set()
    assert find(catalogue=catalogue, indexes=line).suggested == 0
