"""What the extraction child needs at most, and how fast it is, on short and long audio: ``make bench``.

The child is that of the fork server, libraries included. The material is a piece of our own, looped, as stereo FLAC at
44.1 kHz. ``--longest`` adds twelve hours; ``--source`` loops another file, such as an episode.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import soundfile

from audiofeat.extraction.client import ExtractionServer

SOURCE = Path(__file__).parents[2] / "samples" / "audio" / "dnb_neon_circuit.ogg"
LIMIT_MB = 350
MORE_MB = 60


def looped(source: Path, path: Path, hours: float) -> None:
    """Write the piece over and over, its level moving slowly, so that no two loops are the same."""
    pcm, rate_hz = soundfile.read(source, always_2d=True, dtype="float32")
    pcm = np.repeat(pcm, 2, axis=1)[:, :2]
    loops = round(hours * 3_600 * rate_hz / len(pcm))
    with soundfile.SoundFile(path, "w", rate_hz, 2, format="FLAC") as file:
        for loop in range(loops):
            file.write(pcm * np.float32(0.6 + 0.3 * np.sin(0.7 * loop)))


def main() -> int:
    """Print the peak and the speed for each length; fail where the peak is over what is promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--longest", action="store_true", help="add twelve hours")
    parser.add_argument("--source", type=Path, default=SOURCE)
    options = parser.parse_args()
    lengths = {"3 minutes": 0.05, "3 hours": 3.0} | ({"12 hours": 12.0} if options.longest else {})
    print("| length | peak resident memory of the child | audio seconds per wall second |")
    print("|---|---|---|")
    peaks = []
    with tempfile.TemporaryDirectory() as scratch, ExtractionServer(max_duration_s=50_000) as server:
        for name, hours in lengths.items():
            path = Path(scratch) / "looped.flac"
            looped(options.source, path, hours)
            server.extract(options.source, source="warm")
            began = perf_counter()
            extraction = server.extract(path, source=name)
            seconds = perf_counter() - began
            if extraction.record["status"] == "rejected":
                raise AssertionError(extraction.record["error"])
            peaks.append(extraction.peak_rss_bytes / 1e6)
            speed = extraction.record["audio"]["decoded_duration_s"] / seconds
            print(f"| {name} | {peaks[-1]:.0f} MB | {speed:.0f}x |", flush=True)
    kept = max(peaks) <= LIMIT_MB and peaks[1] - peaks[0] <= MORE_MB
    print(
        f"promised: at most {LIMIT_MB} MB, at most {MORE_MB} MB more for 3 hours than for 3 minutes: "
        f"{'kept' if kept else 'NOT kept'}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
