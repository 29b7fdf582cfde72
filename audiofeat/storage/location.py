"""Where audio lies, as a person writes it: ``s3://bucket/prefix``, a folder or a file."""

import re
from dataclasses import dataclass
from pathlib import Path

from audiofeat.errors import InvalidInput

_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_BUCKET = re.compile(r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$")


@dataclass(frozen=True, slots=True)
class Location:
    """A container and the part of it that is meant.

    Parameters
    ----------
    bucket : str | None
        The S3 bucket, or None for a local folder.
    folder : Path | None
        The absolute local folder, or None for a bucket.
    prefix : str
        The key, or the keys below it, that are meant; empty for all.
    """

    bucket: str | None = None
    folder: Path | None = None
    prefix: str = ""


def parse_location(text: str) -> Location:
    """Read a location; whether it exists is found out by its store.

    A path to a file means that one object of the folder in which the file lies.

    Raises
    ------
    InvalidInput
        If the text is empty, has another scheme than ``s3``, or names no possible bucket.

    Examples
    --------
    >>> parse_location("s3://demo/2024/").prefix
    '2024/'
    """
    scheme = _SCHEME.match(text)
    if scheme is None:
        return _local(text)
    if scheme[1].lower() != "s3":
        raise InvalidInput(f"{text} is neither s3://bucket/prefix nor a path", "download it to a folder first")
    bucket, _, prefix = text[scheme.end() :].partition("/")
    if not _BUCKET.match(bucket):
        raise InvalidInput(f"{text} names no possible bucket", "write s3://bucket or s3://bucket/prefix")
    return Location(bucket=bucket, prefix=prefix)


def _local(text: str) -> Location:
    if not text.strip() or "\0" in text:
        raise InvalidInput("the location is empty or holds a NUL character", "write s3://bucket/prefix or a path")
    path = Path(text).expanduser().absolute()
    if path.is_file():
        return Location(folder=path.parent.resolve(), prefix=path.name)
    return Location(folder=path.resolve())
