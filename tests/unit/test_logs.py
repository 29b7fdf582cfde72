"""Log lines: constant events, bound ids, two forms, and no secret in either."""

import ast
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audiofeat import logs

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
log = logs.get_logger("audiofeat.test")


@pytest.fixture
def written() -> Iterator[Callable[..., io.StringIO]]:
    """Configure logging as a process does, into memory; put everything back afterwards."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in logs.OURS}

    def configure(**options: Any) -> io.StringIO:
        stream = io.StringIO()
        logs.configure(stream=stream, **{"level": "info", **options})
        return stream

    yield configure
    root.handlers[:] = before
    root.setLevel(level)
    for name, kept in levels.items():
        logging.getLogger(name).setLevel(kept)


def test_an_event_is_one_json_object_with_its_facts(written: Callable[..., io.StringIO]) -> None:
    """Name, level, time and logger stand beside the facts, each as a field of its own."""
    stream = written()
    log.warning("index_kept", kind="track", items=3, problem=ValueError("a\nb"))
    (line,) = stream.getvalue().splitlines()
    said = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", said.pop("at"))
    assert said == {
        "level": "warning", "logger": "audiofeat.test", "event": "index_kept", "kind": "track", "items": 3,
        "problem": "a\nb",
    }  # fmt: skip


def test_bound_ids_stand_on_every_line_of_the_block_and_on_none_after(written: Callable[..., io.StringIO]) -> None:
    """Our lines and a library's carry them; inner ones are taken off before outer ones."""
    stream = written()
    with logs.bound(task="t", task_id="1"):
        with logs.bound(job="j", attempt=2):
            log.info("job_claimed")
            logging.getLogger("botocore").warning("slow %s", "call")
        log.info("between")
    log.info("after")
    claimed, foreign, between, after = map(json.loads, stream.getvalue().splitlines())
    assert {"task": "t", "task_id": "1", "job": "j", "attempt": 2}.items() <= claimed.items()
    assert {"event": logs.FOREIGN_EVENT, "message": "slow call", "job": "j"}.items() <= foreign.items()
    assert between["task"] == "t"
    assert "job" not in between
    assert not {"task", "job"} & set(after)


@pytest.mark.parametrize("as_json", [True, False])
def test_secrets_are_masked_wherever_they_turn_up(written: Callable[..., io.StringIO], *, as_json: bool) -> None:
    """A library's message, a fact and a traceback that repeat a secret are written with stars."""
    secrets = ("hunter2", "hunter2-and-more")
    stream = written(as_json=as_json, secrets=secrets)
    logging.getLogger("kombu").error("cannot reach amqp://u:%s@host", secrets[0])
    with pytest.raises(ValueError, match="hunter2"):
        raise_and_log(f"password {secrets[1]}")
    assert "hunter2" not in stream.getvalue()
    assert "-and-more" not in stream.getvalue()
    assert stream.getvalue().count("***") == 3
    assert "Traceback" in stream.getvalue()


def raise_and_log(text: str) -> None:
    try:
        int(text)
    except ValueError as error:
        log.exception("job_failed", message=error)
        raise


def test_a_terminal_gets_a_line_for_a_person(written: Callable[..., io.StringIO]) -> None:
    """Time, level, event and facts, without quotes and braces."""
    stream = written(as_json=False)
    log.info("job_ended", state="done")
    assert re.fullmatch(r"\d\d:\d\d:\d\d info    job_ended  state=done\n", stream.getvalue())


def test_libraries_speak_from_warnings_on_and_we_from_the_level_asked_for(
    written: Callable[..., io.StringIO],
) -> None:
    """The level is about our own events only."""
    stream = written(level="debug")
    log.debug("claim_refused")
    logging.getLogger("celery").info("hello")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["claim_refused"]


def events_in_the_code() -> dict[str, ast.expr]:
    """Return the first argument of every call on a module's ``_log``, by place."""
    found = {}
    for package in logs.OURS:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS
                    and isinstance(node.func.value, ast.Name) and node.func.value.id == "_log"
                ):  # fmt: skip
                    assert len(node.args) == 1, f"{path}:{node.lineno}: facts are keywords"
                    found[f"{path}:{node.lineno}"] = node.args[0]
    return found


def test_event_names_are_constant_and_documented() -> None:
    """Each is a literal in snake case, and has a line in the page for operators; none is there that nobody logs."""
    page = (ROOT / "docs" / "how-to" / "operate.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \| (?:debug|info|warning|error|any) \|", page, re.MULTILINE))
    names = set()
    for place, given in events_in_the_code().items():
        choices = [given.body, given.orelse] if isinstance(given, ast.IfExp) else [given]
        for name in choices:
            assert isinstance(name, ast.Constant), place
            assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", str(name.value)), place
            names.add(str(name.value))
    assert names | {logs.FOREIGN_EVENT} == documented
