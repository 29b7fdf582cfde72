"""``audiofeat keys``: make, list and revoke keys of the HTTP API."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from audiofeat import rendering
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import age, output
from audiofeat.domain.keys import ApiKey, Scope

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke keys of the HTTP API.")
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a key.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, for people.")],
    *,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What it allows; may be repeated. admin includes the others. [default: read]"),
    ] = None,
    expires_days: Annotated[float | None, typer.Option(min=0.001, max=36_500, help="[default: never]")] = None,
    as_json: _Json = False,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    from audiofeat.services import keys

    lasts = None if expires_days is None else timedelta(days=expires_days)
    key, text = keys.create(Services(load_settings()).catalogue, name, scope or [Scope.READ], lasts=lasts)
    if as_json:
        typer.echo(rendering.new_key(key, text).model_dump_json())
        return
    typer.echo(text)
    typer.echo(f"{key.prefix} may {' and '.join(key.scopes)}; keep it now, it is shown once", err=True)


@app.command(name="list")
def list_keys(*, as_json: _Json = False) -> None:
    """List every key that there ever was, newest first."""
    found = Services(load_settings()).catalogue.api_keys()
    if as_json:
        for key in found:
            typer.echo(rendering.key(key).model_dump_json())
        return
    table = Table("key", "name", "scopes", "made", "last used", "state", box=None)
    for key in found:
        table.add_row(
            f"{key.prefix}_...", key.name, ", ".join(key.scopes), f"{key.created_at:%Y-%m-%d}",
            _ago(key.last_used_at), _state(key),
        )  # fmt: skip
    output().print(table if found else "no keys: the API answers this machine only")


@app.command()
def revoke(
    called: Annotated[str, typer.Argument(metavar="PREFIX|NAME", help="Which key.")], *, as_json: _Json = False
) -> None:
    """End a key for good; a running API refuses it within a moment."""
    from audiofeat.services import keys

    key = keys.revoke(Services(load_settings()).catalogue, called)
    typer.echo(rendering.key(key).model_dump_json() if as_json else f"{key.prefix} ({key.name}) is revoked")


def _ago(at: datetime | None) -> str:
    return "never" if at is None else f"{age((datetime.now(tz=UTC) - at).total_seconds())} ago"


def _state(key: ApiKey) -> str:
    if key.revoked_at:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if not key.expires_at:
        return "valid"
    word = "valid until" if key.is_valid(datetime.now(tz=UTC)) else "expired"
    return f"{word} {key.expires_at:%Y-%m-%d %H:%M}"
