"""What a question for neighbours in a plug-in model's own space costs: ``python -m tests.benchmarks.model_neighbours``.

A SQLite catalogue of items with vectors of an EffNet's size is made, and one item is asked for twice: the first
question reads every vector out of the ledger, the second those that this host keeps.
"""

import argparse
import resource
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from sqlalchemy import bindparam, create_engine, insert, update

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.catalogue.schema import analyses, audio, items
from audiofeat.domain.items import ObjectVersion
from audiofeat.domain.jobs import Registration
from audiofeat.domain.kept_models import ModelKind
from audiofeat.services.model_neighbours import near

_WIDTH = 1_280
_CHUNK = 500


def fill(catalogue: SqlCatalogue, url: str, count: int) -> None:
    """Register items, and write what the model said of each."""
    rng, engine = np.random.default_rng(1), create_engine(url)
    facts = {"facts": {}, "flags": [], "extractor": {}, "decoded_s": 0.0}
    said = {"group": "model_effnet", "version": 1, "reasons": {}, "seconds": 0.0, "created_at": 0.0}
    of_item = update(items).where(items.c.key == bindparam("named")).values(sha256=bindparam("digest"))
    for start in range(0, count, _CHUNK):
        hashes = {f"{n}.ogg": f"{n:064}" for n in range(start, min(start + _CHUNK, count))}
        catalogue.register([Registration(ObjectVersion("s3/shop", key, "v1", 1)) for key in hashes])
        vectors = rng.normal(size=(len(hashes), _WIDTH))
        rows = [
            {"sha256": digest, "values": {"embeddings": [float(f"{value:.9g}") for value in vector]}, **said}
            for digest, vector in zip(hashes.values(), vectors.tolist(), strict=True)
        ]
        with engine.begin() as connection:
            connection.execute(insert(audio), [{"sha256": digest, **facts} for digest in hashes.values()])
            connection.execute(insert(analyses), rows)
            connection.execute(of_item, [{"named": key, "digest": digest} for key, digest in hashes.items()])
    engine.dispose()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2_000)
    count = parser.parse_args().items
    with tempfile.TemporaryDirectory(prefix="audiofeat-model-") as folder:
        url = f"sqlite:///{Path(folder) / 'catalogue.sqlite3'}"
        catalogue = open_catalogue(url)
        fill(catalogue, url, count)
        catalogue.keep_model("effnet", ModelKind.PLUGIN, {"spec": {"outputs": {"embeddings": _WIDTH}}})
        for what in ("first question", "second question"):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            clock, cpu = perf_counter(), process_time()
            found = near("0.ogg", model="effnet", catalogue=catalogue, folder=Path(folder))
            spent, took = process_time() - cpu, perf_counter() - clock
            more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            print(
                f"{what}, {count:,} items of {_WIDTH:,} values: {spent:.2f} s of processor time, {took:.2f} s by the "
                f"clock, {more / 1024:.0f} MB more; {len(found.neighbours)} found"
            )
        catalogue.close()


if __name__ == "__main__":
    main()
