"""Where tables go: as wide as the terminal, and wide enough for whole lines where there is none."""

from rich.console import Console

_WIDTH_OF_A_PIPE = 160


def output() -> Console:
    """Return the console for data on stdout."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_OF_A_PIPE)
