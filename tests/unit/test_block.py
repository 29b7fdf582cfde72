"""The sums of a block of PCM against plain numpy."""

from itertools import pairwise

import numpy as np
import pytest

from audiofeat import _native
from audiofeat.domain.block import Block, summed
from tests.synthesis import noise


def pcm_of(channels: int, samples: int, rate_hz: int) -> np.ndarray:
    return np.column_stack([noise(samples / rate_hz, rate_hz=rate_hz, seed=n, amplitude=0.4) for n in range(channels)])


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
@pytest.mark.parametrize(("samples", "rate_hz"), [(44_100, 44_100), (4_410, 44_100), (1, 8_000), (1_237, 11_025)])
def test_sums_are_numpys(channels: int, samples: int, rate_hz: int) -> None:
    """Channels apart, their mean, and every sum of every tenth of a second."""
    pcm = pcm_of(channels, samples, rate_hz)
    block = summed(pcm, rate_hz)
    assert np.array_equal(block.planes, pcm.T)
    np.testing.assert_allclose(block.mono, pcm.mean(axis=1, dtype=np.float64), rtol=1e-5, atol=1e-7)
    assert block.clipped == np.count_nonzero(np.abs(pcm) >= np.float32(0.999))
    assert block.lengths.sum() == samples
    wide, mono = pcm.astype(np.float64), block.mono.astype(np.float64)
    for step, (end, length) in enumerate(zip(block.ends, block.lengths, strict=True)):
        part = slice(end - length, end)
        np.testing.assert_allclose(block.sums[step], wide[part].sum(axis=0), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(block.energies[step], np.square(wide[part]).sum(axis=0), rtol=1e-9)
        assert np.array_equal(block.peaks[step], np.abs(pcm[part]).max(axis=0))
        assert block.mono_energies[step] == pytest.approx(np.square(mono[part]).sum(), rel=1e-9)
        expected = wide[part, 0] @ wide[part, 1] if channels > 1 else 0.0
        assert block.crosses[step] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 192_000])
def test_steps_are_the_tenths_of_the_file(rate_hz: int) -> None:
    """Wherever blocks are cut, the parts of a tenth of a second add up to it."""
    pcm = pcm_of(2, rate_hz, rate_hz)
    whole = summed(pcm, rate_hz)
    assert whole.ends_whole
    assert len(whole.ends) == 10
    cuts = [0, 1, rate_hz // 3, rate_hz // 3 + 7, rate_hz // 2, rate_hz]
    energies: list[np.ndarray] = []
    goes_on = False
    for start, end in pairwise(cuts):
        block = summed(pcm[start:end], rate_hz, begun=start)
        for energy in block.energies:
            if goes_on:
                energies[-1] = energies[-1] + energy
            else:
                energies.append(energy)
            goes_on = False
        goes_on = not block.ends_whole
    np.testing.assert_allclose(energies, whole.energies, rtol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_shows(bad: float) -> None:
    """One sample among many, in the last lane or not, leaves its step's energy without a finite value."""
    for at in (0, 12_345, 44_099):
        pcm = pcm_of(2, 44_100, 44_100)
        pcm[at, 1] = bad
        energies = summed(pcm, 44_100).energies
        assert np.flatnonzero(~np.isfinite(energies[:, 1])).tolist() == [at // 4_410]
        assert np.isfinite(energies[:, 0]).all()


def test_zeros_are_counted() -> None:
    """Exact zeros of the mean of the channels, either sign."""
    pcm = pcm_of(1, 8_000, 8_000)
    pcm[100:250] = 0.0
    pcm[900:1_000] = -0.0
    block: Block = summed(pcm, 8_000)
    assert block.mono_zeros.tolist() == [150, 100, *[0] * 8]


@pytest.mark.parametrize("ends", [[10], [5, 5, 20], [30]])
def test_steps_that_do_not_cover_the_block_are_refused(ends: list[int]) -> None:
    """Nothing is read beyond the arrays."""
    pcm = np.zeros((20, 2), dtype=np.float32)
    with pytest.raises(ValueError, match="disagree"):
        _native.mix_down(
            pcm, np.ones(1, dtype=np.float32), np.array(ends, dtype=np.int32), np.zeros((2, 20), dtype=np.float32),
            np.zeros(20, dtype=np.float32), np.zeros((len(ends), 11)),
        )  # fmt: skip
