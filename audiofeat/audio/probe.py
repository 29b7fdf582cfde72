"""What a file says of itself, and whether that is within the limits, before a single sample is decoded."""

from dataclasses import dataclass
from pathlib import Path

import soundfile

from audiofeat.audio.link import Link
from audiofeat.audio.sniff import Container, sniff
from audiofeat.audio.structure import walk
from audiofeat.codes import ErrorCode
from audiofeat.domain.quality import DEFAULT_MAX_DURATION_S, Flag
from audiofeat.errors import AudioRejected

MOST_CHANNELS = 8
RATE_RANGE_HZ = (4_000, 384_000)
_PCM_BUDGET_BYTES = 1_000_000_000
_PCM_BUDGET_FACTOR = 1_000
_ENDLESS_FRAMES = 1 << 61
_BY_LIBAV = frozenset({Container.MP4, Container.ADTS})
_DEMUXERS = {
    Container.WAV: "wav",
    Container.AIFF: "aiff",
    Container.FLAC: "flac",
    Container.OGG: "ogg",
    Container.MP3: "mp3",
    Container.MP4: "mov",
    Container.ADTS: "aac",
}


@dataclass(frozen=True, slots=True)
class Probe:
    """A file's own claims.

    Parameters
    ----------
    rate_hz, channels : int
        As declared; 4,000-384,000 Hz and 1-8 after the gates.
    declared_frames : int or None
        Sample frames that the file claims to hold; None where it makes no claim.
    demuxer : str or None
        The one demuxer with which PyAV may open it, where libsndfile cannot, would stop at a change of stream, or
        would believe a length of zero.
    links : tuple of (int, int)
        First byte and end of each stream that is chained in an Ogg file; empty where there is one.
    track, tracks : int
        Which of how many audio tracks is decoded: the one that is marked as the default, else the first.
    """

    path: Path
    size_bytes: int
    container: Container
    codec: str
    rate_hz: int
    channels: int
    declared_frames: int | None
    flags: frozenset[Flag]
    demuxer: str | None
    links: tuple[tuple[int, int], ...] = ()
    track: int = 0
    tracks: int = 1

    @property
    def declared_s(self) -> float | None:
        """Seconds that the file claims to hold."""
        return None if self.declared_frames is None else self.declared_frames / self.rate_hz


def probe(path: Path, *, max_duration_s: float = DEFAULT_MAX_DURATION_S) -> Probe:
    """Sniff, open and judge a file by its headers.

    Raises
    ------
    AudioRejected
        With the code that says why, among them ``not_audio``, ``unreadable``, ``too_long``, ``pcm_budget``.
    """
    container, offset = sniff(path)
    structure = walk(path, container, offset)
    demuxer, track, tracks, flags = None, 0, 1, structure.flags
    # libsndfile believes the header: of a WAV without a length, and of MP3 streams joined behind a first one's count.
    if structure.links:
        codec, rate_hz, channels, frames = *_ask_link(path, structure.links[0]), None
    elif container in _BY_LIBAV or structure.flags & {Flag.STREAM_CHANGE, Flag.HEADER_INCONSISTENT}:
        demuxer = _DEMUXERS[container]
        track, tracks = _tracks(path, demuxer)
        flags |= {Flag.OTHER_TRACKS} if tracks > 1 else set()
        codec, rate_hz, channels, frames = _ask_libav(path, demuxer, track)
    else:
        try:
            codec, rate_hz, channels, frames = _ask_libsndfile(path)
        except soundfile.LibsndfileError:
            demuxer = _DEMUXERS[container]
            codec, rate_hz, channels, frames = _ask_libav(path, demuxer)
    facts = Probe(
        path=path,
        size_bytes=path.stat().st_size,
        container=container,
        codec=codec,
        rate_hz=rate_hz,
        channels=channels,
        declared_frames=structure.declared_frames or frames,
        flags=flags,
        demuxer=demuxer,
        links=structure.links,
        track=track,
        tracks=tracks,
    )
    _within_limits(facts, structure.present_frames or facts.declared_frames, max_duration_s)
    return facts


def _ask_libsndfile(path: Path) -> tuple[str, int, int, int | None]:
    with soundfile.SoundFile(path) as file:
        frames = None if file.frames >= _ENDLESS_FRAMES or file.frames <= 0 else file.frames
        return file.subtype.lower(), file.samplerate, file.channels, frames


def _ask_link(path: Path, link: tuple[int, int]) -> tuple[str, int, int]:
    try:
        with path.open("rb") as stream, soundfile.SoundFile(Link(stream, *link)) as file:
            return file.subtype.lower(), file.samplerate, file.channels
    except soundfile.LibsndfileError as error:
        raise AudioRejected(ErrorCode.UNREADABLE, f"the header cannot be used: {error.error_string}") from error


def _tracks(path: Path, demuxer: str) -> tuple[int, int]:
    """Return which audio track is the default one, else the first, and how many there are."""
    import av  # noqa: PLC0415  as below

    try:
        with av.open(str(path), format=demuxer, metadata_errors="ignore") as file:
            defaults = [bool(stream.disposition & av.stream.Disposition.default) for stream in file.streams.audio]
    except av.FFmpegError as error:
        raise AudioRejected(ErrorCode.UNREADABLE, f"the header cannot be used: {error.strerror}") from error
    return (defaults.index(True) if any(defaults) else 0), len(defaults)


def _ask_libav(path: Path, demuxer: str, track: int = 0) -> tuple[str, int, int, int | None]:
    import av  # noqa: PLC0415  only the rarer files pay for this import

    try:
        with av.open(str(path), format=demuxer, metadata_errors="ignore") as file:
            if not file.streams.audio:
                raise AudioRejected(ErrorCode.NO_AUDIO_STREAM, "the container has no audio stream")
            stream = file.streams.audio[track]
            if stream.codec_context is None:
                raise AudioRejected(ErrorCode.UNSUPPORTED_FORMAT, "the header names a codec that is not known")
            rate_hz = stream.codec_context.sample_rate
            frames = None
            if stream.duration and stream.time_base and demuxer == _DEMUXERS[Container.MP4]:
                frames = round(float(stream.duration * stream.time_base) * rate_hz)
            return stream.codec_context.name, rate_hz, stream.channels, frames
    except av.FFmpegError as error:
        raise AudioRejected(ErrorCode.UNREADABLE, f"the header cannot be used: {error.strerror}") from error


def _within_limits(facts: Probe, frames: int | None, max_duration_s: float) -> None:
    if facts.channels < 1:
        raise AudioRejected(ErrorCode.UNREADABLE, "the header declares no channel")
    if facts.channels > MOST_CHANNELS:
        raise AudioRejected(ErrorCode.TOO_MANY_CHANNELS, f"{facts.channels} channels; at most {MOST_CHANNELS}")
    low_hz, high_hz = RATE_RANGE_HZ
    if not low_hz <= facts.rate_hz <= high_hz:
        raise AudioRejected(ErrorCode.SAMPLE_RATE_OUT_OF_RANGE, f"{facts.rate_hz} Hz; {low_hz}-{high_hz} are accepted")
    if frames is None:
        return
    duration_s = frames / facts.rate_hz
    if duration_s > max_duration_s:
        raise AudioRejected(ErrorCode.TOO_LONG, f"{duration_s:.0f} s declared; at most {max_duration_s:.0f} s")
    pcm_bytes = frames * facts.channels * 2
    if pcm_bytes > _PCM_BUDGET_BYTES and pcm_bytes > _PCM_BUDGET_FACTOR * facts.size_bytes:
        raise AudioRejected(ErrorCode.PCM_BUDGET, f"{facts.size_bytes} bytes claim to hold {pcm_bytes} bytes of PCM")
