"""Do the compiled loops agree with numpy on this processor? ``python -m audiofeat.extraction.selftest``."""

import sys

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly, sosfilt

from audiofeat.domain.block import summed
from audiofeat.features.frames import RATE_HZ, SharedSpectrum
from audiofeat.features.loudness import Loudness, k_weighting

_SECONDS = 4
_TOLERANCE_LU, _TOLERANCE_DB = 1e-3, 0.2


def worst_loudness_error() -> tuple[float, float]:
    """Return by how much loudness (LU) and true peak (dB) of noise differ from numpy's and scipy's own."""
    generator = np.random.default_rng(1)
    noise: NDArray[np.float32] = (0.2 * generator.standard_normal(_SECONDS * RATE_HZ)).clip(-1, 1).astype(np.float32)
    group = Loudness()
    group.push(SharedSpectrum(RATE_HZ).push(summed(noise[:, None], RATE_HZ), noise, last=True))
    values = group.result({}, None).values
    squares = np.square(sosfilt(k_weighting(RATE_HZ), noise.astype(np.float64)))
    tenths = squares.reshape(-1, RATE_HZ // 10).mean(axis=1)
    blocks = np.convolve(tenths, np.full(4, 0.25), mode="valid")
    lufs = -0.691 + 10 * np.log10(blocks.mean())
    peak_db = 20 * np.log10(np.abs(resample_poly(noise.astype(np.float64), 4, 1)).max())
    return abs(values["integrated_loudness_lufs"] - lufs), abs(values["true_peak_dbtp"] - peak_db)


def main() -> int:
    """Return 0 and print what agrees, or 1 and print what does not."""
    loudness_lu, peak_db = worst_loudness_error()
    said = f"loudness within {loudness_lu:.1e} LU of numpy, true peak within {peak_db:.2f} dB"
    if loudness_lu <= _TOLERANCE_LU and peak_db <= _TOLERANCE_DB:
        sys.stdout.write(f"{said}\n")
        return 0
    sys.stderr.write(f"{said}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
