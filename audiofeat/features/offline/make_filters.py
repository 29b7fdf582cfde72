"""Write the filter matrix that the shared spectrum loads: ``python -m audiofeat.features.offline.make_filters``.

librosa designs the filters once, here; loading them from a file keeps its import out of the extraction child.
"""

import librosa
import numpy as np
from numpy.typing import NDArray

from audiofeat.features.frames import FILTERS_PATH, FRAME, MEL_RANGE_HZ, N_MEL, RATE_HZ


def mel_filters() -> NDArray[np.float32]:
    """Return the mel filter bank of librosa (Slaney's scale, area normalised), shape (N_MEL, FRAME // 2 + 1)."""
    low_hz, high_hz = MEL_RANGE_HZ
    filters: NDArray[np.float32] = librosa.filters.mel(sr=RATE_HZ, n_fft=FRAME, n_mels=N_MEL, fmin=low_hz, fmax=high_hz)
    return filters


if __name__ == "__main__":
    np.savez_compressed(FILTERS_PATH, mel=mel_filters())
