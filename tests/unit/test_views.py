"""Views: other people's field names to the letter, values in their ranges, and a provenance that cannot flatter."""

import json
from itertools import pairwise
from typing import Any

import essentia.standard
import pytest

from audiofeat.codes import ErrorCode
from audiofeat.domain import registry
from audiofeat.domain.field import Scope
from audiofeat.domain.views import Format, acousticbrainz, spotify, view
from audiofeat.domain.views.timeline import halves, intervals, pulses
from audiofeat.errors import AudioRejected
from audiofeat.extraction.view import unreadable

AUDIO_FEATURES = {
    "acousticness", "analysis_url", "danceability", "duration_ms", "energy", "id", "instrumentalness", "key",
    "liveness", "loudness", "mode", "speechiness", "tempo", "time_signature", "track_href", "type", "uri", "valence",
}  # fmt: skip
META = {
    "analyzer_version", "platform", "detailed_status", "status_code", "timestamp", "analysis_time", "input_process",
}  # fmt: skip
TRACK = {
    "num_samples", "duration", "sample_md5", "offset_seconds", "window_seconds", "analysis_sample_rate",
    "analysis_channels", "end_of_fade_in", "start_of_fade_out", "loudness", "tempo", "tempo_confidence",
    "time_signature", "time_signature_confidence", "key", "key_confidence", "mode", "mode_confidence", "codestring",
    "code_version", "echoprintstring", "echoprint_version", "synchstring", "synch_version", "rhythmstring",
    "rhythm_version",
}  # fmt: skip
PULSE = {"start", "duration", "confidence"}
SECTION = PULSE | {
    "loudness", "tempo", "tempo_confidence", "key", "key_confidence", "mode", "mode_confidence", "time_signature",
    "time_signature_confidence",
}  # fmt: skip
SEGMENT = PULSE | {"loudness_start", "loudness_max_time", "loudness_max", "loudness_end", "pitches", "timbre"}
TONAL = {
    "chords_changes_rate", "chords_histogram", "chords_key", "chords_number_rate", "chords_scale", "chords_strength",
    "hpcp", "hpcp_entropy", "key_key", "key_scale", "key_strength", "thpcp", "tuning_diatonic_strength",
    "tuning_equal_tempered_deviation", "tuning_frequency", "tuning_nontempered_energy_ratio",
}  # fmt: skip
RHYTHM = {
    "beats_count", "beats_loudness", "beats_loudness_band_ratio", "beats_position", "bpm",
    "bpm_histogram_first_peak_bpm", "bpm_histogram_first_peak_spread", "bpm_histogram_first_peak_weight",
    "bpm_histogram_second_peak_bpm", "bpm_histogram_second_peak_spread", "bpm_histogram_second_peak_weight",
    "danceability", "onset_rate",
}  # fmt: skip
STATISTICS = {"dmean", "dmean2", "dvar", "dvar2", "max", "mean", "median", "min", "var"}
SECONDS = 12.5


def record(**changed: Any) -> dict[str, Any]:
    """Return a record of 12.5 s at 120 BPM in F# minor; ``changed`` sets fields by group and name."""
    features: dict[str, dict[str, Any]] = {
        "quality": {"head_silence_s": 0.2, "tail_silence_s": 0.3, "fade_in_s": 1.0, "fade_out_s": 0.0},
        "loudness": {
            "integrated_loudness_lufs": -12.0, "dynamic_complexity_db": 2.5,
            "loudness_curve_lufs": [-14.0, -12.0, -11.0, *[-12.0] * 9],
        },
        "rhythm": {
            "tempo_bpm": 120.0, "tempo_confidence": 0.9, "beat_times_s": [0.25 + 0.5 * n for n in range(24)],
            "downbeat_times_s": [0.25 + 2.0 * n for n in range(6)], "meter": 4, "meter_confidence": 0.7,
            "danceability": 1.2, "onset_rate_hz": 3.0,
        },
        "tonal": {
            "key": "F#", "mode": "minor", "key_strength": 0.8, "key_clarity": 0.4, "tuning_hz": 441.0,
            "hpcp_36": [n / 36 for n in range(36)], "hpcp_curve": [[0.1] * 11 + [0.5]] * 12, "dissonance": 0.4,
            "chord_histogram": [0.0] * 12 + [0.0] * 6 + [1.0] + [0.0] * 5,
        },
        "timbre": {"mfcc_curve": [[float(n) for n in range(13)]] * 12},
        "speech": {"speech_ratio": 0.1},
        "mood": {"arousal": 0.9, "valence": 0.3, "energy": 0.6, "acousticness": 0.2},
        "structure": {"section_starts_s": [0.0, 4.0, 8.0], "section_confidence": [1.0, 0.5, 0.75]},
    }  # fmt: skip
    for path, value in changed.items():
        group, _, name = path.partition("__")
        features[group][name] = value
    return {
        "source": "folder/song.ogg", "status": "ok", "flags": [], "features": features,
        "audio": {"codec": "vorbis", "channels": 2, "sample_rate_hz": 44_100, "bytes": 200_000,
                  "decoded_duration_s": SECONDS, "declared_duration_s": SECONDS},
        "reasons": {path.replace("__", "."): "no_pulse" for path, value in changed.items() if value is None},
        "extractor": {"packages": {"audiofeat": "9.9", "essentia": "2.1"}, "architecture": "x86_64"},
    }  # fmt: skip


def rejected() -> dict[str, Any]:
    return unreadable("bad.mp3", AudioRejected(ErrorCode.NOT_AUDIO, "no audio"))


def test_spotify_names_are_exact() -> None:
    """Every object has the fields of the Web API, and none besides."""
    seen = view(record(), Format.SPOTIFY)
    assert set(seen) == {"source", "status", "flags", "audio_features", "audio_analysis", "provenance"}
    assert set(seen["audio_features"]) == AUDIO_FEATURES
    analysis = seen["audio_analysis"]
    assert set(analysis) == {"meta", "track", "bars", "beats", "tatums", "sections", "segments"}
    assert set(analysis["meta"]) == META
    assert set(analysis["track"]) == TRACK
    for name, fields in (("bars", PULSE), ("beats", PULSE), ("tatums", PULSE), ("sections", SECTION)):
        assert all(set(entry) == fields for entry in analysis[name])
        assert analysis[name]
    assert all(set(segment) == SEGMENT for segment in analysis["segments"])


def test_spotify_values_follow_their_definitions() -> None:
    """Key, mode, duration, fades, energy and danceability are what the documentation says."""
    seen = view(record(), Format.SPOTIFY)
    features, track = seen["audio_features"], seen["audio_analysis"]["track"]
    assert (features["key"], features["mode"], features["duration_ms"]) == (6, 0, 12_500)
    assert (features["tempo"], features["time_signature"], features["danceability"]) == (120.0, 4, 0.4)
    assert features["energy"] == pytest.approx((0.6 + 18 / 25) / 2)
    assert features["type"] == "audio_features"
    assert (features["valence"], features["acousticness"]) == (0.3, 0.2)
    assert [features[name] for name in ("liveness", "id")] == [None] * 2
    assert track["end_of_fade_in"] == pytest.approx(1.2)
    assert track["start_of_fade_out"] == SECONDS
    assert track["num_samples"] == round(SECONDS * 22_050)


def test_stretches_of_time_fit_together() -> None:
    """Beats rise, each lasts until the next, tatums are their halves, sections and segments fill the item."""
    analysis = view(record(), Format.SPOTIFY)["audio_analysis"]
    beats = analysis["beats"]
    for before, after in pairwise(beats):
        assert before["start"] + before["duration"] == pytest.approx(after["start"])
    assert len(analysis["tatums"]) == 2 * len(beats)
    assert analysis["bars"][0] == {"start": 0.25, "duration": 2.0, "confidence": 0.7}
    for name in ("sections", "segments"):
        assert sum(entry["duration"] for entry in analysis[name]) == pytest.approx(SECONDS)
    for name in ("bars", "beats", "tatums", "sections"):
        assert all(0 <= entry["confidence"] <= 1 for entry in analysis[name])
        assert all(entry["start"] + entry["duration"] <= SECONDS + 1e-9 for entry in analysis[name])
    assert [section["tempo"] for section in analysis["sections"]] == pytest.approx([120.0] * 3)


def test_segments_are_seconds() -> None:
    """A segment has the second's loudness, pitches of which the strongest is 1, and twelve timbre values."""
    segments = view(record(), Format.SPOTIFY)["audio_analysis"]["segments"]
    assert segments[1]["loudness_max"] == -12.0
    assert segments[1]["loudness_start"] == segments[0]["loudness_end"]
    assert -14.0 < segments[1]["loudness_start"] < -12.0
    assert max(segments[3]["pitches"]) == 1.0
    assert all(len(segment[name]) == 12 for segment in segments for name in ("pitches", "timbre"))


def test_what_is_not_known_stays_unknown() -> None:
    """Without key, beats and meter: key -1, nulls, empty lists, and the reasons in the provenance."""
    unknown = record(
        tonal__key=None, tonal__mode=None, tonal__key_clarity=None, tonal__hpcp_curve=None, rhythm__tempo_bpm=None,
        rhythm__beat_times_s=None, rhythm__downbeat_times_s=None, rhythm__meter=None, rhythm__tempo_confidence=None,
        rhythm__meter_confidence=None, loudness__loudness_curve_lufs=None, timbre__mfcc_curve=None,
        structure__section_starts_s=None, structure__section_confidence=None,
    )  # fmt: skip
    seen = view(unknown, Format.SPOTIFY)
    features, analysis = seen["audio_features"], seen["audio_analysis"]
    assert (features["key"], features["mode"], features["tempo"], features["time_signature"]) == (-1, None, None, None)
    assert analysis["track"]["key_confidence"] == 0.0
    assert analysis["bars"] == analysis["beats"] == analysis["tatums"] == analysis["sections"] == []
    assert all(segment["pitches"] is None for segment in analysis["segments"])
    assert seen["provenance"]["audio_features.tempo"]["reasons"] == {"rhythm.tempo_bpm": "no_pulse"}
    assert view(unknown, Format.ACOUSTICBRAINZ)["tonal"]["key_key"] is None


@pytest.mark.parametrize(("beats", "expected"), [(2, None), (3, 3), (7, 7), (8, None)])
def test_time_signature_has_the_range_of_the_format(beats: int, expected: int | None) -> None:
    """Meters that Spotify has no number for are null."""
    assert view(record(rhythm__meter=beats), Format.SPOTIFY)["audio_features"]["time_signature"] == expected


def test_acousticbrainz_names_are_exact() -> None:
    """The groups have the fields of the public low-level JSON; a filled curve has all nine statistics."""
    seen = view(record(), Format.ACOUSTICBRAINZ)
    assert set(seen["tonal"]) == TONAL
    assert set(seen["rhythm"]) == RHYTHM
    assert len(seen["lowlevel"]) == 47
    assert set(seen["metadata"]["audio_properties"]) == {
        "analysis_sample_rate", "bit_rate", "codec", "downmix", "equal_loudness", "length", "lossless", "md5_encoded",
        "replay_gain", "sample_rate",
    }  # fmt: skip
    assert set(seen["tonal"]["hpcp"]) == set(seen["lowlevel"]["dissonance"]) == STATISTICS
    assert seen["metadata"]["tags"]["file_name"] == "song.ogg"
    assert seen["rhythm"]["beats_count"] == len(seen["rhythm"]["beats_position"]) == 24


def test_acousticbrainz_starts_pitch_classes_where_essentia_does() -> None:
    """The 36 bins begin at A, 27 bins above C; the transposed profile begins at its strongest."""
    seen = view(record(), Format.ACOUSTICBRAINZ)
    assert seen["tonal"]["hpcp"]["mean"][0] == 27 / 36
    assert seen["tonal"]["thpcp"][0] == 35 / 36


@pytest.mark.parametrize("chord", range(24))
def test_chords_lie_on_the_circle_of_fifths_as_essentia_has_it(chord: int) -> None:
    """For every chord, histogram, key and scale are those of Essentia's ChordsDescriptors in the same key."""
    names = acousticbrainz.KEYS
    label = names[chord % 12] + ("m" if chord >= 12 else "")
    shares = [float(n == chord) for n in range(24)]
    expected, _, _, key, scale = essentia.standard.ChordsDescriptors()([label] * 10, "E", "minor")
    seen = view(record(tonal__chord_histogram=shares, tonal__key="E"), Format.ACOUSTICBRAINZ)["tonal"]
    assert seen["chords_histogram"] == pytest.approx(list(expected))
    assert seen["chords_scale"] == scale
    assert seen["chords_key"] == {"Bb": "A#", "Eb": "D#", "Ab": "G#"}.get(key, key)


@pytest.mark.parametrize("form", Format)
def test_a_rejected_file_has_no_values(form: Format) -> None:
    """The error stands where the values would be."""
    seen = view(rejected(), form)
    assert seen["error"]["code"] == "not_audio"
    assert [part for part in seen.values() if isinstance(part, dict) and part is not seen["error"]] == [{}]


@pytest.mark.parametrize("form", Format)
def test_a_view_is_json_and_pure(form: Format) -> None:
    """The same record gives the same bytes, and is left as it was."""
    given = record()
    before = json.dumps(given)
    assert json.dumps(view(given, form), allow_nan=False) == json.dumps(view(given, form), allow_nan=False)
    assert json.dumps(given) == before


@pytest.mark.parametrize("rows", [spotify.ROWS, acousticbrainz.ROWS], ids=["spotify", "acousticbrainz"])
def test_every_source_exists_and_no_scope_flatters(rows: Any) -> None:
    """A row is computed from registry fields or parts of the record, and is not trusted more than they are."""
    order = list(Scope)
    for row in rows:
        assert row.how
        for path in row.sources:
            group = path.split(".")[0]
            assert path in registry.BY_PATH or group in {"audio", "record", "extractor"}, path
            if path in registry.BY_PATH:
                assert row.scope is not None
                assert order.index(row.scope) >= order.index(registry.BY_PATH[path].scope)
    assert len({row.name for row in rows}) == len(rows)


def test_timelines() -> None:
    """Stretches end where the next begins; a beat alone has no length; halves fill their whole."""
    assert intervals([1.0, 2.0], 5.0) == [(1.0, 1.0), (2.0, 3.0)]
    assert intervals([], 5.0) == []
    assert pulses([1.0], 5.0) == []
    assert pulses([1.0, 2.0, 3.0], 60.0)[-1] == (3.0, 1.0)
    assert pulses([1.0, 2.0, 3.0], 3.5)[-1] == (3.0, 0.5)
    assert halves([(1.0, 1.0)]) == [(1.0, 0.5), (1.5, 0.5)]
