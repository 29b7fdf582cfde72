"""Every error that audiofeat raises on purpose.

::

    AudiofeatError
    ├── UsageError                 the caller asked for something that cannot be (exit 2, HTTP 4xx)
    │   ├── InvalidInput           a value is out of range or of the wrong form
    │   ├── SourceNotFound         a path, bucket or prefix does not exist
    │   ├── NoAudioFound           the source exists and holds nothing to ingest
    │   ├── ItemUnknown            no item has this id, reference or key
    │   ├── ItemNotAnalysed        the item exists and has no embedding yet
    │   ├── JobUnknown             no job has this id
    │   ├── BatchUnknown           no batch has this id
    │   ├── KeyUnknown             no API key is called so
    │   ├── AccessRefused          who asks over HTTP may not: see ``refusals``
    │   ├── MessageRefused         a message that can never be accepted (final)
    │   └── SpaceMismatch          vectors of two spaces were about to be compared
    ├── AudioRejected              the bytes are not audio that can be analysed (final)
    ├── ExtractionCrashed          the child died by signal, deadline or memory
    ├── StoreError                 object storage
    │   ├── ObjectMissing          404 (final)
    │   ├── AccessDenied           401, 403 or wrong credentials (final)
    │   ├── ObjectChanged          the object is not the version that was asked for
    │   ├── ObjectTooLarge         larger than the limit (final)
    │   ├── PointerMoved           a compare-and-swap lost its race
    │   └── StoreUnavailable       time-outs, 5xx, resets (retryable)
    ├── SourceProblem              a source of metadata on the network: see ``source_errors``
    ├── CatalogueUnavailable       the ledger's database cannot be used
    ├── BrokerUnavailable          the broker cannot be reached or started
    ├── IndexProblem               index files; see also ``space_errors``
    │   ├── IndexMissing           nothing is published, or no such release
    │   ├── IndexEmpty             there is nothing to build from
    │   ├── IndexDamaged           checksum, size or canary does not agree with the manifest
    │   ├── IndexIncomplete        too many fingerprints are of an older version
    │   └── RecallTooLow           the built index is not good enough to publish
    └── HostProblem                the machine
        ├── DiskFull               (retryable)
        ├── PortTaken
        ├── SettingsInvalid
        ├── HostFault              files of ours cannot be read or written (retryable)
        ├── WorkersFailed          the workers end as soon as they are started
        ├── LibraryUnusable        a native library does not work on this processor
        └── Busy                   it does as much of this as it can already (retryable)

Each class has a stable ``code``; ``MessageRefused``, ``AudioRejected`` and ``ExtractionCrashed``
carry one of several.
"""

from audiofeat.codes import ErrorCode


class AudiofeatError(Exception):
    """Root of the tree.

    Parameters
    ----------
    message : str
        What is wrong, naming the thing.
    remedy : str
        What the reader can do about it; empty where the message says it all.
    """

    code: ErrorCode
    retryable = False

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class UsageError(AudiofeatError):
    """The caller asked for something that cannot be."""


class InvalidInput(UsageError):
    """A value is out of range or of the wrong form."""

    code = ErrorCode.INVALID_INPUT


class SourceNotFound(UsageError):
    """A path, bucket or prefix does not exist."""

    code = ErrorCode.SOURCE_NOT_FOUND


class NoAudioFound(UsageError):
    """The source exists and holds nothing to ingest."""

    code = ErrorCode.NO_AUDIO_FOUND


class ItemUnknown(UsageError):
    """No item has this id, reference or key."""

    code = ErrorCode.ITEM_UNKNOWN


class ItemNotAnalysed(UsageError):
    """The item exists and has no embedding yet."""

    code = ErrorCode.ITEM_NOT_ANALYSED


class JobUnknown(UsageError):
    """No job has this id."""

    code = ErrorCode.JOB_UNKNOWN


class BatchUnknown(UsageError):
    """No batch has this id."""

    code = ErrorCode.BATCH_UNKNOWN


class KeyUnknown(UsageError):
    """No API key is called so."""

    code = ErrorCode.KEY_UNKNOWN


class SpaceMismatch(UsageError):
    """Vectors of two spaces were about to be compared."""

    code = ErrorCode.SPACE_MISMATCH


class MessageRefused(UsageError):
    """A message that can never be accepted, whoever sends it again."""

    def __init__(self, code: ErrorCode, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.code = code


class AudioRejected(AudiofeatError):
    """The bytes are not audio that can be analysed; trying again changes nothing."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class ExtractionCrashed(AudiofeatError):
    """The child died by signal, deadline or memory while its parent lived: one crash for the item.

    ``signal`` is the name of the signal that ended it, where one did; ``stage`` is ``probe`` or ``analysis``.
    """

    def __init__(self, code: ErrorCode, message: str, *, signal: str | None = None, stage: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.signal = signal
        self.stage = stage


class StoreError(AudiofeatError):
    """Object storage did not do what was asked."""


class ObjectMissing(StoreError):
    """The key does not exist."""

    code = ErrorCode.OBJECT_MISSING


class AccessDenied(StoreError):
    """The store refuses these credentials or this bucket."""

    code = ErrorCode.ACCESS_DENIED


class ObjectChanged(StoreError):
    """The object is not the version that was asked for."""

    code = ErrorCode.OBJECT_CHANGED


class ObjectTooLarge(StoreError):
    """The object is larger than the limit."""

    code = ErrorCode.OBJECT_TOO_LARGE


class PointerMoved(StoreError):
    """A compare-and-swap lost its race."""

    code = ErrorCode.POINTER_MOVED


class StoreUnavailable(StoreError):
    """Time-outs, 5xx, resets: worth another try later."""

    code = ErrorCode.STORE_UNAVAILABLE
    retryable = True


class CatalogueUnavailable(AudiofeatError):
    """The ledger's database cannot be used."""

    code = ErrorCode.CATALOGUE_UNAVAILABLE
    retryable = True


class BrokerUnavailable(AudiofeatError):
    """The broker cannot be reached or started."""

    code = ErrorCode.BROKER_UNAVAILABLE
    retryable = True


class IndexProblem(AudiofeatError):
    """Index files are missing, empty or not what their manifest says."""


class IndexMissing(IndexProblem):
    """Nothing is published, or there is no such release."""

    code = ErrorCode.INDEX_MISSING


class IndexEmpty(IndexProblem):
    """There is nothing to build an index from."""

    code = ErrorCode.INDEX_EMPTY


class IndexDamaged(IndexProblem):
    """Checksum, size or canary does not agree with the manifest."""

    code = ErrorCode.INDEX_DAMAGED


class IndexIncomplete(IndexProblem):
    """Too many items have a fingerprint of an older version to build an index of."""

    code = ErrorCode.INDEX_INCOMPLETE


class RecallTooLow(IndexProblem):
    """The built index is not good enough to publish."""

    code = ErrorCode.RECALL_TOO_LOW


class HostProblem(AudiofeatError):
    """The machine lacks something."""


class DiskFull(HostProblem):
    """No space is left where audiofeat has to write."""

    code = ErrorCode.DISK_FULL
    retryable = True


class PortTaken(HostProblem):
    """Another program listens on the port."""

    code = ErrorCode.PORT_TAKEN


class SettingsInvalid(HostProblem):
    """A setting is missing or has a wrong form."""

    code = ErrorCode.SETTINGS_INVALID


class HostFault(HostProblem):
    """Files of audiofeat's own cannot be read or written on this machine."""

    code = ErrorCode.HOST_FAULT
    retryable = True


class WorkersFailed(HostProblem):
    """The workers end as soon as they are started."""

    code = ErrorCode.WORKERS_FAILED


class LibraryUnusable(HostProblem):
    """A native library does not work on this processor."""

    code = ErrorCode.LIBRARY_UNUSABLE


class Busy(HostProblem):
    """The process does as much of what was asked for at a time as it can."""

    code = ErrorCode.BUSY
    retryable = True
