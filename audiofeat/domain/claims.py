"""What is claimed of an item against what its audio says: disagreements catch wrong files and wrong matches."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audiofeat.domain.attributes import FLATS
from audiofeat.domain.matching import title_of

# Fades, gaps and encoders move an end by a second or two; more is another edit.
_DURATION_S, _DURATION_RATIO = 3.0, 0.02
_TEMPO_RATIO = 0.04
_LOUDNESS_LU = 2.0
# ReplayGain 2.0 brings a track to -18 LUFS.
_REPLAYGAIN_LUFS = -18.0
_LONG_ENOUGH_S = 60
_SPOKEN_RATIO = 0.6
_SOME_SPEECH_RATIO = 0.3
_KEY = re.compile(r"([A-G])\s*([#♯b♭]?)\s*(m(?:in(?:or)?)?|maj(?:or)?)?", re.IGNORECASE)
# The wheel that disc jockeys use: 8B is C major, a step is a fifth.
_WHEEL = re.compile(r"(1[0-2]|[1-9])([AB])", re.IGNORECASE)
_PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One claim that the audio does not bear out."""

    field: str
    claimed: Any
    measured: Any
    why: str


def shared_names(known: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """Return by name how many items each id has, where one kind of ids tells several artists of that name.

    Parameters
    ----------
    known : mapping
        How many items have an artist of a name with an id.

    Examples
    --------
    >>> shared_names({("ana", "mbid:1"): 2, ("ana", "mbid:2"): 1, ("bo", "mbid:3"): 1, ("bo", "isni:4"): 1})
    {'ana': {'mbid:1': 2, 'mbid:2': 1}}
    """
    by_name: dict[str, dict[str, int]] = {}
    for (name, number), items in sorted(known.items()):
        by_name.setdefault(name, {})[number] = items
    schemes = {name: [number.partition(":")[0] for number in ids] for name, ids in by_name.items()}
    return {name: ids for name, ids in by_name.items() if len({*schemes[name]}) < len(ids)}


def disagreements(said: Mapping[str, Any], measured: Mapping[str, Any]) -> list[Disagreement]:
    """Return the claims among an item's chosen metadata that its measured values contradict; unknown says nothing.

    Examples
    --------
    >>> [one.field for one in disagreements({"duration_s": 200.0, "bpm": "120"}, {"duration_s": 90.0})]
    ['duration_s']
    """
    return [found for check in _CHECKS for found in check(said, measured)]


def _duration(said: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[Disagreement]:
    claimed, heard = _number(said.get("duration_s")), measured.get("duration_s")
    if claimed is not None and heard is not None:
        apart = abs(claimed - heard)
        if apart > max(_DURATION_S, _DURATION_RATIO * max(claimed, heard)):
            yield Disagreement("duration_s", claimed, heard, f"{apart:.0f} s apart: another edit, or another recording")


def _tempo(said: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[Disagreement]:
    heard = measured.get("rhythm.tempo_bpm")
    for name in ("tempo_bpm", "bpm", "tempo"):
        claimed = _number(said.get(name))
        if not claimed or heard is None or abs(claimed / heard - 1) <= _TEMPO_RATIO:
            continue
        octaves = [factor for factor in (2.0, 0.5) if abs(claimed / (factor * heard) - 1) <= _TEMPO_RATIO]
        why = "an octave apart: both may be counted" if octaves else "another tempo"
        yield Disagreement(name, claimed, heard, why)


def _key(said: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[Disagreement]:
    heard = (measured.get("tonal.key"), measured.get("tonal.mode"))
    for name in ("key", "initial_key", "initialkey"):
        claimed = key_of(str(said.get(name) or ""))
        if claimed is None or heard[0] is None or claimed == heard:
            continue
        near = heard[1] is not None and _relative(heard[0], heard[1]) == claimed
        yield Disagreement(
            name, " ".join(claimed), " ".join(part for part in heard if part),
            "relative keys: the same notes" if near else "another key",
        )  # fmt: skip


def _loudness(said: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[Disagreement]:
    heard = measured.get("loudness.integrated_loudness_lufs")
    gain = _number(str(said.get("replaygain_track_gain") or "").lower().removesuffix("db"))
    claims = {"loudness_lufs": _number(said.get("loudness_lufs")), "integrated_loudness_lufs": None}
    claims["integrated_loudness_lufs"] = _number(said.get("integrated_loudness_lufs"))
    claims["replaygain_track_gain"] = None if gain is None else _REPLAYGAIN_LUFS - gain
    for name, claimed in claims.items():
        if claimed is not None and heard is not None and abs(claimed - heard) > _LOUDNESS_LU:
            yield Disagreement(name, claimed, heard, "another master, or another recording")


def _voice(said: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[Disagreement]:
    speech, duration_s = measured.get("speech.speech_ratio"), measured.get("duration_s", 0.0)
    claim = str(said.get("instrumental", "")).lower()
    title = str(said.get("title") or "")
    is_instrumental = claim in {"true", "yes", "1"} or "instrumental" in title_of(title).markers
    if is_instrumental and speech is not None and speech >= _SOME_SPEECH_RATIO:
        yield Disagreement("instrumental", "yes", speech, "it is spoken over")
    if is_instrumental and said.get("explicit") is True:
        yield Disagreement("explicit", "yes", None, "an instrumental has no words")
    if said.get("kind") == "track" and speech is not None and speech >= _SPOKEN_RATIO and duration_s >= _LONG_ENOUGH_S:
        yield Disagreement("kind", "track", speech, "most of it is speech: an episode?")


_CHECKS: tuple[Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Disagreement]], ...] = (
    _duration, _tempo, _key, _loudness, _voice,
)  # fmt: skip


def key_of(text: str) -> tuple[str, str] | None:
    """Return the key and mode that a claim names, in letters or as the wheel of keys has them.

    Examples
    --------
    >>> key_of("Bbm"), key_of("8A"), key_of("F sharp")
    (('A#', 'minor'), ('A', 'minor'), None)
    """
    plain = text.strip()
    wheel = _WHEEL.fullmatch(plain)
    if wheel:
        major = (7 * (int(wheel[1]) - 8)) % 12
        return (_PITCHES[major], "major") if wheel[2].upper() == "B" else (_PITCHES[(major + 9) % 12], "minor")
    found = _KEY.fullmatch(plain)
    if found is None:
        return None
    letter, sign, mode = found.groups()
    name = letter.upper() + {"♯": "#", "♭": "b"}.get(sign, sign.lower())
    known = FLATS.get(name, name)
    is_minor = mode is not None and (mode == "m" or mode.lower().startswith("min"))
    return (known, "minor" if is_minor else "major") if known in _PITCHES else None


def _relative(key: str, mode: str) -> tuple[str, str]:
    step, other = (-3, "minor") if mode == "major" else (3, "major")
    return _PITCHES[(_PITCHES.index(key) + step) % 12], other


def _number(value: object) -> float | None:
    try:
        return float(str(value).strip())
    except ValueError:
        return None
