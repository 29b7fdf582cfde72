"""The few contracts through which services reach the outside; ``bootstrap`` hands in what fulfils them."""

from audiofeat.ports.catalogue import Analysis, Catalogue, EmbeddingRow, ItemView
from audiofeat.ports.index import Hit, IndexContents, IndexPublisher, IndexReader, ReleaseView, VectorIndex
from audiofeat.ports.ledger import Attendance, Batches, IncidentView, JobView, Ledger, StepView, WorkerView
from audiofeat.ports.objects import ObjectLedger
from audiofeat.ports.outside import MetadataSource, TaskQueue, Telemetry
from audiofeat.ports.storage import Fetched, ObjectStore, StoredObject

__all__ = [
    "Analysis",
    "Attendance",
    "Batches",
    "Catalogue",
    "EmbeddingRow",
    "Fetched",
    "Hit",
    "IncidentView",
    "IndexContents",
    "IndexPublisher",
    "IndexReader",
    "ItemView",
    "JobView",
    "Ledger",
    "MetadataSource",
    "ObjectLedger",
    "ObjectStore",
    "ReleaseView",
    "StepView",
    "StoredObject",
    "TaskQueue",
    "Telemetry",
    "VectorIndex",
    "WorkerView",
]
