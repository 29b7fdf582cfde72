"""The front ends of plug-in models: equal to Essentia's own, whatever the blocks."""

import essentia.standard as es
import numpy as np
import pytest

from audiofeat.domain.plugin_models import FrontEnd
from audiofeat.features.mel_front_ends import FRONT_ENDS

ORACLES = {
    FrontEnd.MUSICNN: es.TensorflowInputMusiCNN,
    FrontEnd.VGGISH: es.TensorflowInputVGGish,
    FrontEnd.TEMPOCNN: es.TensorflowInputTempoCNN,
}


def sound(front_end: FrontEnd) -> np.ndarray:
    """A second that rises from silence over a chirp to noise."""
    rate_hz = FRONT_ENDS[front_end].rate_hz
    clock_s = np.arange(rate_hz) / rate_hz
    rng = np.random.default_rng(2)
    chirp = np.sin(2 * np.pi * (100 + 2_000 * clock_s) * clock_s) * clock_s
    return (0.5 * chirp + 0.2 * clock_s**4 * rng.standard_normal(rate_hz)).astype(np.float32)


@pytest.mark.parametrize("front_end", ORACLES)
def test_bands_are_those_of_essentia(front_end: FrontEnd) -> None:
    """Every band of every frame lies within 1e-3 of the TensorflowInput algorithm's, silence included."""
    ours, oracle = FRONT_ENDS[front_end], ORACLES[front_end]()
    signal = sound(front_end)
    bands, _ = ours.of_signal(signal)
    cut = [signal[at : at + ours.frame] for at in range(0, len(signal) - ours.frame + 1, ours.hop)]
    expected = np.array([oracle(np.ascontiguousarray(frame)) for frame in cut])
    assert bands.shape == expected.shape
    np.testing.assert_allclose(bands, expected, atol=1e-3)


@pytest.mark.parametrize("front_end", ORACLES)
def test_blocks_do_not_matter(front_end: FrontEnd) -> None:
    """What is left of one block begins the next."""
    ours, signal = FRONT_ENDS[front_end], sound(front_end)
    whole, _ = ours.of_signal(signal)
    left, parts = signal[:0], []
    for block in np.array_split(signal, 7):
        bands, left = ours.of_signal(np.concatenate((left, block)))
        parts.append(bands)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
