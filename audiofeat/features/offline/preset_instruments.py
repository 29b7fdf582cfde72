"""Play notes with presets of the synthesiser ZynAddSubFX, rendered by LMMS.

Its banks (Debian ``zynaddsubfx-data``) hold some hundred sounds that their authors named for an instrument, each a
recipe of its own in additive, subtractive and FM synthesis. No sample is used.
"""

import gzip
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audiofeat.features.offline.instrument_programs import FAMILIES

PLAYER = "lmms"
RATE_HZ = 22_050
BANKS = Path("/usr/share/zynaddsubfx/banks")
_WRITTEN_HZ = 44_100
_BEATS_A_MINUTE, _TICKS_A_SECOND = 300, 240
_TIMEOUT_S, _TRIES = 300, 3

# What a preset is, by bank and name, the first that fits. Sounds of several instruments, sweeps and effects are none.
_NAMED: Mapping[str, str] = {
    "": r"arp|noise|pulsion|ambient|fx |drum|kit|perc|echo|space|ghost|alarm|wind (?!/)|dual|layer|rain|weird|splitt"
    r"|pluck|morph.?choir|rhodes ?(pad|strings|space)|organ (and|choir)|keychoirs|padkeys|angel|cathedral harp"
    r"|bell.pad|sweep pad|brassyflute|\bwah\b",
    "bass": r"bass(?!oon|y)",
    "brass": r"brass|brazz|thrumpet|trumpet|horn|fanfar",
    "guitar": r"guitar|gritar|sitar|banjo|chorder",
    "strings": r"strings?(?![a-z])|fiddle|violin|pizzicato",
    "keys": r"organ|organetto|piano|rhodes|accord|harpsichord|clavi|clavecin|concertina|clonewheel|\bep -|e_p_",
    "reeds_pipes": r"flute|clarinet|bassoon|fagotto|reed|sax|ocarina|pan ?pipe|zufolo|pinkollo|bottle|stopped pipe",
    "tuned_percussion": r"xylo|vibraphone|vibes|marimba|bells?\b|chimes|steel ?drums|steeldrums|musicbox|mallets",
    "voice": r"choir|voice|\bahh|ooh|soprano|\booo|vocal",
    "synth": r"lead|pad\b|pad\d|saw|synth|square|pulse|matrix",
}
_FAMILY = {program.number: family for family, programs in FAMILIES.items() for program in programs if not program.bank}
PROGRAMS = frozenset(_FAMILY)
"""Numbers of General MIDI: each stands for its family and for where it plays, no more."""

Note = tuple[float, float, int, int]

_PROJECT = """<?xml version="1.0"?>
<!DOCTYPE lmms-project>
<lmms-project version="1.0" type="song" creator="LMMS" creatorversion="1.2.0">
<head timesig_numerator="4" timesig_denominator="4" bpm="{bpm}" mastervol="100" masterpitch="0"/>
<song><trackcontainer type="song"><track type="0" muted="0" solo="0" name="stem">
<instrumenttrack pitch="0" fxch="0" basenote="57" usemasterpitch="0" pitchrange="1" vol="60" pan="0">
<instrument name="zynaddsubfx"><zynaddsubfx modifiedcontrollers="" forwardmidicc="0">
<ZynAddSubFX-data version-major="2" version-minor="4" version-revision="1"><MASTER>
<par name="volume" value="80"/><par name="key_shift" value="64"/><PART id="0"><par_bool name="enabled" value="yes"/>
<par name="volume" value="96"/><par name="panning" value="64"/><par name="min_key" value="0"/>
<par name="max_key" value="127"/><par name="key_shift" value="64"/><par name="rcv_chn" value="0"/>
<par name="velocity_sensing" value="64"/><par name="velocity_offset" value="64"/>
<par_bool name="note_on" value="yes"/><par_bool name="poly_mode" value="yes"/><par name="legato_mode" value="0"/>
<par name="key_limit" value="15"/>{preset}</PART></MASTER></ZynAddSubFX-data></zynaddsubfx></instrument>
</instrumenttrack><pattern type="1" name="stem" muted="0" steps="16" pos="0" len="{ticks}">{notes}</pattern>
</track></trackcontainer></song></lmms-project>
"""
_NOTE = '<note pos="{}" len="{}" key="{}" vol="{}" pan="0"/>'


@cache
def presets() -> Mapping[str, tuple[Path, ...]]:
    """Return the presets of each family, by what they and their banks are called."""
    found: dict[str, list[Path]] = {family: [] for family in _NAMED}
    for path in sorted(BANKS.rglob("*.xiz")):
        said = f"{path.parent.name} / {path.stem.partition('-')[2]}".lower()
        family = next((family for family, pattern in _NAMED.items() if re.search(pattern, said)), "")
        found[family].append(path)
    return {family: tuple(paths) for family, paths in found.items() if family}


def play(program: int, notes: list[Note], seconds: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return notes of (start s, length s, MIDI pitch, velocity) as a preset plays them that is drawn here.

    LMMS crashes once in a few hundred times, which asking again mends; after three times the stem is silence.
    """
    paths = presets()[_FAMILY[program]]
    preset = _instrument(paths[int(rng.integers(len(paths)))])
    count = round(seconds * RATE_HZ)
    with tempfile.TemporaryDirectory() as scratch:
        project, sound = Path(scratch) / "stem.mmp", Path(scratch) / "stem.wav"
        project.write_text(_project(preset, notes, seconds))
        command = [PLAYER, "--allowroot", "render", str(project), "-f", "wav", "-s", str(_WRITTEN_HZ), "-o", str(sound)]
        surroundings = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": scratch}
        for _ in range(_TRIES):
            done = subprocess.run(command, check=False, capture_output=True, timeout=_TIMEOUT_S, env=surroundings)
            if done.returncode >= 0:
                break
        else:
            return np.zeros(count, dtype=np.float32)
        done.check_returncode()
        samples, _ = soundfile.read(sound, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), _WRITTEN_HZ, RATE_HZ)
    return np.asarray(np.pad(mono[:count], (0, max(0, count - len(mono)))), dtype=np.float32)


def _instrument(path: Path) -> str:
    packed = path.read_bytes()
    text = (gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed).decode(errors="replace")
    return text[text.index("<INSTRUMENT>") : text.index("</INSTRUMENT>") + len("</INSTRUMENT>")]


def _project(preset: str, notes: list[Note], seconds: float) -> str:
    rows = (
        _NOTE.format(round((0.05 + at) * _TICKS_A_SECOND), max(1, round(length * _TICKS_A_SECOND)), pitch,
                     round(velocity / 1.27))
        for at, length, pitch, velocity in notes
    )  # fmt: skip
    ticks = round(seconds * _TICKS_A_SECOND)
    return _PROJECT.format(bpm=_BEATS_A_MINUTE, preset=preset, ticks=ticks, notes="".join(rows))
