"""Heads for families of instruments fitted on a catalogue's own labels, on SQLite and on PostgreSQL."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.cli.main import app
from audiofeat.domain.families import FAMILIES
from audiofeat.domain.family_heads import GROUP, SHARES, FamilyHead
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import GroupResult, JobState, MetadataRecord, Outcome, Registration
from audiofeat.domain.kept_models import head_orders, versions_in_use
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.errors import InvalidInput
from audiofeat.services.choose_model import use
from audiofeat.services.reprocess import plan, scope_of
from audiofeat.services.train_instruments import keep, read_labels, train

ITEMS, ARTISTS = 50, 12
NAMES = tuple(FAMILIES)


@pytest.fixture
def catalogue(ledger_url: str) -> Iterator[SqlCatalogue]:
    opened = open_catalogue(ledger_url)
    yield opened
    opened.close()


def filled(catalogue: SqlCatalogue, path: Path, *, version: int = GROUP_VERSIONS[GROUP]) -> Path:
    """Have items whose guitars are called keys and whose drums are known; return their labels."""
    rng, lines = np.random.default_rng(3), ["item,drums,guitar,voice"]
    for number in range(ITEMS):
        [job] = catalogue.register([Registration(ObjectVersion("s3/shop", f"{number:03}.wav", "v1", 1))])
        claim = catalogue.claim(job.job_id, worker="w", lease_s=60)
        assert claim is not None
        log_odds = rng.normal(-1, 1, len(NAMES))
        has_guitar, has_drums = rng.integers(0, 2, 2).tolist()
        log_odds[NAMES.index("keys")] = 3.0 if has_guitar else -3.0
        log_odds[NAMES.index("drums")] = 8.0 if has_drums else -8.0
        lines.append(f"{number:03}.wav,{has_drums},{has_guitar},{int(number < 2)}")
        values = {
            "family_log_odds": log_odds.round(3).tolist() if number else None,
            **dict.fromkeys(SHARES, 0.25),
        }
        outcome = Outcome(
            state=JobState.DONE, sha256=f"{number:064}", audio={"decoded_duration_s": 30.0}, flags=(),
            groups=(GroupResult(GROUP, version, values, {}),), extractor={}, kind=Kind.TRACK,
            kind_source=KindSource.METADATA, tags=MetadataRecord("tags", {"artist": f"Artist {number % ARTISTS}"}),
        )  # fmt: skip
        assert catalogue.finish(claim, outcome)
    path.write_text("\n".join((*lines, "lost.wav,1,1,1")) + "\n")
    return path


def test_a_head_is_fitted_kept_and_fitted_again(catalogue: SqlCatalogue, tmp_path: Path) -> None:
    """What is better on unseen artists is taken and makes items stale; chosen and fitted again it reads the same."""
    labels = read_labels(filled(catalogue, tmp_path / "mine.csv"))
    trained = train(labels, catalogue=catalogue, origin="mine")
    figures = {figure.family: figure for figure in trained.figures}
    assert figures.keys() == {"drums", "guitar"}
    guitar = figures["guitar"]
    assert (guitar.items, guitar.artists) == (ITEMS - 1, ARTISTS)
    assert guitar.f1.value > max(guitar.f1_always, guitar.f1_shipped)
    assert guitar.accuracy > guitar.accuracy_majority
    assert guitar.is_better
    assert not figures["drums"].is_better
    assert trained.head.outputs.keys() == {"guitar"}
    assert "too few" in trained.not_fitted["voice"]
    assert trained.left_out == {
        "lost.wav": "no item is called so",
        "000.wav": "it has no families: too short, or silent",
    }

    kept = keep(trained, catalogue=catalogue, origin="mine")
    assert kept is not None
    versions = versions_in_use(catalogue.models())
    assert versions[GROUP] == kept.version == GROUP_VERSIONS[GROUP] * 1_000 + 1
    assert plan(scope_of([f"group={GROUP}"], versions), catalogue=catalogue).extent.groups[GROUP][0] == ITEMS
    assert FamilyHead.read(head_orders([kept])[GROUP]["head"]) == trained.head
    again = train(labels, catalogue=catalogue, origin="mine")
    assert (again.head, again.is_new) == (trained.head, False)
    assert keep(again, catalogue=catalogue, origin="mine") is None

    back = use("instruments", "shipped", catalogue=catalogue)
    assert head_orders([back]) == {GROUP: {"version": kept.version + 1, "head": None}}
    assert use("instruments", "1", catalogue=catalogue).version == kept.version + 2
    with pytest.raises(InvalidInput, match="no 'formula'"):
        use("instruments", "formula", catalogue=catalogue)


def test_what_was_measured_under_an_own_head_can_be_fitted_on(catalogue: SqlCatalogue, tmp_path: Path) -> None:
    """The shipped log-odds are the same under every head; those of an older shipped head are left out."""
    under_own = filled(catalogue, tmp_path / "mine.csv", version=GROUP_VERSIONS[GROUP] * 1_000 + 7)
    assert train(read_labels(under_own), catalogue=catalogue, origin="mine").figures


def test_older_versions_are_left_out(catalogue: SqlCatalogue, tmp_path: Path) -> None:
    """A head is never fitted on what a worker of today would measure otherwise."""
    labels = read_labels(filled(catalogue, tmp_path / "mine.csv", version=GROUP_VERSIONS[GROUP] - 1))
    with pytest.raises(InvalidInput, match="not measured by this version"):
        train(labels, catalogue=catalogue, origin="mine")


def test_too_few_labels_of_every_family_are_refused(catalogue: SqlCatalogue, tmp_path: Path) -> None:
    """Where nothing can be fitted that is an error, which says of each family what is missing."""
    labels = read_labels(filled(catalogue, tmp_path / "mine.csv"))[:12]
    with pytest.raises(InvalidInput, match="no family can be fitted") as refused:
        train(labels, catalogue=catalogue, origin="mine")
    assert "drums is in" in refused.value.remedy
    assert "guitar" in refused.value.remedy


def test_the_command_reports_and_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run says the same and keeps nothing; the table names what is taken and what is not."""
    monkeypatch.setenv("AUDIOFEAT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "250")
    (tmp_path / "home").mkdir()
    opened = open_catalogue(f"sqlite:///{tmp_path}/home/catalogue.sqlite3")
    labels = filled(opened, tmp_path / "mine.csv")
    ask = ["train", "instruments", "--labels", str(labels)]
    dry = CliRunner().invoke(app, [*ask, "--dry-run", "--json"])
    assert dry.exit_code == 0, dry.output
    said = json.loads(dry.stdout)
    assert (said["revision"], {figure["family"]: figure["is_better"] for figure in said["figures"]}) == (
        None, {"drums": False, "guitar": True},
    )  # fmt: skip
    assert not opened.models()
    told = CliRunner().invoke(app, ask).stdout
    assert "taken" in told
    assert "left to the shipped head" in told
    assert "not fitted: voice" in told
    assert f"version {GROUP_VERSIONS[GROUP] * 1_000 + 1}" in told
    assert "stays" in CliRunner().invoke(app, ask).stdout
    opened.close()
