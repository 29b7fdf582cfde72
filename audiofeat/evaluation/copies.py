"""Copies of files that differ in what should not matter, written by a process of their own."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

HALVES = ("first half", "second half")
# What must not change what is said of a piece.
ROBUSTNESS = ("-12 dB", "trimmed", "mono", "MP3 128 kbit/s", "AAC 96 kbit/s", "Opus 64 kbit/s")
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")


class Copier:
    """A running copier; it decodes with what the extraction decodes with.

    Parameters
    ----------
    folder : Path
        Where copies are written; each file's replace those of the file before.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "audiofeat.evaluation.copies_program", str(os.getpid()), str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,
        )
        return self

    def copies(self, path: Path, names: tuple[str, ...]) -> dict[str, Path]:
        """Return the copies of a file by name; those that could not be made are left out."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise AssertionError("a copier is used inside a with block")
        try:
            process.stdin.write(json.dumps([str(path.absolute()), *names]).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            return {}
        made: dict[str, str] = json.loads(line) if line.endswith(b"\n") else {}
        return {name: Path(where) for name, where in made.items()}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
