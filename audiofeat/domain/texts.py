"""What third parties say of an item, as a direction: hashed words, weighed by how rare they are.

Words are hashed into buckets, so that no vocabulary is kept and no model is loaded; the directions are fitted on the
catalogue. Which words count: see ``domain.told``.

References
----------
TF-IDF: Salton & Buckley, "Term-weighting approaches in automatic text retrieval", 1988. Signed hashing: Weinberger et
al., "Feature hashing for large scale multitask learning", ICML 2009. Latent semantic analysis: Deerwester et al., 1990,
by the randomised range finder of Halko, Martinsson, Tropp, SIAM Review 2011.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from audiofeat.domain.items import Kind
from audiofeat.domain.scaling import Array, Matrix, packed, unpacked

# The feature group in which what is told stands, by kind.
TOLD: Mapping[Kind, str] = {Kind.TRACK: "metadata", Kind.EPISODE: "text"}
FIT_FROM_TEXTS = 20
FIT_MOST_TEXTS = 20_000
DIMS = 48
_BUCKETS = 1 << 14
_LEAST_ITEMS = 2
_MOST_ITEMS_RATIO = 0.5
_OVERSAMPLED, _POWER_STEPS, _SEED = 10, 3, 20_264
_LEAST_SPREAD_RATIO = 1e-6

Words = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class TextModel:
    """A way from words to directions.

    Parameters
    ----------
    buckets : NDArray[np.float64]
        The buckets that count, ascending.
    rarity : NDArray[np.float64]
        Of each bucket, the weight of a word in it.
    components : NDArray[np.float32]
        Orthonormal columns, shape (buckets, dimensions).
    """

    buckets: Array
    rarity: Array
    components: Matrix

    @property
    def dims(self) -> int:
        """How many dimensions a direction has."""
        return int(self.components.shape[1])

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        parts = {"buckets": self.buckets.tolist(), "rarity": self.rarity.tolist()}
        return {**parts, "components": packed(self.components)}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Self:
        """Return the model behind :meth:`to_dict`."""
        return cls(np.array(body["buckets"]), np.array(body["rarity"]), unpacked(body["components"]))

    def place(self, texts: Sequence[Words]) -> Array:
        """Return a row of length 1 for each text; zeros where it says nothing that is known."""
        rows = np.zeros((len(texts), self.dims))
        for number, words in enumerate(texts):
            found, values = _hashed(words)
            inside = np.searchsorted(self.buckets, found)
            known = (inside < len(self.buckets)) & (self.buckets[np.minimum(inside, len(self.buckets) - 1)] == found)
            row = (values[known] * self.rarity[inside[known]]) @ self.components[inside[known]]
            length = float(np.sqrt(row @ row))
            if length > 0:
                rows[number] = row / length
        return rows


def fit_texts(texts: Sequence[Words]) -> TextModel | None:
    """Return the directions in which some texts differ most, None where fewer than 20 say anything.

    Of more than 20,000 an even selection is used. The same texts give the same model.
    """
    telling = [words for words in texts if words]
    if len(telling) < FIT_FROM_TEXTS:
        return None
    chosen = np.linspace(0, len(telling) - 1, min(len(telling), FIT_MOST_TEXTS)).round().astype(int)
    hashed = [_hashed(telling[number]) for number in chosen]
    counts = np.bincount(np.concatenate([found for found, _ in hashed]), minlength=_BUCKETS)
    # What nearly all say, or one alone, tells nothing about likeness.
    buckets = np.flatnonzero((counts >= _LEAST_ITEMS) & (counts <= _MOST_ITEMS_RATIO * len(hashed)))
    if not len(buckets):
        return None
    rarity = np.log((1 + len(hashed)) / (1 + counts[buckets])) + 1
    place = np.full(_BUCKETS, -1)
    place[buckets] = np.arange(len(buckets))
    return TextModel(buckets.astype(np.float64), rarity.round(6), _components(hashed, place, rarity))


def _components(hashed: Sequence[tuple[Any, Array]], place: Any, rarity: Array) -> Matrix:  # noqa: ANN401  index arrays
    from scipy import sparse  # noqa: PLC0415  only who fits needs it

    lengths, columns, values = [0], [], []
    for found, own in hashed:
        inside = place[found] >= 0
        column = place[found[inside]]
        row = own[inside] * rarity[column]
        columns.append(column)
        values.append(row / max(float(np.sqrt(row @ row)), 1e-12))
        lengths.append(lengths[-1] + len(column))
    table = sparse.csr_matrix(
        (np.concatenate(values), np.concatenate(columns), lengths), shape=(len(hashed), len(rarity))
    )
    dims = min(DIMS, *table.shape)
    probe = np.random.default_rng(_SEED).standard_normal((table.shape[1], min(dims + _OVERSAMPLED, *table.shape)))
    for _ in range(_POWER_STEPS):
        probe, _ = np.linalg.qr(table.T @ (table @ probe))
    _, spread, axes = np.linalg.svd(table @ probe, full_matrices=False)
    # Where texts do not differ, words that stand together would lie apart.
    telling = axes[:dims][spread[:dims] > _LEAST_SPREAD_RATIO * spread[0]]
    directions: Matrix = (probe @ telling.T).astype(np.float32)
    return directions


def _hashed(words: Words) -> tuple[Any, Array]:
    """Return the buckets of some words, ascending, and what is in each: a word's own sign keeps collisions apart."""
    sums: dict[int, float] = {}
    for word, weight in words.items():
        number = zlib.crc32(word.encode())
        sign = 1.0 if number >> 31 else -1.0
        bucket = number % _BUCKETS
        sums[bucket] = sums.get(bucket, 0.0) + sign * (1 + float(np.log(weight)))
    found = np.array(sorted(sums), dtype=np.int64)
    return found, np.array([sums[bucket] for bucket in found.tolist()])
