"""The clips: what each one is, how it is played and how it is written to disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from pieces import Score
from shows import Script


class Make(StrEnum):
    """How a clip comes about."""

    MUSIC = "music"
    SPEECH = "speech"
    COPY = "copy"
    """Byte for byte the file of `of`."""
    REENCODED = "reencoded"
    """The sound of `of`, shifted in level and written with another codec."""
    CUT = "cut"
    """Music whose file ends in the middle, while its header still declares the whole."""
    SILENT = "silent"
    TEXT = "text"


@dataclass(frozen=True)
class Clip:
    """One file of the folder ``audio/`` and all that is true of it by design."""

    path: str
    make: Make
    title: str
    loudness_lufs: float | None
    rate_hz: int
    channels: int
    artist: str | None = None
    family: str | None = None
    show: str | None = None
    score: Score | None = None
    script: Script | None = None
    of: str | None = None
    level: float | None = None
    """Compression level as libsndfile counts it, 0 (largest) to 1 (smallest); None is its default."""
    tags: tuple[tuple[str, str], ...] = ()
    """Tags written into the file."""

    @property
    def kind(self) -> str:
        """Return ``"episode"`` for a clip of a show, else ``"track"``."""
        return "episode" if self.show else "track"

    @property
    def suffix(self) -> str:
        """Return the file name's ending without its dot."""
        return self.path.rsplit(".", 1)[1]

    @property
    def status(self) -> str:
        """Return what an analysis should say of the file."""
        return {Make.CUT: "degraded", Make.SILENT: "degraded", Make.TEXT: "rejected"}.get(self.make, "ok")


PLAYED_BY = {
    "drum_and_bass": ("drums", "synth bass", "synth stab"),
    "slow_pads": ("synth pad", "bell"),
    "plucked_strings": ("plucked string",),
    "struck_piano": ("piano",),
    "brass_choir": ("brass",),
    "noise_textures": ("noise",),
}
"""What one hears in each family."""

# file, title, tempo, key, progression, bars, register, loudness, rate, channels
_TRACKS = {
    "drum_and_bass": (
        ("dnb_neon_circuit.ogg", "Neon Circuit", 174, "A minor", "i iv V i", 11, 0, -13.0, 44100, 2),
        ("dnb_concrete_rain.mp3", "Concrete Rain", 168, "D minor", "i VI iv V", 11, 3, -16.5, 44100, 1),
        ("dnb_static_bloom.opus", "Static Bloom", 172, "F major", "I IV V I", 11, 0, -14.0, 48000, 2),
        ("dnb_tunnel_lights.ogg", "Tunnel Lights", 162, "G major", "I vi IV V", 11, -3, -14.5, 32000, 1),
    ),
    "slow_pads": (
        ("pad_slow_tide.ogg", "Slow Tide", 70, "C major", "I IV V I", 5, 0, -20.0, 44100, 2),
        ("pad_paper_moon.opus", "Paper Moons", 66, "E minor", "i iv V i", 5, 0, -23.0, 48000, 2),
        ("pad_glass_horizon.flac", "Glass Horizon", 72, "G# major", "I IV V I", 4, 3, -18.0, 16000, 1),
        ("pad_winter_orchard.mp3", "Winter Orchard", 76, "D# minor", "i iv V i", 5, -4, -21.0, 44100, 2),
    ),
    "plucked_strings": (
        ("pluck_copper_lanes.mp3", "Copper Lanes", 112, "G major", "I IV V I", 8, 0, -16.0, 44100, 2),
        ("pluck_river_stones.ogg", "River Stones", 104, "E minor", "i iv V i", 8, 2, -18.0, 44100, 2),
        ("pluck_saffron_gate.wav", "Saffron Gate", 120, "D major", "I IV V I", 5, 3, -15.0, 16000, 1),
        ("pluck_harvest_wheel.opus", "Harvest Wheel", 100, "B minor", "i VI iv V", 7, -2, -19.5, 48000, 2),
    ),
    "struck_piano": (
        ("piano_first_letter.flac", "First Letter", 96, "F major", "I IV V I", 5, 0, -19.0, 16000, 1),
        ("piano_late_train.ogg", "Late Train", 84, "C minor", "i iv V i", 6, 0, -22.0, 44100, 2),
        ("piano_marble_steps.mp3", "Marble Steps", 108, "A# major", "I vi IV V", 8, 0, -17.0, 44100, 2),
        ("piano_dust_and_light.opus", "Dust and Light", 90, "F# minor", "i VI iv V", 6, -3, -24.0, 48000, 1),
    ),
    "brass_choir": (
        ("brass_harbour_call.ogg", "Harbour Call", 104, "A# major", "I IV V I", 7, 0, -14.0, 44100, 2),
        ("brass_iron_gate.mp3", "Iron Gate", 92, "D minor", "i iv V i", 7, -3, -16.0, 32000, 1),
        ("brass_morning_parade.opus", "Morning Parade", 124, "D# major", "I IV V I", 8, 1, -13.0, 48000, 2),
        ("brass_cold_cathedral.ogg", "Cold Cathedral", 80, "G minor", "i iv V i", 5, -5, -20.0, 32000, 1),
    ),
    "noise_textures": (
        ("noise_salt_wind.wav", "Salt Wind", 60, None, "", 3, 0, -22.0, 11025, 1),
        ("noise_grey_weather.ogg", "Grey Weather", 60, None, "", 3, 0, -19.0, 32000, 1),
        ("noise_furnace_hymn.mp3", "Furnace Hymn", 60, None, "", 4, 0, -15.0, 32000, 2),
        ("noise_broken_dial.flac", "Broken Dial", 60, None, "", 3, 0, -17.0, 11025, 1),
    ),
}  # fmt: skip
"""The four tracks of each family; the place in the row of four is the variant, two and two by one artist."""

_ARTISTS = {
    "drum_and_bass": ("Voltage Orchard", "Kilo Maren"),
    "slow_pads": ("Lantern Field", "Ostra Vey"),
    "plucked_strings": ("The Wicker Trio", "Imre Sorrel"),
    "struck_piano": ("Adela Quist", "Jonas Ferrow"),
    "brass_choir": ("Kestrel Brass", "Saltmarsh Band"),
    "noise_textures": ("Null Meadow", "Hex Furnace"),
}

# path, show, title, seconds, seed, LUFS, rate, channels
_EPISODES = (
    ("show_night_garden_ep1.opus", "Night Garden", "The Gate after Dark", 30, 101, -18.0, 48000, 2),
    ("show_night_garden_ep2.opus", "Night Garden", "What the Moths Know", 27, 102, -18.5, 48000, 2),
    ("show_harbour_line_ep1.mp3", "Harbour Line", "Caller One", 27, 201, -16.0, 16000, 1),
    ("show_harbour_line_ep2.mp3", "Harbour Line", "Caller Two", 28, 202, -16.5, 16000, 1),
    ("show_two_chairs_ep1.ogg", "Two Chairs", "On Leaving Early", 29, 301, -20.0, 24000, 2),
    ("show_two_chairs_ep2.ogg", "Two Chairs", "On Staying Late", 26, 302, -20.5, 24000, 2),
    ("show_fast_ledger_ep1.mp3", "The Fast Ledger", "Monday in Numbers", 26, 401, -17.0, 22050, 1),
    ("show_fast_ledger_ep2.ogg", "The Fast Ledger", "Tuesday in Numbers", 27, 402, -17.5, 22050, 1),
)  # fmt: skip

_LEVELS = {"ogg": 0.85, "mp3": 0.75, "opus": 0.92}
_LEVELS_OF = {
    "noise_grey_weather.ogg": 0.55, "pluck_copper_lanes.mp3": 0.65, "show_fast_ledger_ep2.ogg": 0.5,
    "show_night_garden_ep1.opus": 0.94, "show_night_garden_ep2.opus": 0.94,
}  # fmt: skip
_TAGS = {
    "dnb_neon_circuit.ogg": (
        ("title", "Neon Circuit"),
        ("artist", "Voltage Orchard"),
        ("album", "Grid Songs"),
    ),
    "pluck_copper_lanes.mp3": (("title", "Copper Lanes (live)"), ("artist", "Wicker Trio")),
    "piano_first_letter.flac": (("title", "First Letter"), ("artist", "Adela Quist"), ("date", "2026-02-06")),
    "show_two_chairs_ep1.ogg": (("title", "On Leaving Early"), ("album", "Two Chairs")),
}


def _tracks() -> list[Clip]:
    clips = []
    for family, rows in _TRACKS.items():
        for variant, row in enumerate(rows):
            path, title, tempo, key, numerals, bars, register, lufs, rate, channels = row
            tonic, mode = (key or "C major").split()
            seed = 1000 + len(clips)
            score = Score(tempo, tonic, mode, numerals, bars, variant, register, rate, seed)
            artist = _ARTISTS[family][variant // 2]
            clips.append(Clip(path, Make.MUSIC, title, lufs, rate, channels, artist, family, score=score))
    return clips


def _episodes() -> list[Clip]:
    return [
        Clip(path, Make.SPEECH, title, lufs, rate, channels, show=show, script=Script(seconds, seed))
        for path, show, title, seconds, seed, lufs, rate, channels in _EPISODES
    ]


def _oddities(tracks: list[Clip]) -> list[Clip]:
    """Return the two duplicates and the three files that something is wrong with."""
    by_path = {clip.path: clip for clip in tracks}
    twin, copied = by_path["piano_late_train.ogg"], by_path["pluck_river_stones.ogg"]
    cut = Score(88, "E", "major", "I IV V I", 6, 0, 2, 16000, 2000)
    return [
        replace(twin, path="sampler_track_07.ogg", make=Make.COPY, of=twin.path),
        replace(copied, path="river_stones_radio_copy.mp3", make=Make.REENCODED, of=copied.path,
                loudness_lufs=(copied.loudness_lufs or 0.0) - 6.0),
        Clip("damaged_half_reel.flac", Make.CUT, "Half a Reel", -20.0, 16000, 1, "Adela Quist",
             "struck_piano", score=cut),
        Clip("silent_interval.flac", Make.SILENT, "Interval", None, 44100, 2, "Null Meadow"),
        Clip("liner_notes.mp3", Make.TEXT, "Liner Notes", None, 0, 0, "Lantern Field"),
    ]  # fmt: skip


def clips() -> list[Clip]:
    """Return every clip, originals before what is made from them."""
    tracks = _tracks()
    every = [*tracks, *_episodes(), *_oddities(tracks)]
    return [
        replace(
            clip,
            level=_LEVELS_OF.get(clip.path, _LEVELS.get(clip.suffix)),
            tags=_TAGS.get(clip.of or clip.path, ()),
        )
        for clip in every
    ]
