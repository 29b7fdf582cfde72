"""``audiofeat doctor``: is this machine fit, and what to do where it is not."""

import json
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer
from rich.table import Table

from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import output
from audiofeat.errors import SettingsInvalid
from audiofeat.services.doctor import Check, Finding, Verdict, examine, fine

_STYLES = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "bold red"}


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="One JSON object a check.")] = False) -> None:
    """Check interpreter, processor, libraries, extraction, home, ledger, stores and broker."""
    table = Table("check", "", "found", "remedy", box=None, header_style="bold")
    failed = False
    for name, finding in examine(_checks()):
        failed |= finding.verdict is Verdict.FAILED
        if as_json:
            typer.echo(json.dumps({"check": name, **asdict(finding)}, ensure_ascii=False))
        else:
            table.add_row(name, finding.verdict, finding.found, finding.remedy, style=_STYLES[finding.verdict])
    if not as_json:
        output().print(table)
    if failed:
        raise typer.Exit(1)


def _checks() -> dict[str, Check]:
    from audiofeat.services import doctor_adapters, doctor_extraction, doctor_host

    checks: dict[str, Check] = {
        "python": doctor_host.python,
        "processor": doctor_host.processor,
        "libraries": doctor_host.libraries,
        "compiled parts": doctor_extraction.compiled,
        "determinism": doctor_extraction.determinism,
        "sandbox": doctor_extraction.sandbox,
        "isolation": doctor_extraction.isolation,
    }
    try:
        services = Services(load_settings())
    except SettingsInvalid as error:
        # Without settings it is not known what else to ask.
        said = Finding(Verdict.FAILED, f"{error.code}: {error.message}", error.remedy)
        return checks | {"settings": lambda: said}
    settings = services.settings
    return checks | {
        "settings": lambda: fine("embedded" if settings.is_embedded else "distributed"),
        "index library": partial(doctor_host.index_library, services.require_annoy),
        "home": partial(doctor_host.home, settings.home),
        "ledger": partial(doctor_adapters.ledger, services.ledger_state),
        "artefact store": partial(doctor_adapters.artefacts, lambda: services.artefacts),
        "source stores": partial(doctor_adapters.sources, services.source_stores),
        "broker": partial(
            doctor_adapters.broker,
            services.broker_state,
            embedded_program=services.embedded_broker_program if settings.is_embedded else None,
        ),
    }
