"""Two third-party sources about the clips, as a label and a web catalogue might send them.

They overlap, each leaves something out, and they disagree in the places listed in ``_WEB_SAYS``. Where both
give a reference or a kind, they agree: those are what the catalogue is known by.
"""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

from catalogue import Clip, Make

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = ("path", "reference", "kind", "title", "artist", "album", "show", "language", "genre",
          "release_date", "isrc", "explicit")  # fmt: skip

_GENRES = {
    "drum_and_bass": "Drum & Bass", "slow_pads": "Ambient", "plucked_strings": "Folk",
    "struck_piano": "Classical", "brass_choir": "Brass", "noise_textures": "Noise",
}  # fmt: skip
_SHOW_GENRES = {"Night Garden": "Nature", "Harbour Line": "Call-in", "Two Chairs": "Conversation",
                "The Fast Ledger": "Business"}  # fmt: skip
_ALBUMS = {
    "Voltage Orchard": "Grid Songs", "Kilo Maren": "Undertow", "Lantern Field": "Tidal Rooms",
    "Ostra Vey": "Cold Light", "The Wicker Trio": "Lanes", "Imre Sorrel": "Gate and Wheel",
    "Adela Quist": "Letters", "Jonas Ferrow": "Stairwell", "Kestrel Brass": "Harbour Music",
    "Saltmarsh Band": "Parades", "Null Meadow": "Weather", "Hex Furnace": "Heat",
}  # fmt: skip

_NOT_IN_FEED = frozenset(
    {"noise_grey_weather.ogg", "noise_broken_dial.flac", "brass_cold_cathedral.ogg",
     "show_harbour_line_ep2.mp3", "show_fast_ledger_ep2.ogg", "pad_winter_orchard.mp3",
     "piano_dust_and_light.opus"}
)  # fmt: skip
_NOT_ON_WEB = frozenset(
    {"dnb_tunnel_lights.ogg", "pluck_saffron_gate.wav", "piano_marble_steps.mp3", "noise_furnace_hymn.mp3",
     "show_night_garden_ep2.opus", "silent_interval.flac", "damaged_half_reel.flac", "liner_notes.mp3",
     "brass_iron_gate.mp3"}
)  # fmt: skip

_WEB_SAYS: dict[str, dict[str, Any]] = {
    "dnb_neon_circuit.ogg": {"genre": "Jungle"},
    "dnb_concrete_rain.mp3": {"release_date": "2026-01-30", "genre": "Electronic"},
    "dnb_static_bloom.opus": {"title": "Static Bloom (Original Mix)"},
    "pad_slow_tide.ogg": {"genre": "New Age", "album": "Tidal Rooms (Deluxe)"},
    "pad_paper_moon.opus": {"title": "Paper Moon"},
    "pluck_copper_lanes.mp3": {"artist": "Wicker Trio"},
    "pluck_river_stones.ogg": {"release_date": "2025"},
    "pluck_harvest_wheel.opus": {"explicit": True},
    "piano_first_letter.flac": {"genre": "Modern Classical", "release_date": "2026-02-07"},
    "brass_harbour_call.ogg": {"title": "Harbor Call", "genre": "Marching Band"},
    "brass_morning_parade.opus": {"album": "Parades, Vol. 1"},
    "noise_salt_wind.wav": {"genre": "Field Recording"},
    "show_night_garden_ep1.opus": {"genre": "Science", "title": "1: The Gate after Dark"},
    "show_two_chairs_ep1.ogg": {"language": "en-GB", "release_date": "2026-03-03"},
    "show_two_chairs_ep2.ogg": {"language": "en-GB"},
    "sampler_track_07.ogg": {"title": "Late Train (Sampler)"},
}
"""Where the web catalogue contradicts the label."""

_WEB_OMITS = ("isrc", "album", "release_date", "explicit", "language")
"""The web catalogue leaves these out in turn, one an entry."""


def _known(number: int, clip: Clip, isrcs: dict[str, str]) -> dict[str, Any]:
    """Return everything the sources know of a clip before they differ."""
    track = clip.kind == "track"
    album = "Northern Sampler 2026" if clip.make is Make.COPY else _ALBUMS.get(clip.artist or "")
    return {
        "path": clip.path,
        "reference": f"{'trk' if track else 'ep'}-{number:04}",
        "kind": clip.kind,
        "title": clip.title,
        "artist": clip.artist,
        "album": album,
        "show": clip.show,
        "language": None if track else "en",
        "genre": _GENRES.get(clip.family or "") if track else _SHOW_GENRES[clip.show or ""],
        "release_date": f"2026-{1 + number % 6:02}-{1 + 5 * number % 28:02}",
        "isrc": isrcs.get(clip.of or clip.path) if track else None,
        "explicit": clip.path == "dnb_concrete_rain.mp3",
    }


def _entries(clips: list[Clip]) -> list[dict[str, Any]]:
    """Number the clips by kind and give each recording an ISRC, which its copies share."""
    counts = {"track": 0, "episode": 0}
    isrcs: dict[str, str] = {}
    entries = []
    for clip in clips:
        counts[clip.kind] += 1
        if clip.kind == "track" and clip.of is None:
            isrcs[clip.path] = f"QZAF126{len(isrcs) + 1:05}"
        entries.append(_known(counts[clip.kind], clip, isrcs))
    return entries


def write_sources(clips: list[Clip], folder: Path) -> None:
    """Write ``label_feed.csv`` and ``web_catalogue.jsonl``."""
    folder.mkdir(exist_ok=True)
    entries = _entries(clips)
    with (folder / "label_feed.csv").open("w", encoding="utf-8", newline="") as file:
        feed = csv.DictWriter(file, FIELDS, lineterminator="\n")
        feed.writeheader()
        for entry in entries:
            if entry["path"] in _NOT_IN_FEED:
                continue
            # The label keeps no languages, and the genres of its episodes went missing.
            row = {**entry, "language": None, "genre": entry["genre"] if entry["kind"] == "track" else None}
            feed.writerow(row | {"explicit": "yes" if entry["explicit"] else "no"})
    lines = []
    for number, entry in enumerate(entries):
        if entry["path"] in _NOT_ON_WEB:
            continue
        said = entry | _WEB_SAYS.get(entry["path"], {})
        left_out = _WEB_OMITS[number % len(_WEB_OMITS)]
        contradicted = _WEB_SAYS.get(entry["path"], {})
        kept = {
            field: value
            for field, value in said.items()
            if value is not None and (field != left_out or field in contradicted)
        }
        lines.append(json.dumps(kept, ensure_ascii=False))
    (folder / "web_catalogue.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
