"""Three hosts on RabbitMQ, PostgreSQL and a Ceph gateway, one of them cut off in the middle of a batch: an account.

A host is a Celery worker in a process group, with a home, a temporary folder and a name of its own. One of them reaches
all three servers over lines which can be cut: nothing is refused, nothing arrives any more, as when a switch dies. Cut
while it holds a job, it lives on; the others end the batch; when its lines are mended, what it brings is refused.

``python -m tests.faults.hosts --objects 400 --cuts 4``
"""

import argparse
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psycopg
import soundfile

from audiofeat.domain.jobs import FINAL_STATES
from tests import postgresql, rabbitmq, radosgw
from tests.commands import wait_until
from tests.faults import chaos

HOSTS = ("host-1", "host-2", "host-3")
LEASE_S = 6.0
_PACE = {"AUDIOFEAT_LEASE_S": str(LEASE_S), "AUDIOFEAT_HEARTBEAT_S": "2", "AUDIOFEAT_RECONCILE_S": "1"}
_SECONDS, _RATE_HZ = 60, 16_000
_PATIENCE_S = 300.0
_LAST_WORDS = 4000
_FINAL = [state.value for state in FINAL_STATES]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run with servers of its own, print the account, and fail where anything was lost or done twice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=24)
    parser.add_argument("--cuts", type=int, default=1)
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="audiofeat-hosts-")))
        database_url, broker_url = stack.enter_context(postgresql.server()), stack.enter_context(rabbitmq.server())
        fleet = Fleet(folder, stack.enter_context(radosgw.server()), database_url, broker_url)
        return fleet.run(objects=options.objects, cuts=options.cuts)


class Line:
    """A way over TCP to a server, that can be cut and mended."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._intact = threading.Event()
        self._intact.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Let nothing through, in either direction, and say so to nobody."""
        self._intact.clear()

    def mend(self) -> None:
        """Let through what waits, and all that comes."""
        self._intact.set()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        self._intact.wait()
        with near, socket.create_connection(self._server) as far:
            other = {near: far, far: near}
            while True:
                for end in select.select(list(other), [], [])[0]:
                    self._intact.wait()
                    try:
                        data = end.recv(1 << 16)
                        other[end].sendall(data)
                    except OSError:
                        return
                    if not data:
                        return


class Fleet:
    """Hosts, a reconciler, and the servers that they share."""

    def __init__(self, folder: Path, gateway: radosgw.Radosgw, database_url: str, broker_url: str) -> None:
        self._folder, self._gateway = folder, gateway
        self._urls = {
            "AUDIOFEAT_DATABASE_URL": database_url,
            "AUDIOFEAT_BROKER_URL": broker_url,
            "AUDIOFEAT_S3_ENDPOINT_URL": gateway.endpoint,
        }
        self._plain = {name: value for name, value in os.environ.items() if not name.startswith(("AUDIOFEAT_", "AWS_"))}
        keys = {
            "AUDIOFEAT_S3_ACCESS_KEY_ID": radosgw.ACCESS_KEY_ID,
            "AUDIOFEAT_S3_SECRET_ACCESS_KEY": radosgw.SECRET_ACCESS_KEY,
            "AUDIOFEAT_ARTEFACT_STORE": "s3://artefacts",
        }
        self._environment = {**self._plain, **self._urls, **keys, **_PACE}
        self._lines: list[Line] = []
        self._database_url = database_url

    def run(self, *, objects: int, cuts: int) -> int:
        """Have the hosts work off a bucket, cut one off again and again, and account for it."""
        self._fill(objects)
        began = time.monotonic()
        with ExitStack() as stack:
            stack.enter_context(self._said_where_it_fails())
            stack.enter_context(self._program("reconciler", "-m", "audiofeat", "up", "--no-api", "--workers", "0"))
            workers = [stack.enter_context(self._host(name, is_cut=name == HOSTS[-1])) for name in HOSTS]
            wait_until(lambda: self._attendance() == len(HOSTS), timeout_s=_PATIENCE_S)
            recovered_s = [self._cut_and_mend() for _ in range(cuts)]
            wait_until(lambda: self._ended() == objects, timeout_s=_PATIENCE_S + objects)
            took_s = time.monotonic() - began
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
            codes = [worker.wait(40) for worker in workers]
        return self._account(objects, cuts, recovered_s, codes, took_s)

    def _fill(self, objects: int) -> None:
        client = self._gateway.client("s3")
        for bucket in ("music", "artefacts"):
            client.create_bucket(Bucket=bucket)
        rng = np.random.default_rng(0)
        for n in range(objects):
            sound = BytesIO()
            soundfile.write(sound, 0.1 * rng.standard_normal(_SECONDS * _RATE_HZ), _RATE_HZ, format="WAV")
            client.put_object(Bucket="music", Key=f"{n:05d}.wav", Body=sound.getvalue())
        register = [sys.executable, "-c", chaos.REGISTER, "s3://music"]
        subprocess.run(register, env=self._with_home("reconciler"), check=True)

    def _with_home(self, name: str) -> dict[str, str]:
        home = self._folder / name
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        return {**self._environment, "AUDIOFEAT_HOME": str(home), "TMPDIR": str(home / "tmp")}

    @contextmanager
    def _program(self, name: str, *arguments: str, **changed: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments], env={**self._with_home(name), **changed}, stdout=log, stderr=log,
                start_new_session=True, cwd=self._folder,
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(40)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    @contextmanager
    def _said_where_it_fails(self) -> Iterator[None]:
        """Print, with a failure, where each job stands and what each program said last."""
        try:
            yield
        except BaseException:
            for row in self._rows("SELECT job_id, state, worker, attempt, losses, error_code FROM jobs"):
                print(*row)
            for log in sorted(self._folder.glob("*.log")):
                print(f"--- {log.stem}\n{log.read_text(errors='replace')[-_LAST_WORDS:]}")
            raise

    @contextmanager
    def _host(self, name: str, *, is_cut: bool) -> Iterator[subprocess.Popen[bytes]]:
        changed = {"REMAP_SIGTERM": "SIGQUIT"}
        if is_cut:
            for setting, url in self._urls.items():
                address = urlsplit(url)
                line = Line(str(address.hostname), int(address.port or 0))
                self._lines.append(line)
                changed[setting] = url.replace(f":{address.port}", f":{line.port}")
        worker = [
            "-m",
            "celery",
            "--app",
            "workers.app",
            "--quiet",
            "worker",
            "--concurrency",
            "1",
            "--loglevel",
            "INFO",
        ]
        options = ["--queues", "ingest,cold,normal,bulk", "--hostname", f"worker@{name}"]
        options += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        with self._program(name, *worker, *options, **changed) as process:
            yield process

    def _cut_and_mend(self) -> float:
        """Cut the last host off while it holds a job; mend its lines once another one has ended that job."""
        held = "SELECT job_id FROM jobs WHERE state = 'leased' AND worker LIKE %s"
        wait_until(lambda: bool(self._rows(held, f"%{HOSTS[-1]}")), timeout_s=_PATIENCE_S)
        for line in self._lines:
            line.cut()
        cut_at = time.monotonic()
        jobs = [job_id for (job_id,) in self._rows(held, f"%{HOSTS[-1]}")]
        ended = "SELECT 1 FROM jobs WHERE job_id = ANY(%s) AND state = ANY(%s)"
        wait_until(lambda: len(self._rows(ended, jobs, _FINAL)) == len(jobs), timeout_s=_PATIENCE_S)
        took_s = time.monotonic() - cut_at
        for line in self._lines:
            line.mend()
        return took_s

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._database_url) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def _attendance(self) -> int:
        return len(self._rows("SELECT name FROM workers"))

    def _ended(self) -> int:
        return len(self._rows("SELECT 1 FROM jobs WHERE state = ANY(%s)", _FINAL))

    def _account(self, objects: int, cuts: int, recovered_s: list[float], codes: list[int], took_s: float) -> int:
        states = dict(self._rows("SELECT state, count(*) FROM jobs GROUP BY state"))
        to_end = "FROM transitions WHERE to_state = ANY(%s)"
        [(ends, ended)] = self._rows(f"SELECT count(*), count(DISTINCT job_id) {to_end}", _FINAL)
        [(fingerprints,)] = self._rows("SELECT count(*) FROM embeddings")
        [(losses,)] = self._rows("SELECT sum(losses) FROM jobs")
        by_worker = dict(self._rows(f"SELECT worker, count(*) {to_end} GROUP BY 1", _FINAL))
        refused = (self._folder / f"{HOSTS[-1]}.log").read_text(errors="replace").count("result_refused")
        left = [path for name in HOSTS for path in (self._folder / name / "scratch").glob("*")]
        print(f"{objects} objects on {len(HOSTS)} hosts in {took_s:.0f} s, one cut off {cuts} times; {states}")
        print(f"ended by {by_worker}")
        print(f"losses {losses}, late results refused {refused}, left behind {len(left)} folders, exit codes {codes}")
        print(f"jobs of the host that was cut off ended elsewhere after at most {max(recovered_s, default=0):.1f} s")
        print(f"lost {objects - ended}, double {ends - ended}, fingerprints {fingerprints}")
        kept = ends == ended == fingerprints == objects and not left and refused <= losses
        print("kept" if kept else "NOT kept")
        return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
