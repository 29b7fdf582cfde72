"""What every vector index keeps to, whichever engine finds the candidates."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from audiofeat.domain.descriptor import DIMENSIONS
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind
from audiofeat.domain.neighbours import Engine
from audiofeat.domain.similarity import distances, weighed
from audiofeat.domain.space import Space, blocks_all, embed_all
from audiofeat.errors import InvalidInput, SpaceMismatch
from audiofeat.index.build import build_release, sha256_of
from audiofeat.index.graphs import build_graphs
from audiofeat.index.opening import open_release
from audiofeat.index.overlay import Fresh, OverlaidIndex, _segment
from audiofeat.index.overlay_rows import OverlayRows
from audiofeat.ports import IndexContents, VectorIndex
from schemas.manifest import Manifest

ROWS = 900
CLUSTERS = 30


def _vectors() -> tuple[Space, NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(3)
    centres = rng.normal(0, 1, (CLUSTERS, len(DIMENSIONS)))
    items = 20 + centres[np.arange(ROWS) % CLUSTERS] + rng.normal(0, 0.5, (ROWS, len(DIMENSIONS)))
    descriptors = items.astype(np.float32)
    space = fit(descriptors, kind=Kind.TRACK)
    return space, embed_all(space, descriptors), blocks_all(space, descriptors)


SPACE, VECTORS, BLOCKS = _vectors()
IDS = [f"item-{row:04d}" for row in range(ROWS)]
ROWS_OF_ITEMS = [(item, f"{item}-copy") if row % 10 == 0 else (item,) for row, item in enumerate(IDS)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Engine], VectorIndex]:
    """Return a function of the engine, over one release of 900 rows in 30 clusters; every tenth row has two items."""
    return release_in(tmp_path_factory.mktemp("release"))


def release_in(folder: Path, *, rows_per_shard: int = ROWS) -> Callable[[Engine], VectorIndex]:
    """Build a release of several shards for every engine, and open it."""
    contents = IndexContents(SPACE, ROWS_OF_ITEMS, VECTORS, BLOCKS, highest_sequence=ROWS)
    manifest = build_release(contents, folder, rows_per_shard=rows_per_shard, with_graphs=True)
    assert len(manifest.shard_rows) == -(-ROWS // rows_per_shard)
    sha256 = sha256_of(folder / "manifest.json")
    opened = open_release(folder, kind=Kind.TRACK, release=manifest.release, manifest_sha256=sha256)
    return lambda engine: getattr(opened, engine.value)  # type: ignore[no-any-return]  the engine's own name


FIRST_RELEASES = Path(__file__).parents[1] / "golden" / "releases"


@pytest.mark.parametrize("name", sorted(path.name for path in FIRST_RELEASES.iterdir() if path.is_dir()))
def test_releases_of_every_format_load(name: str) -> None:
    """Whatever was ever published is opened and searched, its canaries included; early ones have no blocks."""
    folder = FIRST_RELEASES / name
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    sha256 = sha256_of(folder / "manifest.json")
    opened = open_release(folder, kind=Kind.TRACK, release=manifest.release, manifest_sha256=sha256)
    assert (manifest.items, manifest.rows) == (25, 24)
    assert (opened.voyager is None) == (manifest.graph is None)
    for index in filter(None, (opened.annoy, opened.exact, opened.voyager)):
        vector = index.vector_of("copy-of-7")
        assert vector is not None
        hits = index.search(vector, 5, space=index.space.id)
        assert set(hits[0].item_ids) == {"item-7", "copy-of-7"}
        assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)
        assert index.search(vector, 1, space=index.space.id, only=["item-3"])[0].item_ids == ("item-3",)
        assert (index.blocks_of("item-3") is None) == (manifest.block_dims is None)


def overlay(rows: Sequence[int], *, seal: bool = False) -> Fresh:
    """Return an overlay that repeats some items, each first with another's vector; half of it with trees."""
    fresh = OverlayRows(SPACE.dims, SPACE.block_dims)
    for row in rows:
        fresh.put(IDS[row], VECTORS[row - 1], BLOCKS[row - 1])
    if seal:
        fresh.seal(len(rows), _segment)
        assert fresh.sealed == len(rows)
    for row in rows:
        fresh.put(IDS[row], VECTORS[row], BLOCKS[row])
    return Fresh(fresh, fresh.count, fresh.change)


class VectorIndexContract:
    """The promises; a subclass names the engine."""

    engine: Engine

    @pytest.fixture
    def index(self, built: Callable[[Engine], VectorIndex]) -> VectorIndex:
        return built(self.engine)

    def test_a_stored_vector_finds_itself_first(self, index: VectorIndex) -> None:
        """Its distance is exactly 0, and all items of the row come with it."""
        hit = index.search(VECTORS[20], 1, space=SPACE.id)[0]
        assert hit.item_ids == ("item-0020", "item-0020-copy")
        assert hit.distance == 0.0

    def test_distances_are_exact_and_ascending(self, index: VectorIndex) -> None:
        """Each distance is the angular one of the stored float32 vector."""
        hits = index.search(VECTORS[7], 25, space=SPACE.id)
        found = [hit.distance for hit in hits]
        assert len(found) == 25
        assert found == sorted(found)
        for hit in hits:
            stored = index.vector_of(hit.item_ids[0])
            assert stored is not None
            assert hit.distance == distances(stored[None], VECTORS[7])[0]

    def test_the_true_neighbours_are_found(self, index: VectorIndex) -> None:
        """At least 95 % of the true ten over 100 queries."""
        found = 0
        for row in range(0, ROWS, 9):
            truth = {IDS[near] for near in np.argsort(distances(VECTORS, VECTORS[row]))[:10]}
            found += len(truth & {hit.item_ids[0] for hit in index.search(VECTORS[row], 10, space=SPACE.id)})
        assert found / 1000 >= 0.95

    def test_more_than_there_is_returns_what_there_is(self, index: VectorIndex) -> None:
        """Every row once, none twice."""
        hits = index.search(VECTORS[0], ROWS + 50, space=SPACE.id)
        assert sorted(hit.item_ids[0] for hit in hits) == IDS

    def test_vectors_are_kept_by_item(self, index: VectorIndex) -> None:
        """Each item behind a row has the row's vector; a stranger has none."""
        for item in ("item-0030", "item-0030-copy"):
            assert np.array_equal(np.asarray(index.vector_of(item)), VECTORS[30])
        assert index.vector_of("stranger") is None

    def test_blocks_are_kept_by_item(self, index: VectorIndex) -> None:
        """Each item behind a row has the row's blocks, to half precision; a stranger has none."""
        for item in ("item-0030", "item-0030-copy"):
            assert np.allclose(np.asarray(index.blocks_of(item)), BLOCKS[30], atol=1e-3)
        assert index.blocks_of("stranger") is None

    def test_a_search_can_be_restricted(self, index: VectorIndex) -> None:
        """Nothing but the named items is told, each compared exactly, however few and far they are."""
        wanted = [*IDS[100:400:7], "item-0030-copy", "stranger", "a name that is longer than any in the index"]
        hits = index.search(VECTORS[20], 1_000, space=SPACE.id, only=wanted)
        named = [item_id for hit in hits for item_id in hit.item_ids]
        assert sorted(named) == sorted(wanted[:-2])
        rows = [30 if name.endswith("copy") else int(name[-4:]) for name in named]
        assert [hit.distance for hit in hits] == distances(VECTORS[rows], VECTORS[20]).tolist()
        assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)
        nearest = index.search(VECTORS[20], 3, space=SPACE.id, only=set(wanted))
        assert [hit.item_ids for hit in nearest] == [hit.item_ids for hit in hits[:3]]
        assert index.search(VECTORS[20], 3, space=SPACE.id, only=[]) == []

    def test_what_is_alike_by_other_weights_is_found_wherever_it_lies(self, index: VectorIndex) -> None:
        """The most alike of all rows by these weights alone, most alike first, with every item of a row."""
        weights = dict.fromkeys(SPACE.groups, 0.0) | {"rhythm": 1.0}
        cosines = weighed(SPACE, BLOCKS, weights) @ weighed(SPACE, BLOCKS[20][None], weights)[0]
        names = index.alike(BLOCKS[20], 10, weights=weights)
        assert names[:2] == ["item-0020", "item-0020-copy"]
        told = cosines[[int(name[5:9]) for name in names]]
        # Blocks are kept in half precision.
        assert (np.diff(told) < 2e-3).all()
        rows = len({name[:9] for name in names})
        assert told.min() == pytest.approx(np.sort(cosines)[-rows], abs=2e-3)

    @pytest.mark.parametrize("k", [0, -1])
    def test_k_below_one_is_refused(self, index: VectorIndex, k: int) -> None:
        """It is an error, not a shorter answer."""
        with pytest.raises(InvalidInput, match="k must"):
            index.search(VECTORS[0], k, space=SPACE.id)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda vector: vector * np.nan,
            lambda vector: np.where(np.arange(len(vector)) == 5, np.nan, vector),
            lambda vector: np.where(np.arange(len(vector)) == 5, np.inf, vector),
            lambda vector: vector * 0,
            lambda vector: vector * 2,
            lambda vector: vector[:-1],
            lambda vector: vector[None],
        ],
        ids=["all NaN", "one NaN", "infinite", "zero", "length 2", "one short", "two-dimensional"],
    )
    def test_a_vector_that_is_none_is_refused(
        self, index: VectorIndex, spoil: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    ) -> None:
        """Annoy would answer with confidence."""
        with pytest.raises(InvalidInput, match="a vector must"):
            index.search(spoil(VECTORS[0]).astype(np.float32), 5, space=SPACE.id)

    def test_a_vector_of_another_space_is_refused(self, index: VectorIndex) -> None:
        """The error names both spaces."""
        with pytest.raises(SpaceMismatch, match=f"0123456789abcdef.*{SPACE.id}"):
            index.search(VECTORS[0], 5, space="0123456789abcdef")


class TestAnnoy(VectorIndexContract):
    """Annoy proposes, float32 decides."""

    engine = Engine.ANNOY


class TestVoyager(VectorIndexContract):
    """A graph of voyager proposes, float32 decides."""

    engine = Engine.VOYAGER


class TestExact(VectorIndexContract):
    """A scan."""

    engine = Engine.EXACT


class TestOverlaidAnnoy(VectorIndexContract):
    """Annoy under an overlay that repeats a hundred of its items."""

    engine = Engine.ANNOY

    @pytest.fixture
    def index(self, built: Callable[[Engine], VectorIndex]) -> VectorIndex:
        return OverlaidIndex(built(self.engine), overlay(range(101, 200, 2)))


class TestOverlaidVoyager(TestOverlaidAnnoy):
    """A graph under the same overlay."""

    engine = Engine.VOYAGER


class TestOverlaidExact(TestOverlaidAnnoy):
    """A scan under the same overlay."""

    engine = Engine.EXACT

    @pytest.fixture
    def index(self, built: Callable[[Engine], VectorIndex]) -> VectorIndex:
        return OverlaidIndex(built(self.engine), overlay(range(101, 200, 2)), is_exact=True)


class TestOverlayWithTrees(TestOverlaidAnnoy):
    """An overlay of which the older part, by now wholly replaced, has trees of its own."""

    @pytest.fixture
    def index(self, built: Callable[[Engine], VectorIndex]) -> VectorIndex:
        return OverlaidIndex(built(self.engine), overlay([row for row in range(101, 800) if row % 10], seal=True))


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Engine], VectorIndex]:
    """Return a function of the engine, over the same release in four shards."""
    return release_in(tmp_path_factory.mktemp("sharded"), rows_per_shard=250)


class TestShards(VectorIndexContract):
    """Annoy in four files."""

    engine = Engine.ANNOY

    @pytest.fixture
    def index(self, sharded: Callable[[Engine], VectorIndex]) -> VectorIndex:
        return sharded(self.engine)


class TestGraphShards(TestShards):
    """Voyager in four files."""

    engine = Engine.VOYAGER


def test_rows_that_no_link_reaches_are_found(tmp_path: Path) -> None:
    """Where voyager finds fewer than are wanted, every row of the shard is compared."""
    [graph] = build_graphs(VECTORS, [ROWS], tmp_path)
    graph.index.mark_deleted(7)
    assert graph.propose(VECTORS[7], ROWS, effort=ROWS).tolist() == list(range(ROWS))
