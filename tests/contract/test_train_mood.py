"""Mood heads fitted on a catalogue's own labels, on SQLite and on PostgreSQL."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.head_fitting import Material, output_of, unseen
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import GroupResult, JobState, MetadataRecord, Outcome, Registration
from audiofeat.domain.kept_models import KeptModel, ModelKind, versions_in_use
from audiofeat.domain.mood_targets import CANDIDATES, EMOTIONS, GROUPS
from audiofeat.domain.registry import GROUP_VERSIONS, READ_BY_HEADS_SINCE
from audiofeat.errors import InvalidInput, SourceNotFound
from audiofeat.services.choose_model import use
from audiofeat.services.models import shipped_mood
from audiofeat.services.reprocess import plan, scope_of
from audiofeat.services.train_mood import keep, read_labels, train

ITEMS, ARTISTS = 60, 12


@pytest.fixture
def catalogue(ledger_url: str) -> Iterator[SqlCatalogue]:
    opened = open_catalogue(ledger_url)
    yield opened
    opened.close()


def features(rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Every feature that a head may choose, around the values of the shipped head."""
    groups: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
    groups["tonal"] |= {"mode": rng.choice(["major", "minor"]).item(), "key_strength": float(rng.uniform(0.2, 1))}
    for path in CANDIDATES:
        group, _, name = path.partition(".")
        if name != "major_strength":
            whole, _, place = name.partition("[")
            value = float(rng.uniform(0.2, 1.0))
            if place:
                groups[group].setdefault(whole, [0.0] * 20)[int(place[:-1])] = value
            else:
                groups[group][whole] = value
    groups["loudness"]["integrated_loudness_lufs"] = -14.0
    return groups


def filled(catalogue: SqlCatalogue, *, timbre: int = GROUP_VERSIONS["timbre"]) -> list[float]:
    """Have items of which the pulse tells the arousal; return that."""
    rng, truth = np.random.default_rng(3), []
    for number in range(ITEMS):
        [job] = catalogue.register([Registration(ObjectVersion("s3/shop", f"{number:03}.wav", "v1", 1))])
        claim = catalogue.claim(job.job_id, worker="w", lease_s=60)
        assert claim is not None
        measured = features(rng)
        truth.append(measured["rhythm"]["pulse_clarity"])
        versions = {**GROUP_VERSIONS, "timbre": timbre}
        outcome = Outcome(
            state=JobState.DONE, sha256=f"{number:064}", audio={"decoded_duration_s": 30.0}, flags=(),
            groups=(
                *(GroupResult(group, versions[group], values, {}) for group, values in measured.items()),
                GroupResult("mood", GROUP_VERSIONS["mood"], {"arousal": 0.5, "valence": 0.5}, {}),
            ),
            extractor={}, kind=Kind.TRACK, kind_source=KindSource.METADATA,
            tags=MetadataRecord("tags", {"artist": f"Artist {number % ARTISTS}"}),
        )  # fmt: skip
        assert catalogue.finish(claim, outcome)
    return truth


def written(path: Path, truth: list[float], *, extra: str = "") -> Path:
    lines = [f"{number:03}.wav,{value:.4f}" for number, value in enumerate(truth)]
    path.write_text("\n".join(("item,arousal", *lines, *([extra] if extra else []))) + "\n")
    return path


def test_a_head_is_fitted_kept_and_makes_mood_stale(catalogue: SqlCatalogue, tmp_path: Path) -> None:
    """What the labels hang on is found on unseen artists, what they do not name stays, and items are stale in mood."""
    labels = read_labels(written(tmp_path / "mine.csv", filled(catalogue), extra="lost.wav,0.5"))
    trained = train(labels, catalogue=catalogue, shipped=shipped_mood(), origin="mine")
    [figure] = trained.figures
    assert (figure.output, figure.items, figure.artists) == ("arousal", ITEMS, ARTISTS)
    assert figure.correlation.value > 0.8
    assert figure.correlation.low <= figure.correlation.value <= figure.correlation.high
    strongest = max(trained.head.outputs["arousal"].terms, key=lambda term: abs(term.weight))
    assert strongest.feature == "rhythm.pulse_clarity"
    assert trained.head.outputs["valence"] == shipped_mood().outputs["valence"]
    assert trained.left_out == {"lost.wav": "no item is called so"}
    assert not catalogue.models()

    kept = keep(trained, catalogue=catalogue, origin="mine")
    versions = versions_in_use(catalogue.models())
    assert versions["mood"] == kept.version == GROUP_VERSIONS["mood"] * 1_000 + 1
    extent = plan(scope_of(["group=mood"], versions), catalogue=catalogue).extent
    assert extent.groups["mood"][0] == ITEMS
    assert json.loads(json.dumps(kept.document))["figures"][0]["output"] == "arousal"
    assert catalogue.models() == [kept]


def test_the_head_in_use_can_be_chosen_and_versions_only_rise(catalogue: SqlCatalogue, tmp_path: Path) -> None:
    """Formula, shipped and an earlier revision each take effect under a higher version than all before."""
    trained = train(
        read_labels(written(tmp_path / "mine.csv", filled(catalogue))), catalogue=catalogue, shipped=shipped_mood(),
        origin="mine",
    )  # fmt: skip
    first = keep(trained, catalogue=catalogue, origin="mine")
    chosen = [use("mood", choice, catalogue=catalogue) for choice in ("formula", "shipped", "1")]
    assert [kept.kind for kept in chosen] == [ModelKind.FORMULA, ModelKind.SHIPPED, ModelKind.HEAD]
    assert [kept.version for kept in chosen] == [first.version + n for n in (1, 2, 3)]
    assert chosen[0].order()["head"] == {"group": "mood", "outputs": {}, "versions": {}}
    assert chosen[1].order()["head"] is None
    assert chosen[2].order()["head"] == {**first.order()["head"]}
    for name, choice in (("mood", "1"), ("mood", "9"), ("tempo", "shipped")):
        with pytest.raises(InvalidInput):
            use(name, choice, catalogue=catalogue)


def test_a_head_of_older_features_gives_way_to_the_shipped_one() -> None:
    """After an upgrade of a group that it reads the head is not used, and can not be chosen."""
    document = {**shipped_mood().document(), "versions": {"timbre": GROUP_VERSIONS["timbre"] - 1}}
    kept = KeptModel("mood", 1, ModelKind.HEAD, document, "", 0.0)
    assert kept.is_outdated
    assert kept.order() == {"version": kept.version, "head": None}


def test_a_head_stays_while_what_it_reads_is_as_it_was() -> None:
    """A new version of a group that changed other fields leaves heads in use; one before the change does not."""
    for (head, group), since in READ_BY_HEADS_SINCE.items():
        assert since < GROUP_VERSIONS[group]
        for version, is_outdated in ((since - 1, True), (since, False), (GROUP_VERSIONS[group] + 1, True)):
            document = {**shipped_mood().document(), "versions": {group: version}}
            assert KeptModel(head, 1, ModelKind.HEAD, document, "", 0.0).is_outdated == is_outdated


def test_items_of_older_versions_are_left_out_with_their_reason(catalogue: SqlCatalogue, tmp_path: Path) -> None:
    """A head is never fitted on features that a worker of today would measure otherwise."""
    labels = read_labels(written(tmp_path / "mine.csv", filled(catalogue, timbre=GROUP_VERSIONS["timbre"] - 1)))
    with pytest.raises(InvalidInput, match="timbre not measured by this version"):
        train(labels, catalogue=catalogue, shipped=shipped_mood(), origin="mine")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,arousal\na,0.5\n", "unknown columns 'name'"),
        ("item,tempo\na,0.5\n", "unknown columns 'tempo'"),
        ("item,raters\na,5\n", "none of a mood"),
        ("item,arousal\na,1.5\n", "line 2: arousal is '1.5'"),
        ("item,arousal\na,high\n", "line 2: arousal is 'high'"),
        ("item,arousal,raters\na,0.5,nan\n", "line 2: raters is 'nan'"),
        ("item,arousal\na\n", "line 2: the line has more or fewer"),
        ("item,arousal\na,0.5\na,0.6\n", "labels 'a' twice"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused(text: str, said: str, tmp_path: Path) -> None:
    """Line and remedy are named."""
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=said):
        read_labels(path)


def test_votes_for_all_emotions_say_both_dimensions(tmp_path: Path) -> None:
    """Arousal and valence follow from the nine columns; a missing file is told as such."""
    path = tmp_path / "votes.csv"
    path.write_text(f"item,{','.join(EMOTIONS)},raters,artist\na,0,0,0,0,0,0,1,0,0,12,Me\n")
    [label] = read_labels(path)
    assert (label.targets["arousal"], label.targets["valence"]) == (1, 1)
    assert (label.raters, label.artist) == (12, "Me")
    with pytest.raises(SourceNotFound):
        read_labels(tmp_path / "none.csv")


def test_noise_has_no_correlation_on_unseen_artists() -> None:
    """Chosen among many features of noise, a head fits what it saw and fails where it did not look."""
    rng = np.random.default_rng(5)
    artists = [f"a{n % 20}" for n in range(100)]
    material = Material(tuple(f"f{n}" for n in range(50)), rng.normal(size=(100, 50)), np.ones(100), artists)
    truth = rng.normal(size=100)
    said, true = unseen(material, truth)
    assert abs(np.corrcoef(said, true)[0, 1]) < 0.3
    output = output_of(material, truth, is_rank=True, origin="noise", error=1.0)
    assert 0 < len(output.terms) <= 15


def test_few_labels_are_refused() -> None:
    """Below 30 items or 10 artists nothing can be said of unseen artists."""
    material = Material(("f",), np.arange(40.0)[:, None], np.ones(40), ["a"] * 40)
    with pytest.raises(InvalidInput, match="40 labelled items by 1 artists"):
        unseen(material, np.arange(40.0))
