"""How fast dumps are read, and matched with a catalogue: ``python -m tests.benchmarks.dumps``.

Dumps of generated recordings (MusicBrainz, ``.tar.xz``) and releases (Discogs, ``.xml.gz``) are read alone, and the
first is imported into a ledger on SQLite, of which it tells a tenth. Memory is the peak of the whole process.
"""

import argparse
import gzip
import io
import json
import random
import resource
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from audiofeat.catalogue import open_catalogue
from audiofeat.metadata_sources.deliveries import open_delivery
from audiofeat.services.import_metadata import bring_up_to_date, take_in
from tests.benchmarks.merging import fill

PROMISED_BYTES = 2_000_000_000
_SYLLABLES = [a + b for a in "bcdfghklmnprstvz" for b in "aeiou"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; fail where the promised memory is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=20_000)
    parser.add_argument("--items", type=int, default=2_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audiofeat-dumps-") as name:
        folder = Path(name)
        recordings = _archive(folder / "recording.tar.xz", options.recordings, options.items)
        for path in (recordings, _releases(folder / "releases.xml.gz", options.recordings // 10)):
            began = time.perf_counter()
            count = sum(1 for _ in open_delivery(path, name=None, licence=None, fetched_at=1.0).fetch(()))
            took = time.perf_counter() - began
            print(f"{path.name}: {count} records read in {took:.1f} s, {count / took:,.0f}/s")
        catalogue = open_catalogue(f"sqlite:///{folder}/catalogue.sqlite3")
        fill(catalogue, options.items)
        bring_up_to_date(catalogue)
        began = time.perf_counter()
        done = take_in(catalogue, open_delivery(recordings, name=None, licence=None, fetched_at=1.0))
        took = time.perf_counter() - began
        catalogue.close()
    states = {state.value: count for state, count in done.states.items()}
    print(f"imported into {options.items} items in {took:.1f} s, {done.records / took:,.0f}/s: {states}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"peak memory {peak / 1e6:.0f} MB, {PROMISED_BYTES / 1e9:.0f} GB are promised")
    return 0 if peak <= PROMISED_BYTES else 1


def _archive(path: Path, count: int, items: int) -> Path:
    content = b"".join(_recording(number, items) for number in range(count))
    with tarfile.open(path, "w:xz", preset=1) as archive:
        member = tarfile.TarInfo("mbdump/recording")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return path


def _recording(number: int, items: int) -> bytes:
    """Return a recording: every tenth item of the ledger, then strangers."""
    item = number * 10
    is_known = item < items
    title, artist = (
        (f"Evening Song {item}", f"Anna Example {item // 9}") if is_known else (_name(number), _name(~number))
    )
    said = {
        "id": f"{number:08x}-0000-4000-8000-000000000000", "title": title, "length": 180_000, "disambiguation": "",
        "isrcs": [f"GBAYE{item % 10_000_000:07}" if is_known else f"USRC1{number:07}"], "relations": [], "tags": [],
        "artist-credit": [{"name": artist, "joinphrase": "", "artist": {"id": str(number), "name": artist}}],
    }  # fmt: skip
    return json.dumps(said).encode() + b"\n"


def _name(number: int) -> str:
    words = random.Random(number)
    return " ".join("".join(words.choices(_SYLLABLES, k=words.randint(2, 4))).title() for _ in range(2))


def _releases(path: Path, count: int) -> Path:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"<releases>")
        file.writelines(_release(number) for number in range(count))
        file.write(b"</releases>")
    return path


def _release(number: int) -> bytes:
    def tracks() -> Iterator[str]:
        for place in range(1, 11):
            yield f"<track><position>{place}</position><title>{number}-{place}</title><duration>3:20</duration></track>"

    return (
        f'<release id="{number}" status="Accepted"><artists><artist><id>1</id><name>Anna Example {number}</name><anv/>'
        f'<join/></artist></artists><title>Album {number}</title><labels><label name="Harbour" catno="H"/></labels>'
        f"<genres><genre>Electronic</genre></genres><country>UK</country><released>1999-03-00</released>"
        f"<tracklist>{''.join(tracks())}</tracklist></release>"
    ).encode()


if __name__ == "__main__":
    raise SystemExit(main())
