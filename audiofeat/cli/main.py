"""``audiofeat``: the commands, and the one place where an error becomes a line and an exit code."""

import errno
import signal
import sys
from typing import NoReturn

import typer

from audiofeat import __version__, logs
from audiofeat.cli import (
    analyse,
    doctor,
    duplicates,
    episodes,
    evaluate,
    events,
    failures,
    index,
    ingest,
    inspect,
    items,
    journey,
    keys,
    metadata,
    models,
    neighbours,
    reprocess,
    space,
    status,
    sync,
    takedown,
    things,
    train,
    up,
)
from audiofeat.errors import AudiofeatError, DiskFull, HostFault, SettingsInvalid, UsageError

EXIT_FAILED, EXIT_USAGE = 1, 2

app = typer.Typer(
    name="audiofeat",
    help="Listen to a catalogue of tracks and podcasts, and find what sounds like what.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    analyse.analyse,
    analyse.features,
    inspect.inspect,
    ingest.ingest,
    sync.sync,
    neighbours.neighbours,
    journey.journey,
    items.show,
    takedown.takedown,
    status.status,
    up.up,
    doctor.doctor,
):
    app.command()(command)
app.add_typer(failures.failures, name="failures")
app.add_typer(failures.jobs, name="jobs")
app.add_typer(index.app, name="index")
app.add_typer(duplicates.app, name="duplicates")
app.add_typer(episodes.app, name="episodes")
app.add_typer(space.app, name="space")
app.add_typer(events.app, name="events")
app.add_typer(reprocess.app, name="reprocess")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(keys.app, name="keys")
app.add_typer(metadata.app, name="metadata")
app.add_typer(things.artists, name="artists")
app.add_typer(things.albums, name="albums")
app.add_typer(things.shows, name="shows")
app.add_typer(things.collections, name="collections")
app.add_typer(models.app, name="models")
app.add_typer(train.app, name="train")


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:  # noqa: FBT001, FBT003  a typer flag
    """Listen to a catalogue of tracks and podcasts, and find what sounds like what."""
    if version:
        typer.echo(f"audiofeat {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; the entry point of the package."""
    # As Ctrl-C: whatever was started is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_FAILED))
    logs.configure(level="warning", as_json=False)
    try:
        app()
    except AudiofeatError as error:
        _complain(error)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_FAILED)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            _complain(
                DiskFull(f"no space is left: {error.strerror}", "free some; the ledger is whole, so run it again")
            )
        _complain(HostFault(str(error), "make it readable and writable, or set AUDIOFEAT_HOME to a folder of yours"))


def _complain(error: AudiofeatError) -> NoReturn:
    typer.echo(f"error [{error.code}]: {error.message}", err=True)
    if error.remedy:
        typer.echo(f"remedy: {error.remedy}", err=True)
    sys.exit(EXIT_USAGE if isinstance(error, UsageError | SettingsInvalid) else EXIT_FAILED)
