"""Where tables go: as wide as the terminal, and wide enough for whole lines where there is none."""

from rich.console import Console

_WIDTH_OF_A_PIPE = 160


def output() -> Console:
    """Return the console for data on stdout; brackets in a title are a title's, not markup."""
    console = Console(markup=False, highlight=False)
    return console if console.is_terminal else Console(markup=False, highlight=False, width=_WIDTH_OF_A_PIPE)


def age(seconds: float | None) -> str:
    """Return an age as a person says it.

    Examples
    --------
    >>> [age(seconds) for seconds in (None, 5.2, 300, 7_200, 200_000)]
    ['-', '5 s', '5 min', '2.0 h', '2.3 d']
    """
    if seconds is None:
        return "-"
    for limit, length, form in ((120, 1, "{:.0f} s"), (7_200, 60, "{:.0f} min"), (172_800, 3_600, "{:.1f} h")):
        if seconds < limit:
            return form.format(seconds / length)
    return f"{seconds / 86_400:.1f} d"
