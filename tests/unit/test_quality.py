"""Defects of the recording, on sound whose truth is known."""

from typing import Any

import numpy as np
import pytest
import soxr

from audiofeat.domain.quality import Reason
from audiofeat.features.quality import Quality
from tests.synthesis import RATE_HZ, Signal, drum_loop, fed, noise, sine, song

LEVELS = {"sample_peak_dbfs", "noise_floor_dbfs", "hum_level_dbfs", "dc_offset"}
CD_HZ = 44_100


def measured(signal: Signal, rate_hz: int = RATE_HZ, **how: Any) -> dict[str, Any]:
    return fed(Quality(), signal.astype(np.float32), rate_hz=rate_hz, **how).values


def hum(mains_hz: float, seconds: float, *, amplitude: float = 0.003, harmonics: int = 4) -> Signal:
    return np.sum([sine(mains_hz * n, seconds, amplitude=amplitude / n) for n in range(1, harmonics + 1)], axis=0)


def dithered(signal: Signal) -> Signal:
    """To 16 bit, with triangular dither."""
    rng = np.random.default_rng(3)
    dither = rng.uniform(-0.5, 0.5, len(signal)) + rng.uniform(-0.5, 0.5, len(signal))
    return (np.round(signal * 32_767 + dither) / 32_768).astype(np.float32)


def low_passed(signal: Signal, cut_hz: float, rate_hz: int) -> Signal:
    """Without anything above a frequency, as a codec leaves it."""
    spectrum = np.fft.rfft(signal)
    spectrum[np.fft.rfftfreq(len(signal), 1 / rate_hz) > cut_hz] = 0
    return np.fft.irfft(spectrum, len(signal)).astype(np.float32)


def tilted(seconds: float, db_per_octave: float, rate_hz: int = CD_HZ) -> Signal:
    """Noise that falls towards high frequencies: -3 is pink, -6 brown."""
    spectrum = np.fft.rfft(noise(seconds, rate_hz=rate_hz))
    hz = np.maximum(np.fft.rfftfreq(round(seconds * rate_hz), 1 / rate_hz), 20.0)
    shaped = np.fft.irfft(spectrum * hz ** (db_per_octave / 6.02), round(seconds * rate_hz))
    return (0.1 * shaped / shaped.std()).astype(np.float32)


class TestSamples:
    def test_a_plain_sine(self) -> None:
        """Peak, offset, clipping and silence of a sine at half scale."""
        values = measured(sine(440, 4.0))
        assert values["sample_peak_dbfs"] == pytest.approx(-6.02, abs=0.01)
        assert values["dc_offset"] < 1e-4
        assert values["clipped_ratio"] == 0
        assert values["head_silence_s"] < 0.001
        assert values["tail_silence_s"] < 0.001

    @pytest.mark.parametrize("block_s", [0.07, 4.0])
    def test_clipping_and_silent_ends(self, block_s: float) -> None:
        """A share of full-scale samples, and silence at both ends, to the sample."""
        signal = np.clip(sine(440, 4.0, amplitude=2.0), -1, 1)
        clipped = float(np.mean(np.abs(signal) >= 0.999))
        padded = np.concatenate((np.zeros(RATE_HZ), signal, np.zeros(2 * RATE_HZ)))
        values = measured(padded, block_s=block_s)
        assert values["clipped_ratio"] == pytest.approx(clipped * 4 / 7, rel=1e-6)
        assert values["head_silence_s"] == pytest.approx(1.0, abs=1e-4)
        assert values["tail_silence_s"] == pytest.approx(2.0, abs=1e-4)

    def test_an_offset(self) -> None:
        """It is measured, and is neither noise nor content nor a fade."""
        values, plain = measured(noise(6.0) - 0.1), measured(noise(6.0))
        assert values["dc_offset"] == pytest.approx(0.1, abs=0.002)
        for name in ("noise_floor_dbfs", "bandwidth_hz", "fade_in_s"):
            assert values[name] == pytest.approx(plain[name], abs=0.01), name


class TestBandwidth:
    @pytest.mark.parametrize("db_per_octave", [0.0, -3.0, -6.0])
    def test_wide_band_noise_reaches_the_top(self, db_per_octave: float) -> None:
        """White, pink and brown noise end where the rate ends, also after 16 bit."""
        signal = tilted(6.0, db_per_octave)
        assert measured(signal, CD_HZ)["bandwidth_hz"] == pytest.approx(22_050, rel=0.02)
        assert measured(dithered(signal), CD_HZ)["bandwidth_hz"] == pytest.approx(22_050, rel=0.02)

    @pytest.mark.parametrize("cut_hz", [4_000, 11_025, 16_000, 20_000])
    @pytest.mark.parametrize("bits", [16, 32])
    @pytest.mark.parametrize("db_per_octave", [0.0, -3.0])
    def test_a_cut_off(self, cut_hz: float, bits: int, db_per_octave: float) -> None:
        """Found within 250 Hz or 3 %, whether digital silence or dither lies above it."""
        signal = low_passed(tilted(6.0, db_per_octave), cut_hz, CD_HZ)
        signal = dithered(signal) if bits == 16 else signal
        assert measured(signal, CD_HZ)["bandwidth_hz"] == pytest.approx(cut_hz, rel=0.03, abs=250)

    def test_upsampled_sound(self) -> None:
        """Sound of 22.05 kHz in a file of 44.1 kHz ends at 11 kHz."""
        signal = soxr.resample(noise(6.0), RATE_HZ, CD_HZ)
        assert measured(signal, CD_HZ)["bandwidth_hz"] == pytest.approx(10_900, rel=0.03)

    @pytest.mark.parametrize("rate_hz", [8_000, 11_025, 48_000, 96_000])
    def test_odd_rates(self, rate_hz: int) -> None:
        """The top of the spectrum is half the rate."""
        assert measured(noise(3.0, rate_hz=rate_hz), rate_hz)["bandwidth_hz"] == pytest.approx(rate_hz / 2, rel=0.02)


class TestNoiseFloor:
    def test_the_pauses_tell(self) -> None:
        """Tones over noise of -60 dBFS by turns with pauses; digital silence does not count."""
        gate = (np.arange(10 * RATE_HZ) // RATE_HZ % 2).astype(np.float32)
        signal = gate * sine(440, 10.0) + noise(10.0, amplitude=1e-3)
        assert measured(signal)["noise_floor_dbfs"] == pytest.approx(-60, abs=0.5)
        padded = np.concatenate((np.zeros(20 * RATE_HZ), signal))
        assert measured(padded)["noise_floor_dbfs"] == pytest.approx(-60, abs=0.5)


class TestHum:
    @pytest.mark.parametrize("mains_hz", [50, 60])
    def test_hum_under_other_sound(self, mains_hz: float) -> None:
        """Its frequency, and its level within 1 dB, under tones that come and go, and noise."""
        swell = 0.5 + sine(0.7, 30.0)
        signal = swell * sine(440, 30.0, amplitude=0.2) + noise(30.0, amplitude=1e-2) + hum(mains_hz, 30.0)
        values = measured(signal)
        power = sum((0.003 / n) ** 2 / 2 for n in range(1, 5))
        assert values["hum_hz"] == mains_hz
        assert values["hum_level_dbfs"] == pytest.approx(10 * np.log10(power), abs=1.0)

    def test_what_is_no_hum(self) -> None:
        """Bass notes near the mains, a lone line, hum that stops, noise, a song: absent."""
        g = np.concatenate([hum(hz, 0.5, amplitude=0.3) for hz in (49.0, 65.4, 58.3, 50.0) * 15])
        stops = np.concatenate((hum(50, 9.0), np.zeros(21 * RATE_HZ))) + noise(30.0, amplitude=1e-3)
        drone = hum(48.999, 30.0, amplitude=0.3)
        lone = sine(50, 30.0, amplitude=0.1) + noise(30.0, amplitude=1e-3)
        for signal in (g, stops, drone, lone, noise(30.0), song(30.0), drum_loop(120, 30.0)):
            result = fed(Quality(), signal.astype(np.float32))
            assert result.reasons["hum_hz"] == result.reasons["hum_level_dbfs"] == Reason.ABSENT

    def test_too_short_for_steadiness(self) -> None:
        """Under 8 s nothing can be called steady."""
        assert fed(Quality(), hum(50, 6.0).astype(np.float32)).reasons["hum_hz"] is Reason.TOO_SHORT


class TestFades:
    @pytest.mark.parametrize("seconds", [1.0, 3.0, 8.0])
    @pytest.mark.parametrize("shape", ["linear", "decibels"])
    def test_fades_are_timed(self, seconds: float, shape: str) -> None:
        """A linear fade, or one of 40 dB, is found within 20 % of its length, at its end only; slow ones in music."""
        rise = np.linspace(0, 1, round(seconds * RATE_HZ))
        rise = rise if shape == "linear" else 10 ** (2 * (rise - 1))
        for signal in (noise(24.0), song(24.0)) if seconds > 5 else (noise(24.0),):
            faded = signal.copy()
            faded[: len(rise)] *= rise
            values, back = measured(faded), measured(faded[::-1])
            assert values["fade_in_s"] == pytest.approx(seconds, rel=0.2, abs=0.3)
            assert back["fade_out_s"] == pytest.approx(seconds, rel=0.2, abs=0.3)
        assert values["fade_out_s"] == back["fade_in_s"] == 0.0

    def test_what_is_no_fade(self) -> None:
        """Sound that starts at once, and a quiet intro before a loud entry: zero."""
        entry = noise(20.0) * np.where(np.arange(20 * RATE_HZ) < 6 * RATE_HZ, 0.05, 1.0)
        padded = np.concatenate((np.zeros(2 * RATE_HZ), noise(10.0), np.zeros(RATE_HZ)))
        for signal in (noise(10.0), drum_loop(120, 20.0), entry, padded):
            values = measured(signal)
            assert values["fade_in_s"] == values["fade_out_s"] == 0.0


class TestCancelling:
    def test_the_share_of_cancelling_seconds(self) -> None:
        """Five of ten audible seconds are in opposite phase; five silent ones do not count."""
        left = np.concatenate((noise(10.0), np.zeros(5 * RATE_HZ)))
        sign = np.where(np.arange(15 * RATE_HZ) < 5 * RATE_HZ, -1.0, 1.0)
        assert measured(np.column_stack((left, left * sign)))["cancelling_ratio"] == pytest.approx(0.5, abs=0.01)
        assert measured(np.column_stack((left, noise(15.0, seed=2))))["cancelling_ratio"] == 0.0
        assert measured(np.column_stack((left, 0 * left)))["cancelling_ratio"] == 0.0

    def test_mono(self) -> None:
        """Null because it is mono."""
        assert fed(Quality(), noise(4.0)).reasons["cancelling_ratio"] is Reason.MONO


def test_silence() -> None:
    """No level, no spectrum, no ends, each with its reason; the counts are zero; an offset makes no sound."""
    for offset in (0.0, 0.1):
        result = fed(Quality(), np.full((9 * RATE_HZ, 2), offset, dtype=np.float32), silence=Reason.SILENCE)
        assert result.values["clipped_ratio"] == 0
        assert result.values["dc_offset"] == pytest.approx(offset)
        assert set(result.reasons.values()) == {Reason.SILENCE}
        assert {"bandwidth_hz", "noise_floor_dbfs", "hum_hz", "fade_in_s", "cancelling_ratio"} <= set(result.reasons)
    assert set(fed(Quality(), np.zeros((9 * RATE_HZ, 2), dtype=np.float32)).reasons.values()) == {Reason.SILENCE}


def test_ten_samples() -> None:
    """Counts and peak are known; whatever needs a tenth of a second is too short."""
    result = fed(Quality(), noise(1.0)[:10], silence=Reason.TOO_SHORT)
    assert result.values["sample_peak_dbfs"] is not None
    assert result.values["head_silence_s"] is not None
    assert set(result.reasons.values()) == {Reason.TOO_SHORT, Reason.MONO}


def test_eight_channels() -> None:
    """All count for peak, offset and level, the first two for cancelling."""
    pcm = np.column_stack([noise(6.0, seed=seed) for seed in range(8)])
    pcm[:, 7] *= 4
    values = measured(pcm)
    assert values["sample_peak_dbfs"] == pytest.approx(20 * np.log10(np.abs(pcm).max()), abs=1e-3)
    assert values["noise_floor_dbfs"] == pytest.approx(-20 + 10 * np.log10((7 + 16) / 8), abs=0.3)
    assert values["cancelling_ratio"] == 0.0


@pytest.mark.parametrize("gain_db", [-12, 12])
def test_level_moves_levels_only(gain_db: float) -> None:
    """12 dB more or less move the levels by 12 dB and leave the rest."""
    rise = np.minimum(1, np.arange(20 * RATE_HZ) / (3 * RATE_HZ))
    signal = (noise(20.0, amplitude=1e-2) * rise + hum(50, 20.0, amplitude=2e-3)).astype(np.float32)
    expected, found = measured(signal), measured(signal * 10 ** (gain_db / 20))
    assert expected["hum_hz"] == 50
    for name, value in expected.items():
        if name.endswith("_dbfs"):
            assert found[name] - value == pytest.approx(gain_db, abs=1e-2), name
        elif name not in LEVELS | {"head_silence_s", "tail_silence_s", "cancelling_ratio"}:
            assert found[name] == pytest.approx(value, abs=1e-6), name


@pytest.mark.parametrize("rate_hz", [11_025, CD_HZ])
@pytest.mark.parametrize("block_s", [0.05, 1.3, 60.0])
def test_blocks_do_not_matter(block_s: float, rate_hz: int) -> None:
    """Steps, windows and the resampler run on over block ends."""
    pcm = np.column_stack([noise(12.0, rate_hz=rate_hz, seed=seed) for seed in (1, 2)])
    expected, found = measured(pcm, rate_hz), measured(pcm, rate_hz, block_s=block_s)
    assert found == pytest.approx(expected, abs=1e-4)
