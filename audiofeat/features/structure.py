"""Structure: the sections of an item, which of them are alike, and the 30 seconds that stand for the whole.

Conventions: everything is read from curves of one value a second; a section lasts until the next begins, the last
until the end; equal labels mean that two sections sound alike. Confidence is that of the boundary at which a section
begins; the item's own start is certain. Nothing is invented: an item without change is one section.

References
----------
Boundaries: Foote, "Automatic audio segmentation using a measure of audio novelty", ICME 2000. Preview: Cooper & Foote,
"Automatic music summarization via similarity analysis", ISMIR 2002.
"""

from itertools import pairwise
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Frames, Measured, Result

PREVIEW_S = 30.0
_LEAST_S = 20
_MOST_WINDOWS = 600
_KERNEL = 12
_LEAST_SECTION = 6
_POOLED_KERNEL = 16
_CONTEXT = 2
_NOVELTY_LEAST = 0.055
_NOVELTY_CERTAIN = 0.25
_SAME_LABEL = 0.6
_QUIET_LU = 20.0
_LOUDNESS_WEIGHT = 0.15
_SNAP_S = 4.0

Array = NDArray[np.float64]


class Structure:
    """Needs no sound of its own: it reads the curves of timbre, harmony and loudness."""

    def push(self, frames: Frames) -> None:
        """Take in one block (nothing is kept)."""

    def result(self, measured: Measured, silence: Reason | None) -> Result:
        """Return sections with labels and confidence, and where the preview begins and how long it is (s)."""
        result = Result()
        curve_lufs = np.array(measured["loudness"]["loudness_curve_lufs"] or ())
        mfcc, hpcp = measured["timbre"]["mfcc_curve"], measured["tonal"].get("hpcp_curve")
        reason = silence or (None if mfcc and len(curve_lufs) else Reason.TOO_SHORT)
        if reason:
            for name in ("section_starts_s", "section_labels", "section_confidence"):
                result.put(name, None, reason)
            result.put("preview_start_s", None, reason)
            result.put("preview_duration_s", None, reason)
            return result
        rows = _rows(np.array(mfcc, dtype=np.float64), np.array(hpcp or (), dtype=np.float64), len(curve_lufs))
        window_s = -(-len(rows) // _MOST_WINDOWS)
        likeness = _likeness(_pooled(rows, window_s))
        if len(rows) < _LEAST_S:
            starts, confidence = np.zeros(1, dtype=np.int64), np.ones(1)
        else:
            starts, confidence = _boundaries(likeness, window_s)
        result.put("section_starts_s", [float(start * window_s) for start in starts])
        result.put("section_labels", _labels(likeness, starts))
        result.put("section_confidence", [float(c) for c in np.round(confidence, 3)])
        start_s, duration_s = _preview(likeness, window_s, curve_lufs, starts.astype(np.float64) * window_s)
        result.put("preview_start_s", start_s)
        result.put("preview_duration_s", duration_s)
        return result


def _rows(mfcc: Array, hpcp: Array, seconds: int) -> Array:
    """Return what each second sounds like: standardised cepstrum without its level, and the pitch classes."""
    seconds = min(seconds, len(mfcc), *([len(hpcp)] if len(hpcp) else []))
    timbre = mfcc[:seconds, 1:]
    spread = timbre.std(axis=0)
    parts = [np.divide(timbre - timbre.mean(axis=0), spread, out=np.zeros_like(timbre), where=spread > 1e-9)]
    if len(hpcp):
        chroma = hpcp[:seconds] - hpcp[:seconds].mean(axis=0)
        spread = np.sqrt(np.square(chroma).sum(axis=1).mean())
        parts.append(chroma / spread * np.sqrt(timbre.shape[1]) if spread > 1e-9 else chroma)
    return np.concatenate(parts, axis=1)


def _pooled(rows: Array, window_s: int) -> Array:
    starts = np.arange(0, len(rows), window_s)
    counts = np.diff(np.append(starts, len(rows)))
    pooled: Array = np.add.reduceat(rows, starts, axis=0) / counts[:, None]
    return pooled


def _likeness(rows: Array) -> Array:
    """Return the cosine of every two windows, each with its neighbours; 0 where a window is as the whole."""
    padded = np.pad(rows, ((_CONTEXT, _CONTEXT), (0, 0)), mode="edge")
    context = np.concatenate([padded[n : n + len(rows)] for n in range(2 * _CONTEXT + 1)], axis=1)
    norm = np.sqrt(np.square(context).sum(axis=1, keepdims=True))
    unit = np.divide(context, norm, out=np.zeros_like(context), where=norm > 1e-9)
    cosines: Array = unit @ unit.T
    return cosines


def _novelty(likeness: Array, half: int) -> Array:
    """Return how much both sides of each window differ from each other, 0 to 1 (Foote's checkerboard).

    Windows that share a neighbour are alike for that alone; such pairs have no weight.
    """
    size = len(likeness)
    taper = np.exp(-0.5 * np.square((np.arange(-half, half) + 0.5) / (0.5 * half)))
    distance = np.abs(np.subtract.outer(np.arange(2 * half), np.arange(2 * half)))
    weight = np.outer(taper, taper) * (distance > 2 * _CONTEXT)
    novelty = np.zeros(size)
    for at in range(2 * half // 3, size - 2 * half // 3 + 1):
        reach = min(half, at, size - at)
        near = weight[half - reach : half + reach, half - reach : half + reach]
        alike = near * likeness[at - reach : at + reach, at - reach : at + reach]
        across = alike[:reach, reach:].sum() / max(near[:reach, reach:].sum(), 1e-9)
        within = alike[:reach, :reach].sum() + alike[reach:, reach:].sum()
        within /= max(near[:reach, :reach].sum() + near[reach:, reach:].sum(), 1e-9)
        novelty[at] = (within - across) / 2
    return np.maximum(novelty, 0)


def _boundaries(likeness: Array, window_s: int) -> tuple[NDArray[np.int64], Array]:
    """Return the windows at which sections begin, and how sure that is (0-1)."""
    half = _KERNEL if window_s == 1 else _POOLED_KERNEL
    novelty = _novelty(likeness, half)
    order = [at for at in np.argsort(-novelty, kind="stable") if novelty[at] >= _NOVELTY_LEAST]
    chosen: list[int] = []
    size = len(likeness)
    for at in order:
        is_peak = novelty[at] >= novelty[max(0, at - _LEAST_SECTION) : at + _LEAST_SECTION + 1].max()
        if (
            is_peak
            and _LEAST_SECTION <= at <= size - _LEAST_SECTION
            and all(abs(at - other) >= _LEAST_SECTION for other in chosen)
        ):
            chosen.append(int(at))
    chosen.sort()
    confidence = np.minimum(novelty[chosen] / _NOVELTY_CERTAIN, 1.0)
    return np.array([0, *chosen]), np.concatenate(([1.0], confidence))


def _labels(likeness: Array, starts: NDArray[np.int64]) -> list[str]:
    """Name each section after the first one that it resembles."""
    edges = [*starts, len(likeness)]
    spans = [slice(low, high) for low, high in pairwise(edges)]
    owners: list[int] = []
    for span in spans:
        alike = [
            float(np.mean(likeness[span, spans[owner]].max(axis=1)))
            / max(1e-9, float(np.sqrt(_cohesion(likeness, span) * _cohesion(likeness, spans[owner]))))
            if owners[owner] == owner
            else -1.0
            for owner in range(len(owners))
        ]
        best = int(np.argmax(alike)) if alike else -1
        owners.append(best if alike and alike[best] >= _SAME_LABEL else len(owners))
    names: dict[int, str] = {}
    for owner in owners:
        names.setdefault(owner, _name(len(names)))
    return [names[owner] for owner in owners]


def _cohesion(likeness: Array, span: slice) -> float:
    return max(1e-3, float(np.mean(np.sort(likeness[span, span], axis=1)[:, -min(3, span.stop - span.start) :])))


def _name(number: int) -> str:
    """Return A to Z, then AA, AB and so on."""
    letters = len(ascii_uppercase)
    return ascii_uppercase[number] if number < letters else _name(number // letters - 1) + ascii_uppercase[number % 26]


def _preview(likeness: Array, window_s: int, curve_lufs: Array, starts_s: Array) -> tuple[float, float]:
    """Return start and length of the stretch that is most like the rest, and not quiet (s)."""
    seconds = len(curve_lufs)
    length = int(min(PREVIEW_S, seconds))
    typical = np.repeat(likeness.mean(axis=1), window_s)[:seconds]
    typical = np.pad(typical, (0, seconds - len(typical)), mode="edge")
    level = np.clip((curve_lufs - curve_lufs.max()) / _QUIET_LU, -1, 0)
    worth = np.concatenate(([0.0], np.cumsum(typical + _LOUDNESS_WEIGHT * level)))
    means = (worth[length:] - worth[:-length]) / length
    best_s = float(np.argmax(means))
    near = starts_s[(np.abs(starts_s - best_s) <= _SNAP_S) & (starts_s <= seconds - length)]
    if len(near):
        best_s = float(near[np.argmin(np.abs(near - best_s))])
    return best_s, float(length)
