"""The only module that names concrete adapters: Settings in, Services out.

Each part is made when it is first asked for, and its libraries are imported then: a command that reads the ledger
does not load Celery, and a worker makes its clients after the fork.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from audiofeat.config import Settings, load_settings, made
from audiofeat.domain.machine import BrokerState, LedgerState
from audiofeat.errors import SettingsInvalid
from audiofeat.ports import Catalogue, IndexReader, ObjectStore, Survey, TaskQueue

if TYPE_CHECKING:
    from audiofeat.extraction.client import ExtractionServer, Nursery
    from audiofeat.index.publish import Publisher
    from audiofeat.services.events import Intake
    from audiofeat.services.follow import Follower
    from audiofeat.services.ingest import Ingest
    from audiofeat.services.listening import Listener
    from audiofeat.services.survey import Surveyor
    from audiofeat.services.things import ThingFinder
    from audiofeat.storage.s3_connection import S3Connection
    from audiofeat.storage.stores import Stores
    from audiofeat.telemetry.metrics import Metrics
    from audiofeat.telemetry.tracing import Tracing

__all__ = ["Services", "broker_url", "load_settings"]


def broker_url(settings: Settings) -> str:
    """Return the configured broker, or the one that runs for this home; raises BrokerUnavailable."""
    if settings.broker_url:
        return settings.broker_url
    from audiofeat.embedded_broker import embedded_url

    return embedded_url(settings.home)


class Services:
    """Everything that the edges call, wired on demand.

    Parameters
    ----------
    settings : Settings
        Read once, by whoever starts a process.
    process : str, optional
        Name of a long-running process, that no other one of this home has at the same time: what it does is counted.
    nursery : Nursery, optional
        Forks this process's extraction server.
    """

    def __init__(self, settings: Settings, *, process: str | None = None, nursery: "Nursery | None" = None) -> None:
        self.settings = settings
        self._process = process
        self._nursery = nursery

    @cached_property
    def catalogue(self) -> Catalogue:
        """The ledger, migrated to this version."""
        from audiofeat.catalogue.ledger import open_catalogue

        if not self.settings.database_url:
            _ = self.home
        return open_catalogue(self.settings.catalogue_url)

    @cached_property
    def home(self) -> Path:
        """The folder of all local state, made if need be."""
        return made(self.settings.home)

    @cached_property
    def metrics(self) -> "Metrics":
        """What this process counts."""
        from audiofeat.telemetry.metrics import Metrics

        span = {"span": self.tracing.span} if self.tracing else {}
        return Metrics(self._metrics_folder, process=self._named, **span)

    @property
    def is_counted(self) -> bool:
        """Whether this is a long-running process, what it does being counted."""
        return self._process is not None

    @property
    def _named(self) -> str:
        return self._process or f"pid-{os.getpid()}"

    @cached_property
    def tracing(self) -> "Tracing | None":
        """What opens spans and carries traces; None where they are off, and then nothing of it is imported."""
        if not self.settings.traces:
            return None
        from audiofeat.telemetry.tracing import Tracing

        return Tracing(process=self._named)

    @property
    def trace(self) -> str | None:
        """The current span, as ``traceparent`` names it."""
        return self.tracing.current() if self.tracing else None

    def traced(self, name: str, carrier: Mapping[str, str]) -> AbstractContextManager[None]:
        """Open a span that goes on with the trace of a message or request; does nothing where traces are off."""
        return self.tracing.continued(name, carrier) if self.tracing else nullcontext()

    def exposition(self) -> bytes:
        """Return what this home's processes have counted and how the ledger stands, in Prometheus's text format."""
        from audiofeat.telemetry.gauges import SurveyGauges
        from audiofeat.telemetry.metrics import exposition

        return exposition(self._metrics_folder, SurveyGauges(self.survey))

    def survey(self) -> Survey:
        """Return how everything stands; raises CatalogueUnavailable."""
        return self._surveyor.look()

    @cached_property
    def _surveyor(self) -> "Surveyor":
        from audiofeat.services.survey import Surveyor

        stall_s, lease_s = self.settings.stall_s, self.settings.lease_s
        return Surveyor(catalogue=self.catalogue, home=self.home, stall_s=stall_s, lease_s=lease_s)

    @property
    def _metrics_folder(self) -> Path:
        return self.home / "metrics"

    @cached_property
    def _s3_connection(self) -> "S3Connection":
        from audiofeat.storage.s3_connection import S3Connection

        secret = self.settings.s3_secret_access_key
        return S3Connection(
            endpoint_url=self.settings.s3_endpoint_url,
            region=self.settings.s3_region,
            access_key_id=self.settings.s3_access_key_id,
            secret_access_key=secret.get_secret_value() if secret else None,
            watch=self.metrics.s3_called if self._process else None,
        )

    @cached_property
    def stores(self) -> "Stores":
        """The source stores."""
        from audiofeat.storage.stores import Stores

        return Stores(
            connection=self._s3_connection,
            s3_store_name=self.settings.s3_store_name,
            allowed_buckets=self.settings.allowed_buckets,
        )

    @cached_property
    def artefacts(self) -> ObjectStore:
        """Curves and index files."""
        from audiofeat.storage.location import parse_location

        return self.stores.own(parse_location(self.settings.artefact_location))

    @cached_property
    def queue(self) -> TaskQueue:
        """The doorbell."""
        from audiofeat.broker import CeleryQueue, celery_app

        url = broker_url(self.settings)
        return CeleryQueue(
            celery_app(url, max_duration_s=self.settings.max_duration_s, concurrency=self.settings.workers)
        )

    def forget_queue(self) -> None:
        """Have the doorbell wired anew when it is next asked for: the embedded broker has moved."""
        self.__dict__.pop("queue", None)

    def broker_state(self) -> BrokerState:
        """Ask the configured broker, or that of this home, how it is set."""
        from audiofeat.broker_state import broker_state

        return broker_state(broker_url(self.settings))

    def embedded_broker_program(self) -> str:
        """Return the server program that this machine would run; raises BrokerUnavailable."""
        from audiofeat.embedded_broker import server_program

        return server_program()

    def ledger_state(self) -> LedgerState:
        """Look at the ledger without creating or upgrading it."""
        from audiofeat.catalogue.state import ledger_state

        return ledger_state(self.settings.catalogue_url)

    def require_annoy(self) -> None:
        """Try the index library in a throw-away process; raises LibraryUnusable."""
        from audiofeat.index.selftest import require_usable

        require_usable()

    def source_stores(self) -> "list[ObjectStore]":
        """Return the buckets that audio may be read from, where they are listed."""
        from audiofeat.storage.location import Location

        return [self.stores.at(Location(bucket=bucket)) for bucket in self.settings.allowed_buckets]

    @cached_property
    def extraction(self) -> "ExtractionServer":
        """The fork server of this process."""
        from audiofeat.extraction.client import ExtractionServer

        return ExtractionServer(max_duration_s=self.settings.max_duration_s, nursery=self._nursery)

    @cached_property
    def listener(self) -> "Listener":
        """What listens to audio that is not in the catalogue."""
        from audiofeat.extraction.client import ExtractionServer
        from audiofeat.services.listening import Listener

        duration_s = min(self.settings.upload_max_duration_s, self.settings.max_duration_s)
        return Listener(
            ExtractionServer(max_duration_s=duration_s),
            open_store=self.stores.named,
            scratch=self._scratch,
            most_bytes=self.settings.upload_max_bytes,
        )

    @property
    def _scratch(self) -> Path:
        scratch = self.home / "scratch"
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        return scratch

    @cached_property
    def ingest(self) -> "Ingest":
        """The use case of the workers."""
        from audiofeat.domain import reference
        from audiofeat.metadata_sources.tags import read_tags
        from audiofeat.services.ingest import Ingest

        return Ingest(
            catalogue=self.catalogue,
            open_store=self.stores.named,
            artefacts=self.artefacts,
            extractor=self.extraction,
            read_tags=read_tags,
            reference_space=cache(reference.load),
            scratch=self._scratch,
            max_object_bytes=self.settings.max_object_bytes,
            lease_s=self.settings.lease_s,
            heartbeat_s=self.settings.heartbeat_s,
            telemetry=self.metrics,
        )

    @cached_property
    def intake(self) -> "Intake":
        """The use case of events from stores."""
        from audiofeat.services.events import Intake

        return Intake(self.catalogue, store_of=self.stores.name_of, open_store=self.stores.named)

    @cached_property
    def follower(self) -> "Follower":
        """What follows the configured queue of events."""
        from audiofeat.services.follow import Follower
        from audiofeat.storage.notifications import SqsQueue

        if self.settings.events_queue_url is None:
            raise SettingsInvalid("no queue of events is configured", "set AUDIOFEAT_EVENTS_QUEUE_URL")
        queue = SqsQueue(self.settings.events_queue_url, connection=self._s3_connection)
        return Follower(queue, self.intake, tasks=lambda: self.queue)

    @cached_property
    def publisher(self) -> "Publisher":
        """Builds index releases, lists them, and moves the pointer."""
        from audiofeat.index.publish import Publisher
        from audiofeat.index.shared_build import workers_of

        ask, rows, graphs = workers_of(lambda: self.queue), self.settings.index_shard_rows, self.settings.index_voyager
        return Publisher(self.artefacts, ask_workers=ask, rows_per_shard=rows, with_graphs=graphs)

    @cached_property
    def indexes(self) -> IndexReader:
        """The indexes that are served now."""
        from audiofeat.index.reader import PublishedIndexes

        cache, poll_s = self.home / "indexes", self.settings.poll_s
        return PublishedIndexes(self.artefacts, self.catalogue, cache, poll_s=poll_s, fresh_poll_s=poll_s)

    @cached_property
    def things(self) -> "ThingFinder":
        """What finds artists, albums, shows and collections."""
        from audiofeat.services.things import ThingFinder

        return ThingFinder(self.catalogue, self.indexes, fresh_s=self.settings.poll_s)
