"""Fields of the sound itself: file, defects, loudness, timbre, and the ingredients of the spaces."""

from collections.abc import Mapping
from typing import Any

from audiofeat.domain.field import Scope, Shape

M, E, H = Scope.MEASURED, Scope.ESTIMATED, Scope.HEURISTIC
N, T, V, C = Shape.NUMBER, Shape.TEXT, Shape.VECTOR, Shape.CURVE
_BS1770 = "ITU-R BS.1770-4, EBU R 128"
_OURS = "audiofeat"

# name, unit, lowest, highest, scope, shape, definition, source
ROWS: Mapping[str, tuple[tuple[Any, ...], ...]] = {
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
    "descriptor": (("values", "", None, None, M, V, "The ingredients of the spaces.", _OURS),),
}  # fmt: skip
