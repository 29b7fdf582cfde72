"""How fast records are merged anew after a policy has changed: ``make bench``.

A ledger on SQLite holds items with four records of twenty fields each, half of which differ between the sources. A
policy is put in force, and every item merged under it from the ledger, in pages, as ``audiofeat metadata merge`` does:
reading, choosing, the row that lookups filter by, the keys that records are matched by. The first merge of freshly
imported records is the same work. Memory is the peak of the whole process, the filling of the ledger included.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import insert

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.catalogue.attribute_schema import attributes
from audiofeat.catalogue.metadata_schema import source_records
from audiofeat.catalogue.schema import items
from audiofeat.domain.merge_policy import parse
from audiofeat.services.import_metadata import bring_up_to_date

PROMISED_ITEMS, PROMISED_S, PROMISED_BYTES = 1_000_000, 600.0, 2_000_000_000
_SOURCES = ("csv:label", "jsonl:web", "musicbrainz", "tags")
_POLICY = 'version = 1\norder = ["musicbrainz", "*"]\n[fields.genre]\nrule = "vote"\n[fields.explicit]\nrule = "any"\n'
_PAGE = 1_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; fail where the promised rate or memory is not reached."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=5_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audiofeat-merging-") as folder:
        catalogue = open_catalogue(f"sqlite:///{Path(folder)}/catalogue.sqlite3")
        fill(catalogue, options.items)
        catalogue.put_policy(parse(_POLICY))
        began, cpu = time.perf_counter(), time.process_time()
        done = bring_up_to_date(catalogue)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        catalogue.close()
    assert done == options.items
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    whole = took * PROMISED_ITEMS / done
    print(f"{done} items x 4 sources x 20 fields: {took:.1f} s ({cpu:.1f} s of one core), {done / took:.0f} items/s")
    print(f"at that rate {PROMISED_ITEMS:,} items take {whole / 60:.1f} min; peak memory {peak / 1e6:.0f} MB")
    is_kept = whole <= PROMISED_S and peak <= PROMISED_BYTES
    print(f"promised: {PROMISED_S / 60:.0f} min, {PROMISED_BYTES / 1e9:.0f} GB: {'kept' if is_kept else 'NOT kept'}")
    return 0 if is_kept else 1


def fill(catalogue: SqlCatalogue, count: int) -> None:
    """Put items with their records into a ledger, as they are before their first merge."""
    for start in range(0, count, _PAGE):
        page = range(start, min(start + _PAGE, count))
        with catalogue._database.writing() as (connection, now):
            connection.execute(
                insert(items),
                [
                    {"item_id": f"{n:08}", "store": "s3", "key": f"{n}.ogg", "file_name": f"{n}.ogg",
                     "created_at": now, "updated_at": now} for n in page
                ],
            )  # fmt: skip
            connection.execute(
                insert(attributes), [{"item_id": f"{n:08}", "said": "{}", "duration_s": 180.0 + n % 60} for n in page]
            )
            connection.execute(insert(source_records), [_row(n, rank, now) for n in page for rank in range(4)])


def _row(number: int, rank: int, now: float) -> dict[str, object]:
    variant = rank % 2
    said: dict[str, object] = {
        "title": f"Evening Song {number}", "artist": f"Anna Example {number // 9}", "album": f"Album {number // 9}",
        "genre": ["Ambient", "Drone"][variant], "label": f"Harbour {number % 50}",
        "isrc": f"GBAYE{number % 10_000_000:07}", "release_date": f"{1990 + number % 30}-0{1 + variant}-01",
        "language": "en", "country": "GB", "explicit": bool(variant), "duration_s": 180.0 + variant,
        **{f"extra_{n}": f"what source {variant} says of {number}" for n in range(9)},
    }  # fmt: skip
    return {
        "source": _SOURCES[rank], "record_id": f"{number}", "item_id": f"{number:08}", "state": "matched",
        "fields": said, "fetched_at": now, "licence": "CC0-1.0", "rank": 0, "confidence": 0.98, "rule": "isrc",
        "evidence": {},
    }  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
