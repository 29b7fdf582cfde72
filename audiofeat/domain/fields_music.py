"""Fields of music and speech: rhythm, harmony, instruments, talk and mood."""

from collections.abc import Mapping
from typing import Any

from audiofeat.domain.field import Scope, Shape

M, E, H = Scope.MEASURED, Scope.ESTIMATED, Scope.HEURISTIC
N, T, V, C = Shape.NUMBER, Shape.TEXT, Shape.VECTOR, Shape.CURVE
_KEYS = "C C# D D# E F F# G G# A A# B"
_OURS = "audiofeat"

# name, unit, lowest, highest, scope, shape, definition, source
ROWS: Mapping[str, tuple[tuple[Any, ...], ...]] = {
    "rhythm": (
        ("tempo_bpm", "BPM", 30, 300, E, N, "Beats a minute at the level at which most people tap.",
         "Degara et al., TASLP 2012"),
        ("tempo_confidence", "0-1", 0, 1, H, N,
         "Clarity and regularity of the beats, and their margin over other metrical levels.", _OURS),
        ("beat_times_s", "s", 0, None, E, C, "Times of the beats.", "Degara et al., TASLP 2012"),
        ("onset_rate_hz", "1/s", 0, 20, E, N, "Note onsets a second.", _OURS),
        ("pulse_clarity", "0-1", 0, 1, E, N, "Autocorrelation of the onset curve at the beat.",
         "Lartillot et al., ISMIR 2008"),
    ),
    "tonal": (
        ("key", f"one of {_KEYS}", None, None, E, T, "Tonic, spelt with sharps.", "Faraldo et al., ECIR 2016"),
        ("mode", "major|minor", None, None, E, T, "Mode of the key.", "Faraldo et al., ECIR 2016"),
        ("key_strength", "0-1", 0, 1, H, N, "Mean correlation of the profiles that voted for the key.", _OURS),
        ("tuning_hz", "Hz", 427, 453, E, N, "Frequency of A4 that fits the partials best.", "Gomez, PhD, UPF 2006"),
        ("hpcp", "0-1", 0, 1, E, V, "Harmonic pitch-class profile, 12 values from C, largest 1.",
         "Gomez, PhD, UPF 2006"),
        ("hpcp_change", "", 0, 2, H, N, "Mean absolute change of the profile from one 4 s block to the next.", _OURS),
    ),
    "instrumentation": (
        ("percussive_ratio", "ratio", 0, 1, E, N, "Share of power that is clearly transient.", "Fitzgerald, DAFx 2010"),
        ("harmonic_ratio", "ratio", 0, 1, E, N, "Share of power that is clearly sustained.", "Fitzgerald, DAFx 2010"),
        ("low_end_ratio", "ratio", 0, 1, M, N, "Share of power below 150 Hz.", _OURS),
        ("noise_ratio", "ratio", 0, 1, H, N, "Share of audible frames with a flatness above -12 dB.", _OURS),
    ),
    "speech": (
        ("speech_ratio", "ratio", 0, 1, E, N, "Share of seconds with speech.", "after Scheirer & Slaney, ICASSP 1997"),
        ("music_ratio", "ratio", 0, 1, E, N, "Share of seconds with music and no speech.", "Scheirer & Slaney 1997"),
        ("other_ratio", "ratio", 0, 1, E, N, "Share of seconds with neither.", "Scheirer & Slaney 1997"),
        ("silence_ratio", "ratio", 0, 1, M, N, "Share of silent seconds.", _OURS),
        ("speech_probability_curve", "0-1", 0, 1, E, C, "Probability of speech in each second.",
         "Scheirer & Slaney 1997"),
    ),
    "mood": (
        ("arousal", "0-1", 0, 1, H, N, "Calm (0) to excited (1), by formula.", "Russell 1980; formula ours"),
        ("valence", "0-1", 0, 1, H, N, "Negative (0) to positive (1), by formula.", "Russell 1980; formula ours"),
    ),
}  # fmt: skip
