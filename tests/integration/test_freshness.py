"""What was committed a moment ago is found by every reader, what was taken down by none, and a swap changes neither."""

import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from audiofeat.domain.items import Kind
from audiofeat.domain.neighbours import Engine
from audiofeat.index.overlay import FreshOverlay, OverlaidIndex
from audiofeat.index.reader import PublishedIndexes
from audiofeat.ports import VectorIndex
from shop import Shop, open_shop, sound

POLL_S = 0.2
MOST_S = 30.0


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path)


def readers(shop: Shop, tmp_path: Path, count: int = 2) -> list[PublishedIndexes]:
    """Return readers as several servers have them, each with a cache of its own."""
    return [
        PublishedIndexes(
            shop.indexes._store, shop.catalogue, tmp_path / f"cache-{n}", poll_s=POLL_S, fresh_poll_s=POLL_S
        )
        for n in range(count)
    ]


def inside(index: VectorIndex) -> Counter[str]:
    """Return how often each item is told by a search for everything."""
    axis = np.zeros(index.space.dims, dtype=np.float32)
    axis[0] = 1.0
    hits = index.search(axis, 10_000, space=index.space.id)
    return Counter(name for found in hits for name in found.item_ids)


def test_what_was_committed_is_found_by_every_reader(shop: Shop, tmp_path: Path) -> None:
    """Within the poll and a little, by id and by search, in every engine."""
    for take in range(3):
        shop.add(f"old-{take}.wav", sound(0, take))
    shop.publish()
    both = readers(shop, tmp_path)
    for reader in both:
        reader.current(Kind.TRACK)
    for take in range(3):
        item_id = shop.add(f"new-{take}.wav", sound(1, take))
        committed = time.monotonic()
        for reader in both:
            for engine in Engine:
                while reader.current(Kind.TRACK, engine=engine).vector_of(item_id) is None:
                    time.sleep(0.01)
                assert time.monotonic() - committed < MOST_S
                index = reader.current(Kind.TRACK, engine=engine)
                vector = index.vector_of(item_id)
                assert vector is not None
                assert index.search(vector, 1, space=index.space.id)[0].item_ids == (item_id,)


def test_what_was_taken_down_is_found_by_none(shop: Shop, tmp_path: Path) -> None:
    """Neither by search nor by id, whether it lay in the index or beside it; put back and placed it is there again."""
    old, *_ = [shop.add(f"old-{take}.wav", sound(0, take)) for take in range(3)]
    shop.publish()
    new = shop.add("new.wav", sound(0, 9))
    [reader] = readers(shop, tmp_path, 1)
    index = reader.current(Kind.TRACK)
    vectors = {name: index.vector_of(name) for name in (old, new)}
    for name in (old, new):
        shop.catalogue.take_down(name)
        taken_down = time.monotonic()
        while reader.current(Kind.TRACK).vector_of(name) is not None:
            time.sleep(0.01)
        assert time.monotonic() - taken_down < MOST_S
        index = reader.current(Kind.TRACK)
        vector = vectors[name]
        assert vector is not None
        assert name not in {found for hit in index.search(vector, 10, space=index.space.id) for found in hit.item_ids}
        assert index.search(vector, 10, space=index.space.id, only=[name]) == []
        assert shop.catalogue.items_by_id([name]) == {}
    shop.publish()
    assert old not in inside(shop.indexes.current(Kind.TRACK))


def test_nothing_is_lost_or_doubled_over_swaps(shop: Shop, tmp_path: Path) -> None:
    """While items come, change and go and releases follow each other, each answer has every item once."""
    committed = [shop.add(f"{take}.wav", sound(0, take)) for take in range(5)]
    shop.publish()
    [reader] = readers(shop, tmp_path, 1)
    reader.current(Kind.TRACK)
    ended = threading.Event()
    problems: list[str] = []

    def ask() -> None:
        while not ended.is_set():
            known = list(committed)
            time.sleep(2 * POLL_S)
            reader.current(Kind.TRACK)
            index = reader.current(Kind.TRACK)
            told = inside(index)
            problems.extend(f"{name} is lost" for name in known if not told[name])
            problems.extend(f"{name} is told {count} times" for name, count in told.items() if count > 1)

    thread = threading.Thread(target=ask)
    thread.start()
    for round_ in range(3):
        for take in range(4):
            committed.append(shop.add(f"{round_}-{take}.wav", sound(1 + round_, take)))
            shop.add(f"{take}.wav", sound(4, 10 * round_ + take), version=f"again-{round_}")
        shop.publish()
    ended.set()
    thread.join()
    assert problems == []


def test_an_overlay_of_many_gets_trees(shop: Shop) -> None:
    """From so many rows on; what was changed meanwhile is told as it is now, in the answer of both engines."""
    for take in range(3):
        shop.add(f"old-{take}.wav", sound(0, take))
    shop.publish()
    opened = shop.indexes._kinds[Kind.TRACK].served
    assert opened is not None
    overlay = FreshOverlay(
        shop.catalogue, opened.opened.exact, after_sequence=0, version=None, poll_s=0.0, segment_rows=20
    )
    new = [shop.add(f"new-{take}.wav", sound(take % 5, take)) for take in range(25)]
    overlay.poll()
    assert overlay._sealing is not None
    overlay._sealing.join()
    rows = overlay._rows
    assert rows.sealed == rows.count == 28
    shop.add("new-7.wav", sound(7, 1), version="2")
    fresh = overlay.poll()
    for is_exact in (False, True):
        index = OverlaidIndex(opened.opened.annoy, fresh, is_exact=is_exact)
        vector = index.vector_of(new[7])
        assert vector is not None
        assert index.search(vector, 1, space=index.space.id)[0].item_ids == (new[7],)
        told = Counter(name for hit in index.search(vector, 100, space=index.space.id) for name in hit.item_ids)
        assert set(told.values()) == {1}
        assert len(told) == 28
