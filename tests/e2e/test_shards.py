"""The shards of an index are built by the workers of the embedded broker, beside whoever publishes."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.descriptor import DIMENSIONS
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind
from audiofeat.domain.space import blocks_all, embed_all
from audiofeat.index.publish import Publisher
from audiofeat.index.shared_build import workers_of
from audiofeat.ports import IndexContents
from commands import wait_until

ROWS = 120


def test_workers_build_shards(environment: dict[str, str], tmp_path: Path) -> None:
    """What a worker has built is taken, opened and served, and nothing of the work is left in the store."""
    items = np.random.default_rng(1).normal(20, 1, (ROWS, len(DIMENSIONS))).astype(np.float32)
    space = fit(items, kind=Kind.TRACK)
    names = [(f"item-{row}",) for row in range(ROWS)]
    contents = IndexContents(space, names, embed_all(space, items), blocks_all(space, items), 1)
    services = Services(load_settings().model_copy(update={"home": tmp_path / "home"}))
    store = services.artefacts
    built: list[str] = []

    def ask(kind: Kind, release: str, numbers: Sequence[int]) -> bool:
        """Ask the workers, and wait for the first that has something."""

        def arrived() -> list[str]:
            keys = [stored.key.rpartition("/")[2] for stored in store.list(f"indexes/track/{release}/")]
            return [key for key in keys if key.startswith("built-")]

        assert workers_of(lambda: services.queue)(kind, release, numbers)
        wait_until(lambda: bool(arrived()))
        built.extend(arrived())
        return True

    running = subprocess.Popen(
        [sys.executable, "-m", "audiofeat", "up", "--no-api", "--workers", "1"], env=environment, cwd=tmp_path
    )
    try:
        wait_until((tmp_path / "home" / "broker" / "url").exists)
        publisher = Publisher(store, ask_workers=ask, rows_per_shard=50)
        view = publisher.publish(contents)
        assert "built-000.ann" in built
        assert publisher.verify(Kind.TRACK).release == view.release
        left = {stored.key.rpartition("/")[2] for stored in store.list(f"indexes/track/{view.release}/")}
        assert {"index-000.ann", "index-001.ann", "index-002.ann"} < left
        assert not {name for name in left if name.startswith(("built-", "draft-"))}
    finally:
        running.terminate()
        assert running.wait(timeout=40) == 0
