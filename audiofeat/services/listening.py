"""Audio that is not in the catalogue, as a seed: measured by a child in its sandbox, and then forgotten."""

import os
import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from audiofeat.domain.items import Kind, infer_kind
from audiofeat.domain.lookups import AudioSeed
from audiofeat.domain.neighbours import Facts
from audiofeat.domain.quality import Status
from audiofeat.errors import Busy, ExtractionCrashed, InvalidInput, ObjectTooLarge, SourceNotFound
from audiofeat.extraction.client import Extraction
from audiofeat.ports import ObjectStore
from audiofeat.services.scratch import private_folder, require_space

# What a seed is made of: the descriptor with what it reads, and what tells a track from an episode.
GROUPS = ("descriptor", "rhythm", "tonal", "speech")
_PIECE_BYTES = 1 << 20


class Extractor(Protocol):
    """What turns a local file into a record, in a process that may die."""

    def extract(self, path: Path, *, source: str, groups: Collection[str] = ()) -> Extraction:
        """Return the record of some groups; raises ExtractionCrashed."""


class Listener:
    """Listens to one piece of audio at a time; nothing of it is kept.

    Parameters
    ----------
    extractor : Extractor
        Its limits on time and duration are those of a lookup.
    open_store : callable
        Opens a source store by its name.
    scratch : Path
        Where the audio lies while it is measured.
    most_bytes : int
        Larger audio is refused.
    wait_s : float
        How long a lookup waits for the one before it.
    """

    def __init__(
        self,
        extractor: Extractor,
        *,
        open_store: Callable[[str], ObjectStore],
        scratch: Path,
        most_bytes: int,
        wait_s: float = 10.0,
    ) -> None:
        self._extractor = extractor
        self._open_store = open_store
        self._scratch = scratch
        self._most_bytes = most_bytes
        self._wait_s = wait_s
        self._turn = threading.Semaphore(1)
        # The extraction server dies with the thread that started it, so that is one of our own.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="listener")

    def to_upload(self, body: IO[bytes], *, kind: Kind | None = None, weight: float = 1.0) -> AudioSeed:
        """Return the seed that uploaded bytes are; raises InvalidInput where they are too large or no audio."""
        with self._folder() as folder:
            path = folder / "audio"
            with path.open("wb") as copy:
                shutil.copyfileobj(body, copy, _PIECE_BYTES)
                if copy.tell() > self._most_bytes:
                    raise InvalidInput(f"the audio is larger than {self._most_bytes:,} bytes", "upload a part of it")
            return self._seed(path, kind, weight)

    def to_object(self, store: str, key: str, *, kind: Kind | None = None, weight: float = 1.0) -> AudioSeed:
        """Return the seed that an object of an allowed bucket is.

        Raises
        ------
        InvalidInput
            It is too large or no audio, or the store is a local folder.
        ObjectMissing, AccessDenied, SourceNotFound, StoreUnavailable
            As they say.
        """
        if store.startswith("file:"):
            raise InvalidInput("a lookup names an S3 store, never a local folder", "upload the audio")
        with self._folder() as folder:
            try:
                fetched = self._open_store(store).fetch(key, folder / "audio", max_bytes=self._most_bytes)
            except ObjectTooLarge as error:
                raise InvalidInput(error.message, "listen to a part of it") from error
            return self._seed(fetched.path, kind, weight)

    def to_file(self, path: Path, *, kind: Kind | None = None, weight: float = 1.0) -> AudioSeed:
        """Return the seed that a local file is; raises InvalidInput or SourceNotFound where it is none."""
        if not path.is_file() or not os.access(path, os.R_OK):
            raise SourceNotFound(f"{path} is no file that can be read", "give the path of an audio file")
        return self._seed(path, kind, weight)

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """Wait for the turn, and make a folder that is gone afterwards."""
        if not self._turn.acquire(timeout=self._wait_s):
            raise Busy("other lookups are being listened to", "ask again a little later")
        try:
            require_space(self._scratch)
            with private_folder(self._scratch) as folder:
                yield folder
        finally:
            self._turn.release()

    def _seed(self, path: Path, kind: Kind | None, weight: float) -> AudioSeed:
        try:
            work = self._thread.submit(self._extractor.extract, path, source="lookup", groups=GROUPS)
            record = work.result().record
        except ExtractionCrashed as crash:
            raise InvalidInput(f"the audio cannot be analysed: {crash.message}", "convert or cut it") from crash
        if record["status"] == Status.REJECTED:
            raise InvalidInput(f"the audio cannot be analysed: {record['error']['message']}", "upload other audio")
        features, audio = record["features"], record["audio"]
        values = features["descriptor"]["values"]
        if values is None:
            raise InvalidInput("the audio has nothing to compare by: it is silent or too short", "upload other audio")
        heard = infer_kind(speech_ratio=features["speech"]["speech_ratio"], duration_s=audio["decoded_duration_s"])
        return AudioSeed(np.array(values, dtype=np.float32), kind or heard, audio["sha256"], _facts(features), weight)


def _facts(features: Mapping[str, Mapping[str, Any]]) -> Facts:
    rhythm, tonal = features["rhythm"], features["tonal"]
    return Facts(rhythm["tempo_bpm"], tonal["key"], tonal["mode"])
