"""Checks of the extraction: the compiled parts, the same bytes twice, and a child that is killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from audiofeat.codes import ErrorCode
from audiofeat.errors import ExtractionCrashed
from audiofeat.extraction.client import ExtractionServer
from audiofeat.services.doctor import Finding, Verdict, fine

_RATE_HZ, _CLIP_S = 44_100, 8
_TIMEOUT_S = 120.0
_PATIENCE_S = 20.0
_REINSTALL = "pip install --force-reinstall --no-deps audiofeat"


def compiled() -> Finding:
    """Hold the C extension against numpy, in a throw-away process."""
    command = [sys.executable, "-m", "audiofeat.extraction.selftest"]
    trial = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if trial.returncode < 0:
        return Finding(Verdict.FAILED, f"ended by signal {-trial.returncode}", _REINSTALL)
    last_line = ((trial.stdout if not trial.returncode else trial.stderr).strip().splitlines() or ["no message"])[-1]
    return Finding(Verdict.FAILED, last_line, _REINSTALL) if trial.returncode else fine(last_line)


def isolation() -> Finding:
    """Try to open a socket and to start a program from where a child would."""
    command = [sys.executable, "-m", "audiofeat.extraction.seccomp"]
    trial = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False)
    if not trial.returncode:
        return fine("a child that was taken over can open no socket and start no program")
    if trial.returncode == 1:
        return Finding(
            Verdict.WARNING, "this system has no seccomp filter: a child that was taken over could use the network",
            "run workers where nothing but store, broker and database can be reached",
        )  # fmt: skip
    return Finding(Verdict.FAILED, f"the seccomp filter did not hold ({trial.returncode})", "report it, with this line")


def determinism() -> Finding:
    """Analyse a generated clip in two fresh servers: features, reasons and fingerprint must be the same bytes."""
    with TemporaryDirectory(prefix="audiofeat-") as folder:
        clip = write_clip(Path(folder) / "clip.wav")
        answers = []
        for _ in range(2):
            with ExtractionServer() as server:
                answers.append(server.extract(clip, source="clip").record)
    first, second = (json.dumps([r["features"], r["reasons"]], sort_keys=True).encode() for r in answers)
    prints = {record["extractor"].get("fingerprint") for record in answers}
    if not answers[0]["features"]:
        return Finding(Verdict.FAILED, f"the clip was rejected: {answers[0].get('error')}", _REINSTALL)
    if first != second or len(prints) != 1:
        return Finding(
            Verdict.FAILED, "two runs over one clip differ", "check memory and processor; report it with the record"
        )
    return fine(f"{len(first):,} bytes of features twice the same; fingerprint {prints.pop()}")


def sandbox() -> Finding:
    """Kill a child that reads from a pipe nobody writes to; the server must say so, and go on."""
    with TemporaryDirectory(prefix="audiofeat-") as folder, ExtractionServer() as server:
        pipe = Path(folder) / "pipe"
        os.mkfifo(pipe)
        killer = threading.Thread(target=_kill_child, args=(server.pid,))
        killer.start()
        try:
            server.extract(pipe, source="pipe")
            code = None
        except ExtractionCrashed as error:
            code = error.code
        killer.join()
        clip = write_clip(Path(folder) / "clip.wav", seconds=1)
        status = server.extract(clip, source="clip").record["status"]
    if code is not ErrorCode.EXTRACTION_SIGNAL:
        return Finding(Verdict.FAILED, f"a killed child was reported as {code}", "report it, with this line")
    return fine(f"a killed child costs one file ({code}); the next one was {status}")


def write_clip(path: Path, *, seconds: int = _CLIP_S) -> Path:
    """Write chords, clicks and noise from a formula: the same samples everywhere."""
    time_s = np.arange(seconds * _RATE_HZ) / _RATE_HZ
    bar = (time_s // 2).astype(int) % 2
    roots_hz = np.where(bar, 146.83, 110.0)
    chord = sum(np.sin(2 * np.pi * roots_hz * ratio * time_s) for ratio in (1.0, 1.25, 1.5)) / 12
    noise = ((np.arange(len(time_s), dtype=np.uint64) * np.uint64(2_654_435_761)) % np.uint64(65_536)) / 32_768 - 1
    clicks = 0.5 * noise * np.exp(-40 * (time_s % 0.5))
    planes = np.stack((chord + clicks, 0.8 * chord + clicks), axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(_RATE_HZ)
        file.writeframes((planes * 32_000).round().astype("<i2").tobytes())
    return path


def _kill_child(server_pid: int | None) -> None:
    """Wait for a child of the server, and kill it."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(entry.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            if parent == server_pid:
                os.kill(int(entry.parent.name), signal.SIGKILL)
                return
        time.sleep(0.02)
