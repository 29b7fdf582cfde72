"""Noise, room, loudness and course of episodes whose truth is known."""

from typing import Any

import numpy as np
import pytest
import scipy.signal

from audiofeat.domain.block import summed
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import RATE_HZ
from audiofeat.features.production import Production
from audiofeat.features.production_codec import CodecTraces
from audiofeat.features.production_course import opening_and_end, spoken_seconds
from tests.spoken import Signal, fed, talk


def course(*parts: tuple[float, str]) -> dict[str, Any]:
    """Return what the group ``speech`` says of parts with so many seconds."""
    starts = np.concatenate(([0.0], np.cumsum([seconds for seconds, _ in parts])))
    return {
        "segment_starts_s": starts[:-1].tolist(), "segment_labels": [label for _, label in parts],
        "speech_probability_curve": [0.0] * round(2 * starts[-1]), "speech_ratio": 1.0, "speech_over_music_ratio": 0.25,
    }  # fmt: skip


def told(signal: Signal) -> dict[str, Any]:
    seconds = len(signal) // RATE_HZ
    measured = {
        "speech": course((seconds, "speech")), "quality": {"bandwidth_hz": 8_000.0},
        "loudness": {"integrated_loudness_lufs": -17.0, "loudness_curve_lufs": [-20.0, -60.0] * (seconds // 2)},
    }  # fmt: skip
    return fed(Production(), signal).result(measured, None).values


@pytest.mark.parametrize("snr_db", [5, 15, 30])
def test_noise_is_told_from_speech(snr_db: int) -> None:
    """The ratio is within 3 dB of the truth, and the floor within 2."""
    speech, rng = talk(), np.random.default_rng(3)
    level = np.sqrt(np.mean(np.square(speech[np.abs(speech) > 0])))
    noise = level * 10 ** (-snr_db / 20) * rng.standard_normal(len(speech)).astype(np.float32)
    values = told((speech + noise).astype(np.float32))
    assert values["snr_db"] == pytest.approx(snr_db, abs=3)
    assert values["speech_noise_floor_dbfs"] == pytest.approx(20 * np.log10(level) - snr_db, abs=2)


def test_a_room_is_longer_than_none() -> None:
    """A hall of 0.8 s is told from a dry voice, and its time is about right."""
    speech, rng = talk(), np.random.default_rng(4)
    clock_s = np.arange(RATE_HZ) / RATE_HZ
    tail = rng.standard_normal(len(clock_s)) * np.exp(-6.91 * clock_s / 0.8)
    tail *= 0.7 / np.linalg.norm(tail)
    tail[0] = 1.0
    wet = scipy.signal.oaconvolve(speech, tail)[: len(speech)].astype(np.float32)
    assert told(wet)["reverberation_time_s"] == pytest.approx(0.8, rel=0.3)
    assert told(speech)["reverberation_time_s"] < 0.3


def test_loudness_is_that_of_the_loud_seconds() -> None:
    """Seconds that the gate leaves out do not count; one channel is held against -19 LUFS."""
    values = told(talk())
    assert values["speech_loudness_lufs"] == pytest.approx(-20.0)
    assert values["loudness_from_target_lu"] == pytest.approx(2.0)
    assert values["music_bed_ratio"] == 0.25


def traces(sound: Signal, rate_hz: int = 44_100, block_s: float = 4.0) -> tuple[float | None, float | None]:
    """Return what is told of codecs, block by block."""
    found = CodecTraces()
    for start in range(0, len(sound), round(block_s * rate_hz)):
        found.push(summed(sound[start : start + round(block_s * rate_hz), None], rate_hz))
    return found.found()


def noise(seconds: int = 8, rate_hz: int = 44_100) -> Signal:
    return (0.1 * np.random.default_rng(5).standard_normal(seconds * rate_hz)).astype(np.float32)


def test_a_low_pass_is_a_step() -> None:
    """What a steep filter took away is told in dB; sound up to the end of the spectrum has no step."""
    sections = scipy.signal.cheby2(12, 60, 16_000, fs=44_100, output="sos")
    filtered = scipy.signal.sosfilt(sections, noise()).astype(np.float32)
    assert traces(filtered)[0] > 50
    assert traces(noise())[0] < 5


def test_bands_that_are_empty_for_moments_are_holes() -> None:
    """Where each fifth of a second a band above 10 kHz is taken away, about its share of moments and bands is found."""
    blocks = noise().reshape(-1, 8_820)
    hz = np.fft.rfftfreq(8_820, 1 / 44_100)
    spectra = np.fft.rfft(blocks)
    spectra[::2, (hz >= 12_000) & (hz < 12_700)] = 0
    holed = np.fft.irfft(spectra).astype(np.float32).ravel()
    assert traces(noise())[1] == 0
    assert 0.01 < traces(holed)[1] < 0.1
    assert traces(holed, block_s=1.3) == pytest.approx(traces(holed))


def test_little_sound_tells_nothing_of_codecs() -> None:
    """Too short, too low a rate, or nothing above 10 kHz: null instead of a guess."""
    assert traces(noise(3)) == (None, None)
    assert traces(noise(), 6_000) == (None, None)
    assert traces(noise(), 16_000)[1] is None


def test_the_opening_is_read_from_the_segments() -> None:
    """Music first is an intro; speech before it is a cold open; music after the last speech is an outro."""
    said = opening_and_end(course((5, "music"), (4, "speech+music"), (60, "speech"), (8, "music")))
    assert said == {"intro_s": 9.0, "outro_s": 8.0, "cold_open_s": 0.0}
    said = opening_and_end(course((30, "speech"), (6, "music"), (60, "speech")))
    assert said == {"intro_s": 6.0, "outro_s": 0.0, "cold_open_s": 30.0}


def test_music_late_in_a_talk_is_no_intro() -> None:
    """Music after five minutes opens nothing."""
    said = opening_and_end(course((400, "speech"), (6, "music"), (60, "speech")))
    assert said == {"intro_s": 0.0, "outro_s": 0.0, "cold_open_s": 0.0}


def test_only_whole_seconds_of_speech_count() -> None:
    """A second with half a second of music is not spoken."""
    spoken = spoken_seconds(course((1.5, "speech"), (0.5, "music"), (2, "speech+music")))
    assert spoken is not None
    assert spoken.tolist() == [True, False, True, True]


def test_music_has_no_production_of_speech() -> None:
    """Without speech there is a bandwidth, and a reason for all else."""
    signal = talk()
    measured = {
        "speech": course((20, "music")), "quality": {"bandwidth_hz": 8_000.0}, "loudness": {},
    }  # fmt: skip
    result = fed(Production(), signal, "music").result(measured, None)
    assert result.values["bandwidth_to_nyquist_ratio"] == pytest.approx(16_000 / RATE_HZ)
    assert result.reasons["snr_db"] is Reason.NOT_SPEECH
