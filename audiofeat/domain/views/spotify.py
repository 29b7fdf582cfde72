"""Spotify's Web API: Audio Features and Audio Analysis, with exactly their field names.

The service no longer hands these objects out to new applications; programs that read them are many.
"""

from typing import Any

from audiofeat.domain.field import Scope
from audiofeat.domain.views import spotify_analysis
from audiofeat.domain.views.row import Record, Row, envelope, filled
from audiofeat.domain.views.spotify_analysis import key_number, time_signature

_QUIETEST_LUFS, _LOUDEST_LUFS = -30.0, -5.0
_MOST_DANCEABLE = 3.0
_UNKNOWN = "Spotify's own; null."


def _energy(energy: float, loudness_lufs: float) -> float:
    loud = (loudness_lufs - _QUIETEST_LUFS) / (_LOUDEST_LUFS - _QUIETEST_LUFS)
    return round((energy + min(max(loud, 0.0), 1.0)) / 2, 5)


_FEATURES = (
    Row("acousticness", ("mood.acousticness",), "As it is.", lambda value: round(value, 5), Scope.HEURISTIC),
    Row("analysis_url", (), _UNKNOWN),
    Row("danceability", ("rhythm.danceability",), "Ours over 3, the most that it reaches.",
        lambda value: round(min(value / _MOST_DANCEABLE, 1.0), 5), Scope.HEURISTIC),
    Row("duration_ms", ("audio.decoded_duration_s",), "What was decoded, in milliseconds.",
        lambda seconds: round(seconds * 1000)),
    Row("energy", ("mood.energy", "loudness.integrated_loudness_lufs"),
        "Mean of our energy and of the loudness's place between -30 and -5 LUFS.", _energy, Scope.HEURISTIC),
    Row("id", (), _UNKNOWN),
    Row("instrumentalness", ("instrumentation.instrumentalness",),
        "Probability that nobody sings or speaks: ours counts speech as a voice too.", lambda value: round(value, 5)),
    Row("key", ("tonal.key",), "0 for C to 11 for B; -1 where no key was found.", key_number, missing=-1),
    Row("liveness", (), "Null: nothing that is measured tells an audience."),
    Row("loudness", ("loudness.integrated_loudness_lufs",),
        "Integrated loudness by EBU R 128; Spotify's decibels are another scale, often within a few dB.",
        lambda lufs: round(lufs, 3)),
    Row("mode", ("tonal.mode",), "1 for major, 0 for minor; null where no key was found.",
        lambda mode: int(mode == "major")),
    Row("speechiness", ("speech.speech_ratio",),
        "Share of seconds with speech: near 1 for talk, as Spotify's; singing and rap are no speech here.",
        lambda ratio: round(ratio, 5), Scope.HEURISTIC),
    Row("tempo", ("rhythm.tempo_bpm",), "As measured.", lambda bpm: round(bpm, 3)),
    Row("time_signature", ("rhythm.meter",), "Beats in a bar where that is 3 to 7.", time_signature),
    Row("track_href", (), _UNKNOWN),
    Row("type", (), "Always `audio_features`.", lambda: "audio_features"),
    Row("uri", (), _UNKNOWN),
    Row("valence", ("mood.valence",), "As it is.", lambda value: round(value, 5)),
)  # fmt: skip

ROWS: tuple[Row, ...] = (
    *(row.under("audio_features") for row in _FEATURES),
    *spotify_analysis.ROWS,
)


def audio_features(record: Record) -> dict[str, Any]:
    """Return the audio features alone; what only whoever serves them knows (ids, links) is null."""
    return filled(_FEATURES, record)


def view(record: Record) -> dict[str, Any]:
    """Return ``audio_features``, ``audio_analysis`` and, beside them, the ``provenance`` of their fields."""
    return envelope(ROWS, record, parts=("audio_features", "audio_analysis"))
