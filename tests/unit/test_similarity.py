"""Rankings worth what they are worth: figures worked out by hand, protocols that leak nothing."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from audiofeat.domain.descriptor import DIMENSIONS, N_MFCC, NAMES
from audiofeat.domain.items import Kind
from audiofeat.errors import InvalidInput
from audiofeat.evaluation import retrieval
from audiofeat.evaluation.copies import HALVES, ROBUSTNESS
from audiofeat.evaluation.peers import chosen_describers
from audiofeat.evaluation.robustness import robustness_of
from audiofeat.evaluation.similarity import UNSEEN, WHOLE, Measured, Outcome, measure
from audiofeat.evaluation.systems import (
    GENRE,
    MFCC_GAUSSIAN,
    MFCC_STATISTICS,
    OURS,
    RANDOM,
    Sounding,
    System,
    systems_of,
)
from tests.descriptors import descriptors

LINE = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))


class TestRetrieval:
    """Five items on a line, one apart."""

    def test_average_precision_by_hand(self) -> None:
        """Relevant at ranks 1 and 3 of the allowed: (1/1 + 2/3) / 2."""
        relevant, allowed = np.zeros((5, 5), dtype=bool), ~np.eye(5, dtype=bool)
        relevant[0, [1, 3]] = True
        assert retrieval.average_precision(LINE, relevant, allowed)[0] == pytest.approx((1 + 2 / 3) / 2)

    def test_what_is_not_allowed_has_no_rank(self) -> None:
        """With the second item filtered out the third is first."""
        relevant, allowed = np.zeros((5, 5), dtype=bool), ~np.eye(5, dtype=bool)
        relevant[0, 2] = True
        allowed[0, 1] = False
        assert retrieval.average_precision(LINE, relevant, allowed)[0] == 1.0

    def test_a_query_without_a_mate_has_no_precision(self) -> None:
        """It is NaN, and no 0 that would pull the mean down."""
        nothing = np.zeros((5, 5), dtype=bool)
        assert np.isnan(retrieval.average_precision(LINE, nothing, ~np.eye(5, dtype=bool))).all()

    def test_lists_hold_the_nearest_others(self) -> None:
        """Nearest first, never the item itself, all others where there are few."""
        assert retrieval.lists(LINE, 2).tolist() == [[1, 2], [0, 2], [1, 3], [2, 4], [3, 2]]
        assert retrieval.lists(LINE, 9).shape == (5, 4)

    def test_hubs_show_in_skewness_gini_and_coverage(self) -> None:
        """Where one item stands in every list, skewness and inequality are high; where all stand alike, both are 0."""
        even, one = np.full(10, 3.0), np.array([0.0] * 9 + [30.0])
        assert retrieval.skewness(even) == 0.0
        assert retrieval.gini(even) == pytest.approx(0.0)
        assert retrieval.skewness(one) > 2
        assert retrieval.gini(one) == pytest.approx(0.9)

    def test_variety_within_lists_by_hand(self) -> None:
        """Items 1 and 3 seen from 2: one pair, two apart, of two artists."""
        mean, smallest = retrieval.within_lists(LINE, np.array([[1, 3], [0, 4]]))
        assert mean.tolist() == smallest.tolist() == [2.0, 4.0]
        assert retrieval.different(np.array([[0, 1, 2]]), ["a", "a", None, "b", "b"]).tolist() == [2.0]


def corpus(*, artists: int = 24, tracks: int = 3, seed: int = 3) -> list[Sounding]:
    """Return tracks that resemble those of their artist, each artist with two albums."""
    rng = np.random.default_rng(seed)
    usual = descriptors(artists, seed=seed)
    spread = usual.std(axis=0)
    items = []
    for artist in range(artists):
        for track in range(tracks):
            row = (usual[artist] + rng.normal(0, 0.4 * spread)).astype(np.float32)
            pieces = (row + rng.normal(0, 0.2 * spread, (6, len(row)))).astype(np.float32)
            labels = {"artist": f"a{artist}", "album": f"a{artist}/{track % 2}", "genre": f"g{artist % 2}"}
            items.append(Sounding(f"{artist}-{track}", row, pieces, labels))
    return items


def found(outcome: Outcome, figure: str, system: str, *, protocol: str = WHOLE) -> Measured:
    return next(
        row
        for row in outcome.measured
        if (row.figure, row.system, row.protocol, row.genre) == (figure, system, protocol, None)
    )


class TestSystems:
    """What each makes of a corpus whose truth is known."""

    def test_ours_finds_artists_and_chance_does_not(self) -> None:
        """Under both protocols, above every baseline, with the interval of the difference above zero."""
        items = corpus()
        outcome = measure(items, systems_of(items, kind=Kind.TRACK))
        for protocol in (WHOLE, UNSEEN):
            figure = "same_artist_album_filter_map"
            assert found(outcome, figure, OURS, protocol=protocol).estimate.value > 0.9
            assert found(outcome, figure, RANDOM, protocol=protocol).estimate.value < 0.25
            [held] = [
                row for row in outcome.compared if (row.figure, row.system, row.protocol) == (figure, RANDOM, protocol)
            ]
            assert held.difference.low > 0
            assert held.ratio > 3

    def test_shuffled_labels_find_nothing(self) -> None:
        """Where artists are drawn by lot nothing beats chance by much: no protocol leaks."""
        items = corpus()
        names = np.random.default_rng(9).permutation([item.labels["artist"] for item in items]).tolist()
        shuffled = [
            Sounding(item.name, item.descriptor, item.pieces, {"artist": name})
            for item, name in zip(items, names, strict=True)
        ]
        outcome = measure(shuffled, systems_of(shuffled, kind=Kind.TRACK))
        for protocol in (WHOLE, UNSEEN):
            ours = found(outcome, "same_artist_map", OURS, protocol=protocol).estimate.value
            chance = found(outcome, "same_artist_map", RANDOM, protocol=protocol).estimate.value
            assert ours < chance + 0.08

    def test_no_system_is_fitted_on_artists_that_it_is_asked_for(self) -> None:
        """What is handed over to fit on and what is asked share no artist, and each half is asked."""
        items = corpus()
        seen: list[tuple[set[str], set[str]]] = []

        def watching(fitted_on: NDArray[np.intp], asked: NDArray[np.intp]) -> NDArray[np.float64]:
            sides = ({items[row].labels["artist"] for row in rows.tolist()} for rows in (fitted_on, asked))
            seen.append((next(sides), next(sides)))
            return np.random.default_rng(1).random((len(asked), len(asked)))

        systems: dict[str, System] = {OURS: watching}
        measure(items, systems)
        halves = seen[1:]
        assert len(halves) == 10
        assert all(not one & other for one, other in halves)
        assert all(len(one | other) == 24 for one, other in halves)

    def test_a_gaussian_is_read_back_from_the_descriptor(self) -> None:
        """Equal covariances and means are 0 apart, and the divergence grows with the distance of the means."""
        row = np.full(len(DIMENSIONS), 0.0, dtype=np.float32)
        items = []
        for step in range(3):
            moved = row.copy()
            moved[NAMES.index("mfcc_2_mean")] = step
            for n in range(N_MFCC):
                moved[NAMES.index(f"mfcc_logcov_{n}_{n}")] = np.log(2.1)
            items.append(Sounding(f"{step}", moved, None, {}))
        everything = np.arange(3)
        away = systems_of(items, kind=Kind.TRACK)[MFCC_GAUSSIAN](everything, everything)
        # Variance 2 in each direction: the divergence is d^2 / 2, taken both ways d^2.
        assert away == pytest.approx(np.array([[0, 1, 4], [1, 0, 1], [4, 1, 0]]), abs=1e-4)

    def test_a_covariance_beyond_any_sound_stays_finite(self) -> None:
        """A descriptor that says what no audio is like is far away, not an overflow."""
        mad = np.zeros((2, len(DIMENSIONS)), dtype=np.float32)
        mad[1, NAMES.index("mfcc_logcov_0_0")] = 2_000.0
        items = [Sounding(f"{n}", row, None, {}) for n, row in enumerate(mad)]
        with np.errstate(over="raise", invalid="raise"):
            away = systems_of(items, kind=Kind.TRACK)[MFCC_GAUSSIAN](np.arange(2), np.arange(2))
        assert np.isfinite(away).all()

    def test_genre_tags_and_peers_are_measured_where_they_are_known(self) -> None:
        """A peer that gave no answer for an item counts as average there, and genres put their own first."""
        items = corpus()
        numbers = np.stack([item.descriptor[:30].astype(np.float64) for item in items])
        numbers[5] = np.nan
        systems = systems_of(items, kind=Kind.TRACK, theirs={"essentia MusicExtractor": numbers})
        assert set(systems) == {OURS, RANDOM, MFCC_STATISTICS, MFCC_GAUSSIAN, GENRE, "essentia MusicExtractor"}
        everything = np.arange(len(items))
        assert np.isfinite(systems["essentia MusicExtractor"](everything, everything)).all()
        near = retrieval.lists(systems[GENRE](everything, everything))
        genres = np.array([item.labels["genre"] for item in items])
        assert (genres[near] == genres[:, None]).all()
        bare = [Sounding(item.name, item.descriptor, item.pieces, {}) for item in items]
        assert GENRE not in systems_of(bare, kind=Kind.TRACK)

    def test_weights_of_a_query_are_a_system_of_their_own(self) -> None:
        """What is told of items then counts as much as is asked for, and nothing where nothing is told."""
        items = corpus()
        told = [replace(item, told={f"genre {item.labels['genre']}": 2.0, "all": 1.0}) for item in items]
        everything = np.arange(len(items))
        of_one_genre = np.array([[a.labels["genre"] == b.labels["genre"] for b in items] for a in items])

        def share(rows: list[Sounding], weight: float) -> float:
            systems = systems_of(rows, kind=Kind.TRACK, weights={"metadata": weight})
            away = systems[f"{OURS}, metadata {weight:g}"](everything, everything)
            return float(np.take_along_axis(of_one_genre, retrieval.lists(away), axis=1).mean())

        assert share(told, 0.0) < share(told, 1.0) < share(told, 50.0) == 1.0
        with pytest.raises(InvalidInput, match="no feature group 'metadata'"):
            share(items, 1.0)

    def test_without_labels_lists_are_measured_all_the_same(self) -> None:
        """Hubs and variety need no labels; retrieval says nothing."""
        bare = [Sounding(item.name, item.descriptor, item.pieces, {}) for item in corpus(artists=6)]
        outcome = measure(bare, systems_of(bare, kind=Kind.TRACK))
        assert not outcome.compared
        assert found(outcome, "coverage_ratio", OURS).estimate.value > 0.9
        assert all(row.figure not in {"artists_per_list", "same_artist_map"} for row in outcome.measured)


class TestRobustness:
    """Copies and halves, as vectors."""

    def test_a_copy_that_moved_to_another_item_is_not_found(self) -> None:
        """Of three copies one lies on a stranger: two thirds are found."""
        whole = np.eye(4, dtype=np.float32)
        moved = whole[[0, 1, 3]]
        vectors = dict.fromkeys(ROBUSTNESS, moved)
        rows = robustness_of(ROBUSTNESS, [0, 1, 2], vectors, whole, clusters=["a", "b", "c"])
        assert {row.copy for row in rows} == set(ROBUSTNESS)
        assert rows[0].found_first.value == pytest.approx(2 / 3)
        assert (rows[0].cosine_median, rows[0].cosine_least) == (1.0, 0.0)

    def test_halves_find_each_other_among_all_halves(self) -> None:
        """A half that has no partner, since the other could not be read, is left out."""
        whole = np.eye(4, dtype=np.float32)
        second = whole.copy()
        second[3] = np.nan
        vectors = dict(zip(HALVES, (whole, second), strict=True))
        [row] = robustness_of(HALVES, [0, 1, 2, 3], vectors, whole, clusters=list("abcd"))
        assert (row.copy, row.items, row.found_first.value) == ("halves", 3, 1.0)


def test_only_peers_that_describe_files_are_taken() -> None:
    """Librosa answers questions, but has no set of descriptors."""
    assert chosen_describers("") == []
    with pytest.raises(InvalidInput, match="librosa"):
        chosen_describers("librosa")
