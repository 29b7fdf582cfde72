"""The raw ingredients of the spaces: one ordered vector of named numbers for each audio.

The extraction fills it (group ``descriptor``); a space scales and weighs it into an embedding. Values are level
invariant, so that mastering loudness is not similarity. A value that could not be measured is NaN and stays masked.

References
----------
Log-covariance of MFCC: Mandel & Ellis, "Song-level features and support vector machines", ISMIR 2005, in the
log-Euclidean form of Arsigny et al., "Log-Euclidean metrics", 2006.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor_speech import N_VOICE_MFCC, TAKEN

DESCRIPTOR_VERSION = 3
N_MFCC = 20
SPECTRAL_VALUES = (
    "centroid_hz", "spread_hz", "rolloff_50_hz", "rolloff_85_hz", "flatness_db", "crest_db", "entropy", "flux",
    "zero_crossing_hz",
    *(f"band_crest_{band}_db" for band in range(1, 8)),
    *(f"band_share_{band}_db" for band in range(8)),
)  # fmt: skip
SPECTRAL_STATISTICS = ("mean", "std", "mean_abs_diff")
_LOGARITHMIC = ("centroid_hz", "spread_hz", "rolloff_50_hz", "rolloff_85_hz", "flux", "zero_crossing_hz")


Transform = Literal["identity", "log"]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One slot of the descriptor.

    Parameters
    ----------
    name : str
        Unique name, units as suffix where there is a unit.
    group : str
        The feature group whose similarity it counts towards.
    transform : {"identity", "log"}
        Applied by a space before scaling; ``log`` is ``log(max(x, 1e-6))``.
    sentence : str
        What the number is, for people.
    """

    name: str
    group: str
    transform: Transform
    sentence: str


def _dimensions() -> tuple[Dimension, ...]:
    slots: list[Dimension] = []

    def add(name: str, group: str, sentence: str, transform: Transform = "identity") -> None:
        slots.append(Dimension(name, group, transform, sentence))

    for n in range(N_MFCC):
        add(f"mfcc_{n}_mean", "timbre", f"Mean of mel-frequency cepstral coefficient {n} over the audible frames.")
    for n in range(N_MFCC):
        add(f"mfcc_{n}_change", "timbre", f"Log standard deviation of the frame-to-frame change of coefficient {n}.")
    triangle = list(combinations_with_replacement(range(N_MFCC), 2))
    for kind, (row, column) in product(("mfcc", "mfcc_diff"), triangle):
        sentence = f"Entry ({row}, {column}) of the matrix logarithm of the covariance of {kind}."
        add(f"{kind}_logcov_{row}_{column}", "timbre", sentence)
    for value, statistic in product(SPECTRAL_VALUES, SPECTRAL_STATISTICS):
        transform: Transform = "log" if value in _LOGARITHMIC else "identity"
        add(f"{value}_{statistic}", "spectral", f"{statistic} of the frame-wise {value}.", transform)
    for step in range(12):
        add(f"chroma_rotated_{step}", "tonal", f"Share of the pitch class {step} semitones above the best tonic.")
    for n in range(1, 7):
        add(f"chroma_dft_{n}", "tonal", f"Magnitude {n} of the chroma's Fourier transform (independent of key).")
    add("key_strength", "tonal", "Correlation of the chroma with the best key profile.")
    add("chroma_change", "tonal", "Mean change of the chroma from second to second.")
    add("tempo_circle_cos", "rhythm", "Cosine of log2(tempo) on the octave circle: half and double tempo coincide.")
    add("tempo_circle_sin", "rhythm", "Sine of log2(tempo) on the octave circle.")
    add("onset_rate_hz", "rhythm", "Note onsets in a second.", "log")
    add("pulse_clarity", "rhythm", "Height of the strongest periodicity of the onset curve, 0-1.")
    add("modulation_4_hz", "rhythm", "Share of the loudness envelope's modulation that lies in 2-8 Hz (syllables).")
    add("percussive_ratio", "instrumentation", "Share of transient energy.")
    add("low_end_ratio", "instrumentation", "Share of energy below 150 Hz.")
    add("loudness_range_lu", "loudness", "EBU R 128 loudness range.")
    add("crest_db", "loudness", "Peak to RMS ratio.")
    add("silence_ratio", "loudness", "Share of seconds more than 20 LU below the integrated loudness.")
    add("stereo_width", "stereo", "Side share of mid plus side energy, 0 for mono.")
    # Version 1 ends here. Later versions append, so that spaces of earlier ones go on reading what they know.
    add("danceability", "rhythm", "Inverse of the mean exponent of detrended level fluctuations.")
    add("arousal", "mood", "Calm (0) to excited (1).")
    add("valence", "mood", "Negative (0) to positive (1).")
    # Version 2 ends here.
    for taken in TAKEN:
        add(taken.name, taken.group, taken.sentence, taken.transform)
    for n in range(1, N_VOICE_MFCC + 1):
        add(f"delivery_voice_mfcc_{n}", "delivery", f"Mean of cepstral coefficient {n} over voiced speech.")
    add("structure_sections_per_min", "structure", "Sections a minute.", "log")
    add("structure_label_ratio", "structure", "Different sections over all sections: 1 where none comes back.")
    add("structure_segments_per_min", "structure", "Changes between speech, music, noise and silence a minute.")
    return tuple(slots)


DIMENSIONS = _dimensions()
LENGTHS: Mapping[int, int] = {1: 563, 2: 566, DESCRIPTOR_VERSION: len(DIMENSIONS)}
NAMES = tuple(slot.name for slot in DIMENSIONS)
VALUE_BYTES = 4
GROUPS = tuple(dict.fromkeys(slot.group for slot in DIMENSIONS))


def dimensions_of(version: int) -> tuple[Dimension, ...]:
    """Return the dimensions of a version of the descriptor."""
    return DIMENSIONS[: LENGTHS[version]]


def pack(values: NDArray[np.float32]) -> bytes:
    """Return a descriptor or embedding as little-endian float32 bytes."""
    return np.ascontiguousarray(values, dtype="<f4").tobytes()


def unpack(packed: bytes) -> NDArray[np.float32]:
    """Return the vector behind bytes made by :func:`pack`."""
    return np.frombuffer(packed, dtype="<f4").astype(np.float32)
