"""A record as a page of text: what ``audiofeat inspect`` prints."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from audiofeat.cli import blocks
from audiofeat.cli.figure import clock
from audiofeat.domain import registry
from audiofeat.domain.families import FAMILIES
from audiofeat.domain.quality import Reason, Status
from audiofeat.domain.views.timeline import intervals

_COLUMNS, _CHART_ROWS, _MARGIN = 72, 4, 14
_BEATS_SHOWN_S, _BEAT_LINE_S = 30.0, 10.0
_CHORDS_SHOWN = 5
_NAMED_MOST = 4
_QUIETEST_LUFS = -70.0
_STYLES = ("black on bright_cyan", "black on bright_yellow", "black on bright_green", "black on bright_magenta")
_CHANNELS = {1: "mono", 2: "stereo"}
_BARS = {
    "percussive": "instrumentation.percussive_ratio",
    "harmonic": "instrumentation.harmonic_ratio",
    "low end": "instrumentation.low_end_ratio",
    "noise": "instrumentation.noise_ratio",
    "speech": "speech.speech_ratio",
    "music alone": "speech.music_ratio",
    "stereo width": "stereo.stereo_width",
    "arousal": "mood.arousal",
    "valence": "mood.valence",
}
WHY: Mapping[Reason, str] = {
    Reason.SILENCE: "there is nothing to be heard",
    Reason.TOO_SHORT: "there is too little of it",
    Reason.NOT_MUSIC: "it means something for music only",
    Reason.NOT_SPEECH: "it means something for speech only",
    Reason.NOT_MEASURED: "this version does not measure it yet",
    Reason.NO_PULSE: "no beat was found",
    Reason.ATONAL: "no key was found",
    Reason.LOW_CONFIDENCE: "a guess would be no better than chance",
    Reason.ABSENT: "it was looked for and is not there",
    Reason.NO_MODEL: "no model that would tell is installed",
    Reason.MODEL_FAILED: "a model that was added gave something that is no number",
    Reason.MONO: "there is one channel only",
}


class Overview:
    """Prints a record part by part; a part without a value is left to the list of what could not be told.

    Parameters
    ----------
    record : dict
        With its curves.
    is_episode : bool
        Whether a timeline follows.
    """

    def __init__(self, record: dict[str, Any], *, is_episode: bool = False) -> None:
        self._record, self.is_episode = record, is_episode
        self._duration_s = record["audio"].get("decoded_duration_s", 0.0)

    @property
    def is_rejected(self) -> bool:
        """Whether there is nothing but a verdict."""
        return bool(self._record["status"] == Status.REJECTED)

    def headline(self, words: Sequence[str] = ()) -> str:
        """Return tempo and key, or words instead of these, loudness and format in one line."""
        tempo, key, loudness = self("rhythm.tempo_bpm"), self("tonal.key"), self("loudness.integrated_loudness_lufs")
        musical = [
            "no tempo" if tempo is None else f"{tempo:.1f} BPM",
            "no key" if key is None else f"{key} {self('tonal.mode')}",
        ]
        parts = [
            *([", ".join(words)] if words else musical),
            "no loudness" if loudness is None else _signed(loudness, "LUFS"),
            f"{clock(self._duration_s, self._duration_s)}{' s' if self._duration_s < 10 else ''}",  # noqa: PLR2004  below ten seconds the clock is no clock
            self._format(),
        ]
        return "   ".join(parts)

    def show(self, console: Console) -> None:
        """Print everything; of an episode not the preview of its music, since its timeline has one."""
        self._header(console)
        if self.is_rejected:
            return
        for part in (
            self._loudness, self._rhythm, self._tonal, self._instruments, self._sections, self._bars, self._untold,
        ):  # fmt: skip
            part(console)

    def __call__(self, path: str) -> Any:  # noqa: ANN401  a field's own type
        """Return a feature's value, or None."""
        group, name = path.split(".")
        return self._record["features"].get(group, {}).get(name)

    def _format(self) -> str:
        audio = self._record["audio"]
        channels = _CHANNELS.get(audio["channels"], f"{audio['channels']} channels")
        return f"{audio['codec']}, {audio['sample_rate_hz'] / 1000:g} kHz, {channels}"

    def _header(self, console: Console) -> None:
        record, audio = self._record, self._record["audio"]
        status = {"ok": "green", "degraded": "yellow", "rejected": "red"}[record["status"]]
        console.print(Text(record["source"], style="bold"), Text(record["status"], style=status), soft_wrap=True)
        if self.is_rejected:
            console.print(f"  {record['error']['code']}: {record['error']['message']}", soft_wrap=True)
            return
        declared_s = audio["declared_duration_s"]
        said = "not declared" if declared_s is None else f"{clock(declared_s, declared_s)} declared"
        track = f"; audio track {audio['track']} of {audio['tracks']}" if audio.get("tracks") else ""
        console.print(f"  {self._format()}; {clock(self._duration_s, self._duration_s)} decoded, {said}{track}")
        for flag in record["flags"]:
            console.print(Text(f"  warning: {flag.replace('_', ' ')}", style="yellow"))

    def _loudness(self, console: Console) -> None:
        curve, integrated = self("loudness.loudness_curve_lufs"), self("loudness.integrated_loudness_lufs")
        if not curve or integrated is None:
            return
        facts = [f"{_signed(integrated, 'LUFS')} integrated"]
        for path, unit, word in (
            ("loudness.loudness_range_lu", "LU", "range"), ("loudness.true_peak_dbtp", "dBTP", "true peak"),
        ):  # fmt: skip
            if self(path) is not None:
                facts.append(f"{word} {_signed(self(path), unit)}")
        _title(console, "loudness", ", ".join(facts))
        heard = [level for level in curve if level > _QUIETEST_LUFS]
        high = max(heard, default=0.0)
        low = min(max(min(heard, default=0.0), high - 30), high - 6)
        lines = blocks.chart(curve, low=low, high=high, columns=_COLUMNS, rows=_CHART_ROWS)
        marks = [f"{_signed(high, 'LUFS')}", *[""] * (_CHART_ROWS - 2), _signed(low, "LUFS")]
        for mark, line in zip(marks, lines, strict=True):
            console.print(Text.assemble(f"{mark:>{_MARGIN}} ", (line, "cyan")))
        self._axis(console)

    def _axis(self, console: Console) -> None:
        begin, end = clock(0, self._duration_s), clock(self._duration_s, self._duration_s)
        console.print(f"{'':{_MARGIN}} {begin}{end:>{_COLUMNS - len(begin)}}", style="dim")

    def _rhythm(self, console: Console) -> None:
        tempo, beats = self("rhythm.tempo_bpm"), self("rhythm.beat_times_s")
        if tempo is None or not beats:
            return
        facts = [f"{tempo:.2f} BPM"]
        facts += self._rated("rhythm.tempo_confidence", "confidence {:.2f}")
        second = self("rhythm.tempo_second_bpm")
        if second is not None:
            facts.append(
                f"or {second:.1f}" + "".join(self._rated("rhythm.tempo_second_salience", " (salience {:.2f})"))
            )
        facts += self._rated("rhythm.meter", "{:.0f} beats a bar")
        facts += self._rated("rhythm.tempo_stability", "stability {:.2f}")
        _title(console, "tempo", ", ".join(facts))
        end_s = min(self._duration_s, _BEATS_SHOWN_S)
        downbeats = self("rhythm.downbeat_times_s") or []
        for start_s, line in blocks.beat_lines(beats, downbeats, end_s=end_s, line_s=_BEAT_LINE_S, columns=_COLUMNS):
            console.print(Text.assemble((f"{clock(start_s, 60):>{_MARGIN}} ", "dim"), (line, "cyan")))

    def _rated(self, path: str, form: str) -> list[str]:
        return [] if self(path) is None else [form.format(self(path))]

    def _tonal(self, console: Console) -> None:
        if self("tonal.key") is not None:
            facts = [f"{self('tonal.key')} {self('tonal.mode')}"]
            facts += self._rated("tonal.key_strength", "strength {:.2f}")
            if self("tonal.key_second") is not None:
                facts.append(f"or {self('tonal.key_second')} {self('tonal.mode_second')}")
                facts += self._rated("tonal.key_second_strength", "strength {:.2f}")
            facts += self._rated("tonal.tuning_hz", "A4 at {:.1f} Hz")
            _title(console, "key", ", ".join(facts))
        chords = self._chords()
        if chords:
            _title(console, "chords", ", ".join(f"{chord} {share:.0%}" for chord, share in chords))

    def _chords(self) -> list[tuple[str, float]]:
        """Return the chords that sound longest, with their shares of the item."""
        times_s, labels = self("tonal.chord_times_s"), self("tonal.chord_labels")
        shares: dict[str, float] = {}
        for (_, length_s), label in zip(intervals(times_s or (), self._duration_s), labels or (), strict=False):
            if label != "N":
                shares[label] = shares.get(label, 0.0) + length_s / max(self._duration_s, 1e-9)
        return sorted(shares.items(), key=lambda chord: -chord[1])[:_CHORDS_SHOWN]

    def _instruments(self, console: Console) -> None:
        """Name the families that are to be heard, the surest first."""
        sure = [(self(f"instrumentation.{family}_probability"), family) for family in FAMILIES
                if self(f"instrumentation.{family}") == "present"]  # fmt: skip
        if sure:
            said = ", ".join(f"{family.replace('_', ' ')} {share:.2f}" for share, family in sorted(sure, reverse=True))
            _title(console, "instruments", said)

    def _sections(self, console: Console) -> None:
        starts_s, labels = self("structure.section_starts_s"), self("structure.section_labels")
        if not starts_s or not labels:
            return
        stretches = intervals(starts_s, self._duration_s)
        style = {label: _STYLES[n % len(_STYLES)] for n, label in enumerate(dict.fromkeys(labels))}
        times = ", ".join(
            f"{label} {clock(start_s, self._duration_s)}" for label, start_s in zip(labels, starts_s, strict=True)
        )
        _title(console, "sections", times)
        drawn = blocks.strip(stretches, labels, columns=_COLUMNS)
        console.print(Text.assemble(" " * (_MARGIN + 1), *((text, style[label]) for label, text in drawn)))
        start_s, length_s = self("structure.preview_start_s"), self("structure.preview_duration_s")
        if start_s is not None and length_s is not None and not self.is_episode:
            before = round(start_s / self._duration_s * _COLUMNS)
            wide = max(1, round(length_s / self._duration_s * _COLUMNS))
            said = f"preview from {clock(start_s, self._duration_s)}"
            console.print(Text.assemble(" " * (_MARGIN + 1 + before), ("▔" * wide, "red"), f" {said}"))
        self._axis(console)

    def _bars(self, console: Console) -> None:
        shares = {word: self(path) for word, path in _BARS.items() if self(path) is not None}
        if not shares:
            return
        _title(console, "shares", "")
        for word, share in shares.items():
            console.print(
                Text.assemble(f"{word:>{_MARGIN}} ", (blocks.bar(share, columns=40), "cyan"), f" {share:.0%}")
            )

    def _untold(self, console: Console) -> None:
        """Say in plain words what is null, and why."""
        untold: dict[str, dict[str, list[str]]] = {}
        for path, reason in self._record["reasons"].items():
            group, name = path.split(".")
            if group not in registry.INTERNAL_GROUPS:
                untold.setdefault(reason, {}).setdefault(group, []).append(name.replace("_", " "))
        if untold:
            _title(console, "not told", "")
        for reason, groups in untold.items():
            several = [f"{group} ({len(names)} values)" for group, names in groups.items() if len(names) > _NAMED_MOST]
            single = [name for names in groups.values() if len(names) <= _NAMED_MOST for name in names]
            console.print(Text.assemble("  ", (f"{WHY[Reason(reason)]}: ", "yellow"), ", ".join(several + single)))


def _title(console: Console, word: str, facts: str) -> None:
    console.print(Text.assemble("\n", (word, "bold"), "  " if facts else "", facts))


def _signed(value: float, unit: str) -> str:
    return f"{value:.1f} {unit}".replace("-", "−")
