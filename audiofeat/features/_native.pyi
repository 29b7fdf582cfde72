import numpy as np
from numpy.typing import NDArray

def k_weighted_power(
    planes: NDArray[np.float32],
    sections: NDArray[np.float64],
    gains: NDArray[np.float64],
    state: NDArray[np.float64],
    power: NDArray[np.float64],
) -> None: ...
