"""Analyse local files without broker or database: records in the order given."""

import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from audiofeat.errors import AudiofeatError, SourceNotFound
from audiofeat.extraction.client import Extraction, ExtractionServer


def extract(path: Path, *, server: ExtractionServer, groups: Collection[str] = (), picture: bool = False) -> Extraction:
    """Return what one file holds, all groups or some, with what a figure is drawn from if asked for.

    Raises
    ------
    SourceNotFound
        There is no such file, or it may not be read.
    ExtractionCrashed
        The child that read it died.
    """
    if not path.is_file():
        raise SourceNotFound(f"{path} is not a file", "give the path of an audio file")
    if not os.access(path, os.R_OK):
        raise SourceNotFound(f"{path} may not be read", "give yourself the right to read it")
    return server.extract(path, source=str(path), groups=groups, picture=picture)


def analyse_files(
    paths: Sequence[Path], *, servers: Sequence[ExtractionServer], groups: Collection[str] = ()
) -> Iterator[Extraction | AudiofeatError]:
    """Yield one extraction, or the error that replaced it, for each path, in order.

    Parameters
    ----------
    paths : sequence of Path
        Files to analyse.
    servers : sequence of ExtractionServer
        Started ones; as many files are analysed at a time.
    groups : collection of str
        The feature groups that are wanted; empty for all.
    """
    free: SimpleQueue[ExtractionServer] = SimpleQueue()
    for server in servers:
        free.put(server)

    def one(path: Path) -> Extraction | AudiofeatError:
        server = free.get()
        try:
            return extract(path, server=server, groups=groups)
        except AudiofeatError as error:
            return error
        finally:
            free.put(server)

    with ThreadPoolExecutor(max_workers=len(servers)) as pool:
        yield from pool.map(one, paths)
