"""The figure of an episode: what is heard when, what other episodes have too, chapters, and loudness."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiofeat.cli.figure import (
    ACCENT,
    FAINT,
    INK,
    LINE,
    STYLE,
    clock,
    loudness_panel,
    require_matplotlib,
    save,
    time_axis,
)
from audiofeat.domain.timelines import Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito: told apart with any colour vision.
_COLOURS = {
    "speech": "#0072b2", "music": "#e69f00", "noise": "#999999", "silence": "#dddddd", "jingle": "#cc79a7",
    "ad": "#d55e00", "passage": "#009e73",
}  # fmt: skip
_HEARD = ("speech", "music", "noise", "silence")
_REPEATED = ("jingle", "ad", "passage")
_LEAST_LABEL_RATIO = 0.05
_MOST_TITLE = 26


def draw(timeline: Timeline, record: dict[str, Any], *, title: str, subtitle: str, into: Path) -> None:
    """Draw the timeline of one episode.

    Parameters
    ----------
    timeline : Timeline
        What is drawn.
    record : dict
        Whose loudness is drawn below.
    title, subtitle : str
        The two lines on top.
    into : Path
        Where to write; its suffix chooses the format.

    Raises
    ------
    InvalidInput
        matplotlib is not installed, or does not know the format.
    """
    require_matplotlib()
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(3, 1, figsize=(12, 6), sharex=True, height_ratios=(1.1, 2.4, 1.5))
        figure.set_layout_engine("constrained", h_pad=0.05, hspace=0.02)
        _chapters(axes[0], timeline)
        _lanes(axes[1], timeline)
        loudness_panel(axes[2], record)
        time_axis(axes[2], timeline.duration_s)
        save(figure, title=title, subtitle=subtitle, subtitle_at=0.945, into=into)


def _chapters(axes: "Axes", timeline: Timeline) -> None:
    axes.set_ylabel("chapters")
    axes.set_yticks(())
    axes.set_ylim(0, 1)
    for number, chapter in enumerate(timeline.chapters):
        is_said = bool(chapter.title)
        axes.axvspan(chapter.start_s, chapter.end_s, color=LINE, alpha=0.22 if number % 2 else 0.1, linewidth=0)
        axes.axvline(chapter.start_s, color=INK if is_said else FAINT, linewidth=1, linestyle="-" if is_said else ":")
        if chapter.end_s - chapter.start_s > _LEAST_LABEL_RATIO * timeline.duration_s:
            title = chapter.title or clock(chapter.start_s, timeline.duration_s)
            axes.text(
                chapter.start_s, 0.62, f" {title[:_MOST_TITLE]}", fontsize=8, color=INK if is_said else FAINT,
                va="center", clip_on=True,
            )  # fmt: skip
    if timeline.preview is not None:
        axes.hlines(0.12, timeline.preview[0], sum(timeline.preview), color=ACCENT, linewidth=4)
        axes.text(timeline.preview[0], 0.2, " preview", fontsize=7.5, color=ACCENT, va="bottom")


def _lanes(axes: "Axes", timeline: Timeline) -> None:
    names = [*_HEARD, *(kind for kind in _REPEATED if any(one.label == kind for one in timeline.repeats))]
    for row, name in enumerate(reversed(names)):
        stretches = timeline.repeats if name in _REPEATED else timeline.segments
        spans = [(one.start_s, one.end_s - one.start_s) for one in stretches if name in one.label.split("+")]
        axes.broken_barh(spans, (row - 0.38, 0.76), color=_COLOURS[name], linewidth=0)
    axes.set_yticks(range(len(names)), list(reversed(names)))
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_ylabel("heard")
