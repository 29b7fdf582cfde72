"""Checks of this host: interpreter, processor, libraries, disk."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from audiofeat.services.doctor import Finding, Verdict, fine

_LEAST_FREE_BYTES, _AMPLE_FREE_BYTES = 64 << 20, 2 << 30
_PROCESSOR_FACTS = Path("/proc/cpuinfo")


def python() -> Finding:
    """Compare the interpreter with the versions that are supported."""
    running, supported = platform.python_version(), metadata("audiofeat")["Requires-Python"]
    found = f"Python {running} at {sys.executable}"
    if running not in SpecifierSet(supported):
        return Finding(Verdict.FAILED, found, f"use Python {supported}")
    return fine(found)


def processor(facts: Path = _PROCESSOR_FACTS) -> Finding:
    """Look for the instructions that the numeric libraries are fast with."""
    machine, count = platform.machine(), os.cpu_count()
    if sys.platform != "linux" or machine != "x86_64":
        return Finding(Verdict.FAILED, f"{sys.platform} on {machine}", "Essentia has wheels for Linux on x86-64 only")
    text = facts.read_text(encoding="utf-8", errors="replace")
    flags = next((set(line.split(":")[1].split()) for line in text.splitlines() if line.startswith("flags")), set())
    known = [flag for flag in ("sse4_2", "avx", "avx2", "fma", "avx512f") if flag in flags]
    found = f"{count} x {machine}, {' '.join(known) or 'no vector instructions that are named'}"
    if "avx2" not in flags:
        return Finding(
            Verdict.WARNING, found, "without AVX2 everything runs, slower, and numbers may differ in the last digits"
        )
    return fine(found)


def libraries() -> Finding:
    """Compare what is installed with what this version requires."""
    required = [Requirement(text) for text in requires("audiofeat") or ()]
    wrong, count = [], 0
    for requirement in required:
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        count += 1
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement.name} {installed} is not {requirement.specifier}")
    if wrong:
        return Finding(Verdict.FAILED, "; ".join(wrong), f"pip install 'audiofeat=={version('audiofeat')}'")
    shown = ", ".join(f"{name} {version(name)}" for name in ("essentia", "numpy", "soundfile", "soxr", "av"))
    return fine(f"{count} as required; {shown}")


def index_library(require_usable: Callable[[], None]) -> Finding:
    """Try Annoy in a throw-away process."""
    require_usable()
    return fine(f"annoy {version('annoy')} builds and answers")


def home(folder: Path) -> Finding:
    """Write a file under the home folder, and look at the space that is left."""
    remedy = "make it writable for this user, or set AUDIOFEAT_HOME to a folder of yours"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"audiofeat")
            file.flush()
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(Verdict.FAILED, f"{folder}: {error.strerror}", remedy)
    found = f"{folder} is writable, {free_bytes / (1 << 30):.1f} GiB free"
    if free_bytes < _LEAST_FREE_BYTES:
        return Finding(Verdict.FAILED, found, "free some space, or set AUDIOFEAT_HOME")
    if free_bytes < _AMPLE_FREE_BYTES:
        return Finding(Verdict.WARNING, found, "free some space: ledger, curves and indexes grow")
    return fine(found)
