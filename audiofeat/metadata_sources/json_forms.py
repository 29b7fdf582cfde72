"""JSON of other projects in a delivery of JSON Lines: ListenBrainz' listens and AcousticBrainz' low-level documents.

Both are told by their own members. What AcousticBrainz measured becomes a claim like any other, and is held against the
audio by the audit. Everything else is left as it is.
"""

from collections.abc import Mapping
from typing import Any

_LISTEN = {
    "recording_mbid": "mbid", "isrc": "isrc", "artist_mbids": "artist_mbids", "release_mbid": "album_mbid",
    "tracknumber": "track_number", "tags": "genre",
}  # fmt: skip
_TAGS = {
    "musicbrainz_recordingid": "mbid", "musicbrainz_trackid": "mbid", "isrc": "isrc", "title": "title",
    "artist": "artist", "album": "album", "label": "label", "date": "release_date", "genre": "genre",
    "barcode": "upc", "tracknumber": "track_number", "discnumber": "disc_number",
}  # fmt: skip


def flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a JSON object, out of the forms that are known."""
    listen = given.get("track_metadata")
    if isinstance(listen, Mapping) and "track_name" in listen:
        return _listen(listen)
    about = given.get("metadata")
    if isinstance(about, Mapping) and isinstance(about.get("audio_properties"), Mapping):
        return _measured(given, about)
    return dict(given)


def _listen(listen: Mapping[str, Any]) -> dict[str, Any]:
    more = {**_mapping(listen.get("mbid_mapping")), **_mapping(listen.get("additional_info"))}
    said = {
        "kind": "track",
        "title": listen.get("track_name"),
        "artist": listen.get("artist_name"),
        "album": listen.get("release_name"),
        **{field: more.get(name) for name, field in _LISTEN.items()},
    }
    known = more.get("artist_mbids")
    if isinstance(known, list) and len(known) == 1 and said["artist"]:
        said["artist_ids"] = f"{said['artist']}=mbid:{known[0]}"
    length_ms = more.get("duration_ms")
    said["duration_s"] = length_ms / 1000 if isinstance(length_ms, int | float) else more.get("duration")
    return said


def _measured(given: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    tags, sound = _mapping(about.get("tags")), _mapping(about.get("audio_properties"))
    rhythm, tonal = _mapping(given.get("rhythm")), _mapping(given.get("tonal"))
    # AcousticBrainz has Essentia's extractor 1; its extractor 2 tells a key by several profiles.
    edma = _mapping(tonal.get("key_edma"))
    key, scale = tonal.get("key_key", edma.get("key")), tonal.get("key_scale", edma.get("scale"))
    said: dict[str, Any] = {"kind": "track"}
    for name, field in _TAGS.items():
        values = tags.get(name)
        said.setdefault(field, values[0] if isinstance(values, list) and len(values) == 1 else values)
        said = {field: value for field, value in said.items() if value is not None}
    return said | {
        "duration_s": sound.get("length"),
        "tempo_bpm": rhythm.get("bpm"),
        "key": f"{key} {scale}" if key and scale else None,
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
