"""What happened to one object in a bucket, and which of two such events is the later one.

Messages arrive late, twice and in any order. Each event therefore carries a place in the history of its key, its
:attr:`ObjectEvent.order`; the greatest one that was ever seen tells what is there, whatever the order of arrival.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

_HEX = re.compile(r"[0-9A-Fa-f]{1,64}")
_CEPH_DIGITS = 16


class Happened(StrEnum):
    """What an event says of its object."""

    CREATED = "created"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """One change of one object, as its store announced it.

    Parameters
    ----------
    store, key : str
        Where; the key as the store's API has it, without any encoding.
    happened : Happened
        What.
    at : datetime
        When, by the store's clock.
    sequencer : str
        The canonical form that :func:`canonical_sequencer` makes, or empty where the store gives none.
    version : str or None
        The ETag, unquoted; None where the store does not say. Of a deletion some stores tell the last one.
    version_id : str or None
        The object's version in a versioned bucket.
    size_bytes : int
        0 where the store does not say.
    """

    store: str
    key: str
    happened: Happened
    at: datetime
    sequencer: str
    version: str | None = None
    version_id: str | None = None
    size_bytes: int = 0

    @property
    def order(self) -> tuple[str, float, bool, str]:
        """The place in the history of the key; the last three parts decide where a store has no sequencer."""
        is_gone = self.happened is Happened.DELETED
        return self.sequencer, self.at.timestamp(), is_gone, "" if is_gone else self.version or ""

    @property
    def removes_version(self) -> str | None:
        """The one version that is gone for ever, which need not be the newest; None where the key itself is gone."""
        return self.version_id if self.happened is Happened.DELETED else None


def canonical_sequencer(text: str, *, is_ceph: bool = False) -> str:
    """Return a sequencer as text whose alphabetical order is the order of the events of one key.

    Amazon's are hexadecimal numbers of any length that are compared after padding the shorter one with zeros on its
    right; without their trailing zeros they compare alike. Ceph's are the seconds and nanoseconds of its clock, each
    as four bytes with the least significant one first: these are turned round before.

    Parameters
    ----------
    text : str
        What the event says.
    is_ceph : bool
        Whether a Ceph gateway wrote it.

    Raises
    ------
    ValueError
        Where it is no hexadecimal number of 1 to 64 digits.

    Examples
    --------
    >>> canonical_sequencer("0055AED6DCD90281E5") < canonical_sequencer("0055AED6DCD90281E501")
    True
    >>> canonical_sequencer("00A0") == canonical_sequencer("00a")
    True
    >>> canonical_sequencer("3397076BD8AD9B28", is_ceph=True) < canonical_sequencer("3397076B4FD7412B", is_ceph=True)
    True
    """
    if not _HEX.fullmatch(text):
        raise ValueError("a sequencer is a hexadecimal number of 1 to 64 digits")
    if is_ceph and len(text) == _CEPH_DIGITS:
        raw = bytes.fromhex(text)
        text = (raw[3::-1] + raw[:3:-1]).hex()
    return text.lower().rstrip("0")
