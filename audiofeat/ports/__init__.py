"""The few contracts through which services reach the outside; ``bootstrap`` hands in what fulfils them."""

from audiofeat.ports.catalogue import Analysis, Catalogue, EmbeddingRow, ItemView
from audiofeat.ports.index import Hit, IndexContents, IndexPublisher, IndexReader, ReleaseView, VectorIndex
from audiofeat.ports.ledger import JobView, Ledger
from audiofeat.ports.outside import MetadataSource, TaskQueue, Telemetry
from audiofeat.ports.storage import Fetched, ObjectStore, StoredObject

__all__ = [
    "Analysis",
    "Catalogue",
    "EmbeddingRow",
    "Fetched",
    "Hit",
    "IndexContents",
    "IndexPublisher",
    "IndexReader",
    "ItemView",
    "JobView",
    "Ledger",
    "MetadataSource",
    "ObjectStore",
    "ReleaseView",
    "StoredObject",
    "TaskQueue",
    "Telemetry",
    "VectorIndex",
]
