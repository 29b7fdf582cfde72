"""``audiofeat``: the commands, and the one place where an error becomes a line and an exit code."""

import errno
import signal
import sys
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from audiofeat import __version__, logs
from audiofeat.errors import AudiofeatError, DiskFull, HostFault, SettingsInvalid, UsageError

EXIT_FAILED, EXIT_USAGE = 1, 2

# Each command: its module and its name there.
_COMMANDS = {
    "analyse": ("analyse", "analyse"),
    "features": ("analyse", "features"),
    "inspect": ("inspect", "inspect"),
    "ingest": ("ingest", "ingest"),
    "sync": ("sync", "sync"),
    "neighbours": ("neighbours", "neighbours"),
    "journey": ("journey", "journey"),
    "show": ("items", "show"),
    "takedown": ("takedown", "takedown"),
    "status": ("status", "status"),
    "up": ("up", "up"),
    "doctor": ("doctor", "doctor"),
    "failures": ("failures", "failures"),
    "jobs": ("failures", "jobs"),
    "index": ("index", "app"),
    "duplicates": ("duplicates", "app"),
    "episodes": ("episodes", "app"),
    "space": ("space", "app"),
    "events": ("events", "app"),
    "reprocess": ("reprocess", "app"),
    "evaluate": ("evaluate", "app"),
    "keys": ("keys", "app"),
    "metadata": ("metadata", "app"),
    "artists": ("things", "artists"),
    "albums": ("things", "albums"),
    "shows": ("things", "shows"),
    "collections": ("things", "collections"),
    "models": ("models", "app"),
    "train": ("train", "app"),
}


class Commands(TyperGroup):
    """The commands, each imported when it is asked for: none waits for the libraries of the others."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401  typer's
        super().__init__(**attributes)
        # Names to list, and to offer to who mistypes one; get_command has what they stand for.
        names: dict[str, Any] = dict.fromkeys(_COMMANDS)
        self.commands = names

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002  typer's
        """Return a command; None where there is none of this name."""
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        found = getattr(import_module(f"audiofeat.cli.{module}"), name)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(add_completion=False)
            single.command(cmd_name)(found)
            return typer.main.get_command(single)
        group = typer.main.get_group(found)
        group.name = cmd_name
        return group


app = typer.Typer(
    name="audiofeat",
    cls=Commands,
    help="Listen to a catalogue of tracks and podcasts, and find what sounds like what.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
