"""For probes: is the process alive, and can it answer? At the root, because no version of the API changes them."""

from fastapi import APIRouter, Response

from audiofeat import rendering
from audiofeat.api.problems import Declared, declared
from audiofeat.api.requests import Wired
from audiofeat.errors import CatalogueUnavailable, DiskFull, StoreUnavailable
from audiofeat.services.scratch import require_space
from audiofeat.services.status import served_indexes
from schemas.health import Alive, Ready, ServedIndex
from schemas.status import Status

router = APIRouter(tags=["health"])
_METRICS: Declared = {
    200: {"description": "Prometheus's text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get("/livez", responses=declared(guarded=False))
@router.get("/healthz", include_in_schema=False)
def read_liveness() -> Alive:
    """Answer, as long as the process can."""
    return Alive()


@router.get("/readyz", responses=declared(CatalogueUnavailable, StoreUnavailable, DiskFull, guarded=False))
def read_readiness(services: Wired) -> Ready:
    """Answer with 200 where lookups can be answered and jobs accepted: the ledger answers, and there is space.

    A kind without an index is told. So are workers that are stalled or missing, in `warnings`: lookups need none, and
    an API that is taken out of service for them could answer nobody.
    """
    served = served_indexes(catalogue=services.catalogue, indexes=services.indexes)
    require_space(services.home)
    return Ready(
        indexes={
            kind.value: ServedIndex(release=index.release, space=index.space, problem=index.problem)
            for kind, index in served.items()
        },
        warnings=services.survey().warnings,
    )


@router.get("/v1/status", responses=declared(CatalogueUnavailable))
def read_status(services: Wired) -> Status:
    """Tell how lanes, workers and indexes stand."""
    return rendering.status(services.survey())


@router.get("/metrics", response_class=Response, responses={**_METRICS, **declared(guarded=False)})
def read_metrics(services: Wired) -> Response:
    """Return what this home's processes have counted, and where the ledger's jobs stand."""
    return Response(services.exposition(), media_type="text/plain; version=0.0.4")
