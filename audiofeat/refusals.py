"""The errors of whoever asks over HTTP and may not: a branch of :mod:`audiofeat.errors`.

::

    AccessRefused
    ├── KeyMissing      keys are needed, and none was given (401)
    ├── KeyInvalid      what was given is no key, or was revoked, or has expired (401)
    ├── ScopeMissing    the key is not for this (403)
    └── RateLimited     too many requests (429)
"""

from collections.abc import Mapping

from audiofeat.codes import ErrorCode
from audiofeat.errors import UsageError


class AccessRefused(UsageError):
    """Who asks over HTTP may not."""


class KeyMissing(AccessRefused):
    """API keys are needed, and none was given."""

    code = ErrorCode.KEY_MISSING


class KeyInvalid(AccessRefused):
    """What was given is no API key, or was revoked, or has expired."""

    code = ErrorCode.KEY_INVALID


class ScopeMissing(AccessRefused):
    """The API key is not for this."""

    code = ErrorCode.SCOPE_MISSING


class RateLimited(AccessRefused):
    """Too many requests in too short a time.

    ``wait_s`` tells when the next one is taken, and ``told`` what headers say of the rate.
    """

    code = ErrorCode.RATE_LIMITED

    def __init__(self, message: str, remedy: str = "", *, wait_s: float, told: Mapping[str, str]) -> None:
        super().__init__(message, remedy)
        self.wait_s = wait_s
        self.told = told
