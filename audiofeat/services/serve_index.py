"""Lets another release be served, and notes it in the ledger."""

from audiofeat.domain.items import Kind
from audiofeat.ports import Catalogue, IndexPublisher, ReleaseView


def promote(kind: Kind, release: str, *, catalogue: Catalogue, publisher: IndexPublisher) -> ReleaseView:
    """Verify a release and serve it.

    Raises
    ------
    IndexMissing
        There is no such release.
    IndexDamaged, PointerMoved, StoreError
        As they say; what was served before is still served.
    """
    return _noted(publisher.promote(kind, release), catalogue)


def rollback(kind: Kind, *, catalogue: Catalogue, publisher: IndexPublisher) -> ReleaseView:
    """Serve what was served before; raises IndexMissing where nothing was, else as :func:`promote`."""
    return _noted(publisher.rollback(kind), catalogue)


def _noted(view: ReleaseView, catalogue: Catalogue) -> ReleaseView:
    catalogue.record_release(view.release, kind=view.kind, space=view.space, items=view.items, recall=view.recall)
    return view
