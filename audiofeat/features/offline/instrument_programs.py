"""Programs of General MIDI by the family of instruments that they belong to, and where they play.

A family is what a listener names, not what a synthesiser's menu groups: banjo, sitar and koto are plucked like guitars;
harp, dulcimer, timpani and effects belong to none and are left out.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

DRUM_BANK = 128


@dataclass(frozen=True, slots=True)
class Program:
    """One sound of a font.

    Parameters
    ----------
    bank, number : int
        As in the font; bank 128 holds drum kits.
    pitch : int
        MIDI pitch around which it plays.
    weight : float
        How often it is drawn beside the others of its family.
    """

    bank: int
    number: int
    pitch: int = 60
    weight: float = 1.0


def _programs(*rows: tuple[int, int], bank: int = 0, weight: float = 1.0) -> tuple[Program, ...]:
    return tuple(Program(bank, number, pitch, weight) for number, pitch in rows)


# Plucked strings, harpsichord and mandolin are heard as something else most often: they are drawn more.
FAMILIES: Mapping[str, tuple[Program, ...]] = {
    "drums": _programs(*((kit, 60) for kit in (0, 8, 16, 24, 25, 32, 40)), bank=DRUM_BANK),
    "bass": _programs(*((program, 38) for program in range(32, 40))),
    "guitar": (
        *_programs((24, 57), (25, 57), (26, 58), (27, 58), (28, 55), (29, 52), (30, 50), (31, 62), weight=1.3),
        *_programs((104, 58), (106, 60), (107, 62)),
        *_programs((105, 62), weight=2.0),
        *_programs((24, 66), (25, 57), (26, 58), bank=8),
        *_programs((25, 68), bank=16, weight=2.0),
    ),
    "keys": (
        *_programs((0, 60), (1, 60), (2, 60), (3, 60), (4, 58), (5, 58), (7, 55), weight=1.2),
        *_programs((6, 60), weight=3.0),
        *_programs((6, 60), bank=8, weight=1.5),
        *_programs((16, 58), (17, 58), (18, 58), (19, 58), (20, 60)),
        *_programs((21, 64), (23, 64), weight=0.7),
    ),
    "strings": (
        *_programs((40, 74), (41, 64), (42, 52), (43, 40), weight=1.5),
        *_programs((44, 64), (45, 62), (48, 62), (49, 62), (50, 62), (51, 62), (110, 72)),
    ),
    "brass": (
        *_programs((56, 69), (57, 54), (58, 40), (60, 57), weight=1.4),
        *_programs((59, 69), (61, 62), (62, 60), (63, 60)),
    ),
    "reeds_pipes": (
        *_programs((64, 70), (65, 64), (66, 57), (67, 50), (68, 72), (69, 65), (70, 48), (71, 66)),
        *_programs((72, 84), (73, 76), (74, 77), (75, 76), (76, 70), (77, 74), (78, 80), (79, 76)),
        *_programs((109, 66), (111, 70), weight=0.5),
    ),
    "synth": _programs(*((program, 64) for program in (*range(80, 96), *range(97, 104)) if program not in {85, 91})),
    "tuned_percussion": _programs(
        (8, 76), (9, 84), (10, 78), (11, 66), (12, 60), (13, 78), (14, 66), (108, 66), (114, 66)
    ),
    "voice": _programs((52, 62), (53, 64), (54, 62), (85, 64)),
}  # fmt: skip


def drawn(family: str, presets: Collection[tuple[int, int]], rng: np.random.Generator) -> Program | None:
    """Return a program of a family, of those that a font has; None where it has none."""
    pool = [program for program in FAMILIES[family] if (program.bank, program.number) in presets]
    weights = np.array([program.weight for program in pool])
    return pool[int(rng.choice(len(pool), p=weights / weights.sum()))] if pool else None
