"""Vectors of plug-in models: read from the ledger once, kept on the host, whole whatever happened in between."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiofeat.errors import HostFault
from audiofeat.services.model_vectors import ModelVectors

SAID = {f"{n:064x}": {"embeddings": [float(n), 1.0, 2.0]} for n in range(1, 1_203)}
NAMES = list(SAID)


class Ledger:
    """What the model says, and who asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, audios: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        self.asked.append(len(audios))
        return {name: SAID[name] for name in audios if name in SAID}


def test_each_is_read_once(tmp_path: Path) -> None:
    """In pages; another process finds them on disk and asks for what is new alone, copies of one audio once."""
    ledger = Ledger()
    _, rows = ModelVectors(tmp_path / "v", "embeddings", 3).of(NAMES[:1_200], ledger)
    assert rows.tolist() == list(range(1_200))
    vectors, rows = ModelVectors(tmp_path / "v", "embeddings", 3).of([NAMES[1_201], NAMES[0], NAMES[1_201]], ledger)
    assert ledger.asked == [500, 500, 200, 1]
    assert vectors.shape == (1_201, 3)
    for row, name in zip(rows, (NAMES[1_201], NAMES[0], NAMES[1_201]), strict=True):
        wanted = np.array(SAID[name]["embeddings"])
        np.testing.assert_allclose(vectors[row], wanted / np.linalg.norm(wanted), rtol=1e-6)


@pytest.mark.parametrize("said", [{}, {"embeddings": None}, {"embeddings": [0.0] * 3}, {"embeddings": [1.0] * 4}])
def test_what_says_nothing_is_not_a_number(said: dict[str, Any], tmp_path: Path) -> None:
    """Too short for the model, silent for it, or of another size: no place in its space."""
    vectors, rows = ModelVectors(tmp_path / "v", "embeddings", 3).of(["a"], lambda _: {"a": said})
    assert np.isnan(vectors[rows]).all()


def test_a_write_that_was_cut_is_made_good(tmp_path: Path) -> None:
    """Rows that were written and not named, whole or not, are written anew."""
    ledger, kept = Ledger(), ModelVectors(tmp_path / "v", "embeddings", 3)
    before = np.array(kept.of(NAMES[:2], ledger)[0])
    with (tmp_path / "v.f32").open("ab") as rows:
        rows.write(b"\x00" * 17)
    with (tmp_path / "v.names").open("a") as names:
        names.write(NAMES[2][:9])
    vectors, places = kept.of(NAMES[:3], ledger)
    np.testing.assert_array_equal(vectors[:2], before)
    assert (places.tolist(), len(vectors), ledger.asked) == ([0, 1, 2], 3, [2, 1])


def test_of_nothing_there_is_nothing(tmp_path: Path) -> None:
    """A model that has heard nothing yet has no vectors."""
    vectors, rows = ModelVectors(tmp_path / "v", "embeddings", 3).of([], Ledger())
    assert (vectors.shape, len(rows)) == ((0, 3), 0)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The error names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(HostFault, match="cannot be written"):
        ModelVectors(tmp_path / "file" / "v", "embeddings", 3).of(NAMES[:1], Ledger())
