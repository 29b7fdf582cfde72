"""The picture: bounded for any duration, whatever the blocks, and true to the sound."""

import numpy as np
import pytest

from audiofeat.domain.block import summed
from audiofeat.features.frames import RATE_HZ, Frames, SharedSpectrum
from audiofeat.features.picture import MOST_ENVELOPE_COLUMNS, MOST_MEL_COLUMNS, Columns, Picture
from tests.synthesis import noise


def frames_of(signal: np.ndarray, *, block: int) -> list[Frames]:
    spectrum = SharedSpectrum(RATE_HZ)
    parts = [signal[start : start + block] for start in range(0, len(signal), block)]
    return [spectrum.push(summed(part[:, None], RATE_HZ), part, last=part is parts[-1]) for part in parts]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 1_000, 4_097])
def test_columns_hold_every_row_once(count: int) -> None:
    """Sums over columns are those of a plain reduction, however the rows arrive."""
    rows = np.random.default_rng(count).standard_normal((count, 2)).astype(np.float32)
    columns = Columns(2, most=8, merge=np.add, empty=0.0)
    for part in np.array_split(rows, 3):
        columns.push(part)
    starts = np.arange(0, count, columns.span)
    assert len(columns.values()) == len(starts) <= 8
    np.testing.assert_allclose(columns.values(), np.add.reduceat(rows, starts, axis=0), rtol=1e-3, atol=1e-3)


def test_the_envelope_is_that_of_the_samples() -> None:
    """Lowest and highest sample are found again, and the picture is no larger than promised."""
    signal = noise(20.0, rate_hz=RATE_HZ).astype(np.float32)
    signal[1_234], signal[300_000] = 0.95, -0.99
    picture = Picture()
    for frames in frames_of(signal, block=65_536):
        picture.push(frames)
    drawn = picture.drawn()
    envelope, mel = drawn["envelope"], drawn["mel"]
    assert MOST_ENVELOPE_COLUMNS / 2 < len(envelope["low"]) == len(envelope["high"]) <= MOST_ENVELOPE_COLUMNS
    assert max(envelope["high"]) == pytest.approx(0.95, abs=1e-4)
    assert min(envelope["low"]) == pytest.approx(-0.99, abs=1e-4)
    assert len(envelope["low"]) * envelope["step_s"] == pytest.approx(20.0, abs=envelope["step_s"])
    assert MOST_MEL_COLUMNS / 2 < len(mel["level_db"]) <= MOST_MEL_COLUMNS
    assert len(mel["level_db"]) * mel["step_s"] == pytest.approx(20.0, abs=0.1)
    assert max(max(column) for column in mel["level_db"]) == 0.0


def test_a_tone_is_seen_at_its_frequency() -> None:
    """The strongest mel band of a sine of 1 kHz is the one around 1 kHz."""
    tone = (0.5 * np.sin(2 * np.pi * 1_000 * np.arange(2 * RATE_HZ) / RATE_HZ)).astype(np.float32)
    picture = Picture()
    for frames in frames_of(tone, block=10_000):
        picture.push(frames)
    mel = picture.drawn()["mel"]
    strongest = np.argmax(np.mean(mel["level_db"], axis=0))
    assert mel["centre_hz"][strongest] == pytest.approx(1_000, rel=0.06)


def test_silence_has_no_spectrogram() -> None:
    """Digital silence has an envelope at nought and no columns of dB."""
    picture = Picture()
    for frames in frames_of(np.zeros(RATE_HZ, dtype=np.float32), block=5_000):
        picture.push(frames)
    drawn = picture.drawn()
    assert drawn["mel"]["level_db"] == []
    assert set(drawn["envelope"]["high"]) == {0.0}
