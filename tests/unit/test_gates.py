"""What the gates refuse, and what they flag; block ends change nothing."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from audiofeat.audio.gates import Gates
from audiofeat.codes import ErrorCode
from audiofeat.domain.block import summed
from audiofeat.domain.quality import Flag
from audiofeat.errors import AudioRejected
from tests.synthesis import Signal, noise, sine

RATE_HZ = 8_000
SECONDS = 10


def passed(signal: Signal, *, block_s: int = 4) -> tuple[Gates, Signal]:
    """Push mono or (frames, channels) samples through the gates and join what comes out."""
    pcm = signal[:, None] if signal.ndim == 1 else signal
    gates = Gates(rate_hz=RATE_HZ, channels=pcm.shape[1])
    length = block_s * RATE_HZ
    mono = [
        gates.mono(summed(pcm[start : start + length], RATE_HZ, begun=start)) for start in range(0, len(pcm), length)
    ]
    return gates, np.concatenate(mono)


def flags(signal: Signal) -> set[Flag]:
    return passed(signal)[0].flags()


def hiss(**how: float) -> Signal:
    return noise(SECONDS, rate_hz=RATE_HZ, **how)


def stereo(left: Signal, right: Signal) -> Signal:
    return np.column_stack((left, right))


def words(*, silence_s: float, fade_s: float) -> Signal:
    """Half a second of noise, half a second of exact zeros, and so on, with or without fades."""
    word = noise(0.5, rate_hz=RATE_HZ)
    fade = max(int(fade_s * RATE_HZ), 1)
    if fade_s:
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        word[:fade] *= ramp
        word[-fade:] *= ramp[::-1]
    else:
        word[0] = word[-1] = 0.2
    gap = np.zeros(int(silence_s * RATE_HZ), dtype=np.float32)
    return np.tile(np.concatenate((word, gap)), 10)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 12_345, -1])
def test_one_sample_that_is_no_number_ends_it(bad: float, at: int) -> None:
    """NaN and infinity are rejected wherever they stand."""
    signal = hiss()
    signal[at] = bad
    with pytest.raises(AudioRejected) as caught:
        passed(signal)
    assert caught.value.code is ErrorCode.NOT_FINITE


@pytest.mark.parametrize(("peak", "refused"), [(7.9, False), (-7.9, False), (8.1, True), (-1e30, True)])
def test_amplitudes_have_a_limit(peak: float, *, refused: bool) -> None:
    """Up to 18 dB over full scale is accepted."""
    signal = hiss()
    signal[5_000] = peak
    if not refused:
        assert not flags(signal)
        return
    with pytest.raises(AudioRejected) as caught:
        passed(signal)
    assert caught.value.code is ErrorCode.AMPLITUDE_OUT_OF_RANGE


@pytest.mark.parametrize("offset", [0.01, 0.1, 0.37, 0.5, 0.9, 1.0, 2.0, 7.0])
def test_a_pure_offset_is_silent(offset: float) -> None:
    """A constant has nothing to be heard, at any level, in one channel or two."""
    signal = np.full(SECONDS * RATE_HZ, offset, dtype=np.float32)
    assert flags(signal) == {Flag.SILENT}
    assert flags(stereo(signal, signal)) == {Flag.SILENT}


def test_digital_silence_and_dither_are_silent() -> None:
    """Nothing above -70 dBFS is silence."""
    assert flags(hiss(amplitude=0.0)) == {Flag.SILENT}
    assert flags(hiss(amplitude=1e-4)) == {Flag.SILENT}
    assert not flags(hiss(amplitude=1e-3))


@pytest.mark.parametrize(("offset", "raised"), [(0.01, set()), (0.03, {Flag.DC_OFFSET}), (-0.03, {Flag.DC_OFFSET})])
def test_an_offset_over_two_percent(offset: float, raised: set[Flag]) -> None:
    """Either sign counts."""
    assert flags(hiss() + np.float32(offset)) == raised


def test_antiphase_is_flagged_and_the_louder_channel_heard() -> None:
    """Where the sum cancels, the mono signal is the louder channel, not the rest of a subtraction."""
    signal = hiss()
    gates, mono = passed(stereo(signal, -1.2 * signal))
    assert gates.flags() == {Flag.ANTIPHASE}
    assert np.array_equal(mono, -1.2 * signal)


def test_antiphase_for_a_moment_is_an_effect() -> None:
    """Less than half of the audible seconds raises no flag, and only those seconds change channel."""
    signal = hiss()
    right = signal.copy()
    right[2 * RATE_HZ : 4 * RATE_HZ] *= -1
    gates, mono = passed(stereo(signal, right))
    assert not gates.flags()
    assert np.array_equal(mono, signal)


def test_wide_stereo_is_not_antiphase() -> None:
    """Two unrelated channels are mixed as they are."""
    left, right = hiss(), hiss(seed=2)
    gates, mono = passed(stereo(left, right))
    assert not gates.flags()
    np.testing.assert_allclose(mono, (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize("rest", [0.0, 1e-5])
def test_a_silent_channel(rest: float) -> None:
    """One channel 60 dB below the other."""
    assert flags(stereo(hiss(), hiss(amplitude=rest, seed=2))) == {Flag.ONE_CHANNEL_SILENT}


def test_clipping_counts_from_one_percent() -> None:
    """A sine driven far over full scale is clipped; a few full-scale samples are not."""
    assert flags(np.clip(sine(440, SECONDS, amplitude=3.0, rate_hz=RATE_HZ), -1, 1)) == {Flag.CLIPPED}
    signal = hiss()
    signal[::1_000] = 1.0
    assert not flags(signal)


@pytest.mark.parametrize("seconds", [0.0013, 0.5, 2.99])
def test_under_three_seconds_is_too_short(seconds: float) -> None:
    """Shorter than music can be judged."""
    assert Flag.TOO_SHORT in flags(noise(seconds, rate_hz=RATE_HZ))


def test_mostly_silent() -> None:
    """More than 60 % of the seconds without sound."""
    signal = hiss()
    signal[3 * RATE_HZ :] = 0
    assert flags(signal) == {Flag.MOSTLY_SILENT}
    signal = hiss()
    signal[5 * RATE_HZ :] = 0
    assert not flags(signal)


@pytest.mark.parametrize("start_s", [1.2, 2.0, 3.9, 4.0])
def test_sound_cut_off_and_back_at_once_is_a_dropout(start_s: float) -> None:
    """Half a second of exact zeros inside loud noise, wherever the blocks end."""
    signal = np.where(np.abs(hiss()) < 0.05, np.float32(0.05), hiss())
    signal[int(start_s * RATE_HZ) : int((start_s + 0.5) * RATE_HZ)] = 0
    assert flags(signal) == {Flag.DROPOUT}


@pytest.mark.parametrize("silence_s", [0.1, 0.5, 1.0, 3.0])
def test_pauses_between_words_are_no_dropouts(silence_s: float) -> None:
    """Gated speech fades into exact zeros and out of them; that is not a loss."""
    assert Flag.DROPOUT not in flags(words(silence_s=silence_s, fade_s=0.02))


@pytest.mark.parametrize(("silence_s", "lost"), [(0.1, False), (0.5, True), (3.0, False)])
def test_dropouts_have_a_length(silence_s: float, *, lost: bool) -> None:
    """Shorter than a quarter of a second is a click, longer than two an edit."""
    assert (Flag.DROPOUT in flags(words(silence_s=silence_s, fade_s=0))) is lost


def test_silence_at_head_and_tail_is_no_dropout() -> None:
    """Zeros before the first and after the last sound are silence."""
    signal = hiss()
    signal[:RATE_HZ] = signal[-RATE_HZ:] = 0
    assert not flags(signal)


@pytest.mark.parametrize(
    "make",
    [
        lambda: stereo(hiss(), -hiss()),
        lambda: words(silence_s=0.5, fade_s=0),
        lambda: np.clip(2 * sine(3, 10, rate_hz=RATE_HZ, amplitude=1.0), -1, 1) + np.float32(0.1),
    ],
    ids=["antiphase", "dropouts", "clipped"],
)
def test_block_ends_change_nothing(make: Callable[[], NDArray[np.float32]]) -> None:
    """Blocks of 1, 4 and 60 seconds give the same signal, level and flags."""
    found = [passed(make(), block_s=block_s) for block_s in (1, 4, 60)]
    for gates, mono in found[1:]:
        assert np.array_equal(mono, found[0][1])
        assert gates.flags() == found[0][0].flags()
        assert gates.level() == found[0][0].level()
