"""What a plug-in model says, as unit vectors by audio: read from the ledger once, then kept in two files of this host.

One file has the vectors, one behind the other, the other the sha256 of the audio of each. What a version of a model
says of a sound never changes, so rows are only ever appended; both files may be deleted at any time.
"""

import fcntl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.errors import HostFault

Floats = NDArray[np.float32]
Reading = Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]
_PAGE = 500


class ModelVectors:
    """The unit vectors of one output; NaN where it says nothing of a sound.

    Parameters
    ----------
    stem : Path
        Of the two files.
    output : str
        Its name.
    size : int
        How many values it has.
    """

    def __init__(self, stem: Path, output: str, size: int) -> None:
        self._rows, self._names = stem.with_suffix(".f32"), stem.with_suffix(".names")
        self._output, self._size = output, size

    def of(self, audios: Sequence[str], reading: Reading) -> tuple[Floats, NDArray[np.intp]]:
        """Return all vectors that are kept, and in which row that of each audio is.

        Parameters
        ----------
        audios : sequence of str
            Their sha256.
        reading : callable
            Returns what the model says of some of them, for those that are not kept yet.

        Raises
        ------
        HostFault
            The files cannot be written.
        """
        try:
            self._names.parent.mkdir(parents=True, exist_ok=True)
            with self._names.open("a+b") as names, self._rows.open("a+b") as rows:
                fcntl.flock(names, fcntl.LOCK_EX)
                names.seek(0)
                known = {name: row for row, name in enumerate(names.read().decode().split("\n")[:-1])}
                # Whoever was killed in the middle left rows without a name, or half of one.
                names.truncate(sum(len(name) + 1 for name in known))
                rows.truncate(4 * self._size * len(known))
                missing = [name for name in dict.fromkeys(audios) if name not in known]
                for start in range(0, len(missing), _PAGE):
                    page = missing[start : start + _PAGE]
                    said = reading(page)
                    rows.write(np.stack([self._unit(said.get(name, {})) for name in page]).tobytes())
                    rows.flush()
                    names.write("".join(f"{name}\n" for name in page).encode())
                    names.flush()
                    known |= {name: row for row, name in enumerate(page, start=len(known))}
        except OSError as error:
            raise HostFault(f"{self._rows.parent} cannot be written: {error.strerror}", "make room there") from error
        if not known:
            return np.zeros((0, self._size), dtype=np.float32), np.zeros(0, dtype=np.intp)
        vectors: Floats = np.memmap(self._rows, dtype=np.float32, mode="r", shape=(len(known), self._size))
        return vectors, np.array([known[name] for name in audios], dtype=np.intp)

    def _unit(self, values: Mapping[str, Any]) -> Floats:
        vector = np.array(values.get(self._output) or (), dtype=np.float32)
        if len(vector) != self._size or not vector.any():
            return np.full(self._size, np.nan, dtype=np.float32)
        unit: Floats = vector / np.linalg.norm(vector)
        return unit
