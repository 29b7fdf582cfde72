"""Damage that headers show without decoding: cuts, changes of stream, junk, claims that do not agree."""

import struct
from pathlib import Path

import pytest
import soundfile

from audiofeat.audio.probe import probe
from audiofeat.audio.sniff import sniff
from audiofeat.audio.structure import Structure, walk
from audiofeat.domain.quality import Flag
from tests.synthesis import RATE_HZ, Signal, noise, write

_SECONDS = 6.0


def walked(path: Path) -> Structure:
    return walk(path, *sniff(path))


def written(tmp_path: Path, form: str, *, rate_hz: int = 24_000, channels: int = 1, seed: int = 1) -> bytes:
    signal: Signal = noise(_SECONDS, rate_hz=rate_hz, seed=seed)
    if channels == 2:
        signal = signal[: len(signal) // 2 * 2].reshape(-1, 2)
    return write(tmp_path / "whole", signal, rate_hz=rate_hz, form=form).read_bytes()


def stored(tmp_path: Path, body: bytes) -> Path:
    path = tmp_path / "made"
    path.write_bytes(body)
    return path


@pytest.mark.parametrize("form", ["wav", "wav24", "float", "rf64", "aiff", "ogg", "opus", "mp3"])
def test_an_intact_file_raises_nothing(form: str, tmp_path: Path) -> None:
    """Whole files of every walked format have no flag, and claims are the length that was written."""
    structure = walked(stored(tmp_path, written(tmp_path, form)))
    assert structure.flags == frozenset()
    if form in {"wav", "wav24", "float", "rf64", "aiff"}:
        assert structure.declared_frames == _SECONDS * 24_000
    if form == "mp3":
        assert structure.declared_frames == pytest.approx(_SECONDS * 24_000, abs=3 * 1152)


@pytest.mark.parametrize("form", ["wav", "rf64", "aiff", "mp3"])
def test_a_cut_file_keeps_its_claim(form: str, tmp_path: Path) -> None:
    """The declared length survives the cut, so that the decoder's can be held against it."""
    whole = written(tmp_path, form)
    claimed = walked(stored(tmp_path, whole)).declared_frames
    assert walked(stored(tmp_path, whole[: len(whole) // 2])).declared_frames == claimed


@pytest.mark.parametrize("form", ["ogg", "opus"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_a_cut_ogg_has_no_end(form: str, share: float, tmp_path: Path) -> None:
    """Without its last page an Ogg stream is truncated, wherever it was cut."""
    whole = written(tmp_path, form)
    assert Flag.TRUNCATED in walked(stored(tmp_path, whole[: int(share * len(whole))])).flags


def test_a_cut_last_mp3_frame_is_seen(tmp_path: Path) -> None:
    """A frame that reaches over the end of the file means that bytes are missing."""
    whole = written(tmp_path, "mp3")
    assert walked(stored(tmp_path, whole[:-20])).flags == {Flag.TRUNCATED}


def test_pages_missing_inside_an_ogg_are_damage(tmp_path: Path) -> None:
    """A gap in the page sequence is noticed although every page left is whole."""
    whole = written(tmp_path, "ogg", rate_hz=48_000)
    pages = [at for at in range(len(whole)) if whole.startswith(b"OggS", at)]
    assert len(pages) > 5
    gap = whole[: pages[3]] + whole[pages[4] :]
    assert walked(stored(tmp_path, gap)).flags == {Flag.DAMAGED}


@pytest.mark.parametrize("form", ["ogg", "opus"])
def test_a_chained_ogg_changes_its_stream(form: str, tmp_path: Path) -> None:
    """A second logical stream behind the first is a change of stream."""
    whole, other = written(tmp_path, form), written(tmp_path, form, channels=2, seed=2)
    assert Flag.STREAM_CHANGE in walked(stored(tmp_path, whole + other)).flags


@pytest.mark.parametrize("how", [{"rate_hz": 44_100}, {"channels": 2}])
def test_an_mp3_that_changes_rate_or_channels(how: dict[str, int], tmp_path: Path) -> None:
    """Streams put end to end are noticed where the rate or the number of channels differs."""
    whole, other = written(tmp_path, "mp3"), written(tmp_path, "mp3", **how)
    assert Flag.STREAM_CHANGE in walked(stored(tmp_path, whole + other)).flags


def test_an_mp3_with_more_frames_than_its_header_claims(tmp_path: Path) -> None:
    """Two equal streams end to end: the Xing header of the first knows nothing of the second."""
    whole = written(tmp_path, "mp3")
    assert walked(stored(tmp_path, whole + whole)).flags == {Flag.HEADER_INCONSISTENT}


def test_junk_inside_an_mp3_is_damage(tmp_path: Path) -> None:
    """Bytes between frames that belong to no frame."""
    whole = written(tmp_path, "mp3")
    middle = len(whole) // 2
    assert Flag.DAMAGED in walked(stored(tmp_path, whole[:middle] + bytes(5_000) + whole[middle:])).flags


@pytest.mark.parametrize("form", ["wav", "rf64", "ogg", "mp3"])
def test_junk_behind_the_sound_is_trailing_data(form: str, tmp_path: Path) -> None:
    """Much behind the end is stated; a tag is not junk."""
    whole = written(tmp_path, form)
    assert walked(stored(tmp_path, whole + bytes(60_000))).flags == {Flag.TRAILING_DATA}
    if form == "mp3":
        assert walked(stored(tmp_path, whole + b"TAG" + bytes(125))).flags == frozenset()
        assert (
            walked(stored(tmp_path, whole + b"APETAGEX" + struct.pack("<II", 2_000, 60_000) + bytes(60_016))).flags
            == frozenset()
        )


def test_a_wav_that_was_never_closed(tmp_path: Path) -> None:
    """A length of zero over a full chunk makes no claim, and is inconsistent; the streaming mark is no fault."""
    whole = bytearray(written(tmp_path, "wav"))
    at = whole.index(b"data") + 4
    struct.pack_into("<I", whole, at, 0)
    assert walked(stored(tmp_path, bytes(whole))) == Structure(None, frozenset({Flag.HEADER_INCONSISTENT}))
    struct.pack_into("<I", whole, at, 0xFFFFFFFF)
    assert walked(stored(tmp_path, bytes(whole))) == Structure()


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM", "GSM610", "ULAW", "PCM_U8", "DOUBLE"])
def test_the_codecs_of_wav_declare_their_true_length(subtype: str, tmp_path: Path) -> None:
    """Compressed codecs too: their bytes are not counted as samples."""
    path = tmp_path / "made.wav"
    soundfile.write(path, noise(_SECONDS), RATE_HZ, subtype=subtype)
    assert probe(path).declared_s == pytest.approx(_SECONDS, abs=0.1)


@pytest.mark.parametrize("form", ["ogg", "opus"])
def test_one_bit_of_an_ogg_is_damage(form: str, tmp_path: Path) -> None:
    """Its page's checksum tells, although every header is whole."""
    whole = bytearray(written(tmp_path, form))
    whole[len(whole) // 2] ^= 1
    assert walked(stored(tmp_path, bytes(whole))).flags == {Flag.DAMAGED}


def test_a_flac_that_claims_less_than_it_holds(tmp_path: Path) -> None:
    """The number of the last frame says how much there is."""
    whole = bytearray(written(tmp_path, "flac"))
    (word,) = struct.unpack_from(">Q", whole, 18)
    struct.pack_into(">Q", whole, 18, word >> 36 << 36 | 24_000)
    found = walked(stored(tmp_path, bytes(whole)))
    assert found.flags == {Flag.HEADER_INCONSISTENT}
    assert found.declared_frames == _SECONDS * 24_000


def test_a_tag_between_mp3_streams_hides_nothing(tmp_path: Path) -> None:
    """What follows the ID3 tag of the second file is counted."""
    tag = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    whole, other = written(tmp_path, "mp3"), written(tmp_path, "mp3", channels=2)
    found = walked(stored(tmp_path, whole + tag + other))
    assert found.flags == {Flag.STREAM_CHANGE}
    assert found.declared_frames == pytest.approx(1.5 * _SECONDS * 24_000, abs=6 * 1152)
