"""The descriptor: the ingredients from which a space makes an item's embedding (see ``domain.descriptor``)."""

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor import N_MFCC, NAMES, SPECTRAL_VALUES
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import N_MEL, TIMBRE_RATE_HZ, Floats, Frames, Measured, Result

_LEAST_FRAMES = 43
_COVARIANCE_FLOOR = 0.1
_SYLLABLE_BAND_HZ = (2.0, 8.0)
_MODULATION_BAND_HZ = (0.5, 20.0)
_QUIET_LU = 20.0

Array = NDArray[np.float64]


class _Moments:
    """Count, sum and outer products of rows."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self.sum = np.zeros(width)
        self.outer = np.zeros((width, width))

    def add(self, rows: Array) -> None:
        self.count += len(rows)
        self.sum += rows.sum(axis=0)
        self.outer += rows.T @ rows

    @property
    def mean(self) -> Array:
        return self.sum / max(self.count, 1)

    @property
    def covariance(self) -> Array:
        covariance: Array = self.outer / max(self.count, 1) - np.outer(self.mean, self.mean)
        return covariance


class Descriptor:
    """Accumulates moments of the cepstrum, of its changes and of the spectral values over audible frames."""

    def __init__(self) -> None:
        self._mfcc = _Moments(N_MFCC)
        self._mfcc_diff = _Moments(N_MFCC)
        self._spectral = _Moments(len(SPECTRAL_VALUES))
        self._spectral_change = np.zeros(len(SPECTRAL_VALUES))
        self._power = 0.0
        self._modulation = np.zeros(2)
        self._last: tuple[Floats, Floats] | None = None

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        audible = frames.audible
        if not audible.any():
            return
        mfcc, spectral = frames.mfcc[audible], frames.spectral[audible]
        before = self._last or (mfcc[:1], spectral[:1])
        self._last = (mfcc[-1:], spectral[-1:])
        self._mfcc.add(mfcc.astype(np.float64))
        self._mfcc_diff.add(np.diff(mfcc, axis=0, prepend=before[0]).astype(np.float64))
        self._spectral.add(spectral.astype(np.float64))
        self._spectral_change += np.abs(np.diff(spectral, axis=0, prepend=before[1])).sum(axis=0, dtype=np.float64)
        self._power += float(frames.mel[::2][audible].mean(axis=1).sum(dtype=np.float64))
        self._modulation += _modulation(frames.mel[::2].sum(axis=1))

    def result(self, measured: Measured, silence: Reason | None) -> Result:
        """Return ``values`` in the order of ``domain.descriptor.DIMENSIONS``; None where nothing was measured."""
        result = Result()
        reason = silence or (Reason.TOO_SHORT if self._mfcc.count < _LEAST_FRAMES else None)
        if reason:
            result.put("values", None, reason)
            return result
        slots = {**self._timbre(), **self._spectral_shape(), **_tonal(measured), **self._rest(measured)}
        result.put("values", [slots.get(name) for name in NAMES])
        return result

    def _timbre(self) -> dict[str, float]:
        mean = self._mfcc.mean.copy()
        # c0 is the mean band level: taken relative to the mean power, it no longer depends on the gain.
        mean[0] -= np.sqrt(N_MEL) * 10 * np.log10(self._power / self._mfcc.count)
        change = 0.5 * np.log(np.maximum(np.diag(self._mfcc_diff.covariance), 1e-6))
        slots = {f"mfcc_{n}_mean": float(mean[n]) for n in range(N_MFCC)}
        slots |= {f"mfcc_{n}_change": float(change[n]) for n in range(N_MFCC)}
        for kind, moments in (("mfcc", self._mfcc), ("mfcc_diff", self._mfcc_diff)):
            logarithm = _matrix_log(moments.covariance)
            slots |= {
                f"{kind}_logcov_{row}_{column}": float(logarithm[row, column])
                for row in range(N_MFCC)
                for column in range(row, N_MFCC)
            }
        return slots

    def _spectral_shape(self) -> dict[str, float]:
        deviation = np.sqrt(np.maximum(np.diag(self._spectral.covariance), 0))
        change = self._spectral_change / self._spectral.count
        slots = {}
        for n, value in enumerate(SPECTRAL_VALUES):
            slots[f"{value}_mean"] = float(self._spectral.mean[n])
            slots[f"{value}_std"] = float(deviation[n])
            slots[f"{value}_mean_abs_diff"] = float(change[n])
        return slots

    def _rest(self, measured: Measured) -> dict[str, float | None]:
        rhythm, loudness = measured["rhythm"], measured["loudness"]
        slots: dict[str, float | None] = {
            "onset_rate_hz": rhythm["onset_rate_hz"],
            "pulse_clarity": rhythm["pulse_clarity"],
            "modulation_4_hz": float(self._modulation[0] / self._modulation[1]) if self._modulation[1] > 0 else None,
            "percussive_ratio": measured["instrumentation"]["percussive_ratio"],
            "low_end_ratio": measured["instrumentation"]["low_end_ratio"],
            "loudness_range_lu": loudness["loudness_range_lu"],
            "crest_db": loudness["crest_factor_db"],
            "stereo_width": measured["quality"]["stereo_width"] or 0.0,
        }
        if rhythm["tempo_bpm"] is not None:
            angle = 2 * np.pi * np.log2(rhythm["tempo_bpm"])
            slots |= {"tempo_circle_cos": float(np.cos(angle)), "tempo_circle_sin": float(np.sin(angle))}
        if loudness["integrated_loudness_lufs"] is not None and loudness["loudness_curve_lufs"]:
            quiet = np.array(loudness["loudness_curve_lufs"]) < loudness["integrated_loudness_lufs"] - _QUIET_LU
            slots["silence_ratio"] = float(quiet.mean())
        return slots


def _modulation(envelope: Floats) -> Array:
    """Return the power of the level's modulation in the syllable band and in the whole band."""
    if len(envelope) < TIMBRE_RATE_HZ:
        return np.zeros(2)
    amplitude = np.sqrt(envelope.astype(np.float64))
    power = np.abs(np.fft.rfft(amplitude / amplitude.mean() - 1)) ** 2
    hz = np.fft.rfftfreq(len(envelope), 1 / TIMBRE_RATE_HZ)
    return np.array([power[(hz >= low) & (hz < high)].sum() for low, high in (_SYLLABLE_BAND_HZ, _MODULATION_BAND_HZ)])


def _matrix_log(covariance: Array) -> Array:
    values, vectors = np.linalg.eigh(covariance + _COVARIANCE_FLOOR * np.eye(len(covariance)))
    logarithm: Array = (vectors * np.log(np.maximum(values, _COVARIANCE_FLOOR))) @ vectors.T
    return logarithm


def _tonal(measured: Measured) -> dict[str, float | None]:
    tonal = measured["tonal"]
    if tonal["hpcp"] is None:
        return {}
    profile = np.array(tonal["hpcp"])
    profile /= profile.sum()
    names = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
    slots: dict[str, float | None] = {"key_strength": tonal["key_strength"], "chroma_change": tonal["hpcp_change"]}
    slots |= {f"chroma_dft_{n}": float(v) for n, v in enumerate(np.abs(np.fft.rfft(profile))[1:], start=1)}
    if tonal["key"] is not None:
        rotated = np.roll(profile, -names.index(tonal["key"]))
        slots |= {f"chroma_rotated_{step}": float(v) for step, v in enumerate(rotated)}
    return slots
