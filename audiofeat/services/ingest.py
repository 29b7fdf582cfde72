"""One job from claim to finish: fetch, extract in a child, merge metadata, embed, write in one transaction.

Whatever goes wrong ends in the ledger: rejected where trying again changes nothing, a crash where the child died,
postponed where storage failed, released at shutdown. Nothing is raised at the caller but shutdown itself.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from audiofeat import logs
from audiofeat.domain import space
from audiofeat.domain.descriptor import pack, unpack
from audiofeat.domain.items import Kind, KindSource, infer_kind
from audiofeat.domain.jobs import Claim, GroupResult, JobState, MetadataRecord, Outcome, new_token
from audiofeat.domain.kept_models import head_orders, versions_in_use
from audiofeat.domain.quality import Status
from audiofeat.errors import AudiofeatError, ExtractionCrashed
from audiofeat.extraction.client import Extraction
from audiofeat.ports import Catalogue, ObjectStore, Telemetry
from audiofeat.services.curves import split
from audiofeat.services.import_metadata import match_for
from audiofeat.services.known import Known
from audiofeat.services.plugins import orders
from audiofeat.services.scratch import private_folder, require_space
from audiofeat.services.verdicts import Scene, Verdicts

_log = logs.get_logger(__name__)
_TOKEN_SHOWN = 8


class Extractor(Protocol):
    """What turns a local file into a record, in a process that may die."""

    def extract(
        self,
        path: Path,
        *,
        source: str,
        groups: Collection[str] = (),
        heads: Mapping[str, Any] | None = None,
        plugins: Mapping[str, Any] | None = None,
    ) -> Extraction:
        """Return the record, of some groups or of all, with these heads and plug-ins; raises ExtractionCrashed."""


@dataclass(frozen=True, slots=True)
class Ingest:
    """The use case, wired once for each process.

    Parameters
    ----------
    open_store : callable
        Opens a source store by the name that a job carries.
    artefacts : ObjectStore
        Where curves go.
    read_tags : callable
        Reads the tags of a local file.
    reference_space : callable
        The space in which a new item gets its first embedding.
    lease_s, heartbeat_s : float
        How long a claim lives without a sign, and how often one is given.
    telemetry : Telemetry
        Told of stages, ends and refusals.
    """

    catalogue: Catalogue
    open_store: Callable[[str], ObjectStore]
    artefacts: ObjectStore
    extractor: Extractor
    read_tags: Callable[[Path], MetadataRecord | None]
    reference_space: Callable[[Kind], space.Space]
    scratch: Path
    max_object_bytes: int
    lease_s: float
    heartbeat_s: float
    telemetry: Telemetry

    def run(self, job_id: str, *, worker: str) -> JobState | None:
        """Work on a job if it is due, or first on one of its lane that lost its worker; return that one's new state.

        None where there was nothing to do.

        Raises
        ------
        DiskFull
            Nothing was claimed: there would be no room to work in.
        """
        require_space(self.scratch)
        token = new_token()
        # The folder says what is lost with this process, and so is there before anything can be.
        with private_folder(self.scratch, token) as folder:
            claim = self.catalogue.claim(job_id, worker=worker, lease_s=self.lease_s, lost_first=True, token=token)
            if claim is None:
                self.telemetry.refused("claim")
                _log.debug("claim_refused", job=job_id)
                return None
            ids = {"job": claim.job_id, "item": claim.item_id, "attempt": claim.attempt, "lane": claim.lane}
            with logs.bound(**ids, token=token[:_TOKEN_SHOWN]), self.telemetry.stage("job", trace=claim.trace):
                return self._attempt(claim, folder)

    @property
    def _verdicts(self) -> Verdicts:
        return Verdicts(self.catalogue, self.open_store)

    def _attempt(self, claim: Claim, folder: Path) -> JobState | None:
        """Work on a claimed job, and tell how it ended."""
        _log.debug("job_claimed", store=claim.audio.store, key=claim.audio.key)
        audio_s, scene = 0.0, Scene()
        try:
            with self._heartbeat(claim):
                state, audio_s = self._work(claim, folder, scene)
        except (KeyboardInterrupt, SystemExit):
            self.catalogue.release(claim)
            _log.info("job_released")
            raise
        except Exception as error:  # noqa: BLE001  a fault of ours costs this item a crash, never the worker
            state = self._verdicts.end(claim, error, scene)
        if state is None:
            self.telemetry.refused("fence")
            _log.warning("result_refused")
        else:
            self.telemetry.job_ended(claim.lane, state, audio_s=audio_s)
            _log.info("job_ended", state=state, audio_s=audio_s)
        return state

    def _work(self, claim: Claim, folder: Path, scene: Scene) -> tuple[JobState | None, float]:
        """Return the state that the job ended in, and the seconds of audio that were decoded for it."""
        audio, stage = claim.audio, self.telemetry.stage
        store = self.open_store(audio.store)
        with stage("fetch"):
            fetched = store.fetch(audio.key, folder / "audio", version=audio.version, max_bytes=self.max_object_bytes)
        scene.sha256, scene.stage = fetched.sha256, "tags"
        with stage("tags"):
            tags = self.read_tags(fetched.path)
        audio_s = 0.0
        models = self.catalogue.models()
        versions = versions_in_use(models)
        known = Known.of(self.catalogue, fetched.sha256, versions)
        if known is not None and not known.stale:
            stored = self._complete(
                claim, tags, audio=known.audio, flags=known.flags, groups=known.current(), extractor=known.extractor,
                descriptor=known.descriptor,
            )  # fmt: skip
        else:
            scene.stage = "probe"
            wanted = known.stale if known else frozenset[str]()
            plugins = orders(models, artefacts=self.artefacts, folder=self.scratch.parent)
            source = f"{audio.store}/{audio.key}"
            extraction = self._extract(
                fetched.path, source=source, groups=wanted, heads=head_orders(models), plugins=plugins
            )
            record = extraction.record
            if record["status"] == Status.REJECTED:
                code, message = record["error"]["code"], record["error"]["message"]
                _log.warning("job_failed", code=code, message=message)
                return self._verdicts.reject(claim, code=code, message=message), 0.0
            audio_s = record["audio"]["decoded_duration_s"]
            scene.stage = "store"
            with stage("store"):
                stored = self._outcome(claim, extraction, tags, known, versions)
        scene.stage = "finish"
        with stage("finish"):
            if not self.catalogue.finish(claim, stored):
                return None, audio_s
        self._match_records(claim.item_id)
        return stored.state, audio_s

    def _match_records(self, item_id: str) -> None:
        """Give the item what was said of it before it came; where that fails, the next merge does."""
        try:
            match_for(self.catalogue, [item_id])
        except AudiofeatError as error:
            _log.warning("records_not_matched", code=error.code, problem=error)

    def _extract(self, path: Path, *, source: str, groups: Collection[str], **models: Mapping[str, Any]) -> Extraction:
        """Have a child analyse the file, and count how that went."""
        try:
            with self.telemetry.stage("extract"):
                extraction = self.extractor.extract(path, source=source, groups=groups, **models)
        except ExtractionCrashed as crash:
            self.telemetry.child_ended(crash.signal or crash.code.removeprefix("extraction_"))
            raise
        self.telemetry.child_ended("answered")
        for name, seconds in extraction.timings.items():
            self.telemetry.stage_took(f"extract.{name}", seconds)
        return extraction

    def _outcome(
        self,
        claim: Claim,
        extraction: Extraction,
        tags: MetadataRecord | None,
        known: Known | None,
        versions: Mapping[str, int],
    ) -> Outcome:
        """Return what was measured now, together with what is known of the groups that were not stale."""
        record, spent = extraction.record, extraction.timings
        measured = tuple(
            split(record, self.artefacts, GroupResult(name, versions[name], values, {}, None, spent.get(name, 0.0)))
            for name, values in record["features"].items()
        )
        descriptor = known.descriptor if known else None
        if "descriptor" in record["features"]:
            values = record["features"]["descriptor"]["values"]
            descriptor = None if values is None else pack(np.array(values, dtype=np.float32))
        return self._complete(
            claim,
            tags,
            audio=record["audio"],
            flags=tuple(record["flags"]),
            groups=measured + (known.current() if known else ()),
            extractor=record["extractor"],
            descriptor=descriptor,
            timings={**extraction.timings, "peak_rss_bytes": float(extraction.peak_rss_bytes)},
        )

    def _complete(
        self,
        claim: Claim,
        tags: MetadataRecord | None,
        *,
        audio: dict[str, Any],
        flags: tuple[str, ...],
        groups: tuple[GroupResult, ...],
        extractor: dict[str, Any],
        descriptor: bytes | None,
        timings: dict[str, float] | None = None,
    ) -> Outcome:
        kind, kind_source = _kind(claim, audio, groups)
        fitted = self.reference_space(kind)
        vector = None if descriptor is None else space.embed_all(fitted, unpack(descriptor)[np.newaxis])[0]
        return Outcome(
            state=JobState.DEGRADED if flags else JobState.DONE,
            sha256=audio["sha256"],
            audio=audio,
            flags=flags,
            groups=groups,
            extractor=extractor,
            kind=kind,
            kind_source=kind_source,
            tags=tags,
            descriptor=descriptor,
            space=fitted.id,
            # Zeros: nothing that the space looks at was measured, as in silence.
            embedding=None if vector is None or not vector.any() else pack(vector),
            timings=timings or {},
        )

    @contextmanager
    def _heartbeat(self, claim: Claim) -> Iterator[None]:
        """Prolong the lease while the work goes on; ``finish`` is what finds out that it was lost."""
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(self.heartbeat_s):
                try:
                    if not self.catalogue.heartbeat(claim, lease_s=self.lease_s):
                        self.telemetry.refused("lease")
                        _log.warning("lease_lost")
                        return
                except AudiofeatError as error:
                    _log.warning("heartbeat_failed", code=error.code)

        thread = threading.Thread(target=partial(copy_context().run, beat), name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _kind(claim: Claim, audio: Mapping[str, Any], groups: Sequence[GroupResult]) -> tuple[Kind, KindSource]:
    if claim.kind is not None and claim.kind_source is not None:
        return claim.kind, claim.kind_source
    speech = next((group.values.get("speech_ratio") for group in groups if group.group == "speech"), None)
    inferred = infer_kind(speech_ratio=speech, duration_s=audio["decoded_duration_s"])
    return inferred, KindSource.INFERRED
