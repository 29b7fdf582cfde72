"""The tasks: at most fifteen lines each, from message to service call."""

from typing import Any

from audiofeat.broker import ANALYSE_TASK, INGEST_TASK, REFRESH_TASK, REPEATS_TASK, SHARD_TASK
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import Lane
from audiofeat.services import repeats
from audiofeat.services.requests import accept
from schemas.messages import IngestRequest, RefreshRequest, ShardRequest
from workers.app import app
from workers.base import Task


@app.task(base=Task, bind=True, name=ANALYSE_TASK)
def analyse(self: Task, job_id: str) -> None:
    """Work on one job, if it is due."""
    self.services.ingest.run(job_id, worker=self.worker_name)


@app.task(base=Task, bind=True, name=INGEST_TASK)
def ingest(self: Task, request: dict[str, Any]) -> None:
    """Take a published request from any producer: the job is in the ledger before the message is acknowledged."""
    message = IngestRequest.model_validate(request)
    with self.services.traced(self.name, self.request.headers or {}):
        registered = accept(
            message.model_dump(), source="message", catalogue=self.services.catalogue,
            open_store=self.services.stores.named, trace=self.services.trace,
        )  # fmt: skip
    self.services.queue.ring([registered.job_id], Lane(message.lane))


@app.task(base=Task, bind=True, name=SHARD_TASK)
def build_shard(self: Task, request: dict[str, Any]) -> None:
    """Build one shard of an index for whoever publishes it, if it is still wanted."""
    message = ShardRequest.model_validate(request)
    self.services.publisher.build_shard(Kind(message.kind), message.release, message.number)


@app.task(base=Task, bind=True, name=REPEATS_TASK)
def hear_repeats(self: Task, show: str) -> None:
    """Listen to the new episodes of a show for what others have, unless somebody else is at it."""
    repeats.listen(str(show), catalogue=self.services.catalogue, artefacts=self.services.artefacts)


@app.task(base=Task, bind=True, name=REFRESH_TASK)
def refresh(self: Task, request: dict[str, Any]) -> None:
    """Ask a source of metadata for a while, if it is due, and ring again where it has more to say."""
    from audiofeat.metadata_sources.network import open_scheduled  # noqa: PLC0415  most workers never ask
    from audiofeat.services.refresh import refresh_source  # noqa: PLC0415  as above

    message = RefreshRequest.model_validate(request)
    catalogue, settings = self.services.catalogue, self.services.settings
    source, every_s = open_scheduled(settings, catalogue.visit, message.source)
    if refresh_source(catalogue, source, every_s=every_s):
        self.services.queue.refresh(message.source)
