"""Chromaprints: what is in one, how much two differ, and which of many are worth comparing.

A Chromaprint is a row of 32-bit numbers, eight a second, each about the sound of two and a half seconds (Lalinsky
2011). Two are compared as Haitsma and Kalker do it (ISMIR 2002): at the offset at which they fit best, by the share of
bits that differ. Which to compare is found by a few of the numbers, so that nobody compares all pairs.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiofeat.errors import InvalidInput

ITEM_S = 1365 / 11_025
MARKS = 32
LEAST_COMMON_MARKS = 2
_BITS = 32
_HEADER_BYTES = 4
_LONGEST_STEP = 7
# Two numbers that agree in these bits count as the same when candidates are looked for: the lowest are the noisiest.
_KEY_SHIFT = 4
# 2^64 over the golden ratio, odd: it spreads numbers that lie beside each other.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_OFFSETS_TRIED = 3
_MOST_REPEATS = 8
_LEAST_OVERLAP_S = 4.0
_LEAST_OVERLAP_RATIO = 0.5

Print = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Fit:
    """How two fingerprints lie over each other where they fit best.

    Parameters
    ----------
    bit_error_ratio : float
        Share of the bits that differ, 0 to 1.
    offset_s : float
        How much later the same sound begins in the second.
    overlap_s : float
        How much of both was compared.
    """

    bit_error_ratio: float
    offset_s: float
    overlap_s: float


def decoded(text: str) -> Print:
    """Return the numbers in a Chromaprint as AcoustID takes it; raises InvalidInput where it is none.

    Differences between numbers are listed bit by bit: three bits for the distance of each set bit from the one before,
    five more where three are not enough, a zero at the end of each number.
    """
    try:
        body = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as error:
        raise InvalidInput("a Chromaprint is base64") from error
    if len(body) < _HEADER_BYTES:
        raise InvalidInput("a Chromaprint has a header of four bytes")
    length = int.from_bytes(body[1:4], "big")
    bits = np.unpackbits(np.frombuffer(body, dtype=np.uint8, offset=_HEADER_BYTES), bitorder="little")
    steps = bits[: len(bits) // 3 * 3].reshape(-1, 3) @ np.array([1, 2, 4], dtype=np.int64)
    ends = np.flatnonzero(steps == 0)
    if len(ends) < length:
        raise InvalidInput("the Chromaprint is cut")
    if length == 0:
        return np.zeros(0, dtype=np.uint32)
    steps = steps[: ends[length - 1] + 1]
    first = -(-3 * len(steps) // 8) * 8
    tail = bits[first : first + (len(bits) - first) // 5 * 5].reshape(-1, 5)
    more = tail @ np.array([1, 2, 4, 8, 16], dtype=np.int64)
    long = np.flatnonzero(steps == _LONGEST_STEP)
    if len(more) < len(long):
        raise InvalidInput("the Chromaprint is cut")
    steps[long] += more[: len(long)]
    number = np.concatenate([[0], np.cumsum(steps == 0)[:-1]])
    total = np.cumsum(steps)
    before = np.concatenate([[0], total[ends[: length - 1]]])
    position = (total - before[number] - 1)[steps > 0]
    if len(position) and position.max() >= _BITS:
        raise InvalidInput("the Chromaprint names a bit that no number has")
    # Sums below 2^32 are exact in double precision.
    changes = np.bincount(number[steps > 0], weights=np.exp2(position), minlength=length).astype(np.uint32)
    return np.asarray(np.bitwise_xor.accumulate(changes), dtype=np.uint32)


def fit(one: Print, other: Print) -> Fit | None:
    """Return how two fingerprints fit best, or None where too little of them overlaps at every likely offset.

    Likely are the offsets at which the most numbers agree, and those beside them.
    """
    offsets = _likely_offsets(one, other)
    fits = [found for offset in offsets if (found := _at(one, other, offset)) is not None]
    return min(fits, key=lambda found: found.bit_error_ratio, default=None)


def marks(one: Print) -> list[int]:
    """Return the numbers by which a fingerprint is found among others: those of the lowest hashes, at most ``MARKS``.

    Of what two fingerprints have in common both choose the same (Broder, "On the resemblance and containment of
    documents", 1997), so that copies share some of a few marks, wherever they were cut.
    """
    numbers = np.unique(one >> _KEY_SHIFT).astype(np.uint64)
    hashes = (numbers + np.uint64(1)) * _GOLDEN
    hashes ^= hashes >> np.uint64(29)
    hashes *= _GOLDEN
    return [int(number) for number in numbers[np.argsort(hashes, kind="stable")[:MARKS]]]


def _likely_offsets(one: Print, other: Print) -> Sequence[int]:
    """Return offsets of the second against the first, in numbers."""
    left, right = one >> _KEY_SHIFT, other >> _KEY_SHIFT
    order = np.argsort(right, kind="stable")
    first = np.searchsorted(right, left, side="left", sorter=order)
    behind = np.searchsorted(right, left, side="right", sorter=order)
    # What repeats all the time says nothing about where things are.
    once = (behind > first) & (behind - first <= _MOST_REPEATS)
    places = np.flatnonzero(once)
    offsets = [order[first[place] : behind[place]] - place for place in places.tolist()]
    if not offsets:
        return (0,)
    found, counts = np.unique(np.concatenate(offsets), return_counts=True)
    best = found[np.argsort(-counts, kind="stable")[:_OFFSETS_TRIED]]
    return sorted({int(offset) + beside for offset in best for beside in (-1, 0, 1)} | {0})


def _at(one: Print, other: Print, offset: int) -> Fit | None:
    left, right = (one, other[offset:]) if offset >= 0 else (one[-offset:], other)
    overlap = min(len(left), len(right))
    if overlap * ITEM_S < _LEAST_OVERLAP_S or overlap < _LEAST_OVERLAP_RATIO * min(len(one), len(other)):
        return None
    wrong = int(np.bitwise_count(left[:overlap] ^ right[:overlap]).sum())
    return Fit(wrong / (_BITS * overlap), offset * ITEM_S, overlap * ITEM_S)
