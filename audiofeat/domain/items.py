"""Identity: what an item, an audio and a job are called.

Ids are stable text. An item's id comes from the catalogue's own reference where there is one, else from
where its audio lies; a job's key names one version of one object, so the same version is never queued twice.
"""

import hashlib
import uuid
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

AUDIO_SUFFIXES = frozenset({".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".wav"})
_NAMESPACE = uuid.UUID("6f0cbf0e-6f1a-5f6e-9d5b-6b1f5c1f7a10")
EPISODE_SPEECH_RATIO = 0.6
EPISODE_DURATION_S = 60.0


class Kind(StrEnum):
    """What an item is; tracks and episodes live in separate spaces."""

    TRACK = "track"
    EPISODE = "episode"


class KindSource(StrEnum):
    """Where an item's kind comes from, strongest first."""

    METADATA = "metadata"
    OPTION = "option"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of one object in a named store (an endpoint or port is never part of the name)."""

    store: str
    key: str
    version: str
    size_bytes: int = 0


def item_id(*, reference: str | None, store: str, key: str) -> str:
    """Return the uuid5 of the catalogue's own reference, else of store and key.

    Examples
    --------
    >>> item_id(reference="trk-0001", store="a", key="b") == item_id(reference="trk-0001", store="x", key="y")
    True
    """
    name = f"reference\n{reference}" if reference else f"object\n{store}\n{key}"
    return str(uuid.uuid5(_NAMESPACE, name))


def job_id(audio: ObjectVersion) -> str:
    """Return the sha256 of store, key and version: one job for each object version."""
    return hashlib.sha256(f"{audio.store}\n{audio.key}\n{audio.version}".encode()).hexdigest()


def is_audio_key(key: str) -> bool:
    """Tell whether an object counts as audio, by the ending of its key.

    Examples
    --------
    >>> is_audio_key("a/b.MP3"), is_audio_key("cover.jpg")
    (True, False)
    """
    return PurePosixPath(key).suffix.lower() in AUDIO_SUFFIXES


def infer_kind(*, speech_ratio: float | None, duration_s: float) -> Kind:
    """Tell a track from an episode by what is heard, where nobody said it."""
    spoken = speech_ratio is not None and speech_ratio >= EPISODE_SPEECH_RATIO
    return Kind.EPISODE if spoken and duration_s >= EPISODE_DURATION_S else Kind.TRACK
