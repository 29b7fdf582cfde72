"""``audiofeat index``: build, list, verify, promote and roll back the published indexes."""

from typing import Annotated

import typer
from rich.table import Table

from audiofeat import rendering
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import output
from audiofeat.domain.items import Kind
from audiofeat.errors import IndexEmpty
from audiofeat.ports import ReleaseView

app = typer.Typer(no_args_is_help=True, help="Build, list, verify, promote and roll back indexes.")
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a release.")]
_Kind = Annotated[Kind, typer.Argument(help="track or episode.")]


@app.command()
def build(
    kind: Annotated[Kind | None, typer.Argument(help="Only this kind. [default: both]", show_default=False)] = None,
    *,
    space: Annotated[
        str | None, typer.Option(help="Id of a kept space. [default: fit one]", show_default=False)
    ] = None,
    metadata: Annotated[
        bool, typer.Option("--metadata", help="Have tracks compared by genre, tags, era and artist where asked to.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Also where it is clearly worse than what is served.")] = False,
    as_json: _Json = False,
) -> None:
    """Build an Annoy index of everything analysed so far, measure its recall, and publish it."""
    from audiofeat.index.selftest import require_usable
    from audiofeat.services.build_index import build_index
    from audiofeat.services.fit_space import stored

    require_usable()
    services = Services(load_settings())
    built: list[ReleaseView] = []
    missing: list[IndexEmpty] = []
    chosen = stored(space, services.artefacts) if space else None
    if chosen and kind is None:
        kind = chosen.kind
    for wanted in (kind,) if kind else tuple(Kind):
        try:
            with services.traced("index.build", {}):
                view = build_index(
                    wanted,
                    catalogue=services.catalogue,
                    publisher=services.publisher,
                    artefacts=services.artefacts,
                    space=chosen,
                    is_told=metadata,
                    is_forced=force,
                )
                built.append(view)
        except IndexEmpty as nothing:
            missing.append(nothing)
    if not built:
        raise missing[0]
    for empty in missing:
        typer.echo(f"left out: {empty.message}", err=True)
    _show(built, as_json=as_json)


@app.command(name="list")
def list_releases(*, as_json: _Json = False) -> None:
    """List the releases that are kept."""
    publisher = Services(load_settings()).publisher
    _show([release for kind in Kind for release in publisher.list(kind)], as_json=as_json)


@app.command()
def verify(
    kind: _Kind,
    release: Annotated[str | None, typer.Argument(help="[default: the one that is served]", show_default=False)] = None,
    *,
    as_json: _Json = False,
) -> None:
    """Check a release against its manifest: sizes, checksums, and queries whose answers are known."""
    _show([Services(load_settings()).publisher.verify(kind, release)], as_json=as_json)


@app.command()
def promote(kind: _Kind, release: str, *, as_json: _Json = False) -> None:
    """Serve another release."""
    from audiofeat.services import serve_index

    services = Services(load_settings())
    view = serve_index.promote(kind, release, catalogue=services.catalogue, publisher=services.publisher)
    _show([view], as_json=as_json)


@app.command()
def rollback(kind: _Kind, *, as_json: _Json = False) -> None:
    """Serve the release before the current one again."""
    from audiofeat.services import serve_index

    services = Services(load_settings())
    view = serve_index.rollback(kind, catalogue=services.catalogue, publisher=services.publisher)
    _show([view], as_json=as_json)


def _show(releases: list[ReleaseView], *, as_json: bool) -> None:
    if as_json:
        for release in releases:
            typer.echo(rendering.release(release).model_dump_json())
        return
    table = Table("kind", "release", "items", "vectors", "recall@10", "space", "built", "served", box=None)
    for release in releases:
        table.add_row(
            release.kind.value, release.release, str(release.items), str(release.rows), f"{release.recall:.3f}",
            release.space, f"{release.created_at:%Y-%m-%d %H:%M:%S}", "yes" if release.is_current else "",
        )  # fmt: skip
    output().print(table)
