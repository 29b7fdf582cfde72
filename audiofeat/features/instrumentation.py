"""Instrumentation: shares of energy (transient against sustained, low end, noise-like), and families of instruments.

A transient is not yet a drum: which families play, and whether somebody sings or speaks, is judged by a head fitted on
rendered music, five seconds around each second: networks over pooled values (``instrument_windows``,
``instrument_head``) and one over the spectrogram (``instrument_spectrogram``) count alike.

References
----------
Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010; the margin after Driedger, Mueller,
Disch, "Extending harmonic-percussive separation of audio signals", ISMIR 2014.
"""

import numpy as np
from numpy.typing import NDArray

from audiofeat import _native
from audiofeat.domain.families import FAMILIES
from audiofeat.domain.family_heads import SHARES, FamilyHead
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import BIN_HZ, N_MEL, TIMBRE_STEP, Floats, Frames, Measured, Result
from audiofeat.features.instrument_claims import judged, word
from audiofeat.features.instrument_head import both, head
from audiofeat.features.instrument_spectrogram import Sights, decibel, network, seen
from audiofeat.features.instrument_windows import AROUND_S, SUMS, Seconds, pooled, windows

_MARGIN = 2.0
_ALONG_TIME = 17
_ALONG_BANDS = 9
_LOW_END_HZ = 150.0
_NOISE_FLATNESS_DB = -12.0
_SECONDS_AT_ONCE = 16  # many small products cost more than a few larger ones
_LEAST_AUDIBLE = 0.05
_THOUSANDTHS = tuple(step / 1_000 for step in range(1_001))
_NOTHING = np.float32(-10.0)
_MOST_ODDS = 20.0


class Instrumentation:
    """Splits mel-band power by median filtering, and judges families second by second.

    Parameters
    ----------
    own : FamilyHead, optional
        Moves what the shipped head says.
    """

    def __init__(self, own: FamilyHead | None = None) -> None:
        self._families = _Families(own)
        self._percussive = self._harmonic = self._total = 0.0
        self._low = self._all = 0.0
        self._noisy = self._audible = 0
        self._tail: Floats | None = None

    def push(self, frames: Frames) -> None:
        """Take in one block; half a filter's width is carried over to the next."""
        self._families.push(frames)
        power = np.ones(len(frames.power), dtype=np.float32) @ frames.power
        self._low += float(power[BIN_HZ < _LOW_END_HZ].sum(dtype=np.float64))
        self._all += float(power.sum(dtype=np.float64))
        flatness_db = frames.spectral[frames.audible, 4] if len(frames.spectral) else np.zeros(0)
        self._noisy += int(np.count_nonzero(flatness_db > _NOISE_FLATNESS_DB))
        self._audible += len(flatness_db)
        mel = frames.mel[::TIMBRE_STEP]
        if self._tail is not None:
            mel = np.concatenate((self._tail, mel))
        self._tail = mel[-(_ALONG_TIME - 1) :]
        if len(mel) < _ALONG_TIME:
            return
        amplitude = np.sqrt(mel)
        sustained, transient = np.empty_like(amplitude), np.empty_like(amplitude)
        shape = np.array((N_MEL, _ALONG_TIME, _ALONG_BANDS), dtype=np.int32)
        _native.running_medians(amplitude, shape, sustained, transient)
        half = _ALONG_TIME // 2
        inner = slice(half, len(mel) - half)
        power, sustained, transient = mel[inner], sustained[inner], transient[inner]
        self._percussive += float(np.vdot(power, transient > _MARGIN * sustained))
        self._harmonic += float(np.vdot(power, sustained > _MARGIN * transient))
        self._total += float(power.sum(dtype=np.float64))

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return shares in 0-1, and the probability of each family.

        What is neither clearly transient nor sustained counts in neither share.
        """
        result = Result()
        reason = silence or (None if self._total > 0 else Reason.SILENCE)
        shares = {
            "percussive_ratio": (self._percussive, self._total),
            "harmonic_ratio": (self._harmonic, self._total),
            "low_end_ratio": (self._low, self._all),
            "noise_ratio": (self._noisy, self._audible),
        }
        for name, (part, whole) in shares.items():
            result.put(name, None if reason or not whole else float(part / whole), reason or Reason.SILENCE)
        self._families.put(result, reason)
        return result


class _Families:
    """Judges each second as soon as those around it are known, and keeps nothing but thirty numbers of it."""

    def __init__(self, own: FamilyHead | None) -> None:
        self._own = own
        self._seconds = Seconds()
        self._waiting = np.zeros((0, SUMS))
        self._before = 0  # of those that wait, how many were judged and are there for the next ones
        self._logits: list[Floats] = []
        self._sights = Sights(network())
        self._audible: list[NDArray[np.bool_]] = []

    def push(self, frames: Frames) -> None:
        self._seconds.push(frames)
        self._sights.push(decibel(frames.mel[::TIMBRE_STEP]))
        self._waiting = np.concatenate((self._waiting, self._seconds.take()))
        if len(self._waiting) - self._before - AROUND_S >= _SECONDS_AT_ONCE:
            self._judge(len(self._waiting) - AROUND_S)

    def _judge(self, until: int) -> None:
        rows = windows(self._waiting)[self._before : until]
        self._logits.append(head().logits(pooled(rows)))
        self._audible.append(rows[:, 0] >= _LEAST_AUDIBLE)
        drop = max(0, until - AROUND_S)
        self._waiting, self._before = self._waiting[drop:], until - drop

    def put(self, result: Result, reason: Reason | None) -> None:
        self._waiting = np.concatenate((self._waiting, self._seconds.take(last=True)))
        if len(self._waiting) > self._before:
            self._judge(len(self._waiting))
        if reason is None and not self._logits:
            reason = Reason.TOO_SHORT
        curve = probability = log_odds = None
        if reason is None:
            logits = np.concatenate(self._logits)
            logits = both(logits, seen(self._sights.take(len(logits))))
            logits[~np.concatenate(self._audible)] = _NOTHING
            log_odds = [round(float(value), 3) for value in np.clip(head().of_item(logits), -_MOST_ODDS, _MOST_ODDS)]
            shares = [result.values[name] for name in SHARES]
            curve, probability = judged(log_odds, head().of_windows(logits), shares, self._own)
        result.put("family_log_odds", log_odds, reason)
        for at, family in enumerate(FAMILIES):
            value = None if probability is None else round(float(probability[at]), 4)
            result.put(f"{family}_probability", value, reason)
            result.put(family, None if value is None else word(value), reason or Reason.LOW_CONFIDENCE)
        result.put("family_probability_curve", None if curve is None else _rounded(curve), reason)
        voice = result.values["voice_probability"]
        instrumental = None if result.values["voice"] is None else round(1 - voice, 4)
        result.put("instrumentalness", instrumental, reason or Reason.LOW_CONFIDENCE)


def _rounded(curve: Floats) -> list[list[float]]:
    """Return thousandths; each number exists once, or twelve hours would take 10 MB for 432,000 of them."""
    return [[_THOUSANDTHS[step] for step in row] for row in np.rint(curve * 1_000).astype(np.int64)]
