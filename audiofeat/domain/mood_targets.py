"""What mood heads are fitted on: votes for emotions or ratings of arousal and valence, and features to choose from.

References
----------
Zentner, Grandjean & Scherer, "Emotions evoked by the sound of music", Emotion 8(4), 2008: the nine emotions (GEMS).
Trost, Ethofer, Zentner & Vuilleumier, "Mapping aesthetic musical emotions in the brain", Cerebral Cortex 22(12), 2012:
how they lie on arousal and valence. Gabrielsson & Lindstroem, in Handbook of Music and Emotion, 2010: what tempo,
density and mode do.
"""

from collections.abc import Mapping

EMOTIONS = (
    "amazement", "solemnity", "tenderness", "nostalgia", "calmness", "power", "joyful_activation", "tension", "sadness",
)  # fmt: skip
# High against low arousal, three emotions each; for valence one of high and one of low arousal on each side, so that
# the two do not follow each other.
DIMENSIONS: Mapping[str, Mapping[str, float]] = {
    "arousal": {
        "joyful_activation": 1.0, "power": 1.0, "tension": 1.0, "tenderness": -1.0, "calmness": -1.0, "sadness": -1.0,
    },
    "valence": {"joyful_activation": 1.0, "tenderness": 1.0, "tension": -1.0, "sadness": -1.0},
}  # fmt: skip


def dimension(name: str, votes: Mapping[str, float]) -> float:
    """Return arousal or valence of an item from the share of its raters that felt each emotion.

    Examples
    --------
    >>> dimension("valence", {"joyful_activation": 0.5, "tenderness": 0.25, "tension": 0.25, "sadness": 0.0})
    0.5
    """
    return sum(weight * votes[emotion] for emotion, weight in DIMENSIONS[name].items())


def _candidates() -> tuple[str, ...]:
    shapes = ("centroid_hz", "spread_hz", "rolloff_hz", "flatness_db", "crest_db", "entropy", "flux")
    stems = ((shape[:-3], shape[-3:]) if shape.endswith(("_hz", "_db")) else (shape, "") for shape in shapes)
    spectral = [f"timbre.spectral_{stem}{kind}{unit}" for stem, unit in stems for kind in ("", "_std")]
    bands = [f"timbre.octave_band_{what}_db[{n}]" for what in ("share", "crest", "contrast") for n in range(1, 7)]
    return (
        *(f"rhythm.{name}" for name in (
            "onset_rate_hz", "pulse_clarity", "tempo_bpm", "tempo_confidence", "inter_beat_variation",
            "tempo_stability",
        )),
        *(f"tonal.{name}" for name in (
            "dissonance", "key_strength", "key_clarity", "chord_change_rate_hz", "major_strength",
        )),
        *spectral,
        *bands,
        "timbre.spectral_complexity",
        # The first coefficient hangs on the level, which is mastering and not mood.
        *(f"timbre.mfcc[{n}]" for n in range(1, 6)),
        *(f"timbre.mfcc_std[{n}]" for n in range(4)),
        *(f"instrumentation.{name}_ratio" for name in ("percussive", "harmonic", "low_end", "noise")),
        "loudness.loudness_range_lu",
        "loudness.dynamic_complexity_db",
    )  # fmt: skip


CANDIDATES = _candidates()
"""Features that turning an item up or down leaves alone; a fit chooses some of them.

Changes from one second to the next are left out: they are small where bars last whole seconds.
"""
GROUPS = tuple(sorted({path.partition(".")[0] for path in CANDIDATES}))
"""The feature groups that they are of."""
EXPECTED: Mapping[str, Mapping[str, float]] = {
    "arousal": {"rhythm.tempo_bpm": 0.2, "rhythm.onset_rate_hz": 0.2},
    "valence": {"tonal.major_strength": 0.2, "rhythm.tempo_bpm": 0.1},
}
"""Weights towards which a fit shrinks, in standard deviations: fast and dense is aroused, major and fast positive."""
