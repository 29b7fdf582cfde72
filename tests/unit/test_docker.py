"""The container files: everything that they name exists, so that they cannot rot where no engine runs."""

import importlib.util
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import celery.bin.worker
import pytest
import typer.main
import yaml

from audiofeat.broker import INGEST_QUEUE
from audiofeat.cli.main import app
from audiofeat.config import PREFIX, Settings
from audiofeat.domain.jobs import Lane

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
COMPOSE = ROOT / "docker" / "compose.yml"
CELERYS_HARD_LIMIT_MS = (10 + 0.2 * 43_200 + 120) * 1000


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their arguments, continued lines joined."""
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def stages() -> dict[str, str]:
    """Return what each stage is made from."""
    found = [shlex.split(said) for word, said in instructions() if word == "FROM"]
    return {words[2]: words[0] for words in found}


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def commands() -> list[list[str]]:
    """Return every command of ours that a container runs."""
    found = [yaml.safe_load(said) for word, said in instructions() if word == "CMD"]
    return found + [
        service["command"] for service in services().values() if "build" in service and "command" in service
    ]


def test_stages_have_the_two_targets_and_run_as_a_plain_user() -> None:
    """Targets api and worker stand on one runtime that is not root."""
    assert stages()["api"] == stages()["worker"] == "runtime"
    users = [said for word, said in instructions() if word == "USER"]
    assert users
    assert "root" not in users


def test_copied_paths_exist() -> None:
    """Whatever is copied from the checkout is there, and the ignore file lets it through."""
    sent = (ROOT / "docker" / "Dockerfile.dockerignore").read_text().split()
    copied = [
        part for word, said in instructions() if word == "COPY" and "--from" not in said for part in said.split()[:-1]
    ]
    assert copied
    for path in copied:
        assert (ROOT / path).exists(), path
        assert any(Path(path).match(line.removeprefix("!")) for line in sent if line.startswith("!")), path


def test_annoy_is_compiled_as_the_makefile_does() -> None:
    """The portable flags are the same, hashes are required, and pip's cache, which ignores flags, is off."""
    flags = re.search(r"^ANNOY_FLAGS := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert flags
    line = next(said for word, said in instructions() if word == "RUN" and "requirements-annoy.lock" in said)
    assert flags[1] in line
    assert "--no-cache-dir" in line
    assert "--require-hashes" in line


def test_variables_are_settings() -> None:
    """Every AUDIOFEAT_ variable that is set or read is a setting."""
    named = set(re.findall(rf"\b{PREFIX}[A-Z0-9_]*[A-Z0-9]\b", DOCKERFILE.read_text() + COMPOSE.read_text()))
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert named - {f"{PREFIX}S3"} <= known
    assert len(named) > 5


def test_compose_values_are_accepted_as_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The containers' environment makes valid settings of the distributed size."""
    values = {
        name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))
        for name, value in services()["worker"]["environment"].items()
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert not settings.is_embedded
    assert settings.catalogue_url.startswith("postgresql+psycopg://")
    assert settings.artefact_location.startswith("s3://")


@pytest.mark.parametrize("command", commands(), ids=lambda command: " ".join(command)[:40])
def test_commands_exist(command: list[str]) -> None:
    """Programs, modules, subcommands, options and queues are there."""
    match command:
        case ["python", "-m", module, *_]:
            assert importlib.util.find_spec(module)
        case ["python", "-c", source]:
            compile(source, "compose", "exec")
        case ["audiofeat", name, *arguments]:
            typer.main.get_command(app).get_command(None, name).make_context(name, arguments)
        case ["celery", "--app", module, "worker", *arguments]:
            assert importlib.util.find_spec(module)
            known = {option for parameter in celery.bin.worker.worker.params for option in parameter.opts}
            assert {word for word in arguments if word.startswith("--")} <= known
            queues = arguments[arguments.index("--queues") + 1].split(",")
            assert set(queues) == {*Lane, INGEST_QUEUE}
        case _:
            pytest.fail(f"unknown command {command}")


def test_the_dockerfile_tries_annoy() -> None:
    """The self-test that the build runs exists."""
    module = re.search(
        r"python -m (\S+)$", next(said for word, said in instructions() if "pip install --no-deps ." in said)
    )
    assert module
    assert importlib.util.find_spec(module[1])


def test_compose_builds_what_the_dockerfile_offers() -> None:
    """Build targets, mounted files, volumes and dependencies of compose.yml exist."""
    whole = yaml.safe_load(COMPOSE.read_text())
    for service in whole["services"].values():
        if "build" in service:
            assert (
                COMPOSE.parent / service["build"]["context"] / service["build"]["dockerfile"]
            ).resolve() == DOCKERFILE
            assert service["build"]["target"] in stages()
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (COMPOSE.parent / source).exists() if source.startswith(".") else source in whole["volumes"]
        assert set(service.get("depends_on", {})) <= set(whole["services"])


def test_rabbitmq_waits_longer_than_celery() -> None:
    """A message may stay unacknowledged for longer than the hardest limit of a task."""
    timeout = re.search(r"^consumer_timeout = (\d+)$", (ROOT / "docker" / "rabbitmq.conf").read_text(), re.MULTILINE)
    assert timeout
    assert int(timeout[1]) > CELERYS_HARD_LIMIT_MS
    assert Settings.model_fields["max_duration_s"].default == 43_200


def test_compose_itself_agrees() -> None:
    """Where compose is installed, it can read the file."""
    for program in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(program[0])
            and not subprocess.run([*program, "version"], capture_output=True, check=False).returncode
        ):
            read = subprocess.run(
                [*program, "--file", str(COMPOSE), "config", "--quiet"], capture_output=True, text=True, check=False
            )
            assert not read.returncode, read.stderr
            return
    pytest.skip("neither docker compose nor docker-compose is installed")
