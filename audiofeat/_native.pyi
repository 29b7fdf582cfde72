import numpy as np
from numpy.typing import NDArray

def chain_beats(
    onsets: NDArray[np.float32],
    periods: NDArray[np.float32],
    tightness: NDArray[np.float64],
    scores: NDArray[np.float64],
    links: NDArray[np.int32],
) -> None: ...
def k_weighted_sums(
    planes: NDArray[np.float32],
    sections: NDArray[np.float64],
    gains: NDArray[np.float64],
    state: NDArray[np.float64],
    ends: NDArray[np.int32],
    sums: NDArray[np.float64],
) -> None: ...
def mix_down(
    pcm: NDArray[np.float32],
    clipped: NDArray[np.float32],
    ends: NDArray[np.int32],
    planes: NDArray[np.float32],
    mono: NDArray[np.float32],
    table: NDArray[np.float64],
) -> None: ...
def pitch_peaks(
    power: NDArray[np.float32],
    numbers: NDArray[np.float64],
    grid: NDArray[np.float32],
    deviations: NDArray[np.float64],
) -> None: ...
def power_spectra(
    signal: NDArray[np.float32],
    window: NDArray[np.float32],
    hop: NDArray[np.int32],
    turns: NDArray[np.float32],
    place: NDArray[np.int32],
    power: NDArray[np.float32],
) -> None: ...
def rectified_patches(
    maps: NDArray[np.float32],
    bias: NDArray[np.float32],
    shape: NDArray[np.int32],
    rows: NDArray[np.float32],
) -> None: ...
def running_medians(
    values: NDArray[np.float32],
    shape: NDArray[np.int32],
    downwards: NDArray[np.float32],
    across: NDArray[np.float32],
) -> None: ...
def second_sums(
    values: NDArray[np.float32],
    audible: NDArray[np.bool_],
    second: NDArray[np.int32],
    shape: NDArray[np.int32],
    before: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> None: ...
def spectral_shape(
    power: NDArray[np.float32],
    signal: NDArray[np.float32],
    hz: NDArray[np.float32],
    edges: NDArray[np.int32],
    before: NDArray[np.float32],
    values: NDArray[np.float32],
    energies: NDArray[np.float64],
) -> None: ...
def true_peak(
    planes: NDArray[np.float32],
    taps: NDArray[np.float32],
    bounds: NDArray[np.float32],
    peaks: NDArray[np.float32],
) -> None: ...
