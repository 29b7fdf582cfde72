"""The compiled loops against what they replace: scipy, soxr and plain numpy."""

from itertools import pairwise

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.signal import sosfilt

from audiofeat import _native
from audiofeat.domain.block import summed
from audiofeat.features.frames import BAND_EDGES_HZ, BIN_HZ, FRAME, HOP, RATE_HZ, SharedSpectrum
from audiofeat.features.instrument_spectrogram import patches
from audiofeat.features.loudness import interpolator, k_weighting
from tests.synthesis import Signal, noise, sine, song

EDGES = np.searchsorted(BIN_HZ, BAND_EDGES_HZ).astype(np.int32)
COLUMNS = 24


def planes_of(channels: int, frames: int) -> NDArray[np.float32]:
    return np.stack([noise(frames / 44_100, rate_hz=44_100, seed=seed) for seed in range(channels)])


class TestKWeightedSums:
    @pytest.mark.parametrize("channels", [1, 2, 3, 8])
    def test_it_is_scipys_cascade(self, channels: int) -> None:
        """Filtered, squared, weighted and summed over each stretch, in two blocks: within one part in 10^9."""
        planes, gains = planes_of(channels, 44_100), np.linspace(0.5, 1.5, channels)
        ends = np.array([441, 882, 20_000], dtype=np.int32)
        state, sums = np.zeros((-(-channels // 2), 12)), []
        for block in (planes[:, :22_050], planes[:, 22_050:]):
            sums.append(np.zeros(4))
            _native.k_weighted_sums(np.ascontiguousarray(block), k_weighting(44_100), gains, state, ends, sums[-1])
        power = gains @ np.square(sosfilt(k_weighting(44_100), planes.astype(np.float64)))
        for begin, found in zip((0, 22_050), sums, strict=True):
            edges = [begin, *(begin + ends), begin + 22_050]
            expected = [power[a:b].sum() for a, b in pairwise(edges)]
            np.testing.assert_allclose(found, expected, rtol=1e-9)

    @pytest.mark.parametrize("ends", [[-1], [5, 4], [44_101]])
    def test_stretches_outside_the_block_are_refused(self, ends: list[int]) -> None:
        """Nothing is read beyond the arrays."""
        with pytest.raises(ValueError, match="disagree"):
            _native.k_weighted_sums(
                planes_of(2, 44_100), k_weighting(44_100), np.ones(2), np.zeros((1, 12)),
                np.array(ends, dtype=np.int32), np.zeros(2),
            )  # fmt: skip


def full_peak(plane: NDArray[np.float32]) -> float:
    """The same points, every one of them computed."""
    taps, _ = interpolator()
    windows = np.lib.stride_tricks.sliding_window_view(plane, taps.shape[1])[1:]
    return float(max(np.abs(plane).max(), np.abs(windows.astype(np.float64) @ taps.T.astype(np.float64)).max()))


class TestTruePeak:
    @pytest.mark.parametrize("kind", ["noise", "loud", "quiet_then_loud", "sine", "step", "zeros", "clipped"])
    @pytest.mark.parametrize("length", [48, 49, 63, 64, 65, 1_000, 30_001])
    def test_what_is_left_out_changes_nothing(self, kind: str, length: int) -> None:
        """Most stretches are passed over, and the peak is that of all points."""
        signals: dict[str, Signal] = {
            "noise": noise(1.0, rate_hz=44_100),
            "loud": np.tanh(5 * noise(1.0, rate_hz=44_100, amplitude=0.5)),
            "quiet_then_loud": noise(1.0, rate_hz=44_100) * np.linspace(0, 1, 44_100, dtype=np.float32) ** 4,
            "sine": sine(11_025, 1.0, rate_hz=44_100, phase=np.pi / 4),
            "step": np.sign(sine(97, 1.0, rate_hz=44_100)).astype(np.float32),
            "zeros": np.zeros(44_100, dtype=np.float32),
            "clipped": np.clip(noise(1.0, rate_hz=44_100, amplitude=1.0), -1, 1),
        }
        plane, peaks = np.ascontiguousarray(signals[kind][:length]), np.zeros(1, dtype=np.float32)
        _native.true_peak(plane[None], *interpolator(), peaks)
        assert peaks[0] == pytest.approx(full_peak(plane), rel=2e-6)

    def test_it_is_that_of_a_good_resampler(self) -> None:
        """Music-like noise below 20 kHz: within 0.05 dB of soxr at four times the rate."""
        band = soxr.resample(noise(5.0, rate_hz=36_000), 36_000, 44_100, quality="VHQ").astype(np.float32)
        peaks = np.zeros(1, dtype=np.float32)
        _native.true_peak(band[None], *interpolator(), peaks)
        reference = np.abs(soxr.resample(band, 44_100, 176_400, quality="VHQ")).max()
        assert 20 * np.log10(peaks[0] / reference) == pytest.approx(0, abs=0.05)

    @pytest.mark.parametrize("hz", [997.0, 5_003.0, 10_007.0, 15_013.0, 18_011.0, 19_997.0])
    def test_the_interpolator_is_flat(self, hz: float) -> None:
        """Up to 20 kHz at 44.1 kHz a sine's peak is found within 0.06 dB."""
        peaks = np.zeros(1, dtype=np.float32)
        middle = sine(hz, 2.0, rate_hz=44_100)
        _native.true_peak(middle[None], *interpolator(), peaks)
        assert 20 * np.log10(peaks[0] / 0.5) == pytest.approx(0, abs=0.06)

    def test_too_little_is_refused(self) -> None:
        """Fewer samples than the filter needs are an error."""
        with pytest.raises(ValueError, match="too short"):
            _native.true_peak(np.zeros((1, 47), dtype=np.float32), *interpolator(), np.zeros(1, dtype=np.float32))


class TestRunningMedians:
    @pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 60), (17, 60), (200, 60), (50, 64), (40, 7)])
    @pytest.mark.parametrize(("down", "across"), [(17, 9), (1, 3), (31, 1), (3, 31)])
    def test_they_are_scipys(self, rows: int, columns: int, down: int, across: int) -> None:
        """The same values as ``median_filter`` with mode ``nearest``, ties included."""
        values = np.round(np.random.default_rng(3).random((rows, columns), dtype=np.float32), 2)
        vertical, horizontal = np.empty_like(values), np.empty_like(values)
        _native.running_medians(values, np.array((columns, down, across), dtype=np.int32), vertical, horizontal)
        assert np.array_equal(vertical, median_filter(values, size=(down, 1), mode="nearest"))
        assert np.array_equal(horizontal, median_filter(values, size=(1, across), mode="nearest"))

    @pytest.mark.parametrize("shape", [(0, 3, 3), (65, 3, 3), (5, 2, 3), (5, 3, 33), (7, 3, 3)])
    def test_other_shapes_are_refused(self, shape: tuple[int, int, int]) -> None:
        """An even or too great width, too many columns, or a matrix that they do not divide."""
        values = np.zeros((10, 5), dtype=np.float32)
        with pytest.raises(ValueError, match="columns"):
            _native.running_medians(values, np.array(shape, dtype=np.int32), values.copy(), values.copy())


class TestSecondSums:
    @pytest.mark.parametrize(("curves", "bands", "at_attacks"), [(50, 8, 28), (3, 1, 0), (1, 2, 1)])
    def test_they_are_numpys(self, curves: int, bands: int, at_attacks: int) -> None:
        """What each frame adds, in two blocks, the second of which goes on in the second of the first."""
        rng = np.random.default_rng(5)
        values, audible = rng.normal(size=(130, curves + bands)).astype(np.float32), rng.random(130) < 0.8
        second, shape = np.arange(130, dtype=np.int32) // 43, np.array((curves, bands, at_attacks), dtype=np.int32)
        before = np.append(values[0].astype(np.float64), audible[0])
        sums = np.zeros((4, 4 * (curves + bands) + at_attacks + 4))
        for block in (slice(0, 60), slice(60, 130)):
            _native.second_sums(values[block], audible[block], second[block], shape, before, sums)
        exact, heard = values.astype(np.float64), audible[:, None].astype(np.float64)
        change = np.diff(exact, axis=0, prepend=exact[:1])
        steps = heard * np.concatenate((heard[:1], heard[:-1]))
        rise, fall = (np.maximum(sign * change[:, curves:], 0) * heard for sign in (1, -1))
        curve, band, attack = exact[:, :curves], exact[:, curves:], rise.mean(axis=1, keepdims=True)
        rows = np.column_stack((
            heard, curve * heard, curve**2 * heard, curve**3 * heard, np.abs(change[:, :curves]) * steps, steps,
            band * heard, band**2 * heard, rise, fall, attack, curve[:, :at_attacks] * attack, np.ones_like(heard),
        ))  # fmt: skip
        np.testing.assert_allclose(sums, np.add.reduceat(rows, (0, 43, 86, 129)), rtol=1e-9, atol=1e-9)
        assert np.array_equal(before, np.append(exact[-1], audible[-1]))

    @pytest.mark.parametrize(("row", "shape"), [(2, (3, 2, 1)), (-1, (3, 2, 1)), (1, (3, 2, 4)), (1, (5, 0, 1))])
    def test_seconds_outside_the_sums_are_refused(self, row: int, shape: tuple[int, int, int]) -> None:
        """Nothing is read or written beyond the arrays."""
        with pytest.raises(ValueError, match="disagree"):
            _native.second_sums(
                np.zeros((1, 5), dtype=np.float32), np.ones(1, dtype=np.bool_), np.array([row], dtype=np.int32),
                np.array(shape, dtype=np.int32), np.zeros(6), np.zeros((2, 25)),
            )  # fmt: skip


class TestRectifiedPatches:
    @pytest.mark.parametrize("extent", [(1, 1), (2, 5), (13, 8)])
    @pytest.mark.parametrize(("channels", "size"), [(1, 5), (3, 3), (24, 3), (2, 1)])
    def test_they_are_numpys(self, extent: tuple[int, int], channels: int, size: int) -> None:
        """Bit by bit what windows slid over the padded maps show, and so are those that are not rectified."""
        rng = np.random.default_rng(7)
        maps = rng.normal(size=(2, *extent, channels)).astype(np.float32)
        bias = rng.normal(size=channels).astype(np.float32)
        rows = np.empty((2, *(-(-length // 2) for length in extent), size * size * channels), dtype=np.float32)
        _native.rectified_patches(maps, bias, np.array((*extent, channels, size), dtype=np.int32), rows)
        edges, edge = (0, 0), (size // 2, size // 2)
        for found, given in ((rows, np.maximum(maps + bias, 0)), (patches(maps, size), maps)):
            padded = np.pad(given, (edges, edge, edge, edges))
            seen = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::2, ::2]
            assert np.array_equal(found, seen.transpose(0, 1, 2, 4, 5, 3).reshape(rows.shape))

    @pytest.mark.parametrize("shape", [(4, 4, 2, 2), (4, 4, 3, 3), (0, 4, 2, 3), (5, 4, 2, 3)])
    def test_other_shapes_are_refused(self, shape: tuple[int, int, int, int]) -> None:
        """A kernel of even size, or maps, biases and rows of other shapes."""
        maps, rows = np.zeros((4, 4, 2), dtype=np.float32), np.zeros((2, 2, 18), dtype=np.float32)
        with pytest.raises(ValueError, match="disagree"):
            _native.rectified_patches(maps, maps[0, 0], np.array(shape, dtype=np.int32), rows)


def shaped(power: NDArray[np.float32], signal: Signal) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    rows = -(-len(power) // 2)
    values, energies, before = np.empty((rows, COLUMNS), dtype=np.float32), np.empty(rows), np.zeros(520, np.float32)
    before[: len(BIN_HZ)] = np.sqrt(power[0] + np.float32(1e-16))
    _native.spectral_shape(power, signal, BIN_HZ, EDGES, before, values, energies)
    return values, energies


def by_numpy(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """The definitions, in float64; zero crossings are tested apart."""
    magnitude = np.sqrt(power + 1e-16)
    floored = np.maximum(power, np.maximum(power.max(axis=1, keepdims=True) * 1e-5, 1e-16))
    hz = BIN_HZ.astype(np.float64)
    share = magnitude / magnitude.sum(axis=1, keepdims=True)
    centroid = share @ hz
    spread = np.sqrt((share * (hz - centroid[:, None]) ** 2).sum(axis=1))
    running = np.cumsum(floored, axis=1)
    rolloffs = [hz[np.argmax(running >= part * running[:, -1:], axis=1)] for part in (0.5, 0.85)]
    mean_db = 10 * np.log10(floored.mean(axis=1))
    flatness = 10 * np.log10(floored).mean(axis=1) - mean_db
    crest = 10 * np.log10(floored.max(axis=1)) - mean_db
    entropy = -(share * np.log2(share)).sum(axis=1) / np.log2(share.shape[1])
    flux = np.maximum(np.diff(magnitude, axis=0, prepend=magnitude[:1]), 0).sum(axis=1) / magnitude.sum(axis=1)
    bands = np.add.reduceat(floored[:, : EDGES[-1]], EDGES[:-1], axis=1)
    peaks = np.maximum.reduceat(floored[:, : EDGES[-1]], EDGES[:-1], axis=1)
    band_crest = 10 * np.log10(peaks / bands * np.diff(EDGES))[:, 1:]
    band_share = 10 * np.log10(bands / bands.sum(axis=1, keepdims=True))
    crossings = np.zeros(len(power))
    named = (centroid, spread, *rolloffs, flatness, crest, entropy, flux, crossings)
    return np.column_stack((*named, band_crest, band_share))


class TestSpectralShape:
    @pytest.mark.parametrize("make", [noise, song], ids=["noise", "song"])
    def test_it_is_numpys(self, make: object) -> None:
        """Every value within one part in 10^4 or 0.0005 dB; a rolloff may fall into the next bin where sums tie."""
        signal = make(4.0)
        power = SharedSpectrum(RATE_HZ).push(summed(signal[:, None], RATE_HZ), signal, last=True).power
        padded = np.concatenate((np.zeros(FRAME // 2), signal, np.zeros(FRAME))).astype(np.float32)
        values, energies = shaped(power, padded)
        expected = by_numpy(power[::2].astype(np.float64))
        rolloffs, crossings = [2, 3], 8
        plain = [n for n in range(COLUMNS) if n not in {*rolloffs, crossings}]
        np.testing.assert_allclose(values[:, plain], expected[:, plain], rtol=1e-4, atol=5e-4)
        assert np.abs(values[:, rolloffs] - expected[:, rolloffs]).max() < 1.01 * BIN_HZ[1]
        assert np.mean(values[:, rolloffs] == expected[:, rolloffs].astype(np.float32)) > 0.99
        windows = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[:: 2 * HOP][: len(values)]
        assert np.array_equal(values[:, crossings], np.count_nonzero(np.diff(np.signbit(windows), axis=1), axis=1))
        np.testing.assert_allclose(energies, np.square(windows.astype(np.float64)).mean(axis=1), rtol=1e-5)

    def test_too_short_a_signal_is_refused(self) -> None:
        """Nothing is read beyond the arrays."""
        with pytest.raises(ValueError, match="disagree"):
            shaped(np.ones((3, len(BIN_HZ)), dtype=np.float32), np.zeros(FRAME, dtype=np.float32))
