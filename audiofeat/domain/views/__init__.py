"""Views: a record in the shape of somebody else's format, for programs that already read it.

A view is a pure function of a record. What the other format knows and we do not is null; what is there says, field by
field, from which of our fields it comes and how far to trust it.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from audiofeat.domain.views import acousticbrainz, spotify


class Format(StrEnum):
    """The formats that a record can be turned into."""

    SPOTIFY = "spotify"
    ACOUSTICBRAINZ = "acousticbrainz"


_VIEWS: Mapping[Format, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    Format.SPOTIFY: spotify.view,
    Format.ACOUSTICBRAINZ: acousticbrainz.view,
}


def view(record: Mapping[str, Any], form: Format) -> dict[str, Any]:
    """Return a record in another format; that of a rejected file has nulls in place of its parts."""
    return _VIEWS[form](record)
