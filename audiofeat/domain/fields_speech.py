"""Fields of speech: what sounds when, how it is spoken, and how it was recorded."""

from collections.abc import Mapping
from typing import Any

from audiofeat.domain.field import Scope, Shape

M, E, H = Scope.MEASURED, Scope.ESTIMATED, Scope.HEURISTIC
N, T, V, C, L = Shape.NUMBER, Shape.TEXT, Shape.VECTOR, Shape.CURVE, Shape.LABELS
_OURS = "audiofeat"
_SCHEIRER = "after Scheirer & Slaney, ICASSP 1997"
_NUCLEI = "after de Jong & Wempe, Behavior Research Methods 2009"
_GEMAPS = "defined as in Eyben et al., GeMAPS, TAC 2016; code ours"

# name, unit, lowest, highest, scope, shape, definition, source
ROWS: Mapping[str, tuple[tuple[Any, ...], ...]] = {
    "speech": (
        ("speech_ratio", "ratio", 0, 1, E, N, "Share of the time with speech, alone or over music.", _SCHEIRER),
        ("music_ratio", "ratio", 0, 1, E, N, "Share of the time with music and no speech.", _SCHEIRER),
        ("speech_over_music_ratio", "ratio", 0, 1, E, N, "Share of the time with speech and music at once.", _OURS),
        ("other_ratio", "ratio", 0, 1, E, N, "Share of the time with neither, but not silent.", _SCHEIRER),
        ("silence_ratio", "ratio", 0, 1, M, N, "Share of silent time.", _OURS),
        ("speech_probability_curve", "0-1", 0, 1, E, C, "Probability of speech in each half second.", _SCHEIRER),
        ("music_probability_curve", "0-1", 0, 1, E, C,
         "Probability of music, alone or under speech, in each half second.", _OURS),
        ("segment_starts_s", "s", 0, None, E, C, "When each segment begins; it lasts until the next, or the end.",
         _OURS),
        ("segment_labels", "speech, music, speech+music, noise or silence", None, None, E, L,
         "What is heard in each segment.", _OURS),
        ("segment_confidence", "0-1", 0, 1, E, C, "Mean probability of the segment's label over the segment.", _OURS),
        ("method", "audiofeat|silero", None, None, M, T,
         "What judged speech: our own model alone, or silero-vad with it.", _OURS),
    ),
    "delivery": (
        ("speech_duration_s", "s", 0, None, E, N, "Time of the speech that this group describes, pauses included.",
         _OURS),
        ("speaking_rate_hz", "syllables/s", 0, 15, E, N, "Syllables in a second of speech, pauses included.", _NUCLEI),
        ("articulation_rate_hz", "syllables/s", 0, 20, E, N, "Syllables in a second of speech, pauses left out.",
         _NUCLEI),
        ("pause_starts_s", "s", 0, None, E, C, "When each pause of 0.25 s or more between two words begins.", _NUCLEI),
        ("pause_durations_s", "s", 0, None, E, C, "How long each of these pauses is.", _NUCLEI),
        ("pause_rate_per_min", "1/min", 0, 240, E, N, "Pauses in a minute of speech.", _NUCLEI),
        ("pause_mean_s", "s", 0, None, E, N, "Mean duration of the pauses.", _NUCLEI),
        ("pause_percentile_90_s", "s", 0, None, E, N, "Nine of ten pauses are no longer.", _NUCLEI),
        ("pause_ratio", "ratio", 0, 1, E, N, "Share of the time of speech that is pause.", _NUCLEI),
        ("voiced_ratio", "ratio", 0, 1, E, N, "Share of the time of speech, pauses left out, that has a pitch.", _OURS),
        ("pitch_median_hz", "Hz", 50, 600, E, N, "Median of the fundamental frequency where speech is voiced.",
         "after Boersma, IFA Proceedings 1993"),
        ("pitch_range_semitones", "semitones", 0, 48, E, N, "From its 10th to its 90th percentile.", _OURS),
        ("pitch_std_semitones", "semitones", 0, 24, E, N, "Its standard deviation.", _GEMAPS),
        ("loudness_std_db", "dB", 0, 60, E, N, "Standard deviation of the level of syllables.", _OURS),
        ("liveliness", "0-1", 0, 1, H, N,
         "How far pitch, level and pace move, against read speech (0.5), by formula.", _OURS),
        ("alpha_ratio_db", "dB", -80, 80, E, N, "Power at 50-1,000 Hz over that at 1-5 kHz, mean over voiced speech.",
         _GEMAPS),
        ("hammarberg_index_db", "dB", -80, 80, E, N,
         "Strongest peak at 0-2 kHz over the strongest at 2-5 kHz, mean over voiced speech.", _GEMAPS),
        ("spectral_slope_low_db_per_khz", "dB/kHz", -200, 200, E, N, "Slope of the spectrum at 0-500 Hz.", _GEMAPS),
        ("spectral_slope_high_db_per_khz", "dB/kHz", -200, 200, E, N, "Slope of the spectrum at 500-1,500 Hz.",
         _GEMAPS),
        ("harmonics_to_noise_db", "dB", -20, 60, E, N,
         "Power of the periodic part over the rest, from the autocorrelation at the pitch; mean over voiced speech.",
         "after Boersma, IFA Proceedings 1993"),
        ("voice_mfcc", "dB", -1_300, 1_300, E, V,
         "Mean of cepstral coefficients 1 to 12 over voiced speech: the colour of the voices.", _OURS),
        ("number_of_voices", "1|2|3+", None, None, E, T, "Band of the number of voices, by clustering.",
         "after Chen & Gopalakrishnan, DARPA 1998"),
        ("number_of_voices_confidence", "0-1", 0, 1, E, N, "Probability that the band is right.", _OURS),
        ("speaker_change_rate_per_min", "1/min", 0, 60, E, N, "Changes of voice in a minute of speech.",
         "after Chen & Gopalakrishnan, DARPA 1998"),
        ("overlap_ratio", "ratio", 0, 1, E, N,
         "Expected share of speech without music in which two talk at once; talk of one alone has about 0.1.",
         "after Boakye et al., ICASSP 2008"),
    ),
    "production": (
        ("target_loudness_lufs", "LUFS", -19, -16, M, N,
         "What podcasts are delivered at: -16 with two channels or more, -19 with one.", "AES TD1008; platforms"),
        ("loudness_from_target_lu", "LU", -54, 51, M, N, "Integrated loudness minus that target.", _OURS),
        ("speech_loudness_lufs", "LUFS", -70, 35, E, N,
         "Loudness of the seconds with speech, gated 10 LU below their mean.", "after ITU-R BS.1770-4"),
        ("speech_loudness_range_lu", "LU", 0, 100, E, N,
         "From the 10th to the 95th percentile of the loudness of these seconds.", "after EBU Tech 3342"),
        ("speech_noise_floor_dbfs", "dBFS", -120, 19, E, N, "Level of what is left in the pauses of speech.", _OURS),
        ("snr_db", "dB", -20, 100, E, N, "Level of speech without its noise over the noise floor.", _OURS),
        ("bandwidth_to_nyquist_ratio", "ratio", 0, 1, E, N, "Bandwidth over half the sample rate.", _OURS),
        ("lowpass_step_db", "dB", 0, 200, H, N,
         "Deepest fall of the mean spectrum within 1 kHz, above 3 kHz; over some 30 dB it was coded with loss.", _OURS),
        ("band_hole_ratio", "ratio", 0, 1, H, N,
         "Share of moments and bands at 10-15.6 kHz that are 25 dB emptier than beside them: MP3 of a low rate, once.",
         _OURS),
        ("reverberation_time_s", "s", 0, 10, H, N,
         "60 dB over the median rate at which the level falls after syllables.",
         "after Ratnam et al., JASA 2003"),
        ("intro_s", "s", 0, None, E, N, "Time of music before the first speech without music, cold open left out.",
         _OURS),
        ("outro_s", "s", 0, None, E, N, "Time of music after the last speech without music.", _OURS),
        ("cold_open_s", "s", 0, None, E, N, "Time of speech before the first music of the opening; 0 without one.",
         _OURS),
        ("music_bed_ratio", "ratio", 0, 1, E, N, "Share of the speech that has music under it.", _OURS),
    ),
}  # fmt: skip
