"""How an S3 server is reached; apart from the store, so that a command without S3 need not load boto3."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Connection:
    """Address, credentials and patience.

    Parameters
    ----------
    endpoint_url : str | None
        Base URL of the server; None for Amazon's.
    region : str | None
        None for boto3's own choice.
    access_key_id, secret_access_key : str | None
        None for boto3's own credential chain.
    attempts : int
        Tries of one call in all; the random waits between five of them come to at most 15 s.
    connect_timeout_s, read_timeout_s : float
        Longest waits for a connection and for the next bytes.
    watch : callable, optional
        Told of every call: operation, outcome (HTTP status or ``no_answer``) and seconds.
    """

    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    attempts: int = 5
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 30.0
    watch: Callable[[str, str, float], None] | None = field(default=None, repr=False, compare=False)
