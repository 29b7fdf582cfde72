"""For probes: is the process alive, and can it answer? At the root, because no version of the API changes them."""

from fastapi import APIRouter, Response

from audiofeat.api.problems import Declared, declared
from audiofeat.api.requests import Wired
from audiofeat.errors import CatalogueUnavailable, StoreUnavailable
from audiofeat.services.status import served_indexes
from schemas.health import Alive, Ready, ServedIndex

router = APIRouter(tags=["health"])
_METRICS: Declared = {
    200: {"description": "Prometheus's text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get("/healthz", responses=declared())
def read_health() -> Alive:
    """Answer, as long as the process can."""
    return Alive()


@router.get("/readyz", responses=declared(CatalogueUnavailable, StoreUnavailable))
def read_readiness(services: Wired) -> Ready:
    """Answer with 200 where the ledger can be read, and tell which kinds have an index."""
    served = served_indexes(catalogue=services.catalogue, indexes=services.indexes)
    return Ready(
        indexes={
            kind.value: ServedIndex(release=index.release, space=index.space, problem=index.problem)
            for kind, index in served.items()
        }
    )


@router.get("/metrics", response_class=Response, responses={**_METRICS, **declared()})
def read_metrics(services: Wired) -> Response:
    """Return what this home's processes have counted, and where the ledger's jobs stand."""
    return Response(services.exposition(), media_type="text/plain; version=0.0.4")
