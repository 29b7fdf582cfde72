"""The Celery app that ``celery -A workers.app worker`` runs; each pool process wires its own services."""

import os
import socket
from contextlib import suppress
from typing import Any

from celery import signals

from audiofeat import bootstrap, logs
from audiofeat.broker import celery_app, declare_dead_letters
from audiofeat.errors import AudiofeatError
from audiofeat.extraction.sandbox import die_with_parent
from workers.attendance import Attendance
from workers.base import open_nursery
from workers.probes import Probes, serve

_settings = bootstrap.load_settings()
logs.configure(level=_settings.log_level, as_json=_settings.logs_json, secrets=_settings.secrets)
app = celery_app(
    bootstrap.broker_url(_settings), max_duration_s=_settings.max_duration_s, concurrency=_settings.workers
)
app.conf.imports = ("workers.tasks",)
app.conf.worker_consumer = "workers.refusals:RefusingConsumer"


@signals.setup_logging.connect
def _keep_the_log(**_: object) -> None:
    """Have Celery set up no logging of its own, which it would if nobody were connected here."""


@signals.worker_init.connect
def _load_once(**_: object) -> None:
    """Load once for all pool processes what they and extraction need."""
    open_nursery()
    with suppress(AudiofeatError):
        # Wired for nobody: what counts is that every module is there before the fork.
        bootstrap.Services(_settings).ingest  # noqa: B018  wiring it is what counts


@signals.worker_ready.connect
def _keep_dead_letters(**_: object) -> None:
    """Make sure that what cannot be delivered has somewhere to go."""
    declare_dead_letters(app)


@signals.worker_ready.connect
def _attend(sender: Any, **_: object) -> None:  # noqa: ANN401  the consumer, whose type tells nothing of its worker
    """Have the ledger know of this worker while it runs."""
    services = bootstrap.Services(_settings)
    queues = list(app.amqp.queues.consume_from)
    attendance = Attendance(services, app, sender, queues=queues, slots=sender.controller.concurrency)
    attendance.start()
    signals.worker_shutting_down.connect(lambda **_: attendance.end(), weak=False)


@signals.worker_ready.connect
def _answer_probes(sender: Any, **_: object) -> None:  # noqa: ANN401  Celery's consumer
    """Serve /metrics, /livez and /readyz beside the work, where a port is set."""
    if _settings.metrics_port is not None:
        name = f"{socket.gethostname()}:{sender.hostname}"
        probes = Probes(bootstrap.Services(_settings), worker=name)
        serve(probes, _settings.api_host, _settings.metrics_port)


@signals.worker_process_init.connect
def _end_with_the_worker(**_: object) -> None:
    """Tie a pool process to its worker: a killed worker leaves none behind."""
    die_with_parent(os.getppid())
