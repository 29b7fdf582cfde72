"""PCM in blocks of a few seconds: libsndfile first, PyAV for what libsndfile refuses or would cut short."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audiofeat.audio.link import Link
from audiofeat.audio.probe import MOST_CHANNELS, RATE_RANGE_HZ, Probe
from audiofeat.audio.sniff import Container
from audiofeat.codes import ErrorCode
from audiofeat.domain.quality import Flag
from audiofeat.errors import AudioRejected

BLOCK_S = 4
_STEP_FRAMES = 8_192
_FAILURES_MOST = 100
_TAGS = frozenset({b"ID3", b"TAG", b"APE"})


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no types
    """A file that is read front to back: no seek after each block.

    soundfile seeks to where it already is after every read of a seekable file; an mp3 decoder then loses its bit
    reservoir, and the next frames come out wrong.
    """

    def seekable(self) -> bool:
        """Deny it."""
        return False


class _Converter:
    """Brings a stream's frames into one form: a stream may change its rate or channels, a resampler may not."""

    def __init__(self, layout: str, rate_hz: int) -> None:
        self._layout, self._rate_hz = layout, rate_hz
        self._kind: tuple[str, str, int] | None = None
        self._resampler: Any = None

    def __call__(self, frame: Any) -> Iterator[Any]:  # noqa: ANN401  PyAV's frames
        """Yield what a frame makes ready; None asks for what is still inside."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate) if frame else None
        if kind != self._kind:
            import av  # noqa: PLC0415  as below

            if self._resampler:
                yield from self._resampler.resample(None)
            self._kind = kind
            self._resampler = av.AudioResampler(format="flt", layout=self._layout, rate=self._rate_hz)
        if frame:
            yield from self._resampler.resample(frame)


class Decoder:
    """Decodes a probed file once, front to back.

    Parameters
    ----------
    facts : Probe
        The file and its claims.

    Attributes
    ----------
    decoded_frames : int
        Sample frames handed out so far.
    flags : set of Flag
        Damage met while decoding.
    """

    def __init__(self, facts: Probe) -> None:
        self._facts = facts
        self.decoded_frames = 0
        self.flags: set[Flag] = set(facts.flags)

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Yield float32 blocks of shape (frames, channels), each of ``BLOCK_S`` seconds but for the last.

        Raises
        ------
        AudioRejected
            ``no_frames`` where not one sample came out.
        """
        if self._facts.links:
            source = self._by_links()
        else:
            source = self._by_libav() if self._facts.demuxer else self._by_libsndfile(self._facts.path)
        for block in source:
            self.decoded_frames += len(block)
            yield block
        if not self.decoded_frames:
            raise AudioRejected(ErrorCode.NO_FRAMES, "the file has a header and no sound")
        declared = self._facts.declared_frames
        if declared and self.decoded_frames < 0.99 * declared - 2304:
            self.flags.add(Flag.TRUNCATED)

    def _by_links(self) -> Iterator[NDArray[np.float32]]:
        """Decode chained streams one after the other, in the rate and channels of the first."""
        rate_hz, channels = self._facts.rate_hz, self._facts.channels
        waiting = np.empty((0, channels), dtype=np.float32)
        with self._facts.path.open("rb") as stream:
            for link in self._facts.links:
                try:
                    for block in self._link(Link(stream, *link)):
                        waiting = np.concatenate((waiting, block))
                        while len(waiting) >= BLOCK_S * rate_hz:
                            yield waiting[: BLOCK_S * rate_hz]
                            waiting = waiting[BLOCK_S * rate_hz :]
                except soundfile.LibsndfileError:
                    self.flags.add(Flag.DAMAGED)
        if len(waiting):
            yield waiting

    def _link(self, link: Link) -> Iterator[NDArray[np.float32]]:
        with soundfile.SoundFile(link) as file:
            rate_hz, channels = file.samplerate, file.channels
        if channels > MOST_CHANNELS or not RATE_RANGE_HZ[0] <= rate_hz <= RATE_RANGE_HZ[1]:
            self.flags.add(Flag.DAMAGED)
            return
        link.seek(0)
        stream = soxr.ResampleStream(rate_hz, self._facts.rate_hz, self._facts.channels, dtype="float32")
        for block in self._by_libsndfile(link):
            mixed = (
                block
                if channels == self._facts.channels
                else np.repeat(block.mean(axis=1, keepdims=True), self._facts.channels, axis=1)
            )
            yield stream.resample_chunk(mixed)
        yield stream.resample_chunk(np.empty((0, self._facts.channels), dtype=np.float32), last=True)

    def _by_libsndfile(self, source: Path | Link) -> Iterator[NDArray[np.float32]]:
        failures = 0
        with _ForwardFile(source) as file:
            length = BLOCK_S * file.samplerate
            # Behind the last frame of a FLAC file may be a tag, which its decoder takes for a broken frame.
            left = file.frames if self._facts.container is Container.FLAC and file.frames > 0 else sys.maxsize
            more = True
            while more:
                block = np.empty((length, file.channels), dtype=np.float32)
                filled = 0
                # In small steps: an error loses the step in which it happens and nothing more.
                while filled < length and more:
                    step = block[filled : filled + min(_STEP_FRAMES, left)]
                    try:
                        got = len(file.read(out=step))
                    except soundfile.LibsndfileError:
                        self.flags.add(Flag.DAMAGED)
                        failures += 1
                        got, more = 0, failures < _FAILURES_MOST
                        continue
                    filled += got
                    left -= got
                    more = got == len(step) and left > 0
                if filled:
                    yield block[:filled]

    def _by_libav(self) -> Iterator[NDArray[np.float32]]:
        import av  # noqa: PLC0415  only the rarer containers pay for this import

        length = BLOCK_S * self._facts.rate_hz
        waiting: list[NDArray[np.float32]] = []
        held = failures = 0
        with av.open(str(self._facts.path), format=self._facts.demuxer, metadata_errors="ignore") as file:
            stream = file.streams.audio[self._facts.track]
            layout = stream.codec_context.layout.name

            convert = _Converter(layout, self._facts.rate_hz)
            packets, packet = file.demux(stream), None
            while True:
                try:
                    packet = next(packets, None)
                    decoded = [*packet.decode()] if packet else [None]
                    frames = [part for frame in decoded for part in convert(frame)]
                except av.FFmpegError:
                    # A tag between joined streams is no damage.
                    if packet and bytes(packet)[:3] in _TAGS:
                        continue
                    self.flags.add(Flag.DAMAGED)
                    failures += 1
                    if failures > _FAILURES_MOST:
                        break
                    continue
                for frame in frames:
                    waiting.append(frame.to_ndarray().reshape(-1, self._facts.channels).astype(np.float32, copy=False))
                    held += len(waiting[-1])
                if held >= length:
                    pcm = np.concatenate(waiting)
                    yield pcm[:length]
                    waiting, held = [pcm[length:]], len(pcm) - length
                if packet is None:
                    break
        if held:
            yield np.concatenate(waiting)
