"""The errors of fitting spaces and of judging what is built in them: a branch of :mod:`audiofeat.errors`.

::

    SpaceUnknown     no space has this id (a usage error)
    QualityTooLow    the built index is clearly worse than the one that is served (an index problem)
"""

from audiofeat.codes import ErrorCode
from audiofeat.errors import IndexProblem, UsageError


class SpaceUnknown(UsageError):
    """No space has this id."""

    code = ErrorCode.SPACE_UNKNOWN


class QualityTooLow(IndexProblem):
    """The built index is clearly worse than the one that is served."""

    code = ErrorCode.QUALITY_TOO_LOW
