"""Fingerprints that are made up: of sound, of noisy copies, and as Chromaprint writes them."""

import base64

import numpy as np


def sound(seed: int, length: int = 240) -> np.ndarray:
    """Return numbers of which each differs from the one before in some bits, as those of sound do."""
    rng = np.random.default_rng(seed)
    flips = (rng.random((length, 32)) < 0.15) @ (1 << np.arange(32, dtype=np.uint64))
    return np.bitwise_xor.accumulate(flips.astype(np.uint32))


def noisy(print_: np.ndarray, ratio: float, seed: int = 1) -> np.ndarray:
    """Flip a share of all bits, most of them in a third of the numbers."""
    rng = np.random.default_rng(seed)
    hit = rng.random(len(print_)) < 1 / 3
    flips = (rng.random((len(print_), 32)) < 3 * ratio) @ (1 << np.arange(32, dtype=np.uint64))
    return np.where(hit, print_ ^ flips.astype(np.uint32), print_)


def encoded(print_: np.ndarray) -> str:
    """Write numbers as Chromaprint does, one bit after the other."""
    small: list[int] = []
    large: list[int] = []
    for change in print_ ^ np.concatenate([[0], print_[:-1]]).astype(np.uint32):
        last = 0
        for bit in range(32):
            if int(change) >> bit & 1:
                step = bit + 1 - last
                last = bit + 1
                small.append(min(step, 7))
                if step >= 7:
                    large.append(step - 7)
        small.append(0)

    def packed(values: list[int], width: int) -> bytes:
        bits = [value >> place & 1 for value in values for place in range(width)]
        return np.packbits(np.array(bits, dtype=np.uint8), bitorder="little").tobytes()

    body = bytes([1]) + len(print_).to_bytes(3, "big") + packed(small, 3) + packed(large, 5)
    return base64.urlsafe_b64encode(body).decode().rstrip("=")
