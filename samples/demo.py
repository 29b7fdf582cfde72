"""The main job on the samples, with nothing installed but the project's own environment: ``make demo``.

Starts an S3 server, puts ``samples/audio`` into a bucket, ingests it through boto3, a broker and Celery workers,
builds and publishes the Annoy indexes, asks them three questions, and checks the answers against what is known of
the samples. Everything it starts ends with it; state stays in ``.demo/``, so that a second run has little to do.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import EndpointConnectionError

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.lookups import Rules
from audiofeat.extraction.sandbox import die_with_parent
from audiofeat.services.lookup import neighbours

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = Path(__file__).parent
BUCKET = "demo"
QUESTIONS = (
    ("a track", ["dnb_neon_circuit.ogg"]),
    ("an episode", ["show_two_chairs_ep1.ogg"]),
    ("a track of which a re-encoded, quieter copy is in the catalogue", ["pluck_river_stones.ogg", "--duplicates"]),
    ("a track of which an exact copy is in the catalogue", ["piano_late_train.ogg", "--duplicates"]),
)
_SHUFFLES = 100


def main() -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=SAMPLES.parent / ".demo", help="where state is kept")
    home = parser.parse_args().home.absolute()
    began = time.monotonic()
    for name in [name for name in os.environ if name.startswith(("AUDIOFEAT_", "AWS_"))]:
        del os.environ[name]  # the demo is about the samples, not about an installation of yours
    with s3_server() as endpoint:
        os.environ |= {
            "AUDIOFEAT_HOME": str(home),
            "AUDIOFEAT_S3_ENDPOINT_URL": endpoint,
            "AUDIOFEAT_S3_ACCESS_KEY_ID": "demo",
            "AUDIOFEAT_S3_SECRET_ACCESS_KEY": "demo-secret",
        }
        count = upload(endpoint)
        say(f"{count} sample files are in s3://{BUCKET}/ on an S3 server of our own ({endpoint})")
        tables = [SAMPLES / "metadata" / name for name in ("label_feed.csv", "web_catalogue.jsonl")]
        options = [part for table in tables for part in ("--metadata", os.path.relpath(table))]
        # Exit code 3: the text file named .mp3 among the samples is rejected, as it should be.
        run(["ingest", f"s3://{BUCKET}/", *options], accept=(0, 3))
        run(["index", "build"])
        for what, arguments in QUESTIONS:
            say(f"What sounds like {what}?")
            run(["neighbours", *arguments, "-k", "5"])
    figures = judge(Services(load_settings()))
    say("Judged by what is known of the samples, with the published Annoy indexes:")
    for line in figures["lines"]:
        print(f"  {line}")
    say(f"Done in {time.monotonic() - began:.0f} s. Where to go next:")
    command = f"AUDIOFEAT_HOME={os.path.relpath(home)} .venv/bin/audiofeat"
    print(f"  {command} show dnb_neon_circuit.ogg     what was measured, and who said what")
    print(f"  {command} up                            the HTTP API, with its documentation at /docs")
    print("  .venv/bin/audiofeat ingest FOLDER                     your own files, into .audiofeat/")
    print("  docs/quickstart.md                                    the same, step by step")
    return 0 if figures["good"] else 1


@contextmanager
def s3_server() -> Iterator[str]:
    """Run moto's S3 server as a child on a free loopback port; yield its endpoint."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def upload(endpoint: str) -> int:
    """Put every sample into the bucket; return how many there are."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="demo",
        aws_secret_access_key="demo-secret",
    )
    deadline = time.monotonic() + 30
    while True:
        try:
            client.create_bucket(Bucket=BUCKET)
            break
        except EndpointConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    paths = sorted((SAMPLES / "audio").iterdir())
    for path in paths:
        client.upload_file(str(path), BUCKET, path.name)
    return len(paths)


def run(arguments: list[str], *, accept: tuple[int, ...] = (0,)) -> None:
    """Show a command of ours, and run it."""
    say(f"$ audiofeat {shlex.join(arguments)}")
    status = subprocess.run([sys.executable, "-m", "audiofeat", *arguments], check=False).returncode
    if status not in accept:
        sys.exit(status)


def say(line: str) -> None:
    """Print a line of the story."""
    print(f"\n{line}", flush=True)


def judge(services: Services) -> dict[str, Any]:
    """Ask for the first neighbour of every track and episode, and compare families and shows."""
    truth = {row["path"]: row for row in map(json.loads, (SAMPLES / "truth.jsonl").read_text().splitlines())}
    truth = {Path(path).name: row for path, row in truth.items()}
    originals = [name for name, row in truth.items() if row["status"] == "ok" and not row["duplicate_of"]]
    first = {name: _first_other(services, name, truth) for name in originals}
    lines, good = [], True
    for kind, field, enough in (("track", "family", 0.8), ("episode", "show", 0.75)):
        names = [name for name in originals if truth[name]["kind"] == kind]
        labels = {name: truth[name][field] for name in truth}
        same = sum(labels[first[name]] == labels[name] for name in names)
        shuffled = _by_chance(names, first, labels)
        good = good and same >= enough * len(names)
        lines.append(f"first neighbour of the same {field}: {same} of {len(names)} {kind}s (by chance {shuffled:.0%})")
    copies = {name: row for name, row in truth.items() if row["duplicate_of"]}
    for name, row in copies.items():
        original = Path(row["duplicate_of"]).name
        answer = neighbours(
            original, catalogue=services.catalogue, indexes=services.indexes, rules=Rules(k=1, show_duplicates=True)
        )
        found = answer.neighbours[0]
        good = good and found.item.key == name
        lines.append(f"first neighbour of {original}: {found.item.key} ({found.why})")
    return {"lines": lines, "good": good}


def _first_other(services: Services, name: str, truth: dict[str, Any]) -> str:
    """Return the nearest item that is neither a copy of this one nor the other way round."""
    answer = neighbours(name, catalogue=services.catalogue, indexes=services.indexes, rules=Rules(k=5))
    for neighbour in answer.neighbours:
        if Path(truth[neighbour.item.key]["duplicate_of"] or "").name != name:
            return neighbour.item.key
    message = f"{name} has no neighbour"
    raise LookupError(message)


def _by_chance(names: list[str], first: dict[str, str], labels: dict[str, str]) -> float:
    """Return the mean share of agreements when labels are dealt out anew, over seeded shuffles."""
    rng = random.Random(1)
    pool = sorted({*names, *(first[name] for name in names)})
    share = 0.0
    for _ in range(_SHUFFLES):
        dealt = [labels[name] for name in pool]
        rng.shuffle(dealt)
        mixed = dict(zip(pool, dealt, strict=True))
        share += sum(mixed[first[name]] == mixed[name] for name in names) / len(names)
    return share / _SHUFFLES


if __name__ == "__main__":
    sys.exit(main())
