"""Fields of music: rhythm, harmony, instruments, structure and mood."""

from collections.abc import Mapping
from typing import Any

from audiofeat.domain.families import FAMILIES
from audiofeat.domain.field import Scope, Shape
from audiofeat.domain.mood_targets import EMOTIONS

M, E, H = Scope.MEASURED, Scope.ESTIMATED, Scope.HEURISTIC
N, T, V, C, X, L = Shape.NUMBER, Shape.TEXT, Shape.VECTOR, Shape.CURVE, Shape.MATRIX, Shape.LABELS
_KEYS = "C C# D D# E F F# G G# A A# B"
_OURS = "audiofeat"
_VOTES = "after Zentner et al., Emotion 2008; fitted on votes"

_RESTRAINED = "; by the shipped head at most 0.69 in dense sound"
_IN_DENSE = {"drums": "", "voice": "", "bass": f"{_RESTRAINED} without drums"}

# name, unit, lowest, highest, scope, shape, definition, source
ROWS: Mapping[str, tuple[tuple[Any, ...], ...]] = {
    "rhythm": (
        ("tempo_bpm", "BPM", 30, 300, E, N, "Beats a minute at the level at which most people tap.",
         "after Grosche & Mueller, TASLP 2011; model ours"),
        ("tempo_confidence", "0-1", 0, 1, E, N, "Probability that the tempo, its octave included, is right.", _OURS),
        ("tempo_second_bpm", "BPM", 30, 300, E, N, "The next most probable tempo, more than 8 % away.", _OURS),
        ("tempo_second_salience", "0-1", 0, 1, E, N, "Probability of the second tempo.", _OURS),
        ("beat_times_s", "s", 0, None, E, C, "Times of the beats.", "Ellis, JNMR 2007"),
        ("downbeat_times_s", "s", 0, None, E, C, "Times of the first beats of the bars.",
         "after Krebs et al., ISMIR 2016; model ours"),
        ("meter", "beats in a bar", 2, 7, E, N, "Beats in a bar.", "after Krebs et al., ISMIR 2016; model ours"),
        ("meter_confidence", "0-1", 0, 1, E, N, "Probability of the most probable meter, beats being right.", _OURS),
        ("inter_beat_variation", "ratio", 0, 1, E, N,
         "Standard deviation of the beats' distances over their mean, gaps left out.", _OURS),
        ("tempo_stability", "ratio", 0, 1, E, N, "Share of beats whose distance is within 5 % of the tempo's.", _OURS),
        ("onset_rate_hz", "1/s", 0, 20, E, N, "Note onsets a second.", _OURS),
        ("onset_times_s", "s", 0, None, E, C, "Times of note onsets.", _OURS),
        ("pulse_clarity", "0-1", 0, 1, E, N, "Autocorrelation of the onset curve at the beat.",
         "Lartillot et al., ISMIR 2008"),
        ("danceability", "", 0, 3, H, N, "Inverse of the mean exponent of detrended level fluctuations, 0.3-9 s.",
         "Streich & Herrera, AES 118, 2005"),
        ("beat_loudness_by_band_db", "dB", None, None, M, V,
         "Mean power at the beats over the mean, in six bands from 30 Hz to 11 kHz.", _OURS),
    ),
    "tonal": (
        ("key", f"one of {_KEYS}", None, None, E, T, "Tonic, spelt with sharps.", _OURS),
        ("mode", "major|minor", None, None, E, T, "Mode of the key.", _OURS),
        ("key_strength", "0-1", 0, 1, H, N, "Correlation of the profile with its scale, the triad doubled.", _OURS),
        ("key_second", f"one of {_KEYS}", None, None, E, T, "Tonic of the next most probable key.", _OURS),
        ("mode_second", "major|minor", None, None, E, T, "Mode of the next most probable key.", _OURS),
        ("key_second_strength", "0-1", 0, 1, H, N, "The same correlation for the second key.", _OURS),
        ("key_clarity", "0-1", 0, 1, E, N, "Share of the key in the model's scores of the 24; not calibrated.", _OURS),
        ("tuning_hz", "Hz", 427, 453, E, N, "Frequency of A4 that fits the partials best.", "Gomez, PhD, UPF 2006"),
        ("hpcp", "0-1", 0, 1, E, V, "Harmonic pitch-class profile, 12 values from C, largest 1.",
         "Gomez, PhD, UPF 2006"),
        ("hpcp_36", "0-1", 0, 1, E, V, "The profile at three bins a semitone, from C, largest 1.",
         "Gomez, PhD, UPF 2006"),
        ("hpcp_curve", "0-1", 0, 1, E, X, "The 12 values of each second; zeros where it is silent.",
         "Gomez, PhD, UPF 2006"),
        ("hpcp_change", "", 0, 2, H, N, "Mean absolute change of the profile from one 4 s block to the next.", _OURS),
        ("chord_times_s", "s", 0, None, E, C, "When each chord begins.", "Sheh & Ellis, ISMIR 2003"),
        ("chord_labels", "C, C#m, ... or N", None, None, E, L, "Each chord, major or minor; N is none.",
         "Sheh & Ellis, ISMIR 2003"),
        ("chord_histogram", "share", 0, 1, E, V, "Share of the chords' time: C to B major, C to B minor.",
         "Sheh & Ellis, ISMIR 2003"),
        ("chord_change_rate_hz", "1/s", 0, 6, E, N, "Changes of chord a second.", _OURS),
        ("dissonance", "0-1", 0, 1, E, N, "Mean roughness of the pairs of spectral peaks.", "Sethares, JASA 1993"),
    ),
    "instrumentation": (
        ("percussive_ratio", "ratio", 0, 1, E, N, "Share of power that is clearly transient.", "Fitzgerald, DAFx 2010"),
        ("harmonic_ratio", "ratio", 0, 1, E, N, "Share of power that is clearly sustained.", "Fitzgerald, DAFx 2010"),
        ("low_end_ratio", "ratio", 0, 1, M, N, "Share of power below 150 Hz.", _OURS),
        ("noise_ratio", "ratio", 0, 1, H, N, "Share of audible frames with a flatness above -12 dB.", _OURS),
        *((f"{family}_probability", "0-1", 0, 1, E, N,
           f"Probability that {what} to be heard{_IN_DENSE.get(family, _RESTRAINED)}.", _OURS)
          for family, what in FAMILIES.items()),
        ("family_log_odds", "ln", -20, 20, E, V,
         f"Log-odds of each family by the shipped head, whichever is in use: {', '.join(FAMILIES)}.", _OURS),
        *((family, "present|absent", None, None, E, T, f"Whether {what} to be heard; null where it is not sure.", _OURS)
          for family, what in FAMILIES.items()),
        ("family_probability_curve", "0-1", 0, 1, E, X,
         f"Probability of each family in the five seconds around each second: {', '.join(FAMILIES)}.", _OURS),
        ("instrumentalness", "0-1", 0, 1, E, N, "Probability that nobody sings or speaks; null where it is not sure.",
         _OURS),
    ),
    "structure": (
        ("section_starts_s", "s", 0, None, E, C, "Where sections begin, until the next.", "Foote, ICME 2000"),
        ("section_labels", "A, B, ...", None, None, H, L, "Equal labels: the sections sound alike.", _OURS),
        ("section_confidence", "0-1", 0, 1, H, C, "Height of the novelty at which a section begins; 1 for the first.",
         "Foote, ICME 2000"),
        ("preview_start_s", "s", 0, None, E, N, "Start of the stretch that is most like the whole and not quiet.",
         "Cooper & Foote, ISMIR 2002"),
        ("preview_duration_s", "s", 0, 30, M, N, "Its length: 30 s, or the whole seconds of a shorter item.", _OURS),
    ),
    "mood": (
        ("arousal", "0-1", 0, 1, E, N,
         "Share of the rated songs that are felt as calmer; 0 calm, 1 excited. No head: by formula.", _VOTES),
        ("arousal_low", "0-1", 0, 1, E, N, "Lower end of the interval that holds nine of ten true values.", _VOTES),
        ("arousal_high", "0-1", 0, 1, E, N, "Upper end of that interval.", _VOTES),
        ("valence", "0-1", 0, 1, E, N,
         "Share of the rated songs that are felt as more negative; 0 negative, 1 positive. No head: by formula.",
         _VOTES),
        ("valence_low", "0-1", 0, 1, E, N, "Lower end of the interval that holds nine of ten true values.", _VOTES),
        ("valence_high", "0-1", 0, 1, E, N, "Upper end of that interval.", _VOTES),
        ("mood_label", "energetic|tense|calm|sad", None, None, E, T,
         "The quarter of arousal and valence, where both sides are probable enough.", "Russell 1980"),
        ("mood_label_probability", "0-1", 0, 1, E, N, "Probability of that quarter.", _OURS),
        *((f"{emotion}_ratio", "ratio", 0, 1, E, N, f"Share of listeners who feel {emotion.replace('_', ' ')}.",
           _VOTES) for emotion in EMOTIONS),
        ("energy", "0-1", 0, 1, H, N,
         "Liveliness by formula: onsets, flux, brightness, transients, an even level; loudness has no part in it.",
         "Gabrielsson & Lindstroem 2010; formula ours"),
        ("acousticness", "0-1", 0, 1, H, N,
         "Acoustic (1) to electric (0) by formula: clear partials, little low end, few transients, moving level.",
         _OURS),
    ),
}  # fmt: skip
