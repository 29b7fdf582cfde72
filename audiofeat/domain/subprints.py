"""Sub-fingerprints: how they are kept, and what two items have in common anywhere in them.

A sub-fingerprint is a number of 32 bits about two thirds of a second, one each 93 ms (see ``features.subprints``). Two
stretches are compared by the share of bits that differ: 0.5 is chance, re-encoding and other offsets differ by 0.05 to
0.2, speech over the same music at equal level by 0.3 and more. All windows of three seconds of one item are compared
with all of the other, by matrix products of what is coarse in them; what comes near is then compared bit by bit.

References
----------
Haitsma & Kalker, "A highly robust audio fingerprinting system", ISMIR 2002.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiofeat.errors import InvalidInput

BITS = 32
WORD_S = 8 * 256 / 22_050
LEAST_COMMON_S = 2.0
# In twenty minutes beside thirty of other speech, or of other music, nothing differed in fewer than .36.
MOST_BIT_ERROR_RATIO = 0.3
_MINUTE = round(60 / WORD_S)
_WINDOW = 32
_STEP = 8
_POOLED = 4
_CANDIDATE_COSINE = 0.42
_ROWS_AT_ONCE = 256
_SLACK = 3
_SMOOTHED = 13
_EDGE_BIT_ERROR_RATIO = 0.4
_LEAST_DISTINCT = 10

Words = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Common:
    """A stretch that two items have in common.

    Parameters
    ----------
    start, other_start : int
        Where it begins in each, in sub-fingerprints of ``WORD_S``.
    length : int
        How long it is, in the same.
    bit_error_ratio : float
        Share of the bits that differ.
    """

    start: int
    other_start: int
    length: int
    bit_error_ratio: float

    @property
    def end(self) -> int:
        """Where it ends in the first."""
        return self.start + self.length


def packed(words: Words) -> bytes:
    """Return sub-fingerprints as little-endian bytes."""
    return np.ascontiguousarray(words, dtype="<u4").tobytes()


def unpacked(body: bytes) -> Words:
    """Return the sub-fingerprints behind :func:`packed`."""
    return np.frombuffer(body, dtype="<u4").astype(np.uint32)


def encoded(words: Words) -> list[str]:
    """Return sub-fingerprints as text, a minute each."""
    return [base64.b64encode(packed(words[at : at + _MINUTE])).decode() for at in range(0, len(words), _MINUTE)]


def decoded(minutes: Sequence[str]) -> Words:
    """Return the sub-fingerprints behind :func:`encoded`; raises InvalidInput where the text is none."""
    try:
        return unpacked(b"".join(base64.b64decode(minute, validate=True) for minute in minutes))
    except (ValueError, binascii.Error) as error:
        raise InvalidInput(f"these are no sub-fingerprints: {error}") from error


def common(one: Words, other: Words) -> list[Common]:
    """Return the stretches of ``LEAST_COMMON_S`` or more that two items have in common, in the order of the first.

    Stretches of one pair of places are told once; those that lie over each other in the first, as of a jingle that
    the second has twice, are all told.
    """
    if min(len(one), len(other)) < _WINDOW:
        return []
    found: list[Common] = []
    for start, other_start in _alike(one, other):
        shift = other_start - start
        if any(s.start <= start < s.end and abs(s.other_start - s.start - shift) <= 2 * _SLACK for s in found):
            continue
        stretch = _stretch(one, other, start, shift)
        if stretch is not None and stretch not in found:
            found.append(stretch)
    return sorted(found, key=lambda stretch: (stretch.start, stretch.other_start))


def _alike(one: Words, other: Words) -> Iterator[tuple[int, int]]:
    """Yield pairs of places at which windows of both are alike when looked at coarsely, the most alike first."""
    starts, rows = _windows(one, _STEP)
    other_starts, other_rows = _windows(other, _POOLED // 2)
    pairs: list[tuple[float, int, int]] = []
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        cosines = rows[at : at + _ROWS_AT_ONCE] @ other_rows.T
        places = np.argwhere(cosines >= _CANDIDATE_COSINE)
        pairs += [(-float(cosines[a, b]), int(starts[at + a]), int(other_starts[b])) for a, b in places]
    for _, start, other_start in sorted(pairs):
        yield start, other_start


def _windows(words: Words, step: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return where windows begin that say anything, and each as a unit vector of pooled bits."""
    bits = np.unpackbits(words.astype("<u4")[:, None].view(np.uint8), axis=1, bitorder="little")
    total = np.concatenate((np.zeros((1, BITS), np.float32), np.cumsum(2.0 * bits - 1.0, axis=0)))
    starts = np.arange(0, len(words) - _WINDOW + 1, step)
    edges = starts[:, None] + np.arange(0, _WINDOW + 1, _POOLED)
    pooled = np.diff(total[edges], axis=1)
    # Neighbouring pairs of bands share a band: two of them together are less noisy, and half as many.
    rows = (pooled[:, :, ::2] - pooled[:, :, 1::2]).reshape(len(starts), -1).astype(np.float32)
    changes = np.concatenate(([0], np.cumsum((words[1:] != words[:-1]) & (words[1:] != 0))))
    telling = changes[starts + _WINDOW - 1] - changes[starts] >= _LEAST_DISTINCT
    norms = np.sqrt((rows * rows).sum(axis=1))
    telling &= norms > 0
    return starts[telling], rows[telling] / norms[telling, None]


def _stretch(one: Words, other: Words, start: int, shift: int) -> Common | None:
    """Return what is in common around two places that look alike, at the shift at which the fewest bits differ."""
    window = one[start : start + _WINDOW]
    shifts = [
        s for s in range(shift - _SLACK, shift + _SLACK + 1) if start + s >= 0 and start + s + _WINDOW <= len(other)
    ]
    wrong = [int(np.bitwise_count(window ^ other[start + s : start + s + _WINDOW]).sum()) for s in shifts]
    if not shifts or min(wrong) > MOST_BIT_ERROR_RATIO * BITS * _WINDOW:
        return None
    shift = shifts[int(np.argmin(wrong))]
    low, high = max(0, -shift), min(len(one), len(other) - shift)
    ratio = np.bitwise_count(one[low:high] ^ other[low + shift : high + shift]) / BITS
    # Where both are silent nothing is in common.
    ratio[(one[low:high] == 0) | (other[low + shift : high + shift] == 0)] = 0.5
    smooth = np.convolve(np.pad(ratio, _SMOOTHED // 2, mode="edge"), np.ones(_SMOOTHED) / _SMOOTHED, mode="valid")
    alike = smooth <= _EDGE_BIT_ERROR_RATIO
    middle = start + _WINDOW // 2 - low
    if not alike[middle]:
        return None
    before, behind = np.flatnonzero(~alike[:middle]), np.flatnonzero(~alike[middle:])
    first = int(before[-1]) + 1 if len(before) else 0
    last = middle + int(behind[0]) if len(behind) else len(alike)
    # The mean looks beyond the ends; the ends are where what agrees more than it differs begins and ends.
    worth = np.concatenate(([0.0], np.cumsum(_EDGE_BIT_ERROR_RATIO - ratio[first:last])))
    cut = middle - first
    first, last = first + int(np.argmin(worth[: cut + 1])), first + cut + int(np.argmax(worth[cut:]))
    mean = float(ratio[first:last].mean())
    if (last - first) * WORD_S < LEAST_COMMON_S or mean > MOST_BIT_ERROR_RATIO:
        return None
    return Common(low + first, low + first + shift, last - first, mean)
