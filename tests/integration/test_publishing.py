"""Releases in a real store: published by swap, never trusted before they were checked, and served without a gap."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import annoy
import numpy as np
import pytest

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.descriptor import DIMENSIONS
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind
from audiofeat.domain.neighbours import Engine
from audiofeat.domain.space import blocks_all, embed_all
from audiofeat.errors import (
    DiskFull,
    IndexDamaged,
    IndexMissing,
    InvalidInput,
    LibraryUnusable,
    PointerMoved,
    StoreUnavailable,
)
from audiofeat.index.build import build_release
from audiofeat.index.graphs import build_graphs
from audiofeat.index.opening import OpenRelease, open_release
from audiofeat.index.publish import Publisher
from audiofeat.index.reader import PublishedIndexes
from audiofeat.index.selftest import require_usable
from audiofeat.index.shared_build import build_shard
from audiofeat.ports import Fetched, IndexContents
from audiofeat.storage.directory import DirectoryStore
from audiofeat.storage.s3 import S3Store
from schemas.manifest import Manifest

TRACK = Kind.TRACK
ROWS = 40
GRAPH = {
    "ef": 16,
    "recall_at_10": 1.0,
    "recall_queries": ROWS,
    "canaries": [{"row": 0, "neighbours": [0, 1], "distances": [0.0, 0.1]}],
    "voyager_version": "2.2.3",
}


def contents(*, seed: int = 1, rows: int = ROWS) -> IndexContents:
    """Random items named by number."""
    items = np.random.default_rng(seed).normal(20, 1, (rows, len(DIMENSIONS))).astype(np.float32)
    space = fit(items, kind=TRACK)
    names = [(f"item-{row}",) for row in range(rows)]
    return IndexContents(space, names, embed_all(space, items), blocks_all(space, items), seed)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    """Return an empty artefact store."""
    (tmp_path / "artefacts").mkdir()
    return DirectoryStore(tmp_path / "artefacts")


@pytest.fixture
def catalogue(tmp_path: Path) -> SqlCatalogue:
    """Return a ledger without items: the overlay is empty."""
    return open_catalogue(f"sqlite:///{tmp_path}/ledger.db")


@pytest.fixture
def make_reader(store: DirectoryStore, catalogue: SqlCatalogue, tmp_path: Path) -> Callable[[], PublishedIndexes]:
    """Return a function that starts a reader on the shared local cache."""
    return lambda: PublishedIndexes(store, catalogue, tmp_path / "cache", poll_s=0.0)


def stored(tmp_path: Path, release: str, name: str) -> Path:
    """Return the path of a published file."""
    return tmp_path / "artefacts" / "indexes" / "track" / release / name


def built(folder: Path, **changes: object) -> Callable[[], OpenRelease]:
    """Build into a folder, rewrite the manifest with changes, and return what opens it."""
    folder.mkdir()
    manifest = build_release(contents(), folder, with_graphs="graph" in changes)
    return resigned(folder, manifest, **changes)


def resigned(folder: Path, manifest: Manifest, **changes: object) -> Callable[[], OpenRelease]:
    """Make the manifest agree with the files and the hash with the manifest, as a broken publisher might."""
    facts = [
        {
            "name": fact.name,
            "size_bytes": (folder / fact.name).stat().st_size,
            "sha256": hashlib.sha256((folder / fact.name).read_bytes()).hexdigest(),
        }
        for fact in manifest.files
    ]
    body = json.dumps(json.loads(manifest.model_dump_json()) | {"files": facts} | changes).encode()
    (folder / "manifest.json").write_bytes(body)
    sha256 = hashlib.sha256(body).hexdigest()
    return lambda: open_release(folder, kind=TRACK, release=manifest.release, manifest_sha256=sha256)


class TestPublishing:
    """The way of a release into the store."""

    def test_what_was_published_is_served(
        self, store: DirectoryStore, make_reader: Callable[[], PublishedIndexes], tmp_path: Path
    ) -> None:
        """A reader answers from it, and the manifest says all that is needed to check it."""
        mine = contents()
        view = Publisher(store).publish(mine)
        index = make_reader().current(TRACK)
        assert (index.release, index.space.id) == (view.release, mine.space.id)
        assert index.search(mine.vectors[3], 1, space=mine.space.id)[0].item_ids == ("item-3",)
        manifest = Manifest.model_validate_json(stored(tmp_path, view.release, "manifest.json").read_bytes())
        assert (manifest.items, manifest.rows, manifest.dims, manifest.metric) == (
            ROWS,
            ROWS,
            len(DIMENSIONS),
            "angular",
        )
        assert (manifest.recall_at_10, manifest.recall_queries, manifest.highest_sequence) == (1.0, ROWS, 1)
        assert len(manifest.canaries) == 8

    def test_it_works_on_s3(self, s3_store: S3Store, catalogue: SqlCatalogue, tmp_path: Path) -> None:
        """Publish twice, serve, roll back: the same on an S3 server."""
        publisher = Publisher(s3_store)
        first = publisher.publish(contents(seed=1))
        second = publisher.publish(contents(seed=2))
        reader = PublishedIndexes(s3_store, catalogue, tmp_path / "cache", poll_s=0.0)
        assert reader.current(TRACK).release == second.release
        assert publisher.rollback(TRACK).release == first.release
        assert reader.current(TRACK).release == first.release

    def test_a_rebuild_gives_the_same_bytes(self, tmp_path: Path) -> None:
        """Every file but the manifest, which carries time and name."""
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            manifest = build_release(contents(rows=700), tmp_path / name, with_graphs=True)
        files = [fact.name for fact in manifest.files]
        assert {"index-000.ann", "index-000.voy", "vectors.npy"} < set(files)
        for file in files:
            assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()

    def test_the_last_three_are_kept_and_what_is_served(self, store: DirectoryStore) -> None:
        """Older ones go, but never the one that is served or was served before."""
        publisher = Publisher(store, grace=timedelta(0))
        views = [publisher.publish(contents(seed=seed)) for seed in range(5)]
        kept = publisher.list(TRACK)
        assert [view.release for view in kept] == [view.release for view in reversed(views[2:])]
        assert [view.is_current for view in kept] == [True, False, False]
        assert len(list(store.list("indexes/track/"))) == 3 * 8 + 1

    def test_what_was_just_replaced_stays_for_a_while(self, store: DirectoryStore) -> None:
        """A reader that is about to fetch it finds it, however quickly releases follow each other."""
        publisher = Publisher(store)
        views = [publisher.publish(contents(seed=seed, rows=5)) for seed in range(5)]
        assert [view.release for view in publisher.list(TRACK)] == [view.release for view in reversed(views)]

    def test_workers_build_the_shards(self, store: DirectoryStore) -> None:
        """Whatever they bring in time is taken, the publisher builds the rest, and nothing of theirs is left."""

        def one_of_three(kind: Kind, release: str, numbers: Sequence[int]) -> bool:
            asked.append(list(numbers))
            assert build_shard(store, kind, release, 1)
            return True

        asked: list[list[int]] = []
        mine = contents()
        shared = Publisher(store, ask_workers=one_of_three, rows_per_shard=15).publish(mine)
        alone = Publisher(store, rows_per_shard=15).publish(mine)
        assert asked == [[0, 1, 2]]
        names = {stored.key.split("/")[-1] for stored in store.list(f"indexes/track/{shared.release}/")}
        assert names == {stored.key.split("/")[-1] for stored in store.list(f"indexes/track/{alone.release}/")}
        for number in range(3):
            keys = [f"indexes/track/{release}/index-00{number}.ann" for release in (shared.release, alone.release)]
            assert store.get(keys[0])[0] == store.get(keys[1])[0]
        assert not build_shard(store, TRACK, shared.release, 0)

    def test_rollback_returns_and_returns_again(self, store: DirectoryStore) -> None:
        """The pointer knows what was served before; promote serves any stored release."""
        publisher = Publisher(store)
        first, second, third = (publisher.publish(contents(seed=seed)).release for seed in range(3))
        assert publisher.rollback(TRACK).release == second
        assert publisher.rollback(TRACK).release == third
        assert publisher.promote(TRACK, first).is_current
        assert publisher.verify(TRACK).release == first

    def test_nothing_to_roll_back_to_is_said(self, store: DirectoryStore) -> None:
        """Neither without a release nor with the first, nor to a release that does not exist."""
        publisher = Publisher(store)
        with pytest.raises(IndexMissing):
            publisher.rollback(TRACK)
        publisher.publish(contents())
        with pytest.raises(IndexMissing, match="before"):
            publisher.rollback(TRACK)
        with pytest.raises(IndexMissing, match="19990101T000000000Z-000000"):
            publisher.promote(TRACK, "19990101T000000000Z-000000")

    @pytest.mark.parametrize("is_first", [True, False], ids=["first release", "later release"])
    def test_the_slower_of_two_publishers_gives_way(
        self, store: DirectoryStore, tmp_path: Path, *, is_first: bool
    ) -> None:
        """It raises, removes its files, and the other's release is served."""
        if not is_first:
            Publisher(store).publish(contents(seed=7))
        overtaken = _Interrupted(tmp_path / "artefacts", lambda: Publisher(store).publish(contents(seed=8)))
        with pytest.raises(PointerMoved, match="meanwhile"):
            Publisher(overtaken).publish(contents(seed=9))
        views = Publisher(store).list(TRACK)
        assert len(views) == (1 if is_first else 2)
        assert views[0].is_current
        assert Publisher(store).verify(TRACK).space == contents(seed=8).space.id

    def test_an_upload_that_breaks_off_leaves_nothing(self, store: DirectoryStore, tmp_path: Path) -> None:
        """What was served before is served on, and the half-built release is gone."""
        before = Publisher(store).publish(contents(seed=1))

        def break_off() -> None:
            raise StoreUnavailable("the store went away")

        with pytest.raises(StoreUnavailable):
            Publisher(_Interrupted(tmp_path / "artefacts", break_off)).publish(contents(seed=2))
        assert [view.release for view in Publisher(store).list(TRACK)] == [before.release]
        assert len(list(store.list("indexes/track/"))) == 8 + 1

    def test_a_swap_whose_answer_was_lost_is_not_undone(self, store: DirectoryStore, tmp_path: Path) -> None:
        """The pointer names the new release, so its files must stay."""
        Publisher(store).publish(contents(seed=1))
        with pytest.raises(StoreUnavailable):
            Publisher(_AnswerLost(tmp_path / "artefacts")).publish(contents(seed=2))
        assert Publisher(store).verify(TRACK).space == contents(seed=2).space.id

    def test_files_of_a_dead_publisher_are_swept(self, store: DirectoryStore, tmp_path: Path) -> None:
        """After a day without a manifest they are nobody's; younger ones may still be at work."""
        for release in ("20200101T000000000Z-00000a", "20200101T000000000Z-00000b"):
            store.put(f"indexes/track/{release}/vectors.npy", b"half")
        os.utime(stored(tmp_path, "20200101T000000000Z-00000a", "vectors.npy"), (0, 0))
        Publisher(store).publish(contents())
        left = {stored_object.key.split("/")[2] for stored_object in store.list("indexes/track/")}
        assert "20200101T000000000Z-00000a" not in left
        assert "20200101T000000000Z-00000b" in left

    def test_vectors_that_are_none_are_not_built(self, store: DirectoryStore) -> None:
        """NaN, zeros and rows without a vector raise before anything is written."""
        good = contents()
        for vectors in (good.vectors * np.float32(np.nan), good.vectors * 0, good.vectors[:-1]):
            with pytest.raises(InvalidInput):
                Publisher(store).publish(IndexContents(good.space, good.rows, vectors, good.blocks, 1))
        assert not list(store.list("indexes/"))


@pytest.mark.parametrize(
    "size_kb", [pytest.param(500, id="vectors"), pytest.param(1_200, id="blocks"), pytest.param(1_900, id="trees")]
)
def test_a_disk_that_fills_up_ends_a_build_with_an_error(
    store: DirectoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size_kb: int
) -> None:
    """Whichever file finds no room: the process lives, it is told what to do, and nothing is left."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small file system")
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    try:
        with pytest.raises(DiskFull, match="no space is left"):
            Publisher(store).publish(contents(rows=400))
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    assert not (tmp_path / "artefacts" / "indexes").exists()


class _Interrupted(DirectoryStore):
    """A store in which something happens just before a manifest is written."""

    def __init__(self, root: Path, event: Callable[[], object]) -> None:
        super().__init__(root)
        self._event = event

    def put_if_absent(self, key: str, body: bytes | Path) -> str:
        if key.endswith("manifest.json"):
            self._event()
        return super().put_if_absent(key, body)


class _Slow(DirectoryStore):
    """A store that gives nothing away while it is told to be slow."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.is_slow, self.fetched = threading.Event(), threading.Event()

    def fetch(self, key: str, into: Path, **limits: Any) -> Fetched:
        self.fetched.set()
        while self.is_slow.is_set():
            time.sleep(0.01)
        return super().fetch(key, into, **limits)


class _AnswerLost(DirectoryStore):
    """A store that swaps and then times out."""

    def swap(self, key: str, body: bytes, *, version: str) -> str:
        super().swap(key, body, version=version)
        raise StoreUnavailable("no answer")


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Return a store to copy and its two releases, the older first."""
    folder = tmp_path_factory.mktemp("two-releases")
    publisher = Publisher(DirectoryStore(folder), with_graphs=True)
    return folder, [publisher.publish(contents(seed=seed)).release for seed in (1, 2)]


class TestDamage:
    """What a reader refuses, and that it goes on serving."""

    @pytest.mark.parametrize(
        "name",
        ["index-000.ann", "index-000.voy", "vectors.npy", "ids.npy", "order.npy", "space.json", "manifest.json"],
    )
    @pytest.mark.parametrize("damage", ["flip", "cut", "grow", "remove"])
    def test_a_damaged_release_leaves_the_old_one_serving(
        self,
        store: DirectoryStore,
        make_reader: Callable[[], PublishedIndexes],
        two_releases: tuple[Path, list[str]],
        tmp_path: Path,
        *,
        name: str,
        damage: str,
    ) -> None:
        """One flipped byte, a cut, grown or missing file: the new release is refused, answers go on."""
        template, (old, new) = two_releases
        shutil.copytree(template, tmp_path / "artefacts", dirs_exist_ok=True)
        pointer, _ = store.get("indexes/track/CURRENT")
        Publisher(store).rollback(TRACK)
        reader = make_reader()
        assert reader.current(TRACK).release == old
        store.swap("indexes/track/CURRENT", pointer, version=store.get("indexes/track/CURRENT")[1])
        path = stored(tmp_path, new, name)
        body = path.read_bytes()
        changed = {
            "flip": body[: len(body) // 2] + bytes([body[len(body) // 2] ^ 1]) + body[len(body) // 2 + 1 :],
            "cut": body[:-1],
            "grow": body + b"\0",
        }
        path.unlink()
        if damage in changed:
            path.write_bytes(changed[damage])

        for engine in Engine:
            index = reader.current(TRACK, engine=engine)
            assert index.release == old
            assert index.search(contents(seed=1).vectors[0], 3, space=index.space.id)[0].item_ids == ("item-0",)
        with pytest.raises((IndexDamaged, IndexMissing)):
            make_reader().current(TRACK)
        with pytest.raises((IndexDamaged, IndexMissing)):
            Publisher(store).verify(TRACK)

    def test_after_a_damaged_release_the_next_good_one_is_served(
        self, store: DirectoryStore, make_reader: Callable[[], PublishedIndexes], tmp_path: Path
    ) -> None:
        """A refused release is not tried again and again, and does not stand in the way of another."""
        Publisher(store).publish(contents(seed=1))
        reader = make_reader()
        reader.current(TRACK)
        bad = Publisher(store).publish(contents(seed=2))
        stored(tmp_path, bad.release, "index-000.ann").write_bytes(b"")
        for _ in range(3):
            assert reader.current(TRACK).space.id == contents(seed=1).space.id
        Publisher(store).publish(contents(seed=3))
        assert reader.current(TRACK).space.id == contents(seed=3).space.id

    @pytest.mark.parametrize(
        "changes",
        [
            {"metric": "euclidean"},
            {"dims": len(DIMENSIONS) - 1},
            {"dims": len(DIMENSIONS) + 100},
            {"rows": ROWS - 1},
            {"items": ROWS + 1},
            {"trees": 7},
            {"kind": "episode"},
            {"version": 1},
            {"version": 3},
            {"shard_rows": [ROWS - 1]},
            {"shard_rows": [ROWS - 1, 1]},
            {"canaries": [{"row": 0, "neighbours": [0, 1], "distances": [0.0, 0.1]}]},
            {"canaries": [{"row": 4000, "neighbours": [0], "distances": [0.0]}]},
            {"files": []},
            {"graph": None},
            {"graph": GRAPH},
            {"graph": GRAPH | {"canaries": [{"row": 4000, "neighbours": [0], "distances": [0.0]}]}},
            {"graph": GRAPH | {"ef": 0}},
        ],
        ids=str,
    )
    def test_a_manifest_that_does_not_fit_is_refused(self, tmp_path: Path, changes: dict[str, object]) -> None:
        """Even where every hash is right, what it says of the files must be true."""
        with pytest.raises(IndexDamaged):
            built(tmp_path / "release", **changes)()

    def test_the_pointer_signs_the_manifest(self, tmp_path: Path) -> None:
        """A manifest rewritten in the store is not the one that was published."""
        reopen = built(tmp_path / "release")
        assert reopen().manifest.search_k > 0
        body = (tmp_path / "release" / "manifest.json").read_text()
        (tmp_path / "release" / "manifest.json").write_text(body.replace('"search_k": ', '"search_k": 9'))
        with pytest.raises(IndexDamaged, match="not the one that was published"):
            reopen()

    @pytest.mark.parametrize("filler", [b"\x7f", b"\x01\x00\x00\x00", b"\xff\xff\xff\x7f", b"random"])
    def test_a_file_that_kills_its_reader_is_survived(self, tmp_path: Path, filler: bytes) -> None:
        """With a right checksum and wrong content, the throw-away process dies and this one goes on."""
        folder = tmp_path / "release"
        folder.mkdir()
        manifest = build_release(contents(), folder)
        size = (folder / "index-000.ann").stat().st_size
        body = np.random.default_rng(1).bytes(size) if filler == b"random" else (filler * size)[:size]
        (folder / "index-000.ann").write_bytes(body)
        with pytest.raises(IndexDamaged):
            resigned(folder, manifest)()

    @pytest.mark.parametrize("place", ["header", "links", "end"])
    def test_a_graph_that_misleads_its_reader_is_refused(self, tmp_path: Path, place: str) -> None:
        """With a right checksum and wrong content, voyager refuses it, or the throw-away process sees it."""
        folder = tmp_path / "release"
        folder.mkdir()
        manifest = build_release(contents(), folder, with_graphs=True)
        body = (folder / "index-000.voy").read_bytes()
        noise = np.random.default_rng(1).bytes(len(body) // 2)
        changed = {
            "header": noise[:64] + body[64:],
            "links": body[:200] + noise + body[200 + len(noise) :],
            "end": body[:-9],
        }
        (folder / "index-000.voy").write_bytes(changed[place])
        with pytest.raises(IndexDamaged):
            resigned(folder, manifest)()

    def test_a_graph_of_other_rows_is_refused(self, tmp_path: Path) -> None:
        """Even where it is a sound one."""
        folder = tmp_path / "release"
        folder.mkdir()
        manifest = build_release(contents(), folder, with_graphs=True)
        build_graphs(contents().vectors[:-1], [ROWS - 1], folder)
        with pytest.raises(IndexDamaged, match="39 rows"):
            resigned(folder, manifest)()

    @pytest.mark.parametrize("metric", ["euclidean", "dot", "manhattan"])
    def test_an_index_of_another_metric_is_refused(
        self, tmp_path: Path, metric: Literal["euclidean", "dot", "manhattan"]
    ) -> None:
        """Annoy itself would open it and answer, or crash."""
        folder = tmp_path / "release"
        folder.mkdir()
        manifest = build_release(contents(), folder)
        other = annoy.AnnoyIndex(len(DIMENSIONS), metric)
        for row, vector in enumerate(contents().vectors):
            other.add_item(row, vector.tolist())
        other.build(30, n_jobs=1)
        other.save(str(folder / "index-000.ann"))
        with pytest.raises(IndexDamaged):
            resigned(folder, manifest)()

    @pytest.mark.parametrize("nodes", [2, 20, 45])
    def test_an_index_cut_between_nodes_is_refused(self, tmp_path: Path, nodes: int) -> None:
        """Annoy loads it with fewer trees or items and says nothing."""
        folder = tmp_path / "release"
        folder.mkdir()
        manifest = build_release(contents(rows=700), folder)
        body = (folder / "index-000.ann").read_bytes()
        (folder / "index-000.ann").write_bytes(body[: -nodes * (12 + 4 * len(DIMENSIONS))])
        with pytest.raises(IndexDamaged):
            resigned(folder, manifest)()

    def test_a_local_copy_that_went_bad_is_fetched_again(
        self, store: DirectoryStore, make_reader: Callable[[], PublishedIndexes], tmp_path: Path
    ) -> None:
        """The store's own files are whole, so a restart heals itself."""
        view = Publisher(store).publish(contents())
        make_reader().current(TRACK)
        copy = tmp_path / "cache" / "track" / view.release / "vectors.npy"
        copy.write_bytes(copy.read_bytes()[:-4])
        assert make_reader().current(TRACK).release == view.release
        assert copy.stat().st_size == stored(tmp_path, view.release, "vectors.npy").stat().st_size

    def test_the_store_may_go_away_once_a_release_is_open(
        self, store: DirectoryStore, make_reader: Callable[[], PublishedIndexes], tmp_path: Path
    ) -> None:
        """The reader serves from its own copy."""
        view = Publisher(store).publish(contents())
        reader = make_reader()
        reader.current(TRACK)
        stored(tmp_path, view.release, "").parent.joinpath("CURRENT").unlink()
        assert reader.current(TRACK).release == view.release

    def test_a_pointer_that_is_none_is_said(
        self, store: DirectoryStore, make_reader: Callable[[], PublishedIndexes]
    ) -> None:
        """A damaged pointer is damage, not an empty shop."""
        store.put("indexes/track/CURRENT", b"{}")
        with pytest.raises(IndexDamaged, match="pointer"):
            make_reader().current(TRACK)


class TestGraphs:
    """The engine that is optional, at build and at query."""

    def test_it_answers_where_it_was_built(
        self, store: DirectoryStore, make_reader: Callable[[], PublishedIndexes], tmp_path: Path
    ) -> None:
        """The manifest tells how hard a graph is searched and what it finds then, and each file of it."""
        view = Publisher(store, with_graphs=True, rows_per_shard=15).publish(contents())
        manifest = Manifest.model_validate_json(stored(tmp_path, view.release, "manifest.json").read_bytes())
        assert manifest.graph is not None
        assert (manifest.graph.recall_at_10, manifest.graph.recall_queries) == (1.0, ROWS)
        assert len([fact for fact in manifest.files if fact.name.endswith(".voy")]) == len(manifest.shard_rows) == 3
        index = make_reader().current(TRACK, engine=Engine.VOYAGER)
        hits = index.search(contents().vectors[3], 3, space=index.space.id)
        exact = make_reader().current(TRACK, engine=Engine.EXACT)
        assert hits == exact.search(contents().vectors[3], 3, space=exact.space.id)

    def test_without_it_a_release_is_what_it_was(
        self, store: DirectoryStore, make_reader: Callable[[], PublishedIndexes], tmp_path: Path
    ) -> None:
        """The manifest does not mention it, and who asks for it learns how it is built."""
        view = Publisher(store).publish(contents())
        assert "graph" not in json.loads(stored(tmp_path, view.release, "manifest.json").read_bytes())
        with pytest.raises(InvalidInput, match=r"without the engine voyager \(.*AUDIOFEAT_INDEX_VOYAGER=true"):
            make_reader().current(TRACK, engine=Engine.VOYAGER)

    def test_where_voyager_is_not_installed_all_else_works(
        self, store: DirectoryStore, make_reader: Callable[[], PublishedIndexes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The release is served by Annoy; asking for its graphs, or to build some, names the remedy."""
        publisher = Publisher(store, with_graphs=True)
        publisher.publish(contents())
        monkeypatch.setattr("audiofeat.index.graphs.find_spec", lambda _: None)
        reader = make_reader()
        assert reader.current(TRACK).search(contents().vectors[3], 1, space=contents().space.id)
        with pytest.raises(InvalidInput, match=r"not installed here \(pip install 'audiofeat\[voyager\]'\)"):
            reader.current(TRACK, engine=Engine.VOYAGER)
        with pytest.raises(InvalidInput, match="not installed here"):
            publisher.publish(contents(seed=2))


class TestServing:
    """Readers at work while releases come and go."""

    def test_no_query_fails_while_releases_are_swapped(
        self, store: DirectoryStore, make_reader: Callable[[], PublishedIndexes]
    ) -> None:
        """Four threads ask all the time; each answer comes whole from one release."""
        publisher, reader = Publisher(store, with_graphs=True), make_reader()
        publisher.publish(contents(seed=0))
        vectors = {made.space.id: made.vectors for made in (contents(seed=seed) for seed in range(5))}
        seen: set[str] = set()
        problems: list[BaseException] = []
        stop = threading.Event()

        def ask(engine: Engine) -> None:
            while not stop.is_set():
                try:
                    index = reader.current(TRACK, engine=engine)
                    query = vectors[index.space.id][5]
                    assert index.search(query, 10, space=index.space.id)[0].item_ids == ("item-5",)
                    seen.add(index.space.id)
                except BaseException as problem:  # noqa: BLE001 (whatever it is, the test has to report it)
                    problems.append(problem)
                    return

        threads = [threading.Thread(target=ask, args=(engine,)) for engine in (*Engine, *Engine)]
        for thread in threads:
            thread.start()
        for seed in range(1, 5):
            publisher.publish(contents(seed=seed))
            reader.refresh(TRACK)
        publisher.rollback(TRACK)
        reader.refresh(TRACK)
        stop.set()
        for thread in threads:
            thread.join()
        assert not problems
        assert len(seen) >= 4

    def test_no_query_waits_for_a_swap(self, store: DirectoryStore, catalogue: SqlCatalogue, tmp_path: Path) -> None:
        """While a release is fetched and opened, however long it takes, the one before it answers."""
        publisher = Publisher(store)
        first = publisher.publish(contents(seed=1)).release
        slow = _Slow(tmp_path / "artefacts")
        reader = PublishedIndexes(slow, catalogue, tmp_path / "cache", poll_s=0.01)
        reader.current(TRACK)
        slow.is_slow.set()
        second = publisher.publish(contents(seed=2)).release
        waits_s, answered = [], set()
        while second not in answered:
            began = time.monotonic()
            answered.add(reader.current(TRACK).release)
            waits_s.append(time.monotonic() - began)
            time.sleep(0.005)
            if slow.fetched.is_set() and len(waits_s) > 20:
                slow.is_slow.clear()
        assert answered == {first, second}
        assert sorted(waits_s)[-2] < 2.0

    def test_old_local_copies_are_removed(
        self, store: DirectoryStore, make_reader: Callable[[], PublishedIndexes], tmp_path: Path
    ) -> None:
        """The one that is served and the one before it stay."""
        reader = make_reader()
        releases = []
        for seed in range(4):
            releases.append(Publisher(store).publish(contents(seed=seed)).release)
            reader.current(TRACK)
        assert sorted(path.name for path in (tmp_path / "cache" / "track").iterdir()) == releases[2:]


class TestSelftest:
    """Annoy on a processor that it was not compiled for."""

    @pytest.mark.parametrize(
        ("module", "said"),
        [
            ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "signal 4"),
            ("raise ImportError('no such library')", "no such library"),
        ],
    )
    def test_the_remedy_is_the_install_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, said: str
    ) -> None:
        """The throw-away process dies of it, this one says how to reinstall."""
        (tmp_path / "annoy.py").write_text(module)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        with pytest.raises(LibraryUnusable, match=said) as raised:
            require_usable()
        assert "--no-cache-dir" in raised.value.remedy
        assert "-march=x86-64-v3" in raised.value.remedy

    def test_a_working_library_passes(self) -> None:
        """Nothing is raised on this machine."""
        require_usable()
