"""One pass over one file: decode, gates, shared spectrum, groups, record. Runs inside the child."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from audiofeat.audio.decode import Decoder
from audiofeat.audio.gates import MUSIC_LEAST_S, Gates
from audiofeat.audio.probe import Probe, probe
from audiofeat.codes import ErrorCode
from audiofeat.domain.block import summed
from audiofeat.domain.family_heads import FamilyHead
from audiofeat.domain.heads import Head
from audiofeat.domain.quality import Flag, Reason
from audiofeat.domain.registry import GROUP_VERSIONS, with_what_they_read
from audiofeat.errors import AudioRejected
from audiofeat.extraction import record, sandbox
from audiofeat.extraction.view import Record
from audiofeat.features.delivery import Delivery
from audiofeat.features.descriptor import Descriptor
from audiofeat.features.file import File
from audiofeat.features.frames import Floats, Frames, Group, SharedSpectrum
from audiofeat.features.hearing import Hearing
from audiofeat.features.instrumentation import Instrumentation
from audiofeat.features.loudness import Loudness
from audiofeat.features.mood import Mood
from audiofeat.features.production import Production
from audiofeat.features.quality import Quality
from audiofeat.features.rhythm import Rhythm
from audiofeat.features.speech import Speech
from audiofeat.features.stereo import Stereo
from audiofeat.features.structure import Structure
from audiofeat.features.subprints import Subprints
from audiofeat.features.timbre import Timbre
from audiofeat.features.tonal import Tonal

# Only the curves of long items are worth the page faults.
_LONG_S = 1_200

# In the order in which they are asked: structure, mood and descriptor read what the others measured.
GROUPS: dict[str, Callable[[], Group]] = {
    "file": File,
    "subprints": Subprints,
    "quality": Quality,
    "stereo": Stereo,
    "loudness": Loudness,
    "rhythm": Rhythm,
    "tonal": Tonal,
    "timbre": Timbre,
    "instrumentation": Instrumentation,
    "structure": Structure,
    "speech": Speech,
    "delivery": Delivery,
    "production": Production,
    "mood": Mood,
    "descriptor": Descriptor,
}
# Groups that take a head of somebody's own, and how that is read.
_WITH_HEADS: dict[str, Callable[[Mapping[str, Any]], Callable[[], Group]]] = {
    "mood": lambda document: partial(Mood, Head.read(document)),
    "instrumentation": lambda document: partial(Instrumentation, FamilyHead.read(document)),
}


def analyse(
    path: Path,
    *,
    source: str,
    max_duration_s: float,
    wanted: Collection[str] = tuple(GROUP_VERSIONS),
    heads: Mapping[str, Mapping[str, Any]] | None = None,
    plugins: Mapping[str, Mapping[str, Any]] | None = None,
    on_probe: Callable[[Probe], None] | None = None,
    on_frames: Callable[[Frames], None] | None = None,
) -> tuple[Record, dict[str, float]]:
    """Return the record of a file, rejected or not, and the seconds spent in each group and in what all share.

    Parameters
    ----------
    path : Path
        A local file; its name means nothing.
    source : str
        What the record calls it.
    max_duration_s : float
        Longer audio is rejected, by its header or while it is decoded.
    wanted : collection of str
        The groups that the record shall hold, by default all; what they read is measured too, and left out.
    heads : mapping, optional
        By group: ``version``, that a catalogue knows it by, and ``head``, a document in place of the shipped head.
    plugins : mapping, optional
        By group: ``version``, ``path`` and ``spec`` of models of others.
    on_probe : callable, optional
        Told the file's claims before decoding starts.
    on_frames : callable, optional
        Given each block as the groups are, such as a picture's ``push``.
    """
    audio: dict[str, Any] = {}
    spent: dict[str, float] = {}
    try:
        audio |= {"sha256": _sha256(path), "bytes": path.stat().st_size}
        facts = probe(path, max_duration_s=max_duration_s)
        if on_probe:
            on_probe(facts)
        audio |= {
            "container": facts.container.value,
            "codec": facts.codec,
            "sample_rate_hz": facts.rate_hz,
            "channels": facts.channels,
            "declared_duration_s": facts.declared_s,
            "decoded_duration_s": 0.0,
        }
        audio |= {"track": facts.track + 1, "tracks": facts.tracks} if facts.tracks > 1 else {}
        needed = with_what_they_read(wanted)
        groups = _made(needed, heads or {}, plugins or {})
        spent |= dict.fromkeys(groups, 0.0)
        features, reasons, flags, seconds = _pass(facts, max_duration_s, wanted, groups, spent, on_frames=on_frames)
        audio["decoded_duration_s"] = seconds
        versions = {group: order["version"] for group, order in {**(heads or {}), **(plugins or {})}.items()}
        return (
            record.analysed(source, audio=audio, flags=flags, features=features, reasons=reasons, versions=versions),
            spent,
        )
    except AudioRejected as error:
        return record.rejected(source, error, audio=audio), spent


def _pass(
    facts: Probe,
    max_duration_s: float,
    wanted: Collection[str],
    groups: dict[str, Group],
    spent: dict[str, float],
    *,
    on_frames: Callable[[Frames], None] | None,
) -> tuple[dict[str, dict[str, Any]], dict[str, str], set[Flag], float]:
    decoder = Decoder(facts)
    gates = Gates(rate_hz=facts.rate_hz, channels=facts.channels)
    spectrum = SharedSpectrum(facts.rate_hz)
    hearing = Hearing() if "speech" in groups else None
    blocks = decoder.blocks()
    started = perf_counter()
    pcm: Floats | None = next(blocks)
    begun = 0
    while pcm is not None:
        following = next(blocks, None)
        if decoder.decoded_frames > max_duration_s * facts.rate_hz:
            raise AudioRejected(ErrorCode.TOO_LONG, f"more than {max_duration_s:.0f} s were decoded")
        block = summed(pcm, facts.rate_hz, begun=begun)
        frames = spectrum.push(block, gates.mono(block), last=following is None)
        if hearing:
            pushed = perf_counter()
            frames = replace(frames, heard=hearing.push(frames, last=following is None))
            spent["speech"] += perf_counter() - pushed
        for name, group in groups.items():
            pushed = perf_counter()
            group.push(frames)
            spent[name] += perf_counter() - pushed
        if on_frames:
            on_frames(frames)
        begun += len(pcm)
        pcm = following
    if begun > _LONG_S * facts.rate_hz:
        sandbox.give_memory_back()
    spent["pass"] = perf_counter() - started - sum(spent.values())
    level = gates.level()
    silence = Reason.SILENCE if level.is_silent else Reason.TOO_SHORT if level.duration_s < MUSIC_LEAST_S else None
    measured: dict[str, dict[str, Any]] = {}
    reasons: dict[str, str] = {}
    for name in tuple(groups):
        started = perf_counter()
        # Popped: what a group held is not in memory while the next ones work.
        result = groups.pop(name).result(measured, silence)
        measured[name] = result.values
        if name in wanted:
            reasons |= {f"{name}.{field}": reason.value for field, reason in result.reasons.items()}
        spent[name] += perf_counter() - started
    return (
        {name: values for name, values in measured.items() if name in wanted},
        reasons,
        decoder.flags | gates.flags(),
        level.duration_s,
    )


def _made(
    needed: Collection[str], heads: Mapping[str, Mapping[str, Any]], plugins: Mapping[str, Mapping[str, Any]]
) -> dict[str, Group]:
    """Return the groups, those with a head of somebody's own with that, and plug-ins."""
    own = {group: _WITH_HEADS[group](order["head"]) for group, order in heads.items() if order["head"] is not None}
    groups = {name: make() for name, make in {**GROUPS, **own}.items() if name in needed}
    if plugins.keys() & set(needed):
        from audiofeat.extraction.plugin_runs import runs_of  # noqa: PLC0415  optional, and it takes memory

        groups |= runs_of(plugins, needed)
    return groups


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
