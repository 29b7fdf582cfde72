"""A confined child for a file of a program: what decodes untrusted bytes, and what is judged beside us, may crash."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiofeat.audio.decode import Decoder
from audiofeat.audio.probe import probe
from audiofeat.extraction import sandbox

_LONGEST_S = 3_600

Pcm = NDArray[np.float32]


def fork_with_pcm(path: Path, use: Callable[[Pcm, int], None], *, deadline_s: int) -> int:
    """Fork a child that decodes a file and uses its PCM, and return its process id.

    Parameters
    ----------
    path : Path
        Of the audio.
    use : callable
        Takes PCM, shape (samples, channels), and its rate in Hz; runs in the child.
    deadline_s : int
        After it an alarm ends the child, even in native code.
    """
    parent = os.getpid()
    child = os.fork()
    if not child:
        try:
            sandbox.die_with_parent(parent)
            sandbox.confine()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(deadline_s)
            facts = probe(path, max_duration_s=_LONGEST_S)
            use(np.concatenate(list(Decoder(facts).blocks())), facts.rate_hz)
        finally:
            os._exit(0)
    return child


def answer_lines(answer: Callable[[object], object]) -> None:
    """Answer each line of JSON on stdin with one on stdout, until stdin closes; what else is printed goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        answers.write(json.dumps(answer(json.loads(line))).encode() + b"\n")
        answers.flush()
