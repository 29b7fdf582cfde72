"""``audiofeat sync``: beside events, broken off, killed, and when it must not believe what it sees."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.items import ObjectVersion
from audiofeat.domain.jobs import JobState, Lane, Registration
from audiofeat.domain.object_events import Happened, ObjectEvent
from audiofeat.errors import AccessDenied, NoAudioFound, StoreUnavailable
from audiofeat.ports import ObjectStore, StoredObject
from audiofeat.services.sync import Found, Sync
from audiofeat.storage.directory import DirectoryStore
from commands import SAMPLES, wait_until

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[SqlCatalogue]:
    opened = open_catalogue(f"sqlite:///{tmp_path}/ledger.sqlite3")
    yield opened
    opened.close()


def run(store: ObjectStore, catalogue: SqlCatalogue, prefix: str = "", **options: Any) -> Found:
    return Sync(store, prefix, catalogue).run(**options)


def visible(catalogue: SqlCatalogue) -> dict[str, str]:
    """Return key and newest version of each item that is found."""
    newest = {job.item_id: catalogue.job(job.job_id) for job in reversed(catalogue.jobs(limit=1000))}
    return {item.key: newest[item.item_id].state for item in catalogue.items(limit=1000)}


def test_creations_changes_and_deletions_are_found(store: ObjectStore, catalogue: SqlCatalogue) -> None:
    """What the ledger missed is mended, what it knew is left alone, and a second pass finds nothing."""
    for key in ("a.wav", "b/changes.mp3", "b/stays.mp3", "gone.wav", "cover.jpg"):
        store.put(key, key.encode())
    assert run(store, catalogue) == Found(looked_at=5, created=4, left_out=1)
    store.put("b/changes.mp3", b"other bytes")
    store.put("c.wav", b"new")
    store.delete("gone.wav")
    assert run(store, catalogue) == Found(looked_at=6, created=1, changed=1, gone=1, unchanged=2, left_out=1)
    assert set(visible(catalogue)) == {"a.wav", "b/changes.mp3", "b/stays.mp3", "c.wav"}
    # What is gone is known to be gone.
    assert run(store, catalogue) == Found(looked_at=6, unchanged=5, left_out=1)
    store.put("gone.wav", b"gone.wav")
    assert run(store, catalogue).changed == 1
    assert "gone.wav" in visible(catalogue)


def test_a_prefix_is_a_place_of_its_own(store: ObjectStore, catalogue: SqlCatalogue) -> None:
    """Nothing beside the place is looked at, neither in the store nor in the ledger."""
    for key in ("a/1.wav", "a-1.wav", "a0.wav", "b.wav"):
        store.put(key, b"x")
    run(store, catalogue)
    for key in ("a/1.wav", "a-1.wav", "a0.wav"):
        store.delete(key)
    store.put("a/2.wav", b"x")
    assert run(store, catalogue, "a") == Found(looked_at=2, created=1, gone=1)
    assert set(visible(catalogue)) == {"a/2.wav", "a-1.wav", "a0.wav", "b.wav"}


def test_a_wholly_empty_place_is_not_believed(store: ObjectStore, catalogue: SqlCatalogue) -> None:
    """A disk that is not mounted looks empty: somebody has to say that this is meant."""
    assert run(store, catalogue) == Found()
    store.put("a.wav", b"x")
    run(store, catalogue)
    store.delete("a.wav")
    with pytest.raises(NoAudioFound, match="--empty-is-meant"):
        run(store, catalogue)
    assert set(visible(catalogue)) == {"a.wav"}
    assert run(store, catalogue, empty_is_meant=True).gone == 1
    assert run(store, catalogue) == Found(looked_at=1, unchanged=1)


@dataclass
class Troubled:
    """A store whose listing is interrupted after some objects, or goes wrong for one key."""

    store: ObjectStore
    breaks_after: int | None = None
    meanwhile: Callable[[str], None] | None = None
    denied: str | None = None

    @property
    def name(self) -> str:
        return self.store.name

    def list(self, prefix: str = "", *, after: str | None = None) -> Iterator[StoredObject]:
        for number, found in enumerate(self.store.list(prefix, after=after)):
            if number == self.breaks_after:
                raise StoreUnavailable("the listing broke off")
            if self.meanwhile:
                self.meanwhile(found.key)
            yield found

    def head(self, key: str) -> StoredObject:
        if key == self.denied:
            raise AccessDenied(f"{key}: 403")
        return self.store.head(key)


def trouble(store: ObjectStore, **troubles: Any) -> Any:
    return Troubled(store, **troubles)


@pytest.fixture
def folder(tmp_path: Path) -> DirectoryStore:
    (tmp_path / "folder").mkdir()
    return DirectoryStore(tmp_path / "folder")


def test_a_listing_that_fails_deletes_nothing(folder: DirectoryStore, catalogue: SqlCatalogue) -> None:
    """What lies behind the last key that was listed is left as it was."""
    for n in range(6):
        folder.put(f"{n}.wav", b"x")
    run(folder, catalogue)
    for n in (4, 5):
        folder.delete(f"{n}.wav")
    with pytest.raises(StoreUnavailable):
        run(trouble(folder, breaks_after=3), catalogue)
    assert len(visible(catalogue)) == 6
    assert run(folder, catalogue).gone == 2


def test_what_the_store_does_not_tell_is_not_gone(folder: DirectoryStore, catalogue: SqlCatalogue) -> None:
    """A key that is missing from the listing counts as gone only where the store says so of that key."""
    for key in ("a.wav", "b.wav", "c.wav"):
        folder.put(key, b"x")
    run(folder, catalogue)
    for key in ("a.wav", "b.wav"):
        folder.delete(key)
    found = run(trouble(folder, denied="b.wav"), catalogue)
    assert (found.gone, found.failed, found.unchanged) == (1, 1, 1)
    assert set(visible(catalogue)) == {"b.wav", "c.wav"}


def test_events_that_come_meanwhile_win(folder: DirectoryStore, catalogue: SqlCatalogue) -> None:
    """An object that is uploaded, overwritten or deleted while the pass runs is left to its event."""
    for key in ("a.wav", "b.wav", "c.wav", "z.wav"):
        folder.put(key, b"x")
    run(folder, catalogue)
    folder.put("b.wav", b"second")
    folder.delete("c.wav")

    def tell(happened: Happened, key: str, number: int) -> None:
        version = folder.head(key).version if happened is Happened.CREATED else None
        catalogue.take_events(
            [ObjectEvent(folder.name, key, happened, LONG_AGO, f"{number:04x}", version)], lane=Lane.COLD
        )

    def meanwhile(key: str) -> None:
        if key == "z.wav":
            folder.put("b.wav", b"third!")
            tell(Happened.CREATED, "b.wav", 1)
            folder.put("c.wav", b"again")
            tell(Happened.CREATED, "c.wav", 1)
            folder.delete("a.wav")
            tell(Happened.DELETED, "a.wav", 1)

    found = run(trouble(folder, meanwhile=meanwhile), catalogue)
    assert found == Found(looked_at=4, unchanged=2, overtaken=2)
    known = {one.key: one.version for one in catalogue.known_objects(folder.name, "", after=None, limit=10)}
    assert known["a.wav"] is None
    assert {key: known[key] for key in ("b.wav", "c.wav")} == {
        key: folder.head(key).version for key in ("b.wav", "c.wav")
    }
    assert run(folder, catalogue) == Found(looked_at=4, unchanged=4)


@dataclass
class Endless:
    """A listing of very many keys, made as it is read."""

    count: int
    name: str = "s3/endless"

    def list(self, prefix: str = "", *, after: str | None = None) -> Iterator[StoredObject]:
        assert not prefix
        for n in range(self.count):
            key = f"{n:09}.wav"
            if after is None or key > after:
                yield StoredObject(key, 1, "etag", LONG_AGO)

    def head(self, key: str) -> StoredObject:
        return StoredObject(key, 1, "etag", LONG_AGO)


def test_memory_does_not_grow_with_the_store(catalogue: SqlCatalogue) -> None:
    """Ten times the keys need no more memory: neither the listing nor the ledger is ever held whole."""

    def peak_bytes(count: int) -> int:
        catalogue.register([Registration(ObjectVersion("s3/endless", f"{n:09}.wav", "etag")) for n in range(count)])
        tracemalloc.start()
        found = run(Endless(count), catalogue)  # type: ignore[arg-type]  # lists, and no more
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found == Found(looked_at=count, unchanged=count)
        return peak

    few, many = peak_bytes(2_000), peak_bytes(20_000)
    assert many < 1.5 * few


def test_a_pass_that_was_killed_goes_on(tmp_path: Path) -> None:
    """After a kill -9 in the middle the next pass begins behind the last page, and the counts are those of one pass."""
    home, root = tmp_path / "home", tmp_path / "root"
    root.mkdir()
    for n in range(5_000):
        (root / f"{n:04}.wav").touch()
    environment = {**os.environ, "AUDIOFEAT_HOME": str(home)}
    command = [sys.executable, "-m", "audiofeat", "sync", str(root), "--json"]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)

    def cursor() -> Any:
        if not (home / "catalogue.sqlite3").exists():
            return None
        ledger = open_catalogue(f"sqlite:///{home}/catalogue.sqlite3")
        progress = ledger.sync_progress(f"file:{root}", "")
        ledger.close()
        return progress

    wait_until(lambda: running.poll() is not None or cursor() is not None)
    running.send_signal(signal.SIGKILL)
    running.wait()
    progress = cursor()
    assert progress is not None, "the pass was over before it could be killed"
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert f"going on behind {progress.cursor}" in ended.stderr
    told = json.loads(ended.stdout)
    assert told["looked_at"] == 5_000
    # What was registered after the last cursor was written is found again as known.
    assert told["created"] + told["unchanged"] == 5_000
    ledger = open_catalogue(f"sqlite:///{home}/catalogue.sqlite3")
    assert ledger.states() == {JobState.QUEUED: 5_000}
    ledger.close()


def test_the_command_tells_what_it_found(tmp_path: Path) -> None:
    """One line for people, one object for programs, 1 where the place does not exist."""
    root = tmp_path / "root"
    root.mkdir()
    shutil.copy(SAMPLES / "audio" / "pad_slow_tide.ogg", root / "a.ogg")
    environment = {**os.environ, "AUDIOFEAT_HOME": str(tmp_path / "home")}

    def sync(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "audiofeat", "sync", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    first = sync(str(root))
    assert (first.returncode, first.stdout) == (0, "1 keys: 1 created\n")
    assert "audiofeat up" in first.stderr
    again = sync(str(root), "--json")
    assert json.loads(again.stdout)["unchanged"] == 1
    (root / "a.ogg").unlink()
    empty = sync(str(root))
    assert empty.returncode == 2
    assert "--empty-is-meant" in empty.stderr
    assert sync(str(root), "--empty-is-meant").stdout == "1 keys: 1 gone\n"
    assert sync(str(tmp_path / "none")).returncode == 2
