"""What was heard in some half seconds, as all groups of speech read it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLASSES = ("speech", "music", "speech+music", "noise")
STEP_S = 0.5

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """Some half seconds that follow each other.

    Parameters
    ----------
    probability : array of shape (steps, 4)
        Of each of ``CLASSES``; zeros where it is silent.
    loud : array of shape (steps,)
        Whether the half second is loud enough to be judged.
    method : str
        Who judged: ``audiofeat`` alone, or with ``silero``.
    """

    probability: Array
    loud: NDArray[np.bool_]
    method: str = "audiofeat"

    @property
    def speech(self) -> Array:
        """Probability of speech, alone or over music."""
        return self.probability[:, 0] + self.probability[:, 2]

    @property
    def music(self) -> Array:
        """Probability of music, alone or under speech."""
        return self.probability[:, 1] + self.probability[:, 2]
