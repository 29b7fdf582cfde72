"""The few contracts through which services reach the outside; ``bootstrap`` hands in what fulfils them."""

from audiofeat.ports.attributes import Attributes, Candidate
from audiofeat.ports.catalogue import Analysis, Catalogue, EmbeddingRow, FingerprintNote, ItemView
from audiofeat.ports.census import LEAST_FREE_BYTES, Census, CensusView, IndexState, LaneView, Survey, WorkerState
from audiofeat.ports.duplicates import Duplicates, GroupView, MemberView, PrintRow
from audiofeat.ports.index import (
    Hit,
    IndexContents,
    IndexPublisher,
    IndexReader,
    Passing,
    ReleaseView,
    ServedIndex,
    VectorIndex,
)
from audiofeat.ports.keys import KeyRing
from audiofeat.ports.ledger import Attendance, Batches, IncidentView, JobView, Ledger, StepView, WorkerView
from audiofeat.ports.metadata import Described, Metadata
from audiofeat.ports.models import Models
from audiofeat.ports.objects import EventQueue, ObjectLedger, QueuedMessage
from audiofeat.ports.outside import MetadataSource, RecordSource, TaskQueue, Telemetry
from audiofeat.ports.repeats import EpisodeRow, Repeats, RepeatView
from audiofeat.ports.sources import Round
from audiofeat.ports.staleness import Extent, OldResult, StaleItem, Staleness
from audiofeat.ports.storage import Fetched, ObjectStore, StoredObject
from audiofeat.ports.things import ItemFacts, Membership, Things

__all__ = [
    "LEAST_FREE_BYTES",
    "Analysis",
    "Attendance",
    "Attributes",
    "Batches",
    "Candidate",
    "Catalogue",
    "Census",
    "CensusView",
    "Described",
    "Duplicates",
    "EmbeddingRow",
    "EpisodeRow",
    "EventQueue",
    "Extent",
    "Fetched",
    "FingerprintNote",
    "GroupView",
    "Hit",
    "IncidentView",
    "IndexContents",
    "IndexPublisher",
    "IndexReader",
    "IndexState",
    "ItemFacts",
    "ItemView",
    "JobView",
    "KeyRing",
    "LaneView",
    "Ledger",
    "MemberView",
    "Membership",
    "Metadata",
    "MetadataSource",
    "Models",
    "ObjectLedger",
    "ObjectStore",
    "OldResult",
    "Passing",
    "PrintRow",
    "QueuedMessage",
    "RecordSource",
    "ReleaseView",
    "RepeatView",
    "Repeats",
    "Round",
    "ServedIndex",
    "StaleItem",
    "Staleness",
    "StepView",
    "StoredObject",
    "Survey",
    "TaskQueue",
    "Telemetry",
    "Things",
    "VectorIndex",
    "WorkerState",
    "WorkerView",
]
