"""Families of instruments: what the head sees, and what it says of sound whose instruments are known."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiofeat.domain.block import summed
from audiofeat.domain.families import FAMILIES
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import N_MEL, RATE_HZ, SharedSpectrum
from audiofeat.features.instrument_claims import judged, word
from audiofeat.features.instrument_head import evidence, head, logistic
from audiofeat.features.instrument_spectrogram import STEP, Sights, network, seen
from audiofeat.features.instrument_windows import FEATURES, SUMS, Seconds, pooled, windows
from audiofeat.features.instrumentation import Instrumentation
from tests.synthesis import Signal, drum_loop, fed, noise, song

SAMPLES = Path(__file__).parents[2] / "samples" / "audio"


def seconds_of(signal: Signal, *, block_s: float = 4.0) -> np.ndarray:
    spectrum, seconds = SharedSpectrum(RATE_HZ), Seconds()
    edges = [*range(0, len(signal), round(block_s * RATE_HZ)), len(signal)]
    taken = []
    for start, end in pairwise(edges):
        block = signal[start:end]
        seconds.push(spectrum.push(summed(block[:, None], RATE_HZ), block, last=end == len(signal)))
        taken.append(seconds.take())
    return np.concatenate((*taken, seconds.take(last=True)))


def sampled(name: str) -> tuple[Signal, int]:
    samples, rate_hz = soundfile.read(SAMPLES / name, dtype="float32", always_2d=True)
    return samples.mean(axis=1), rate_hz


def test_a_second_has_its_sums_however_the_sound_is_cut() -> None:
    """Blocks of any length give the same seconds."""
    tune = song(7.3)
    whole = seconds_of(tune, block_s=8.0)
    assert whole.shape == (7, SUMS)
    for block_s in (0.31, 1.0, 2.7):
        np.testing.assert_allclose(seconds_of(tune, block_s=block_s), whole, rtol=1e-4, atol=1e-3)


def test_half_a_second_at_the_end_is_a_second() -> None:
    """What is longer than half a second counts, what is shorter does not."""
    assert [len(seconds_of(noise(length))) for length in (0.6, 3.2, 3.8)] == [1, 3, 4]


def test_values_do_not_depend_on_level() -> None:
    """Turned down by 20 dB a song has the same values."""
    tune = song(6.0)
    loud, quiet = (pooled(windows(seconds_of(signal))) for signal in (tune, (0.1 * tune).astype(np.float32)))
    assert loud.shape == (6, len(FEATURES))
    scaled = (loud - quiet) / head().scale
    assert np.abs(scaled).max() < 0.2


def test_a_window_is_the_mean_of_five_seconds() -> None:
    """Two seconds on either side belong to each, fewer at the ends."""
    rows = np.arange(6.0)[:, None]
    assert windows(rows)[:, 0].tolist() == [1.0, 1.5, 2.0, 3.0, 3.5, 4.0]


def test_an_item_is_judged_by_the_quarter_that_shows_a_family_most() -> None:
    """One verse with a guitar is enough."""
    verse = np.array([[4.0]] * 3 + [[2.0]] + [[-3.0]] * 12, dtype=np.float32)
    assert evidence(verse).tolist() == [3.5]
    assert evidence(verse[:2]).tolist() == [4.0]


def test_a_drum_loop_has_drums() -> None:
    """Kick, snare and hat are drums, and no brass."""
    values = fed(Instrumentation(), drum_loop(120, 10.0)).values
    assert values["drums"] == "present"
    assert values["brass"] == "absent"


def test_level_changes_no_verdict() -> None:
    """12 dB up or down: the same words, probabilities within 0.02."""
    tune = 0.2 * song(8.0)
    plain = fed(Instrumentation(), tune.astype(np.float32)).values
    for gain in (0.25, 4.0):
        changed = fed(Instrumentation(), (gain * tune).astype(np.float32)).values
        for family in FAMILIES:
            assert changed[f"{family}_probability"] == pytest.approx(plain[f"{family}_probability"], abs=0.02)


def test_words_follow_the_probabilities() -> None:
    """From 0.7 on present, up to 0.3 absent, null with a reason between; the curve has a row for each second."""
    result = fed(Instrumentation(), song(9.0))
    for family in FAMILIES:
        probability, word = result.values[f"{family}_probability"], result.values[family]
        assert word == ("present" if probability >= 0.7 else "absent" if probability <= 0.3 else None)
        assert (word is None) == (result.reasons.get(family) is Reason.LOW_CONFIDENCE)
    curve = result.values["family_probability_curve"]
    assert [len(row) for row in curve] == [len(FAMILIES)] * 9


def claimed(**log_odds: float) -> set[str]:
    """Return which families are said to be present in an item of these log-odds."""
    said = [log_odds.get(name, -5.0) for name in FAMILIES]
    _, item = judged(said, logistic(np.array([said], dtype=np.float32)))
    return {name for name, value in zip(FAMILIES, item, strict=True) if word(value) == "present"}


def test_of_dense_sound_only_what_was_seen_to_be_right_is_claimed() -> None:
    """One family alone is named, whichever; of several only drums, a voice, and a bass beside drums."""
    assert claimed(guitar=3.0) == {"guitar"}
    assert claimed(bass=3.0) == {"bass"}
    assert claimed(guitar=3.0, synth=3.0, strings=3.0) == set()
    assert claimed(bass=3.0, strings=3.0, synth=3.0) == set()
    assert claimed(bass=3.0, drums=3.0, guitar=3.0) == {"bass", "drums"}
    assert claimed(voice=3.0, keys=3.0, brass=3.0) == {"voice"}


def test_what_is_not_claimed_stays_likely_and_in_order() -> None:
    """A probability above one half stays there, the higher one higher, in the item and in each second."""
    said = [1.0 if name == "keys" else 4.0 if name in {"strings", "guitar"} else -5.0 for name in FAMILIES]
    curve, item = judged(said, logistic(np.array([said], dtype=np.float32)))
    at = list(FAMILIES).index
    for row in (item, curve[0]):
        assert 0.5 < row[at("keys")] < row[at("strings")] < 0.7
    np.testing.assert_allclose(curve[0], item, atol=1e-4)


def test_silence_has_no_instruments() -> None:
    """Every family is null, and says why."""
    result = fed(Instrumentation(), np.zeros(5 * RATE_HZ, dtype=np.float32), silence=Reason.SILENCE)
    names = [*FAMILIES, *(f"{family}_probability" for family in FAMILIES), "family_probability_curve"]
    assert {result.values[name] for name in names} == {None}
    assert {result.reasons[name] for name in names} == {Reason.SILENCE}


def test_the_spectrogram_is_seen_alike_however_it_comes() -> None:
    """Frames in any portions, at any level, give the same logits of each second; beyond the end there is nothing."""
    rng = np.random.default_rng(3)
    mel_db = rng.uniform(-60, 0, (700, N_MEL)).astype(np.float32)
    whole = Sights(network())
    whole.push(mel_db)
    wanted = seen(whole.take(18))
    assert wanted.shape == (18, len(FAMILIES))
    assert (np.abs(wanted[:16]).max(axis=1) > 0).all()
    for step, level in ((1, 0.0), (97, -40.0), (431, 12.0)):
        sights = Sights(network())
        for start in range(0, len(mel_db), step):
            sights.push(mel_db[start : start + step] + np.float32(level))
        np.testing.assert_allclose(seen(sights.take(18)), wanted, rtol=1e-3, atol=1e-3)


def test_what_is_too_short_to_be_seen_counts_for_nothing() -> None:
    """Fewer frames than one answer needs leave logits of zero."""
    sights = Sights(network())
    sights.push(np.zeros((STEP - 1, N_MEL), dtype=np.float32))
    assert not seen(sights.take(1)).any()
