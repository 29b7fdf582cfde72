"""A catalogue with analyses and a published index, filled as workers fill one."""

import gzip
import json
from typing import Any

import numpy as np

from audiofeat.bootstrap import Services
from audiofeat.domain.descriptor import DIMENSIONS, pack
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import GroupResult, JobState, MetadataRecord, Outcome, Registration
from audiofeat.services.build_index import build_index

_RNG = np.random.default_rng(7)
_FAMILIES = _RNG.normal(0, 1, (3, len(DIMENSIONS)))
SPACES = {kind: fit((20 + _RNG.normal(0, 1.2, (60, len(DIMENSIONS)))).astype(np.float32), kind=kind) for kind in Kind}
BEATS = [0.5, 1.0, 1.5]
SPEECH = ("speech_ratio", "speech_probability_curve")


def registered(
    services: Services, key: str, *, kind: Kind = Kind.TRACK, reference: str | None = None, **more: Any
) -> str:
    """Register an object and return its job."""
    said = MetadataRecord("csv:shop", {"title": f"Title of {key}", **more})
    [job] = services.catalogue.register(
        [
            Registration(
                ObjectVersion("s3/shop", key, "v1", 1), reference=reference, kind=kind,
                kind_source=KindSource.METADATA, records=(said,),
            )
        ]
    )  # fmt: skip
    return job.job_id


def analysed(services: Services, key: str, family: int, take: int, **known: Any) -> str:
    """Register, claim and finish an item, as a worker does, and return the sha256 of its audio."""
    job_id = registered(services, key, **known)
    claim = services.catalogue.claim(job_id, worker="test", lease_s=60)
    assert claim is not None
    sha256 = f"{family}{take}".ljust(64, "0")
    rng = np.random.default_rng((family, take))
    descriptor = (20 + _FAMILIES[family] + rng.normal(0, 0.4, len(DIMENSIONS))).astype(np.float32)
    curves_key = f"curves/{sha256[:2]}/{sha256}/rhythm-1.json.gz"
    services.artefacts.put(curves_key, gzip.compress(json.dumps({"beat_times_s": BEATS}).encode()))
    tags = MetadataRecord("tags", {"title": "a tag", "genre": "ambient"})
    outcome = Outcome(
        state=JobState.DEGRADED if take == 0 else JobState.DONE,
        sha256=sha256,
        audio={
            "sha256": sha256, "bytes": 1, "container": "wav", "codec": "pcm_s16le", "sample_rate_hz": 44_100,
            "channels": 2, "declared_duration_s": 30.0, "decoded_duration_s": 30.0,
        },
        flags=("truncated",) if take == 0 else (),
        groups=(
            GroupResult("rhythm", 1, {"tempo_bpm": 100.0 + family, "onset_rate_hz": 2}, {}, curves_key),
            GroupResult("tonal", 1, {"key": None, "hpcp": [0.5] * 12}, {"key": "atonal"}),
            GroupResult("speech", 1, {"speech_ratio": None}, dict.fromkeys(SPEECH, "silence")),
            GroupResult("descriptor", 1, {}, {}),
        ),
        extractor={},
        kind=claim.kind or Kind.TRACK,
        kind_source=KindSource.METADATA,
        tags=tags,
        descriptor=pack(descriptor),
    )  # fmt: skip
    assert services.catalogue.finish(claim, outcome)
    return sha256


def fill(services: Services) -> None:
    """Three families of four tracks, a copy, an episode, a track that waits, one that was rejected; publish tracks."""
    for family in range(3):
        for take in range(4):
            analysed(services, f"demo/{family}-{take}.wav", family, take, reference=f"trk-{family}-{take}")
    analysed(services, "demo/copy.wav", 0, 1)
    analysed(services, "shows/episode.mp3", 0, 9, kind=Kind.EPISODE)
    registered(services, "demo/waits.wav")
    claim = services.catalogue.claim(registered(services, "demo/text.mp3"), worker="test", lease_s=60)
    assert claim is not None
    assert services.catalogue.reject(claim, code="not_audio", message="this is text")
    publish(services)


def publish(services: Services) -> str:
    """Publish an index of the tracks."""
    return build_index(
        Kind.TRACK,
        catalogue=services.catalogue,
        publisher=services.publisher,
        artefacts=services.artefacts,
        reference=SPACES[Kind.TRACK],
    ).release
