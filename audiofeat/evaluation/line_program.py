"""A program of this package in a process of its own, asked and answering by lines of JSON."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")


class LineProgram:
    """Runs within a with block; it is told who started it, and ends with that process.

    Parameters
    ----------
    module : str
        What is run.
    *arguments : str
        After the process id of whoever starts it.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._module = module
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, str(os.getpid()), *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,
        )
        return self

    def ask(self, request: object) -> dict[str, Any] | None:
        """Return the answer to a request; None where the program has died."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise AssertionError(f"{self._module} is asked inside a with block")
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            return None
        answer: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
        return answer

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
