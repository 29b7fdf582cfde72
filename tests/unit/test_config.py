"""Settings: defaults, the two sizes, and refusals that name the variable and keep secrets."""

import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from audiofeat.config import Settings, load_settings
from audiofeat.errors import SettingsInvalid


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.upper().startswith("AUDIOFEAT_"):
            monkeypatch.delenv(variable)


def test_defaults_are_the_embedded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing set, all state is below .audiofeat of the working folder, by absolute path."""
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.is_embedded
    assert settings.home == tmp_path / ".audiofeat"
    assert settings.catalogue_url == f"sqlite:///{tmp_path}/.audiofeat/catalogue.sqlite3"
    assert settings.artefact_location == f"{tmp_path}/.audiofeat/artefacts"
    assert (settings.lease_s, settings.heartbeat_s, settings.reconcile_s) == (8.0, 2.0, 1.0)


def test_a_broker_slows_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker of its own means many machines: longer lease, heartbeat and reconciliation, unless they are given."""
    monkeypatch.setenv("AUDIOFEAT_BROKER_URL", "amqp://broker//")
    monkeypatch.setenv("AUDIOFEAT_RECONCILE_S", "3")
    settings = load_settings()
    assert not settings.is_embedded
    assert (settings.lease_s, settings.heartbeat_s, settings.reconcile_s) == (45.0, 15.0, 3.0)


def test_the_environment_is_read_and_overrides_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Variables are read by name, lists by commas, and what a command line gives goes before."""
    monkeypatch.setenv("AUDIOFEAT_ALLOWED_BUCKETS", "demo, archive ,")
    monkeypatch.setenv("AUDIOFEAT_WORKERS", "7")
    monkeypatch.setenv("AUDIOFEAT_ARTEFACT_STORE", "s3://own/prefix")
    settings = load_settings(workers=3, home=tmp_path)
    assert settings.allowed_buckets == ("demo", "archive")
    assert (settings.workers, settings.home, settings.artefact_location) == (3, tmp_path, "s3://own/prefix")


def test_empty_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set to nothing has its default."""
    for name in ("BROKER_URL", "WORKERS", "S3_ENDPOINT_URL", "S3_SECRET_ACCESS_KEY", "ALLOWED_BUCKETS", "LEASE_S"):
        monkeypatch.setenv(f"AUDIOFEAT_{name}", "")
    assert load_settings() == Settings()
    assert load_settings().is_embedded


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WORKERS", "many"),
        ("WORKERS", "0"),
        ("API_PORT", "70000"),
        ("API_PORT", "tcp://10.0.0.1:8000"),
        ("MAX_DURATION_S", "-1"),
        ("S3_ENDPOINT_URL", "localhost:9000"),
        ("S3_ENDPOINT_URL", "http://user:canary@host"),
        ("ARTEFACT_STORE", "/somewhere"),
        ("BROKER_URL", "kafka://canary"),
        ("S3_STORE_NAME", "a/b"),
        ("LEASE_S", "3"),
        ("S3_SECRET_ACCESS_KEY", "canary"),
    ],
)
def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """Each refusal names the variable and a remedy, and repeats no value, not even in a traceback."""
    monkeypatch.setenv(f"AUDIOFEAT_{variable}", value)
    with pytest.raises(SettingsInvalid, match=f"AUDIOFEAT_{variable}") as caught:
        load_settings()
    assert caught.value.remedy
    assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_all_wrong_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to correct settings one failed start at a time."""
    monkeypatch.setenv("AUDIOFEAT_WORKERS", "x")
    monkeypatch.setenv("AUDIOFEAT_API_PORT", "x")
    with pytest.raises(SettingsInvalid, match=r"WORKERS.*API_PORT"):
        load_settings()


def test_a_misspelt_variable_is_not_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A near miss is refused with the right name; other programs' variables are none of our business."""
    monkeypatch.setenv("AUDIOFEAT_API_SERVICE_HOST", "10.0.0.1")
    load_settings()
    monkeypatch.setenv("AUDIOFEAT_BROKER_URI", "amqp://broker")
    with pytest.raises(SettingsInvalid, match="AUDIOFEAT_BROKER_URL"):
        load_settings()


def test_an_unknown_override_is_refused() -> None:
    """A keyword that is no setting is an error."""
    with pytest.raises(SettingsInvalid, match="AUDIOFEAT_COLOUR"):
        load_settings(colour="red")


def test_secrets_are_in_no_text() -> None:
    """Neither the secret nor URLs, which may hold passwords, are printed."""
    settings = load_settings(
        s3_access_key_id="id",
        s3_secret_access_key="canary",
        database_url="postgresql://user:canary@host/db",
        broker_url="redis://:canary@host",
    )
    assert "canary" not in str(settings)
    assert "canary" not in repr(settings)
    assert settings.s3_secret_access_key is not None
    assert settings.s3_secret_access_key.get_secret_value() == "canary"


def test_settings_are_frozen() -> None:
    """Nobody changes settings after they are read."""
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.workers = 3


def test_the_module_is_light() -> None:
    """Reading settings loads pydantic and nothing heavy."""
    code = "import sys, audiofeat.config; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout
    assert not {"numpy", "boto3", "sqlalchemy", "celery", "fastapi"} & set(loaded.split())
