"""The figure of ``audiofeat inspect --plot``: waveform, mel spectrogram, chroma and loudness on one time axis.

Colours are those of Okabe and Ito and of matplotlib's *magma* and *cividis*, which people with any colour
vision can tell apart.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiofeat.cli.blocks import resampled
from audiofeat.domain.views.timeline import intervals
from audiofeat.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SECTIONS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#0072b2", "#d55e00")
_WAVE, INK, LINE, FAINT, ACCENT = "#33415c", "#222222", "#0072b2", "#8a8f98", "#d55e00"
_PITCHES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_MEL_TICKS_HZ = (100, 300, 1_000, 3_000, 10_000)
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.6,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "savefig.dpi": 160,
}
_MOST_BEATS = 240
_MOST_LEVELS = 1_000
_MOST_TICKS = 12
_TICKS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600)
_LEAST_LABEL_RATIO = 0.03
_QUIETEST_LUFS = -60.0
_LEAST_SPAN_LU = 15.0


def require_matplotlib() -> None:
    """Raise InvalidInput where the optional plotting library is not installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        raise InvalidInput(
            "a figure needs matplotlib, which is not installed", "pip install 'audiofeat[plot]'"
        ) from None
    mpl.use("Agg")


def draw(record: Mapping[str, Any], picture: Mapping[str, Any], *, title: str, subtitle: str, into: Path) -> None:
    """Draw the figure of one analysed file.

    Parameters
    ----------
    record : mapping
        A record with its curves, not a rejected one.
    picture : mapping
        The envelope and the mel spectrogram that the extraction child sent with it.
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

    duration_s = record["audio"]["decoded_duration_s"]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(4, 1, figsize=(12, 9), sharex=True, height_ratios=(2.2, 2.4, 1.8, 1.5))
        figure.set_layout_engine("constrained", h_pad=0.06, hspace=0.02)
        wave, mel, chroma, loudness = axes
        _waveform(wave, record, picture["envelope"])
        _mel(mel, picture["mel"], duration_s)
        _chroma(chroma, record)
        loudness_panel(loudness, record)
        time_axis(loudness, duration_s)
        save(figure, title=title, subtitle=subtitle, subtitle_at=0.962, into=into)


def save(figure: "Figure", *, title: str, subtitle: str, subtitle_at: float, into: Path) -> None:
    """Put two lines on top of a figure, write it and close it; raises InvalidInput for an unknown suffix."""
    import matplotlib.pyplot as plt

    figure.align_ylabels()
    figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=14, fontweight="bold", color=INK)
    figure.text(0.011, subtitle_at, subtitle, ha="left", va="top", fontsize=10, color="#555b66")
    try:
        figure.savefig(into)
    except ValueError as error:
        raise InvalidInput(f"{into}: {error}", "give a name that ends in .png, .svg or .pdf") from None
    finally:
        plt.close(figure)


def time_axis(axes: "Axes", duration_s: float) -> None:
    """Mark the time below a panel, in steps that fit the duration."""
    from matplotlib.ticker import MultipleLocator

    axes.set_xlim(0, max(duration_s, 0.1))
    step_s = next((step for step in _TICKS_S if duration_s / step <= _MOST_TICKS), _TICKS_S[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step_s))
    axes.xaxis.set_major_formatter(lambda seconds, _: clock(seconds, duration_s))
    form = "s" if duration_s < 10 else "min:s" if duration_s < 3_600 else "h:min:s"  # noqa: PLR2004  as in clock
    axes.set_xlabel(f"time ({form})")


def clock(seconds: float, duration_s: float) -> str:
    """Return a time as m:ss, as h:mm:ss for long items, or with tenths for short ones."""
    if duration_s < 10:  # noqa: PLR2004  seconds
        return f"{seconds:.1f}"
    minutes, rest = divmod(round(seconds), 60)
    if duration_s < 3_600:  # noqa: PLR2004  an hour
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _waveform(axes: "Axes", record: Mapping[str, Any], envelope: Mapping[str, Any]) -> None:
    import numpy as np

    low, high = (np.asarray(envelope[side]) for side in ("low", "high"))
    times = np.arange(len(low)) * envelope["step_s"]
    peak = max(float(np.abs(low).max(initial=0)), float(np.abs(high).max(initial=0)), 1e-6)
    reach = min(1.0, peak * 1.05) if peak > 0.02 else 1.0  # noqa: PLR2004  silence is not blown up
    axes.fill_between(times, low, high, step="post", color=_WAVE, linewidth=0.3, zorder=2)
    axes.set_ylim(-1.32 * reach, 1.32 * reach)
    axes.set_yticks((-reach, 0, reach), (f"−{reach:.2g}", "0", f"{reach:.2g}"))
    axes.set_ylabel("waveform")
    _sections(axes, record)
    rhythm = record["features"]["rhythm"]
    beats, downbeats = rhythm["beat_times_s"] or (), rhythm.get("downbeat_times_s") or ()
    if len(beats) <= _MOST_BEATS:
        axes.vlines(beats, -1.28 * reach, -1.16 * reach, color=FAINT, linewidth=0.7)
    if len(downbeats) <= _MOST_BEATS:
        axes.vlines(downbeats, -1.28 * reach, -1.06 * reach, color=ACCENT, linewidth=1.0)
    shown = [name for name, times in (("beats", beats), ("bars", downbeats)) if 0 < len(times) <= _MOST_BEATS]
    _beside(axes, -1.17 * reach, " and ".join(shown), FAINT)


def _sections(axes: "Axes", record: Mapping[str, Any]) -> None:
    structure = record["features"].get("structure") or {}
    duration_s = record["audio"]["decoded_duration_s"]
    stretches = intervals(structure.get("section_starts_s") or (), duration_s)
    spans = [
        (*stretch, label) for stretch, label in zip(stretches, structure.get("section_labels") or (), strict=False)
    ]
    colours = {label: _SECTIONS[n % len(_SECTIONS)] for n, label in enumerate(sorted({label for *_, label in spans}))}
    top = axes.get_ylim()[1]
    for start_s, length_s, label in spans:
        axes.axvspan(start_s, start_s + length_s, color=colours[label], alpha=0.22, linewidth=0, zorder=0)
        axes.axvline(start_s, color="white", linewidth=1.2, zorder=1)
        if length_s > _LEAST_LABEL_RATIO * duration_s:
            middle_s = start_s + length_s / 2
            axes.text(middle_s, 0.93 * top, label, ha="center", va="top", fontsize=9, fontweight="bold", color=INK)
    begin_s, shown_s = structure.get("preview_start_s"), structure.get("preview_duration_s")
    if begin_s is not None and shown_s is not None:
        axes.hlines(0.985 * top, begin_s, begin_s + shown_s, color=ACCENT, linewidth=3)
        axes.text(begin_s + shown_s / 2, top, "preview", ha="center", va="bottom", fontsize=7.5, color=ACCENT)


def _mel(axes: "Axes", mel: Mapping[str, Any], duration_s: float) -> None:
    import numpy as np

    axes.set_ylabel("mel spectrum (Hz)")
    if not mel["level_db"]:
        _nothing(axes, "silence")
        return
    levels, centres_hz = np.asarray(mel["level_db"]).T, np.asarray(mel["centre_hz"])
    end_s = min(levels.shape[1] * mel["step_s"], duration_s)
    image = axes.imshow(
        levels, aspect="auto", origin="lower", cmap="magma", vmin=-70, vmax=0, interpolation="antialiased",
        extent=(0, max(end_s, 0.1), -0.5, len(centres_hz) - 0.5),
    )  # fmt: skip
    ticks = np.interp(_MEL_TICKS_HZ, centres_hz, np.arange(len(centres_hz)))
    axes.set_yticks(ticks, [f"{hz:,}" for hz in _MEL_TICKS_HZ])
    _bar(axes, image, "dB below peak")


def _chroma(axes: "Axes", record: Mapping[str, Any]) -> None:
    import numpy as np

    axes.set_ylabel("chroma")
    curve = record["features"]["tonal"].get("hpcp_curve")
    if not curve:
        _nothing(axes, reason_of(record, "tonal.hpcp_curve"))
        return
    rows = np.asarray(curve, dtype=np.float64)
    rows = rows / np.maximum(rows.max(axis=1, keepdims=True), 1e-9)
    end_s = min(len(rows), record["audio"]["decoded_duration_s"])
    image = axes.imshow(
        rows.T, aspect="auto", origin="lower", cmap="cividis", vmin=0, vmax=1, interpolation="antialiased",
        extent=(0, max(end_s, 0.1), -0.5, 11.5),
    )  # fmt: skip
    axes.set_yticks(range(0, 12, 2), _PITCHES[::2])
    _bar(axes, image, "share of strongest")


def loudness_panel(axes: "Axes", record: Mapping[str, Any]) -> None:
    """Draw the loudness of each second, and that of the whole."""
    import numpy as np

    loudness = record["features"]["loudness"]
    curve = np.asarray(loudness["loudness_curve_lufs"] or ())
    axes.set_ylabel("loudness (LUFS)")
    if not len(curve) or curve.max() < _QUIETEST_LUFS:
        _nothing(axes, "silence" if len(curve) else reason_of(record, "loudness.loudness_curve_lufs"))
        return
    seconds, loudest = len(curve), float(curve.max())
    floor = max(_QUIETEST_LUFS, min(float(curve.min()) - 3, loudest - _LEAST_SPAN_LU))
    curve = np.asarray(resampled(curve.tolist(), min(len(curve), _MOST_LEVELS)))
    times = np.linspace(0, seconds, len(curve) + 1)
    levels = np.maximum(np.append(curve, curve[-1]), floor)
    axes.fill_between(times, floor, levels, step="post", color=LINE, alpha=0.18, linewidth=0)
    axes.step(times, levels, where="post", color=LINE, linewidth=1.1)
    axes.set_ylim(floor, loudest + 3)
    integrated = loudness["integrated_loudness_lufs"]
    if integrated is not None:
        axes.axhline(integrated, color=ACCENT, linewidth=1, linestyle=(0, (4, 3)))
        _beside(axes, integrated, f"integrated\n{integrated:.1f} LUFS".replace("-", "−"), ACCENT)


def _beside(axes: "Axes", height: float, text: str, colour: str) -> None:
    where = ("axes fraction", "data")
    note = axes.annotate(text, (1.008, height), xycoords=where, va="center", fontsize=8, color=colour)
    note.set_annotation_clip(False)
    note.set_in_layout(False)


def _bar(axes: "Axes", image: Any, label: str) -> None:  # noqa: ANN401  what imshow returns
    bar = axes.figure.colorbar(image, ax=axes, pad=0.01, fraction=0.03, aspect=18)
    bar.set_label(label, fontsize=8)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7.5, width=0.5)


def _nothing(axes: "Axes", why: str) -> None:
    axes.set_yticks(())
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color=FAINT, style="italic")


def reason_of(record: Mapping[str, Any], path: str) -> str:
    """Return why a field is null, in words."""
    return str(record["reasons"].get(path, "not measured")).replace("_", " ")
