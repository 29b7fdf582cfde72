"""Write the reference pages from the code, so that they cannot say anything else.

``python docs/generate.py`` writes them; a test fails where a committed page is not what this module makes.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from audiofeat import errors, refusals, source_errors, space_errors
from audiofeat.api.problems import status_of
from audiofeat.codes import ErrorCode
from audiofeat.config import PREFIX, Settings
from audiofeat.domain import registry
from audiofeat.domain.field import Field
from audiofeat.domain.genres import names, tree
from audiofeat.domain.quality import Flag, Reason
from audiofeat.domain.views import acousticbrainz, spotify
from audiofeat.errors import AudiofeatError

FOLDER = Path(__file__).parent / "reference"
_NOTE = "<!-- Written by docs/generate.py from {source}; change it there. -->"

# What the code has no sentence for: its names say it to who reads the code.
_REJECTED = {
    ErrorCode.EMPTY_OBJECT: "The object has no bytes.",
    ErrorCode.NOT_AUDIO: "The first bytes are not those of an audio format, whatever the name says.",
    ErrorCode.UNREADABLE: "It begins like audio, and its header cannot be used.",
    ErrorCode.NO_FRAMES: "There is a header and not one sample.",
    ErrorCode.NO_AUDIO_STREAM: "The container holds no audio stream.",
    ErrorCode.UNSUPPORTED_FORMAT: "An audio format that is recognised and not decoded.",
    ErrorCode.NOT_FINITE: "The samples hold NaN or infinity.",
    ErrorCode.AMPLITUDE_OUT_OF_RANGE: "A sample is more than 8 times full scale.",
    ErrorCode.TOO_MANY_CHANNELS: "More than 8 channels.",
    ErrorCode.SAMPLE_RATE_OUT_OF_RANGE: "Below 4,000 Hz or above 384,000 Hz.",
    ErrorCode.TOO_LONG: f"Longer than `{PREFIX}MAX_DURATION_S`.",
    ErrorCode.PCM_BUDGET: "A small file claims to hold more than 1 GB of PCM and 1,000 times its own size.",
}
_REFUSED = {
    ErrorCode.MESSAGE_MALFORMED: "A message or a record in it is no JSON, incomplete, or has a value of a wrong form.",
    ErrorCode.MESSAGE_UNKNOWN: "It has no envelope that is known.",
    ErrorCode.MESSAGE_TOO_LARGE: "It has more than 1,000,000 bytes.",
    ErrorCode.CONFIRMATION_NEEDED: "SNS asks to confirm a subscription by opening a URL, which is not done.",
}
_CRASHED = {
    ErrorCode.EXTRACTION_SIGNAL: "A signal ended the child, such as a fault in native code.",
    ErrorCode.EXTRACTION_DEADLINE: "The child took longer than 10 s plus a fifth of the duration.",
    ErrorCode.EXTRACTION_MEMORY: "The child needed more memory than it may have.",
    ErrorCode.EXTRACTION_FAILED: "The child, or the worker around it, failed with an exception.",
    ErrorCode.LEASE_LOST: "The job lost its worker ten times: killed, or silent until the lease ran out.",
}
_FLAGS = {
    Flag.TRUNCATED: "Less than was declared could be decoded, or the file ends in the middle of a unit.",
    Flag.DAMAGED: "Parts could not be read or decoded; they are missing.",
    Flag.OTHER_TRACKS: "There are more audio tracks; the default one, else the first, was read.",
    Flag.STREAM_CHANGE: "Rate, channels or stream change inside the file.",
    Flag.HEADER_INCONSISTENT: "The header's numbers contradict each other or the file.",
    Flag.TRAILING_DATA: "Something that is no audio follows the audio.",
    Flag.TOO_SHORT: "Less than 3 s; music features are null.",
    Flag.SILENT: "The whole file lies below -70 dBFS.",
    Flag.MOSTLY_SILENT: "More than 60 % of the seconds lie below -70 dBFS.",
    Flag.DROPOUT: "Loud sound breaks off into 0.25-2 s of exact zeros and comes back at once.",
    Flag.DC_OFFSET: "The mean of a channel is more than 0.02 of full scale.",
    Flag.CLIPPED: "More than 1 % of the samples are at full scale.",
    Flag.ANTIPHASE: "Most audible seconds cancel in a mono sum; the louder channel was analysed there.",
    Flag.ONE_CHANNEL_SILENT: "A channel is more than 60 dB below the loudest.",
}
_REASONS = {
    Reason.SILENCE: "There is nothing to be heard.",
    Reason.TOO_SHORT: "There is too little of it.",
    Reason.NOT_MUSIC: "The value means something for music only.",
    Reason.NOT_SPEECH: "The value means something for speech only.",
    Reason.NOT_MEASURED: "This version does not measure it yet.",
    Reason.NO_PULSE: "No beat was found.",
    Reason.ATONAL: "No key was found.",
    Reason.MODEL_FAILED: "A plug-in model gave something that is no number.",
    Reason.LOW_CONFIDENCE: "A guess would be no better than chance.",
    Reason.ABSENT: "It was looked for, and there is none.",
    Reason.NO_MODEL: "The model that would tell is not installed.",
    Reason.MONO: "The value compares two channels, and there is one.",
}


def pages() -> dict[Path, str]:
    """Return the text of every generated page by its path; the same code gives the same text."""
    return {
        FOLDER / "settings.md": settings_page(),
        FOLDER / "features.md": features_page(),
        FOLDER / "codes.md": codes_page(),
        FOLDER / "compatibility.md": compatibility_page(),
        FOLDER / "genres.md": genres_page(),
    }


def settings_page() -> str:
    """Return the page of all ``AUDIOFEAT_*`` variables."""
    # A prefix that no variable has: the page must not depend on whose environment it is made in.
    unset: dict[str, Any] = {"_env_prefix": "AUDIOFEAT_UNREAD_"}
    one, many = Settings(**unset), Settings(**unset, broker_url="amqp://broker")
    rows = []
    for name, field in Settings.model_fields.items():
        default = _shown(field.default)
        if name != "broker_url" and getattr(one, name) != getattr(many, name):
            default += f"; {_shown(getattr(many, name))} with a broker of your own"
        meaning = field.description
        rows.append((f"`{PREFIX}{name.upper()}`", _kind(field), default, meaning))
    return _page(
        "Settings",
        "audiofeat/config.py",
        "Every setting is an environment variable and is read once, when a command starts. A value of a wrong form "
        f"and a name that is almost a setting's end the command with `{ErrorCode.SETTINGS_INVALID}` and exit code 2. "
        "A variable that is set to nothing counts as unset.",
        _table(("variable", "value", "default", "meaning"), rows),
    )


def features_page() -> str:
    """Return the page of every public field of an analysis."""
    overview = (
        "Every field of an analysis, by group. A value is a number, a text or a list, or it is null with a "
        "[reason](codes.md#reasons). `audiofeat features` prints the same list, and `audiofeat features --json` is "
        "made for programs."
    )
    legend = (
        "*measured* follows a standard or a closed form; *estimated* comes from a method with a published accuracy; "
        "*heuristic* is a formula of ours that follows the literature in sign. A *vector* has a fixed number of "
        "values, a *curve* grows with the duration. Changing a number means raising the version of its group."
    )
    parts = [overview, legend]
    for group in dict.fromkeys(field.group for field in registry.PUBLIC_FIELDS):
        fields = [field for field in registry.PUBLIC_FIELDS if field.group == group]
        rows = [(f"`{f.name}`", f.unit, _span(f), f.shape, f.scope, f.definition, f.source) for f in fields]
        parts.append(f"## {group}\n\nVersion {registry.GROUP_VERSIONS[group]}.")
        parts.append(_table(("field", "unit", "range", "shape", "scope", "definition", "source"), rows))
    return _page("Features", "audiofeat/domain/registry.py", *parts)


def codes_page() -> str:
    """Return the page of error codes, flags and reasons."""
    raised = [
        (f"AF{c.code.number}", f"`{c.code}`", _sentence(c), status_of(c), _exit_code(c),
         "yes" if c.retryable else "no", c.code.remedy)
        for c in _leaves()
    ]  # fmt: skip
    return _page(
        "Codes",
        "audiofeat/codes.py, audiofeat/errors.py and audiofeat/domain/quality.py",
        "Errors, flags and reasons have stable codes, and errors stable numbers; both are part of the public contract.",
        "## Errors\n\nThe command line prints `error [code]: message` and a remedy, and ends with the exit code. "
        "The HTTP API answers with the status and an `application/problem+json` that carries the code. What is "
        "worth another try is tried again by the workers.",
        _table(("no.", "code", "meaning", "HTTP", "exit", "tried again", "remedy"), raised),
        "## Refused messages\n\nA message from outside was not accepted, and would not be if it came again. "
        "`audiofeat failures` shows it; over HTTP the answer is a problem with status 422.",
        _table(("no.", "code", "meaning", "remedy"), _remedied(_REFUSED)),
        "## Rejected audio\n\nThe bytes are not audio that can be analysed. The job ends as `rejected`, and trying "
        "again changes nothing.",
        _table(("no.", "code", "meaning", "remedy"), _remedied(_REJECTED)),
        "## Crashed extractions\n\nThe child that analyses a file died and its worker lived: one crash for the job. "
        "It is tried again; after three the job is `quarantined`.",
        _table(("no.", "code", "meaning", "remedy"), _remedied(_CRASHED)),
        "## Flags\n\nA flag says that the sound was not fully or not soundly read. One is enough to make a record "
        "`degraded`; its values still stand for what was read.",
        _table(("flag", "meaning"), _explained(_FLAGS)),
        "## Reasons\n\nEvery null among the features has a reason. A null with a reason does not degrade a record.",
        _table(("reason", "meaning"), _explained(_REASONS)),
    )


def compatibility_page() -> str:
    """Return the page of every field of the views: from what it is computed, and how far to trust it."""
    overview = (
        "Every field of `audiofeat analyse --format ...`, from the table that computes it. The scope is the weakest of "
        "the sources and of the computation, as [under features](features.md); where there is none, the field is a "
        "constant or null. `[]` stands for each entry of a list. [How to use them](../how-to/compatibility.md)."
    )
    parts = [overview]
    for title, rows in (("Spotify", spotify.ROWS), ("AcousticBrainz", acousticbrainz.FILLED)):
        cells = [(f"`{r.name}`", ", ".join(f"`{path}`" for path in r.sources), r.scope or "", r.how) for r in rows]
        parts += [f"## {title}", _table(("field", "from", "scope", "how"), cells)]
    null = ", ".join(f"`{name}`" for name in acousticbrainz.UNFILLED)
    parts.append(f"Null, because nothing of ours has their definition: {null}.")
    return _page("Compatibility", "audiofeat/domain/views/", *parts)


def genres_page() -> str:
    """Return the page of the genre tree, with every name that is mapped to a node."""
    others: dict[str, list[str]] = {}
    for name, path in names().items():
        others.setdefault(path, []).append(name)
    lines = []
    for node, path in tree().items():
        also = [name for name in others[path] if name != node]
        lines.append(f"{'    ' * path.count('/')}- {node}" + (f" (also: {', '.join(also)})" if also else ""))
    return _page(
        "Genres",
        "audiofeat/domain/reference/genres.txt",
        "What a source calls a genre is kept as it is, and mapped to this tree by name, never by guess: case, accents "
        "and signs do not matter, `&` is `and`. A filter by a genre means everything below it, too; a merge policy "
        "adds rows of its own ([how](../how-to/metadata.md#genres-and-names)).",
        "\n".join(lines),
    )


def _leaves() -> list[type[AudiofeatError]]:
    """Return the errors with one code each, in the order of the tree."""
    classes = {
        c
        for module in (errors, refusals, source_errors, space_errors)
        for _, c in inspect.getmembers(module, inspect.isclass)
    }
    found = [c for c in classes if issubclass(c, AudiofeatError)]
    return sorted((c for c in found if hasattr(c, "code")), key=lambda c: list(ErrorCode).index(c.code))


def _explained(meanings: Mapping[Any, str]) -> list[tuple[str, str]]:
    return [(f"`{code}`", meaning) for code, meaning in meanings.items()]


def _remedied(meanings: Mapping[ErrorCode, str]) -> list[tuple[str, str, str, str]]:
    return [(f"AF{code.number}", f"`{code}`", meaning, code.remedy) for code, meaning in meanings.items()]


def missing_meanings() -> set[StrEnum]:
    """Return the codes that the page would leave out."""
    told = {c.code for c in _leaves()} | set(_REFUSED) | set(_REJECTED) | set(_CRASHED) | set(_FLAGS) | set(_REASONS)
    return {code for family in (ErrorCode, Flag, Reason) for code in family if code not in told}


def _exit_code(error: type[AudiofeatError]) -> int:
    return 2 if issubclass(error, errors.UsageError | errors.SettingsInvalid) else 1


def _sentence(error: type[AudiofeatError]) -> str:
    return (error.__doc__ or "").splitlines()[0]


def _shown(value: object) -> str:
    if value is None or value == ():
        return "unset"
    if isinstance(value, int | float):
        return f"{value:.10g}"
    return f"`{value}`"


def _kind(field: FieldInfo) -> str:
    bounds = [
        f"{word} {getattr(rule, name):.10g}"
        for rule in field.metadata
        for name, word in (("ge", "at least"), ("gt", "above"), ("le", "at most"))
        if getattr(rule, name, None) is not None
    ]
    if choices := _choices(field.annotation):
        return " or ".join(f"`{choice}`" for choice in choices)
    named = {
        Path: "folder",
        str: "text",
        SecretStr: "secret",
        bool: "yes or no",
        int: "whole number",
        float: "number",
        tuple: "list",
    }
    return ", ".join([named[_plain(field.annotation)], *bounds])


def _choices(annotation: Any) -> tuple[str, ...]:  # noqa: ANN401  as below
    """Return the words that a setting may be, where they are listed."""
    if get_origin(annotation) is Union:
        annotation = get_args(annotation)[0]
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _plain(annotation: Any) -> type:  # noqa: ANN401  whatever may stand behind a colon
    origin = get_origin(annotation)
    if origin is UnionType or origin is Annotated:
        return _plain(get_args(annotation)[0])
    found: type = origin or annotation
    return found


def _span(field: Field) -> str:
    low, high = ("" if bound is None else f"{bound:,g}" for bound in (field.low, field.high))
    return f"{low} to {high}" if low and high else f"from {low}" if low else ""


def _table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(re.sub(r"\s*\|\s*", " or ", str(cell)) for cell in cells) + " |"

    head = tuple(header)
    return "\n".join([line(head), line("---" for _ in head), *map(line, rows)])


def _page(title: str, source: str, *parts: str) -> str:
    return "\n\n".join([_NOTE.format(source=source), f"# {title}", *parts]) + "\n"


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
