"""A timeline as a page of text: a strip for each thing that is heard, then the chapters."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from audiofeat.cli.figure import clock
from audiofeat.domain.timelines import Stretch, Timeline

_COLUMNS, _MARGIN = 72, 14
_LANES = ("speech", "music", "noise", "silence")
_STYLES = {"speech": "cyan", "music": "yellow", "jingle": "magenta", "ad": "red", "passage": "green"}


def show(timeline: Timeline, console: Console) -> None:
    """Print a timeline."""
    end_s = timeline.duration_s
    console.print(Text.assemble("\n", ("timeline", "bold"), f"  {', '.join(timeline.in_words)}"))
    known = {word for one in timeline.segments for word in one.label.split("+")}
    lanes = [(name, [one for one in timeline.segments if name in one.label.split("+")]) for name in _LANES]
    lanes += [(kind, [one for one in timeline.repeats if one.label == kind]) for kind in ("jingle", "ad", "passage")]
    for name, stretches in lanes:
        if stretches or name in known:
            share = sum(one.end_s - one.start_s for one in stretches) / max(end_s, 1e-9)
            drawn = Text(strip(stretches, end_s), style=_STYLES.get(name, "dim"))
            console.print(Text.assemble(f"{name:>{_MARGIN}} ", drawn, f" {share:.0%}"))
    if timeline.preview is not None:
        drawn = Text(strip([Stretch(timeline.preview[0], sum(timeline.preview), "preview")], end_s), style="green")
        console.print(Text.assemble(f"{'preview':>{_MARGIN}} ", drawn))
    begin, end = clock(0, end_s), clock(end_s, end_s)
    console.print(f"{'':{_MARGIN}} {begin}{end:>{_COLUMNS - len(begin)}}", style="dim")
    for one in timeline.repeats:
        console.print(f"{clock(one.start_s, end_s):>{_MARGIN}} {one.label}, {one.end_s - one.start_s:.0f} s")
    console.print(Text.assemble("\n", ("chapters", "bold")))
    for chapter in timeline.chapters:
        title = chapter.title or f"({chapter.source.value}, {chapter.confidence:.2f})"
        console.print(Text(f"{clock(chapter.start_s, end_s):>{_MARGIN}} {title}"))
    for problem in timeline.problems:
        console.print(Text(f"  warning: {problem}", style="yellow"))


def strip(stretches: Sequence[Stretch], end_s: float) -> str:
    """Return where in time stretches lie, as blocks: full where they fill most of a column's time, else lighter.

    Examples
    --------
    >>> len(strip([Stretch(0.0, 30.0, "ad")], 60.0))
    72
    """
    column_s = max(end_s, 1e-9) / _COLUMNS
    filled = [0.0] * _COLUMNS
    for one in stretches:
        for column in range(int(one.start_s / column_s), min(_COLUMNS, int(one.end_s / column_s) + 1)):
            begins, ends = column * column_s, (column + 1) * column_s
            filled[column] += max(0.0, min(one.end_s, ends) - max(one.start_s, begins)) / column_s
    return "".join("█" if share > 0.6 else "▓" if share > 0.25 else "░" if share > 0 else " " for share in filled)  # noqa: PLR2004  three shades
