"""Does Annoy work on this processor? Tried in a throw-away process, where a wrong instruction kills nothing else."""

import subprocess
import sys
from pathlib import Path

import annoy

import audiofeat
from audiofeat.errors import LibraryUnusable

REINSTALL = (
    'ANNOY_COMPILER_ARGS="-O3,-march=x86-64-v3,-ffast-math,-fno-associative-math,'
    '-DANNOYLIB_MULTITHREADED_BUILD,-std=c++14" '
    "pip install --force-reinstall --no-deps --no-cache-dir --no-binary annoy annoy==1.17.3"
)
_TIMEOUT_S = 120.0
_ROOT = Path(audiofeat.__file__).resolve().parents[1]


def run_aside(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of our modules in a process of its own; a negative return code is the signal that ended it."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(
        command, cwd=_ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )


def require_usable() -> None:
    """Add, build and query in a throw-away process.

    Raises
    ------
    LibraryUnusable
        Annoy was compiled for another processor, or does not run at all.
    """
    try:
        trial = run_aside("audiofeat.index.selftest")
    except subprocess.TimeoutExpired as error:
        raise LibraryUnusable("annoy does not answer on this machine", REINSTALL) from error
    if trial.returncode < 0:
        raise LibraryUnusable(
            f"annoy does not run on this processor: its test ended by signal {-trial.returncode}", REINSTALL
        )
    if trial.returncode > 0:
        last_line = (trial.stderr.strip().splitlines() or ["no message"])[-1]
        raise LibraryUnusable(f"annoy does not work: {last_line}", REINSTALL)


def main() -> int:
    """Return 0 where a tiny index answers as it should."""
    index = annoy.AnnoyIndex(3, "angular")
    for row, vector in enumerate(([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.8, 0.0])):
        index.add_item(row, vector)
    index.build(2, n_jobs=1)
    return 0 if index.get_nns_by_vector([1.0, 0.0, 0.0], 3) == [0, 2, 1] else 1


if __name__ == "__main__":
    sys.exit(main())
