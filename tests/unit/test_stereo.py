"""The stereo picture of sound whose truth is known."""

from typing import Any

import numpy as np
import pytest

from audiofeat.domain.quality import Reason
from audiofeat.features.stereo import Stereo
from tests.synthesis import RATE_HZ, Signal, fed, noise

FIELDS = {"stereo_width", "channel_correlation", "balance_db"}


def picture(*channels: Signal) -> dict[str, Any]:
    return fed(Stereo(), np.column_stack(channels)).values


def test_width_and_correlation() -> None:
    """Equal channels are narrow, opposite ones wide, unrelated ones in between."""
    left, right = noise(4.0), noise(4.0, seed=2)
    same, opposite, unrelated = picture(left, left), picture(left, -left), picture(left, right)
    assert (same["stereo_width"], same["channel_correlation"]) == (pytest.approx(0, abs=1e-6), pytest.approx(1))
    assert (opposite["stereo_width"], opposite["channel_correlation"]) == (pytest.approx(1), pytest.approx(-1))
    assert unrelated["stereo_width"] == pytest.approx(0.5, abs=0.02)
    assert unrelated["channel_correlation"] == pytest.approx(0, abs=0.02)


def test_balance() -> None:
    """A right channel at a tenth of the amplitude leaves the left 20 dB ahead, and the correlation as it was."""
    left = noise(4.0)
    values = picture(left, 0.1 * left)
    assert values["balance_db"] == pytest.approx(20, abs=1e-3)
    assert values["channel_correlation"] == pytest.approx(1)
    assert picture(0.1 * left, left)["balance_db"] == pytest.approx(-20, abs=1e-3)
    assert picture(left, left)["balance_db"] == pytest.approx(0, abs=1e-6)


def test_level_and_blocks_do_not_matter() -> None:
    """12 dB less in blocks of a third of a second give the same picture."""
    pcm = np.column_stack((noise(4.0), noise(4.0, seed=2)))
    expected = fed(Stereo(), pcm).values
    assert fed(Stereo(), (pcm / 4).astype(np.float32), block_s=0.33).values == pytest.approx(expected, abs=1e-5)


def test_only_the_first_two_of_many_channels_count() -> None:
    """The other six of eight change nothing."""
    left, right = noise(4.0), noise(4.0, seed=2)
    assert picture(left, right, *[noise(4.0, seed=seed) for seed in range(3, 9)]) == picture(left, right)


def test_mono_has_no_picture() -> None:
    """Null because it is mono, silent or not."""
    for signal in (noise(4.0), np.zeros(RATE_HZ, dtype=np.float32)):
        assert fed(Stereo(), signal).reasons == dict.fromkeys(FIELDS, Reason.MONO)


def test_one_silent_channel() -> None:
    """The width of a one-sided signal is a half; it correlates with nothing and balances against nothing."""
    result = fed(Stereo(), np.column_stack((noise(4.0), np.zeros(4 * RATE_HZ, dtype=np.float32))))
    assert result.values["stereo_width"] == pytest.approx(0.5)
    assert result.reasons == dict.fromkeys(FIELDS - {"stereo_width"}, Reason.SILENCE)


@pytest.mark.parametrize("samples", [10, RATE_HZ])
def test_silence_has_no_picture(samples: int) -> None:
    """Nulls whose reason is silence."""
    assert fed(Stereo(), np.zeros((samples, 2), dtype=np.float32)).reasons == dict.fromkeys(FIELDS, Reason.SILENCE)


def test_ten_samples() -> None:
    """Even ten samples have a picture."""
    assert not fed(Stereo(), np.column_stack((noise(1.0), noise(1.0, seed=2)))[:10]).reasons
