"""Blocks are what a whole-file read gives, to the bit; damage costs only what is damaged."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from audiofeat.audio.decode import BLOCK_S, Decoder
from audiofeat.audio.probe import probe
from audiofeat.codes import ErrorCode
from audiofeat.domain.quality import Flag
from audiofeat.errors import AudioRejected
from tests.synthesis import Signal, noise, sine, write

RATE_HZ = 48_000
SECONDS = 9.3


def music(channels: int) -> Signal:
    left = sine(440, SECONDS, amplitude=0.2, rate_hz=RATE_HZ) + noise(SECONDS, amplitude=0.05, rate_hz=RATE_HZ)
    return left if channels == 1 else np.column_stack((left, noise(SECONDS, rate_hz=RATE_HZ, seed=2)))


def decoded(path: Path) -> tuple[list[NDArray[np.float32]], set[Flag]]:
    decoder = Decoder(probe(path))
    blocks = list(decoder.blocks())
    assert decoder.decoded_frames == sum(map(len, blocks))
    return blocks, decoder.flags


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("form", ["wav", "wav24", "float", "aiff", "flac", "ogg", "opus", "mp3"])
def test_blocks_are_the_whole_file(form: str, channels: int, tmp_path: Path) -> None:
    """Reading in blocks gives the very samples of reading at once, and no flag."""
    path = write(tmp_path / "a", music(channels), rate_hz=RATE_HZ, form=form)
    blocks, flags = decoded(path)
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert np.array_equal(np.concatenate(blocks), whole)
    assert not flags


def test_the_mono_mp3_on_which_plain_block_reading_fails(tmp_path: Path) -> None:
    """Soundfile seeks after each block, which makes a decoder of mp3 lose bits: ours does not seek."""
    path = write(tmp_path / "a", music(1), rate_hz=RATE_HZ, form="mp3")
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    with soundfile.SoundFile(path) as file:
        plain = np.concatenate(list(file.blocks(8_192, dtype="float32", always_2d=True)))
    assert not np.array_equal(plain, whole)
    assert np.array_equal(np.concatenate(decoded(path)[0]), whole)


@pytest.mark.parametrize("form", ["wav", "flac", "ogg", "mp3", "m4a", "aac"])
def test_blocks_are_four_seconds_but_for_the_last(form: str, tmp_path: Path) -> None:
    """Block sizes are exact, whatever the codec's own frames."""
    blocks, _ = decoded(write(tmp_path / "a", music(2), rate_hz=RATE_HZ, form=form))
    assert [len(block) for block in blocks[:-1]] == [BLOCK_S * RATE_HZ] * 2
    assert 0 < len(blocks[-1]) <= BLOCK_S * RATE_HZ
    assert all(block.dtype == np.float32 and block.shape[1] == 2 for block in blocks)


@pytest.mark.parametrize("form", ["m4a", "aac"])
def test_aac_sounds_as_it_was_written(form: str, tmp_path: Path) -> None:
    """What only PyAV opens is decoded in order: correlation over .99 once the encoder's delay is taken off."""
    signal = sine(440, SECONDS, rate_hz=RATE_HZ) * np.linspace(0.1, 1.0, round(SECONDS * RATE_HZ), dtype=np.float32)
    blocks, flags = decoded(write(tmp_path / "a", signal, rate_hz=RATE_HZ, form=form))
    found = np.concatenate(blocks)[:, 0]
    assert len(found) == pytest.approx(len(signal), abs=3_000)
    delay = max((0, 1_024), key=lambda frames: float(np.dot(found[frames:][:48_000], signal[:48_000])))
    assert np.corrcoef(found[delay:][: 8 * RATE_HZ], signal[: 8 * RATE_HZ])[0, 1] > 0.99
    assert not flags


@pytest.mark.parametrize("form", ["wav", "float", "rf64", "aiff", "flac", "ogg", "opus", "mp3"])
def test_half_a_file_is_truncated(form: str, tmp_path: Path) -> None:
    """The half that is there is handed out, and the loss is stated."""
    path = write(tmp_path / "a", music(1), rate_hz=RATE_HZ, form=form)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    blocks, flags = decoded(path)
    assert 0.3 * SECONDS < sum(map(len, blocks)) / RATE_HZ < 0.7 * SECONDS
    assert Flag.TRUNCATED in flags


def test_joined_mp3_streams_are_decoded_to_the_end(tmp_path: Path) -> None:
    """The first stream's own count of frames does not end the file: all is handed out, and the header is doubted."""
    path = write(tmp_path / "a", music(1), rate_hz=RATE_HZ, form="mp3")
    path.write_bytes(path.read_bytes() * 3)
    blocks, flags = decoded(path)
    assert sum(map(len, blocks)) / RATE_HZ == pytest.approx(3 * SECONDS, rel=0.02)
    assert Flag.HEADER_INCONSISTENT in flags
    assert Flag.TRUNCATED not in flags


def test_a_damaged_flac_keeps_what_was_read(tmp_path: Path) -> None:
    """Flipped bytes in the middle cost what is behind them, never what is before."""
    path = write(tmp_path / "a", music(1), rate_hz=RATE_HZ, form="flac")
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    body = bytearray(path.read_bytes())
    middle = len(body) // 2
    body[middle : middle + 100] = bytes(byte ^ 0x5A for byte in body[middle : middle + 100])
    path.write_bytes(body)
    blocks, flags = decoded(path)
    found = np.concatenate(blocks)
    kept = int(0.4 * len(whole))
    assert np.array_equal(found[:kept], whole[:kept])
    assert Flag.DAMAGED in flags


@pytest.mark.parametrize("first_channels", [1, 2])
def test_an_mp3_that_changes_rate_and_channels_is_read_to_its_end(first_channels: int, tmp_path: Path) -> None:
    """Both halves are decoded, at the rate and with the channels of the first."""
    halves = [
        write(tmp_path / "a", music(first_channels), rate_hz=RATE_HZ, form="mp3").read_bytes(),
        write(tmp_path / "b", noise(SECONDS, rate_hz=24_000), rate_hz=24_000, form="mp3").read_bytes(),
    ]
    path = tmp_path / "joined"
    path.write_bytes(b"".join(halves))
    blocks, flags = decoded(path)
    assert {block.shape[1] for block in blocks} == {first_channels}
    assert sum(map(len, blocks)) / RATE_HZ == pytest.approx(2 * SECONDS, abs=0.3)
    assert np.concatenate(blocks)[-RATE_HZ:].std() == pytest.approx(0.1, rel=0.5)
    assert Flag.STREAM_CHANGE in flags


@pytest.mark.parametrize(("form", "header_bytes"), [("wav", 44), ("flac", 42), ("aiff", 54)])
def test_a_header_without_sound_has_no_frames(form: str, header_bytes: int, tmp_path: Path) -> None:
    """Headers alone are no audio."""
    path = write(tmp_path / "a", music(1), rate_hz=RATE_HZ, form=form)
    path.write_bytes(path.read_bytes()[:header_bytes])
    with pytest.raises(AudioRejected) as caught:
        decoded(path)
    assert caught.value.code in {ErrorCode.NO_FRAMES, ErrorCode.UNREADABLE}


def test_a_false_sample_count_allocates_nothing(tmp_path: Path) -> None:
    """A FLAC that claims hours gives its seconds; the claim is shown as a truncation."""
    path = write(tmp_path / "a", music(1), rate_hz=RATE_HZ, form="flac")
    body = bytearray(path.read_bytes())
    claimed = 3_600 * RATE_HZ
    struct.pack_into(">I", body, 22, claimed)
    path.write_bytes(body)
    blocks, flags = decoded(path)
    assert sum(map(len, blocks)) == round(SECONDS * RATE_HZ)
    assert flags >= {Flag.TRUNCATED}


def test_tags_that_are_not_utf_8_do_no_harm(tmp_path: Path) -> None:
    """An m4a with a title in Latin-1 is read like any other."""
    path = tmp_path / "a"
    write(path, music(1), rate_hz=RATE_HZ, form="m4a")
    body = path.read_bytes()
    at = body.index(b"Lavf")
    path.write_bytes(body[:at] + b"\xe9\xff\xfe\xe8" + body[at + 4 :])
    blocks, _ = decoded(path)
    assert sum(map(len, blocks)) / RATE_HZ == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("form", ["ogg", "opus"])
@pytest.mark.parametrize("other_hz", [24_000, 48_000])
def test_chained_streams_are_all_decoded(form: str, other_hz: int, tmp_path: Path) -> None:
    """A link of another rate and channel count is brought to the first one's, and nothing of it is lost."""
    parts = (
        write(tmp_path / "a", sine(440, 3.0, rate_hz=24_000), rate_hz=24_000, form=form),
        write(
            tmp_path / "b",
            np.column_stack(2 * [sine(440, 2.0, rate_hz=other_hz)]),
            rate_hz=other_hz,
            form=form,
        ),
    )
    path = tmp_path / "chained"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    facts = probe(path)
    decoder = Decoder(facts)
    pcm = np.concatenate(list(decoder.blocks()))
    assert decoder.flags == {Flag.STREAM_CHANGE}
    assert len(pcm) == pytest.approx(5.0 * facts.rate_hz, abs=0.02 * facts.rate_hz)
    tail = pcm[-facts.rate_hz : -facts.rate_hz // 4, 0]
    assert np.sqrt(np.mean(tail**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_a_tag_behind_a_flac_costs_nothing(tmp_path: Path) -> None:
    """The last frame is decoded, and nothing is called damage."""
    path = write(tmp_path / "a", noise(3.0, rate_hz=RATE_HZ), rate_hz=RATE_HZ, form="flac")
    path.write_bytes(path.read_bytes() + b"TAG" + bytes(125))
    decoder = Decoder(probe(path))
    assert sum(map(len, decoder.blocks())) == round(3.0 * RATE_HZ)
    assert not decoder.flags


def test_of_several_audio_tracks_one_is_read_and_it_is_said(tmp_path: Path) -> None:
    """As in a video with commentary: the default track, else the first, and the record has a flag."""
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w", format="mp4") as file:
        streams = [file.add_stream("aac", rate=RATE_HZ, layout="mono") for _ in range(2)]
        for stream, amplitude in zip(streams, (0.0, 0.5), strict=True):
            sound = np.ascontiguousarray(noise(3.0, amplitude=amplitude, rate_hz=RATE_HZ)[None])
            frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
            frame.sample_rate = RATE_HZ
            for packet in (*stream.encode(frame), *stream.encode(None)):
                file.mux(packet)
    facts = probe(path)
    assert (facts.flags, facts.tracks) == ({Flag.OTHER_TRACKS}, 2)
    heard = np.concatenate(list(Decoder(facts).blocks()))
    assert np.abs(heard).max() == (0.0 if facts.track == 0 else pytest.approx(2, abs=1.5))
    assert len(heard) == pytest.approx(3 * RATE_HZ, abs=2_200)
