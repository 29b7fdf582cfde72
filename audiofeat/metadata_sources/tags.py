"""Tags inside audio files: ID3, Vorbis comments and MP4 atoms under the common field names.

Pictures are not looked at. Whatever is wrong with a file, its tags are then simply not known.
"""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import mutagen
from mutagen.easymp4 import EasyMP4
from mutagen.flac import FLAC
from mutagen.mp3 import EasyMP3
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from audiofeat import logs
from audiofeat.domain.jobs import MetadataRecord
from audiofeat.domain.metadata_fields import MOST_CHARACTERS
from audiofeat.domain.source_records import TAGS

_FIELDS = {
    "title": "title",
    "artist": "artist",
    "album": "album",
    "genre": "genre",
    "date": "release_date",
    "isrc": "isrc",
    "language": "language",
}
# The "easy" ones give ID3 frames and MP4 atoms the names that Vorbis comments have.
_PARSERS = (EasyMP3, EasyMP4, FLAC, OggFLAC, OggOpus, OggVorbis)
_MOST_VALUES = 16
_log = logs.get_logger(__name__)


def read_tags(path: Path) -> MetadataRecord | None:
    """Return what the tags of a file say, or None where there are none that can be read.

    A text longer than a field may be is cut just past that length, so that the merge still sees that it was
    too long and does not choose it.
    """
    try:
        found = mutagen.File(path, options=_PARSERS)
        fields = _fields(found.tags) if found is not None and found.tags else {}
    except Exception as error:  # noqa: BLE001 - damaged files make the parsers fail in any way, MemoryError included
        _log.info("tags_unreadable", reason=type(error).__name__)
        return None
    return MetadataRecord(TAGS, fields) if fields else None


def _fields(tags: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for tag, field in _FIELDS.items():
        values = [text[: MOST_CHARACTERS + 1] for text in islice(_texts(tags, tag), _MOST_VALUES) if text.strip()]
        if values:
            fields[field] = values[0] if len(values) == 1 else values
    return fields


def _texts(tags: Mapping[str, Any], tag: str) -> list[str]:
    try:
        values = tags.get(tag)
    except (KeyError, ValueError):  # ValueError: a tag that this kind of file cannot have
        return []
    return [str(value) for value in values] if isinstance(values, list) else []
