"""The errors of sources of metadata that are asked over the network: a branch of :mod:`audiofeat.errors`.

::

    SourceProblem
    ├── SourceUnavailable   it does not answer, or asks to come later (retryable)
    └── SourceRefused       what it answers is not what was asked for
"""

from audiofeat.codes import ErrorCode
from audiofeat.errors import AudiofeatError


class SourceProblem(AudiofeatError):
    """A source of metadata did not do what was asked."""


class SourceUnavailable(SourceProblem):
    """Time-outs, 5xx, resets, too many requests: worth another try later."""

    code = ErrorCode.SOURCE_UNAVAILABLE
    retryable = True


class SourceRefused(SourceProblem):
    """The source answers with an error of ours, another kind of document, too much, or leads to another host."""

    code = ErrorCode.SOURCE_REFUSED
