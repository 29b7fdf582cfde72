"""One block of PCM with its shared spectrum: everything that more than one feature group needs, computed once.

Conventions: all spectral work happens at 22,050 Hz, so that sources of any rate agree; frames of 1,024 samples
(46 ms) every 256 (86.13 Hz) for onsets, and every second of them (43.07 Hz) for timbre.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import scipy.fft
import soxr
from numpy.typing import NDArray

from audiofeat import _native
from audiofeat.domain.block import Block
from audiofeat.domain.descriptor import N_MFCC, SPECTRAL_VALUES
from audiofeat.domain.quality import Reason
from audiofeat.features.heard import Heard
from audiofeat.features.spectra import power_spectra

RATE_HZ = 22_050
LOW_RATE_HZ = RATE_HZ // 2
FRAME = 1_024
HOP = 256
ONSET_RATE_HZ = RATE_HZ / HOP
TIMBRE_STEP = 2
TIMBRE_RATE_HZ = ONSET_RATE_HZ / TIMBRE_STEP
N_MEL = 60
MEL_RANGE_HZ = (30.0, 11_000.0)
BAND_EDGES_HZ = (30.0, 100.0, 200.0, 400.0, 800.0, 1_600.0, 3_200.0, 6_400.0, 11_000.0)
FILTERS_PATH = Path(__file__).with_name("filters.npz")
AUDIBLE_DBFS = -80.0
AUDIBLE_BELOW_LOUDEST_DB = 50.0

Floats = NDArray[np.float32]
Measured = Mapping[str, Mapping[str, Any]]

# Few enough for the spectra of one step to lie in the processor's own memory when the next reads them.
_FRAMES_AT_ONCE = 64

# Floors hang on the sound, not on full scale: turning an item down must not change its timbre.
# 50 dB keeps what is heard and leaves out what codecs drop.
FLOOR_BELOW_PEAK = np.float32(1e-5)
_LEAST_POWER = np.float32(1e-16)
_WINDOW = np.hanning(FRAME + 1)[:-1].astype(np.float32)
_WINDOW /= _WINDOW.sum() / 2  # a full-scale sine has power 1
BIN_HZ = scipy.fft.rfftfreq(FRAME, 1 / RATE_HZ).astype(np.float32)
_BAND_EDGES = np.searchsorted(BIN_HZ, BAND_EDGES_HZ).astype(np.int32)
_ZERO_CROSSINGS = SPECTRAL_VALUES.index("zero_crossing_hz")
_BINS_IN_LANES = -(-len(BIN_HZ) // 8) * 8


@dataclass(frozen=True, slots=True)
class Frames:
    """What the groups are fed, block by block.

    Parameters
    ----------
    block : Block
        The PCM at the file's own rate, and its sums.
    mono : array of shape (samples,)
        The analysis signal at 22,050 Hz that belongs to ``power``.
    low : array of shape (samples,)
        The same at 11,025 Hz, for what looks at low frequencies closely.
    power : array of shape (frames, 513)
        Power spectrum at 86.13 frames a second, scaled so that a full-scale sine has power 1.
    mel : array of shape (frames, 60)
        Mel-band power of each frame.
    mfcc : array of shape (timbre frames, 20)
        Cepstrum of every second frame, from dB re full scale.
    spectral : array of shape (timbre frames, len(SPECTRAL_VALUES))
        Frame-wise shape values, in the order of ``SPECTRAL_VALUES``.
    audible : array of shape (timbre frames,)
        Whether the frame is louder than -80 dBFS and within 50 dB of the loudest so far.
    heard : Heard, optional
        What the next half seconds are, some ten seconds behind the block; missing where no group asks.
    """

    block: Block
    mono: Floats
    low: Floats
    power: Floats
    mel: Floats
    mfcc: Floats
    spectral: Floats
    audible: NDArray[np.bool_]
    heard: Heard | None = None


@dataclass(slots=True)
class Result:
    """What a group says of one audio: values or None, and the reason for each None."""

    values: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, Reason] = field(default_factory=dict)

    def put(self, name: str, value: Any, reason: Reason | None = None) -> None:  # noqa: ANN401  a field's own type
        """Set a field; a None needs its reason."""
        self.values[name] = value
        if value is None:
            if reason is None:
                raise AssertionError(f"{name} is null without a reason")
            self.reasons[name] = reason


class Group(Protocol):
    """An accumulator: fed every block once, asked once at the end."""

    def push(self, frames: Frames) -> None:
        """Take in one block."""

    def result(self, measured: Measured, silence: Reason | None) -> Result:
        """Return the group's fields.

        ``measured`` holds the values of the groups asked before; ``silence`` says why music values cannot be given
        (``silence`` or ``too_short``), or None.
        """


@cache
def _filters() -> tuple[Floats, Floats]:
    mel = np.load(FILTERS_PATH)["mel"]
    cosine = scipy.fft.dct(np.eye(N_MEL), type=2, norm="ortho", axis=0)[:N_MFCC]
    return np.ascontiguousarray(mel.T), np.ascontiguousarray(cosine.T, dtype=np.float32)


class SharedSpectrum:
    """Turns blocks of mono PCM at any rate into frames, keeping the overlap between blocks.

    Parameters
    ----------
    rate_hz : int
        Rate of the mono signal pushed in.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._resampler = None
        if rate_hz != RATE_HZ:
            self._resampler = soxr.ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32", quality="HQ")
        self._halver = soxr.ResampleStream(RATE_HZ, LOW_RATE_HZ, 1, dtype="float32", quality="HQ")
        self._tail = np.zeros(FRAME // 2, dtype=np.float32)
        self._previous_magnitude = np.zeros(_BINS_IN_LANES, dtype=np.float32)
        self._begun = False
        self._loudest = 0.0

    def push(self, block: Block, mono: Floats, *, last: bool) -> Frames:
        """Return the frames that ``mono``, the block's signal to analyse, completes; ``last`` pads with zeros."""
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(mono, last=last)
        signal = np.concatenate((self._tail, mono))
        if last:
            signal = np.concatenate((signal, np.zeros(FRAME // 2, dtype=np.float32)))
        count = max(0, (len(signal) - FRAME) // HOP + 1)
        if not last:
            # An even number of frames a block keeps every second frame in step over block ends.
            count -= count % TIMBRE_STEP
        self._tail = signal[count * HOP :]
        if not count:
            return _empty(block)
        whole = signal[: count * HOP]
        power, mel = _spectra(signal, count)
        _, to_cepstrum = _filters()
        decibel = 10 * np.log10(_above_floor(mel[::TIMBRE_STEP]))
        spectral, energies = self._shape(power, signal)
        return Frames(
            block=block, mono=whole, low=self._halver.resample_chunk(whole), power=power, mel=mel,
            mfcc=decibel @ to_cepstrum, spectral=spectral, audible=self._audible(energies),
        )  # fmt: skip

    def _audible(self, energies: NDArray[np.float64]) -> NDArray[np.bool_]:
        loudest = np.maximum.accumulate(np.maximum(energies, self._loudest))
        self._loudest = float(loudest[-1])
        least = np.maximum(loudest * 10 ** (-AUDIBLE_BELOW_LOUDEST_DB / 10), 10 ** (AUDIBLE_DBFS / 10))
        audible: NDArray[np.bool_] = energies > least
        return audible

    def _shape(self, power: Floats, signal: Floats) -> tuple[Floats, NDArray[np.float64]]:
        """Return the shape values and the mean square of each timbre frame."""
        rows = -(-len(power) // TIMBRE_STEP)
        values, energies = np.empty((rows, len(SPECTRAL_VALUES)), dtype=np.float32), np.empty(rows)
        if not self._begun:
            self._previous_magnitude[: len(BIN_HZ)] = np.sqrt(power[0] + _LEAST_POWER)
            self._begun = True
        _native.spectral_shape(power, signal, BIN_HZ, _BAND_EDGES, self._previous_magnitude, values, energies)
        values[:, _ZERO_CROSSINGS] *= np.float32(RATE_HZ / FRAME / 2)
        return values, energies


def _spectra(signal: Floats, count: int) -> tuple[Floats, Floats]:
    """Return the power of each frame, by bin and by mel band."""
    power, mel = np.empty((count, len(BIN_HZ)), dtype=np.float32), np.empty((count, N_MEL), dtype=np.float32)
    to_mel, _ = _filters()
    for start in range(0, count, _FRAMES_AT_ONCE):
        some = slice(start, min(start + _FRAMES_AT_ONCE, count))
        part = signal[start * HOP : (some.stop - 1) * HOP + FRAME]
        power[some] = power_spectra(part, window=_WINDOW, hop=HOP)
        np.matmul(power[some], to_mel, out=mel[some])
    return power, mel


def _empty(block: Block) -> Frames:
    def none(*width: int) -> Floats:
        return np.zeros((0, *width), dtype=np.float32)

    return Frames(
        block=block, mono=none(), low=none(), power=none(len(BIN_HZ)), mel=none(N_MEL), mfcc=none(N_MFCC),
        spectral=none(len(SPECTRAL_VALUES)), audible=np.zeros(0, dtype=bool),
    )  # fmt: skip


def _above_floor(power: Floats) -> Floats:
    """Return power of which no part lies more than 50 dB below the strongest of its frame."""
    floor = np.maximum(power.max(axis=1, keepdims=True) * FLOOR_BELOW_PEAK, _LEAST_POWER)
    raised: Floats = np.maximum(power, floor)
    return raised
