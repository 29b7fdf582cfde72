"""What models of others are shown: mel bands exactly as Essentia's TensorflowInput algorithms make them.

References
----------
Pons & Serra, "musicnn", 2019; Hershey et al., "CNN architectures for large-scale audio classification", ICASSP 2017;
Schreiber & Mueller, "A single-step approach to musical tempo estimation", ISMIR 2018. Slaney, "Auditory Toolbox", 1998.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from audiofeat.domain.plugin_inputs import BANDS, FrontEnd

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Warp = Callable[[Array], Array]

_SLANEY_LINEAR_HZ, _SLANEY_BREAK_HZ, _SLANEY_STEP = 200 / 3, 1_000.0, np.log(6.4) / 27


def _slaney(hz: Array) -> Array:
    high = _SLANEY_BREAK_HZ / _SLANEY_LINEAR_HZ + np.log(np.maximum(hz, 1.0) / _SLANEY_BREAK_HZ) / _SLANEY_STEP
    mel: Array = np.where(hz >= _SLANEY_BREAK_HZ, high, hz / _SLANEY_LINEAR_HZ)
    return mel


def _slaney_hz(mel: Array) -> Array:
    high = _SLANEY_BREAK_HZ * np.exp(_SLANEY_STEP * (mel - _SLANEY_BREAK_HZ / _SLANEY_LINEAR_HZ))
    hz: Array = np.where(mel >= _SLANEY_BREAK_HZ / _SLANEY_LINEAR_HZ, high, mel * _SLANEY_LINEAR_HZ)
    return hz


def _htk(hz: Array) -> Array:
    mel: Array = 1_127.01048 * np.log(1 + hz / 700)
    return mel


def _htk_hz(mel: Array) -> Array:
    hz: Array = 700 * (np.exp(mel / 1_127.01048) - 1)
    return hz


@dataclass(frozen=True)
class MelFrontEnd:
    """Frames of PCM to mel bands.

    Parameters
    ----------
    rate_hz, frame, hop, fft : int
        Of the PCM, and of its frames in samples.
    bands : int
        How many.
    range_hz : tuple of float
        Edges of the outermost bands.
    mel, mel_hz : callable
        The scale and its inverse.
    is_warped : bool
        Whether triangles are straight on the scale instead of over Hz, and of height 1 instead of area 1.
    is_power : bool
        Whether bands sum power instead of magnitude.
    compressed : callable
        Applied to the bands.
    """

    rate_hz: int
    frame: int
    hop: int
    fft: int
    bands: int
    range_hz: tuple[float, float]
    mel: Warp
    mel_hz: Warp
    is_warped: bool
    is_power: bool
    compressed: Warp

    @cached_property
    def _filters(self) -> Array:
        low, high = (float(self.mel(np.array([hz]))[0]) for hz in self.range_hz)
        edges_hz = self.mel_hz(np.linspace(low, high, self.bands + 2))
        hz = np.arange(self.fft // 2 + 1) * self.rate_hz / self.fft
        at, edges = (self.mel(hz), self.mel(edges_hz)) if self.is_warped else (hz, edges_hz)
        rising = (at[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - at[:, None]) / (edges[2:] - edges[1:-1])
        triangles: Array = np.maximum(0, np.minimum(rising, falling))
        return triangles if self.is_warped else triangles * 2 / (edges_hz[2:] - edges_hz[:-2])

    def of_frames(self, frames: Floats) -> Floats:
        """Return the bands of frames, shape (frames, bands)."""
        magnitude = np.abs(np.fft.rfft(frames * np.hanning(self.frame), self.fft))
        found = self.compressed((np.square(magnitude) if self.is_power else magnitude) @ self._filters)
        return found.astype(np.float32)

    def of_signal(self, signal: Floats) -> tuple[Floats, Floats]:
        """Return the bands of every whole frame of a signal, and what is left for the next."""
        count = max(0, (len(signal) - self.frame) // self.hop + 1)
        if not count:
            return np.zeros((0, self.bands), dtype=np.float32), signal
        frames = sliding_window_view(signal, self.frame)[: count * self.hop : self.hop]
        return self.of_frames(frames), signal[count * self.hop :]


FRONT_ENDS: Mapping[FrontEnd, MelFrontEnd] = {
    FrontEnd.MUSICNN: MelFrontEnd(
        16_000, 512, 256, 512, BANDS[FrontEnd.MUSICNN], (0.0, 8_000.0), _slaney, _slaney_hz, is_warped=False,
        is_power=True, compressed=lambda bands: np.log10(1 + 10_000 * bands),
    ),
    FrontEnd.VGGISH: MelFrontEnd(
        16_000, 400, 160, 512, BANDS[FrontEnd.VGGISH], (125.0, 7_500.0), _htk, _htk_hz, is_warped=True,
        is_power=False, compressed=lambda bands: np.log(bands + 0.01),
    ),
    FrontEnd.TEMPOCNN: MelFrontEnd(
        11_025, 1_024, 512, 1_024, BANDS[FrontEnd.TEMPOCNN], (20.0, 5_000.0), _slaney, _slaney_hz, is_warped=False,
        is_power=False, compressed=lambda bands: bands,
    ),
}  # fmt: skip
