"""Spotify's Audio Analysis: the track as a whole, and its bars, beats, tatums, sections and segments."""

import math
from collections.abc import Sequence
from typing import Any

from audiofeat.domain.field import Scope
from audiofeat.domain.views.row import Row
from audiofeat.domain.views.timeline import halves, intervals, pulses

ANALYSIS_RATE_HZ = 22_050
KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_TIMBRE_VALUES = 12
_DIGITS = 5
_BEATS, _DURATION, _CONFIDENCE = "rhythm.beat_times_s", "audio.decoded_duration_s", "rhythm.tempo_confidence"
_LOUDNESS = "loudness.loudness_curve_lufs"

Entries = list[dict[str, Any]]


def key_number(key: str) -> int:
    """Return a key's pitch class, 0 for C."""
    return KEYS.index(key)


def _rounded(value: float) -> float:
    return round(value, _DIGITS)


def _stretch(start_s: float, length_s: float, confidence: float | None) -> dict[str, Any]:
    kept = None if confidence is None else _rounded(confidence)
    return {"start": _rounded(start_s), "duration": _rounded(length_s), "confidence": kept}


def _pulses(times_s: Sequence[float] | None, end_s: float, confidence: float | None) -> Entries:
    return [_stretch(*pulse, confidence) for pulse in pulses(times_s or (), end_s)]


def _tatums(times_s: Sequence[float] | None, end_s: float, confidence: float | None) -> Entries:
    return [_stretch(*half, confidence) for half in halves(pulses(times_s or (), end_s))]


def _level(levels: Sequence[float]) -> float | None:
    """Return the mean loudness of some seconds: the mean of their power."""
    if not levels:
        return None
    return round(10 * math.log10(sum(10 ** (level / 10) for level in levels) / len(levels)), 3)


def _sections(
    starts_s: Sequence[float] | None,
    confidences: Sequence[float] | None,
    end_s: float,
    levels: Sequence[float] | None,
    *whole: Any,  # noqa: ANN401  beats, tempo confidence, meter and its confidence of the whole item
) -> Entries:
    beats_s, tempo_confidence, meter, meter_confidence = whole
    entries = []
    for number, (start_s, length_s) in enumerate(intervals(starts_s or (), end_s)):
        inside = [beat for beat in beats_s or () if start_s <= beat < start_s + length_s]
        tempo = 60 * (len(inside) - 1) / (inside[-1] - inside[0]) if len(inside) > 1 else None
        seconds = (levels or ())[math.floor(start_s) : math.ceil(start_s + length_s)]
        entries.append({
            **_stretch(start_s, length_s, confidences[number] if confidences else None),
            "loudness": _level(seconds),
            "tempo": None if tempo is None else round(tempo, 3),
            "tempo_confidence": None if tempo is None else tempo_confidence,
            "key": None,
            "key_confidence": None,
            "mode": None,
            "mode_confidence": None,
            "time_signature": None if meter is None else time_signature(meter),
            "time_signature_confidence": meter_confidence,
        })  # fmt: skip
    return entries


def time_signature(beats_in_a_bar: float) -> int | None:
    """Return 3 to 7, the only values that the format has; None for others."""
    return int(beats_in_a_bar) if 3 <= beats_in_a_bar <= 7 else None  # noqa: PLR2004  3/4 to 7/4


def _segments(
    end_s: float,
    curve: Sequence[float] | None,
    hpcp: Sequence[Sequence[float]] | None,
    mfcc: Sequence[Sequence[float]] | None,
) -> Entries:
    levels = curve or ()
    starts = range(max(1, math.floor(end_s))) if end_s else ()

    def edge(second: int) -> float | None:
        return _level(levels[max(second - 1, 0) : second + 1])

    entries = []
    for second, (start_s, length_s) in enumerate(intervals(starts, end_s)):
        pitches = hpcp[second] if hpcp and second < len(hpcp) else None
        timbre = mfcc[second] if mfcc and second < len(mfcc) else None
        entries.append({
            **_stretch(start_s, length_s, None),
            "loudness_start": edge(second),
            "loudness_max_time": None,
            "loudness_max": levels[second] if second < len(levels) else None,
            "loudness_end": edge(second + 1),
            "pitches": None if pitches is None else _share_of_strongest(pitches),
            "timbre": None if timbre is None else [round(value, 3) for value in timbre[:_TIMBRE_VALUES]],
        })  # fmt: skip
    return entries


def _share_of_strongest(pitches: Sequence[float]) -> list[float]:
    strongest = max(pitches)
    return [round(value / strongest, 3) if strongest > 0 else 0.0 for value in pitches]


def _input_process(codec: str, channels: int, rate_hz: int) -> str:
    return f"{codec} {channels} channels {rate_hz}->{ANALYSIS_RATE_HZ}"


_META = (
    Row("analyzer_version", ("extractor.packages",), "Version of audiofeat.",
        lambda packages: f"audiofeat {packages['audiofeat']}"),
    Row("platform", ("extractor.architecture",), "Processor architecture.", lambda architecture: architecture),
    Row("detailed_status", ("record.status",), "Status of the record.", lambda status: status.upper()),
    Row("status_code", (), "Always 0: a rejected file has no analysis.", lambda: 0),
    Row("timestamp", (), "Null: the same file gives the same bytes."),
    Row("analysis_time", (), "Null, as the timestamp."),
    Row("input_process", ("audio.codec", "audio.channels", "audio.sample_rate_hz"), "How the file was read.",
        _input_process),
)  # fmt: skip
_NO_CODE = "Null: a fingerprint of the Echo Nest that is not computed; `file.chromaprint` is ours."
_TRACK = (
    Row("num_samples", (_DURATION,), "Samples at 22,050 Hz.", lambda seconds: round(seconds * ANALYSIS_RATE_HZ)),
    Row("duration", (_DURATION,), "What was decoded, in seconds.", _rounded),
    Row("sample_md5", (), "Always empty, as Spotify's.", lambda: ""),
    Row("offset_seconds", (), "Always 0: the whole file is analysed.", lambda: 0),
    Row("window_seconds", (), "Always 0: the whole file is analysed.", lambda: 0),
    Row("analysis_sample_rate", (), "Always 22050, the rate of the spectral analysis.", lambda: ANALYSIS_RATE_HZ),
    Row("analysis_channels", (), "Always 1: the spectral analysis is of a mono signal.", lambda: 1),
    Row("end_of_fade_in", ("quality.head_silence_s", "quality.fade_in_s"),
        "Silence at the head and fade-in together; 0 without a fade-in.",
        lambda silence_s, fade_s: _rounded(silence_s + fade_s) if fade_s else 0.0),
    Row("start_of_fade_out", (_DURATION, "quality.tail_silence_s", "quality.fade_out_s"),
        "Duration less silence at the tail and fade-out; the duration without a fade-out.",
        lambda end_s, silence_s, fade_s: _rounded(end_s - silence_s - fade_s if fade_s else end_s)),
    Row("loudness", ("loudness.integrated_loudness_lufs",), "As in Audio Features.", lambda lufs: round(lufs, 3)),
    Row("tempo", ("rhythm.tempo_bpm",), "As measured.", lambda bpm: round(bpm, 3)),
    Row("tempo_confidence", (_CONFIDENCE,), "As it is.", _rounded),
    Row("time_signature", ("rhythm.meter",), "As in Audio Features.", time_signature),
    Row("time_signature_confidence", ("rhythm.meter_confidence",), "As it is.", _rounded),
    Row("key", ("tonal.key",), "As in Audio Features.", key_number, missing=-1),
    Row("key_confidence", ("tonal.key_clarity",), "Clarity of the key.", _rounded, missing=0.0),
    Row("mode", ("tonal.mode",), "As in Audio Features.", lambda mode: int(mode == "major")),
    Row("mode_confidence", ("tonal.key_clarity",), "Clarity of the key: key and mode are found together.", _rounded,
        missing=0.0),
    *(Row(name, (), _NO_CODE) for name in (
        "codestring", "code_version", "echoprintstring", "echoprint_version",
        "synchstring", "synch_version", "rhythmstring", "rhythm_version",
    )),
)  # fmt: skip
_LISTS = (
    Row("bars", ("rhythm.downbeat_times_s", _DURATION, "rhythm.meter_confidence"),
        "From each downbeat to the next, with the meter's confidence.", _pulses, takes_nulls=True),
    Row("beats", (_BEATS, _DURATION, _CONFIDENCE), "From each beat to the next, with the tempo's confidence.", _pulses,
        takes_nulls=True),
    Row("tatums", (_BEATS, _DURATION, _CONFIDENCE), "Half beats.", _tatums, Scope.HEURISTIC, takes_nulls=True),
    Row("sections", ("structure.section_starts_s", "structure.section_confidence", _DURATION, _LOUDNESS, _BEATS,
                     _CONFIDENCE, "rhythm.meter", "rhythm.meter_confidence"),
        "Sections of the structure, each until the next.", _sections, takes_nulls=True),
    Row("sections[].loudness", (_LOUDNESS,), "Mean power of the section's seconds."),
    Row("sections[].tempo", (_BEATS,), "Of the beats in the section; null with fewer than two."),
    Row("sections[].tempo_confidence", (_CONFIDENCE,), "Of the whole item."),
    Row("sections[].key", (), "Null, with mode and confidences: keys of parts are not measured."),
    Row("sections[].time_signature", ("rhythm.meter",), "Of the whole item."),
    Row("segments", (_DURATION, _LOUDNESS, "tonal.hpcp_curve", "timbre.mfcc_curve"),
        "Windows of one second, not notes: Spotify's begin where the sound changes. Confidence is null.", _segments,
        Scope.HEURISTIC, takes_nulls=True),
    Row("segments[].loudness_start", (_LOUDNESS,), "Mean power of the second before and this one.", None,
        Scope.HEURISTIC),
    Row("segments[].loudness_max_time", (), "Null: there is one level a second."),
    Row("segments[].loudness_max", (_LOUDNESS,), "Mean loudness of the second, not its peak.", None, Scope.HEURISTIC),
    Row("segments[].loudness_end", (_LOUDNESS,), "Mean power of this second and the next.", None, Scope.HEURISTIC),
    Row("segments[].pitches", ("tonal.hpcp_curve",), "Pitch classes from C, the strongest is 1."),
    Row("segments[].timbre", ("timbre.mfcc_curve",),
        "The first 12 cepstral coefficients: another basis than Spotify's, not comparable with it.", None,
        Scope.HEURISTIC),
)  # fmt: skip


ROWS: tuple[Row, ...] = (
    *(row.under("audio_analysis.meta") for row in _META),
    *(row.under("audio_analysis.track") for row in _TRACK),
    *(row.under("audio_analysis") for row in _LISTS),
)
