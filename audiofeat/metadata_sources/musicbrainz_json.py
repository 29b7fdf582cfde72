"""MusicBrainz's JSON of recordings and releases, as its web service and its dumps have it, as records."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from audiofeat.domain.matching import title_of
from audiofeat.domain.source_records import SourceRecord, Unreadable, problem_with

LICENCE = "CC0-1.0"
_MOST_VALUES = 50
# Worldwide, Europe, and states of the past.
_NO_COUNTRIES = frozenset({"XW", "XE", "XU", "XC", "XG", "SU", "YU", "CS", "AN"})


def recording_record(
    recording: object, *, source: str, place: str, fetched_at: float, isrc: str | None = None
) -> SourceRecord | Unreadable:
    """Return what is said of a recording.

    Of several releases the first one counts: official before others, an album of its own before a compilation, then
    the earliest. Of several ISRCs the record has the one that was asked for, since an item has one, and lists all.
    """
    try:
        fields = _of_recording(_mapping(recording), isrc) | _of_release(_first_release(_mapping(recording)))
        return _record(fields, fields.get("mbid", ""), source=source, place=place, fetched_at=fetched_at)
    except (TypeError, ValueError) as error:
        return Unreadable(place, f"no recording as MusicBrainz describes them: {error}")


def release_records(
    release: object, *, source: str, place: str, fetched_at: float
) -> Iterator[SourceRecord | Unreadable]:
    """Yield what a release says of each recording on it: also its place, and the label."""
    try:
        document = _mapping(release)
        of_release, mbid = _of_release(document), _text(document.get("id"))
        tracks = [(medium, track) for medium in _mappings(document, "media") for track in _mappings(medium, "tracks")]
        for medium, track in tracks:
            recording = _mapping(track.get("recording"))
            fields = {
                **_of_recording({"artist-credit": track.get("artist-credit"), **recording}, None),
                **of_release,
                "disc_number": _text(medium.get("position")),
                "track_number": _text(track.get("position") or track.get("number")),
            }
            name = f"{mbid}/{_text(track.get('id'))}"
            yield _record(fields, name, source=source, place=place, fetched_at=fetched_at)
    except (TypeError, ValueError) as error:
        yield Unreadable(place, f"no release as MusicBrainz describes them: {error}")


def _record(
    fields: Mapping[str, Any], name: str, *, source: str, place: str, fetched_at: float
) -> SourceRecord | Unreadable:
    said = {field: value for field, value in fields.items() if value not in ("", None, [])}
    problem = "it has no id or no title" if not name or "title" not in said else problem_with(said)
    if problem:
        return Unreadable(place, problem)
    return SourceRecord(source, name, said, fetched_at=fetched_at, licence=LICENCE)


def _of_recording(recording: Mapping[str, Any], asked_isrc: str | None) -> dict[str, Any]:
    isrcs = [code for code in _list(recording, "isrcs") if isinstance(code, str)]
    length_ms = recording.get("length")
    credits_ = _mappings(recording, "artist-credit")
    return {
        "mbid": _text(recording.get("id")),
        "kind": "track",
        "title": _title(_text(recording.get("title")), _text(recording.get("disambiguation"))),
        "artist": "".join(_text(one.get("name")) + _text(one.get("joinphrase")) for one in credits_),
        "artist_mbids": [_text(_mapping(one.get("artist")).get("id")) for one in credits_ if one.get("artist")],
        "artist_ids": [
            f"{_text(one.get('name'))}=mbid:{_text(_mapping(one.get('artist')).get('id'))}"
            for one in credits_
            if one.get("artist")
        ],
        "duration_s": length_ms / 1000 if isinstance(length_ms, int) and length_ms > 0 else None,
        "isrc": asked_isrc or (isrcs[0] if len(isrcs) == 1 else None),
        "isrcs": isrcs[:_MOST_VALUES],
        "release_date": _text(recording.get("first-release-date")),
    }


def _of_release(release: Mapping[str, Any]) -> dict[str, Any]:
    if not release:
        return {}
    group = _mapping(release.get("release-group") or {})
    labels = [_mapping(one.get("label") or {}) for one in _mappings(release, "label-info")]
    found = {
        "album": _text(release.get("title")),
        "album_mbid": _text(release.get("id")),
        "album_type": _text(group.get("primary-type")),
        "upc": _text(release.get("barcode")),
        "country": "" if _text(release.get("country")) in _NO_COUNTRIES else _text(release.get("country")),
        "label": next((_text(one.get("name")) for one in labels if one.get("name")), ""),
    }
    media = _mappings(release, "media")
    tracks = _mappings(media[0], "tracks") if len(media) == 1 else []
    if len(tracks) == 1:
        # Of a recording's release only the recording's own track is told.
        found["disc_number"] = _text(media[0].get("position") or 1)
        found["track_number"] = _text(tracks[0].get("position") or tracks[0].get("number"))
    return found


def _first_release(recording: Mapping[str, Any]) -> Mapping[str, Any]:
    def rank(release: Mapping[str, Any]) -> tuple[bool, bool, str, str]:
        group = _mapping(release.get("release-group") or {})
        is_other = _text(release.get("status")) != "Official"
        return is_other, bool(group.get("secondary-types")), _text(release.get("date")) or "9", _text(release.get("id"))

    return min(_mappings(recording, "releases"), key=rank, default={})


def _title(title: str, disambiguation: str) -> str:
    """Return a title with what marks the recording as another version, which MusicBrainz writes beside it."""
    marked = f"{title} ({disambiguation})" if disambiguation else title
    return marked if title_of(marked).markers - title_of(title).markers else title


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("an object is missing")
    return value


def _mappings(document: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    return [_mapping(one) for one in _list(document, name)]


def _list(document: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = document.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"{name} is no list")
    return value


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | int):
        raise TypeError("a text is missing")
    return str(value)
