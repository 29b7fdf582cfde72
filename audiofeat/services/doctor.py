"""Examine the machine: small checks, each with a verdict, what was found, and what to do about it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from audiofeat.errors import AudiofeatError


class Verdict(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and the remedy where it is not as it should be."""

    verdict: Verdict
    found: str
    remedy: str = ""


Check = Callable[[], Finding]


def fine(found: str) -> Finding:
    """Return a finding without fault."""
    return Finding(Verdict.OK, found)


def examine(checks: Mapping[str, Check]) -> Iterator[tuple[str, Finding]]:
    """Yield each check's name and finding, in order; a check that raises has failed, and the next one runs."""
    for name, check in checks.items():
        try:
            finding = check()
        except AudiofeatError as error:
            finding = Finding(Verdict.FAILED, f"{error.code}: {error.message}", error.remedy)
        except Exception as error:  # noqa: BLE001  whatever it is, the other checks go on
            finding = Finding(Verdict.FAILED, f"{type(error).__name__}: {error}", "report it, with this line")
        yield name, finding
