"""PCM in blocks of a few seconds: libsndfile first, PyAV for what libsndfile refuses or would cut short."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import soundfile
from numpy.typing import NDArray

from audiofeat.audio.probe import Probe
from audiofeat.domain.quality import Flag
from audiofeat.errors import AudioRejected, ErrorCode

BLOCK_S = 4
_STEP_FRAMES = 8_192
_FAILURES_MOST = 100


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no types
    """A file that is read front to back: no seek after each block.

    soundfile seeks to where it already is after every read of a seekable file; an mp3 decoder then loses its bit
    reservoir, and the next frames come out wrong.
    """

    def seekable(self) -> bool:
        """Deny it."""
        return False


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
        source = self._by_libav() if self._facts.demuxer else self._by_libsndfile()
        for block in source:
            self.decoded_frames += len(block)
            yield block
        if not self.decoded_frames:
            raise AudioRejected(ErrorCode.NO_FRAMES, "the file has a header and no sound")
        declared = self._facts.declared_frames
        if declared and self.decoded_frames < 0.99 * declared - 2304:
            self.flags.add(Flag.TRUNCATED)

    def _by_libsndfile(self) -> Iterator[NDArray[np.float32]]:
        length = BLOCK_S * self._facts.rate_hz
        failures = 0
        with _ForwardFile(self._facts.path) as file:
            more = True
            while more:
                block = np.empty((length, self._facts.channels), dtype=np.float32)
                filled = 0
                # In small steps: an error loses the step in which it happens and nothing more.
                while filled < length and more:
                    step = block[filled : filled + _STEP_FRAMES]
                    try:
                        got = len(file.read(out=step))
                    except soundfile.LibsndfileError:
                        self.flags.add(Flag.DAMAGED)
                        failures += 1
                        got, more = 0, failures < _FAILURES_MOST
                        continue
                    filled += got
                    more = got == len(step)
                if filled:
                    yield block[:filled]

    def _by_libav(self) -> Iterator[NDArray[np.float32]]:
        import av  # noqa: PLC0415  only the rarer containers pay for this import

        length = BLOCK_S * self._facts.rate_hz
        waiting: list[NDArray[np.float32]] = []
        held = failures = 0
        with av.open(str(self._facts.path), format=self._facts.demuxer, metadata_errors="ignore") as file:
            stream = file.streams.audio[0]
            layout = stream.codec_context.layout.name

            @cache
            def resampler(*_: str | int) -> av.AudioResampler:
                """Make one for each kind of frame: a stream may change its rate or channels, a resampler may not."""
                return av.AudioResampler(format="flt", layout=layout, rate=self._facts.rate_hz)

            packets = file.demux(stream)
            while True:
                try:
                    packet = next(packets)
                    frames = [
                        part
                        for frame in packet.decode()
                        for part in resampler(frame.format.name, frame.layout.name, frame.sample_rate).resample(frame)
                    ]
                except StopIteration:
                    break
                except av.FFmpegError:
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
        if held:
            yield np.concatenate(waiting)
