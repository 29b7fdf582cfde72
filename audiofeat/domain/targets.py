"""What somebody wants to hear, in words: ``122 BPM, minor, calm`` means values of registered features.

A target is a list of terms between commas. A term is

- a number and its unit: ``122 BPM``, ``-14 LUFS``, ``3/4``;
- a key, a mode or both: ``C# minor``, ``Bb major``, ``minor``;
- one of the words below, with ``very`` before it for more of it;
- ``feature=value``, such as ``danceability=1.2``.

As JSON a target is a mapping of features to values.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from audiofeat.domain.attributes import FEATURES, FLATS, Attribute, attribute
from audiofeat.domain.filters import operand
from audiofeat.errors import InvalidInput

Target = Mapping[str, float | str]
MOST_TERMS = 20
_MOST_SUGGESTIONS = 3

# What is told apart are families: a word for one instrument asks for its family.
_INSTRUMENTS: Mapping[str, tuple[str, ...]] = {
    "drums": ("drums", "cymbals"),
    "bass": ("bass", "bass guitar"),
    "guitar": ("guitar", "acoustic guitar", "electric guitar", "banjo", "mandolin"),
    "keys": ("keys", "piano", "organ", "harpsichord", "accordion"),
    "strings": ("strings", "violin", "cello"),
    "brass": ("brass", "trumpet", "trombone", "horn"),
    "reeds_pipes": ("reeds", "saxophone", "clarinet", "oboe", "flute"),
    "synth": ("synth", "synthesiser"),
    "tuned_percussion": ("tuned percussion", "marimba", "vibraphone", "bells"),
    "voice": ("voice", "vocals", "singing"),
}
# Word: feature, what it means, what it means after "very".
WORDS: Mapping[str, tuple[str, float, float]] = {
    "calm": ("mood.arousal", 0.25, 0.1),
    "energetic": ("mood.arousal", 0.75, 0.9),
    "sad": ("mood.valence", 0.25, 0.1),
    "happy": ("mood.valence", 0.75, 0.9),
    "slow": ("rhythm.tempo_bpm", 75.0, 60.0),
    "fast": ("rhythm.tempo_bpm", 150.0, 175.0),
    "quiet": ("loudness.integrated_loudness_lufs", -24.0, -30.0),
    "loud": ("loudness.integrated_loudness_lufs", -9.0, -6.0),
    "dynamic": ("loudness.loudness_range_lu", 14.0, 20.0),
    "dark": ("timbre.spectral_centroid_hz", 900.0, 500.0),
    "bright": ("timbre.spectral_centroid_hz", 2_800.0, 4_000.0),
    "danceable": ("rhythm.danceability", 1.3, 1.6),
    "percussive": ("instrumentation.percussive_ratio", 0.4, 0.6),
    "sustained": ("instrumentation.harmonic_ratio", 0.6, 0.8),
    "spoken": ("speech.speech_ratio", 0.8, 1.0),
    "instrumental": ("instrumentation.instrumentalness", 0.9, 1.0),
    **{word: (f"instrumentation.{family}_probability", 0.9, 1.0)
       for family, words in _INSTRUMENTS.items() for word in words},
}  # fmt: skip
# How far off a value counts for nothing, where a tenth of the feature's range would not tell: of tempo and spectral
# centroid a share of the value, since they are heard in ratios.
_REACH = {"loudness.integrated_loudness_lufs": 6.0, "loudness.loudness_range_lu": 8.0, "rhythm.meter": 0.5}
_REACH_RATIO = {"rhythm.tempo_bpm": 0.12, "timbre.spectral_centroid_hz": 0.5}
_REACH_SHARE = 0.3

_TEMPO = re.compile(r"([0-9.]+)\s*bpm", re.IGNORECASE)
_LOUDNESS = re.compile(r"(-?[0-9.]+)\s*lufs", re.IGNORECASE)
_METER = re.compile(r"([2-7])/[48]")
_KEY = re.compile(r"(?:([A-G])([#b]?)\s+)?(major|minor)", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"([\w.]+)\s*=\s*(.+)")
_PATTERNS = ((_TEMPO, "rhythm.tempo_bpm"), (_LOUDNESS, "loudness.integrated_loudness_lufs"), (_METER, "rhythm.meter"))


@dataclass(frozen=True, slots=True)
class Term:
    """One feature of a target; ``reach`` is how far off a number counts for nothing."""

    attribute: Attribute
    value: float | str
    reach: float = 0.0


def parse(text: str) -> Target:
    """Return the features and values that a text means.

    Raises
    ------
    InvalidInput
        A term is not known: the message names it, the remedy what comes close.

    Examples
    --------
    >>> parse("122 BPM, F# minor")
    {'rhythm.tempo_bpm': 122.0, 'tonal.key': 'F#', 'tonal.mode': 'minor'}
    """
    target: dict[str, float | str] = {}
    unknown: list[str] = []
    for term in filter(None, (part.strip() for part in text.split(","))):
        meant = _meaning(term)
        if not meant:
            unknown.append(term)
        for path, value in meant.items():
            if path in target:
                raise InvalidInput(f"the target names {path} twice", "give one value of each feature")
            target[path] = value
    if unknown:
        named = ", ".join(repr(term) for term in unknown)
        raise InvalidInput(f"a target does not know {named}", _remedy(unknown))
    return checked(target)


def checked(target: Target) -> Target:
    """Return a target under full names; raises InvalidInput for a feature that there is not or a value out of range."""
    if not 1 <= len(target) <= MOST_TERMS:
        raise InvalidInput(f"a target has 1 to {MOST_TERMS} terms, this has {len(target)}", "such as 122 BPM, minor")
    found: dict[str, float | str] = {}
    for name, value in target.items():
        about = attribute(name)
        if about.name not in FEATURES:
            raise InvalidInput(f"{name} is no feature, so no target", "use it as a filter")
        said = operand(about, value)
        found[about.name] = said if isinstance(said, str) else float(said)
    return found


def terms(target: Target) -> tuple[Term, ...]:
    """Return the terms of a target that was checked, each number with its reach."""
    return tuple(Term(FEATURES[path], value, _reach(FEATURES[path], value)) for path, value in target.items())


def _reach(about: Attribute, value: float | str) -> float:
    if isinstance(value, str):
        return 0.0
    if about.name in _REACH:
        return _REACH[about.name]
    if about.name in _REACH_RATIO:
        return _REACH_RATIO[about.name] * value
    if about.low is not None and about.high is not None:
        return _REACH_SHARE * (about.high - about.low)
    return max(_REACH_SHARE * abs(value), 1.0)


def _meaning(term: str) -> dict[str, float | str]:
    for pattern, path in _PATTERNS:
        if found := pattern.fullmatch(term):
            return {path: _positive(term, found[1])}
    if found := _KEY.fullmatch(term):
        tonic = f"{found[1].upper()}{found[2].lower()}" if found[1] else None
        key: dict[str, float | str] = {"tonal.key": FLATS.get(tonic, tonic)} if tonic else {}
        return {**key, "tonal.mode": found[3].lower()}
    if found := _ASSIGNMENT.fullmatch(term):
        about = attribute(found[1])
        said = operand(about, found[2])
        return {about.name: said if isinstance(said, str) else float(said)}
    word = term.lower()
    is_very = word.startswith("very ")
    meant = WORDS.get(word.removeprefix("very ").strip())
    return {meant[0]: meant[2] if is_very else meant[1]} if meant else {}


def _positive(term: str, number: str) -> float:
    try:
        return float(number)
    except ValueError:
        raise InvalidInput(f"{term!r} has no number that can be read", "such as 122 BPM") from None


def _remedy(unknown: list[str]) -> str:
    close = [near for term in unknown for near in get_close_matches(term.lower(), WORDS, n=_MOST_SUGGESTIONS)]
    if close:
        return f"did you mean {', '.join(dict.fromkeys(close))}?"
    return f"words are {', '.join(WORDS)}; also 122 BPM, -14 LUFS, 3/4, C# minor, feature=value"
