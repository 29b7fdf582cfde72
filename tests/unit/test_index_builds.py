"""What a build reads of the ledger, and how much of it it holds at a time."""

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain import fitting
from audiofeat.domain.descriptor import DIMENSIONS
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.domain.space import Space
from audiofeat.ports import EmbeddingRow, FingerprintNote
from audiofeat.services import fit_space, inventory, snapshot
from audiofeat.services.fit_space import space_for
from audiofeat.services.inventory import inventory_of
from audiofeat.storage.directory import DirectoryStore
from tests.descriptors import descriptors

KIB = 1024
TODAY = GROUP_VERSIONS["descriptor"]
SPACE = fit(descriptors(50), kind=Kind.TRACK)


class Made(SqlCatalogue):
    """A ledger whose fingerprints are made when they are read: of each of its names, in the order of their numbers."""

    names: list[str]
    gone: frozenset[str] = frozenset()

    def fingerprinted(self, kind: Kind, *, after_sequence: int, limit: int) -> list[FingerprintNote]:
        """Return a page of them."""
        assert kind is Kind.TRACK
        page = enumerate(self.names[after_sequence : after_sequence + limit], start=after_sequence + 1)
        return [FingerprintNote(number, name, self.audio(name), TODAY, len(DIMENSIONS)) for number, name in page]

    def embeddings_by_id(self, item_ids: Sequence[str]) -> dict[str, EmbeddingRow]:
        """Return some of them."""
        rows = (
            EmbeddingRow(1, name, Kind.TRACK, self.audio(name), self.descriptor(name), None, None) for name in item_ids
        )
        return {row.item_id: row for row in rows if row.item_id not in self.gone}

    def audio(self, name: str) -> str:
        """Return what stands for the audio behind a name: the name without its first letter."""
        return name[1:]

    def descriptor(self, name: str) -> np.ndarray:
        """Return the same for the same audio."""
        return descriptors(1, seed=int(self.audio(name)))[0]


@pytest.fixture
def ledger(tmp_path: Path) -> Callable[[Sequence[str]], Made]:
    """Return what makes a ledger of some names."""

    def make(names: Sequence[str]) -> Made:
        catalogue = Made(open_catalogue(f"sqlite:///{tmp_path}/ledger.db")._database)
        catalogue.names = list(names)
        return catalogue

    return make


def test_a_build_holds_a_page_of_fingerprints(
    ledger: Callable[[Sequence[str]], Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a thousand items more it holds their ids, not their fingerprints, vectors and blocks of 7 kB an item."""
    for module in (inventory, snapshot):
        monkeypatch.setattr(module, "PAGE_ROWS", 128)

    def peak_bytes(items: int) -> int:
        catalogue = ledger([f"i{number:06d}" for number in range(items)])
        tracemalloc.start()
        try:
            contents = snapshot.snapshot(
                inventory_of(Kind.TRACK, catalogue), space=SPACE, catalogue=catalogue, folder=tmp_path
            )
            assert (len(contents.rows), contents.vectors.shape) == (items, (items, SPACE.dims))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few = peak_bytes(512)
    assert few > 128 * 7 * KIB
    assert peak_bytes(1_536) - few < 1_024 * KIB // 2


def test_a_space_is_fitted_on_an_even_selection_of_the_distinct_audios(
    ledger: Callable[[Sequence[str]], Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the space that is fitted on all of them, as long as there are no more than it is fitted on, and above."""

    def fitted() -> Space:
        return space_for(inventory_of(Kind.TRACK, catalogue), catalogue=catalogue, artefacts=DirectoryStore(tmp_path))

    names = [f"{copy}{number:03d}" for number in range(150) for copy in "ab"]
    catalogue = ledger(names[::-1])
    whole = np.stack([catalogue.descriptor(f"a{number:03d}") for number in range(150)])
    assert fitted().id == fit(whole, kind=Kind.TRACK).id
    for module in (fitting, fit_space):
        monkeypatch.setattr(module, "FIT_MOST_ITEMS", 120)
    assert fitted().id == fit(whole, kind=Kind.TRACK).id
    assert fitted().items == 150


def test_what_changes_while_it_is_read_counts_once(ledger: Callable[[Sequence[str]], Made], tmp_path: Path) -> None:
    """Analysed again, an item has one row; gone since it was counted, it has none; the overlay follows from there."""
    catalogue = ledger(["b2", "a1", "c3", "a1", "d2"])
    found = inventory_of(Kind.TRACK, catalogue)
    assert (found.ids.tolist(), found.highest_sequence) == ([b"a1", b"b2", b"c3", b"d2"], 5)
    catalogue.gone = frozenset({"c3"})
    contents = snapshot.snapshot(found, space=SPACE, catalogue=catalogue, folder=tmp_path)
    assert list(contents.rows) == [("a1",), ("b2", "d2")]
    assert contents.highest_sequence == 5
