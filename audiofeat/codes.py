"""The stable codes of everything that audiofeat refuses or fails to do, each with its number and its remedy.

Codes and numbers are part of the public contract: neither is changed or used again.
"""

from enum import StrEnum
from typing import Self


class ErrorCode(StrEnum):
    """Why something was refused or failed.

    Parameters
    ----------
    value : str
        The code, as messages, ledger and HTTP carry it.
    number : int
        Its place in the catalogue: the first digit tells the family.
    remedy : str
        What whoever meets it can do.
    """

    _value_: str
    number: int
    remedy: str

    def __new__(cls, value: str, number: int = 0, remedy: str = "") -> Self:
        """Make the code a text that also knows its number and its remedy."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.number = number
        code.remedy = remedy
        return code

    # What the caller asked for cannot be
    INVALID_INPUT = "invalid_input", 101, "Correct the value that the message names."
    SOURCE_NOT_FOUND = "source_not_found", 102, "Check path, bucket and `AUDIOFEAT_S3_ENDPOINT_URL`."
    NO_AUDIO_FOUND = "no_audio_found", 103, "Check the prefix: it is a whole key, or what stands before a `/`."
    ITEM_UNKNOWN = "item_unknown", 104, "Ingest it, or ask by another name: id, reference, key or its last part."
    ITEM_NOT_ANALYSED = "item_not_analysed", 105, "Wait for its job, or see why that ended: `audiofeat failures`."
    JOB_UNKNOWN = "job_unknown", 106, "Use an id that `/v1/jobs` lists."
    SPACE_MISMATCH = "space_mismatch", 107, "Compare vectors of one space; rebuild the index after an upgrade."
    BATCH_UNKNOWN = "batch_unknown", 108, "Use an id that `audiofeat reprocess status` lists."
    SPACE_UNKNOWN = "space_unknown", 109, "Use an id that `audiofeat space list` shows."
    THING_UNKNOWN = "thing_unknown", 110, "List them: `audiofeat artists list`, and so on."
    # A message from outside
    MESSAGE_MALFORMED = "message_malformed", 121, "Correct the producer; see the page on events."
    MESSAGE_UNKNOWN = "message_unknown", 122, "Send S3 notifications only; another kind needs a queue of its own."
    MESSAGE_TOO_LARGE = "message_too_large", 123, "Send fewer records in a message."
    CONFIRMATION_NEEDED = "confirmation_needed", 124, "Where the topic is yours, run the command that is shown."
    # Who asks over HTTP
    KEY_MISSING = "key_missing", 141, "Send `Authorization: Bearer KEY`; `audiofeat keys create` makes one."
    KEY_INVALID = "key_invalid", 142, "See `audiofeat keys list`; make another one with `audiofeat keys create`."
    SCOPE_MISSING = "scope_missing", 143, "Use a key with the scope that the message names."
    RATE_LIMITED = "rate_limited", 144, "Wait as long as `Retry-After` says, or raise `AUDIOFEAT_API_RATE_LIMIT`."
    KEY_UNKNOWN = "key_unknown", 145, "Use a prefix or name that `audiofeat keys list` shows."
    # The bytes are not audio that can be analysed
    EMPTY_OBJECT = "empty_object", 201, "Upload the file again."
    NOT_AUDIO = "not_audio", 202, "Upload audio; the name's ending is not looked at."
    UNREADABLE = "unreadable", 203, "Export the file again; its header is broken."
    NO_FRAMES = "no_frames", 204, "Export the file again; it has a header only."
    NO_AUDIO_STREAM = "no_audio_stream", 205, "Upload the audio rather than a container without any."
    UNSUPPORTED_FORMAT = "unsupported_format", 206, "Convert it to FLAC, WAV, MP3, Ogg, Opus or AAC."
    NOT_FINITE = "not_finite", 207, "Export it again; the samples hold NaN or infinity."
    AMPLITUDE_OUT_OF_RANGE = "amplitude_out_of_range", 208, "Normalise it to full scale before the export."
    TOO_MANY_CHANNELS = "too_many_channels", 209, "Mix it down to at most 8 channels."
    SAMPLE_RATE_OUT_OF_RANGE = "sample_rate_out_of_range", 210, "Resample it to 4-384 kHz."
    TOO_LONG = "too_long", 211, "Cut it, or raise `AUDIOFEAT_MAX_DURATION_S`, then replay the job."
    PCM_BUDGET = "pcm_budget", 212, "None: such a file is made to exhaust its reader. Convert it if it is not."
    # How an extraction ended badly
    EXTRACTION_SIGNAL = "extraction_signal", 301, "Keep the file and report it: native code crashed on it."
    EXTRACTION_DEADLINE = "extraction_deadline", 302, "Look for an overloaded host; else report the file."
    EXTRACTION_MEMORY = "extraction_memory", 303, "Give the worker more memory, or run fewer at a time."
    EXTRACTION_FAILED = "extraction_failed", 304, "Report it with the worker's log."
    LEASE_LOST = "lease_lost", 305, "Look why workers vanish: out of memory, lost hosts, long pauses; then replay."
    # Object storage
    OBJECT_MISSING = "object_missing", 401, "Put the object back; ingesting or replaying it tries again."
    ACCESS_DENIED = "access_denied", 402, "Check credentials, policy and `AUDIOFEAT_ALLOWED_BUCKETS`."
    OBJECT_CHANGED = "object_changed", 403, "Nothing: the new version has a job of its own."
    OBJECT_TOO_LARGE = "object_too_large", 404, "Raise `AUDIOFEAT_MAX_OBJECT_BYTES` if it should be analysed."
    POINTER_MOVED = "pointer_moved", 405, "See `audiofeat index list`; build again where the served one is not newer."
    STORE_UNAVAILABLE = "store_unavailable", 406, "Check endpoint and network; work that waits is tried again."
    # Sources of metadata that are asked over the network
    SOURCE_UNAVAILABLE = "source_unavailable", 421, "Ask again later; what has come until then is kept."
    SOURCE_REFUSED = "source_refused", 422, "Check the address that the message names, and what lies there."
    # Ledger and broker
    CATALOGUE_UNAVAILABLE = "catalogue_unavailable", 501, "Start the database, or check `AUDIOFEAT_DATABASE_URL`."
    BROKER_UNAVAILABLE = "broker_unavailable", 502, "Start the broker, or check `AUDIOFEAT_BROKER_URL`."
    # Index files
    INDEX_MISSING = "index_missing", 601, "Run `audiofeat index build`."
    INDEX_EMPTY = "index_empty", 602, "Ingest something first."
    INDEX_DAMAGED = "index_damaged", 603, "Run `audiofeat index build`, or `index rollback`."
    RECALL_TOO_LOW = "recall_too_low", 604, "Report it; what was served is still served."
    INDEX_INCOMPLETE = "index_incomplete", 605, "Run `audiofeat reprocess run`; what was served is still served."
    QUALITY_TOO_LOW = "quality_too_low", 606, "Find out why; where it is meant, `audiofeat index build --force`."
    # The machine
    DISK_FULL = "disk_full", 701, "Free some space; work goes on by itself."
    PORT_TAKEN = "port_taken", 702, "End the other program, or choose another port."
    SETTINGS_INVALID = "settings_invalid", 703, "Correct the variable that the message names."
    HOST_FAULT = "host_fault", 704, "Make the files under `AUDIOFEAT_HOME` readable and writable."
    WORKERS_FAILED = "workers_failed", 705, "Read `workers.log` under `AUDIOFEAT_HOME`."
    LIBRARY_UNUSABLE = "library_unusable", 706, "Install again on this machine; see `audiofeat doctor`."
    BUSY = "busy", 707, "Ask again a little later."
