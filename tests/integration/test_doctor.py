"""The doctor: each fault is found, has a remedy, and lets the other checks go on."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from audiofeat.bootstrap import Services, load_settings
from audiofeat.broker_state import broker_state
from audiofeat.catalogue.ledger import open_catalogue
from audiofeat.domain.machine import BrokerState, LedgerState
from audiofeat.embedded_broker import EmbeddedBroker, server_program
from audiofeat.errors import BrokerUnavailable, LibraryUnusable
from audiofeat.services import doctor_adapters, doctor_extraction, doctor_host
from audiofeat.services.doctor import Check, Finding, Verdict, examine
from audiofeat.storage.s3_connection import S3Connection


def finding(check: Check) -> Finding:
    """Return what the doctor says of one check."""
    ((_, found),) = examine({"check": check})
    return found


def services(home: Path, **settings: object) -> Services:
    return Services(load_settings(home=home, **settings))


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AUDIOFEAT_")]:
        monkeypatch.delenv(name)


def test_a_check_that_raises_has_failed_and_the_next_one_runs() -> None:
    """An error of ours keeps its remedy; any other one is named; neither ends the examination."""

    def ours() -> Finding:
        raise BrokerUnavailable("it is away", "fetch it")

    def other() -> Finding:
        raise ZeroDivisionError("oh")

    results = dict(examine({"ours": ours, "other": other, "fine": doctor_host.python}))
    assert results["ours"] == Finding(Verdict.FAILED, "broker_unavailable: it is away", "fetch it")
    assert results["other"].verdict is Verdict.FAILED
    assert "ZeroDivisionError" in results["other"].found
    assert results["fine"].verdict is Verdict.OK


def test_the_host_is_fit() -> None:
    """Interpreter and libraries of the tests are as required."""
    assert doctor_host.python().verdict is Verdict.OK
    assert doctor_host.libraries().verdict is Verdict.OK


def test_a_library_of_another_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too old or missing is named with its range."""
    monkeypatch.setattr(doctor_host, "requires", lambda _: ["numpy<1", "no-such-library>=2", 'rich; extra == "x"'])
    found = doctor_host.libraries()
    assert found.verdict is Verdict.FAILED
    assert "numpy" in found.found
    assert "no-such-library is missing" in found.found
    assert found.remedy


def test_a_processor_without_avx2_is_a_warning(tmp_path: Path) -> None:
    """Everything runs there, and slower."""
    facts = tmp_path / "cpuinfo"
    facts.write_text("model name : old\nflags : fpu sse4_2 avx\n")
    found = doctor_host.processor(facts)
    assert (found.verdict, bool(found.remedy)) == (Verdict.WARNING, True)


def test_an_annoy_for_another_processor_has_its_remedy() -> None:
    """The remedy is the command that builds it anew."""

    def broken() -> None:
        raise LibraryUnusable("annoy ended by signal 4", "pip install it")

    found = finding(lambda: doctor_host.index_library(broken))
    assert (found.verdict, found.remedy) == (Verdict.FAILED, "pip install it")


def test_a_home_that_cannot_be_written_fails(tmp_path: Path) -> None:
    """A file in the place of the folder is told, with the setting that names another."""
    (tmp_path / "file").write_text("")
    found = doctor_host.home(tmp_path / "file" / "home")
    assert found.verdict is Verdict.FAILED
    assert "AUDIOFEAT_HOME" in found.remedy
    assert doctor_host.home(tmp_path / "home").verdict is Verdict.OK


def test_compiled_parts_agree_with_numpy() -> None:
    """On the machine of the tests they do."""
    assert doctor_extraction.compiled().verdict is Verdict.OK


def test_a_compiled_part_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal in the throw-away process is a finding, not an end."""
    monkeypatch.setattr(doctor_extraction.sys, "executable", "/bin/false")
    assert doctor_extraction.compiled().verdict is Verdict.FAILED


def test_two_runs_give_the_same_bytes() -> None:
    """The generated clip is analysed in two fresh servers."""
    found = doctor_extraction.determinism()
    assert found.verdict is Verdict.OK, found
    assert "fingerprint" in found.found


def test_a_killed_child_is_reported() -> None:
    """The server says so and analyses the next file."""
    found = doctor_extraction.sandbox()
    assert found.verdict is Verdict.OK, found
    assert "extraction_signal" in found.found


def test_looking_at_a_ledger_does_not_make_one(tmp_path: Path) -> None:
    """A fresh home has none before and after; an opened one is at the newest revision."""
    wired = services(tmp_path)
    assert doctor_adapters.ledger(wired.ledger_state).verdict is Verdict.OK
    assert not list(tmp_path.iterdir())
    open_catalogue(f"sqlite:///{tmp_path / 'catalogue.sqlite3'}").close()
    found = doctor_adapters.ledger(wired.ledger_state)
    assert found.verdict is Verdict.OK
    assert "revision" in found.found


def test_a_ledger_of_another_version_is_a_warning(tmp_path: Path) -> None:
    """It is named, and not touched."""
    path = tmp_path / "catalogue.sqlite3"
    open_catalogue(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    found = doctor_adapters.ledger(services(tmp_path).ledger_state)
    assert (found.verdict, "9999" in found.found, bool(found.remedy)) == (Verdict.WARNING, True, True)


def test_clocks_that_differ_are_a_warning() -> None:
    """Leases are judged by the database's clock, signatures by this host's."""
    found = doctor_adapters.ledger(lambda: LedgerState("there", "1", "1", -40.0))
    assert (found.verdict, "-40.0 s" in found.found) == (Verdict.WARNING, True)


@pytest.mark.parametrize("url", ["nonsense", "postgresql://nobody:secret@127.0.0.1:1/none", "sqlite:////no/where/x"])
def test_a_broken_database_url_fails_with_a_remedy(tmp_path: Path, url: str) -> None:
    """A wrong form and a server that is away are told, without the password."""
    found = finding(lambda: doctor_adapters.ledger(services(tmp_path, database_url=url).ledger_state))
    if url.startswith("sqlite"):
        assert found.verdict is Verdict.OK
        return
    assert found.verdict is Verdict.FAILED
    assert found.remedy
    assert "secret" not in found.found


def test_a_broker_that_is_down_fails_with_a_remedy(tmp_path: Path) -> None:
    """One that was configured must run; the embedded one must only be there."""
    configured = services(tmp_path, broker_url="redis://:secret@127.0.0.1:1/0")
    found = finding(lambda: doctor_adapters.broker(configured.broker_state, embedded_program=None))
    assert found.verdict is Verdict.FAILED
    assert "AUDIOFEAT_BROKER_URL" in found.remedy
    assert "secret" not in found.found
    embedded = services(tmp_path)
    found = finding(lambda: doctor_adapters.broker(embedded.broker_state, embedded_program=server_program))
    assert found.verdict is Verdict.OK


def test_the_embedded_broker_is_sound(tmp_path: Path) -> None:
    """It writes what it takes to disk, and drops nothing."""
    with EmbeddedBroker(tmp_path) as broker:
        state = broker_state(broker.url)
    assert state.weaknesses == ()
    assert state.product.split()[0] in {"Valkey", "Redis"}


def test_a_weak_broker_is_a_warning() -> None:
    """What it puts at risk comes with its remedy."""
    found = doctor_adapters.broker(
        lambda: BrokerState("there", "Redis 7", (("nothing is kept", "keep it"),)), embedded_program=None
    )
    assert (found.verdict, found.remedy) == (Verdict.WARNING, "keep it")


def test_a_missing_bucket_fails(tmp_path: Path, s3_connection: S3Connection, make_bucket: Callable[[], str]) -> None:
    """As source and as artefact store; one that exists is readable, and written to and cleaned again."""
    bucket = make_bucket()
    there = {
        "s3_endpoint_url": s3_connection.endpoint_url, "s3_region": s3_connection.region,
        "s3_access_key_id": s3_connection.access_key_id, "s3_secret_access_key": s3_connection.secret_access_key,
    }  # fmt: skip
    good = services(tmp_path, allowed_buckets=(bucket,), artefact_store=f"s3://{bucket}/own", **there)
    assert finding(lambda: doctor_adapters.artefacts(lambda: good.artefacts)).verdict is Verdict.OK
    found = finding(lambda: doctor_adapters.sources(good.source_stores))
    assert (found.verdict, found.found) == (Verdict.OK, f"s3/{bucket}: empty")
    bad = services(tmp_path, allowed_buckets=("no-such-bucket",), artefact_store="s3://no-such-bucket", **there)
    for check in (
        lambda: doctor_adapters.artefacts(lambda: bad.artefacts),
        lambda: doctor_adapters.sources(bad.source_stores),
    ):
        assert finding(check).verdict is Verdict.FAILED
