"""The documentation cannot lie: its blocks are executed, its generated pages are those of the code, its links hold.

The blocks of a page run in its order, in one folder, as a reader's would: ``.venv/bin`` and some of ``samples/`` are
there, ``~/Music`` holds some music, and the S3 server of the tests has a bucket called ``catalogue``. What a bash
block exports is there for the next. A block that is not executed says why in a comment before it.
"""

import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from audiofeat.extraction.sandbox import die_with_parent
from audiofeat.storage.s3_connection import S3Connection
from commands import wait_until
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MUSIC = {"song.ogg": "pluck_river_stones.ogg", "rain.mp3": "dnb_concrete_rain.mp3"}
OBJECTS = {
    "incoming/song.ogg": "pad_slow_tide.ogg",
    "new/evening.ogg": "noise_grey_weather.ogg",
    "new/morning.ogg": "brass_harbour_call.ogg",
    "uploads/night train.ogg": "pad_slow_tide.ogg",
}
# Enough to answer the pages' questions; the demo has all of them.
SAMPLES = ("dnb_neon_circuit.ogg", "dnb_tunnel_lights.ogg", "piano_late_train.ogg", "liner_notes.mp3")
SAMPLES += ("show_two_chairs_ep1.ogg", "show_two_chairs_ep2.ogg")
RUNNING = {
    "docs/how-to/events.md",
    "docs/how-to/http-api.md",
    "docs/how-to/journeys.md",
    "docs/how-to/lookups.md",
    "docs/how-to/operate.md",
    "docs/how-to/podcasts.md",
    "docs/how-to/send-requests.md",
    "docs/how-to/things.md",
}  # pages for readers who have `audiofeat up`
API = "127.0.0.1:8000"
TIME_LIMIT_S = 200

_BLOCK = re.compile(
    r"^(?:<!--\s*(?P<why>.*?)\s*-->\n)?(?P<fence>`{3,})(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=fence)`*$",
    re.MULTILINE | re.DOTALL,
)
_REASON = re.compile(r"not executed[^:]*: \S+ \S+")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    language: str
    code: str
    why: str

    @property
    def is_executed(self) -> bool:
        return not self.why.startswith("not executed")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block(name_of(page), match["language"], match["code"], match["why"] or "") for match in found]


@dataclass
class Reader:
    """Somebody at a terminal who does what the pages say."""

    folder: Path
    environment: dict[str, str]
    port: int
    done: set[str] = field(default_factory=set)

    def follow(self, page: Path) -> None:
        """Execute a page, once."""
        if name_of(page) in self.done:
            return
        self.done.add(name_of(page))
        for block in blocks(page):
            if block.is_executed:
                self.execute(block)

    def execute(self, block: Block) -> None:
        """Run one block; fail with its output where it fails."""
        code = block.code.replace(API, f"127.0.0.1:{self.port}")
        kept = self.folder / "environment"
        command = [str(self.folder / ".venv/bin/python"), "-c", code]
        if block.language == "bash":
            command = ["bash", "-euo", "pipefail", "-c", f"{code}\nenv -0 > '{kept}'"]
        ran = subprocess.run(
            command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIME_LIMIT_S, check=False,
        )  # fmt: skip
        assert not ran.returncode, f"{block.page}:\n{block.code}\nends with {ran.returncode}:\n{ran.stdout}"
        if block.language == "bash":
            self.environment = dict(line.split("=", 1) for line in kept.read_text().split("\0") if "=" in line)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, s3_connection: S3Connection) -> Reader:
    folder = tmp_path_factory.mktemp("reader")
    home = folder / "home"
    (home / "Music").mkdir(parents=True)
    for name, sample in MUSIC.items():
        shutil.copy(ROOT / "samples" / "audio" / sample, home / "Music" / name)
    (folder / "samples" / "audio").mkdir(parents=True)
    (folder / "samples" / "metadata").symlink_to(ROOT / "samples" / "metadata")
    (folder / "samples" / "truth.jsonl").symlink_to(ROOT / "samples" / "truth.jsonl")
    for name in SAMPLES:
        shutil.copy(ROOT / "samples" / "audio" / name, folder / "samples" / "audio" / name)
    (folder / ".venv").symlink_to(sys.prefix)
    s3 = boto3.session.Session().client(
        "s3", endpoint_url=s3_connection.endpoint_url, region_name=s3_connection.region,
        aws_access_key_id=s3_connection.access_key_id, aws_secret_access_key=s3_connection.secret_access_key,
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    s3.create_bucket(Bucket="catalogue")
    for key, sample in OBJECTS.items():
        s3.upload_file(str(ROOT / "samples" / "audio" / sample), "catalogue", key)
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUDIOFEAT_")}
    environment |= {
        "HOME": str(home),
        "AUDIOFEAT_API_PORT": str(port),
        "AUDIOFEAT_S3_ENDPOINT_URL": s3_connection.endpoint_url or "",
        "AUDIOFEAT_S3_REGION": s3_connection.region or "",
        "AUDIOFEAT_S3_ACCESS_KEY_ID": s3_connection.access_key_id or "",
        "AUDIOFEAT_S3_SECRET_ACCESS_KEY": s3_connection.secret_access_key or "",
    }
    return Reader(folder, environment, port)


@pytest.fixture(scope="module")
def running(reader: Reader) -> Iterator[Reader]:
    """Let the reader run `audiofeat up` in another terminal."""
    reader.follow(ROOT / "docs" / "quickstart.md")
    command = [".venv/bin/audiofeat", "up", "--workers", "1"]
    with (
        (reader.folder / "up.log").open("wb") as log,
        subprocess.Popen(
            command,
            cwd=reader.folder,
            env=reader.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=partial(die_with_parent, os.getpid()),
        ) as up,
    ):
        try:
            wait_until(lambda: _is_ready(reader) or up.poll() is not None)
            assert up.poll() is None, (reader.folder / "up.log").read_text()
            yield reader
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(timeout=60)


def _is_ready(reader: Reader) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{reader.port}/readyz", timeout=10).close()
    except OSError:
        return False
    return True


def executed(*, running: bool) -> list[Any]:
    chosen = [
        page for page in PAGES if any(b.is_executed for b in blocks(page)) and (name_of(page) in RUNNING) == running
    ]
    return [pytest.param(page, id=name_of(page)) for page in chosen]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_are_executed_or_say_why_not(page: Path) -> None:
    """A fence has a language that is executed, or a comment with a reason right before it."""
    found = blocks(page)
    assert len(found) * 2 == len(re.findall(r"^`{3,}", page.read_text(encoding="utf-8"), re.MULTILINE))
    for block in found:
        if block.is_executed:
            assert block.language in {"bash", "python"}, block.code
        else:
            assert _REASON.match(block.why), block.why


@pytest.mark.parametrize("page", executed(running=False))
def test_a_page_can_be_followed(reader: Reader, page: Path) -> None:
    """Every block ends well, after the quickstart and in the page's order."""
    reader.follow(ROOT / "docs" / "quickstart.md")
    reader.follow(page)


@pytest.mark.skipif(
    not shutil.which("curl") and os.environ.get("CI") != "true",
    reason="needs curl: apt-get install -y --no-install-recommends curl",
)
@pytest.mark.parametrize("page", executed(running=True))
def test_a_page_can_be_followed_beside_a_running_machine(running: Reader, page: Path) -> None:
    """Every block of a page that talks to `audiofeat up` ends well."""
    running.follow(page)


def test_generated_pages_are_those_of_the_code() -> None:
    """The committed reference pages are what docs/generate.py makes, and leave no code out."""
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    assert not generate["missing_meanings"]()
    for path, text in generate["pages"]().items():
        assert Path(path).read_text(encoding="utf-8") == text, f"run make docs: {path} is out of date"


def test_every_setting_is_described() -> None:
    """The page of settings has a sentence for each, from the code."""
    fields = runpy.run_path(str(ROOT / "docs" / "generate.py"))["Settings"].model_fields
    assert not [name for name, field in fields.items() if not field.description]


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """The site builder finds every page, link and anchor, and no page asks another host for anything."""
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not built.returncode, built.stderr
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|iframe)[^>]+src=\"(https?:[^\"]+)|<link[^>]+rel=\"(?:stylesheet|preconnect)\"[^>]+href=\"(https?:[^\"]+)",
            page.read_text(encoding="utf-8"),
        )
        assert not loaded, (page, loaded)
