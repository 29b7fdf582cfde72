"""Some hundred damaged and odd files, each with the verdict that is promised of it by how it was made.

``cases()`` makes nothing; a case writes its file when it is asked to. The order is fixed, so that every n-th case is a
sample of all kinds.
"""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import av
import numpy as np
import soundfile

from audiofeat.codes import ErrorCode
from tests.synthesis import FORMATS, Signal, noise, sine, song, write

Edit = Callable[[bytes], bytes]

SECONDS = 6.0
_WALKED = ("wav", "wav24", "float", "rf64", "aiff", "flac", "ogg", "opus", "mp3")
_PCM = ("wav", "wav24", "float", "rf64", "aiff")
_RATE_HZ = 24_000
_CODES = ErrorCode


@dataclass(frozen=True)
class Verdict:
    """What is promised: a code, or flags that must be there and flags that may be there beside them."""

    code: frozenset[str] = frozenset()
    must: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()

    def holds(self, status: str, flags: set[str], code: str | None) -> bool:
        """Tell whether a record says exactly that."""
        if status == "rejected":
            return code in self.code
        if self.code and not self.must:
            return False
        return self.must <= flags <= self.must | self.may and status == ("degraded" if flags else "ok")


@dataclass(frozen=True)
class Case:
    """A file, its kind, and its verdict."""

    kind: str
    name: str
    verdict: Verdict
    make: Callable[[], bytes]


OK = Verdict()


def degraded(*must: str, may: tuple[str, ...] = ()) -> Verdict:
    return Verdict(must=frozenset(must), may=frozenset(may))


def rejected(*codes: ErrorCode) -> Verdict:
    return Verdict(code=frozenset(codes))


@cache
def encoded(form: str, seconds: float = SECONDS, channels: int = 1, rate_hz: int = _RATE_HZ) -> bytes:
    """A song in that format; every rate is sung from the same samples."""
    mono = song(seconds)
    mono = np.resize(mono, round(seconds * rate_hz))
    signal = mono if channels == 1 else np.column_stack([mono * 0.9**number for number in range(channels)])
    return _bytes(signal, form, rate_hz)


def _bytes(signal: Signal, form: str, rate_hz: int) -> bytes:
    path = Path(f"/dev/shm/audiofeat-damage-{id(signal)}")
    try:
        return write(path, signal, rate_hz=rate_hz, form=form).read_bytes()
    finally:
        path.unlink(missing_ok=True)


def sound(signal: Callable[[], Signal], form: str = "float", rate_hz: int = _RATE_HZ) -> Callable[[], bytes]:
    return lambda: _bytes(signal(), form, rate_hz)


def edited(form: str, edit: Edit, **how: float) -> Callable[[], bytes]:
    return lambda: edit(encoded(form, **how))


def cut(share: float) -> Edit:
    return lambda content: content[: int(share * len(content))]


def patched(mark: bytes, offset: int, value: bytes) -> Edit:
    """Overwrite bytes at an offset from the first occurrence of a mark."""

    def edit(content: bytes) -> bytes:
        at = content.index(mark) + offset
        return content[:at] + value + content[at + len(value) :]

    return edit


def middle(fill: Callable[[bytes], bytes], start: float = 0.45, end: float = 0.6) -> Edit:
    def edit(content: bytes) -> bytes:
        first, last = int(start * len(content)), int(end * len(content))
        return content[:first] + fill(content[first:last]) + content[last:]

    return edit


def _whole() -> Iterator[Case]:
    for form in FORMATS:
        for channels in (1, 2):
            yield Case("whole", f"{form} x{channels}", OK, edited(form, bytes, channels=channels))
    for form, most in (("wav", 8), ("wav24", 8), ("float", 8), ("aiff", 8), ("flac", 8)):
        for channels in range(3, most + 1):
            yield Case("channels", f"{form} x{channels}", OK, edited(form, bytes, channels=channels, seconds=3.2))
    for form, codes in (("wav", _CODES.TOO_MANY_CHANNELS), ("float", _CODES.TOO_MANY_CHANNELS)):
        for channels in (9, 16, 32, 64):
            made = edited(form, bytes, channels=channels, seconds=0.5)
            yield Case("channels", f"{form} x{channels}", rejected(codes), made)
    for rate_hz in (4_000, 8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000, 384_000):
        for form in ("wav", "flac"):
            yield Case("rate", f"{form} {rate_hz} Hz", OK, edited(form, bytes, rate_hz=rate_hz, seconds=3.2))
    for rate_hz in (1_000, 2_000, 3_999, 400_000, 768_000):
        made = edited("wav", bytes, rate_hz=rate_hz, seconds=1.0)
        yield Case("rate", f"wav {rate_hz} Hz", rejected(_CODES.SAMPLE_RATE_OUT_OF_RANGE), made)


def _cuts() -> Iterator[Case]:
    for form in _WALKED:
        for share in (0.6, 0.7, 0.85, 0.95):
            # The last, broken frame or page of a codec may be noticed as damage as well.
            verdict = degraded("truncated", may=("damaged", "too_short") if form == "opus" else ("damaged",))
            yield Case("cut", f"{form} to {share:.0%}", verdict, edited(form, cut(share)))
        for share in (0.3, 0.4):
            may = ("damaged", "too_short")
            yield Case("cut", f"{form} to {share:.0%}", degraded("truncated", may=may), edited(form, cut(share)))
        nothing = rejected(_CODES.UNREADABLE, _CODES.NOT_AUDIO, _CODES.NO_FRAMES)
        yield Case("cut", f"{form} to 20 bytes", nothing, edited(form, lambda content: content[:20]))
    for share in (0.5, 0.9):
        yield Case("cut", f"m4a to {share:.0%}", rejected(_CODES.UNREADABLE), edited("m4a", cut(share)))
        yield Case("cut", f"aac to {share:.0%}", degraded(may=("truncated", "damaged")), edited("aac", cut(share)))
    for form in ("wav", "aiff", "flac", "ogg", "opus", "mp3"):
        lost = _CODES.UNREADABLE, _CODES.NOT_AUDIO
        verdict = Verdict(code=frozenset(lost), may=frozenset({"damaged", "truncated", "too_short"}))
        if form == "mp3":
            verdict = degraded(may=("damaged", "truncated"))
        yield Case("head lost", form, verdict, edited(form, lambda content: content[len(content) // 7 :]))


def _damage() -> Iterator[Case]:
    rng = random.Random(5)
    fills: dict[str, Callable[[bytes], bytes]] = {
        "zeros": lambda part: bytes(len(part)),
        "ones": lambda part: b"\xff" * len(part),
        "random": lambda part: random.Random(6).randbytes(len(part)),
        "inverted": lambda part: bytes(byte ^ 0xFF for byte in part),
        "lost": lambda _: b"",
    }
    for form in ("flac", "ogg", "opus", "mp3"):
        for name, fill in fills.items():
            may = ("truncated", "too_short", "dropout", "clipped", "mostly_silent")
            yield Case("damaged", f"{form} {name}", degraded("damaged", may=may), edited(form, middle(fill)))
    for form in ("ogg", "opus"):
        for number in range(4):
            at = 0.3 + 0.1 * number + 0.01 * rng.random()
            flip = middle(lambda part: bytes([part[0] ^ 16]) + part[1:], at, at + 0.01)
            may = ("truncated", "too_short")
            yield Case("damaged", f"{form} one bit, {number}", degraded("damaged", may=may), edited(form, flip))
    for form in ("wav", "rf64", "aiff"):
        yield Case(
            "damaged", f"{form} zeros are sound", degraded(may=("dropout",)), edited(form, middle(fills["zeros"]))
        )
    for form in ("wav", "wav24", "rf64", "aiff"):
        yield Case("damaged", f"{form} lost", degraded("truncated"), edited(form, middle(fills["lost"])))


def _tails() -> Iterator[Case]:
    for form in FORMATS:
        yield Case("tail", f"{form}, a few zeros", degraded(may=("damaged",)) if form == "aac" else OK,
                   edited(form, lambda content: content + bytes(800)))  # fmt: skip
    for form in ("wav", "wav24", "float", "rf64", "aiff", "ogg", "opus", "mp3"):
        verdict = degraded("trailing_data")
        yield Case("tail", f"{form}, 60 kB", verdict, edited(form, lambda content: content + bytes(60_000)))
    tag = b"TAG" + bytes(125)
    for name, tags in (("ID3v1", tag), ("APE", b"APETAGEX" + struct.pack("<II", 2_000, 400) + bytes(416))):
        yield Case("tail", f"mp3 with {name}", OK, edited("mp3", lambda content, tags=tags: content + tags))


def _foreign() -> Iterator[Case]:
    noise_bytes = random.Random(4).randbytes
    texts = {
        "text": b"dear listener, " * 500,
        "page": b"<!DOCTYPE html><html><title>Sign in</title></html>" * 20,
        "json": b'{"error": "not found"}' * 20,
        "S3 error": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        "png": b"\x89PNG\r\n\x1a\n" + noise_bytes(4_000),
        "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + noise_bytes(4_000),
        "gif": b"GIF89a" + noise_bytes(4_000),
        "zip": b"PK\x03\x04" + noise_bytes(4_000),
        "gzip": b"\x1f\x8b\x08" + noise_bytes(4_000),
        "pdf": b"%PDF-1.7\n" + noise_bytes(4_000),
        "program": b"\x7fELF" + noise_bytes(4_000),
        "zeros": bytes(50_000),
        "ones": b"\xff" * 50_000,
        "one byte": b"R",
        "RIFF of pictures": b"RIFF" + struct.pack("<I", 4_000) + b"WEBP" + noise_bytes(4_000),
        "RIFF of video": b"RIFF" + struct.pack("<I", 4_000) + b"AVI " + noise_bytes(4_000),
        "IFF of pictures": b"FORM" + struct.pack(">I", 4_000) + b"ILBM" + noise_bytes(4_000),
        "m3u8": b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:9,\nfile:///etc/passwd\n",
        "m3u": b"song.mp3\nother.mp3\n",
        "pls": b"[playlist]\nFile1=/etc/passwd\n",
        "ffconcat": b"ffconcat version 1.0\nfile '../secret.wav'\n",
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        "xspf": b'<?xml version="1.0"?><playlist version="1"><trackList/></playlist>',
        "cue": b'FILE "secret.wav" WAVE\n  TRACK 01 AUDIO\n',
        "dash": b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>file:///etc/passwd</BaseURL></MPD>',
        "smil": b"<smil><body><audio src='secret.wav'/></body></smil>",
        "sqlite": b"SQLite format 3\x00" + noise_bytes(4_000),
        "tar": b"song.wav" + bytes(92) + b"0000644\x00" + bytes(149) + b"ustar\x0000" + bytes(4_000),
    }
    for name, content in texts.items():
        yield Case("foreign", name, rejected(_CODES.NOT_AUDIO), partial(bytes, content))
    yield Case("foreign", "nothing", rejected(_CODES.EMPTY_OBJECT), lambda: b"")
    for size in (100, 3_000, 30_000, 90_000):
        for seed in range(3):
            made = random.Random(f"{size} {seed}").randbytes(size)
            yield Case("foreign", f"{size} random bytes, {seed}", rejected(_CODES.NOT_AUDIO), partial(bytes, made))
    unsupported = {
        "wma": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "webm": b"\x1a\x45\xdf\xa3", "midi": b"MThd\0\0\0\x06",
        "ape": b"MAC \x96\x0f", "wavpack": b"wvpk", "dsd": b"DSD ", "amr": b"#!AMR\n",
    }  # fmt: skip
    for name, magic in unsupported.items():
        made = magic + noise_bytes(2_000)
        yield Case("foreign", name, rejected(_CODES.UNSUPPORTED_FORMAT), partial(bytes, made))
    for form in FORMATS:
        named = b"RIFF" if form == "flac" else b"fLaC"
        yield Case("foreign", f"{form} without its mark", rejected(_CODES.NOT_AUDIO, _CODES.UNREADABLE),
                   edited(form, lambda content, named=named: named + b"\0" * 60 + content[64:400]))  # fmt: skip


def _headers() -> Iterator[Case]:
    fmt, size = b"fmt ", b"data"
    low, unreadable = rejected(_CODES.SAMPLE_RATE_OUT_OF_RANGE, _CODES.UNREADABLE), rejected(_CODES.UNREADABLE)
    for form in ("wav", "wav24", "float"):
        for value, verdict in ((0, low), (1, low), (0xFFFFFFFF, low)):
            yield Case(
                "header", f"{form} rate {value}", verdict, edited(form, patched(fmt, 12, struct.pack("<I", value)))
            )
        many = rejected(_CODES.TOO_MANY_CHANNELS, _CODES.UNREADABLE)
        for value, verdict in ((0, unreadable), (255, many), (1_024, many)):
            made = edited(form, patched(fmt, 10, struct.pack("<H", value)))
            yield Case("header", f"{form} {value} channels", verdict, made)
        yield Case("header", f"{form} unclosed", degraded("header_inconsistent"),
                   edited(form, patched(size, 4, bytes(4))))  # fmt: skip
        yield Case("header", f"{form} streamed", OK, edited(form, patched(size, 4, b"\xff" * 4)))
        yield Case("header", f"{form} claims 2 GB", degraded("truncated"),
                   edited(form, patched(size, 4, struct.pack("<I", 0x7FFFFFF0))))  # fmt: skip
        yield Case("header", f"{form} claims half", degraded("trailing_data"), edited(form, _halved))
        yield Case("header", f"{form} without sound", rejected(_CODES.NO_FRAMES), edited(form, _emptied))
        yield Case("header", f"{form} of an unknown codec", rejected(_CODES.UNSUPPORTED_FORMAT, _CODES.UNREADABLE),
                   edited(form, patched(fmt, 8, struct.pack("<H", 0x4242))))  # fmt: skip
    for value, verdict in (
        (0, OK), (_RATE_HZ * 2, degraded("header_inconsistent")), (_RATE_HZ * 60, degraded("truncated")),
        ((1 << 36) - 1, rejected(_CODES.TOO_LONG)), (10**9, rejected(_CODES.PCM_BUDGET, _CODES.TOO_LONG)),
    ):  # fmt: skip
        yield Case("header", f"flac claims {value} samples", verdict, edited("flac", _flac_total(value)))
    yield Case("header", "flac without a frame", rejected(_CODES.NO_FRAMES, _CODES.UNREADABLE),
               edited("flac", lambda content: _flac_total(0)(content)[:42]))  # fmt: skip
    yield Case("header", "aiff without sound", rejected(_CODES.NO_FRAMES, _CODES.UNREADABLE),
               sound(lambda: np.zeros(0, np.float32), "aiff"))  # fmt: skip
    for frames in (_RATE_HZ * 60, 0x7FFFFFFF):
        verdict = degraded("truncated", may=("header_inconsistent",)) if frames < 1e9 else rejected(_CODES.TOO_LONG)
        yield Case("header", f"aiff claims {frames} frames", verdict,
                   edited("aiff", patched(b"COMM", 10, struct.pack(">I", frames))))  # fmt: skip
    claims = patched(b"Xing", 8, struct.pack(">I", 5_000))
    info = patched(b"Info", 8, struct.pack(">I", 5_000))
    yield Case("header", "mp3 claims minutes", degraded("truncated"),
               edited("mp3", lambda content: (claims if b"Xing" in content else info)(content)))  # fmt: skip
    for name, size_bytes, verdict in (
        ("big", 300_000, OK), ("huge claim", 0, rejected(_CODES.UNREADABLE)),
    ):  # fmt: skip
        claimed = size_bytes or (256 << 20) - 1
        tag = b"ID3\x04\0\0" + bytes(claimed >> shift & 127 for shift in (21, 14, 7, 0)) + bytes(size_bytes)
        for form in ("mp3", "flac", "wav"):
            yield Case(
                "tag", f"{form} behind a {name} ID3", verdict, edited(form, lambda content, tag=tag: tag + content)
            )


def _halved(content: bytes) -> bytes:
    return patched(b"data", 4, struct.pack("<I", len(content) // 4 * 2))(content)


def _emptied(content: bytes) -> bytes:
    return patched(b"data", 4, bytes(4))(content)[: content.index(b"data") + 8]


def _flac_total(samples: int) -> Edit:
    def edit(content: bytes) -> bytes:
        (word,) = struct.unpack_from(">Q", content, 18)
        return content[:18] + struct.pack(">Q", word >> 36 << 36 | samples) + content[26:]

    return edit


def _lengths() -> Iterator[Case]:
    for form in ("wav", "wav24", "float", "aiff", "flac", "ogg", "opus"):
        for frames in (1, 10, 500, 2_047, _RATE_HZ, round(2.5 * _RATE_HZ)):
            may = ("dc_offset", "silent") if frames < _RATE_HZ else ()
            if form in {"ogg", "opus"} and frames < 2_048:
                continue
            made = sound(lambda frames=frames: song(4.0)[6_000 : 6_000 + frames], form)
            yield Case("length", f"{form} {frames} frames", degraded("too_short", may=may), made)
    for form in FORMATS:
        yield Case("length", f"{form} 3.2 s", OK, edited(form, bytes, seconds=3.2))
        yield Case("length", f"{form} 2.5 s", degraded("too_short"), edited(form, bytes, seconds=2.5))
    yield Case(
        "length", "wav without frames", rejected(_CODES.NO_FRAMES), sound(lambda: np.zeros(0, np.float32), "wav")
    )


def _content() -> Iterator[Case]:
    long = round(SECONDS * _RATE_HZ)
    for form in FORMATS:
        yield Case("silence", form, degraded("silent"), sound(lambda: np.zeros(long, np.float32), form))
    quiet = noise(SECONDS, amplitude=10 ** (-90 / 20), rate_hz=_RATE_HZ)
    base = np.resize(song(SECONDS), long)
    signals: dict[str, tuple[Signal, Verdict]] = {
        "noise at -90 dBFS": (quiet, degraded("silent")),
        "denormals": (base * np.float32(1e-40), degraded("silent")),
        "pure offset": (np.full(long, 0.9, np.float32), degraded("silent", may=("dc_offset",))),
        "offset": (0.5 * base + np.float32(0.35), degraded("dc_offset")),
        "antiphase": (np.column_stack((base, -base)), degraded("antiphase")),
        "left only": (np.column_stack((base, 0 * base)), degraded("one_channel_silent")),
        "right only": (np.column_stack((0 * base, base)), degraded("one_channel_silent")),
        "clipped": (np.clip(20 * base, -1, 1), degraded("clipped", may=("dc_offset",))),
        "noise": (noise(SECONDS, rate_hz=_RATE_HZ), OK),
        "sine": (sine(1_000, SECONDS, rate_hz=_RATE_HZ), OK),
    }
    for name, (signal, verdict) in signals.items():
        for form in ("float", "wav24", "flac"):
            if name == "denormals" and form != "float":
                continue
            made = partial(_bytes, signal, form, _RATE_HZ)
            yield Case("content", f"{form}, {name}", verdict, made)
    mostly = np.concatenate((base, np.zeros(3 * long, np.float32)))
    yield Case("content", "mostly silent", degraded("mostly_silent"), lambda: _bytes(mostly, "float", _RATE_HZ))
    yield Case(
        "content", "peaks of +10 dBFS", degraded("clipped"), lambda: _bytes(3 / base.max() * base, "float", _RATE_HZ)
    )
    bad = {
        np.nan: _CODES.NOT_FINITE,
        np.inf: _CODES.NOT_FINITE,
        -np.inf: _CODES.NOT_FINITE,
        1e30: _CODES.AMPLITUDE_OUT_OF_RANGE,
    }
    for value, code in bad.items():
        for at in (0, long // 2, long - 1):
            for subtype, container in (("FLOAT", "WAV"), ("DOUBLE", "WAV"), ("FLOAT", "AIFF")):
                made = partial(_with, base, at, value, container, subtype)
                yield Case("not finite", f"{container} {subtype} {value} at {at}", rejected(code), made)


def _with(base: Signal, at: int, value: float, container: str, subtype: str) -> bytes:
    signal = base.astype(np.float64)
    signal[at] = value
    file = io.BytesIO()
    soundfile.write(file, signal, _RATE_HZ, format=container, subtype=subtype)
    return file.getvalue()


def _chains() -> Iterator[Case]:
    def both(first: tuple[str, int, int], second: tuple[str, int, int], between: bytes = b"") -> Callable[[], bytes]:
        parts = (first, second)
        return lambda: between.join(encoded(form, 3.5, channels, rate_hz) for form, channels, rate_hz in parts)

    changed = degraded("stream_change")
    kinds = ((1, 24_000), (2, 24_000), (1, 48_000), (2, 48_000))
    for form in ("ogg", "opus", "mp3"):
        for number, first in enumerate(kinds):
            for second in kinds[number:]:
                same = first == second
                verdict = degraded("header_inconsistent") if form == "mp3" and same else changed
                yield Case("chain", f"{form} {first} then {second}", verdict, both((form, *first), (form, *second)))
    tag = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    yield Case("chain", "mp3 with a tag in between", changed, both(("mp3", 2, 48_000), ("mp3", 1, 24_000), tag))
    for first in ("wav", "aiff"):
        verdict = degraded("trailing_data")
        yield Case("chain", f"{first} then {first}", verdict, both((first, 1, 24_000), (first, 1, 24_000)))


def _containers() -> Iterator[Case]:
    yield Case("container", "mp4 with video only", rejected(_CODES.NO_AUDIO_STREAM), lambda: _movie(with_sound=False))
    yield Case("container", "mp4 with video first", OK, lambda: _movie(with_sound=True))
    picture = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 20_000, 20_000, 8, 2, 0, 0, 0) + bytes(4)
    frame = b"\0image/png\0\x03\0" + picture + zlib.compress(bytes(1 << 20))
    body = b"APIC" + bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0)) + b"\0\0" + frame
    tag = b"ID3\x04\0\0" + bytes(len(body) >> shift & 127 for shift in (21, 14, 7, 0)) + body
    yield Case("container", "mp3 with a picture that explodes", OK, edited("mp3", lambda content: tag + content))


def _movie(*, with_sound: bool) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as file:
        video = file.add_stream("mpeg4", rate=5)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        voice = file.add_stream("aac", rate=_RATE_HZ, layout="mono") if with_sound else None
        for number in range(25):
            picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), number, np.uint8), format="rgb24")
            file.mux(video.encode(picture))
        file.mux(video.encode(None))
        if voice:
            frame = av.AudioFrame.from_ndarray(song(5.0)[None, : 5 * _RATE_HZ], format="fltp", layout="mono")
            frame.sample_rate = _RATE_HZ
            for sent in (frame, None):
                file.mux(voice.encode(sent))
    return target.getvalue()


def _bomb(hours: float, channels: int, rate_hz: int) -> bytes:
    silence = _bytes(np.zeros((rate_hz, channels), np.float32), "flac", rate_hz)
    return _flac_total(int(hours * 3_600 * rate_hz))(silence)


def _bombs() -> Iterator[Case]:
    for hours, channels, rate_hz, code in (
        (4.0, 2, 44_100, _CODES.PCM_BUDGET), (1.0, 8, 192_000, _CODES.PCM_BUDGET), (11.9, 1, 22_050, _CODES.PCM_BUDGET),
        (13.0, 1, 8_000, _CODES.TOO_LONG), (24.0, 2, 44_100, _CODES.TOO_LONG),
    ):  # fmt: skip
        made = partial(_bomb, hours, channels, rate_hz)
        yield Case("bomb", f"{hours} h x{channels} at {rate_hz} Hz", rejected(code), made)
    yield Case("header", "wav claims 13 h", degraded("truncated"),
               edited("wav", patched(b"data", 4, struct.pack("<I", 0xFFFFFF00)), rate_hz=8_000))  # fmt: skip


def cases() -> list[Case]:
    """Return every case; all names of a kind differ."""
    makers = (_whole, _cuts, _damage, _tails, _foreign, _headers, _lengths, _content, _chains, _containers, _bombs)
    return [case for maker in makers for case in maker()]
