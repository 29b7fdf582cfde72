"""Loudness against the test signals of EBU Tech 3341 and 3342, generated, and against pyloudnorm."""

from collections.abc import Sequence

import numpy as np
import pyloudnorm
import pytest

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Result
from audiofeat.features.loudness import Loudness, channel_gains, k_weighting
from tests.synthesis import Signal, fed, noise, sine

RATES_HZ = (44_100, 48_000)
Stretch = tuple[float, float]  # dBFS and seconds


def tones(stretches: Sequence[Stretch], *, rate_hz: int, hz: float = 1_000.0, channels: int = 2) -> Signal:
    """One sine whose level changes from stretch to stretch, the same in all channels."""
    carrier = sine(hz, sum(s for _, s in stretches), rate_hz=rate_hz, amplitude=1.0)
    level = np.concatenate([np.full(round(s * rate_hz), 10 ** (dbfs / 20), np.float32) for dbfs, s in stretches])
    mono = carrier[: len(level)] * level[: len(carrier)]
    return np.repeat(mono[:, None], channels, axis=1)


def measured(signal: Signal, rate_hz: int, **how: float) -> Result:
    return fed(Loudness(), signal, rate_hz=rate_hz, **how)


def integrated(signal: Signal, rate_hz: int) -> float:
    return float(measured(signal, rate_hz).values["integrated_loudness_lufs"])


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(
    ("stretches", "lufs"),
    [
        pytest.param([(-23.0, 20)], -23.0, id="case 1"),
        pytest.param([(-33.0, 20)], -33.0, id="case 2"),
        pytest.param([(-36, 10), (-23, 60), (-36, 10)], -23.0, id="case 3"),
        pytest.param([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0, id="case 4"),
        pytest.param([(-26, 20), (-20, 20.1), (-26, 20)], -23.0, id="case 5"),
    ],
)
def test_integrated_loudness(stretches: list[Stretch], lufs: float, rate_hz: int) -> None:
    """EBU Tech 3341, minimum requirements: cases 1 to 5 within 0.1 LU."""
    assert integrated(tones(stretches, rate_hz=rate_hz), rate_hz) == pytest.approx(lufs, abs=0.1)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_integrated_loudness_of_five_channels(rate_hz: int) -> None:
    """Case 6: -28, -24 and -30 dBFS in front, centre and surround of 5.0 are -23 LUFS, with an LFE too."""
    one = sine(1_000, 20, rate_hz=rate_hz, amplitude=1.0)
    levels_dbfs = (-28, -28, -24, -30, -30)
    five = np.column_stack([one * np.float32(10 ** (dbfs / 20)) for dbfs in levels_dbfs])
    assert integrated(five, rate_hz) == pytest.approx(-23.0, abs=0.1)
    loud_bass_channel = np.insert(five, 3, sine(60, 20, rate_hz=rate_hz, amplitude=0.9), axis=1)
    assert integrated(loud_bass_channel, rate_hz) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_short_term_loudness(rate_hz: int) -> None:
    """Case 9: 1.34 s at -20 and 1.66 s at -30 dBFS by turns hold the short-term loudness at -23 LUFS."""
    result = measured(tones([(-20.0, 1.34), (-30.0, 1.66)] * 5, rate_hz=rate_hz), rate_hz)
    assert result.values["max_short_term_loudness_lufs"] == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("head_s", [0.0, 0.15, 1.05, 2.85])
def test_the_loudest_three_seconds(head_s: float) -> None:
    """Case 10: 3 s at -23 LUFS, wherever they start; the peak is as far above them as above any sine."""
    result = measured(tones([(-200, head_s), (-23, 3), (-200, 1)], rate_hz=48_000), 48_000)
    assert result.values["max_short_term_loudness_lufs"] == pytest.approx(-23.0, abs=0.05)
    assert result.values["peak_to_short_term_ratio_lu"] == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_momentary_loudness(rate_hz: int) -> None:
    """Case 12: 0.18 s at -20 and 0.22 s at -30 dBFS by turns hold the momentary loudness at -23 LUFS."""
    result = measured(tones([(-20.0, 0.18), (-30.0, 0.22)] * 25, rate_hz=rate_hz), rate_hz)
    assert result.values["max_momentary_loudness_lufs"] == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("head_s", [0.0, 0.02, 0.17, 0.38])
def test_the_loudest_400_milliseconds(head_s: float) -> None:
    """Case 13: 0.4 s at -23 LUFS, wherever they start."""
    result = measured(tones([(-200, head_s), (-23, 0.4), (-200, 1)], rate_hz=48_000), 48_000)
    assert result.values["max_momentary_loudness_lufs"] == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("rate_hz", [44_100])
@pytest.mark.parametrize(
    ("levels_dbfs", "range_lu"),
    [
        pytest.param((-20, -30), 10.0, id="case 1"),
        pytest.param((-20, -15), 5.0, id="case 2"),
        pytest.param((-40, -20), 20.0, id="case 3"),
        pytest.param((-50, -35, -20, -35, -50), 15.0, id="case 4"),
    ],
)
def test_loudness_range(levels_dbfs: tuple[int, ...], range_lu: float, rate_hz: int) -> None:
    """EBU Tech 3342: cases 1 to 4 within 0.1 LU (1 LU is allowed)."""
    signal = tones([(dbfs, 20) for dbfs in levels_dbfs], rate_hz=rate_hz)
    assert measured(signal, rate_hz).values["loudness_range_lu"] == pytest.approx(range_lu, abs=0.1)


@pytest.mark.parametrize(
    ("divisor", "phase_deg", "amplitude", "dbtp"),
    [
        pytest.param(4, 0, 0.5, -6.0, id="case 15"),
        pytest.param(4, 45, 0.5, -6.0, id="case 16"),
        pytest.param(6, 60, 0.5, -6.0, id="case 17"),
        pytest.param(8, 67.5, 0.5, -6.0, id="case 18"),
        pytest.param(4, 45, 1.41, 3.0, id="case 19"),
    ],
)
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_true_peak(divisor: int, phase_deg: float, amplitude: float, dbtp: float, rate_hz: int) -> None:
    """EBU Tech 3341, cases 15 to 19: within +0.2 and -0.4 dB, though no sample need be at the peak."""
    signal = sine(rate_hz / divisor, 3, amplitude=amplitude, rate_hz=rate_hz, phase=np.deg2rad(phase_deg))
    fade = np.minimum(1, np.minimum(np.arange(len(signal)), np.arange(len(signal))[::-1]) / (0.1 * rate_hz))
    found = measured((signal * fade).astype(np.float32), rate_hz).values["true_peak_dbtp"]
    assert dbtp - 0.4 <= found <= dbtp + 0.2


@pytest.mark.parametrize("rate_hz", [11_025, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_integrated_loudness_is_pyloudnorms(channels: int, rate_hz: int) -> None:
    """Noise whose level moves, at many rates: within 0.05 LU."""
    signal = noise(12, rate_hz=rate_hz) * (1.2 + np.sin(np.arange(12 * rate_hz) / rate_hz)).astype(np.float32)
    pcm = np.column_stack([signal, noise(12, rate_hz=rate_hz, seed=2)])[:, :channels]
    meter = pyloudnorm.Meter(rate_hz, filter_class="DeMan")
    assert integrated(pcm, rate_hz) == pytest.approx(meter.integrated_loudness(pcm.astype(float)), abs=0.05)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 32_000, 192_000, 384_000])
def test_odd_rates(rate_hz: int) -> None:
    """Rates that do not divide into hundredths of a second, and very high ones, measure the same sine."""
    result = measured(tones([(-23.0, 5)], rate_hz=rate_hz), rate_hz)
    assert result.values["integrated_loudness_lufs"] == pytest.approx(-23.0, abs=0.1)
    assert len(result.values["loudness_curve_lufs"]) == 5


def test_the_filters_are_the_standards() -> None:
    """At 48 kHz the coefficients are those of BS.1770's tables."""
    shelf, high_pass = k_weighting(48_000)
    assert shelf == pytest.approx(
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585], abs=1e-8
    )
    assert high_pass == pytest.approx([1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621], abs=1e-8)


@pytest.mark.parametrize(
    ("channels", "gains"),
    [
        (1, [1]),
        (2, [1, 1]),
        (5, [1, 1, 1, 1.41, 1.41]),
        (6, [1, 1, 1, 0, 1.41, 1.41]),
        (8, [1, 1, 1, 0, 1.41, 1.41, 1.41, 1.41]),
    ],
)
def test_channel_weights(channels: int, gains: list[float]) -> None:
    """Surround channels count 1.41, the low-frequency channel nothing."""
    assert channel_gains(channels).tolist() == gains


def test_twice_the_amplitude_is_six_decibels() -> None:
    """Every level moves by 6.02, every difference stays."""
    signal = noise(6)
    quiet, loud = measured(signal, 22_050).values, measured(2 * signal, 22_050).values
    for name in ("integrated_loudness_lufs", "max_momentary_loudness_lufs", "max_short_term_loudness_lufs",
                 "true_peak_dbtp"):  # fmt: skip
        assert loud[name] - quiet[name] == pytest.approx(20 * np.log10(2), abs=1e-3), name
    for name in (
        "loudness_range_lu",
        "peak_to_loudness_ratio_lu",
        "peak_to_short_term_ratio_lu",
        "crest_factor_db",
        "dynamic_complexity_db",
    ):
        assert loud[name] == pytest.approx(quiet[name], abs=1e-3), name


def test_the_crest_factor_of_a_sine() -> None:
    """3.01 dB."""
    assert measured(sine(997, 5), 22_050).values["crest_factor_db"] == pytest.approx(3.01, abs=0.05)


@pytest.mark.parametrize("rate_hz", [11_025, 44_100])
@pytest.mark.parametrize("block_s", [0.01, 0.37, 60.0])
def test_blocks_do_not_matter(block_s: float, rate_hz: int) -> None:
    """Filters, steps and the true peak run on over block ends."""
    signal = noise(5.5, rate_hz=rate_hz)
    expected, found = measured(signal, rate_hz).values, measured(signal, rate_hz, block_s=block_s).values
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-4 if name == "crest_factor_db" else 1e-6), name


def test_silence_has_no_loudness() -> None:
    """Digital silence: nulls whose reason is silence, and a curve at the floor."""
    result = measured(np.zeros(5 * 22_050, dtype=np.float32), 22_050)
    curve = result.values.pop("loudness_curve_lufs")
    assert max(curve) < -100
    assert set(result.values.values()) == {None}
    assert set(result.reasons.values()) == {Reason.SILENCE}


def test_too_short_for_a_window() -> None:
    """Under 0.4 s no loudness, under 3 s no short-term loudness and no range; the peak is known."""
    brief = measured(noise(0.3), 22_050)
    assert brief.reasons["integrated_loudness_lufs"] is Reason.TOO_SHORT
    assert brief.values["true_peak_dbtp"] is not None
    longer = measured(noise(2.0), 22_050)
    assert longer.values["integrated_loudness_lufs"] is not None
    assert longer.reasons["loudness_range_lu"] is Reason.TOO_SHORT
    assert longer.reasons["max_short_term_loudness_lufs"] is Reason.TOO_SHORT


def test_a_peak_between_tiny_blocks_is_found() -> None:
    """Blocks shorter than the filter wait for those that follow."""
    burst = noise(0.2)
    burst[2_000:2_050] *= 8
    blocks = measured(burst, 22_050, block_s=10 / 22_050).values
    assert blocks["true_peak_dbtp"] == pytest.approx(measured(burst, 22_050).values["true_peak_dbtp"], abs=1e-5)
