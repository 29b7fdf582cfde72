"""Heads for families of instruments that are fitted on one's own labels: what they learn, move, and leave alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiofeat.domain.families import FAMILIES
from audiofeat.domain.family_fitting import log_loss, output_of, unseen
from audiofeat.domain.family_heads import INPUTS, SHARES, FamilyHead, FamilyOutput, inputs_of
from audiofeat.domain.heads import Term
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.errors import InvalidInput
from audiofeat.extraction.analyse import analyse
from audiofeat.features.instrument_claims import judged
from audiofeat.features.instrument_head import logistic
from audiofeat.services.train_instruments import read_labels
from tests.synthesis import song, write

NAMES = tuple(FAMILIES)
ITEMS = 120
ARTISTS = [f"artist {n % 15}" for n in range(ITEMS)]
EVEN = np.ones(ITEMS)


def material(seed: int = 1) -> tuple[np.ndarray, np.random.Generator]:
    """Return inputs that say nothing."""
    rng = np.random.default_rng(seed)
    return np.hstack((rng.normal(-1, 1.5, (ITEMS, len(FAMILIES))), rng.uniform(0, 1, (ITEMS, len(SHARES))))), rng


def moved(family: str = "drums", **terms: float) -> FamilyHead:
    """Return a head that takes a family's log-odds 4 up."""
    output = FamilyOutput(1.0, 4.0, tuple(Term(name, 0.0, 1.0, weight) for name, weight in terms.items()), "test")
    return FamilyHead({family: output}, {"instrumentation": GROUP_VERSIONS["instrumentation"]})


def test_what_is_mistaken_for_another_family_is_learnt() -> None:
    """Where the shipped head calls guitars keys, the log-odds of keys tell guitars, on artists that were not seen."""
    rows, _ = material()
    truth = (rows[:, NAMES.index("keys")] > -1).astype(np.float64)
    said = unseen(rows, truth, family="guitar", weights=EVEN, artists=ARTISTS)
    shipped = rows[:, NAMES.index("guitar")]
    assert np.mean((said > 0) == (truth > 0)) > 0.8
    assert log_loss(said, truth, EVEN) < 0.8 * log_loss(shipped, truth, EVEN)


def test_a_threshold_that_is_off_is_put_right() -> None:
    """Log-odds that are right but for an offset get one, and other inputs count next to nothing."""
    rows, rng = material()
    own = rows[:, NAMES.index("voice")]
    truth = (rng.uniform(size=ITEMS) < 1 / (1 + np.exp(-(own + 2)))).astype(np.float64)
    output = output_of(rows, truth, family="voice", weights=EVEN, origin="test")
    assert 1 < output.offset < 3
    assert 0.6 < output.slope < 1.4
    assert max(abs(term.weight) for term in output.terms) < 0.35
    assert "voice" not in {term.feature for term in output.terms}


def test_few_labels_that_agree_change_little() -> None:
    """What the shipped head is sure of and right about is left within half a unit of log-odds where it lay."""
    rows, rng = material()
    rows[:, 0] = rng.choice([-3.0, 3.0], ITEMS)
    truth = (rows[:, 0] > 0).astype(np.float64)
    few = slice(0, 30)
    output = output_of(rows[few], truth[few], family="drums", weights=EVEN[few], origin="test")
    assert output.log_odds("drums", rows[0].tolist()) == pytest.approx(rows[0, 0], abs=0.75)


def test_noise_is_told_no_better_than_by_chance() -> None:
    """Labels that hang on nothing give no ranking of artists that were not seen."""
    rows, rng = material()
    truth = (rng.uniform(size=ITEMS) < 0.5).astype(np.float64)
    said = unseen(rows, truth, family="synth", weights=EVEN, artists=ARTISTS)
    assert abs(np.corrcoef(said, truth)[0, 1]) < 0.3


@pytest.mark.parametrize(("positives", "artists"), [(3, 15), (ITEMS - 3, 15), (40, 4)])
def test_too_few_of_a_kind_or_of_artists_are_refused(positives: int, artists: int) -> None:
    """Nothing can be said of unseen artists then."""
    rows, _ = material()
    truth = (np.arange(ITEMS) < positives).astype(np.float64)
    names = [f"a{n % artists}" for n in range(ITEMS)]
    with pytest.raises(InvalidInput, match="too few"):
        unseen(rows, truth, family="bass", weights=EVEN, artists=names)


def test_families_without_an_output_stay() -> None:
    """A head that knows drums alone moves drums alone; terms are clipped at three scales."""
    inputs = [*np.linspace(-2, 2, len(FAMILIES)), 0.1, 0.2, 0.3, 0.4]
    found = moved(keys=1.0).log_odds(inputs)
    assert found == {"drums": pytest.approx(inputs[0] + 4.0 + inputs[NAMES.index("keys")])}
    far = [*inputs[: len(INPUTS)]]
    far[NAMES.index("keys")] = 50.0
    assert moved(keys=1.0).log_odds(far)["drums"] == pytest.approx(inputs[0] + 4.0 + 3.0)


def test_an_item_without_families_has_no_inputs() -> None:
    """Silence says nothing to fit on."""
    values: dict[str, Any] = {"family_log_odds": [0.0] * 10, **dict.fromkeys(SHARES, 0.5)}
    assert len(inputs_of(values) or ()) == len(INPUTS)
    assert inputs_of({**values, "family_log_odds": None}) is None
    assert inputs_of({**values, "noise_ratio": None}) is None


def test_a_document_comes_back_as_it_was() -> None:
    """Writing and reading change nothing."""
    assert FamilyHead.read(moved(keys=0.5).document()) == moved(keys=0.5)


@pytest.mark.parametrize(
    ("place", "value"),
    [("slope", float("nan")), ("offset", None), ("terms", [{"feature": "tempo"}]), ("family", "harp")],
)
def test_a_document_that_is_no_head_is_refused(place: str, value: Any) -> None:
    """Missing parts, unknown names and numbers that no fit gives are errors."""
    document = moved(keys=0.5).document()
    if place == "family":
        document["outputs"][value] = document["outputs"].pop("drums")
    else:
        document["outputs"]["drums"][place] = value
    with pytest.raises(InvalidInput):
        FamilyHead.read(document)


def test_an_analysis_under_a_head_of_ones_own(tmp_path: Path) -> None:
    """Words, probabilities, curve and version are the new head's; the shipped log-odds stay, to fit on again."""
    path = write(tmp_path / "song.wav", song(5.0))
    ask: dict[str, Any] = {"source": "song", "max_duration_s": 60.0, "wanted": ("instrumentation",)}
    before, _ = analyse(path, **ask)
    order = {"version": 4_001, "head": moved().document()}
    after, _ = analyse(path, **ask, heads={"instrumentation": order})
    said, then = before["features"]["instrumentation"], after["features"]["instrumentation"]
    assert after["extractor"]["groups"]["instrumentation"] == 4_001
    assert then["family_log_odds"] == said["family_log_odds"]
    expected = 1 / (1 + np.exp(-(said["family_log_odds"][0] + 4)))
    assert then["drums_probability"] == pytest.approx(expected, abs=1e-3)
    assert then["keys_probability"] == said["keys_probability"]
    curve, moved_curve = (np.array(values["family_probability_curve"]) for values in (said, then))
    assert (moved_curve[:, 0] >= curve[:, 0]).all()
    assert moved_curve[:, 0].max() > curve[:, 0].max()
    np.testing.assert_allclose(moved_curve[:, 1:], curve[:, 1:], atol=2e-3)


def test_a_head_of_ones_own_may_claim_what_the_shipped_one_may_not() -> None:
    """In dense sound the shipped head names no guitar; labels of one's own say how right such a claim is."""
    dense = [3.0 if name in {"guitar", "keys", "synth"} else -4.0 for name in NAMES]
    own = FamilyHead({"guitar": FamilyOutput(1.0, 0.0, (), "test")}, {})
    claims = []
    for head in (None, own):
        heard = logistic(np.array([dense], dtype=np.float32))
        curve, item = judged(dense, heard, [0.5] * len(SHARES), head)
        assert np.array_equal(curve[0] >= 0.7, item >= 0.7)
        claims.append({name for name, probability in zip(NAMES, item, strict=True) if probability >= 0.7})
    assert claims == [set(), {"guitar"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("item,harp\na,1\n", "unknown columns 'harp'"),
        ("item,artist\na,me\n", "none of a family"),
        ("item,drums\na,0.5\n", "line 2: drums is '0.5'"),
        ("item,drums\na,yes\n", "line 2: drums is 'yes'"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused(text: str, said: str, tmp_path: Path) -> None:
    """Line and remedy are named."""
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=said):
        read_labels(path)


def test_an_empty_cell_says_nothing(tmp_path: Path) -> None:
    """Who does not know whether there is a bass leaves it open."""
    path = tmp_path / "labels.csv"
    path.write_text("item,drums,bass,artist\na,1,,Me\nb,0,1,\n")
    labels = read_labels(path)
    assert [dict(label.targets) for label in labels] == [{"drums": 1.0}, {"drums": 0.0, "bass": 1.0}]
    assert [label.artist for label in labels] == ["Me", None]
