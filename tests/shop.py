"""A small catalogue with a published index, for tests of lookups: descriptors of known families."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.descriptor import DIMENSIONS, pack
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import GroupResult, JobState, MetadataRecord, Outcome, Registration
from audiofeat.domain.lookups import ItemSeed, Rules, Seed
from audiofeat.domain.space import Space
from audiofeat.domain.things import ThingKind
from audiofeat.index.publish import Publisher
from audiofeat.index.reader import PublishedIndexes
from audiofeat.ports import ReleaseView
from audiofeat.services.build_index import build_index
from audiofeat.services.lookup import Answer, answer
from audiofeat.services.things import ThingAnswer, ThingFinder
from audiofeat.storage.directory import DirectoryStore

Vector = NDArray[np.float32]
_RNG = np.random.default_rng(5)
_FAMILIES = _RNG.normal(0, 1, (8, len(DIMENSIONS)))
REFERENCE_SAMPLE = (20 + _RNG.normal(0, 1.2, (60, len(DIMENSIONS)))).astype(np.float32)

SPACES = {kind: fit(REFERENCE_SAMPLE, kind=kind) for kind in Kind}


def sound(family: int, take: int, *, spread: float = 0.4) -> Vector:
    """Return a descriptor near the others of its family."""
    rng = np.random.default_rng((family, take))
    descriptor: Vector = (20 + _FAMILIES[family] + rng.normal(0, spread, len(DIMENSIONS))).astype(np.float32)
    return descriptor


@dataclass
class Shop:
    """A small catalogue with everything a lookup needs."""

    catalogue: SqlCatalogue
    artefacts: DirectoryStore
    publisher: Publisher
    indexes: PublishedIndexes
    spaces: dict[Kind, Space]
    things: ThingFinder

    def add(
        self,
        key: str,
        descriptor: Vector | None,
        *,
        sha256: str = "",
        kind: Kind = Kind.TRACK,
        version: str = "1",
        tempo_bpm: float | None = None,
        mode: str | None = None,
        said: dict[str, Any] | None = None,
    ) -> str:
        """Register, claim and finish one item, as a worker does."""
        audio = ObjectVersion(store="shop", key=key, version=version, size_bytes=1)
        records = (MetadataRecord("csv:shop", said),) if said else ()
        [job] = self.catalogue.register(
            [Registration(audio, kind=kind, kind_source=KindSource.OPTION, records=records)]
        )
        claim = self.catalogue.claim(job.job_id, worker="test", lease_s=60)
        assert claim is not None
        groups = (
            GroupResult("rhythm", 1, {"tempo_bpm": tempo_bpm}, {}),
            GroupResult("tonal", 1, {"key": None, "mode": mode}, {}),
        )
        outcome = Outcome(
            state=JobState.DONE,
            sha256=sha256 or f"{key}@{version}".encode().hex().ljust(64, "0")[:64],
            audio={"decoded_duration_s": 30.0},
            flags=(),
            groups=groups,
            extractor={},
            kind=kind,
            kind_source=KindSource.OPTION,
            descriptor=None if descriptor is None else pack(descriptor),
        )
        assert self.catalogue.finish(claim, outcome)
        return job.item_id

    def publish(self, kind: Kind = Kind.TRACK) -> ReleaseView:
        """Build and publish, and let the reader see it at once."""
        view = build_index(
            kind,
            catalogue=self.catalogue,
            publisher=self.publisher,
            artefacts=self.artefacts,
            reference=self.spaces[kind],
        )
        self.indexes.refresh(kind)
        return view

    def ask(self, *seeds: Seed | str, kind: Kind | None = None, **rules: Any) -> Answer:
        """Look up; a text is the name of an item."""
        meant = [ItemSeed(seed) if isinstance(seed, str) else seed for seed in seeds]
        return answer(meant, catalogue=self.catalogue, indexes=self.indexes, rules=Rules(**rules), kind=kind)

    def near(self, of: ThingKind, *seeds: Seed | str, kind: Kind | None = None, **rules: Any) -> ThingAnswer:
        """Look up things; a text is the name of an item."""
        meant = [ItemSeed(seed) if isinstance(seed, str) else seed for seed in seeds]
        least_items = rules.pop("least_items", 1)
        return self.things.nearest(meant, of, Rules(**rules), kind=kind, least_items=least_items)


def open_shop(tmp_path: Path) -> Shop:
    """Return an empty one."""
    (tmp_path / "artefacts").mkdir()
    store = DirectoryStore(tmp_path / "artefacts")
    catalogue = open_catalogue(f"sqlite:///{tmp_path}/ledger.db")
    indexes = PublishedIndexes(store, catalogue, tmp_path / "cache")
    return Shop(
        catalogue,
        store,
        Publisher(store, with_graphs=True),
        indexes,
        SPACES,
        ThingFinder(catalogue, indexes, cost_ratio=0.0),
    )
