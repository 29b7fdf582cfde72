"""A space: from named numbers to unit vectors, and back to an explanation."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audiofeat.domain import fitting, reference
from audiofeat.domain.descriptor import DIMENSIONS, GROUPS, LENGTHS, NAMES
from audiofeat.domain.fitting import FIT_FROM_ITEMS, fit
from audiofeat.domain.items import Kind
from audiofeat.domain.neighbours import Duplicate, Facts, duplicate_of, explain
from audiofeat.domain.similarity import GroupSimilarity, distances, group_similarities, require_same, weighed
from audiofeat.domain.space import SPACE_VERSION, Space, blocks_all, embed, embed_all, from_json, to_json
from audiofeat.errors import InvalidInput, SpaceMismatch
from tests.descriptors import descriptors

GROUP_OF = np.array([slot.group for slot in DIMENSIONS])
OF_EPISODES = ("delivery", "production", "make_up", "structure")


def test_embeddings_have_length_one_and_do_not_depend_on_their_company() -> None:
    """An item's vector is a float32 unit vector, the same bytes alone and among others."""
    items = descriptors(30)
    space = fit(items, kind=Kind.TRACK)
    together = embed_all(space, items)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-6)
    assert embed(space, items[7]).tobytes() == together[7].tobytes()


def test_the_unit_of_a_dimension_does_not_matter() -> None:
    """Centre and scale are fitted, so milliseconds give the vectors that seconds give."""
    items = descriptors(40)
    factors = np.where([slot.transform == "log" or "tempo_circle" in slot.name for slot in DIMENSIONS], 1.0, 1000.0)
    rescaled = (items * factors).astype(np.float32)
    ours = embed_all(fit(items, kind=Kind.TRACK), items)
    theirs = embed_all(fit(rescaled, kind=Kind.TRACK), rescaled)
    assert np.allclose(ours, theirs, atol=1e-5)


def test_unmeasured_values_are_masked() -> None:
    """A NaN contributes nothing to the vector and leaves the proportions of the rest alone."""
    items = descriptors(40)
    space = fit(items, kind=Kind.TRACK)
    holed = items[3].copy()
    holed[GROUP_OF == "tonal"] = np.nan
    vector, whole = embed(space, holed), embed(space, items[3])
    assert not vector[GROUP_OF == "tonal"].any()
    rest = GROUP_OF != "tonal"
    assert np.allclose(vector[rest], whole[rest] / np.linalg.norm(whole[rest]), atol=1e-6)
    blocks = blocks_all(space, np.stack([holed, items[3]]))
    assert group_similarities(space, *blocks)["tonal"].similarity is None


def test_an_item_without_any_measurement_cannot_be_embedded() -> None:
    """A descriptor full of NaN is refused alone and a row of zeros among others."""
    items = descriptors(10)
    space = fit(items, kind=Kind.TRACK)
    silent = np.full(len(DIMENSIONS), np.nan, dtype=np.float32)
    with pytest.raises(InvalidInput, match="nothing"):
        embed(space, silent)
    assert not embed_all(space, np.stack([silent, items[0]]))[0].any()


@pytest.mark.parametrize("constant", [0.0, 7.5, np.nan, np.inf])
def test_a_dimension_without_spread_says_nothing(constant: float) -> None:
    """Where all items agree, or none was measured, a dimension has no weight, even for an item that differs."""
    items = descriptors(30)
    items[:, 5] = constant
    space = fit(items, kind=Kind.TRACK)
    other = items[0].copy()
    other[5] = 1e9
    assert space.weight[5] == 0
    assert embed(space, other)[5] == 0


def test_a_value_shared_by_most_still_tells_the_others_apart() -> None:
    """A width that is 0 for most recordings has no interquartile range and yet a spread."""
    items = descriptors(30)
    width = NAMES.index("stereo_width")
    items[:, width] = 0.0
    items[:4, width] = 0.5
    assert fit(items, kind=Kind.TRACK).weight[width] > 0


def test_one_mad_value_cannot_rule_a_vector() -> None:
    """Values are clipped at four spreads: a broken measurement weighs as much as a very unusual one."""
    items = descriptors(100)
    space = fit(items, kind=Kind.TRACK)
    unusual, broken = items[0].copy(), items[0].copy()
    unusual[100], broken[100] = 1e4, 1e30
    assert np.array_equal(embed(space, unusual), embed(space, broken))


def test_one_item_shows_no_spread() -> None:
    """A space fitted on a single item weighs nothing but the tempo circle, which needs no fitting."""
    weighed = np.flatnonzero(fit(descriptors(1), kind=Kind.TRACK).weight)
    assert {NAMES[slot] for slot in weighed} == {"tempo_circle_cos", "tempo_circle_sin"}


def test_what_varies_within_recordings_counts_less() -> None:
    """Where the pieces of each recording scatter along one dimension, that dimension moves an item less."""
    items = descriptors(60)
    rng = np.random.default_rng(5)
    loud, calm = NAMES.index("mfcc_3_mean"), NAMES.index("mfcc_4_mean")
    pieces = []
    for item in items:
        rows = np.repeat(item[None], 6, axis=0)
        rows[:, GROUP_OF != "timbre"] = np.nan
        rows[:, loud] += rng.normal(0, items[:, loud].std(), 6)
        pieces.append(rows)
    plain, damped = fit(items, kind=Kind.TRACK), fit(items, kind=Kind.TRACK, pieces=pieces)
    assert not len(plain.damping)
    assert len(damped.damping)
    ratios = {}
    for name in (loud, calm):
        moved = items[:1].copy()
        moved[0, name] += items[:, name].std()
        before, after = (np.linalg.norm(s.values(moved) - s.values(items[:1])) for s in (plain, damped))
        ratios[name] = after / before
    assert ratios[loud] < 0.5
    assert ratios[calm] == pytest.approx(1.0, abs=1e-6)


def test_large_catalogues_are_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 values an embedding and short blocks, and a group without values has none still."""
    monkeypatch.setattr(fitting, "REDUCE_FROM_ITEMS", 300)
    items = descriptors(300)
    assert fit(items[1:], kind=Kind.TRACK).dims == len(DIMENSIONS)
    space = fit(items, kind=Kind.TRACK)
    assert space.dims == 64
    assert space.block_dims < 150
    holed = items[3].copy()
    holed[GROUP_OF == "tonal"] = np.nan
    blocks = blocks_all(space, np.stack([holed, items[3]]))
    tonal = space.groups["tonal"]
    assert not blocks[0, tonal].any()
    assert np.array_equal(np.delete(blocks[0], np.r_[tonal]), np.delete(blocks[1], np.r_[tonal]))
    assert from_json(to_json(space)).id == space.id


def test_whole_blocks_at_the_usual_weights_are_the_embedding() -> None:
    """Where nothing is reduced, weighing the blocks as the space does gives the vector itself, up to the order."""
    items = descriptors(50)
    space = fit(items, kind=Kind.TRACK)
    order = np.concatenate([np.flatnonzero(group == GROUP_OF) for group in space.groups])
    assert np.allclose(weighed(space, blocks_all(space, items)), embed_all(space, items)[:, order], atol=1e-6)


def test_spaces_of_the_first_version_are_read_for_ever() -> None:
    """The space of an old release places descriptors of its time, and of today, where it placed them then."""
    folder = Path(__file__).parents[1] / "golden/releases/first"
    space = from_json((folder / "space.json").read_bytes())
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (space.version, space.id) == (1, manifest["space"]["id"])
    early = np.random.default_rng(9).normal(20, 1, (24, len(space.dimensions))).astype(np.float32)
    today = np.concatenate([early, np.ones((24, len(DIMENSIONS) - early.shape[1]))], axis=1, dtype=np.float32)
    vectors = np.load(folder / "vectors.npy")
    assert np.allclose(embed_all(space, early), vectors, atol=1e-6)
    assert np.allclose(embed_all(space, today), vectors, atol=1e-6)


def test_spaces_of_shorter_descriptors_are_read_for_ever() -> None:
    """What was fitted before there was delivery and production places today's items by what it knows."""
    space, width = fit(descriptors(30), kind=Kind.EPISODE), LENGTHS[2]
    cut = {name: getattr(space, name)[:width] for name in ("centre", "scale", "weight", "directions")}
    early = from_json(to_json(replace(space, descriptor_version=2, **cut)))
    assert not set(early.groups) & set(OF_EPISODES)
    today = descriptors(5, seed=4)
    assert np.array_equal(embed_all(early, today), embed_all(early, today[:, :width]))


def test_the_shipped_space_of_episodes_knows_how_they_are_spoken_and_made() -> None:
    """Each group that only episodes have has a spread in it."""
    space = reference.load(Kind.EPISODE)
    assert all(space.group_norms[group] > 0 and space.group_weights[group] > 0 for group in OF_EPISODES)


def test_small_catalogues_use_the_reference_and_larger_ones_their_own_space() -> None:
    """The reference serves up to 99 items; from 100 on centre and scale come from the catalogue."""
    shipped = fit(descriptors(50, seed=9), kind=Kind.TRACK)
    items = descriptors(FIT_FROM_ITEMS)
    assert fit(items[:-1], kind=Kind.TRACK, reference=shipped) is shipped
    fitted = fit(items, kind=Kind.TRACK, reference=shipped)
    assert fitted.items == FIT_FROM_ITEMS
    assert fitted.id != shipped.id


def test_tempo_and_key_count_among_tracks_only() -> None:
    """Episodes are told apart by voice and production, not by tempo or key."""
    items = descriptors(30)
    tracks, episodes = (fit(items, kind=kind) for kind in Kind)

    def moves(space: Space, name: str) -> bool:
        low, high = items[0].copy(), items[0].copy()
        low[NAMES.index(name)], high[NAMES.index(name)] = 0.5, 1e6
        return not np.array_equal(embed(space, low), embed(space, high))

    for name in ("tempo_circle_cos", "chroma_dft_3"):
        assert moves(tracks, name)
        assert not moves(episodes, name)
    assert moves(episodes, "modulation_4_hz")
    first, second = blocks_all(episodes, items[:2])
    assert "tonal" not in group_similarities(episodes, first, second)
    assert "tonal" in group_similarities(episodes, first, second, {"tonal": 0.5})


def test_a_space_survives_its_json_and_keeps_its_id() -> None:
    """The id is the hash of the content: equal content, equal id; another value, another id."""
    space = fit(descriptors(30), kind=Kind.EPISODE)
    again = from_json(to_json(space))
    assert again.id == space.id
    assert to_json(again) == to_json(space)
    body = json.loads(to_json(space))
    body["centre"][0] += 1.0
    assert from_json(json.dumps(body)).id != space.id


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"centre": [1.0]}, InvalidInput),
        ({"scale": [0.0] * len(DIMENSIONS)}, InvalidInput),
        ({"kind": "opera"}, InvalidInput),
        ({"surprise": 1}, InvalidInput),
        ({"descriptor_version": 0}, SpaceMismatch),
    ],
)
def test_what_is_no_space_is_refused(change: dict[str, object], error: type[Exception]) -> None:
    """A damaged or foreign JSON raises, it never becomes a space."""
    body = json.loads(to_json(fit(descriptors(30), kind=Kind.TRACK))) | change
    with pytest.raises(error):
        from_json(json.dumps(body))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null"])
def test_other_json_is_no_space(text: str) -> None:
    """Well-formed JSON of another form raises InvalidInput."""
    with pytest.raises(InvalidInput):
        from_json(text)


def test_references_are_read_from_a_folder(tmp_path: Path) -> None:
    """A folder of reference files can stand in for those of the package."""
    space = fit(descriptors(30), kind=Kind.TRACK)
    (tmp_path / f"track-{SPACE_VERSION}.json").write_text(to_json(space), encoding="utf-8")
    assert reference.load(Kind.TRACK, folder=tmp_path).id == space.id


def test_group_shares_add_up_and_follow_what_is_alike() -> None:
    """Shares of all groups add up to 1, and a group made equal has similarity 1."""
    items = descriptors(60)
    space = fit(items, kind=Kind.TRACK)
    twin = items[1].copy()
    twin[GROUP_OF == "spectral"] = items[0][GROUP_OF == "spectral"]
    groups = group_similarities(space, *blocks_all(space, np.stack([items[0], twin])))
    assert set(groups) == set(GROUPS) - {"mood", *OF_EPISODES}
    assert sum(group.share for group in groups.values()) == pytest.approx(1.0)
    assert groups["spectral"].similarity == pytest.approx(1.0, abs=1e-6)
    assert groups["spectral"].share == max(group.share for group in groups.values())


def test_a_query_weighs_the_groups_of_its_own_accord() -> None:
    """With all weight on one group, distance is that group's alone and it has the whole share."""
    items = descriptors(60)
    space = fit(items, kind=Kind.TRACK)
    blocks = blocks_all(space, items)
    only = dict.fromkeys(space.groups, 0.0) | {"rhythm": 2.0}
    vectors = weighed(space, blocks, only)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    away = distances(vectors, vectors[0])
    rhythm = blocks[:, space.groups["rhythm"]].astype(np.float64)
    cosines = rhythm @ rhythm[0] / np.linalg.norm(rhythm, axis=1) / np.linalg.norm(rhythm[0])
    assert np.allclose(away, np.sqrt(2 - 2 * np.minimum(cosines, 1)), atol=1e-3)
    assert {name: group.share for name, group in group_similarities(space, blocks[0], blocks[0], only).items()} == {
        "rhythm": 1.0
    }


@pytest.mark.parametrize(
    ("weights", "said"),
    [({"colour": 1.0}, "colour"), ({"tonal": -1.0}, "tonal"), ({"tonal": np.nan}, "tonal")],
)
def test_weights_that_are_none_are_refused(weights: dict[str, float], said: str) -> None:
    """The error names the group."""
    items = descriptors(10)
    space = fit(items, kind=Kind.TRACK)
    with pytest.raises(InvalidInput, match=said):
        weighed(space, blocks_all(space, items), weights)
    with pytest.raises(InvalidInput, match="every"):
        weighed(space, blocks_all(space, items), dict.fromkeys(space.groups, 0.0))


def test_distance_is_annoys_angular_and_exact_at_zero() -> None:
    """The distance is sqrt(2 - 2 cos), and 0 between equal vectors."""
    vectors = embed_all(fit(descriptors(30), kind=Kind.TRACK), descriptors(30))
    found = distances(vectors, vectors[0])
    assert found[0] == 0.0
    cosines = vectors.astype(np.float64) @ vectors[0].astype(np.float64)
    assert np.allclose(found[1:], np.sqrt(2 - 2 * cosines[1:]), atol=1e-6)


def test_two_spaces_are_never_compared() -> None:
    """The error names both spaces."""
    with pytest.raises(SpaceMismatch, match=r"aaaa.*bbbb"):
        require_same("aaaa", "bbbb")
    require_same("aaaa", "aaaa")


def test_descriptors_of_another_length_are_refused() -> None:
    """A descriptor of another version raises, it is never cut or padded."""
    space = fit(descriptors(30), kind=Kind.TRACK)
    with pytest.raises(InvalidInput, match=str(len(DIMENSIONS))):
        embed(space, np.ones(63, dtype=np.float32))


def test_copies_are_named_by_audio_first_and_by_distance_second() -> None:
    """The same bytes are the same audio; another encoding is nearly the same sound; a neighbour is neither."""
    assert duplicate_of(same_audio=True, distance=0.0) is Duplicate.SAME_AUDIO
    assert duplicate_of(same_audio=False, distance=0.01) is Duplicate.NEARLY_THE_SAME_SOUND
    assert duplicate_of(same_audio=False, distance=0.8) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (Facts(172.0, "C", "minor"), Facts(174.0, "A", "minor"),
         "timbre .97, tonal .81; both about 172 BPM; both minor"),
        (Facts(172.0, "C", "minor"), Facts(86.0, "C", "minor"),
         "timbre .97, tonal .81; 86 and 172 BPM, half and double time; both C minor"),
        (Facts(172.0, "C", "minor"), Facts(120.0, "C", "major"), "timbre .97, tonal .81"),
        (Facts(), Facts(120.0, "C", "major"), "timbre .97, tonal .81"),
    ],
)  # fmt: skip
def test_the_reason_is_one_plain_sentence(ours: Facts, theirs: Facts, said: str) -> None:
    """It names the two groups that count most, then only facts that both items share."""
    groups = {
        "loudness": GroupSimilarity(0.99, 0.05),
        "tonal": GroupSimilarity(0.81, 0.2),
        "timbre": GroupSimilarity(0.97, 0.7),
        "stereo": GroupSimilarity(None, 0.0),
    }
    assert explain(duplicate=None, groups=groups, ours=ours, theirs=theirs) == said


def test_unlike_items_are_not_called_alike() -> None:
    """Where no group is alike the sentence says so."""
    groups = {"timbre": GroupSimilarity(-0.4, 0.0), "tonal": GroupSimilarity(None, 0.0)}
    assert "nothing in particular" in explain(duplicate=None, groups=groups, ours=Facts(), theirs=Facts())
