"""What DDEX's messages call the fields of a recording and of a release: 3.8 has them by territory, 4.x by party.

Of several territories the first one counts, which is the default of all others. Of several languages likewise, unless
one is marked as the default.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from audiofeat.metadata_sources.xml_pieces import Node

_DURATION = re.compile(r"P(?:(\d+)D)?T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
# ExplicitContentEdited is the clean version of something explicit.
_EXPLICIT = {"Explicit": True, "NotExplicit": False, "ExplicitContentEdited": False}
_FEATURED = "FeaturedArtist"
# Under which fields what people did is asked for; all that they did stands under ``contributors``.
_CREDITED: Mapping[str, str] = {
    _FEATURED: "featured_artist",
    "Remixer": "remixer",
    "Composer": "composer",
    "ComposerLyricist": "composer",
    "Conductor": "conductor",
    "Lyricist": "lyricist",
    "Producer": "producer",
    "StudioProducer": "producer",
}
_MOST_VALUES = 100


class Party(NamedTuple):
    """A person or company of a message of 4.x, with its ISNI where one is given."""

    name: str
    isni: str = ""


Parties = Mapping[str, Party]
_NOBODY = Party("")


class Track(NamedTuple):
    """A recording on a release, with its disc and number where the release says so."""

    reference: str
    place: Mapping[str, str]


def is_true(text: str) -> bool:
    """Return whether a flag is set, in either spelling of XML Schema."""
    return text.lower() in {"true", "1"}


def party_of(node: Node) -> Party:
    """Return what an entry of the list of parties says."""
    name = _default(node.all("PartyName"))
    return Party(name.first("FullName") if name else "", node.first("PartyId", "ISNI"))


def names_of(release: Node) -> list[str]:
    """Return what a release is called, the most definite first: barcode, GRid, own ids of the sender, ISRC."""
    ids = release.all("ReleaseId")
    own = [f"{node.attributes.get('Namespace', '')}:{node.text}" for one in ids for node in one.all("ProprietaryId")]
    found = [one.first(name) for name in ("ICPN", "GRid") for one in ids] + own + [one.first("ISRC") for one in ids]
    return [name.replace("/", "_") for name in dict.fromkeys(found) if name]


def release_fields(release: Node, parties: Parties) -> dict[str, Any]:
    """Return what is said of all recordings on a release."""
    details = _details(release, "ReleaseDetailsByTerritory")
    label = details.first("LabelName") or parties.get(release.first("ReleaseLabelReference"), _NOBODY).name
    dates = ("GlobalOriginalReleaseDate", "OriginalReleaseDate", "ReleaseDate")
    return {
        "album": _title(release, details),
        "album_artist": _artist(release, details, parties),
        "album_type": release.first("ReleaseType"),
        "upc": release.first("ReleaseId", "ICPN"),
        "grid": release.first("ReleaseId", "GRid"),
        "catalog_number": release.first("ReleaseId", "CatalogNumber"),
        "label": label,
        "release_date": next((text for name in dates for node in (release, details) if (text := node.first(name))), ""),
        "p_line": release.first("PLine", "PLineText") or details.first("PLine", "PLineText"),
        "c_line": release.first("CLine", "CLineText") or details.first("CLine", "CLineText"),
        "genre": _genres(release, details),
        "explicit": _explicit(release, details),
    }


def recording_fields(recording: Node, parties: Parties, *, default_artist: str) -> dict[str, Any]:
    """Return what is said of a recording; what it does not say is left out, so that its release's word stands."""
    details = _details(recording, "SoundRecordingDetailsByTerritory")
    edition = next(iter(recording.all("SoundRecordingEdition")), recording)
    credited = list(dict.fromkeys(_contributors(recording, details, parties)))[:_MOST_VALUES]
    said = {
        "kind": "track",
        "title": _title(recording, details),
        "artist": _artist(recording, details, parties) or default_artist,
        "contributors": [f"{name} ({role})" for name, role in credited],
        "artist_ids": _isnis(recording, details, parties),
        **{
            field: [name for name, role in credited if _CREDITED.get(role) == field]
            for field in dict.fromkeys(_CREDITED.values())
        },
        "isrc": recording.first("SoundRecordingId", "ISRC") or edition.first("ResourceId", "ISRC"),
        "duration_s": _seconds(recording.first("Duration")),
        "language": recording.first("LanguageOfPerformance"),
        "instrumental": "yes" if is_true(recording.first("IsInstrumental")) else "",
        "p_line": details.first("PLine", "PLineText") or edition.first("PLine", "PLineText"),
        "genre": _genres(recording, details),
        "explicit": _explicit(recording, details),
    }
    return {field: value for field, value in said.items() if value not in ("", None, [])}


def tracks_of(release: Node) -> list[Track]:
    """Return the recordings of a release with their places: a group within the first one is a disc."""
    details = _details(release, "ReleaseDetailsByTerritory")
    placed: dict[str, Track] = {}
    for group in release.all("ResourceGroup") + details.all("ResourceGroup"):
        for track in _grouped(group, disc=group.first("SequenceNumber") or "1"):
            placed.setdefault(track.reference, track)
        for disc in group.all("ResourceGroup"):
            for track in _grouped(disc, disc=disc.first("SequenceNumber") or "1"):
                placed.setdefault(track.reference, track)
            # Works within a disc: which number their recordings have there is not said.
            for node in _below(disc):
                placed.setdefault(node.text, Track(node.text, {}))
    listed = release.all("ReleaseResourceReferenceList", "ReleaseResourceReference")
    listed += release.all("ReleaseResourceReference")
    for node in listed:
        placed.setdefault(node.text, Track(node.text, {}))
    return list(placed.values())


def _grouped(group: Node, *, disc: str) -> Iterator[Track]:
    for item in group.all("ResourceGroupContentItem"):
        number = item.first("SequenceNumber")
        place = {"disc_number": disc, "track_number": number} if number else {}
        yield from (Track(node.text, place) for node in item.all("ReleaseResourceReference"))


def _below(group: Node) -> Iterator[Node]:
    for inner in group.all("ResourceGroup"):
        yield from inner.all("ResourceGroupContentItem", "ReleaseResourceReference")
        yield from _below(inner)


def _details(node: Node, name: str) -> Node:
    return next(iter(node.all(name)), Node(name))


def _default(nodes: list[Node]) -> Node | None:
    marked = (node for node in nodes if is_true(node.attributes.get("IsDefault", "")))
    return next(marked, nodes[0] if nodes else None)


def _title(node: Node, details: Node) -> str:
    by_type = {title.attributes.get("TitleType", ""): title for title in reversed(details.all("Title"))}
    given = [by_type.get("DisplayTitle"), by_type.get("FormalTitle"), by_type.get("")]
    given += [_default(node.all("DisplayTitle")), _default(node.all("ReferenceTitle"))]
    title = next((one for one in given if one is not None and one.first("TitleText")), None)
    if title is None:
        return node.first("DisplayTitleText")
    below = title.first("SubTitle")
    return f"{title.first('TitleText')} ({below})" if below else title.first("TitleText")


def _artist(node: Node, details: Node, parties: Parties) -> str:
    shown = _default(node.all("DisplayArtistName")) or _default(details.all("DisplayArtistName"))
    if shown is not None and shown.text:
        return shown.text
    credits_ = list(_credits(node, details, parties))
    featured = [name for name, roles in credits_ if _FEATURED in roles]
    others = [name for name, roles in credits_ if _FEATURED not in roles]
    return ", ".join(others) + (f" feat. {', '.join(featured)}" if others and featured else "")


def _credits(node: Node, details: Node, parties: Parties) -> Iterator[tuple[str, list[str]]]:
    for artist in details.all("DisplayArtist") + node.all("DisplayArtist"):
        name = artist.first("PartyName", "FullName") or parties.get(artist.first("ArtistPartyReference"), _NOBODY).name
        roles = [_role(role) for role in artist.all("ArtistRole") + artist.all("DisplayArtistRole")]
        if name:
            yield name, roles


def _isnis(node: Node, details: Node, parties: Parties) -> list[str]:
    """Return the ISNI of each artist shown: 4.x has it with the party, 3.8 with the artist."""
    found: dict[str, str] = {}
    for artist in details.all("DisplayArtist") + node.all("DisplayArtist"):
        party = parties.get(artist.first("ArtistPartyReference"), _NOBODY)
        own = [one.text for one in artist.all("PartyId") if is_true(one.attributes.get("IsISNI", ""))]
        found[artist.first("PartyName", "FullName") or party.name] = next(iter(own), party.isni)
    return [f"{name}=isni:{isni}" for name, isni in found.items() if name and isni]


def _contributors(node: Node, details: Node, parties: Parties) -> Iterator[tuple[str, str]]:
    yield from ((name, role) for name, roles in _credits(node, details, parties) for role in roles)
    for kind in ("ResourceContributor", "IndirectResourceContributor", "Contributor"):
        for one in details.all(kind) + node.all(kind):
            name = (
                one.first("PartyName", "FullName") or parties.get(one.first("ContributorPartyReference"), _NOBODY).name
            )
            roles = one.all(f"{kind}Role") + one.all("Role")
            yield from ((name, _role(role)) for role in roles if name)


def _role(node: Node) -> str:
    # From 4.3.1 on what a contributor did stands beside the instruments that it was done with.
    value = next(iter(node.all("Value")), node)
    return value.attributes.get("UserDefinedValue", "") if value.text == "UserDefined" else value.text


def _genres(node: Node, details: Node) -> list[str]:
    # The latter is what 4.3.1 calls it.
    genres = details.all("Genre") + node.all("Genre") + node.all("DisplayGenre")
    given = [(one.first("GenreText"), one.first("SubGenre")) for one in genres]
    return list(dict.fromkeys(text for pair in given for text in pair if text))[:_MOST_VALUES]


def _explicit(node: Node, details: Node) -> bool | None:
    warnings = [one.text for one in details.all("ParentalWarningType") + node.all("ParentalWarningType")]
    return next((_EXPLICIT[text] for text in warnings if text in _EXPLICIT), None)


def _seconds(text: str) -> float | None:
    """Return a duration of ISO 8601 in seconds; None where it is none.

    Examples
    --------
    >>> _seconds("PT1H2M3.5S"), _seconds("3:20")
    (3723.5, None)
    """
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 86_400 * days + 3_600 * hours + 60 * minutes + seconds
