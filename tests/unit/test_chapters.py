"""Chapters from metadata and from sound, and the timeline of an episode with its preview."""

import json
from typing import Any

import numpy as np
import pytest

from audiofeat.cli.timeline import strip
from audiofeat.domain.chapters import boundaries, canonical, heard, merged, said, seconds_of
from audiofeat.domain.metadata_fields import read_value
from audiofeat.domain.timelines import Stretch, timeline


@pytest.mark.parametrize(
    "raw",
    [
        [[0, 60, "One"], [60, None, "Two"]],
        {
            "version": "1.2.0",
            "chapters": [{"startTime": 60, "title": "Two"}, {"startTime": 0, "endTime": 60, "title": "One"}],
        },
        '[{"start": "00:00:00.000", "end": "1:00", "title": " One "}, {"start": "00:01:00.000", "title": "Two"}]',
    ],
)
def test_chapters_have_one_form(raw: object) -> None:
    """Lists, the JSON of Podcasting 2.0 and text of either, in any order."""
    assert json.loads(canonical(raw)) == [[0.0, 60.0, "One"], [60.0, None, "Two"]]
    assert read_value("chapters", raw) == (canonical(raw), None)


@pytest.mark.parametrize(
    "raw", ["", "no JSON", [], [[1, 2]], [{"title": "when?"}], [[-1, None, "x"]], [["nan", None, ""]]]
)
def test_what_is_no_chapter_is_said(raw: object) -> None:
    """It is kept as a value with a problem, which is never chosen, and nothing raises."""
    value, problem = read_value("chapters", raw)
    assert problem or value is None
    with pytest.raises(ValueError, match="chapter"):
        canonical(raw)


def test_times_are_read_as_feeds_write_them() -> None:
    """Seconds, m:ss and h:mm:ss.mmm; longer ones are refused."""
    assert [seconds_of(time) for time in (7, "1:02", "01:00:00.250")] == [7, 62, 3600.25]
    with pytest.raises(ValueError, match="cannot begin"):
        seconds_of("1:2:3:4")


def test_what_is_wrong_with_chapters_is_mended_and_said() -> None:
    """Overlapping ones end where the next begins, double ones and those behind the end are left out, each said."""
    chapters, problems = said(
        canonical([[0, 90, "One"], [60, 50, "Two"], [60.2, None, "again"], [700, None, "Late"]]), 600.0
    )
    assert [(one.start_s, one.end_s, one.title) for one in chapters] == [(0, 60, "One"), (60, 600, "Two")]
    assert problems == [
        "1 chapter after the end of the audio (600 s) left out",
        "1 chapter at the place of another left out",
        "1 chapter overlapped the next and end where that begins",
    ]


SEGMENTS = [(0.0, 300.0, "speech"), (300.0, 309.0, "music"), (309.0, 620.0, "speech+music"), (620.0, 1_200.0, "speech")]


def heard_in(**also: Any) -> list[float]:
    """Return where chapters begin in twenty minutes."""
    parts = {"segments": SEGMENTS, "repeats": [], "pauses": [], "sections": [], **also}
    return [round(one.start_s) for one in heard(boundaries(**parts), 1_200.0)]


def test_music_between_speech_and_jingles_begin_chapters() -> None:
    """A jingle does so by itself; a pause or a section only beside something else; an advertisement by its end."""
    assert heard_in() == [0, 300]
    assert heard_in(repeats=[(800.0, 805.0, "jingle")]) == [0, 300, 800]
    assert heard_in(repeats=[(800.0, 830.0, "ad")]) == [0, 300, 830]
    assert heard_in(pauses=[(700.0, 3.0)]) == [0, 300]
    assert heard_in(pauses=[(700.0, 3.0)], sections=[(0.0, 1.0), (705.0, 1.0)]) == [0, 300, 705]


def test_chapters_leave_room() -> None:
    """Of two that lie a few seconds apart the surer one counts, for both."""
    assert heard_in(repeats=[(295.0, 300.0, "jingle")]) == [0, 295]


def test_metadata_stands_and_audio_adds() -> None:
    """A boundary that is heard near one that is said adds nothing, one elsewhere has no title."""
    of_audio = heard(boundaries(segments=SEGMENTS, repeats=[(800, 805, "jingle")], pauses=[], sections=[]), 1_200.0)
    of_metadata, _ = said(canonical([[0, None, "One"], [310, None, "Two"]]), 1_200.0)
    both = merged(of_metadata, of_audio, 1_200.0)
    assert [(one.start_s, one.end_s, one.title) for one in both] == [
        (0, 310, "One"), (310, 800, "Two"), (800, 1_200, ""),
    ]  # fmt: skip
    assert merged([], of_audio, 1_200.0) == of_audio


def measured(seconds: int) -> dict[str, dict[str, Any]]:
    """Return the curves of talk with a louder, different stretch of music in the middle."""
    rng = np.random.default_rng(3)
    mfcc = rng.normal(0, 1, (seconds, 13))
    mfcc[seconds // 2 : seconds // 2 + 100] += 6
    speech = np.ones(seconds)
    speech[seconds // 2 : seconds // 2 + 100] = 0
    return {
        "timbre": {"mfcc_curve": mfcc.tolist()},
        "loudness": {"loudness_curve_lufs": [-18.0] * seconds},
        "speech": {"speech_probability_curve": speech.tolist()},
        "delivery": {"pause_starts_s": [130.2], "pause_durations_s": [0.8]},
    }


def test_the_preview_is_none_of_what_repeats() -> None:
    """It lies in the talk, outside of music and of what other episodes have, and is a minute long."""
    advertised = [Stretch(0.0, 300.0, "ad"), Stretch(520.0, 900.0, "ad")]
    made = timeline(measured(900), 900.0, repeats=advertised)
    assert made.preview is not None
    start_s, length_s = made.preview
    assert length_s == 60
    assert 300 <= start_s <= 450 - 60 + 1
    assert [one.label for one in made.segments] == ["speech", "no speech", "speech"]


def test_a_timeline_of_little_says_little() -> None:
    """Without curves there is no preview, and one chapter: the whole; a short item's preview is all of it."""
    bare = timeline({}, 30.0)
    assert (bare.preview, bare.segments, len(bare.chapters)) == (None, (), 1)
    assert timeline(measured(40), 40.0).preview == (0.0, 40.0)


def test_a_strip_is_as_wide_as_the_page() -> None:
    """Full where a column is filled, light where hardly anything is."""
    drawn = strip([Stretch(0.0, 30.0, "ad"), Stretch(45.0, 45.1, "ad")], 60.0)
    assert len(drawn) == 72
    assert drawn[:36] == "█" * 36
    assert drawn.count("░") == 1
