"""The models that ship: published files, cards with all that a reader asks, and a verification that finds damage."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from audiofeat.cli.main import app
from audiofeat.domain.models import SHIPPED, ShippedModel, shipped
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.errors import InvalidInput
from audiofeat.extraction.rehearsal import faults
from audiofeat.features import (
    delivery_voices,
    hearing,
    instrument_head,
    instrument_spectrogram,
    mood_head,
    rhythm_meter,
    rhythm_phase,
    rhythm_tempo,
    tonal_gate,
    tonal_key,
)
from audiofeat.services.models import FOLDER, verify

ROOT = Path(__file__).parents[2]
HEADINGS = ("What it is", "What it saw", "Figures", "Limits", "Intended use")
# Where each model's path is read, and what remembers its coefficients.
READERS = {
    "tempo": (rhythm_tempo, "MODEL_PATH", (rhythm_tempo._model,)),
    "phase": (rhythm_phase, "MODEL_PATH", (rhythm_phase._weights,)),
    "meter": (rhythm_meter, "MODEL_PATH", (rhythm_meter._model,)),
    "key": (tonal_key, "WEIGHTS_PATH", (tonal_key._weights, tonal_gate._weights)),
    "speech": (hearing, "MODEL_PATH", (hearing._coefficients,)),
    "voices": (delivery_voices, "MODEL_PATH", (delivery_voices._model,)),
    "instruments": (instrument_head, "MODEL_PATH", (instrument_head.head,)),
    "instrument-spectrogram": (instrument_spectrogram, "MODEL_PATH", (instrument_spectrogram.network,)),
    "mood": (mood_head, "MODEL_PATH", (mood_head.shipped,)),
}


def test_every_model_file_is_registered() -> None:
    """No coefficients ship without name, hash and card."""
    assert {model.file for model in SHIPPED} == {path.name for path in FOLDER.glob("*_model.*")}


@pytest.mark.parametrize("model", SHIPPED, ids=lambda model: model.name)
def test_the_hash_is_that_of_the_file(model: ShippedModel) -> None:
    """Whoever trains a model anew registers what came out."""
    assert hashlib.sha256((FOLDER / model.file).read_bytes()).hexdigest() == model.sha256


@pytest.mark.parametrize("model", SHIPPED, ids=lambda model: model.name)
def test_every_model_has_a_whole_card(model: ShippedModel) -> None:
    """A card names its file and says what the model is, saw, reaches, cannot do, and is for."""
    card = (ROOT / model.card).read_text()
    assert model.file in card
    sections = dict(re.findall(r"^## (.+)\n+((?:(?!^## ).*\n?)+)", card, re.MULTILINE))
    assert set(HEADINGS) <= set(sections)
    assert all(len(sections[heading].split()) > 8 for heading in HEADINGS)


@pytest.mark.parametrize("name", READERS)
def test_a_model_that_does_not_load_is_told_by_its_group(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged file makes its group, and no other, fail the rehearsal."""
    module, constant, remembering = READERS[name]
    damaged = tmp_path / "damaged.json"
    if name.startswith("instrument"):
        with damaged.open("wb") as empty:
            np.savez(empty)
    else:
        damaged.write_text("{}")
    monkeypatch.setattr(module, constant, damaged)
    if name == "key":
        monkeypatch.setattr(tonal_gate, constant, damaged)
    for function in remembering:
        function.cache_clear()
    try:
        found = faults((shipped(name).group, "loudness"))
    finally:
        for function in remembering:
            function.cache_clear()
    assert re.match("KeyError|InvalidInput", found[shipped(name).group] or "")
    assert found["loudness"] is None


def test_a_changed_or_missing_file_is_found(tmp_path: Path) -> None:
    """One byte more or no file at all is named with the model; what is as published loads."""
    for model in SHIPPED:
        shutil.copyfile(FOLDER / model.file, tmp_path / model.file)
    with (tmp_path / shipped("key").file).open("a") as changed:
        changed.write(" ")
    (tmp_path / shipped("speech").file).unlink()
    found = {verdict.model.name: verdict.fault for verdict in verify(folder=tmp_path)}
    assert "is not the published file" in (found.pop("key") or "")
    assert "cannot be read" in (found.pop("speech") or "")
    assert set(found.values()) == {None}


def test_an_unknown_model_is_told_with_those_that_there_are() -> None:
    """The remedy lists the names."""
    with pytest.raises(InvalidInput) as refused:
        shipped("genre")
    assert "tempo" in refused.value.remedy


def test_the_commands_tell_what_is_registered() -> None:
    """``list`` and ``show`` print the same facts; ``verify`` has nothing to say against a checkout."""
    listed = CliRunner().invoke(app, ["models", "list", "--json"])
    facts = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [fact["name"] for fact in facts] == [model.name for model in SHIPPED]
    shown = json.loads(CliRunner().invoke(app, ["models", "show", "tempo", "--json"]).stdout)
    assert shown == facts[0]
    assert shown["version"] == GROUP_VERSIONS["rhythm"]
    table = CliRunner().invoke(app, ["models", "list"]).stdout
    assert all(model.name in table for model in SHIPPED)
