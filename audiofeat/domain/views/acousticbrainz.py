"""AcousticBrainz: the low-level JSON of Essentia's music extractor, with the names of its last public release.

Filled is what has the same definition here; where only the scale or the sampling differs, the row says so. Nine
statistics of a curve are null but for those that we keep.
"""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from audiofeat.domain.views.row import Record, Row, envelope
from audiofeat.domain.views.spotify_analysis import ANALYSIS_RATE_HZ, KEYS

_STATISTICS = ("dmean", "dmean2", "dvar", "dvar2", "max", "mean", "median", "min", "var")
_BINS_FROM_C_TO_A = 27
_CODECS_WITHOUT_LOSS = ("pcm", "flac", "alac", "wavpack", "ape", "tta")
_OTHER = "Null: nothing of ours has this definition."


def circle_of_fifths(chord: int) -> int:
    """Return the place on Essentia's circle (C, Em, G, Bm, D, ...) of a chord: 0 to 11 major from C, 12 to 23 minor.

    Examples
    --------
    >>> circle_of_fifths(0), circle_of_fifths(12 + 4), circle_of_fifths(7)
    (0, 1, 2)
    """
    minor, pitch_class = divmod(chord, 12)
    return 2 * ((pitch_class - 4 * minor) * 7 % 12) + minor


def _chords_from_key(shares: Sequence[float], key: str, mode: str) -> list[float]:
    tonic = circle_of_fifths(KEYS.index(key) + 12 * (mode == "minor"))
    ordered = [0.0] * len(shares)
    for chord, share in enumerate(shares):
        ordered[(circle_of_fifths(chord) - tonic) % len(shares)] = round(100 * share, 4)
    return ordered


def _strongest(shares: Sequence[float]) -> int:
    return max(range(len(shares)), key=shares.__getitem__)


def _from_a(hpcp: Sequence[float]) -> list[float]:
    return [*hpcp[_BINS_FROM_C_TO_A:], *hpcp[:_BINS_FROM_C_TO_A]]


def _from_strongest(hpcp: Sequence[float]) -> list[float]:
    first = _strongest(hpcp)
    return [*hpcp[first:], *hpcp[:first]]


def _as_it_is(value: Any) -> Any:  # noqa: ANN401  a field's own type
    return value


FILLED = (
    Row("lowlevel.dissonance.mean", ("tonal.dissonance",), "The same roughness of spectral peaks.", _as_it_is),
    Row("metadata.audio_properties.analysis_sample_rate", (), "Always 22050.", lambda: ANALYSIS_RATE_HZ),
    Row("metadata.audio_properties.bit_rate", ("audio.bytes", "audio.decoded_duration_s"),
        "Bytes of the file over its duration, tags and pictures included.",
        lambda size, seconds: round(8 * size / seconds) if seconds else None),
    Row("metadata.audio_properties.codec", ("audio.codec",), "As the decoder calls it.", _as_it_is),
    Row("metadata.audio_properties.downmix", (), "Always `mix`.", lambda: "mix"),
    Row("metadata.audio_properties.equal_loudness", (), "Always 0: no such filter is applied.", lambda: 0),
    Row("metadata.audio_properties.length", ("audio.decoded_duration_s",), "What was decoded, in seconds.", _as_it_is),
    Row("metadata.audio_properties.lossless", ("audio.codec",), "By the codec.",
        lambda codec: codec.startswith(_CODECS_WITHOUT_LOSS)),
    Row("metadata.audio_properties.md5_encoded", (), "Null: the record has a sha256 of the file."),
    Row("metadata.audio_properties.replay_gain", (), "Null: see `loudness.integrated_loudness_lufs`."),
    Row("metadata.audio_properties.sample_rate", ("audio.sample_rate_hz",), "The file's own.", _as_it_is),
    Row("metadata.tags.file_name", ("record.source",), "The last part of the path.", lambda path: PurePath(path).name),
    Row("metadata.version.essentia", ("extractor.packages",), "Some of its algorithms are used.",
        lambda packages: packages["essentia"]),
    Row("metadata.version.extractor", ("extractor.packages",), "Not the music extractor, but audiofeat.",
        lambda packages: f"audiofeat {packages['audiofeat']}"),
    Row("rhythm.beats_count", ("rhythm.beat_times_s",), "Number of beats.", len),
    Row("rhythm.beats_position", ("rhythm.beat_times_s",), "Times of the beats.", _as_it_is),
    Row("rhythm.bpm", ("rhythm.tempo_bpm",), "As measured; octaves are decided otherwise.", _as_it_is),
    Row("rhythm.danceability", ("rhythm.danceability",), "The same fluctuation measure.", _as_it_is),
    Row("rhythm.onset_rate", ("rhythm.onset_rate_hz",), "Onsets a second, by another detector.", _as_it_is),
    Row("tonal.chords_histogram", ("tonal.chord_histogram", "tonal.key", "tonal.mode"),
        "Percent, on the circle of fifths (C, Em, G, Bm, ...) from the key on.", _chords_from_key),
    Row("tonal.chords_key", ("tonal.chord_histogram",), "Root of the most frequent chord.",
        lambda shares: KEYS[_strongest(shares) % 12]),
    Row("tonal.chords_scale", ("tonal.chord_histogram",), "Mode of the most frequent chord.",
        lambda shares: ("major", "minor")[_strongest(shares) // 12]),
    Row("tonal.hpcp.mean", ("tonal.hpcp_36",), "36 bins from A; the largest is 1, where the music extractor's is less.",
        _from_a),
    Row("tonal.key_key", ("tonal.key",), "Spelt with sharps.", _as_it_is),
    Row("tonal.key_scale", ("tonal.mode",), "As measured.", _as_it_is),
    Row("tonal.key_strength", ("tonal.key_strength",), "Correlation with other profiles.", _as_it_is),
    Row("tonal.thpcp", ("tonal.hpcp_36",), "36 bins from the strongest on.", _from_strongest),
    Row("tonal.tuning_frequency", ("tonal.tuning_hz",), "Of A4.", _as_it_is),
)  # fmt: skip
UNFILLED = (
    *(f"lowlevel.{name}" for name in (
        "average_loudness", "dynamic_complexity",
        *(f"{bands}{of}" for bands in ("barkbands", "erbbands", "melbands")
          for of in ("", "_crest", "_flatness_db", "_kurtosis", "_skewness", "_spread")),
        "gfcc", "hfc", "mfcc", "pitch_salience", "silence_rate_20dB", "silence_rate_30dB", "silence_rate_60dB",
        "spectral_centroid", "spectral_complexity", "spectral_contrast_coeffs", "spectral_contrast_valleys",
        "spectral_decrease", "spectral_energy", "spectral_energyband_high", "spectral_energyband_low",
        "spectral_energyband_middle_high", "spectral_energyband_middle_low", "spectral_entropy", "spectral_flux",
        "spectral_kurtosis", "spectral_rms", "spectral_rolloff", "spectral_skewness", "spectral_spread",
        "spectral_strongpeak", "zerocrossingrate",
    )),
    *(f"rhythm.{name}" for name in (
        "beats_loudness", "beats_loudness_band_ratio",
        *(f"bpm_histogram_{peak}_peak_{of}" for peak in ("first", "second") for of in ("bpm", "spread", "weight")),
    )),
    *(f"tonal.{name}" for name in (
        "chords_changes_rate", "chords_number_rate", "chords_strength", "hpcp_entropy", "tuning_diatonic_strength",
        "tuning_equal_tempered_deviation", "tuning_nontempered_energy_ratio",
    )),
)  # fmt: skip
_KEPT_STATISTICS = tuple(row.name for row in FILLED if row.name.endswith(".mean"))
_NULL_STATISTICS = tuple(
    Row(name.replace(".mean", f".{statistic}"), (), "Null: not kept.")
    for name in _KEPT_STATISTICS
    for statistic in _STATISTICS
    if not name.endswith(f".{statistic}")
)
ROWS: tuple[Row, ...] = (*FILLED, *(Row(name, (), _OTHER) for name in UNFILLED), *_NULL_STATISTICS)
PARTS = ("lowlevel", "metadata", "rhythm", "tonal")


def view(record: Record) -> dict[str, Any]:
    """Return ``lowlevel``, ``metadata``, ``rhythm``, ``tonal`` and, beside them, the ``provenance`` of their fields."""
    return envelope(ROWS, record, parts=PARTS)
