"""Descriptors of nothing that ever sounded."""

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor import DIMENSIONS


def descriptors(count: int, *, seed: int = 1) -> NDArray[np.float32]:
    """Random but plausible: every dimension has a centre and a spread of its own, and none is below 0."""
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.1, 10.0, len(DIMENSIONS))
    return np.abs(rng.normal(20 * spread, spread, (count, len(DIMENSIONS)))).astype(np.float32)
