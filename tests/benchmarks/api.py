"""What keys, limits and validators cost a request: ``python -m tests.benchmarks.api``.

A real server over a small catalogue is asked one thing after another over one connection, first open, then with a key,
then with the tag of an answer that is at hand. ``--requests 5000`` for a quiet machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.items import ObjectVersion
from audiofeat.domain.jobs import Registration
from audiofeat.domain.keys import Scope
from audiofeat.services import keys
from tests.ports import free_port

_MOST_MS = 1.0
_ITEMS = 200
_WARM_UP = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; fail where a key adds more than a millisecond to the median."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=500)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audiofeat-api-") as folder:
        home = Path(folder)
        catalogue = Services(load_settings(home=home)).catalogue
        catalogue.register([Registration(ObjectVersion("s3/shop", f"{n}.wav", "1")) for n in range(_ITEMS)])
        figures: dict[str, dict[str, float]] = {}
        with serving(home) as url:
            figures["open"] = asked(url, {}, options.requests)
        _, text = keys.create(catalogue, "benchmark", [Scope.READ])
        header = {"authorization": f"Bearer {text}"}
        with serving(home) as url:
            figures["key"] = asked(url, header, options.requests)
            tag = httpx.get(f"{url}/v1/items", params={"limit": 20}, headers=header).headers["etag"]
            figures["key and tag"] = asked(url, {**header, "if-none-match": tag}, options.requests)
    for name, figure in figures.items():
        print(
            f"{name:12} p50 {figure['p50_ms']:6.2f} ms  p99 {figure['p99_ms']:6.2f} ms  {figure['bytes']:8,.0f} bytes"
        )
    print(json.dumps(figures))
    return int(figures["key"]["p50_ms"] - figures["open"]["p50_ms"] > _MOST_MS)


def asked(url: str, headers: Mapping[str, str], count: int) -> dict[str, float]:
    """Return median and 99th percentile of a page of twenty items, and its size."""
    with httpx.Client(base_url=url, headers=dict(headers)) as client:
        took: list[float] = []
        for _ in range(_WARM_UP + count):
            began = time.perf_counter()
            response = client.get("/v1/items", params={"limit": 20})
            took.append((time.perf_counter() - began) * 1000)
            assert response.status_code in {200, 304}, response.text
    ranked = sorted(took[_WARM_UP:])
    return {
        "p50_ms": ranked[len(ranked) // 2],
        "p99_ms": ranked[int(len(ranked) * 0.99)],
        "bytes": len(response.content),
    }


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Run a server over a home; yield its address."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUDIOFEAT_")}
    environment |= {"AUDIOFEAT_HOME": str(home), "AUDIOFEAT_API_PORT": str(port), "AUDIOFEAT_API_RATE_LIMIT": "off"}
    command = [sys.executable, "-m", "audiofeat.api"]
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            while True:
                assert process.poll() is None, (home / "log").read_text()
                try:
                    httpx.get(f"http://127.0.0.1:{port}/livez")
                except httpx.TransportError:
                    time.sleep(0.05)
                else:
                    break
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
