"""What the ledger knows of the objects themselves: which version lies at a key now, or that nothing does."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from audiofeat.codes import ErrorCode
from audiofeat.domain.jobs import Registered


class Fate(StrEnum):
    """What became of an event or of an observation."""

    ACCEPTED = "accepted"
    LATE = "late"
    NOT_AUDIO = "not_audio"


@dataclass(frozen=True, slots=True)
class KnownObject:
    """What the ledger last heard of one key.

    Parameters
    ----------
    version : str or None
        The version that lies there, None where the object is gone.
    revision : int
        Raised with every change; an observation that was made against an older one is not believed.
    """

    key: str
    version: str | None
    revision: int


@dataclass(frozen=True, slots=True)
class Observation:
    """What a look into the store found at a key, and what the ledger knew before that look.

    Parameters
    ----------
    version : str or None
        None where nothing is there.
    revision : int or None
        Of the :class:`KnownObject`; None where there was none.
    """

    key: str
    version: str | None
    size_bytes: int
    revision: int | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What the ledger made of one event or observation; the job where there is one to do."""

    fate: Fate
    job: Registered | None = None


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A message, or a part of one, that was not accepted; nothing of its text is kept but what the reason shows."""

    source: str
    code: ErrorCode
    message: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """How far a pass over one place has come.

    Parameters
    ----------
    cursor : str
        The last key that is dealt with.
    counts : dict
        What was found so far, by the names of :class:`audiofeat.services.sync.Found`.
    """

    cursor: str
    counts: dict[str, int]
