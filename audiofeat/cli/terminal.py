"""Where tables go: as wide as the terminal, and wide enough for whole lines where there is none."""

from rich.console import Console

_WIDTH_OF_A_PIPE = 160


def output() -> Console:
    """Return the console for data on stdout; brackets in a title are a title's, not markup."""
    console = Console(markup=False, highlight=False)
    return console if console.is_terminal else Console(markup=False, highlight=False, width=_WIDTH_OF_A_PIPE)
