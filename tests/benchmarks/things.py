"""Neighbours among artists, in one process: ``python -m tests.benchmarks.things``.

The catalogue is that of ``tests.benchmarks.lookups``, ten tracks an artist; ``--items 1000000`` has the hundred
thousand artists that are promised, ``--home`` keeps it for the next run. Prints what reading all memberships costs, and
how long questions take.
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain import filters
from audiofeat.domain.items import Kind
from audiofeat.domain.lookups import ItemSeed, Rules, ThingSeed
from audiofeat.domain.things import ThingKind, thing
from audiofeat.services import lookup
from audiofeat.services.held_things import HeldThings
from tests.benchmarks.lookups import fill

_BATCH = 50_000
_PER_ARTIST = 10
_QUESTIONS = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audiofeat-things-") as folder:
        services = Services(load_settings(home=options.home or Path(folder) / "home"))
        ids = fill(services, options.items, per_artist=_PER_ARTIST)
        artists = belong(services.home / "catalogue.sqlite3")
        held = HeldThings(services.catalogue).current(ThingKind.ARTIST, services.indexes.current(Kind.TRACK))
        megabytes = held.vectors.nbytes / 1e6
        print(
            f"{options.items:,} items, {artists:,} artists: all read in {held.cost_s:.2f} s, held in {megabytes:.0f} MB"
        )
        names = [f"artist {n}" for n in np.random.default_rng(3).integers(0, artists, _QUESTIONS)]
        rare = Rules(conditions=filters.parse(["label=label 7"]))
        of = ThingKind.ARTIST
        services.things.nearest([ThingSeed(of, names[0])], of, Rules())
        timed("artists near an artist", lambda n: services.things.nearest([ThingSeed(of, names[n])], of, Rules()))
        timed("artists near a track", lambda n: services.things.nearest([ItemSeed(ids[n])], of, Rules()))
        timed("artists near one, of a label", lambda n: services.things.nearest([ThingSeed(of, names[n])], of, rare))
        timed(
            "tracks near an artist",
            lambda n: lookup.answer(
                [ThingSeed(of, names[n])], catalogue=services.catalogue, indexes=services.indexes, rules=Rules()
            ),
        )
    return 0


def belong(database: Path) -> int:
    """Have every item belong to its artist, where none does yet; return how many artists there are."""
    with sqlite3.connect(database) as connection:
        if connection.execute("SELECT count(*) FROM things").fetchone()[0] == 0:
            rows = connection.execute("SELECT artist, item_id FROM attributes ORDER BY artist").fetchall()
            known = {name: thing(ThingKind.ARTIST, name) for name, _ in rows}
            connection.executemany(
                "INSERT INTO things (thing_id, kind, key, name) VALUES (?, 'artist', ?, ?)",
                ((one.thing_id, one.key, one.name) for one in known.values()),
            )
            for first in range(0, len(rows), _BATCH):
                page = ((known[name].thing_id, item_id) for name, item_id in rows[first : first + _BATCH])
                connection.executemany(
                    "INSERT INTO thing_items (thing_id, item_id, role) VALUES (?, ?, 'main')", page
                )  # fmt: skip
            connection.commit()
            connection.execute("ANALYZE")
        return int(connection.execute("SELECT count(*) FROM things").fetchone()[0])


def timed(name: str, ask: Callable[[int], object]) -> None:
    """Ask one question after the other, and print the median and the longest."""
    took = []
    for number in range(_QUESTIONS):
        began = time.perf_counter()
        ask(number)
        took.append(1000 * (time.perf_counter() - began))
    print(f"{name}: median {np.median(took):.1f} ms, most {max(took):.1f} ms", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
