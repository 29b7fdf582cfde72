"""Drum parts played on kits of recorded drums, such as those of Debian's hydrogen-drumkits.

A kit is a folder with ``drumkit.xml`` (Hydrogen's format: instruments with layers by velocity) and its samples.
"""

import re
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import soundfile
import soxr
from defusedxml import ElementTree
from numpy.typing import NDArray

Samples = NDArray[np.float32]
KITS = Path("/usr/share/hydrogen/data/drumkits")
KEPT_BACK = frozenset({"The Black Pearl 1.0", "Millo_MultiLayered3", "rumpf_kit_z01_h2"})

# What a drum's name says, in the order in which it is looked for, and the General MIDI notes that it answers.
_NAMES = (
    (r"kick|bass ?drum|^bd", (35, 36)),
    (r"stick|rim|clave|block", (37, 75)),
    (r"clap", (39,)),
    (r"snare|^sd|^sn", (38, 40)),
    (r"open|hho", (46,)),
    (r"pedal|foot", (44,)),
    (r"hat|^hh|hihat", (42, 44)),
    (r"crash|cymbal|splash|china", (49, 52, 55, 57)),
    (r"ride", (51, 53, 59)),
    (r"tom|^t\d", (41, 43, 45, 47, 48, 50)),
    (r"tamb", (54,)),
    (r"cow|bell", (56, 67)),
    (r"conga|djembe|bongo|djun|drum|perc", (60, 61, 62, 63, 64, 65)),
    (r"shak|marac|cabasa|guiro", (69, 70, 73)),
)
_Layer = tuple[float, float, Samples]


class Kit:
    """One kit, its samples in memory.

    Parameters
    ----------
    folder : Path
        Where ``drumkit.xml`` lies.
    rate_hz : int
        Rate at which it plays.
    """

    def __init__(self, folder: Path, rate_hz: int) -> None:
        self.name = folder.name
        self._rate_hz = rate_hz
        self._drums: dict[int, list[list[_Layer]]] = {}
        self._others: list[list[_Layer]] = []
        for drum in ElementTree.fromstring((folder / "drumkit.xml").read_bytes()).iter():
            if drum.tag.rpartition("}")[2] == "instrument":
                self._add(drum, folder)

    def _add(self, drum: Element, folder: Path) -> None:
        texts = {child.tag.rpartition("}")[2]: child.text or "" for child in drum}
        layers: list[_Layer] = []
        for layer in drum.iter():
            if layer.tag.rpartition("}")[2] not in {"layer", "instrument"}:
                continue
            said = {child.tag.rpartition("}")[2]: child.text or "" for child in layer}
            path = folder / said.get("filename", "")
            if said.get("filename") and path.is_file():
                samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
                mono = soxr.resample(samples.mean(axis=1), rate_hz, self._rate_hz)
                layers.append((float(said.get("min") or 0), float(said.get("max") or 1), mono.astype(np.float32)))
        if not layers:
            return
        name = texts.get("name", "").lower()
        for pattern, notes in _NAMES:
            if re.search(pattern, name):
                for note in notes:
                    self._drums.setdefault(note, []).append(layers)
                return
        self._others.append(layers)

    def play(self, notes: list[tuple[float, float, int, int]], seconds: float, rng: np.random.Generator) -> Samples:
        """Return a part of (start s, length s, General MIDI note, velocity) as sound; a drum it lacks is left out."""
        samples = np.zeros(round((seconds + 6) * self._rate_hz), dtype=np.float32)
        for start, _, note, velocity in notes:
            drums = self._drums.get(note)
            if not drums:
                continue
            layers = drums[note % len(drums)]
            level = float(np.clip(velocity / 127 * rng.uniform(0.9, 1.1), 0.05, 1.0))
            inside = [layer for layer in layers if layer[0] <= level <= layer[1]] or layers
            hit = inside[int(rng.integers(len(inside)))][2]
            at = round(start * self._rate_hz)
            hit = hit[: len(samples) - at]
            samples[at : at + len(hit)] += level * hit
        return samples[: round(seconds * self._rate_hz)]
