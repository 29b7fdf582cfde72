"""The shared spectrum against its definition and against librosa, whatever the blocks and the rate."""

from itertools import pairwise

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from audiofeat.domain.block import summed
from audiofeat.domain.descriptor import SPECTRAL_VALUES
from audiofeat.features.frames import (
    FILTERS_PATH,
    FLOOR_BELOW_PEAK,
    FRAME,
    HOP,
    N_MEL,
    RATE_HZ,
    TIMBRE_STEP,
    Frames,
    SharedSpectrum,
)  # fmt: skip
from audiofeat.features.offline.make_filters import mel_filters
from tests.synthesis import Signal, noise, sine, song

_ARRAYS = ("mono", "power", "mel", "mfcc", "spectral", "audible")


def frames_of(signal: Signal, *, rate_hz: int = RATE_HZ, block_s: float = 4.0) -> dict[str, NDArray[np.float32]]:
    """Push a signal block by block and join what comes out."""
    spectrum = SharedSpectrum(rate_hz)
    edges = [*range(0, len(signal), round(block_s * rate_hz)), len(signal)]
    pushed: list[Frames] = [
        spectrum.push(summed(signal[start:end, None], rate_hz), signal[start:end], last=end == len(signal))
        for start, end in pairwise(edges)
    ]
    return {name: np.concatenate([getattr(frames, name) for frames in pushed]) for name in _ARRAYS}


def value(frames: dict[str, NDArray[np.float32]], name: str) -> NDArray[np.float32]:
    return frames["spectral"][:, SPECTRAL_VALUES.index(name)]


@pytest.mark.parametrize("length", [1, 255, 256, 1_024, 5_000, 88_200, 88_201])
def test_there_is_a_frame_for_every_hop(length: int) -> None:
    """Frames are centred on 0, 256, 512 ... up to the end, every second one is a timbre frame."""
    frames = frames_of(noise(length / RATE_HZ))
    count = length // HOP + 1
    assert frames["power"].shape == (count, FRAME // 2 + 1)
    assert frames["mel"].shape == (count, N_MEL)
    assert len(frames["mfcc"]) == len(frames["spectral"]) == len(frames["audible"]) == -(-count // TIMBRE_STEP)


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 44_100, 8_000])
@pytest.mark.parametrize("block_s", [0.1, 1.0, 3.7])
def test_blocks_do_not_matter(rate_hz: int, block_s: float) -> None:
    """Many blocks or one give the same frames; without resampling the same power to the bit."""
    signal = noise(9.0, rate_hz=rate_hz)
    whole, parts = frames_of(signal, rate_hz=rate_hz, block_s=60), frames_of(signal, rate_hz=rate_hz, block_s=block_s)
    for name in _ARRAYS:
        assert parts[name].shape == whole[name].shape
        np.testing.assert_allclose(parts[name], whole[name], rtol=2e-3, atol=0.05 if name == "mfcc" else 1e-4)
        if rate_hz == RATE_HZ and name in {"mono", "power", "audible"}:
            assert np.array_equal(parts[name], whole[name]), name


def test_a_full_scale_sine_has_power_one() -> None:
    """At the centre of a bin the scale is exact."""
    hz = 100 * RATE_HZ / FRAME
    frames = frames_of(sine(hz, 2.0, amplitude=1.0))
    assert frames["power"][4:-4, 100] == pytest.approx(1.0, rel=1e-4)


def test_the_stored_filters_are_librosas() -> None:
    """The file in the package is what librosa designs."""
    assert np.array_equal(np.load(FILTERS_PATH)["mel"], mel_filters())


def test_power_is_librosas_stft() -> None:
    """The same frames, windows and padding as librosa's centred STFT."""
    signal = song(4.0)
    reference = np.abs(librosa.stft(signal, n_fft=FRAME, hop_length=HOP, pad_mode="constant")) ** 2
    scale = np.square(np.hanning(FRAME + 1)[:-1].sum() / 2)
    np.testing.assert_allclose(frames_of(signal)["power"], reference.T / scale, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("make", [noise, song], ids=["noise", "song"])
def test_shape_values_are_librosas(make: object) -> None:
    """Of the same frames: within 0.1 %; flatness, which floors what lies 50 dB below the peak, within 0.01 dB."""
    signal = make(4.0)
    frames = frames_of(signal)
    loud = frames["audible"]
    power = frames["power"][::TIMBRE_STEP].T[:, loud]
    magnitude = np.sqrt(power)
    floored = np.sqrt(np.maximum(power, FLOOR_BELOW_PEAK * power.max(axis=0)))
    expected = {
        "centroid_hz": librosa.feature.spectral_centroid(S=magnitude, sr=RATE_HZ),
        "spread_hz": librosa.feature.spectral_bandwidth(S=magnitude, sr=RATE_HZ),
        "rolloff_85_hz": librosa.feature.spectral_rolloff(S=power, sr=RATE_HZ, roll_percent=0.85),
        "rolloff_50_hz": librosa.feature.spectral_rolloff(S=power, sr=RATE_HZ, roll_percent=0.50),
    }
    for name, reference in expected.items():
        found = value(frames, name)[loud]
        assert np.median(np.abs(found / reference[0] - 1)) < 1e-3, name
        assert np.mean(np.abs(found / reference[0] - 1) < 0.02) > 0.95, name
    flatness_db = 10 * np.log10(librosa.feature.spectral_flatness(S=floored, power=2.0, amin=1e-20)[0])
    assert np.median(np.abs(value(frames, "flatness_db")[loud] - flatness_db)) < 0.01


def test_the_cepstrum_is_librosas() -> None:
    """The same coefficients as librosa's from the same mel bands, within 0.01 dB."""
    signal = noise(4.0)
    frames = frames_of(signal)
    decibel = librosa.power_to_db(frames["mel"][::TIMBRE_STEP].T, ref=1.0, amin=1e-10, top_db=None)
    np.testing.assert_allclose(frames["mfcc"], librosa.feature.mfcc(S=decibel, n_mfcc=20).T, atol=0.01)


def test_zero_crossings_count_periods() -> None:
    """A sine of 1 kHz crosses zero a thousand times a second in each direction."""
    assert value(frames_of(sine(1_000, 2.0)), "zero_crossing_hz")[2:-2] == pytest.approx(1_000, abs=25)


@pytest.mark.parametrize("rate_hz", [16_000, 32_000, 44_100, 48_000, 96_000])
def test_rates_agree(rate_hz: int) -> None:
    """The same tones at another rate have the same spectrum: the median centroid within 0.5 %."""
    medians = []
    for rate in (RATE_HZ, rate_hz):
        tones = [sine(hz, 3.0, rate_hz=rate, amplitude=0.1) for hz in (220, 660, 1_540, 3_300)]
        frames = frames_of(np.sum(tones, axis=0, dtype=np.float32), rate_hz=rate)
        assert len(frames["power"]) == pytest.approx(3 * RATE_HZ / HOP, abs=2)
        medians.append(np.median(value(frames, "centroid_hz")))
    assert medians[1] == pytest.approx(medians[0], rel=5e-3)


def test_values_are_finite_in_digital_silence_and_under_it() -> None:
    """Zeros, and levels at the edge of what a float holds, give numbers."""
    for signal in (np.zeros(RATE_HZ, dtype=np.float32), sine(440, 1.0, amplitude=1e-20), sine(440, 1.0, amplitude=8.0)):
        frames = frames_of(signal)
        assert all(np.isfinite(frames[name]).all() for name in _ARRAYS)


def test_what_is_audible() -> None:
    """Frames over -80 dBFS RMS that are within 50 dB of the loudest before them."""
    assert frames_of(sine(440, 1.0, amplitude=1.6e-4))["audible"][2:-2].all()
    assert not frames_of(sine(440, 1.0, amplitude=1.2e-4))["audible"].any()
    for amplitude, audible in ((4e-3, True), (2.5e-3, False)):
        faded = np.concatenate((sine(440, 2.0, amplitude=1.0), sine(440, 2.0, amplitude=amplitude)))
        assert frames_of(faded)["audible"][-20:-3].all() == audible
