"""The two fingerprints: of the bits, and of the sound."""

import base64
from difflib import SequenceMatcher

import numpy as np
import pytest

from audiofeat.domain.quality import Reason
from audiofeat.features.file import File
from tests.synthesis import RATE_HZ, Signal, fed, noise, song


def fingerprint(signal: Signal, **how: float) -> bytes:
    text = fed(File(), signal, **how).values["chromaprint"]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_fingerprint_has_chromaprints_form() -> None:
    """It begins with the number of the algorithm and the count of its items, one every 0.124 s."""
    header = fingerprint(song(20.0))[:4]
    assert header[0] == 1
    assert int.from_bytes(header[1:], "big") == pytest.approx((20.0 - 2.6) / 0.1238, abs=3)


def test_the_fingerprint_is_of_the_sound() -> None:
    """At half the level, or with the channels doubled, nearly all of it stays; another sound has others."""
    signal = song(20.0)
    expected = fingerprint(signal)
    assert fingerprint(np.column_stack((signal, signal))) == expected
    assert _alike(fingerprint(signal / 2), expected) > 0.95
    assert fingerprint(noise(20.0)) != expected


def _alike(one: bytes, other: bytes) -> float:
    """The share of bytes that two compressed fingerprints have in common."""
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


@pytest.mark.parametrize("block_s", [0.31, 60.0])
def test_blocks_do_not_matter(block_s: float) -> None:
    """Both fingerprints are the same, however the sound arrives."""
    assert fed(File(), song(9.0), block_s=block_s).values == fed(File(), song(9.0)).values


def test_only_the_first_two_minutes_count() -> None:
    """What follows after 120 s changes the hash and not the fingerprint."""
    start = np.tile(song(20.0), 6)
    one, other = (fed(File(), np.concatenate((start, end))).values for end in (noise(8.0), song(8.0)))
    assert one["chromaprint"] == other["chromaprint"]
    assert one["pcm_sha256"] != other["pcm_sha256"]


@pytest.mark.parametrize("samples", [10, RATE_HZ])
def test_too_short_for_an_item(samples: int) -> None:
    """No fingerprint under 2.6 s, and its reason; the hash is there."""
    result = fed(File(), noise(2.0)[:samples], silence=Reason.TOO_SHORT)
    assert result.reasons == {"chromaprint": Reason.TOO_SHORT}
    assert len(result.values["pcm_sha256"]) == 64


def test_silence_has_no_fingerprint() -> None:
    """Digital silence, and silence that the gate found."""
    assert fed(File(), np.zeros(5 * RATE_HZ, dtype=np.float32)).reasons == {"chromaprint": Reason.SILENCE}
    quiet = fed(File(), noise(5.0, amplitude=2e-4), silence=Reason.SILENCE)
    assert quiet.reasons == {"chromaprint": Reason.SILENCE}
