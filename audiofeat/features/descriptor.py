"""The descriptor: the ingredients from which a space makes an item's embedding (see ``domain.descriptor``)."""

from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor import N_MFCC, NAMES, SPECTRAL_STATISTICS, SPECTRAL_VALUES
from audiofeat.domain.descriptor_speech import TAKEN, VOICES
from audiofeat.domain.mood_targets import DIMENSIONS
from audiofeat.domain.quality import Reason
from audiofeat.features import mood_formula
from audiofeat.features.frames import N_MEL, TIMBRE_RATE_HZ, Floats, Frames, Measured, Result
from audiofeat.features.mood_head import shipped

PARTS = 6
_LEAST_FRAMES = 43
_MOST_STRETCHES = 192
_COVARIANCE_FLOOR = 0.1
_SYLLABLE_BAND_HZ = (2.0, 8.0)
_MODULATION_BAND_HZ = (0.5, 20.0)
_QUIET_LU = 20.0

_TRIANGLE = np.triu_indices(N_MFCC)
# What a stretch of time has of its own comes first among the dimensions.
_SUMMED = NAMES[: 2 * N_MFCC + 2 * len(_TRIANGLE[0]) + len(SPECTRAL_VALUES) * len(SPECTRAL_STATISTICS)]

Array = NDArray[np.float64]


class _Sums:
    """Sums over the audible frames of a stretch of time; two stretches add up."""

    def __init__(self) -> None:
        self.frames = 0
        self.mfcc = np.zeros(N_MFCC)
        self.mfcc_outer = np.zeros((N_MFCC, N_MFCC))
        self.diff = np.zeros(N_MFCC)
        self.diff_outer = np.zeros((N_MFCC, N_MFCC))
        self.spectral = np.zeros((3, len(SPECTRAL_VALUES)))
        self.power = 0.0

    def add(self, mfcc: Array, diff: Array, spectral: Array, change: Array, power: float) -> None:
        """Take in some frames, one a row."""
        self.frames += len(mfcc)
        self.mfcc += mfcc.sum(axis=0)
        self.mfcc_outer += mfcc.T @ mfcc
        self.diff += diff.sum(axis=0)
        self.diff_outer += diff.T @ diff
        self.spectral += (spectral.sum(axis=0), np.square(spectral).sum(axis=0), change.sum(axis=0))
        self.power += power

    def __iadd__(self, other: Self) -> Self:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        return self

    def slots(self) -> dict[str, float]:
        """Return the dimensions of timbre and of spectral shape."""
        mean = self.mfcc / self.frames
        covariance = self.mfcc_outer / self.frames - np.outer(mean, mean)
        step = self.diff / self.frames
        steps = self.diff_outer / self.frames - np.outer(step, step)
        # c0 is the mean band level: taken relative to the mean power, it no longer depends on the gain.
        mean[0] -= np.sqrt(N_MEL) * 10 * np.log10(self.power / self.frames)
        change = 0.5 * np.log(np.maximum(np.diag(steps), 1e-6))
        logarithms = [_matrix_log(matrix)[_TRIANGLE] for matrix in (covariance, steps)]
        means, squares, moved = self.spectral / self.frames
        deviation = np.sqrt(np.maximum(squares - np.square(means), 0))
        spectral = np.column_stack((means, deviation, moved)).ravel()
        return dict(zip(_SUMMED, np.concatenate((mean, change, *logarithms, spectral)).tolist(), strict=True))


class Descriptor:
    """Sums the cepstrum, its changes and the spectral values second by second.

    At most 192 stretches are kept: when they are used up, each two neighbours become one, twice as long.
    """

    def __init__(self) -> None:
        self._stretches: list[_Sums] = []
        self._stretch_s = 1
        self._frames = 0
        self._modulation = np.zeros(2)
        self._last: tuple[Floats, Floats] | None = None

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        audible = np.flatnonzero(frames.audible)
        at_s = (self._frames + audible) / TIMBRE_RATE_HZ
        self._frames += len(frames.audible)
        if not len(audible):
            return
        mfcc, spectral = frames.mfcc[audible], frames.spectral[audible]
        before = self._last or (mfcc[:1], spectral[:1])
        self._last = (mfcc[-1:], spectral[-1:])
        diff = np.diff(mfcc, axis=0, prepend=before[0]).astype(np.float64)
        change = np.abs(np.diff(spectral, axis=0, prepend=before[1])).astype(np.float64)
        power = frames.mel[::2][audible].mean(axis=1)
        for second in range(int(at_s[0]), int(at_s[-1]) + 1):
            low, high = np.searchsorted(at_s, (second, second + 1))
            rows = slice(low, high)
            self._stretch(second).add(
                mfcc[rows].astype(np.float64), diff[rows], spectral[rows].astype(np.float64), change[rows],
                float(power[rows].sum(dtype=np.float64)),
            )  # fmt: skip
        self._modulation += _modulation(frames.mel[::2].sum(axis=1))

    def _stretch(self, second: int) -> _Sums:
        """Return the sums to which a second belongs, joining neighbours where there would be too many."""
        while second // self._stretch_s >= _MOST_STRETCHES:
            if len(self._stretches) % 2:
                self._stretches.append(_Sums())
            for left, right in zip(self._stretches[::2], self._stretches[1::2], strict=True):
                left += right  # noqa: PLW2901  the sums themselves grow
            self._stretches = self._stretches[::2]
            self._stretch_s *= 2
        while len(self._stretches) <= second // self._stretch_s:
            self._stretches.append(_Sums())
        return self._stretches[second // self._stretch_s]

    def result(self, measured: Measured, silence: Reason | None) -> Result:
        """Return ``values`` in the order of ``domain.descriptor.DIMENSIONS``, and ``parts``: those for each sixth.

        None stands where nothing was measured; a part has only what comes from its own sound.
        """
        result = Result()
        whole = _total(self._stretches)
        reason = silence or (Reason.TOO_SHORT if whole.frames < _LEAST_FRAMES else None)
        if reason:
            result.put("values", None, reason)
            result.put("parts", None, reason)
            return result
        slots = {**whole.slots(), **_tonal(measured), **self._rest(measured)}
        result.put("values", [slots.get(name) for name in NAMES])
        self._stretch(int((self._frames - 1) / TIMBRE_RATE_HZ))
        edges = np.linspace(0, len(self._stretches), PARTS + 1).round().astype(int)
        parts = [_total(self._stretches[low:high]) for low, high in pairwise(edges)]
        rows = [part.slots() if part.frames >= _LEAST_FRAMES else {} for part in parts]
        long_enough = len(self._stretches) >= PARTS
        result.put("parts", [[r.get(n) for n in NAMES] for r in rows] if long_enough else None, Reason.TOO_SHORT)
        return result

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
            "stereo_width": measured["stereo"]["stereo_width"] or 0.0,
            "danceability": rhythm["danceability"],
        }
        if mood_formula.reason_against(measured, None) is None:
            # By the shipped head always: one of a catalogue's own leaves every descriptor where it is.
            moods = {name: shipped().outputs[name].estimate(measured) for name in DIMENSIONS}
            slots |= {name: None if mood is None else mood.value for name, mood in moods.items()}
        if rhythm["tempo_bpm"] is not None:
            angle = 2 * np.pi * np.log2(rhythm["tempo_bpm"])
            slots |= {"tempo_circle_cos": float(np.cos(angle)), "tempo_circle_sin": float(np.sin(angle))}
        if loudness["integrated_loudness_lufs"] is not None and loudness["loudness_curve_lufs"]:
            quiet = np.array(loudness["loudness_curve_lufs"]) < loudness["integrated_loudness_lufs"] - _QUIET_LU
            slots["silence_ratio"] = float(quiet.mean())
        return slots | _spoken(measured) | _built(measured, self._frames / TIMBRE_RATE_HZ)


def _spoken(measured: Measured) -> dict[str, float | None]:
    """Return how is spoken, how it is produced, and what it is made of."""
    slots: dict[str, float | None] = {}
    for taken in TAKEN:
        group, field = taken.path.split(".")
        value = measured[group][field]
        slots[taken.name] = VOICES[value] if isinstance(value, str) else value
    colour = measured["delivery"]["voice_mfcc"] or ()
    return slots | {f"delivery_voice_mfcc_{n}": float(value) for n, value in enumerate(colour, start=1)}


def _built(measured: Measured, duration_s: float) -> dict[str, float | None]:
    """Return how often something else begins, and how often what was there comes back."""
    labels, segments = measured["structure"]["section_labels"], measured["speech"]["segment_labels"]
    minutes = max(duration_s, 1.0) / 60
    return {
        "structure_sections_per_min": len(labels) / minutes if labels else None,
        "structure_label_ratio": len(set(labels)) / len(labels) if labels else None,
        "structure_segments_per_min": (len(segments) - 1) / minutes if segments else None,
    }


def _total(stretches: list[_Sums]) -> _Sums:
    total = _Sums()
    for stretch in stretches:
        total += stretch
    return total


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
