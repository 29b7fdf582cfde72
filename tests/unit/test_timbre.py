"""The mean shape of the spectrum on sounds whose shape is known."""

import numpy as np
import pytest

from audiofeat.domain.quality import Reason
from audiofeat.features.timbre import Timbre
from tests.synthesis import RATE_HZ, Signal, fed, noise, sine, song


def tone_in_hiss(hz: float) -> Signal:
    return sine(hz, 4.0) + noise(4.0, amplitude=1e-4)


@pytest.mark.parametrize("hz", [300.0, 1_000.0, 4_000.0])
def test_a_sine_is_where_it_is(hz: float) -> None:
    """Roll-off within a bin; half the sign changes; a narrow, uneven, predictable spectrum."""
    values = fed(Timbre(), tone_in_hiss(hz)).values
    assert values["spectral_rolloff_hz"] == pytest.approx(hz, abs=25)
    assert values["zero_crossing_rate_hz"] == pytest.approx(hz, rel=0.03)
    assert values["spectral_flatness_db"] < -24
    assert values["spectral_entropy"] < 0.6


def test_white_noise_is_flat() -> None:
    """Centroid at the middle of the band, flatness of a Chi-square spectrum (-2.5 dB), entropy near 1."""
    values = fed(Timbre(), noise(6.0)).values
    assert values["spectral_centroid_hz"] == pytest.approx(RATE_HZ / 4, rel=0.01)
    assert values["spectral_rolloff_hz"] == pytest.approx(0.85 * RATE_HZ / 2, rel=0.01)
    assert values["spectral_flatness_db"] == pytest.approx(-2.51, abs=0.1)
    assert values["spectral_entropy"] > 0.95


def test_the_octave_band_of_a_sine_holds_its_power() -> None:
    """A sine of 1,131 Hz lies in the middle of 800 to 1,600 Hz: that band has the whole power, the others little."""
    share_db = fed(Timbre(), tone_in_hiss(1_131.0)).values["octave_band_share_db"]
    assert len(share_db) == 8
    assert share_db[4] == pytest.approx(0.0, abs=0.02)
    assert max(share_db[:4] + share_db[5:]) < -25


def test_a_steady_sound_has_less_flux_than_a_song() -> None:
    """Flux and its deviation tell movement."""
    steady, moving = fed(Timbre(), sine(440, 4.0)).values, fed(Timbre(), song(4.0)).values
    assert steady["spectral_flux"] < 0.02 < moving["spectral_flux"]
    assert moving["spectral_std_centroid_hz"] > 10 * steady["spectral_std_centroid_hz"]


@pytest.mark.parametrize("gain_db", [-12, 12])
def test_level_does_not_matter_above_the_floor(gain_db: float) -> None:
    """In a dense mix 12 dB change the shape by under 1 %; only c0 follows the level."""
    signal = 0.3 * song(6.0) + noise(6.0, amplitude=0.02)
    expected = fed(Timbre(), signal).values
    found = fed(Timbre(), (signal * 10 ** (gain_db / 20)).astype(np.float32)).values
    assert found["mfcc"][0] - expected["mfcc"][0] == pytest.approx(np.sqrt(60) * gain_db, rel=0.01)
    for name, value in expected.items():
        if name != "mfcc":
            assert found[name] == pytest.approx(value, rel=0.01, abs=0.01), name
    assert found["mfcc"][1:] == pytest.approx(expected["mfcc"][1:], abs=0.5)


def test_silent_parts_do_not_count() -> None:
    """Frames under -60 dBFS change no mean by more than 1 %: a pause is no timbre."""
    sound = noise(4.0)
    plain = fed(Timbre(), sound).values
    paused = fed(Timbre(), np.concatenate((sound, np.zeros(8 * RATE_HZ, dtype=np.float32)))).values
    for name in ("spectral_centroid_hz", "spectral_flatness_db", "spectral_entropy", "zero_crossing_rate_hz"):
        assert paused[name] == pytest.approx(plain[name], rel=0.01), name


@pytest.mark.parametrize("block_s", [0.5, 1.0, 60.0])
def test_blocks_do_not_matter(block_s: float) -> None:
    """Any partition gives the same means."""
    expected, found = fed(Timbre(), song(9.0)).values, fed(Timbre(), song(9.0), block_s=block_s).values
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-4, abs=1e-4), name


@pytest.mark.parametrize(
    ("seconds", "silence", "reason"),
    [(5.0, Reason.SILENCE, Reason.SILENCE), (5.0, None, Reason.SILENCE), (0.1, Reason.TOO_SHORT, Reason.TOO_SHORT)],
)
def test_too_few_audible_frames_have_no_timbre(seconds: float, silence: Reason | None, reason: Reason) -> None:
    """Every field is null with the reason."""
    result = fed(Timbre(), np.zeros(round(seconds * RATE_HZ), dtype=np.float32), silence=silence)
    assert set(result.values.values()) == {None}
    assert result.reasons == dict.fromkeys(result.values, reason)
