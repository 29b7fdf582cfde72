"""What episodes have in common: sub-fingerprints of sound, stretches of two items, repeats of a show."""

import numpy as np
import pytest

from audiofeat.domain.repeats import COMPARED_WITH, Heard, Listening, Repeat, RepeatKind, kind_of
from audiofeat.domain.subprints import WORD_S, Words, common, decoded, encoded
from audiofeat.errors import InvalidInput
from audiofeat.features.subprints import Subprints
from prints import noisy, sound
from tests.synthesis import RATE_HZ, Signal, fed, noise, song

JINGLE, AD = sound(901, 50), sound(902, 300)


def printed(signal: Signal, **how: float) -> Words:
    return decoded(fed(Subprints(), signal, **how).values["minutes"])


class TestSound:
    """From sound to numbers."""

    def test_one_number_each_93_ms(self) -> None:
        """All of the item counts, down to a last window of two thirds of a second."""
        assert len(printed(song(20.0))) == pytest.approx((20.0 - 0.74) / WORD_S, abs=2)

    @pytest.mark.parametrize("block_s", [0.31, 60.0])
    def test_blocks_do_not_matter(self, block_s: float) -> None:
        """The numbers are the same, however the sound arrives."""
        assert np.array_equal(printed(song(9.0), block_s=block_s), printed(song(9.0)))

    def test_level_does_not_matter(self) -> None:
        """At a tenth of the level nearly every bit is the same."""
        one, other = printed(song(20.0)), printed(0.1 * song(20.0))
        assert np.bitwise_count(one ^ other).mean() / 32 < 0.01

    def test_silence_is_zero(self) -> None:
        """Digital silence has no bit set, so that it is never taken for something in common."""
        assert not printed(np.zeros(6 * RATE_HZ, dtype=np.float32)).any()

    def test_what_is_shorter_than_a_window_has_none(self) -> None:
        """The reason is said."""
        result = fed(Subprints(), noise(0.5))
        assert result.values["minutes"] is None
        assert result.reasons["minutes"].value == "too_short"

    def test_the_same_sound_elsewhere_is_found(self) -> None:
        """Six seconds of one sound between others, at another time and level, are found where they are."""
        tune = noise(6.0, seed=9)
        one = np.concatenate((noise(7.3), tune, noise(5.0)))
        other = np.concatenate((noise(11.9)[::-1], 0.3 * tune, noise(4.0)[::-1]))
        [stretch] = common(printed(one), printed(other.astype(np.float32)))
        assert stretch.start * WORD_S + 0.32 == pytest.approx(7.3, abs=0.5)
        assert stretch.other_start * WORD_S + 0.32 == pytest.approx(11.9, abs=0.5)
        assert stretch.length * WORD_S == pytest.approx(6.0, abs=0.8)


class TestStretches:
    """From the numbers of two items to what they have in common."""

    def test_what_was_encoded_is_decoded(self) -> None:
        """A minute at a time, the last one shorter; foreign text raises."""
        words = sound(1, 1_500)
        assert len(encoded(words)) == 3
        assert np.array_equal(decoded(encoded(words)), words)
        with pytest.raises(InvalidInput):
            decoded(["?"])

    @pytest.mark.parametrize("ratio", [0.0, 0.1, 0.2])
    def test_a_stretch_is_found_with_its_ends(self, ratio: float) -> None:
        """Also where a fifth of the bits differ."""
        one = np.concatenate((sound(1, 400), JINGLE, sound(2, 300)))
        other = np.concatenate((sound(3, 977), noisy(JINGLE, ratio), sound(4, 100)))
        [stretch] = common(one, other)
        assert stretch.start == pytest.approx(400, abs=8)
        assert stretch.other_start - stretch.start == 577
        assert stretch.end == pytest.approx(450, abs=8)
        assert stretch.bit_error_ratio == pytest.approx(ratio, abs=0.1)

    def test_different_sound_has_nothing_in_common(self) -> None:
        """Nor has silence, nor what is too short to say."""
        assert common(sound(1, 3_000), sound(2, 3_000)) == []
        assert common(np.zeros(500, dtype=np.uint32), np.zeros(500, dtype=np.uint32)) == []
        assert common(sound(1, 20), sound(1, 20)) == []


def episode(seed: int, *parts: Words) -> Words:
    """Return talk of its own, with parts between."""
    talk = [sound(10 * seed + n, 350) for n in range(len(parts) + 1)]
    return np.concatenate([talk[0], *(x for pair in zip(parts, talk[1:], strict=True) for x in pair)])


class TestShow:
    """From episodes to what is heard again."""

    def test_jingles_and_advertisements_are_told_apart(self) -> None:
        """Each is found in all episodes that have it, however often, and nothing else is."""
        listening = Listening()
        for n, parts in enumerate([(JINGLE, AD), (JINGLE,), (AD, JINGLE, JINGLE), ()]):
            listening.hear(f"e{n}", episode(n + 1, *(noisy(part, 0.08, seed=n) for part in parts)))
        heard = [sorted(one.item_id for one in repeat.heard) for repeat in listening.repeats]
        assert sorted(heard) == [["e0", "e1", "e2", "e2"], ["e0", "e2"]]

    def test_what_is_known_is_found_after_any_number_of_episodes(self) -> None:
        """A repeat of the first two episodes is heard in one long behind them, which nothing else links to them."""
        listening = Listening()
        for n in range(COMPARED_WITH + 4):
            listening.hear(f"e{n:02}", episode(n + 1, *([JINGLE] if n in {0, 1, COMPARED_WITH + 3} else [])))
        [repeat] = listening.repeats
        assert sorted(one.item_id for one in repeat.heard) == ["e00", "e01", f"e{COMPARED_WITH + 3:02}"]

    def test_listening_goes_on_from_what_is_known(self) -> None:
        """With the repeats and the last episodes of before, the next one is heard as if there had been no break."""
        first = Listening()
        for n in range(2):
            first.hear(f"e{n}", episode(n + 1, JINGLE))
        known = [Repeat(repeat.repeat_id, repeat.words) for repeat in first.repeats]
        second = Listening(known, [("e1", episode(2, JINGLE))])
        found = second.hear("e2", episode(3, JINGLE, AD))
        assert [(repeat.repeat_id, heard.item_id) for repeat, heard in found] == [(known[0].repeat_id, "e2")]

    @pytest.mark.parametrize(
        ("length_s", "start_s", "kind"),
        [(4, 700, "jingle"), (30, 12, "jingle"), (30, 1_770, "jingle"), (30, 700, "ad"), (200, 12, "passage")],
    )
    def test_kinds_are_guessed_by_length_and_place(self, length_s: float, start_s: float, kind: str) -> None:
        """Short or at the same end of most episodes: a jingle."""
        places = [Heard(name, start_s, start_s + length_s, 0.1) for name in ("a", "b")]
        repeat = Repeat("r", sound(1, round(length_s / WORD_S)), [*places, Heard("c", 900, 900 + length_s, 0.1)])
        assert kind_of(repeat, dict.fromkeys("abc", 1_800.0)) is RepeatKind(kind)
