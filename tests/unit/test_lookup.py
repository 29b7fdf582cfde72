"""A lookup: a real ledger, a published index and the overlay, with descriptors of known families."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audiofeat.domain.descriptor import DIMENSIONS
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import Registration
from audiofeat.domain.neighbours import Duplicate, Engine
from audiofeat.domain.space import Space, embed
from audiofeat.errors import IndexEmpty, IndexMissing, InvalidInput, ItemNotAnalysed, ItemUnknown, SpaceMismatch
from audiofeat.index.overlay import place
from audiofeat.ports import EmbeddingRow
from audiofeat.services import ranking
from audiofeat.services.build_index import build_index
from audiofeat.services.compare_spaces import compare_spaces
from audiofeat.services.fit_space import keep, kept, space_for, stored
from audiofeat.services.inventory import inventory_of
from audiofeat.services.lookup import Answer
from audiofeat.services.snapshot import snapshot
from audiofeat.space_errors import QualityTooLow, SpaceUnknown
from shop import Shop, open_shop, sound


def with_families(shop: Shop) -> Shop:
    """Add four families of five takes, and publish."""
    for family in range(4):
        for take in range(5):
            shop.add(f"{family}-{take}.wav", sound(family, take), tempo_bpm=100.0 + family, mode="minor")
    shop.publish()
    return shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return an empty one."""
    return open_shop(tmp_path)


@pytest.fixture
def families(shop: Shop) -> Shop:
    """Four families of five takes, published, to be added to."""
    return with_families(shop)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Return the same for tests that only ask."""
    return with_families(open_shop(tmp_path_factory.mktemp("shop")))


def test_a_group_that_the_space_hardly_weighs_is_looked_for_everywhere(
    published: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By weights far from the space's own the list is that of all items compared by them, not of the nearest few."""
    asked = {"weights": dict.fromkeys(published.spaces[Kind.TRACK].groups, 0.0) | {"rhythm": 1.0}, "k": 2}
    whole = published.ask("1-0.wav", **asked)
    assert not set(keys(whole)) <= set(keys(published.ask("1-0.wav", k=8)))
    monkeypatch.setattr(ranking, "_POOL", 1)
    monkeypatch.setattr(ranking, "_SPARE", 0)
    few = published.ask("1-0.wav", **asked)
    assert few.considered < whole.considered
    assert keys(few) == keys(whole)
    assert [line.relevance for line in few.neighbours] == [line.relevance for line in whole.neighbours]


def keys(answer: Answer) -> list[str]:
    """Return the keys of an answer's items."""
    return [neighbour.item.key for neighbour in answer.neighbours]


@pytest.mark.parametrize("engine", list(Engine))
def test_a_family_finds_itself(published: Shop, engine: Engine) -> None:
    """The four nearest are the other takes of the family, ascending, ranked from 1, never the item itself."""
    answer = published.ask("2-0.wav", k=4, engine=engine)
    assert sorted(keys(answer)) == ["2-1.wav", "2-2.wav", "2-3.wav", "2-4.wav"]
    assert [neighbour.rank for neighbour in answer.neighbours] == [1, 2, 3, 4]
    found = [neighbour.distance for neighbour in answer.neighbours]
    assert found == sorted(found)
    assert answer.engine is engine


def test_all_engines_give_the_same_answer(published: Shop) -> None:
    """On a catalogue this small none misses anything, and distances are exact either way."""
    annoy, exact, voyager = (published.ask("1-3.wav", k=12, engine=engine) for engine in Engine)
    assert annoy.neighbours == exact.neighbours == voyager.neighbours


def test_each_neighbour_says_why(published: Shop) -> None:
    """Shares add up to 1, and the sentence carries groups and the facts that both items share."""
    first = published.ask("3-0.wav", k=1).neighbours[0]
    assert sum(group.share for group in first.groups.values()) == pytest.approx(1.0)
    assert first.why.startswith("timbre .")
    assert first.why.endswith("; both about 103 BPM; both minor")


def test_the_answer_names_space_and_release(published: Shop) -> None:
    """So that two answers can be compared, or not."""
    answer = published.ask("0-0.wav")
    assert answer.space == published.spaces[Kind.TRACK].id
    assert answer.release == published.publisher.list(Kind.TRACK)[0].release


@pytest.mark.parametrize("k", [0, -3, 1001])
def test_k_out_of_range_is_an_error(published: Shop, k: int) -> None:
    """It is never clamped."""
    with pytest.raises(InvalidInput, match="1 to 1000"):
        published.ask("0-0.wav", k=k)


def test_k_beyond_the_catalogue_returns_all_others(published: Shop) -> None:
    """Nineteen of twenty, each once."""
    assert len(set(keys(published.ask("0-0.wav", k=1000)))) == 19


def test_exact_duplicates_are_collapsed_or_named(families: Shop) -> None:
    """Fifty copies of one file fill neither the answer nor hide the family; shown, they are called what they are."""
    for copy in range(50):
        families.add(f"copy-{copy:02d}.wav", sound(0, 1), sha256="c" * 64)
    families.publish()

    hidden = families.ask("0-0.wav", k=6)
    assert len({neighbour.item.sha256 for neighbour in hidden.neighbours}) == 6
    collapsed = next(neighbour for neighbour in hidden.neighbours if neighbour.item.sha256 == "c" * 64)
    assert len(collapsed.copies) == 49
    assert hidden.dropped == {"same_audio_as_a_neighbour": 49}

    of_a_copy = families.ask("copy-07.wav", k=3)
    assert "c" * 64 not in {neighbour.item.sha256 for neighbour in of_a_copy.neighbours}
    assert of_a_copy.dropped == {"same_audio_as_the_item": 49}

    shown = families.ask("copy-07.wav", k=60, show_duplicates=True)
    copies = [neighbour for neighbour in shown.neighbours if neighbour.item.key.startswith("copy-")]
    assert len(copies) == 49
    assert {(copy.duplicate, copy.distance, copy.why) for copy in copies} == {
        (Duplicate.SAME_AUDIO, 0.0, "same audio file")
    }


def test_another_encoding_is_named_and_comes_first(families: Shop) -> None:
    """Nearly the same descriptor under another hash is nearly the same sound."""
    families.add("0-0.opus", sound(0, 0) + np.float32(0.01))
    first = families.ask("0-0.wav", k=3).neighbours[0]
    assert first.item.key == "0-0.opus"
    assert first.duplicate is Duplicate.NEARLY_THE_SAME_SOUND
    assert first.why.startswith("nearly the same sound; timbre 1.00")


def test_an_item_analysed_a_moment_ago_is_found_and_can_ask(families: Shop) -> None:
    """No rebuild: the overlay answers, in both directions."""
    families.add("fresh.wav", sound(1, 77))
    assert "fresh.wav" in keys(families.ask("1-0.wav", k=5))
    assert sorted(keys(families.ask("fresh.wav", k=5))) == [f"1-{take}.wav" for take in range(5)]


def test_a_reanalysed_item_leaves_its_old_place(families: Shop) -> None:
    """Its new vector hides the old one in the index, and after a rebuild nothing is lost or doubled."""
    families.add("1-4.wav", sound(3, 99), version="2")
    for _ in range(2):
        assert "1-4.wav" not in keys(families.ask("1-0.wav", k=4))
        near = keys(families.ask("3-0.wav", k=5))
        assert near.count("1-4.wav") == 1
        assert len(set(keys(families.ask("0-0.wav", k=100)))) == 19
        families.publish()


def test_an_item_in_which_nothing_was_measured_has_no_neighbours(families: Shop) -> None:
    """It cannot ask, and nobody finds it."""
    families.add("silent.wav", np.full(len(DIMENSIONS), np.nan, dtype=np.float32))
    with pytest.raises(ItemNotAnalysed, match="nothing to compare"):
        families.ask("silent.wav")
    assert "silent.wav" not in keys(families.ask("0-0.wav", k=100))


def test_an_item_with_holes_is_compared_by_what_is_known(families: Shop) -> None:
    """Unmeasured dimensions are masked, and the family is found by the others."""
    holed = sound(2, 50)
    holed[::3] = np.nan
    families.add("holed.wav", holed)
    assert sorted(keys(families.ask("holed.wav", k=5))) == [f"2-{take}.wav" for take in range(5)]


def test_tracks_and_episodes_do_not_mix(families: Shop) -> None:
    """An episode that sounds like a track is not its neighbour, and has an index of its own."""
    for take in range(3):
        families.add(f"show-{take}.mp3", sound(0, take, spread=0.41), kind=Kind.EPISODE)
    assert not any(key.startswith("show-") for key in keys(families.ask("0-0.wav", k=100)))
    with pytest.raises(IndexMissing, match="episode"):
        families.ask("show-0.mp3")
    families.publish(Kind.EPISODE)
    assert sorted(keys(families.ask("show-0.mp3"))) == ["show-1.mp3", "show-2.mp3"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_smallest_catalogues_work(shop: Shop, count: int) -> None:
    """One item has no neighbour; two have each other."""
    for take in range(count):
        shop.add(f"{take}.wav", sound(take, 0))
    assert shop.publish().recall == 1.0
    for engine in Engine:
        assert sorted(keys(shop.ask("0.wav", engine=engine))) == [f"{take}.wav" for take in range(1, count)]


def test_without_an_index_the_remedy_is_named(shop: Shop) -> None:
    """Nothing published is not an empty answer."""
    shop.add("a.wav", sound(0, 0))
    with pytest.raises(IndexMissing, match="audiofeat index build"):
        shop.ask("a.wav")


def test_nothing_to_build_from_is_said(shop: Shop) -> None:
    """Neither an empty catalogue nor one of silent items becomes an index."""
    with pytest.raises(IndexEmpty, match="audiofeat ingest"):
        shop.publish()
    shop.add("silent.wav", np.full(len(DIMENSIONS), np.nan, dtype=np.float32))
    with pytest.raises(IndexEmpty):
        shop.publish()


def test_unknown_and_unanalysed_items_are_told_apart(families: Shop) -> None:
    """One does not exist, the other has no fingerprint yet."""
    with pytest.raises(ItemUnknown):
        families.ask("nobody.wav")
    audio = ObjectVersion(store="shop", key="queued.wav", version="1")
    families.catalogue.register([Registration(audio, kind=Kind.TRACK, kind_source=KindSource.OPTION)])
    with pytest.raises(ItemNotAnalysed, match="queued"):
        families.ask("queued.wav")


def test_a_hundred_distinct_audios_get_a_space_of_their_own(shop: Shop, tmp_path: Path) -> None:
    """Copies do not count: 110 items of 81 audios use the reference, 101 audios are fitted on."""

    def space() -> Space:
        inventory = inventory_of(Kind.TRACK, shop.catalogue)
        return space_for(inventory, catalogue=shop.catalogue, artefacts=shop.artefacts, reference=reference)

    reference = shop.spaces[Kind.TRACK]
    for take in range(80):
        shop.add(f"{take}.wav", sound(take % 8, take))
    for copy in range(30):
        shop.add(f"copy-{copy}.wav", sound(0, 0), sha256="c" * 64)
    assert space().id == reference.id
    for take in range(80, 100):
        shop.add(f"{take}.wav", sound(take % 8, take))
    inventory = inventory_of(Kind.TRACK, shop.catalogue)
    contents = snapshot(inventory, space=space(), catalogue=shop.catalogue, folder=tmp_path)
    assert contents.space.items == 101
    assert len(contents.rows) == 100
    assert max(map(len, contents.rows)) == 31


def test_a_group_of_duplicates_has_one_vector(families: Shop) -> None:
    """That of its first item, and all of them are told with it; a group that was split has one for each again."""
    ids = inventory_of(Kind.TRACK, families.catalogue).ids
    one, other = ids[0].decode(), ids[-1].decode()
    families.catalogue.confirm_duplicates([other, one])
    families.publish()
    index = families.indexes.current(Kind.TRACK)
    vector = index.vector_of(other)
    assert vector is not None
    assert set(index.search(vector, 1, space=index.space.id)[0].item_ids) == {one, other}
    families.catalogue.split_duplicates([other])
    families.publish()
    index = families.indexes.current(Kind.TRACK)
    assert not np.array_equal(np.asarray(index.vector_of(one)), np.asarray(index.vector_of(other)))


def test_an_index_that_is_clearly_worse_is_not_published(families: Shop, tmp_path: Path) -> None:
    """It is refused with the reason, what was served stays, and force publishes it all the same."""
    inventory = inventory_of(Kind.TRACK, families.catalogue)
    contents = snapshot(inventory, space=families.spaces[Kind.TRACK], catalogue=families.catalogue, folder=tmp_path)
    live = {
        "items": 1000.0, "rows_measured": 1000.0, "n10_skew": 0.4, "antihub_ratio": 0.0, "mean_distance": 1.2,
        "same_artist_map": None,
    }  # fmt: skip
    served = families.publisher.publish(contents, quality=live).release
    with pytest.raises(QualityTooLow, match=r"20 items, 1,000 are served"):
        families.publish()
    assert [view.release for view in families.publisher.list(Kind.TRACK) if view.is_current] == [served]
    forced = build_index(
        Kind.TRACK,
        catalogue=families.catalogue,
        publisher=families.publisher,
        artefacts=families.artefacts,
        space=families.spaces[Kind.TRACK],
        is_forced=True,
    )
    assert forced.is_current
    assert families.publisher.quality(Kind.TRACK)["items"] == 20


def test_a_space_can_be_kept_and_built_in(families: Shop) -> None:
    """It is found by its id, a stranger's id is refused, and tracks are not put into a space of episodes."""
    space = families.spaces[Kind.TRACK]
    keep(space, families.artefacts)
    assert stored(space.id, families.artefacts).id == space.id
    assert space.id in {kept_space.id for kept_space in kept(families.artefacts)}
    with pytest.raises(SpaceUnknown, match="0123456789abcdef"):
        stored("0123456789abcdef", families.artefacts)
    with pytest.raises(SpaceMismatch, match="episodes"):
        build_index(
            Kind.TRACK,
            catalogue=families.catalogue,
            publisher=families.publisher,
            artefacts=families.artefacts,
            space=families.spaces[Kind.EPISODE],
        )


def test_two_spaces_are_compared_on_the_same_items(families: Shop) -> None:
    """A space agrees with itself wholly and with another in part; one of another kind is refused."""
    space = families.spaces[Kind.TRACK]
    other = fit(np.random.default_rng(8).normal(0, 30, (40, len(DIMENSIONS))).astype(np.float32), kind=Kind.TRACK)
    same = compare_spaces(space, space, catalogue=families.catalogue, most=100)
    assert (same.items, same.shared_neighbours_ratio) == (20, 1.0)
    assert same.rank_agreement == pytest.approx(1.0)
    different = compare_spaces(space, other, catalogue=families.catalogue, most=100)
    assert different.rank_agreement < 0.99
    with pytest.raises(SpaceMismatch, match=space.id):
        compare_spaces(space, families.spaces[Kind.EPISODE], catalogue=families.catalogue, most=100)


def test_a_stored_embedding_counts_in_its_own_space_only(shop: Shop) -> None:
    """In any other space the item is placed by its descriptor."""
    space = shop.spaces[Kind.TRACK]
    stored = embed(space, sound(1, 1))
    row = EmbeddingRow(1, "item", Kind.TRACK, "a" * 64, sound(2, 2), space.id, stored)
    elsewhere = replace(row, space="0123456789abcdef")
    assert np.array_equal(np.asarray(place(space, row)), stored)
    assert np.array_equal(np.asarray(place(space, elsewhere)), embed(space, sound(2, 2)))
