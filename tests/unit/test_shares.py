"""Shares of energy."""

import numpy as np
import pytest

from audiofeat.domain.quality import Reason
from audiofeat.features.instrumentation import Instrumentation
from tests.synthesis import RATE_HZ, Signal, drum_loop, fed, noise, sine, song


def pad() -> Signal:
    chord_hz = (220.0, 277.2, 329.6)
    return np.sum([sine(hz, 8.0, amplitude=0.1) for hz in chord_hz], axis=0, dtype=np.float32)


class TestInstrumentation:
    def test_drums_are_transient_and_a_pad_is_sustained(self) -> None:
        """The two shares tell a drum loop from a held chord."""
        drums, chord = fed(Instrumentation(), drum_loop(120, 8.0)).values, fed(Instrumentation(), pad()).values
        assert drums["percussive_ratio"] > 0.8
        assert drums["harmonic_ratio"] < 0.05
        assert chord["percussive_ratio"] < 0.02
        assert chord["harmonic_ratio"] > 0.95

    def test_the_low_end(self) -> None:
        """The share below 150 Hz of a low and a high sine of equal power is a half."""
        values = fed(Instrumentation(), sine(60, 6.0) + sine(2_000, 6.0)).values
        assert values["low_end_ratio"] == pytest.approx(0.5, abs=0.01)

    def test_noise_is_noise(self) -> None:
        """Every frame of white noise counts, none of a pad."""
        assert fed(Instrumentation(), noise(6.0)).values["noise_ratio"] > 0.99
        assert fed(Instrumentation(), pad()).values["noise_ratio"] < 0.01

    @pytest.mark.parametrize("gain_db", [-12, 12])
    def test_level_does_not_matter(self, gain_db: float) -> None:
        """12 dB more or less leave the shares of energy within 0.001, the share of noisy frames within 0.02."""
        signal = 0.3 * song(8.0) + noise(8.0, amplitude=3e-3)
        expected = fed(Instrumentation(), signal).values
        found = fed(Instrumentation(), (signal * 10 ** (gain_db / 20)).astype(np.float32)).values
        for name in ("percussive_ratio", "harmonic_ratio", "low_end_ratio"):
            assert found[name] == pytest.approx(expected[name], abs=1e-3), name
        assert found["noise_ratio"] == pytest.approx(expected["noise_ratio"], abs=0.02)

    @pytest.mark.parametrize("block_s", [1.0, 60.0])
    def test_blocks_do_not_matter(self, block_s: float) -> None:
        """Half a filter's width is carried over block ends."""
        expected = fed(Instrumentation(), song(9.0)).values
        found = fed(Instrumentation(), song(9.0), block_s=block_s).values
        for name, value in expected.items():
            if isinstance(value, float | list):
                np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=2e-3, err_msg=name)
            else:
                assert found[name] == value, name

    def test_silence_has_no_shares(self) -> None:
        """Nulls with their reason, also where no gate spoke."""
        for silence in (Reason.SILENCE, None):
            result = fed(Instrumentation(), np.zeros(5 * RATE_HZ, dtype=np.float32), silence=silence)
            assert set(result.values.values()) == {None}
            assert set(result.reasons.values()) == {Reason.SILENCE}
