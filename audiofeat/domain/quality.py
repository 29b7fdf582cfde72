"""Verdicts on a record: its status, the flags that degrade it and the reasons for a null."""

from collections.abc import Iterable
from enum import StrEnum

DEFAULT_MAX_DURATION_S = 43_200.0
"""Longer audio is rejected, unless a setting says otherwise."""


class Status(StrEnum):
    """Whether a record can be used."""

    OK = "ok"
    DEGRADED = "degraded"
    REJECTED = "rejected"


class Flag(StrEnum):
    """A gate says that the sound was not fully or not soundly read; each flag degrades the record."""

    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    STREAM_CHANGE = "stream_change"
    HEADER_INCONSISTENT = "header_inconsistent"
    TRAILING_DATA = "trailing_data"
    OTHER_TRACKS = "other_tracks"
    TOO_SHORT = "too_short"
    SILENT = "silent"
    MOSTLY_SILENT = "mostly_silent"
    DROPOUT = "dropout"
    DC_OFFSET = "dc_offset"
    CLIPPED = "clipped"
    ANTIPHASE = "antiphase"
    ONE_CHANNEL_SILENT = "one_channel_silent"


class Reason(StrEnum):
    """Why a value is null."""

    SILENCE = "silence"
    TOO_SHORT = "too_short"
    NOT_MUSIC = "not_music"
    NOT_SPEECH = "not_speech"
    NOT_MEASURED = "not_measured"
    NO_PULSE = "no_pulse"
    ATONAL = "atonal"
    LOW_CONFIDENCE = "low_confidence"
    NO_MODEL = "no_model"
    MODEL_FAILED = "model_failed"
    MONO = "mono"
    ABSENT = "absent"


def status_of(flags: Iterable[Flag]) -> Status:
    """Return ``degraded`` where any flag is raised; a null with its reason does not degrade a record."""
    return Status.DEGRADED if any(True for _ in flags) else Status.OK
