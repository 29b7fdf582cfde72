"""The mean shape of the spectrum on sounds whose shape is known."""

import librosa
import numpy as np
import pytest

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import FRAME, HOP, MEL_RANGE_HZ, N_MEL
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
    assert moving["spectral_centroid_std_hz"] > 10 * steady["spectral_centroid_std_hz"]


@pytest.mark.parametrize("gain_db", [-12, 12])
def test_level_does_not_matter_above_the_floor(gain_db: float) -> None:
    """In a dense mix 12 dB change the shape by under 1 %; only c0 follows the level."""
    signal = 0.3 * song(6.0) + noise(6.0, amplitude=0.02)
    expected = fed(Timbre(), signal).values
    found = fed(Timbre(), (signal * 10 ** (gain_db / 20)).astype(np.float32)).values
    assert found["mfcc"][0] - expected["mfcc"][0] == pytest.approx(np.sqrt(60) * gain_db, rel=0.01)
    for name, value in expected.items():
        if name not in {"mfcc", "mfcc_curve"}:
            assert np.array(found[name]) == pytest.approx(np.array(value), rel=0.01, abs=0.01), name
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
        assert np.array(found[name]) == pytest.approx(np.array(value), rel=1e-4, abs=1e-4), name


@pytest.mark.parametrize(
    ("seconds", "silence", "reason"),
    [(5.0, Reason.SILENCE, Reason.SILENCE), (5.0, None, Reason.SILENCE), (0.1, Reason.TOO_SHORT, Reason.TOO_SHORT)],
)
def test_too_few_audible_frames_have_no_timbre(seconds: float, silence: Reason | None, reason: Reason) -> None:
    """Every field is null with the reason."""
    result = fed(Timbre(), np.zeros(round(seconds * RATE_HZ), dtype=np.float32), silence=silence)
    assert set(result.values.values()) == {None}
    assert result.reasons == dict.fromkeys(result.values, reason)


def test_the_means_are_those_of_librosa() -> None:
    """On the same frames of a dense mix, where no floor matters, librosa gives the same means within 1 %."""
    sound = 0.2 * song(8.0) + noise(8.0, amplitude=0.05)
    values = fed(Timbre(), sound).values
    frames = {"n_fft": FRAME, "hop_length": 2 * HOP, "center": True, "pad_mode": "constant"}
    magnitude = np.abs(librosa.stft(sound, **frames))
    shape = {"S": magnitude, "sr": RATE_HZ}
    assert values["spectral_centroid_hz"] == pytest.approx(librosa.feature.spectral_centroid(**shape).mean(), rel=0.01)
    assert values["spectral_spread_hz"] == pytest.approx(librosa.feature.spectral_bandwidth(**shape).mean(), rel=0.01)
    rolloff = librosa.feature.spectral_rolloff(S=magnitude**2, sr=RATE_HZ, roll_percent=0.85)
    assert values["spectral_rolloff_hz"] == pytest.approx(rolloff.mean(), rel=0.01)
    flatness_db = 10 * np.log10(librosa.feature.spectral_flatness(S=magnitude))
    assert values["spectral_flatness_db"] == pytest.approx(flatness_db.mean(), abs=0.1)
    crossings = librosa.feature.zero_crossing_rate(sound, frame_length=FRAME, hop_length=2 * HOP)
    assert values["zero_crossing_rate_hz"] == pytest.approx(crossings.mean() * RATE_HZ / 2, rel=0.01)
    low_hz, high_hz = MEL_RANGE_HZ
    mel = librosa.feature.melspectrogram(S=magnitude**2, sr=RATE_HZ, n_mels=N_MEL, fmin=low_hz, fmax=high_hz)
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel, top_db=None), n_mfcc=20)
    assert values["mfcc"][1:] == pytest.approx(mfcc[1:].mean(axis=1), abs=0.3)
    assert values["mfcc_std"][1:] == pytest.approx(mfcc[1:].std(axis=1), rel=0.03, abs=0.1)


def test_the_contrast_is_that_of_librosa() -> None:
    """Peaks against valleys, band by band, on frames of a song over noise: within 1.5 dB of librosa's octaves."""
    sound = 0.2 * song(20.0) + noise(20.0, amplitude=0.02)
    values = fed(Timbre(), sound).values["octave_band_contrast_db"]
    power = np.abs(librosa.stft(sound, n_fft=FRAME, hop_length=2 * HOP)) ** 2
    contrast = librosa.feature.spectral_contrast(
        S=power, sr=RATE_HZ, fmin=200.0, n_bands=5, quantile=0.2, linear=False
    ).mean(axis=1)
    assert values[2:7] == pytest.approx(contrast[1:6], abs=1.5)


def test_curve_and_changes_follow_the_sound() -> None:
    """Ten seconds of noise, then ten of a tone: one row a second, and the median lies between the percentiles."""
    values = fed(Timbre(), np.concatenate((noise(10.0), tone_in_hiss(440.0), tone_in_hiss(440.0)))).values
    curve = np.array(values["mfcc_curve"])
    assert curve.shape == (18, 13)
    assert np.ptp(curve[1:9], axis=0).max() < 15 < np.abs(curve[5] - curve[14]).max()
    low, middle, high = values["spectral_centroid_percentiles_hz"]
    assert low < 1_000 < middle < high
    assert values["spectral_centroid_change_hz"] == pytest.approx(5_000 / 17, rel=0.25)
    assert len(values["erb_band_share_db"]) == 32
    assert 10 * np.log10(np.sum(10 ** (np.array(values["erb_band_share_db"]) / 10))) == pytest.approx(0, abs=1e-3)
