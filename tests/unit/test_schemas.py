"""The wire format: committed documents are what the models say, and the models are what the domain says."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from audiofeat.api.app import create_app
from audiofeat.api.export import documents
from audiofeat.bootstrap import Services, load_settings
from audiofeat.codes import ErrorCode
from audiofeat.domain import registry
from audiofeat.domain.field import Shape
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import JobState
from audiofeat.domain.quality import Flag
from audiofeat.errors import AudioRejected
from audiofeat.extraction import record as records
from audiofeat.extraction.view import public, unreadable
from schemas import wire
from schemas.records import AnalysisRecord, AudioFacts, Nothing

COMMITTED = Path(__file__).parents[2] / "schemas" / "json"
AUDIO = {
    "sha256": "ab" * 32,
    "bytes": 1000,
    "container": "wav",
    "codec": "pcm_s16le",
    "sample_rate_hz": 44_100,
    "channels": 2,
    "declared_duration_s": 30.0,
    "decoded_duration_s": 29.5,
}
EXAMPLES: dict[Shape, Any] = {
    Shape.NUMBER: 1.0, Shape.TEXT: "x", Shape.VECTOR: [0.5], Shape.CURVE: [], Shape.LABELS: ["A"],
    Shape.MATRIX: [[0.5]],
}  # fmt: skip


def measured() -> dict[str, Any]:
    """Return a record with a value for every field but one."""
    features: dict[str, dict[str, Any]] = {}
    for field in registry.FIELDS:
        value = EXAMPLES[field.shape]
        if field.shape in {Shape.NUMBER, Shape.VECTOR} and field.low is not None:
            value = [float(field.low)] if field.depth else float(field.low)
        features.setdefault(field.group, {})[field.name] = value
    features["tonal"]["key"] = None
    reasons = {"tonal.key": "atonal"}
    return records.analysed("a.wav", audio=AUDIO, flags=[Flag.TRUNCATED], features=features, reasons=reasons)


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    """Return what the export would write now."""
    return documents(create_app(Services(load_settings())).openapi())


def test_committed_documents_are_current(generated: dict[str, str]) -> None:
    """``python -m audiofeat.api.export`` would change nothing in schemas/json."""
    assert {path.name: path.read_text(encoding="utf-8") for path in COMMITTED.iterdir()} == generated


def test_states_and_kinds_are_the_domains() -> None:
    """Its package imports nothing of ours, so the literals are compared here."""
    assert set(get_args(wire.State)) == set(JobState)
    assert set(get_args(wire.Kind)) == set(Kind)


def test_the_record_schema_has_every_public_field_with_its_range(generated: dict[str, str]) -> None:
    """Names, bounds, null and units come from the registry; the internal groups are not in it."""
    groups = json.loads(generated["analysis-record.schema.json"])["properties"]["features"]["properties"]
    assert {f"{group}.{name}" for group, body in groups.items() for name in body["properties"]} == {
        field.path for field in registry.PUBLIC_FIELDS
    }
    for field in registry.PUBLIC_FIELDS:
        schema = groups[field.group]["properties"][field.name]
        assert "null" in schema["type"]
        assert schema["x-unit"] == field.unit
        bounded = schema
        for _ in range(field.depth):
            bounded = bounded["items"]
        assert (bounded.get("minimum"), bounded.get("maximum")) == (field.low, field.high)


def test_a_published_schema_stands_on_its_own(generated: dict[str, str]) -> None:
    """Every reference leads to a place in the same document."""
    for name, text in generated.items():
        document = json.loads(text)
        for reference in _references(document):
            place = document
            for part in reference.removeprefix("#/").split("/"):
                assert part in place, f"{name}: {reference}"
                place = place[part]


def test_a_measured_record_is_valid() -> None:
    """The public record of a file keeps to its model, and comes back as it was."""
    record = public(measured())
    parsed = AnalysisRecord.model_validate_json(json.dumps(record))
    assert isinstance(parsed.audio, AudioFacts)
    assert parsed.features["loudness"]["integrated_loudness_lufs"] == -70
    assert json.loads(parsed.model_dump_json(exclude_none=False))["reasons"] == record["reasons"]


def test_rejected_records_are_valid() -> None:
    """Whether the header was read or not even the file, the envelope is the same."""
    error = AudioRejected(ErrorCode.NOT_AUDIO, "this is text")
    known = AnalysisRecord.model_validate(records.rejected("a.txt", error, audio={"sha256": "ab" * 32, "bytes": 3}))
    assert known.error is not None
    assert (known.error.code, known.audio.model_dump(exclude_none=True)) == (
        "not_audio",
        {"sha256": "ab" * 32, "bytes": 3},
    )
    assert isinstance(AnalysisRecord.model_validate(unreadable("gone", error)).audio, Nothing)


@pytest.mark.parametrize(
    "change",
    [{"status": "fine"}, {"extra": 1}, {"audio": {**AUDIO, "sha256": "short"}}, {"reasons": None}],
    ids=["status", "unknown field", "sha256", "no reasons"],
)
def test_a_record_of_another_form_is_refused(change: dict[str, Any]) -> None:
    """The envelope is typed: what is not in it, or has another form, is an error."""
    with pytest.raises(ValidationError):
        AnalysisRecord.model_validate({**public(measured()), **change})


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [reference for part in node for reference in _references(part)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [reference for part in node.values() for reference in _references(part)]
