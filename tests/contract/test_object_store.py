"""What every object store promises, asked of moto, of a Ceph gateway and of a folder, and what each adds."""

import fcntl
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from audiofeat.errors import (
    AccessDenied,
    AudiofeatError,
    InvalidInput,
    ObjectChanged,
    ObjectMissing,
    ObjectTooLarge,
    PointerMoved,
    SourceNotFound,
    StoreUnavailable,
)
from audiofeat.ports import ObjectStore
from audiofeat.storage.directory import DirectoryStore
from audiofeat.storage.location import Location, parse_location
from audiofeat.storage.s3 import S3Store
from audiofeat.storage.s3_connection import S3Connection
from audiofeat.storage.stores import Stores

ODD_KEYS = [
    "-rf.wav",
    "a b  c.wav",
    'it\'s "quoted".wav',
    "日本語/Ärger ñ.flac",
    "100%/50%25+off&x=y?z#t.mp3",
    "back\\slash*[x].ogg",
    "~/$HOME.wav",
    "a/b/c/d/e/f/g.wav",
]


class TestEveryStore:
    """One contract, two implementations."""

    def test_bytes_come_back(self, store: ObjectStore, tmp_path: Path) -> None:
        """What was put is fetched, hashed, measured and versioned alike by every verb."""
        body = os.urandom(3_000_001)
        version = store.put("a/b.bin", body)
        fetched = store.fetch("a/b.bin", tmp_path / "copy", version=version)
        assert (tmp_path / "copy").read_bytes() == body
        assert (fetched.path, fetched.size_bytes) == (tmp_path / "copy", len(body))
        assert fetched.sha256 == hashlib.sha256(body).hexdigest()
        assert store.get("a/b.bin") == (body, version)
        head = store.head("a/b.bin")
        assert (head.key, head.size_bytes, head.version) == ("a/b.bin", len(body), version)
        assert list(store.list()) == [head]

    def test_modification_time_is_aware_and_recent(self, store: ObjectStore) -> None:
        """Times carry their zone."""
        store.put("a", b"x")
        assert abs(store.head("a").modified_at - datetime.now(UTC)) < timedelta(minutes=1)

    def test_a_file_is_put_like_bytes(self, store: ObjectStore, tmp_path: Path) -> None:
        """A body may be a path."""
        (tmp_path / "body").write_bytes(b"from a file")
        store.put("a", tmp_path / "body")
        store.put_if_absent("b", tmp_path / "body")
        assert store.get("a")[0] == store.get("b")[0] == b"from a file"

    def test_an_empty_object_is_an_object(self, store: ObjectStore, tmp_path: Path) -> None:
        """No bytes are no error."""
        store.put("empty", b"")
        assert store.fetch("empty", tmp_path / "copy").size_bytes == 0
        assert [found.key for found in store.list()] == ["empty"]

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_odd_keys(self, store: ObjectStore, tmp_path: Path, key: str) -> None:
        """Keys are text, not shell words, patterns or URLs."""
        version = store.put(key, b"odd")
        assert [found.key for found in store.list()] == [key]
        assert [found.key for found in store.list(key)] == [key]
        assert store.head(key).version == version
        assert store.fetch(key, tmp_path / "copy", version=version).size_bytes == 3
        store.delete(key)
        assert list(store.list()) == []

    def test_list_is_in_key_order_and_by_whole_parts(self, store: ObjectStore) -> None:
        """A prefix means an object or what is below it, never a sibling that begins alike."""
        keys = ["a", "ab/1", "b-1/x", "b.x", "b/1", "b/2/3", "b0", "é", "\U0001f3b5"]
        for key in reversed(keys):
            store.put(key, key.encode())
        assert [found.key for found in store.list()] == keys
        assert [found.key for found in store.list("b")] == ["b/1", "b/2/3"]
        assert [found.key for found in store.list("b/")] == ["b/1", "b/2/3"]
        assert [found.key for found in store.list("a")] == ["a"]
        assert [found.key for found in store.list("b.x")] == ["b.x"]
        assert list(store.list("nothing/here")) == []

    def test_missing_objects(self, store: ObjectStore, tmp_path: Path) -> None:
        """A key that is not there is ObjectMissing for readers, and nothing for delete."""
        store.put("a/b", b"x")
        for key in ("none", "a", "a/b/c"):
            for read in (store.head, store.get, lambda key: store.fetch(key, tmp_path / "copy")):
                with pytest.raises(ObjectMissing):
                    read(key)
            store.delete(key)
        assert store.get("a/b")[0] == b"x"
        assert not (tmp_path / "copy").exists()

    def test_another_version_is_refused(self, store: ObjectStore, tmp_path: Path) -> None:
        """An overwritten object is ObjectChanged for who asked for the old version, and leaves no file."""
        old = store.put("a", b"old!")
        new = store.put("a", b"new!")
        assert old != new
        with pytest.raises(ObjectChanged):
            store.fetch("a", tmp_path / "copy", version=old)
        assert not (tmp_path / "copy").exists()
        assert store.fetch("a", tmp_path / "copy", version=new).size_bytes == 4

    def test_too_large_is_refused(self, store: ObjectStore, tmp_path: Path) -> None:
        """The limit is inclusive and leaves no file behind."""
        store.put("a", b"12345")
        with pytest.raises(ObjectTooLarge):
            store.fetch("a", tmp_path / "copy", max_bytes=4)
        assert not (tmp_path / "copy").exists()
        assert store.fetch("a", tmp_path / "copy", max_bytes=5).size_bytes == 5

    def test_a_taken_target_is_left_alone(self, store: ObjectStore, tmp_path: Path) -> None:
        """A fetch never writes over a file."""
        store.put("a", b"x")
        (tmp_path / "copy").write_bytes(b"mine")
        with pytest.raises(FileExistsError):
            store.fetch("a", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == b"mine"

    def test_swap_wants_the_version(self, store: ObjectStore) -> None:
        """A pointer moves from the version that was read, and only from it."""
        first = store.put_if_absent("pointer", b"1")
        second = store.swap("pointer", b"2", version=first)
        for stale in (first, "0-0"):
            with pytest.raises(PointerMoved):
                store.swap("pointer", b"3", version=stale)
        assert store.get("pointer") == (b"2", second)
        with pytest.raises((PointerMoved, ObjectMissing)):
            store.swap("other", b"3", version=first)

    def test_put_if_absent_leaves_what_is_there(self, store: ObjectStore) -> None:
        """The second writer is told."""
        version = store.put_if_absent("a", b"1")
        with pytest.raises(PointerMoved):
            store.put_if_absent("a", b"2")
        assert store.get("a") == (b"1", version)

    def test_one_writer_creates(self, store: ObjectStore) -> None:
        """Of many that create a key at once, one wins, and its bytes are the ones that stay."""
        winners = _race(8, lambda n: store.put_if_absent("a", f"{n}".encode() * 100_000))
        assert len(winners) == 1
        assert store.get("a")[0] == f"{winners[0]}".encode() * 100_000

    def test_one_writer_swaps(self, store: ObjectStore) -> None:
        """Of many that swap the same version at once, one wins, though their bodies are equally long."""
        for turn in range(5):
            version = store.put("pointer", b"start")
            winners = _race(8, partial(_swap_turn, store, version))
            assert len(winners) == 1, turn
            assert store.get("pointer")[0] == f"turn{winners[0]}".encode()

    def test_readers_never_see_half(self, store: ObjectStore) -> None:
        """While an object is replaced over and over, each read is one whole version."""
        bodies = [bytes([n]) * 300_000 for n in range(4)]
        store.put("a", bodies[0])
        ended = threading.Event()

        def write() -> None:
            for _ in range(5):
                for body in bodies:
                    store.put("a", body)
            ended.set()

        with ThreadPoolExecutor() as pool:
            writing = pool.submit(write)
            while not ended.is_set() and not writing.done():
                assert store.get("a")[0] in bodies
            writing.result()

    def test_a_listing_begins_behind_a_key(self, store: ObjectStore) -> None:
        """A walk that was broken off goes on where it was, whether that key is still there or not."""
        keys = ["a", "a-1", "b", "b/1", "b/2/3", "b/2/4", "b0", "é", "\U0001f3b5"]
        for key in keys:
            if key != "b":  # a folder holds no file of its own name
                store.put(key, b"x")
        for after in [*keys, "", "b/", "b/2/", "b/2/3x", "zzz"]:
            left = [key for key in keys if key > after and key != "b"]
            assert [found.key for found in store.list(after=after)] == left, after
            below = [key for key in left if key.startswith("b/")]
            assert [found.key for found in store.list("b", after=after)] == below, after
            assert [found.key for found in store.list("b/", after=after)] == below, after
        assert list(store.list("a", after="a")) == []
        assert [found.key for found in store.list("a", after="")] == ["a"]

    def test_a_large_object_is_streamed(self, store: ObjectStore, tmp_path: Path) -> None:
        """A fetch needs memory for blocks, not for the object."""
        size = 96 * 2**20
        with (tmp_path / "large").open("wb") as file:
            file.truncate(size)
        store.put("large", tmp_path / "large")
        grown = subprocess.run(
            [
                sys.executable,
                "-c",
                _FETCH_AND_WEIGH,
                store.name,
                str(tmp_path / "copy"),
                *_told(store),
            ],
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        ).stdout
        assert (tmp_path / "copy").stat().st_size == size
        assert int(grown) < 24 * 1024


_FETCH_AND_WEIGH = """
import resource, sys
from pathlib import Path
from audiofeat.storage.s3_connection import S3Connection
from audiofeat.storage.stores import Stores
name, copy, endpoint, region, key, secret = sys.argv[1:]
connection = S3Connection(endpoint_url=endpoint, region=region, access_key_id=key, secret_access_key=secret)
store = Stores(connection=connection).named(name)
store.head("large")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.fetch("large", Path(copy))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def _told(store: ObjectStore) -> list[str]:
    """Return how a store's server is reached."""
    connection = store._client._connection if isinstance(store, S3Store) else S3Connection()
    told = (connection.endpoint_url, connection.region, connection.access_key_id, connection.secret_access_key)
    return [part or "" for part in told]


def _swap_turn(store: ObjectStore, version: str, number: int) -> None:
    store.swap("pointer", f"turn{number}".encode(), version=version)


def _race(contenders: int, write: Callable[[int], object]) -> list[int]:
    """Let that many threads write at once; return those that were not told PointerMoved."""
    barrier = threading.Barrier(contenders)

    def contend(number: int) -> int | None:
        barrier.wait()
        try:
            write(number)
        except PointerMoved:
            return None
        return number

    with ThreadPoolExecutor(contenders) as pool:
        return [number for number in pool.map(contend, range(contenders)) if number is not None]


class TestDirectory:
    """What only a folder has to withstand."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        (tmp_path / "root").mkdir()
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "secret").write_bytes(b"secret")
        return tmp_path / "root"

    @pytest.mark.parametrize(
        "key", ["../outside/secret", "a/../../outside/secret", "/etc/passwd", "", ".", "a//b", "a\0"]
    )
    def test_keys_that_are_not_below_the_root(self, root: Path, tmp_path: Path, key: str) -> None:
        """No verb follows a key out of the folder."""
        store = DirectoryStore(root)
        for act in (
            store.head,
            store.get,
            store.delete,
            lambda key: store.fetch(key, tmp_path / "copy"),
            lambda key: store.put(key, b"x"),
            lambda key: store.put_if_absent(key, b"x"),
            lambda key: store.swap(key, b"x", version="6-0"),
        ):
            with pytest.raises(AccessDenied):
                act(key)
        assert (tmp_path / "outside" / "secret").read_bytes() == b"secret"

    def test_links_out_of_the_root(self, root: Path, tmp_path: Path) -> None:
        """A link to a file or a folder outside is neither listed, read nor written through."""
        (root / "file").symlink_to(tmp_path / "outside" / "secret")
        (root / "folder").symlink_to(tmp_path / "outside")
        (root / "loop").symlink_to(root / "loop")
        store = DirectoryStore(root)
        assert list(store.list()) == []
        for key in ("file", "folder/secret"):
            with pytest.raises(AccessDenied):
                store.get(key)
            with pytest.raises(AccessDenied):
                store.put(key, b"x")
        with pytest.raises(ObjectMissing):
            store.get("loop")
        assert (tmp_path / "outside" / "secret").read_bytes() == b"secret"

    def test_a_link_inside_the_root_is_an_object(self, root: Path) -> None:
        """Links that stay inside are as good as files."""
        (root / "real.wav").write_bytes(b"x")
        (root / "also.wav").symlink_to("real.wav")
        assert [found.key for found in DirectoryStore(root).list()] == ["also.wav", "real.wav"]

    def test_what_is_no_audio_file_is_not_listed(self, root: Path) -> None:
        """Hidden files, named pipes and names that are not UTF-8 are left out, and a pipe holds nobody up."""
        (root / ".hidden").write_bytes(b"x")
        (root / ".folder").mkdir()
        (root / ".folder" / "a").write_bytes(b"x")
        (root / "a.wav").write_bytes(b"x")
        os.mkfifo(root / "pipe")
        Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.wav")).write_bytes(b"x")
        store = DirectoryStore(root)
        assert [found.key for found in store.list()] == ["a.wav"]
        with pytest.raises(ObjectMissing):
            store.get("pipe")

    def test_a_missing_root_is_no_empty_store(self, tmp_path: Path) -> None:
        """An unmounted disk is told from an empty folder, and is not written into."""
        store = DirectoryStore(tmp_path / "none")
        for act in (lambda: list(store.list()), lambda: store.put("a", b"x"), lambda: store.get("a")):
            with pytest.raises(SourceNotFound):
                act()
        assert not (tmp_path / "none").exists()

    def test_a_file_that_is_written_while_it_is_read(self, root: Path, tmp_path: Path) -> None:
        """A copy of something that changed meanwhile is refused and removed."""
        path = root / "a.wav"
        path.write_bytes(bytes(2**20))
        store = DirectoryStore(root)
        ended = threading.Event()

        def overwrite() -> None:
            with path.open("r+b", buffering=0) as file:
                while not ended.is_set():
                    file.seek(0)
                    file.write(os.urandom(4096))

        def fetch_until_refused() -> None:
            for _ in range(200):
                store.fetch("a.wav", tmp_path / "copy").path.unlink()

        with ThreadPoolExecutor() as pool:
            writing = pool.submit(overwrite)
            try:
                with pytest.raises(ObjectChanged):
                    fetch_until_refused()
            finally:
                ended.set()
            writing.result()
        assert not (tmp_path / "copy").exists()

    def test_versions_differ_though_the_clock_stands_still(self, root: Path) -> None:
        """An equally long body that replaces another within a tick, or under a clock set back, is a new version."""
        store = DirectoryStore(root)
        store.put("a", b"1")
        in_an_hour = time.time_ns() + 3_600 * 10**9
        os.utime(root / "a", ns=(in_an_hour, in_an_hour))
        old = store.head("a").version
        new = store.swap("a", b"2", version=old)
        assert (old, new) == (f"1-{in_an_hour}", f"1-{in_an_hour + 1}")

    def test_writers_of_other_programs_wait_their_turn(self, root: Path) -> None:
        """While somebody holds the lock no write takes place, and a read does."""
        store = DirectoryStore(root)
        version = store.put("a", b"1")
        with ThreadPoolExecutor() as pool:
            with (root / ".audiofeat.lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                swap = pool.submit(store.swap, "a", b"2", version=version)
                absent = pool.submit(store.put_if_absent, "b", b"2")
                assert wait([swap, absent], timeout=0.3).done == set()
                assert store.get("a")[0] == b"1"
            swap.result(timeout=60)
            absent.result(timeout=60)

    def test_a_full_disk(self, root: Path) -> None:
        """A write that finds no space is DiskFull, leaves the old object and no draft."""
        store = DirectoryStore(root)
        store.put("a", b"old")
        ended = subprocess.run(
            [sys.executable, "-c", _PUT_UNDER_A_LIMIT, str(root)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert ended.stdout.split() == ["disk_full", "disk_full"]
        assert store.get("a")[0] == b"old"
        assert sorted(path.name for path in root.iterdir()) == [".audiofeat.lock", "a", "large"]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_an_unreadable_file(self, root: Path) -> None:
        """Permissions are AccessDenied."""
        (root / "a").write_bytes(b"x")
        (root / "a").chmod(0)
        with pytest.raises(AccessDenied):
            DirectoryStore(root).get("a")

    def test_the_name_is_the_folder(self, root: Path, tmp_path: Path) -> None:
        """Two ways to one folder are one store."""
        (tmp_path / "link").symlink_to(root)
        assert DirectoryStore(tmp_path / "link").name == DirectoryStore(root).name == f"file:{root}"


# A limit on file sizes is the full disk that a test may make without a file system of its own.
_PUT_UNDER_A_LIMIT = """
import resource, sys
from pathlib import Path
from audiofeat.errors import DiskFull
from audiofeat.storage.directory import DirectoryStore
root = Path(sys.argv[1])
(root / "large").write_bytes(bytes(300_000))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
store = DirectoryStore(root)
for act in (lambda: store.put("a", bytes(200_000)), lambda: store.fetch("large", root / "copy")):
    try:
        act()
    except DiskFull as error:
        print(error.code)
"""


class TestS3:
    """What only a server far away does."""

    @pytest.fixture(params=["moto", "radosgw"])
    def s3_connection(self, request: pytest.FixtureRequest, s3_connection: S3Connection) -> S3Connection:
        """Both servers in turn; buckets and stores are made on the same one."""
        if request.param == "moto":
            return s3_connection
        found: S3Connection = request.getfixturevalue("radosgw_connection")
        return found

    def test_pages_are_followed(self, s3_store: S3Store) -> None:
        """More objects than fit into one answer are all listed, in order."""
        keys = [f"many/{n:04}" for n in range(1003)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda key: s3_store.put(key, b""), keys))
        assert [found.key for found in s3_store.list("many")] == keys

    def test_folder_markers_are_no_objects(self, s3_store: S3Store) -> None:
        """The empty objects by which consoles show folders are left out."""
        s3_store.put("a/", b"")
        s3_store.put("a/b", b"x")
        assert [found.key for found in s3_store.list()] == ["a/b"]

    def test_versions_are_unquoted(self, s3_store: S3Store) -> None:
        """A version is the ETag without its quotes in every answer."""
        version = s3_store.put("a", b"x")
        assert version == hashlib.md5(b"x").hexdigest()  # noqa: S324  an ETag is one
        assert version == s3_store.head("a").version == next(iter(s3_store.list())).version

    def test_a_prefix_is_a_private_corner(self, s3_connection: S3Connection, make_bucket: Callable[[], str]) -> None:
        """A store with a prefix sees and writes nothing but what is below it."""
        bucket = make_bucket()
        whole = S3Store(bucket, connection=s3_connection)
        corner = S3Store(bucket, connection=s3_connection, prefix="own/corner/")
        whole.put("other", b"x")
        corner.put("a", b"1")
        corner.swap("a", b"2", version=corner.head("a").version)
        assert [found.key for found in corner.list()] == ["a"]
        assert [found.key for found in whole.list()] == ["other", "own/corner/a"]
        corner.delete("a")
        assert (whole.name, corner.name) == (f"s3/{bucket}", f"s3/{bucket}/own/corner")

    def test_a_missing_bucket(self, s3_connection: S3Connection) -> None:
        """A bucket that does not exist is told from a key that does not."""
        store = S3Store("no-such-bucket-here", connection=s3_connection)
        for act in (lambda: list(store.list()), lambda: store.get("a"), lambda: store.put("a", b"x")):
            with pytest.raises(SourceNotFound):
                act()

    def test_a_client_is_made_again_after_a_fork(self, s3_store: S3Store) -> None:
        """A forked child talks over sockets of its own."""
        s3_store.put("a", b"x")
        child = os.fork()
        if child == 0:
            parents = s3_store._client._made
            right = s3_store.get("a")[0] == b"x" and s3_store._client._made is not parents
            os._exit(0 if right else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    def test_nobody_listens(self, tmp_path: Path) -> None:
        """An endpoint that cannot be reached is StoreUnavailable, retryable, and within bounded time."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            store = _store_at(taken.getsockname()[1])
            started = time.monotonic()
            with pytest.raises(StoreUnavailable) as caught:
                store.fetch("a", tmp_path / "copy")
        assert time.monotonic() - started < 20
        assert caught.value.retryable
        assert not (tmp_path / "copy").exists()

    def test_nobody_answers(self) -> None:
        """A server that takes the connection and says nothing is given up after the read timeout."""
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            store = _store_at(silent.getsockname()[1])
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                store.get("a")
            assert time.monotonic() - started < 20

    @pytest.mark.parametrize("sent", [0, 1, 700_000])
    def test_a_body_is_cut(self, tmp_path: Path, sent: int) -> None:
        """A connection that ends before the promised length is StoreUnavailable and leaves no file."""
        with _answering(200, bytes(1_000_000), sent=sent) as port:
            with pytest.raises(StoreUnavailable):
                _store_at(port).fetch("a", tmp_path / "copy")
            with pytest.raises(StoreUnavailable):
                _store_at(port).get("a")
        assert not (tmp_path / "copy").exists()

    def test_a_body_stalls(self, tmp_path: Path) -> None:
        """A body that stops arriving is given up after the read timeout."""
        with _answering(200, bytes(1_000_000), sent=700_000, stall_s=30) as port:
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                _store_at(port).fetch("a", tmp_path / "copy")
            assert time.monotonic() - started < 30
        assert not (tmp_path / "copy").exists()

    def test_a_server_that_ignores_the_condition(self, tmp_path: Path) -> None:
        """An answer with another ETag than was asked for is ObjectChanged."""
        with _answering(200, b"x") as port, pytest.raises(ObjectChanged):
            _store_at(port).fetch("a", tmp_path / "copy", version="another")

    @pytest.mark.parametrize(
        ("status", "code", "expected"),
        [
            (403, "AccessDenied", AccessDenied),
            (403, "InvalidAccessKeyId", AccessDenied),
            (403, "SignatureDoesNotMatch", AccessDenied),
            (401, "Unauthorized", AccessDenied),
            (400, "ExpiredToken", AccessDenied),
            (403, "RequestTimeTooSkewed", StoreUnavailable),
            (404, "NoSuchKey", ObjectMissing),
            (404, "NoSuchBucket", SourceNotFound),
            (412, "PreconditionFailed", ObjectChanged),
            (429, "TooManyRequests", StoreUnavailable),
            (500, "InternalError", StoreUnavailable),
            (503, "SlowDown", StoreUnavailable),
            (400, "KeyTooLongError", InvalidInput),
        ],
    )
    def test_answers_have_a_meaning(
        self, tmp_path: Path, status: int, code: str, expected: type[AudiofeatError]
    ) -> None:
        """Each kind of refusal is one error of ours, which repeats nothing of the answer but its code."""
        body = f"<Error><Code>{code}</Code><Message>canary-4711</Message></Error>".encode()
        with _answering(status, body) as port, pytest.raises(expected) as caught:
            _store_at(port).fetch("a", tmp_path / "copy")
        assert "canary" not in str(caught.value)
        assert "secret-canary" not in str(caught.value)
        assert not (tmp_path / "copy").exists()

    def test_no_credentials(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Without credentials anywhere access is denied, and the message says where to give them."""
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        store = S3Store("bucket", connection=S3Connection(endpoint_url="http://127.0.0.1:9", region="us-east-1"))
        with pytest.raises(AccessDenied, match="AUDIOFEAT_S3_ACCESS_KEY_ID"):
            store.get("a")

    def test_the_secret_is_in_no_repr(self) -> None:
        """A connection that is printed or logged keeps its secret."""
        assert "canary" not in repr(S3Connection(access_key_id="id", secret_access_key="secret-canary"))


class TestRadosgw:
    """What only a server that looks at claims can refuse."""

    @pytest.mark.parametrize("wrong", [{"secret_access_key": "wrong"}, {"access_key_id": "nobody"}])
    def test_wrong_credentials(
        self, radosgw_connection: S3Connection, make_radosgw_bucket: Callable[[], str], wrong: dict[str, str]
    ) -> None:
        """A signature with another secret, and one of a stranger, are AccessDenied for every verb."""
        bucket = make_radosgw_bucket()
        S3Store(bucket, connection=radosgw_connection).put("a", b"x")
        store = S3Store(bucket, connection=replace(radosgw_connection, **wrong))
        for act in (lambda: list(store.list()), lambda: store.head("a"), lambda: store.put("a", b"y")):
            with pytest.raises(AccessDenied) as caught:
                act()
            assert radosgw_connection.secret_access_key not in str(caught.value)
        assert S3Store(bucket, connection=radosgw_connection).get("a")[0] == b"x"

    def test_versions_are_those_of_the_bytes_that_were_sent(
        self, radosgw_connection: S3Connection, make_radosgw_bucket: Callable[[], str], tmp_path: Path
    ) -> None:
        """A condition holds for the ETag without its quotes, also for one of an upload in parts."""
        store = S3Store(make_radosgw_bucket(), connection=radosgw_connection)
        client, bucket = store._s3(), store.name.partition("/")[2]
        upload = client.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
        sent = client.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x" * 1000)
        parts = {"Parts": [{"ETag": sent["ETag"], "PartNumber": 1}]}
        client.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=parts)
        version = store.head("parts").version
        assert version.endswith("-1")
        assert store.fetch("parts", tmp_path / "copy", version=version).size_bytes == 1000
        with pytest.raises(ObjectChanged):
            store.fetch("parts", tmp_path / "other", version=version.replace("-1", "-2"))


class TestStores:
    """From names and locations to stores."""

    def test_a_location_and_its_store_name_agree(self, s3_connection: S3Connection, tmp_path: Path) -> None:
        """What a job carries as its store opens the same store again, without endpoint or port in the name."""
        stores = Stores(connection=s3_connection, s3_store_name="media")
        bucket = stores.at(parse_location("s3://demo/a/b"))
        assert bucket.name == "media/demo"
        assert stores.named("media/demo") is bucket
        folder = stores.at(parse_location(str(tmp_path)))
        assert stores.named(folder.name) is folder

    def test_buckets_outside_the_list(self, s3_connection: S3Connection) -> None:
        """Only allowed buckets open, by location and by name; audiofeat's own store is free of it."""
        stores = Stores(connection=s3_connection, allowed_buckets=("demo",))
        stores.at(Location(bucket="demo"))
        with pytest.raises(AccessDenied, match="AUDIOFEAT_ALLOWED_BUCKETS"):
            stores.at(Location(bucket="other"))
        with pytest.raises(AccessDenied):
            stores.named("s3/other")
        assert stores.own(Location(bucket="other", prefix="curves")).name == "s3/other/curves"

    @pytest.mark.parametrize("name", ["", "s3", "s3/", "s3/a/b", "other/demo", "file:relative", "http://x/y"])
    def test_unknown_names(self, s3_connection: S3Connection, name: str) -> None:
        """A name that no store here has is SourceNotFound."""
        with pytest.raises(SourceNotFound):
            Stores(connection=s3_connection).named(name)

    def test_many_buckets_share_one_client(self, s3_connection: S3Connection) -> None:
        """However many buckets requests name, they cost no client each, and their names do not pile up."""
        stores = Stores(connection=s3_connection)
        first, second = (stores.named(f"s3/bucket-{n}") for n in range(2))
        assert isinstance(first, S3Store)
        assert isinstance(second, S3Store)
        assert first._s3() is second._s3()
        for n in range(3_000):
            stores.named(f"s3/bucket-{n}")
        assert len(stores._opened) <= 1_000

    def test_own_folder_is_made(self, s3_connection: S3Connection, tmp_path: Path) -> None:
        """The artefact folder exists after its first opening."""
        Stores(connection=s3_connection).own(Location(folder=tmp_path / "a" / "b")).put("c", b"x")
        assert (tmp_path / "a" / "b" / "c").read_bytes() == b"x"

    def test_a_file_is_its_folder_and_key(self, s3_connection: S3Connection, tmp_path: Path) -> None:
        """A path to one file lists that file and no sibling."""
        for name in ("a.wav", "a.wav.bak"):
            (tmp_path / name).write_bytes(b"x")
        location = parse_location(str(tmp_path / "a.wav"))
        store = Stores(connection=s3_connection).at(location)
        assert [found.key for found in store.list(location.prefix)] == ["a.wav"]

    @pytest.mark.parametrize(
        "text", ["", "  ", "http://host/x", "file:///etc", "s3://", "s3://B/x", "s3://a_$/x", "a\0b"]
    )
    def test_what_is_no_location(self, text: str) -> None:
        """Other schemes, impossible buckets and nothing at all are invalid input."""
        with pytest.raises(InvalidInput):
            parse_location(text)

    def test_a_local_store_does_not_load_boto3(self, tmp_path: Path) -> None:
        """A run over a folder does not pay for S3."""
        code = (
            "import sys; from pathlib import Path\n"
            "from audiofeat.storage.stores import Stores; from audiofeat.storage.location import parse_location\n"
            "from audiofeat.storage.s3_connection import S3Connection\n"
            "list(Stores(connection=S3Connection()).at(parse_location(sys.argv[1])).list())\n"
            "sys.exit('botocore' in sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)


def _store_at(port: int) -> S3Store:
    connection = S3Connection(
        endpoint_url=f"http://127.0.0.1:{port}",
        region="us-east-1",
        access_key_id="id",
        secret_access_key="secret-canary",
        attempts=2,
        connect_timeout_s=1,
        read_timeout_s=1,
    )
    return S3Store("bucket", connection=connection)


@contextmanager
def _answering(status: int, body: bytes, *, sent: int | None = None, stall_s: float = 0) -> Iterator[int]:
    """Serve one answer to every GET; with ``sent``, end the connection after that many bytes of the body."""
    over = threading.Event()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"etag"')
            self.send_header("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")
            self.end_headers()
            self.wfile.write(body[:sent])
            self.wfile.flush()
            over.wait(stall_s)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
