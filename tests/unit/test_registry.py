"""The registry against what the extractor really returns, and its check against what it must refuse."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiofeat.domain import registry
from audiofeat.domain.families import FAMILIES
from audiofeat.domain.field import Shape
from audiofeat.domain.quality import Reason
from audiofeat.domain.registry import BY_PATH, FIELDS, GROUP_VERSIONS
from audiofeat.errors import InvalidInput
from audiofeat.extraction.analyse import GROUPS, analyse
from tests.synthesis import RATE_HZ, Signal, noise, song, write

SOUNDS: dict[str, Signal] = {
    "song": np.column_stack((song(8.0), 0.8 * song(8.0))),
    "mono song": song(8.0),
    "noise": noise(6.0),
    "short": noise(0.7),
    "silence": np.zeros(5 * RATE_HZ, dtype=np.float32),
}
VECTOR_LENGTHS = {
    "tonal.hpcp": 12,
    "timbre.octave_band_share_db": 8,
    "timbre.octave_band_crest_db": 7,
    "timbre.mfcc": 20,
}


@pytest.fixture(scope="module", params=SOUNDS)
def record(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the extractor makes of each sound."""
    path = write(tmp_path_factory.mktemp("sound") / "a", SOUNDS[request.param])
    return analyse(path, source=request.param, max_duration_s=60.0)[0]


def test_what_is_measured_is_what_is_registered(record: dict[str, Any]) -> None:
    """Every registered field is in the record, whatever the sound, and nothing else is."""
    found = {f"{group}.{name}" for group, values in record["features"].items() for name in values}
    assert found == set(BY_PATH)


def test_nulls_and_reasons_belong_together(record: dict[str, Any]) -> None:
    """Each null has a known reason, and no value that is there has one."""
    nulls = {
        f"{group}.{name}"
        for group, values in record["features"].items()
        for name, value in values.items()
        if value is None
    }
    assert nulls == set(record["reasons"])
    assert set(record["reasons"].values()) <= {reason.value for reason in Reason}


def test_a_record_is_strict_json(record: dict[str, Any]) -> None:
    """No NaN, no infinity, nothing that JSON does not know."""
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_vectors_have_their_length(record: dict[str, Any]) -> None:
    """Vectors do not grow with the sound."""
    for path, length in VECTOR_LENGTHS.items():
        group, name = path.split(".")
        value = record["features"][group][name]
        assert value is None or len(value) == length, path


def test_a_song_has_no_nulls(tmp_path: Path) -> None:
    """Where there is a beat, a key and two channels all is measured but a hum, and what plays where it is not sure."""
    record, spent = analyse(write(tmp_path / "a", SOUNDS["song"]), source="song", max_duration_s=60.0)
    of_speech = {"mood", "speech", "delivery", "production"}
    assert {path for path in record["reasons"] if path.split(".")[0] not in of_speech} <= {
        "quality.hum_hz", "quality.hum_level_dbfs", "instrumentation.instrumentalness",
        *(f"instrumentation.{family}" for family in FAMILIES),
    }  # fmt: skip
    assert set(spent) == {"pass", *GROUPS}


def test_groups_and_versions_agree() -> None:
    """The extractor's groups are the registry's, each with a version."""
    assert list(GROUPS) == list(GROUP_VERSIONS) == list(dict.fromkeys(field.group for field in FIELDS))
    assert len(BY_PATH) == len(FIELDS)


def test_fields_explain_themselves() -> None:
    """Every field has a sentence and a source; bounds are in order; numbers with a fixed scale have both."""
    for field in FIELDS:
        assert field.definition.endswith("."), field.path
        assert field.source, field.path
        if field.low is not None and field.high is not None:
            assert field.low < field.high, field.path
        if field.unit in {"0-1", "ratio"}:
            assert (field.low, field.high) == (0, 1), field.path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("quality.no_such_field", 1.0),
        ("rhythm.tempo_bpm", math.nan),
        ("rhythm.tempo_bpm", math.inf),
        ("rhythm.tempo_bpm", "120"),
        ("rhythm.tempo_bpm", [120.0]),
        ("rhythm.tempo_bpm", 738.3),
        ("rhythm.tempo_bpm", -1.0),
        ("rhythm.beat_times_s", 1.0),
        ("rhythm.beat_times_s", [0.5, math.nan]),
        ("rhythm.beat_times_s", [0.5, None]),
        ("tonal.hpcp", [1.2] * 12),
        ("tonal.key", 3),
        ("descriptor.values", [1.0, math.inf]),
    ],
)
def test_wrong_values_are_refused(path: str, value: object) -> None:
    """Unknown fields, other shapes, numbers that are none or out of range."""
    with pytest.raises(InvalidInput, match=path.replace(".", r"\.")):
        registry.check(path, value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("rhythm.tempo_bpm", 120.0),
        ("rhythm.beat_times_s", []),
        ("quality.clipped_ratio", 0),
        ("tonal.key", "C"),
        ("descriptor.values", [1.0, None]),
    ],
)
def test_right_values_pass(path: str, value: object) -> None:
    """Integers are numbers, curves may be empty, and a descriptor may have gaps."""
    registry.check(path, value)


def test_every_shape_is_used() -> None:
    """No shape is there for nothing."""
    assert {field.shape for field in FIELDS} == set(Shape)
