"""What a job comes to that could not be finished: one place that judges every error."""

import errno
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version

from audiofeat import logs
from audiofeat.codes import ErrorCode
from audiofeat.domain.items import KindSource
from audiofeat.domain.jobs import Claim, Evidence, JobState, Registration
from audiofeat.errors import AudiofeatError, ExtractionCrashed, ObjectChanged
from audiofeat.ports import Catalogue, ObjectStore

_PACKAGES = ("audiofeat", "av", "essentia", "numpy", "scipy", "soundfile", "soxr")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_log = logs.get_logger(__name__)


@dataclass(slots=True)
class Scene:
    """Where a job stands, kept while it is worked on: the evidence, should it end badly."""

    stage: str = "fetch"
    sha256: str | None = None

    def evidence(self, error: Exception) -> Evidence:
        """Return what is known of the moment in which ``error`` came."""
        crash = error if isinstance(error, ExtractionCrashed) else None
        stage = crash.stage if crash and crash.stage else self.stage
        versions = {name: version(name) for name in _PACKAGES}
        return Evidence(stage, crash.signal if crash else None, self.sha256, versions)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Tells the ledger what became of a job."""

    catalogue: Catalogue
    open_store: Callable[[str], ObjectStore] = field(repr=False)

    def end(self, claim: Claim, error: Exception, scene: Scene) -> JobState | None:
        """End the attempt as its error asks for; return the job's state, None where the token has moved on.

        Rejected where trying again changes nothing, a crash where a child died or our own code failed, postponed
        where a store or this host failed, superseded where the object is another version by now.
        """
        if isinstance(error, ObjectChanged) and (current := self._current(claim)):
            return JobState.SUPERSEDED if self.catalogue.supersede(claim, current) else None
        code, message, ending = self._judged(claim, error, scene)
        unforeseen = not isinstance(error, AudiofeatError | OSError | MemoryError)
        _log.warning("job_failed", code=code, message=message, exc_info=error if unforeseen else None)
        return ending(code=code, message=message)

    def reject(self, claim: Claim, *, code: str, message: str) -> JobState | None:
        """End a job whose bytes can never be analysed."""
        return JobState.REJECTED if self.catalogue.reject(claim, code=code, message=message) else None

    def _judged(self, claim: Claim, error: Exception, scene: Scene) -> tuple[str, str, Callable[..., JobState | None]]:
        crash = partial(self.catalogue.crash, claim, evidence=scene.evidence(error))
        postpone = partial(self.catalogue.postpone, claim)
        match error:
            case ExtractionCrashed():
                return error.code, str(error), crash
            case AudiofeatError(retryable=False):
                return error.code, str(error), partial(self.reject, claim)
            case AudiofeatError():
                return error.code, str(error), postpone
            case OSError():
                code = ErrorCode.DISK_FULL if error.errno in _FULL else ErrorCode.HOST_FAULT
                return code, f"{type(error).__name__}: {error}", postpone
            case MemoryError():
                return ErrorCode.EXTRACTION_MEMORY, "the worker ran out of memory", crash
            case _:
                return ErrorCode.EXTRACTION_FAILED, f"{type(error).__name__}: {error}", crash

    def _current(self, claim: Claim) -> Registration | None:
        """Ask for the version that is there now; None where that cannot be told."""
        try:
            found = self.open_store(claim.audio.store).head(claim.audio.key)
        except AudiofeatError:
            return None
        if found.version == claim.audio.version:
            return None
        return Registration(
            audio=replace(claim.audio, version=found.version, size_bytes=found.size_bytes),
            lane=claim.lane,
            kind=claim.kind,
            kind_source=claim.kind_source if claim.kind_source is not KindSource.INFERRED else None,
            records=claim.records,
        )
