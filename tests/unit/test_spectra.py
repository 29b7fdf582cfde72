"""The compiled transform against scipy's, and the peaks that are read from its spectra."""

import numpy as np
import pytest
import scipy.fft
from numpy.typing import NDArray

from audiofeat import _native
from audiofeat.features import tonal_spectrum
from audiofeat.features.frames import LOW_RATE_HZ
from audiofeat.features.spectra import power_spectra
from tests.synthesis import Signal, cadence, noise, sine


@pytest.mark.parametrize("size", [16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 32_768])
@pytest.mark.parametrize("frames", [1, 7, 8, 21])
def test_it_is_scipys(size: int, frames: int) -> None:
    """Every power within 5 parts in 10^7 of the greatest, for numbers of frames that fill the lanes or do not."""
    hop = size // 4 + 1
    signal = noise((hop * (frames - 1) + size + hop - 1) / LOW_RATE_HZ, rate_hz=LOW_RATE_HZ)
    window = np.hanning(size).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(signal.astype(np.float64), size)[::hop]
    expected = np.square(np.abs(scipy.fft.rfft(windows * window, axis=1)))
    found = power_spectra(signal, window=window, hop=hop)
    assert found.shape == (frames, size // 2 + 1)
    np.testing.assert_allclose(found, expected, atol=5e-7 * expected.max(), rtol=0)


def test_a_frame_is_the_same_in_any_company() -> None:
    """The bits of a frame do not depend on its lane or on the frames beside it."""
    signal, window = noise(2.0), np.hanning(1_024).astype(np.float32)
    together = power_spectra(signal, window=window, hop=256)
    for number in range(len(together)):
        alone = power_spectra(signal[number * 256 : number * 256 + 1_024], window=window, hop=256)
        assert np.array_equal(alone[0], together[number])


def test_a_signal_shorter_than_the_window_has_no_frames() -> None:
    """No frame, no error."""
    assert power_spectra(noise(0.01), window=np.ones(1_024, dtype=np.float32), hop=256).shape == (0, 513)


@pytest.mark.parametrize("size", [8, 24, 1_000, 65_536])
def test_other_sizes_are_refused(size: int) -> None:
    """Only powers of two from 16 to 32,768."""
    with pytest.raises(ValueError, match="disagree"):
        power_spectra(np.zeros(70_000, dtype=np.float32), window=np.ones(size, dtype=np.float32), hop=size)


def peaks_by_numpy(signal: Signal) -> tuple[NDArray[np.float64], complex]:
    """Find peaks as ``tonal_spectrum.peaks`` says, in double precision."""
    frame, hop = tonal_spectrum.FRAME, tonal_spectrum.HOP
    windows = np.lib.stride_tricks.sliding_window_view(signal.astype(np.float64), frame)[::hop]
    low, high = (int(hz * frame / LOW_RATE_HZ) for hz in (tonal_spectrum.LOWEST_HZ, 3_500))
    spectra = scipy.fft.rfft(windows * np.hanning(frame), axis=1)[:, low - 1 : high + 1]
    grid, tuning = np.zeros((len(windows), tonal_spectrum.OCTAVES * tonal_spectrum.BINS)), 0j
    for row, power in zip(grid, np.square(np.abs(spectra)), strict=True):
        floor = max(power[1:-1].max() * 10**-4.5, 1e-6)
        for at in range(1, len(power) - 1):
            if power[at] > max(floor, power[at - 1]) and power[at] >= power[at + 1]:
                a, b, c = np.log(power[at - 1 : at + 2] + 1e-6)
                position = low - 1 + at + np.clip(0.5 * (a - c) / min(a - 2 * b + c, -1e-6), -0.5, 0.5)
                pitch = 12 * np.log2(position * LOW_RATE_HZ / frame / tonal_spectrum.LOWEST_HZ)
                tuning += np.exp(b / 2) * np.exp(2j * np.pi * pitch)
                column = round(pitch * tonal_spectrum.FINE)
                if 0 <= column < len(row):
                    row[column] += np.sqrt(np.exp(b / 2))
    return grid, tuning


@pytest.mark.parametrize(
    "signal",
    [noise(3.0)[::2].copy(), cadence(2, "minor")[::2].copy(), sine(440, 3.0, rate_hz=LOW_RATE_HZ), np.zeros(9_000)],
    ids=["noise", "cadence", "sine", "zeros"],
)
def test_peaks_are_numpys(signal: Signal) -> None:
    """The same columns but for one peak in 500 that lies between two, the same weights, the same tuning."""
    signal = signal.astype(np.float32)
    grid, deviation = tonal_spectrum.peaks(signal)
    expected, expected_tuning = peaks_by_numpy(signal)
    apart = np.abs(grid - expected) > 1e-3 * max(expected.max(), 1)
    assert np.count_nonzero(apart) <= np.count_nonzero(expected) / 250
    assert deviation.sum() == pytest.approx(expected_tuning, rel=1e-3, abs=1e-3)


def test_peaks_of_other_shapes_are_refused() -> None:
    """Nothing is read or written beyond the arrays."""
    with pytest.raises(ValueError, match="disagree"):
        _native.pitch_peaks(
            np.zeros((3, 10), dtype=np.float32), np.zeros(6), np.zeros((2, 5), dtype=np.float32), np.zeros((3, 2))
        )
