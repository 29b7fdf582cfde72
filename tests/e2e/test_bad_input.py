"""Whatever is wrong: one message that names the problem and the remedy, the right exit code, no traceback."""

import socket
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from audiofeat.storage.s3_connection import S3Connection
from commands import SAMPLES, Run


def complains(done: subprocess.CompletedProcess[str], code: str, status: int) -> str:
    """Check the form of a complaint, and return it."""
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert f"error [{code}]: " in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error")]) == 1
    return done.stderr


@pytest.fixture
def forbidding_s3() -> Iterator[str]:
    """An S3 endpoint that knows no credentials: every request is answered with 403."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<Error><Code>InvalidAccessKeyId</Code><Message>unknown key</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_PUT = do_GET  # noqa: N815  the names are http.server's

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return the root of a file system of 4 MB; only root can mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("only root may mount a small file system")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def credentials(endpoint: str) -> dict[str, str]:
    return {
        "AUDIOFEAT_S3_ENDPOINT_URL": endpoint,
        "AUDIOFEAT_S3_ACCESS_KEY_ID": "canary-key",
        "AUDIOFEAT_S3_SECRET_ACCESS_KEY": "canary-secret",
    }


def test_missing_folder(audiofeat: Run) -> None:
    """A folder that does not exist is named."""
    assert "nowhere" in complains(audiofeat("ingest", "nowhere"), "source_not_found", 2)


def test_folder_without_audio(audiofeat: Run, tmp_path: Path) -> None:
    """A folder without audio says what counts as audio."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("no sound")
    assert ".flac" in complains(audiofeat("ingest", "notes"), "no_audio_found", 2)


def test_missing_bucket(audiofeat: Run, s3_endpoint: str, s3_connection: S3Connection) -> None:
    """A bucket that does not exist is named."""
    settings = {
        "AUDIOFEAT_S3_ENDPOINT_URL": s3_endpoint,
        "AUDIOFEAT_S3_ACCESS_KEY_ID": str(s3_connection.access_key_id),
        "AUDIOFEAT_S3_SECRET_ACCESS_KEY": str(s3_connection.secret_access_key),
    }
    assert "no-such-bucket" in complains(audiofeat("ingest", "s3://no-such-bucket/", **settings), "source_not_found", 2)


def test_wrong_credentials(audiofeat: Run, forbidding_s3: str) -> None:
    """Refused credentials are told apart from a missing bucket, and are not printed."""
    message = complains(audiofeat("ingest", "s3://music/", **credentials(forbidding_s3)), "access_denied", 1)
    assert "canary-secret" not in message


def test_bucket_outside_the_allow_list(audiofeat: Run) -> None:
    """A bucket that is not allowed is refused before any request."""
    message = complains(audiofeat("ingest", "s3://secret/", AUDIOFEAT_ALLOWED_BUCKETS="music"), "access_denied", 1)
    assert "AUDIOFEAT_ALLOWED_BUCKETS" in message


def test_unknown_item(audiofeat: Run) -> None:
    """An item that nobody knows is named."""
    assert "nobody" in complains(audiofeat("neighbours", "nobody"), "item_unknown", 2)


def test_empty_index(audiofeat: Run) -> None:
    """An index cannot be built from nothing, and the remedy is to ingest."""
    assert "audiofeat ingest" in complains(audiofeat("index", "build"), "index_empty", 1)


@pytest.mark.parametrize(
    "url", ["nonsense", "postgresql://u:canary-secret@127.0.0.1:1/x", "sqlite:////nowhere/at/all.sqlite3"]
)
def test_wrong_database_url(audiofeat: Run, url: str) -> None:
    """A database that cannot be used is named without its password."""
    done = audiofeat("index", "build", AUDIOFEAT_DATABASE_URL=url)
    assert done.returncode in {1, 2}
    assert "error [" in done.stderr
    assert "Traceback" not in done.stderr
    assert "canary-secret" not in done.stderr


def test_port_taken(audiofeat: Run) -> None:
    """The API says which port is taken and how to choose another."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        message = complains(audiofeat("up", "--workers", "0", AUDIOFEAT_API_PORT=port), "port_taken", 1)
    assert port in message
    assert "AUDIOFEAT_API_PORT" in message


def test_wrong_setting(audiofeat: Run) -> None:
    """A setting of the wrong form is named."""
    assert "AUDIOFEAT_WORKERS" in complains(audiofeat("index", "list", AUDIOFEAT_WORKERS="many"), "settings_invalid", 2)


def test_home_that_cannot_be_made(audiofeat: Run, tmp_path: Path) -> None:
    """A home under something that is not a folder is a message, not a traceback."""
    (tmp_path / "flat").write_text("a file where a folder is needed")
    home = str(tmp_path / "flat" / "home")
    assert home in complains(audiofeat("ingest", SAMPLES / "audio", AUDIOFEAT_HOME=home), "settings_invalid", 2)


def test_full_disk(audiofeat: Run, small_disk: Path) -> None:
    """A disk that is nearly full ends the run with a message before anything is lost."""
    message = complains(audiofeat("ingest", SAMPLES / "audio", AUDIOFEAT_HOME=str(small_disk / "home")), "disk_full", 1)
    assert "AUDIOFEAT_HOME" in message


def test_k_out_of_range(audiofeat: Run) -> None:
    """A value out of range is refused, never clamped."""
    complains(audiofeat("neighbours", "x", "-k", "0"), "invalid_input", 2)


def test_damaged_metadata_table(audiofeat: Run, tmp_path: Path) -> None:
    """A malformed line of a metadata table is named by file and line."""
    (tmp_path / "feed.jsonl").write_text('{"path": "a.ogg"}\n{"path": \n')
    message = complains(audiofeat("ingest", SAMPLES / "audio", "--metadata", "feed.jsonl"), "invalid_input", 2)
    assert "feed.jsonl" in message
    assert "2" in message
