"""What a record answers to each label, in the label's own form."""

from collections.abc import Mapping
from typing import Any

from audiofeat.domain import registry
from audiofeat.domain.families import FAMILIES
from audiofeat.evaluation.labels import CLASSES
from audiofeat.extraction.view import Record

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "tempo_bpm": ("rhythm.tempo_bpm",),
    "beat_times_s": ("rhythm.beat_times_s",),
    "downbeat_times_s": ("rhythm.downbeat_times_s",),
    "key": ("tonal.key", "tonal.mode"),
    "integrated_loudness_lufs": ("loudness.integrated_loudness_lufs",),
    "loudness_range_lu": ("loudness.loudness_range_lu",),
    "true_peak_dbtp": ("loudness.true_peak_dbtp",),
    "instruments": tuple(f"instrumentation.{family}_probability" for family in FAMILIES),
    "class": ("speech.speech_ratio", "speech.music_ratio", "speech.other_ratio"),
    "segments": ("speech.segment_labels",),
}
_SOUNDS = ("speech", "music")


def fields_of(label: str) -> tuple[str, ...]:
    """Return the fields from which a label is answered."""
    return (label,) if label.startswith("mood.") else _FIELDS[label]


def missing_fields(label: str) -> list[str]:
    """Return those of them that this build does not have."""
    return [path for path in fields_of(label) if path not in registry.BY_PATH]


def answers_of(record: Record) -> dict[str, Any]:
    """Return what a record says, by label; None where it says nothing."""
    answers: dict[str, Any] = {label: _value(record, paths[0]) for label, paths in _FIELDS.items() if len(paths) == 1}
    answers["tempo_confidence"] = _value(record, "rhythm.tempo_confidence")
    key, mode = (_value(record, path) for path in _FIELDS["key"])
    answers["key"] = None if key is None or mode is None else f"{key} {mode}"
    answers["instruments"] = dict(zip(FAMILIES, (_value(record, path) for path in _FIELDS["instruments"]), strict=True))
    shares = [_value(record, path) for path in _FIELDS["class"]]
    known = None not in shares
    answers["class"] = max(zip(shares, CLASSES, strict=True), key=lambda pair: pair[0])[1] if known else None
    answers["segments"] = _segments(record)
    for name in record["features"].get("mood", {}):
        answers[f"mood.{name}"] = _value(record, f"mood.{name}")
    return answers


def _value(record: Record, path: str) -> Any:  # noqa: ANN401  a field's own type
    group, name = path.split(".")
    return record["features"].get(group, {}).get(name)


def _segments(record: Record) -> list[list[Any]] | None:
    """Return start, end and sounds of each segment; the last ends with the audio."""
    starts, labels = (_value(record, f"speech.segment_{name}") for name in ("starts_s", "labels"))
    if starts is None:
        return None
    ends = [*starts[1:], record["audio"]["decoded_duration_s"]]
    parts = zip(starts, ends, labels, strict=True)
    return [[start, end, [sound for sound in _SOUNDS if sound in label]] for start, end, label in parts]
