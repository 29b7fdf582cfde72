"""What the descriptor takes over from the fields of speech: how is spoken, how it is produced, what it is made of."""

from typing import Literal, NamedTuple


class Taken(NamedTuple):
    """A dimension that is a field of the analysis."""

    name: str
    group: str
    transform: Literal["identity", "log"]
    path: str
    sentence: str


def _taken(group: str, of: str, fields: dict[str, str], *, logarithmic: frozenset[str] = frozenset()) -> list[Taken]:
    return [
        Taken(f"{group}_{field}", group, "log" if field in logarithmic else "identity", f"{of}.{field}", sentence)
        for field, sentence in fields.items()
    ]


# Values relative to the speech's own level, as all of the descriptor: mastering loudness is not similarity.
TAKEN = (
    *_taken("delivery", "delivery", {
        "speaking_rate_hz": "Syllables a second of speech, pauses included.",
        "articulation_rate_hz": "Syllables a second of speech without its pauses.",
        "pause_rate_per_min": "Pauses a minute of speech.",
        "pause_mean_s": "Mean duration of the pauses.",
        "pause_ratio": "Share of the time of speech that is pause.",
        "voiced_ratio": "Share of speech that has a pitch.",
        "pitch_median_hz": "Median pitch of the voices.",
        "pitch_range_semitones": "From the 10th to the 90th percentile of the pitch.",
        "loudness_std_db": "Standard deviation of the level of syllables.",
        "liveliness": "How far pitch, level and pace move, 0-1.",
        "alpha_ratio_db": "Power at 50-1,000 Hz over that at 1-5 kHz, voiced speech.",
        "hammarberg_index_db": "Strongest peak at 0-2 kHz over that at 2-5 kHz, voiced speech.",
        "spectral_slope_low_db_per_khz": "Slope of the spectrum of voiced speech at 0-500 Hz.",
        "spectral_slope_high_db_per_khz": "Slope of the spectrum of voiced speech at 500-1,500 Hz.",
        "harmonics_to_noise_db": "Periodic power over the rest, voiced speech.",
        "number_of_voices": "Number of voices: 1, 2, or 3 for more.",
        "speaker_change_rate_per_min": "Changes of voice a minute of speech.",
        "overlap_ratio": "Expected share of speech in which two talk at once.",
    }, logarithmic=frozenset({"pitch_median_hz"})),
    *_taken("production", "production", {
        "speech_loudness_range_lu": "Loudness range of the seconds with speech.",
        "snr_db": "Level of speech over its noise.",
        "bandwidth_to_nyquist_ratio": "Bandwidth over half the sample rate.",
        "band_hole_ratio": "Share of the bands above 10 kHz that a coarse codec left empty for moments.",
        "reverberation_time_s": "Time in which the room would fall by 60 dB.",
        "intro_s": "Music before the first speech.",
        "outro_s": "Music after the last speech.",
        "cold_open_s": "Speech before the first music.",
        "music_bed_ratio": "Share of the speech that has music under it.",
    }),
    *_taken("make_up", "speech", {
        "speech_ratio": "Share of the time with speech.",
        "music_ratio": "Share of the time with music alone.",
        "speech_over_music_ratio": "Share of the time with both.",
        "other_ratio": "Share of the time with neither, but not silent.",
        "silence_ratio": "Share of silent time.",
    }),
)  # fmt: skip
VOICES = {"1": 1.0, "2": 2.0, "3+": 3.0}
N_VOICE_MFCC = 12
