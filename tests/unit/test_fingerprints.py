"""Fingerprints: decoded, laid over each other, and found among many."""

import numpy as np
import pytest

from audiofeat.domain.fingerprints import ITEM_S, LEAST_COMMON_MARKS, MARKS, decoded, fit, marks
from audiofeat.errors import InvalidInput
from audiofeat.features.file import _chromaprint
from audiofeat.features.frames import LOW_RATE_HZ
from prints import encoded, noisy, sound

RNG = np.random.default_rng(4)


@pytest.mark.parametrize("length", [0, 1, 2, 7, 8, 9, 240])
def test_what_was_encoded_is_decoded(length: int) -> None:
    """Whatever the bits, far apart ones among them."""
    for print_ in (sound(5, length), RNG.integers(0, 2**32, length, dtype=np.uint32)):
        assert np.array_equal(decoded(encoded(print_)), print_)


@pytest.mark.parametrize("seconds", [3, 4, 30])
def test_what_chromaprint_wrote_is_decoded(seconds: int) -> None:
    """Written again, real fingerprints are the same text, so not a bit was read wrongly."""
    times_s = np.arange(seconds * LOW_RATE_HZ) / LOW_RATE_HZ
    chirp = np.sin(2 * np.pi * (200 + 40 * times_s) * times_s) + 0.1 * np.random.default_rng(1).normal(
        size=len(times_s)
    )
    text = _chromaprint((0.5 * chirp).astype(np.float32))
    assert text is not None
    assert len(decoded(text)) == pytest.approx((seconds - 2.6) / ITEM_S, abs=3)
    assert encoded(decoded(text)) == text


@pytest.mark.parametrize("text", ["", "AQ", "!!!", "AQAD", "AQAAZAkA", encoded(sound(3))[:40]])
def test_what_is_none_is_refused(text: str) -> None:
    """Cut or foreign text raises, and is not read as far as it goes."""
    with pytest.raises(InvalidInput, match="Chromaprint"):
        decoded(text)


@pytest.mark.parametrize("offset", [0, 3, 40, -25])
def test_the_best_offset_is_found(offset: int) -> None:
    """A cut at the beginning moves everything, and noise hides part of it."""
    whole = sound(1)
    one, other = (whole, whole[-offset:]) if offset < 0 else (whole[offset:], whole)
    found = fit(one, noisy(other, 0.05))
    assert found is not None
    assert round(found.offset_s / ITEM_S) == offset
    assert found.bit_error_ratio == pytest.approx(0.05, abs=0.02)
    assert found.overlap_s == pytest.approx((240 - abs(offset)) * ITEM_S)


def test_strangers_do_not_fit() -> None:
    """About half of their bits differ."""
    found = fit(sound(1), sound(2))
    assert found is not None
    assert found.bit_error_ratio > 0.4


def test_too_little_overlap_is_no_fit() -> None:
    """A second of sound proves nothing."""
    assert fit(sound(1, 8), sound(1, 8)) is None


def test_copies_share_marks_and_strangers_do_not() -> None:
    """A noisy copy and one that lost a part share enough of them; what everybody has, as silence, is one mark."""
    silence = np.full(200, 627_964_279, dtype=np.uint32)
    marked = [set(marks(np.concatenate([silence, sound(seed)]))) for seed in range(50)]
    assert {len(own) for own in marked} == {MARKS}
    assert max(len(own & other) for at, own in enumerate(marked) for other in marked[:at]) < LEAST_COMMON_MARKS
    assert len(marked[7] & set(marks(noisy(sound(7), 0.06)))) >= LEAST_COMMON_MARKS
    assert len(marked[9] & set(marks(sound(9)[50:]))) >= LEAST_COMMON_MARKS
    assert marks(sound(3)[:0]) == []
