"""Counters and histograms of what this home's processes did, right however many of them come and go.

Each process writes its own memory-mapped file under ``home/metrics``, and whoever is scraped adds them up: a pool
process that is replaced takes up the file of its place in the pool, so nothing is lost and the files stay few.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from audiofeat.domain.jobs import JobState, Lane

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_STAGE_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_CALL_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_REQUEST_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


def _no_span(_name: str, _trace: str | None) -> AbstractContextManager[None]:
    return nullcontext()


class Metrics:
    """Counts what it is told, for :func:`exposition` to add up.

    Parameters
    ----------
    folder : Path
        Holds the files of all processes of this home.
    process : str
        Name of this process, that no other one running at the same time has.
    span : callable, optional
        Opens a span of a trace around a stage.
    """

    def __init__(
        self, folder: Path, *, process: str, span: Callable[[str, str | None], AbstractContextManager[None]] = _no_span
    ) -> None:
        self._span = span
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9@.-]", "-", process)
        # The library knows two ways of saying where and as whom: the environment, and this.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        values.ValueClass = values.MultiProcessValue(lambda: name)  # type: ignore[no-untyped-call]  # the client has no types there
        self._stages = Histogram(
            "audiofeat_stage_seconds", "Wall time of a stage of a job.", ["stage"],
            buckets=_STAGE_BUCKETS_S, registry=None,
        )  # fmt: skip
        self._ends = Counter(
            "audiofeat_job_ends", "Ends of attempts, by the state they left.", ["lane", "state"], registry=None
        )
        self._audio = Counter("audiofeat_audio_seconds", "Seconds of audio decoded and analysed.", registry=None)
        self._children = Counter(
            "audiofeat_extraction_child_ends", "How extraction children ended: answered, a signal, a limit.",
            ["how"], registry=None,
        )  # fmt: skip
        self._refusals = Counter(
            "audiofeat_refusals",
            "What the ledger refused: a claim on a job not due, a lease that was lost, a result whose token had moved.",
            ["what"], registry=None,
        )  # fmt: skip
        self._calls = Histogram(
            "audiofeat_s3_call_seconds", "Calls to S3, retries within, by outcome: HTTP status or no_answer.",
            ["operation", "outcome"], buckets=_CALL_BUCKETS_S, registry=None,
        )  # fmt: skip

        self._requests = Histogram(
            "audiofeat_http_request_seconds", "Requests to the HTTP API, by route as the document writes it.",
            ["route", "method", "status"], buckets=_REQUEST_BUCKETS_S, registry=None,
        )  # fmt: skip

    @contextmanager
    def stage(self, name: str, *, trace: str | None = None) -> Iterator[None]:
        """Time a stage of a job, and show it in the trace."""
        began = time.perf_counter()
        try:
            with self._span(name, trace):
                yield
        finally:
            self.stage_took(name, time.perf_counter() - began)

    def stage_took(self, name: str, seconds: float) -> None:
        """Count a stage that was timed elsewhere, as in the extraction child."""
        self._stages.labels(name).observe(seconds)

    def job_ended(self, lane: Lane, state: JobState, *, audio_s: float = 0.0) -> None:
        """Count the end of an attempt, and the audio that it decoded."""
        self._ends.labels(lane.value, state.value).inc()
        self._audio.inc(audio_s)

    def child_ended(self, how: str) -> None:
        """Count the end of an extraction child."""
        self._children.labels(how).inc()

    def refused(self, what: str) -> None:
        """Count a refusal of the ledger."""
        self._refusals.labels(what).inc()

    def s3_called(self, operation: str, outcome: str, seconds: float) -> None:
        """Count a call to S3."""
        self._calls.labels(operation, outcome).observe(seconds)

    def request_answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request to the HTTP API."""
        self._requests.labels(route, method, str(status)).observe(seconds)


def exposition(folder: Path, *more: Collector) -> bytes:
    """Return what all processes of a home have counted, and what ``more`` collects now, in Prometheus's text format."""
    registry = CollectorRegistry()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]  # the client has no types there
    for collector in more:
        registry.register(collector)
    return generate_latest(registry)
