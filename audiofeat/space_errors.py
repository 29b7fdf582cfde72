"""The errors of spaces, of what is built in them, and of things that lie in them: a branch of :mod:`audiofeat.errors`.

::

    SpaceUnknown     no space has this id (a usage error)
    ThingUnknown     no artist, album, show or collection has this name (a usage error)
    QualityTooLow    the built index is clearly worse than the one that is served (an index problem)
"""

from audiofeat.codes import ErrorCode
from audiofeat.errors import IndexProblem, UsageError


class SpaceUnknown(UsageError):
    """No space has this id."""

    code = ErrorCode.SPACE_UNKNOWN


class ThingUnknown(UsageError):
    """No artist, album, show or collection has this name."""

    code = ErrorCode.THING_UNKNOWN


class QualityTooLow(IndexProblem):
    """The built index is clearly worse than the one that is served."""

    code = ErrorCode.QUALITY_TOO_LOW
