"""Damaged and odd files through a real extraction server: the exact status, flags or code of each."""

import math
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiofeat.codes import ErrorCode
from audiofeat.extraction.client import ExtractionServer
from tests.commands import quickest_s
from tests.synthesis import RATE_HZ, Signal, noise, sine, song, write

SECONDS = 8.0


@dataclass(frozen=True)
class Case:
    """A file and what is promised of it: flags, empty for ``ok``, or the code of a rejection."""

    name: str
    make: Callable[[Path], object]
    flags: frozenset[str] = frozenset()
    code: ErrorCode | None = None


@pytest.fixture(scope="module")
def server() -> Iterator[ExtractionServer]:
    """One server for all files: none of them may end it."""
    with ExtractionServer() as running:
        yield running


def stereo(left: Signal, right: Signal) -> Signal:
    return np.column_stack((left, right))


def sound(signal: Callable[[], Signal], form: str = "float", rate_hz: int = RATE_HZ) -> Callable[[Path], object]:
    return lambda path: write(path, signal(), rate_hz=rate_hz, form=form)


def edited(form: str, edit: Callable[[bytes], bytes], rate_hz: int = 24_000) -> Callable[[Path], object]:
    """A file of that format with its bytes changed."""

    def make(path: Path) -> None:
        write(path, noise(SECONDS, rate_hz=rate_hz), rate_hz=rate_hz, form=form)
        path.write_bytes(edit(path.read_bytes()))

    return make


def body(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def joined(form: str, *parts: tuple[Signal, int]) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        path.write_bytes(
            b"".join(write(path, signal, rate_hz=rate_hz, form=form).read_bytes() for signal, rate_hz in parts)
        )

    return make


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    changed, middle = bytearray(content), len(content) // 2
    changed[middle : middle + 200] = bytes(byte ^ 0x5A for byte in changed[middle : middle + 200])
    return bytes(changed)


def with_length(length: bytes) -> Callable[[bytes], bytes]:
    """Say so of a WAV file's sound, as recorders do that were cut off (0) or that stream (all ones)."""

    def edit(content: bytes) -> bytes:
        at = content.index(b"data") + 4
        return content[:at] + length + content[at + 4 :]

    return edit


def bad_sample(value: float) -> Callable[[], Signal]:
    def make() -> Signal:
        signal = noise(SECONDS)
        signal[50_000] = value
        return signal

    return make


def bomb(rate_hz: int, channels: int, hours: float) -> Callable[[Path], object]:
    """A small FLAC of silence whose header claims hours."""

    def make(path: Path) -> None:
        write(path, np.zeros((rate_hz, channels), dtype=np.float32), rate_hz=rate_hz, form="flac")
        content = bytearray(path.read_bytes())
        (word,) = struct.unpack_from(">Q", content, 18)
        frames = int(hours * 3_600 * rate_hz)
        struct.pack_into(">Q", content, 18, (word >> 36 << 36) | frames)
        path.write_bytes(content)

    return make


def dropout() -> Signal:
    signal = sine(100.5, SECONDS) + np.float32(0.01)
    signal[int(2.2 * RATE_HZ) : int(2.8 * RATE_HZ)] = 0
    signal[int(2.2 * RATE_HZ) - 1] = signal[int(2.8 * RATE_HZ)] = 0.3
    return signal


def mostly_silent() -> Signal:
    return np.concatenate((song(3.0), np.zeros(9 * RATE_HZ, dtype=np.float32)))


def flags(*names: str) -> frozenset[str]:
    return frozenset(names)


SPEECH_RATE = 24_000
CASES = [
    Case("song", sound(lambda: song(SECONDS))),
    *(
        Case(f"song as {form}", sound(lambda: song(SECONDS), form))
        for form in ("wav", "flac", "ogg", "mp3", "m4a", "aac")
    ),
    Case("song as opus", sound(lambda: noise(SECONDS, rate_hz=SPEECH_RATE), "opus", SPEECH_RATE)),
    Case("half a wav", edited("wav", half), flags("truncated")),
    Case("half an aiff", edited("aiff", half), flags("truncated")),
    Case("half an ogg", edited("ogg", half), flags("truncated")),
    Case("part of an opus", edited("opus", lambda b: b[: len(b) * 2 // 3]), flags("truncated")),
    Case("half an mp3", edited("mp3", half), flags("truncated")),
    Case("half a flac", edited("flac", half), flags("truncated", "damaged")),
    Case("half an m4a", edited("m4a", half), code=ErrorCode.UNREADABLE),
    Case("damaged mp3", edited("mp3", flipped), flags("damaged")),
    Case("damaged flac", edited("flac", flipped), flags("truncated", "damaged")),
    Case("junk behind a wav", edited("wav", lambda b: b + bytes(40_000)), flags("trailing_data")),
    Case("junk behind an mp3", edited("mp3", lambda b: b + bytes(40_000)), flags("trailing_data")),
    Case("mp3 twice", edited("mp3", lambda b: b + b), flags("header_inconsistent")),
    Case("unclosed wav", edited("wav", with_length(bytes(4))), flags("header_inconsistent")),
    Case("streamed wav", edited("wav", with_length(b"\xff" * 4))),
    Case(
        "mp3 changing rate and channels",
        joined("mp3", (stereo(noise(3.0), noise(3.0)), RATE_HZ), (noise(6.0), 44_100)),
        flags("stream_change"),
    ),
    Case("chained ogg", joined("ogg", (noise(3.0), RATE_HZ), (noise(3.0), RATE_HZ)), flags("stream_change")),
    Case("ten samples", sound(lambda: noise(10 / RATE_HZ, amplitude=0.3, seed=3)), flags("too_short", "dc_offset")),
    Case("one second", sound(lambda: song(1.0)), flags("too_short")),
    Case("digital silence", sound(lambda: np.zeros(5 * RATE_HZ, dtype=np.float32)), flags("silent")),
    Case("pure offset", sound(lambda: np.full(5 * RATE_HZ, 0.9, dtype=np.float32)), flags("silent")),
    Case("offset", sound(lambda: song(SECONDS) + np.float32(0.1)), flags("dc_offset")),
    Case("mostly silent", sound(mostly_silent), flags("mostly_silent")),
    Case("dropout", sound(dropout), flags("dropout")),
    Case("antiphase", sound(lambda: stereo(song(SECONDS), -song(SECONDS))), flags("antiphase")),
    Case("one channel", sound(lambda: stereo(song(SECONDS), 0 * song(SECONDS))), flags("one_channel_silent")),
    Case("clipped", sound(lambda: np.clip(20 * song(SECONDS), -1, 1)), flags("clipped")),
    Case("nan", sound(bad_sample(np.nan)), code=ErrorCode.NOT_FINITE),
    Case("infinity", sound(bad_sample(np.inf)), code=ErrorCode.NOT_FINITE),
    Case("huge", sound(bad_sample(1e30)), code=ErrorCode.AMPLITUDE_OUT_OF_RANGE),
    Case("four hours of silence", bomb(44_100, 2, 4.0), code=ErrorCode.PCM_BUDGET),
    Case("eight channels at 192 kHz", bomb(192_000, 8, 1.0), code=ErrorCode.PCM_BUDGET),
    Case("thirteen hours", bomb(8_000, 1, 13.0), code=ErrorCode.TOO_LONG),
    Case("nine channels", sound(lambda: np.tile(noise(1.0)[:, None], 9)), code=ErrorCode.TOO_MANY_CHANNELS),
    Case("2 kHz", sound(lambda: noise(5.0, rate_hz=2_000), rate_hz=2_000), code=ErrorCode.SAMPLE_RATE_OUT_OF_RANGE),
    Case("header only", edited("wav", lambda b: b[:44]), code=ErrorCode.NO_FRAMES),
    Case("twenty bytes", edited("wav", lambda b: b[:20]), code=ErrorCode.UNREADABLE),
    Case("no bytes", body(b""), code=ErrorCode.EMPTY_OBJECT),
    Case("random bytes", body(random.Random(4).randbytes(30_000)), code=ErrorCode.NOT_AUDIO),
    Case("page", body(b"<html>404</html>"), code=ErrorCode.NOT_AUDIO),
    Case("webm", body(b"\x1a\x45\xdf\xa3" + bytes(100)), code=ErrorCode.UNSUPPORTED_FORMAT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict(case: Case, server: ExtractionServer, tmp_path: Path) -> None:
    """Status, flags and code are exactly those promised; a rejection takes under a second."""
    path = tmp_path / "object.mp3"
    case.make(path)
    records: list[dict[str, Any]] = []
    took_s = quickest_s(
        lambda: records.append(server.extract(path, source=case.name).record), 1 if case.code else math.inf
    )
    record = records[-1]
    if case.code:
        assert (record["status"], record["error"]["code"]) == ("rejected", case.code)
        assert record["features"] == {}
        assert took_s < 1
        return
    assert set(record["flags"]) == case.flags
    assert record["status"] == ("degraded" if case.flags else "ok")
    assert "error" not in record


@pytest.mark.parametrize("name", ["digital silence", "pure offset", "ten samples", "one second"])
def test_no_music_is_read_into_nothing(name: str, server: ExtractionServer, tmp_path: Path) -> None:
    """Silence, an offset and scraps have neither tempo nor key, and say why."""
    case = next(case for case in CASES if case.name == name)
    case.make(tmp_path / "a")
    record = server.extract(tmp_path / "a", source=name).record
    for path in ("rhythm.tempo_bpm", "tonal.key", "mood.arousal"):
        group, field = path.split(".")
        assert record["features"][group][field] is None
        assert record["reasons"][path] == ("too_short" if "too_short" in case.flags else "silence")


def test_the_louder_channel_of_antiphase_is_analysed(server: ExtractionServer, tmp_path: Path) -> None:
    """Key and tempo are those of the sound before its right channel was turned over."""
    plain, turned = stereo(song(8.0), song(8.0)), stereo(song(8.0), -song(8.0))
    records = [
        server.extract(write(tmp_path / "a", signal, form="float"), source="a").record for signal in (plain, turned)
    ]
    for group, field in (("tonal", "key"), ("tonal", "mode"), ("rhythm", "tempo_bpm")):
        assert records[1]["features"][group][field] == records[0]["features"][group][field]


@pytest.mark.parametrize(
    "playlist", ["#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:9,\n{0}\n", "ffconcat version 1.0\nfile '{0}'\n"]
)
def test_playlists_reach_nothing(playlist: str, server: ExtractionServer, tmp_path: Path) -> None:
    """A playlist that is called .mp3 is rejected, and the file that it names is not opened."""
    canary = write(tmp_path / "canary.wav", noise(4.0))
    before = canary.stat().st_atime_ns
    path = tmp_path / "track.mp3"
    path.write_text(playlist.format(canary))
    assert server.extract(path, source="playlist").record["error"]["code"] == ErrorCode.NOT_AUDIO
    assert canary.stat().st_atime_ns == before


def test_the_seconds_of_a_truncation_are_stated(server: ExtractionServer, tmp_path: Path) -> None:
    """Declared and decoded duration stand beside each other."""
    edited("mp3", half)(tmp_path / "a")
    audio = server.extract(tmp_path / "a", source="a").record["audio"]
    assert audio["declared_duration_s"] == pytest.approx(SECONDS, abs=0.2)
    assert audio["decoded_duration_s"] == pytest.approx(SECONDS / 2, abs=0.2)
