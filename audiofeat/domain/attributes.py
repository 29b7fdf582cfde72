"""What items can be asked for by: attributes from their metadata, and the features that are single values.

An attribute's or feature's public name is what a filter says; the ledger keeps the usual ones in columns of their own,
and reads the others from the analyses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from audiofeat.domain import registry
from audiofeat.domain.families import FAMILIES
from audiofeat.domain.field import Field, Shape
from audiofeat.domain.genres import packed
from audiofeat.domain.metadata_fields import Value
from audiofeat.domain.things import CREDITS, named, people
from audiofeat.errors import InvalidInput

_MOST_SUGGESTIONS = 3


class Sort(StrEnum):
    """What values an attribute has."""

    TEXT = "text"  # compared without regard to case
    TRUTH = "truth"
    DAY = "day"  # YYYY, YYYY-MM or YYYY-MM-DD
    NUMBER = "number"
    WORD = "word"  # one of a few


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing that items can be asked for by.

    Parameters
    ----------
    name : str
        Public name: that of the metadata field, or ``group.field`` of a feature.
    sort : Sort
        What its values are.
    unit : str
        Of a number.
    low, high : float or None
        The least and greatest number it can be.
    words : tuple of str
        What a word can be.
    """

    name: str
    sort: Sort
    unit: str = ""
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """Its column in the ledger, where it is a usual one."""
        return self.name.replace(".", "_")


# From metadata; ``show`` is the album of an episode and stands in for the artist where there is none.
TEXTS = (
    "title", "artist", "album", "show", "label", "genre", "language", "licence", "country", "tenant", "isrc", "mbid",
)  # fmt: skip
# People but the main artists, and publishers: what belongs to them stands in a table of its own.
PEOPLE = tuple(field for field in CREDITS if field not in TEXTS)
# Other names under which sources give the same field.
_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "licence": ("license",),
    # What publishes an episode is to it what a label is to a track.
    "label": ("publisher",),
    "mbid": ("musicbrainz_trackid", "musicbrainz_recordingid"),
}
USUAL_FEATURES = (
    "rhythm.tempo_bpm",
    "rhythm.meter",
    "rhythm.onset_rate_hz",
    "rhythm.danceability",
    "tonal.key",
    "tonal.mode",
    "loudness.integrated_loudness_lufs",
    "loudness.loudness_range_lu",
    "timbre.spectral_centroid_hz",
    "instrumentation.percussive_ratio",
    "instrumentation.harmonic_ratio",
    "speech.speech_ratio",
    "speech.music_ratio",
    "mood.arousal",
    "mood.valence",
)
KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLATS: Mapping[str, str] = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}
_MODES = ("major", "minor")
_WORDS: Mapping[str, tuple[str, ...]] = {
    "tonal.key": KEYS,
    "tonal.mode": _MODES,
    "tonal.key_second": KEYS,
    "tonal.mode_second": _MODES,
    **{f"instrumentation.{family}": ("present", "absent") for family in FAMILIES},
    "mood.mood_label": ("energetic", "tense", "calm", "sad"),
}


def _of_feature(field: Field) -> Attribute:
    if field.path in _WORDS:
        return Attribute(field.path, Sort.WORD, words=_WORDS[field.path])
    return Attribute(field.path, Sort.NUMBER, field.unit, field.low, field.high)


FEATURES: Mapping[str, Attribute] = {
    field.path: _of_feature(field)
    for field in registry.PUBLIC_FIELDS
    if field.shape is Shape.NUMBER or field.path in _WORDS
}
ATTRIBUTES: Mapping[str, Attribute] = {
    **{name: Attribute(name, Sort.TEXT) for name in (*TEXTS, *PEOPLE)},
    "explicit": Attribute("explicit", Sort.TRUTH),
    "release_date": Attribute("release_date", Sort.DAY),
    "duration_s": Attribute("duration_s", Sort.NUMBER, "s", 0.0),
    **FEATURES,
}
_SAID = tuple(name for name in ATTRIBUTES if name not in FEATURES)
# The last part of a feature's name is enough where only one group has it.
_SHORT: dict[str, list[str]] = {}
for _path in FEATURES:
    _SHORT.setdefault(_path.partition(".")[2], []).append(_path)


def has_column(about: Attribute) -> bool:
    """Tell whether the ledger keeps an attribute in a column of its own."""
    return about.name in USUAL_FEATURES or not (about.name in FEATURES or about.name in PEOPLE)


def attribute(name: str) -> Attribute:
    """Return the attribute of a name, the last part of a feature's name being enough.

    Raises
    ------
    InvalidInput
        There is none; the remedy names what comes close.

    Examples
    --------
    >>> attribute("tempo_bpm").name
    'rhythm.tempo_bpm'
    """
    if name in ATTRIBUTES:
        return ATTRIBUTES[name]
    paths = _SHORT.get(name, [])
    if len(paths) == 1:
        return ATTRIBUTES[paths[0]]
    close = get_close_matches(name, [*ATTRIBUTES, *_SHORT], n=_MOST_SUGGESTIONS)
    raise InvalidInput(
        f"items cannot be asked for by {name!r}",
        f"did you mean {', '.join(close)}?" if close else f"use a feature's name, or one of {', '.join(_SAID)}",
    )


def folded(text: str) -> str:
    """Return a text as it is compared: without regard to case."""
    return text.casefold()


def from_metadata(
    chosen: Mapping[str, Value], *, genres: Mapping[str, str] | None = None, names: Mapping[str, str] | None = None
) -> dict[str, str | bool | None]:
    """Return the attributes that an item's chosen metadata says, None where it says nothing.

    Parameters
    ----------
    chosen : Mapping[str, Value]
        The chosen value of each metadata field.
    genres, names : Mapping[str, str], optional
        An operator's own rows of the tables of genres and of names.
    """
    found: dict[str, str | bool | None] = {}
    for name in TEXTS:
        value = next((chosen[field] for field in (name, *_SPELLINGS.get(name, ())) if field in chosen), None)
        found[name] = None if value is None else folded(str(value))
    explicit, released = chosen.get("explicit"), chosen.get("release_date")
    found["explicit"] = explicit if isinstance(explicit, bool) else None
    found["release_date"] = released if isinstance(released, str) else None
    if "genre" in chosen:
        found["genre"] = packed(str(chosen["genre"]), genres)
    # By the names that they go by; nobody in particular is called what the source calls them.
    found["artist"] = "; ".join(map(named, people(chosen.get("artist"), names))) or found["artist"]
    return found
