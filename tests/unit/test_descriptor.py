"""The descriptor: every name once, finite, independent of level and blocks; unmeasured slots stay empty."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from audiofeat.domain import registry
from audiofeat.domain.descriptor import DIMENSIONS, GROUPS, NAMES, pack, unpack
from audiofeat.domain.field import Shape
from audiofeat.domain.heads import Head
from audiofeat.domain.quality import Reason
from audiofeat.features.descriptor import PARTS, Descriptor
from audiofeat.features.frames import Group
from audiofeat.features.instrumentation import Instrumentation
from audiofeat.features.loudness import Loudness
from audiofeat.features.mood import Mood
from audiofeat.features.rhythm import Rhythm
from audiofeat.features.stereo import Stereo
from audiofeat.features.timbre import Timbre
from audiofeat.features.tonal import Tonal
from tests.synthesis import RATE_HZ, Signal, cadence, fed, noise, sine, song

_READ: dict[str, Callable[[], Group]] = {
    "stereo": Stereo,
    "loudness": Loudness,
    "rhythm": Rhythm,
    "tonal": Tonal,
    "instrumentation": Instrumentation,
    "timbre": Timbre,
}


def made_up(group: str) -> dict[str, Any]:
    """Return something for each field of a group that no sound of these tests has."""
    shapes: dict[Shape, Any] = {Shape.TEXT: "2", Shape.VECTOR: [0.5] * 12, Shape.CURVE: [0.0], Shape.LABELS: ["A", "B"]}
    fields = [field for field in registry.FIELDS if field.group == group]
    return {field.name: shapes.get(field.shape, max(0.5, field.low or 0.0)) for field in fields}


def measured_of(signal: Signal) -> dict[str, dict[str, Any]]:
    """Return what a descriptor reads of other groups."""
    measured: dict[str, dict[str, Any]] = {name: fed(make(), signal).values for name, make in _READ.items()}
    measured |= {group: made_up(group) for group in ("structure", "delivery", "production")}
    measured["speech"] = {**made_up("speech"), "speech_ratio": 0.0}
    return measured | {"mood": fed(Mood(), signal, measured=measured).values}


def described(signal: Signal, *, block_s: float = 4.0) -> NDArray[np.float64]:
    """Return the descriptor with NaN where a value is None."""
    measured = measured_of(signal)
    values = fed(Descriptor(), signal, measured=measured, block_s=block_s).values["values"]
    assert len(values) == len(NAMES)
    return np.array([np.nan if value is None else value for value in values])


def missing(signal: Signal) -> set[str]:
    return {name for name, value in zip(NAMES, described(signal), strict=True) if np.isnan(value)}


def recording(seconds: float = 10.0, *, hiss: float = 3e-3) -> Signal:
    """A song over noise of that RMS."""
    return 0.3 * song(seconds) + noise(seconds, amplitude=hiss)


def test_every_name_is_there_once() -> None:
    """Names are unique, every group has some, and sentences end as sentences do."""
    assert len(set(NAMES)) == len(NAMES) == len(DIMENSIONS)
    of_episodes = {"delivery", "production", "make_up", "structure"}
    of_all = {"timbre", "spectral", "tonal", "rhythm", "instrumentation", "loudness", "stereo", "mood"}
    assert set(GROUPS) == of_all | of_episodes
    assert all(slot.sentence.endswith(".") for slot in DIMENSIONS)


def test_a_song_has_every_value() -> None:
    """Where everything can be measured nothing is missing, and all is finite."""
    assert np.isfinite(described(recording())).all()


def test_what_cannot_be_measured_is_left_open() -> None:
    """Noise has neither tempo nor key: those slots, and no others, are empty."""
    rotated = {f"chroma_rotated_{step}" for step in range(12)}
    assert missing(noise(10.0)) == rotated | {"tempo_circle_cos", "tempo_circle_sin"}


@pytest.mark.parametrize(
    ("seconds", "silence", "reason"),
    [(5.0, Reason.SILENCE, Reason.SILENCE), (5.0, None, Reason.TOO_SHORT), (0.5, None, Reason.TOO_SHORT)],
)
def test_without_audible_frames_there_is_none(seconds: float, silence: Reason | None, reason: Reason) -> None:
    """The whole descriptor is null with its reason."""
    result = fed(Descriptor(), np.zeros(round(seconds * RATE_HZ), dtype=np.float32), silence=silence)
    assert result.values == {"values": None, "parts": None}
    assert result.reasons == {"values": reason, "parts": reason}


@pytest.mark.parametrize("gain_db", [-12, 12])
@pytest.mark.parametrize("hiss", [0.03, 3e-3, 0.0])
def test_level_does_not_matter(hiss: float, gain_db: float) -> None:
    """12 dB more or less: half of the values within 0.1 %, 95 % within 5 % or 0.02."""
    signal = recording(hiss=hiss)
    before = described(signal)
    after = described((signal * 10 ** (gain_db / 20)).astype(np.float32))
    known = ~np.isnan(before)
    assert np.array_equal(known, ~np.isnan(after))
    before, after = before[known], after[known]
    change = np.abs(after - before)
    assert np.median(change / np.maximum(np.abs(before), 0.01)) < 1e-3
    assert np.mean(change < np.maximum(0.05 * np.abs(before), 0.02)) > 0.95


@pytest.mark.parametrize("block_s", [2.0, 60.0])
def test_blocks_do_not_matter(block_s: float) -> None:
    """All but the modulation, which is taken block by block, come out the same to 0.1 %."""
    one, other = described(recording()), described(recording(), block_s=block_s)
    kept = np.array([name != "modulation_4_hz" for name in NAMES])
    np.testing.assert_allclose(other[kept], one[kept], rtol=1e-3, atol=1e-3)


def test_the_tempo_circle_has_length_one() -> None:
    """Half and double tempo are one point on it."""
    values = dict(zip(NAMES, described(recording()), strict=True))
    assert np.hypot(values["tempo_circle_cos"], values["tempo_circle_sin"]) == pytest.approx(1.0)


def test_chroma_is_turned_to_its_tonic() -> None:
    """The rotated profile is of shares, and the same in C and in F sharp."""
    profiles = []
    for tonic in (0, 6):
        values = dict(zip(NAMES, described(cadence(tonic, "major")), strict=True))
        profiles.append([values[f"chroma_rotated_{step}"] for step in range(12)])
    assert sum(profiles[0]) == pytest.approx(1.0)
    assert profiles[1] == pytest.approx(profiles[0], abs=0.02)
    assert min(profiles[0][step] for step in (0, 4, 7)) > max(profiles[0][step] for step in (1, 3, 6, 8, 10))


def test_syllables_modulate_and_a_tone_does_not() -> None:
    """Noise pulsing four times a second has its modulation at 2 to 8 Hz; pulsing twelve times, elsewhere."""
    clock_s = np.arange(10 * RATE_HZ) / RATE_HZ
    at = NAMES.index("modulation_4_hz")
    four, twelve = (
        described((noise(10.0) * (1 + 0.9 * np.sin(2 * np.pi * hz * clock_s))).astype(np.float32))[at] for hz in (4, 12)
    )
    assert four > 0.8
    assert twelve < 0.2


@pytest.mark.parametrize("hz", [5.0, 10_900.0])
def test_sounds_at_the_edge_of_the_band_give_numbers(hz: float) -> None:
    """A sine that no mel band hears leaves no NaN in what was measured."""
    values = described(sine(hz, 6.0))
    assert np.isfinite(values[:40]).all()


def test_packing_keeps_the_values_and_what_is_missing() -> None:
    """Little-endian float32 there and back, NaN included."""
    values = np.array([1.5, np.nan, -2.0], dtype=np.float32)
    np.testing.assert_array_equal(unpack(pack(values)), values)
    assert pack(values)[:4] == b"\x00\x00\xc0\x3f"


def parts_of(signal: Signal, *, block_s: float = 4.0) -> NDArray[np.float64]:
    """Return the rows of the six parts, NaN where a value is None."""
    measured = measured_of(signal)
    rows = fed(Descriptor(), signal, measured=measured, block_s=block_s).values["parts"]
    return np.array([[np.nan if value is None else value for value in row] for row in rows])


def test_parts_say_what_their_own_sound_is() -> None:
    """The first half a song, the second noise: three rows like the song's, three like the noise's."""
    whole = np.concatenate((0.3 * song(30.0) + noise(30.0, amplitude=3e-3), noise(30.0)))
    rows = parts_of(whole)
    assert rows.shape == (PARTS, len(NAMES))
    centroid = rows[:, NAMES.index("centroid_hz_mean")]
    assert centroid[:3] == pytest.approx(described(recording(30.0))[NAMES.index("centroid_hz_mean")], rel=0.03)
    assert centroid[3:] == pytest.approx(RATE_HZ / 4, rel=0.01)
    from_sound = np.array([slot.group in {"timbre", "spectral"} for slot in DIMENSIONS])
    assert np.isfinite(rows[:, from_sound]).all()
    assert np.isnan(rows[:, ~from_sound]).all()


def test_parts_do_not_depend_on_level_or_blocks() -> None:
    """12 dB less, and blocks of 0.7 s: the same rows."""
    sound = recording(24.0)
    expected = parts_of(sound)
    assert parts_of((0.25 * sound).astype(np.float32)) == pytest.approx(expected, rel=0.01, abs=0.02, nan_ok=True)
    assert parts_of(sound, block_s=0.7) == pytest.approx(expected, rel=1e-4, abs=1e-4, nan_ok=True)


def test_a_long_item_keeps_few_sums() -> None:
    """Of 400 s at most 192 stretches are held, and the whole stays the sum of its parts."""
    group = Descriptor()
    fed(group, noise(400.0), silence=Reason.SILENCE)
    assert len(group._stretches) <= 192
    assert sum(stretch.frames for stretch in group._stretches) == pytest.approx(400 * 43.07, abs=3)


def test_mood_is_that_of_the_shipped_head() -> None:
    """A catalogue's own head, or the formula, leaves the descriptor where it is; speech has no mood."""
    measured = measured_of(recording())
    by_formula = fed(Mood(Head("mood", {}, {})), recording(), measured=measured).values
    assert by_formula["arousal"] != measured["mood"]["arousal"]
    for mood in (measured["mood"], by_formula):
        values = fed(Descriptor(), recording(), measured={**measured, "mood": mood}).values["values"]
        assert values[NAMES.index("arousal")] == measured["mood"]["arousal"]
        assert values[NAMES.index("valence")] == measured["mood"]["valence"]
    spoken = {**measured, "speech": {**measured["speech"], "speech_ratio": 1.0}}
    assert fed(Descriptor(), recording(), measured=spoken).values["values"][NAMES.index("arousal")] is None
