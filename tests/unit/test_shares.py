"""Shares of energy and the mood formula."""

from typing import Any

import numpy as np
import pytest

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Result
from audiofeat.features.instrumentation import Instrumentation
from audiofeat.features.mood import Mood
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
        assert fed(Instrumentation(), song(9.0), block_s=block_s).values == pytest.approx(expected, rel=1e-4)

    def test_silence_has_no_shares(self) -> None:
        """Nulls with their reason, also where no gate spoke."""
        for silence in (Reason.SILENCE, None):
            result = fed(Instrumentation(), np.zeros(5 * RATE_HZ, dtype=np.float32), silence=silence)
            assert set(result.values.values()) == {None}
            assert set(result.reasons.values()) == {Reason.SILENCE}


class TestMood:
    def measured(self, **other: float | str | None) -> dict[str, dict[str, Any]]:
        """Everything typical, unless said otherwise."""
        typical: dict[str, dict[str, Any]] = {
            "rhythm": {"onset_rate_hz": 4.0, "pulse_clarity": 0.4},
            "timbre": {"spectral_flux": 0.15, "spectral_centroid_hz": 2_200.0},
            "instrumentation": {"percussive_ratio": 0.15},
            "loudness": {"dynamic_complexity_db": 3.0},
            "tonal": {"mode": None, "key_strength": 0.5},
            "speech": {"speech_ratio": 0.0},
        }
        return {group: {name: other.get(name, value) for name, value in of.items()} for group, of in typical.items()}

    def mood(self, *, silence: Reason | None = None, **other: float | str | None) -> Result:
        return Mood().result(self.measured(**other), silence)

    def test_the_typical_is_the_middle(self) -> None:
        """Typical values of everything give one half."""
        assert self.mood().values == {"arousal": pytest.approx(0.5), "valence": pytest.approx(0.5)}

    @pytest.mark.parametrize(
        ("name", "value"), [("onset_rate_hz", 8.0), ("spectral_flux", 0.3), ("percussive_ratio", 0.6)]
    )
    def test_more_movement_is_more_arousal(self, name: str, value: float) -> None:
        """Denser, livelier and more percussive sound is more aroused."""
        assert self.mood(**{name: value}).values["arousal"] > 0.55

    def test_major_is_brighter_than_minor(self) -> None:
        """The mode moves valence by its strength, and arousal not at all."""
        major, minor = self.mood(mode="major").values, self.mood(mode="minor").values
        assert major["valence"] > 0.55
        assert minor["valence"] < 0.45
        assert major["arousal"] == minor["arousal"]

    @pytest.mark.parametrize("value", [0.0, 1e9])
    def test_extremes_stay_in_range(self, value: float) -> None:
        """No outlier takes the values to 0 or 1."""
        names = ("onset_rate_hz", "pulse_clarity", "spectral_flux", "spectral_centroid_hz", "percussive_ratio")
        values = self.mood(mode="major", key_strength=1.0, **dict.fromkeys(names, value)).values
        assert all(0 < mood < 1 for mood in values.values())

    def test_speech_has_no_mood(self) -> None:
        """From 60 % speech on it is not music."""
        assert self.mood(speech_ratio=0.59).values["arousal"] is not None
        result = self.mood(speech_ratio=0.6)
        assert result.values == {"arousal": None, "valence": None}
        assert set(result.reasons.values()) == {Reason.NOT_MUSIC}

    def test_nulls_have_their_reason(self) -> None:
        """The gates' reason first; a missing ingredient is low confidence."""
        assert set(self.mood(silence=Reason.TOO_SHORT).reasons.values()) == {Reason.TOO_SHORT}
        assert self.mood(spectral_flux=None).reasons == {"arousal": Reason.LOW_CONFIDENCE}
