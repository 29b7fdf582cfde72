"""The one list of fields: what an analysis contains, in which unit and range, how far to trust it, and from where.

The public names are the group's name, a dot and the field's name, as in ``loudness.integrated_loudness_lufs``.
Changing how a field's number comes about means raising its group's version and a line under *Analysis* in the
changelog.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from audiofeat.errors import InvalidInput


class Scope(StrEnum):
    """How far a number can be trusted."""

    MEASURED = "measured"  # a standard or a closed form
    ESTIMATED = "estimated"  # a method with a published accuracy
    HEURISTIC = "heuristic"  # a formula that follows the literature in sign


class Shape(StrEnum):
    """What a value looks like."""

    NUMBER = "number"
    TEXT = "text"
    VECTOR = "vector"  # a fixed number of values
    CURVE = "curve"  # grows with the duration; kept in the artefact store


@dataclass(frozen=True, slots=True)
class Field:
    """One field of one group; ``low`` and ``high`` bound every number in it."""

    group: str
    name: str
    unit: str
    low: float | None
    high: float | None
    scope: Scope
    shape: Shape
    definition: str
    source: str

    @property
    def path(self) -> str:
        """The public name."""
        return f"{self.group}.{self.name}"


GROUP_VERSIONS: Mapping[str, int] = {
    "file": 1,
    "quality": 1,
    "loudness": 1,
    "rhythm": 1,
    "tonal": 1,
    "timbre": 1,
    "instrumentation": 1,
    "speech": 1,
    "mood": 1,
    "descriptor": 1,
}
# Kept for the spaces, not published among the features.
INTERNAL_GROUPS = frozenset({"descriptor"})

_KEYS = "C C# D D# E F F# G G# A A# B"
_BS1770 = "ITU-R BS.1770-4, EBU R 128"
_OURS = "audiofeat"
M, E, H = Scope.MEASURED, Scope.ESTIMATED, Scope.HEURISTIC
N, T, V, C = Shape.NUMBER, Shape.TEXT, Shape.VECTOR, Shape.CURVE

_ROWS: Mapping[str, tuple[tuple[Any, ...], ...]] = {
    "file": (("pcm_sha256", "", None, None, M, T, "SHA-256 of the decoded PCM as float32.", "FIPS 180-4"),),
    "quality": (
        ("clipped_ratio", "ratio", 0, 1, M, N, "Share of samples at or over 0.999 of full scale.", _OURS),
        ("dc_offset", "full scale", 0, 8, M, N, "Largest absolute mean of a channel.", _OURS),
        ("sample_peak_dbfs", "dBFS", -180, 19, M, N, "Largest absolute sample.", _OURS),
        ("head_silence_s", "s", 0, None, M, N, "Time before the first sample above -60 dBFS.", _OURS),
        ("tail_silence_s", "s", 0, None, M, N, "Time after the last sample above -60 dBFS.", _OURS),
        ("channel_correlation", "", -1, 1, M, N, "Correlation of the first two channels.", _OURS),
        ("stereo_width", "ratio", 0, 1, M, N, "Side energy over mid plus side energy.", _OURS),
    ),
    "loudness": (
        ("integrated_loudness_lufs", "LUFS", -70, 35, M, N, "Gated loudness of the whole item.", _BS1770),
        ("max_momentary_loudness_lufs", "LUFS", -70, 40, M, N, "Loudest 400 ms, in steps of 10 ms.", _BS1770),
        ("max_short_term_loudness_lufs", "LUFS", -70, 40, M, N, "Loudest 3 s, in steps of 100 ms.", _BS1770),
        ("loudness_range_lu", "LU", 0, 80, M, N, "Spread of the short-term loudness, 10th to 95th percentile.",
         "EBU Tech 3342"),
        ("true_peak_dbtp", "dBTP", -180, 25, M, N, "Peak of the signal oversampled four times.", _BS1770),
        ("peak_to_loudness_ratio_lu", "LU", -10, 120, M, N, "True peak minus integrated loudness.", "AES TD1008"),
        ("crest_factor_db", "dB", -1, 120, M, N, "True peak over the RMS of all channels.", _OURS),
        ("dynamic_complexity_db", "dB", 0, 80, E, N, "Mean distance of the level over 0.2 s from the global level.",
         "Streich, PhD thesis, UPF 2006"),
        ("loudness_curve_lufs", "LUFS", -201, 40, M, C, "Ungated loudness of each whole second.", _BS1770),
    ),
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
    "timbre": (
        ("spectral_centroid_hz", "Hz", 0, 11_025, M, N, "Mean of the magnitude spectrum's centre of gravity.",
         "Peeters, CUIDADO report, IRCAM 2004"),
        ("spectral_std_centroid_hz", "Hz", 0, 11_025, M, N, "Standard deviation of the centroid.", "Peeters 2004"),
        ("spectral_spread_hz", "Hz", 0, 11_025, M, N, "Mean spread about the centroid.", "Peeters 2004"),
        ("spectral_rolloff_hz", "Hz", 0, 11_025, M, N, "Mean frequency below which 85 % of the power lies.",
         "Peeters 2004"),
        ("spectral_flatness_db", "dB", -120, 0.1, M, N,
         "Mean ratio of geometric to arithmetic mean power, no lower than 50 dB below peak.",
         "Peeters 2004"),
        ("spectral_std_flatness_db", "dB", 0, 120, M, N, "Standard deviation of the flatness.", "Peeters 2004"),
        ("spectral_entropy", "0-1", 0, 1, M, N, "Mean entropy of the magnitude spectrum over its maximum.",
         "Misra et al., ICASSP 2004"),
        ("spectral_flux", "0-1", 0, 1, M, N, "Mean rise of the magnitude spectrum over its sum.", "Dixon, DAFx 2006"),
        ("spectral_std_flux", "0-1", 0, 1, M, N, "Standard deviation of the flux.", "Dixon, DAFx 2006"),
        ("zero_crossing_rate_hz", "Hz", 0, 11_025, M, N, "Half the sign changes in a second.", "Peeters 2004"),
        ("octave_band_share_db", "dB", -140, 1, M, V,
         "Mean share of power in 8 bands with edges 30, 100, 200, 400, 800, 1600, 3200, 6400, 11000 Hz.", _OURS),
        ("octave_band_crest_db", "dB", -1, 60, M, V, "Mean peak-to-mean power in the upper 7 of these bands.",
         "after Jiang et al., ICME 2002"),
        ("mfcc", "dB", -1_300, 1_300, M, V, "Mean of 20 cepstral coefficients of 60 mel bands, 30-11,000 Hz.",
         "Davis & Mermelstein, TASSP 1980"),
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
    "descriptor": (("values", "", None, None, M, V, "The ingredients of the spaces.", _OURS),),
}  # fmt: skip

FIELDS: tuple[Field, ...] = tuple(Field(group, *row) for group, rows in _ROWS.items() for row in rows)
BY_PATH: Mapping[str, Field] = {field.path: field for field in FIELDS}
PUBLIC_FIELDS = tuple(field for field in FIELDS if field.group not in INTERNAL_GROUPS)


def check(path: str, value: Any) -> None:  # noqa: ANN401  a field's own type
    """Raise InvalidInput where a value is not what the registry says of its field; None is checked elsewhere."""
    field = BY_PATH.get(path)
    if field is None:
        raise InvalidInput(f"{path} is not in the registry")
    if field.shape is Shape.TEXT:
        if not isinstance(value, str):
            raise InvalidInput(f"{path} is not text: {value!r}")
        return
    numbers = value if isinstance(value, list) else [value]
    if isinstance(value, list) == (field.shape is Shape.NUMBER):
        raise InvalidInput(f"{path} has the wrong shape")
    for number in numbers:
        if number is None and path == "descriptor.values":
            continue
        if not isinstance(number, int | float) or not math.isfinite(number):
            raise InvalidInput(f"{path} is not a finite number: {number!r}")
        if (field.low is not None and number < field.low) or (field.high is not None and number > field.high):
            raise InvalidInput(f"{path} = {number} is outside {field.low} to {field.high} {field.unit}")
