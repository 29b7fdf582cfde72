"""Tags inside audio files: ID3, Vorbis comments and MP4 atoms under the common field names.

Pictures are not looked at. Whatever is wrong with a file, its tags are then simply not known. They are read in a
process of their own: a frame of a megabyte may unpack to gigabytes, and a hundred thousand frames take minutes.
"""

import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import mutagen
from mutagen.easymp4 import EasyMP4
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.mp3 import EasyMP3
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from audiofeat import logs
from audiofeat.domain.chapters import MOST_CHAPTERS
from audiofeat.domain.jobs import MetadataRecord
from audiofeat.domain.metadata_fields import MOST_CHARACTERS
from audiofeat.domain.source_records import TAGS
from audiofeat.metadata_sources.confined import Unfinished, confined
from audiofeat.metadata_sources.mp4_chapters import text_track

_FIELDS = {
    "title": "title",
    "artist": "artist",
    "album": "album",
    "genre": "genre",
    "date": "release_date",
    "isrc": "isrc",
    "language": "language",
    "albumartist": "album_artist",
    "organization": "label",
    "label": "label",
    "barcode": "upc",
    "musicbrainz_trackid": "mbid",
    "composer": "composer",
    "lyricist": "lyricist",
    "conductor": "conductor",
    "remixer": "remixer",
    "producer": "producer",
}
# What podcast programs write into episodes, of which there are no easy names: ID3 frames and MP4 atoms.
_OF_EPISODE = {"TGID": "guid", "TDES": "description", "egid": "guid", "desc": "description"}
_MARKS = ("PCST", "pcst")
_PODCAST = "podcast"
# The "easy" ones give ID3 frames and MP4 atoms the names that Vorbis comments have.
_PARSERS = (EasyMP3, EasyMP4, FLAC, OggFLAC, OggOpus, OggVorbis)
_MOST_VALUES = 16
_EXTRA_MEMORY_BYTES = 512 << 20
_CPU_S, _DEADLINE_S = 10.0, 60.0
# A time that ID3 leaves to a place in bytes, which no two readers agree on.
_BY_BYTES = 0xFFFFFFFF
_CHAPTER = re.compile(r"chapter[0-9]{2,3}")
_log = logs.get_logger(__name__)


def read_tags(path: Path) -> MetadataRecord | None:
    """Return what the tags of a file say, or None where there are none that can be read.

    A text longer than a field may be is cut just past that length, so that the merge still sees that it was
    too long and does not choose it.
    """
    try:
        fields = confined(
            lambda: _read(path), extra_memory_bytes=_EXTRA_MEMORY_BYTES, cpu_s=_CPU_S, deadline_s=_DEADLINE_S
        )
    except Unfinished as error:
        _log.info("tags_unreadable", reason=str(error))
        return None
    return MetadataRecord(TAGS, fields) if fields else None


def _read(path: Path) -> dict[str, Any]:
    found = mutagen.File(path, options=_PARSERS)
    if found is None:
        return {}
    fields = _fields(found.tags) if found.tags else {}
    # As they stand in the file: chapters, and what podcasts have, are not among the easy names.
    full = _full(found, path)
    fields |= _of_podcast(full, fields)
    chapters = _chapters(found, full, path)[:MOST_CHAPTERS]
    return fields | ({"chapters": chapters} if chapters else {})


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


def _full(found: Any, path: Path) -> Any:  # noqa: ANN401  mutagen's file and tags
    if isinstance(found, EasyMP3):
        return ID3(path) if found.tags is not None else {}
    if isinstance(found, EasyMP4):
        return MP4(path)  # type: ignore[no-untyped-call]  # mutagen types little
    return {}


def _of_podcast(full: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what podcast programs say of an episode; what they mark as one has its show as its album."""
    said = {field: str(text) for tag, field in _OF_EPISODE.items() for text in _values(full.get(tag))[:1]}
    is_marked = any(tag in full for tag in _MARKS) or str(fields.get("genre", "")).casefold() == _PODCAST
    show = {"show": fields["album"]} if is_marked and "album" in fields else {}
    return {**{field: text[: MOST_CHARACTERS + 1] for field, text in said.items() if text.strip()}, **show}


def _values(tag: Any) -> list[Any]:  # noqa: ANN401  an ID3 frame, or the values of an MP4 atom
    return list(getattr(tag, "text", tag) or ())


def _chapters(found: Any, full: Any, path: Path) -> list[tuple[float | str, float | None, str]]:  # noqa: ANN401  mutagen's file
    """Return start, end and title of chapters: ID3 ``CHAP``, MP4 tracks or ``chpl``, and Vorbis ``CHAPTER001``."""
    if isinstance(found, EasyMP3):
        frames = full.getall("CHAP") if full else []
        timed = [frame for frame in frames if frame.start_time != _BY_BYTES]
        return [
            (frame.start_time / 1000, None if frame.end_time == _BY_BYTES else frame.end_time / 1000, _title_of(frame))
            for frame in timed
        ]
    if isinstance(found, EasyMP4):
        of_nero = full.chapters or ()
        return [*text_track(path)] or [(chapter.start, None, chapter.title) for chapter in of_nero]
    tags: Mapping[str, Any] = dict(found.tags or {})
    # A set is what names the comments: without an order, two runs would differ.
    starts = sorted(name for name in tags if _CHAPTER.fullmatch(name.lower()))
    titles = {name: _texts(tags, f"{name}name") for name in starts}
    return [(_texts(tags, name)[0][:MOST_CHARACTERS], None, (titles[name] or [""])[0]) for name in starts]


def _title_of(frame: Any) -> str:  # noqa: ANN401  mutagen's frame
    titles = frame.sub_frames.getall("TIT2")
    return str(titles[0]) if titles else ""
