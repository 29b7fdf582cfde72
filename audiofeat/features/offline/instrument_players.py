"""What plays: banks of sampled instruments by FluidSynth and TiMidity++, synthesised ones note by note."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import mido
import numpy as np
import soundfile
from numpy.typing import NDArray

from audiofeat.features.offline import made_instruments, preset_instruments
from audiofeat.features.offline.instrument_programs import DRUM_BANK

RATE_HZ = 22_050
FONTS = (
    *(Path("/usr/share/sounds") / name
      for name in ("sf2/FluidR3_GM.sf2", "sf3/MuseScore_General.sf3", "sf2/sf_GMbank.sf2")),
    Path("/etc/timidity/freepats.cfg"),
    Path("/usr/share/sounds/sf2/A320U.sf2"),
)  # fmt: skip
"""What the head is fitted on. The second holds sounds of the first, the last of the third; freepats is judged on."""

_SHARED_WITH_FREEPATS = {"A320U.sf2": frozenset((0, number) for number in (48, 74, 83, 85, 111))}

MADE = Path("made")
"""Stands for instruments made of equations (``made_instruments``) where a font is asked for."""

PRESETS = Path("presets")
"""Stands for presets of ZynAddSubFX (``preset_instruments``)."""

BY_NOTE = {MADE: made_instruments, PRESETS: preset_instruments}
"""What plays without a score."""

_PACKAGES = (
    "fluidsynth fluid-soundfont-gm musescore-general-soundfont csound-soundfont timidity freepats denemo-data "
    "lmms zynaddsubfx-data"
)
_TIMEOUT_S = 600


def present_fonts() -> list[Path]:
    """Return the fonts and presets that are installed with their player, and what needs none.

    Raises SystemExit with the remedy where no font is installed.
    """
    found = [font for font in FONTS if font.exists() and shutil.which(_player(font))]
    if not found:
        raise SystemExit(f"rendering needs: apt-get install --no-install-recommends {_PACKAGES}")
    has_presets = shutil.which(preset_instruments.PLAYER) and preset_instruments.BANKS.exists()
    return [*found, *([PRESETS] if has_presets else []), MADE]


def _player(font: Path) -> str:
    return "timidity" if font.suffix == ".cfg" else "fluidsynth"


@cache
def presets(font: Path) -> frozenset[tuple[int, int]]:
    """Return bank and number of each preset of a font, less those that play samples of the font that is judged on."""
    if font in BY_NOTE:
        return frozenset((0, number) for number in BY_NOTE[font].PROGRAMS)
    found = _listed(font.read_text()) if font.suffix == ".cfg" else _packed(font.read_bytes())
    return found - _SHARED_WITH_FREEPATS.get(font.name, frozenset())


def _packed(content: bytes) -> frozenset[tuple[int, int]]:
    """Read a sound font's records of 38 bytes (SoundFont 2.01, section 7.2)."""
    start = content.rindex(b"phdr") + 8
    size = int.from_bytes(content[start - 4 : start], "little")
    rows = (content[at + 20 : at + 24] for at in range(start, start + size - 38, 38))
    return frozenset((int.from_bytes(row[2:], "little"), int.from_bytes(row[:2], "little")) for row in rows)


def _listed(content: str) -> frozenset[tuple[int, int]]:
    """Read TiMidity++'s configuration: kits and banks, each followed by its programs."""
    found, bank = set(), 0
    for line in content.splitlines():
        if heading := re.match(r"(drumset|bank)\s+(\d+)", line):
            bank = int(heading[2]) if heading[1] == "bank" else DRUM_BANK
            if bank == DRUM_BANK:
                found.add((bank, int(heading[2])))
        elif bank != DRUM_BANK and (program := re.match(r"\s*(\d+)\s+\S", line)):
            found.add((bank, int(program[1])))
    return frozenset(found)


def played(score: mido.MidiFile, font: Path, scratch: Path) -> NDArray[np.float32]:
    """Return the mono sound of a score at 22,050 Hz, without reverberation or chorus."""
    notes, sound = scratch / "score.mid", scratch / "score.wav"
    score.save(notes)
    if _player(font) == "timidity":
        options = ["-c", str(font), "-s", str(RATE_HZ), "-Ow", "--preserve-silence", "-A60"]
        options += ["-EFreverb=d", "-EFchorus=d", "-EFdelay=d"]
        command = ["timidity", *options, "-o", str(sound), str(notes)]
    else:
        options = ["-ni", "-q", "-r", str(RATE_HZ), "-g", "0.3", "-R", "0", "-C", "0"]
        options += ["-o", "synth.dynamic-sample-loading=1"]
        command = ["fluidsynth", *options, "-F", str(sound), str(font), str(notes)]
    subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT_S)
    samples, _ = soundfile.read(sound, dtype="float32", always_2d=True)
    return np.asarray(samples.mean(axis=1), dtype=np.float32)
