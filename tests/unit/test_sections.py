"""Sections, their labels and the preview, on curves and on songs whose form is known."""

from typing import Any

import mir_eval
import numpy as np
import pytest

from audiofeat.domain.quality import Reason
from audiofeat.features.loudness import Loudness
from audiofeat.features.structure import Structure
from audiofeat.features.timbre import Timbre
from audiofeat.features.tonal import Tonal
from tests.synthesis import Signal, drum_loop, fed, tone

Measured = dict[str, dict[str, Any]]
_PROGRESSIONS = {"A": ((0, 5, 7, 0), 4, 0.15), "B": ((9, 5, 0, 7), 9, 0.3), "C": ((2, 4, 9, 11), 2, 0.0)}


def curves(form: str, section_s: int, *, seed: int = 3) -> Measured:
    """Curves in which every section of one name has one sound, with some scatter from second to second."""
    rng = np.random.default_rng(seed)
    sounds = {name: (rng.normal(0, 20, 13), rng.random(12)) for name in sorted(set(form))}
    names = [name for name in form for _ in range(section_s)]
    mfcc = [sounds[name][0] + rng.normal(0, 6, 13) for name in names]
    hpcp = [np.clip(sounds[name][1] + rng.normal(0, 0.2, 12), 0, 1) for name in names]
    level = [-14.0 if name == "B" else -20.0 for name in names]
    return {
        "timbre": {"mfcc_curve": np.array(mfcc).tolist()},
        "tonal": {"hpcp_curve": np.array(hpcp).tolist()},
        "loudness": {"loudness_curve_lufs": level},
    }


def sections(measured: Measured) -> dict[str, Any]:
    return Structure().result(measured, None).values


def song(form: str, section_s: int) -> Signal:
    """Each letter has its chords, its number of harmonics and its drums."""
    parts = []
    for name in form:
        roots, harmonics, drums = _PROGRESSIONS[name]
        chords = [
            sum(tone(220 * 2 ** ((roots[second % 4] + step) / 12), 1.0, harmonics=harmonics) for step in (0, 4, 7))
            for second in range(section_s)
        ]
        chord = 0.1 * np.concatenate(chords)
        parts.append(chord + drums * drum_loop(120, section_s)[: len(chord)])
    return np.concatenate(parts).astype(np.float32)


@pytest.mark.parametrize("form", ["ABABCB", "AABA", "ABACABA"])
def test_a_known_form_is_found(form: str) -> None:
    """Boundaries within a second (equal neighbours have none), and the labels repeat as the form does."""
    found = sections(curves(form, 18))
    changes = [n for n in range(len(form)) if n == 0 or form[n] != form[n - 1]]
    assert found["section_starts_s"] == pytest.approx([18.0 * n for n in changes], abs=1.0)
    names: dict[str, str] = {}
    expected = [names.setdefault(form[n], "ABCD"[len(names)]) for n in changes]
    assert found["section_labels"] == expected
    assert found["section_confidence"][0] == 1.0
    assert all(0 < confidence <= 1 for confidence in found["section_confidence"])


def test_a_song_is_cut_where_its_form_changes() -> None:
    """From sound to sections: boundary F at 1 s is 1, and the labels are those of the form."""
    sound = song("ABABCB", 16)
    measured: Measured = {
        "loudness": fed(Loudness(), sound).values,
        "timbre": fed(Timbre(), sound).values,
        "tonal": fed(Tonal(), sound, measured={"rhythm": {"beat_times_s": None}}).values,
    }
    found = sections(measured)
    ours = np.array([*found["section_starts_s"], 96.0])
    truth = np.arange(7) * 16.0
    pairs = [np.column_stack((edges[:-1], edges[1:])) for edges in (truth, ours)]
    _, _, f_measure = mir_eval.segment.detection(*pairs, window=1.01, trim=True)
    assert f_measure == 1.0
    assert found["section_labels"] == ["A", "B", "A", "B", "C", "B"]


def test_what_does_not_change_is_one_section() -> None:
    """Nothing is invented: scatter alone makes no boundary."""
    found = sections(curves("A", 90))
    assert (found["section_starts_s"], found["section_labels"], found["section_confidence"]) == ([0.0], ["A"], [1.0])


def test_the_preview_lies_in_the_sound_that_returns() -> None:
    """B comes back most and is louder: the preview is 30 s and begins with a B."""
    found = sections(curves("ABCBDB", 30))
    assert found["preview_duration_s"] == 30.0
    assert found["preview_start_s"] in {30.0, 90.0, 150.0}


def test_a_short_item_is_its_own_preview() -> None:
    """Twelve seconds: one section, and all of it."""
    found = sections(curves("AB", 6))
    assert found["section_starts_s"] == [0.0]
    assert (found["preview_start_s"], found["preview_duration_s"]) == (0.0, 12.0)


def test_twelve_hours_are_pooled() -> None:
    """At most 600 windows are compared, and a change after six hours is still found."""
    found = sections(curves("AB", 21_600))
    assert found["section_starts_s"] == pytest.approx([0.0, 21_600.0], abs=150)
    assert found["section_labels"] == ["A", "B"]


def test_more_than_26_sounds_have_names() -> None:
    """After Z comes AA."""
    form = "".join(chr(ord("A") + n) for n in range(30))
    labels = sections(curves(form, 12))["section_labels"]
    assert labels[labels.index("Z") + 1] == "AA"


def test_steady_noise_of_hours_is_one_section() -> None:
    """Pooled windows of scatter do not become sections either."""
    assert sections(curves("A", 7_200))["section_labels"] == ["A"]


@pytest.mark.parametrize("reason", [Reason.SILENCE, Reason.TOO_SHORT])
def test_silence_has_no_structure(reason: Reason) -> None:
    """Every field is null with the reason."""
    empty: Measured = {
        "timbre": {"mfcc_curve": None}, "tonal": {"hpcp_curve": None}, "loudness": {"loudness_curve_lufs": None},
    }  # fmt: skip
    result = Structure().result(empty, reason)
    assert set(result.values.values()) == {None}
    assert result.reasons == dict.fromkeys(result.values, reason)
