"""What is known of some bytes already, and which of it a newer version of the extractor would measure anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from audiofeat.domain.jobs import GroupResult
from audiofeat.ports import Analysis, Catalogue


@dataclass(frozen=True, slots=True)
class Known:
    """An earlier analysis of the same bytes.

    Parameters
    ----------
    analyses : mapping
        The newest version of each group that was measured.
    versions : mapping
        Those that are wanted.
    """

    audio: dict[str, Any]
    flags: tuple[str, ...]
    extractor: dict[str, Any]
    descriptor: bytes | None
    analyses: Mapping[str, Analysis]
    versions: Mapping[str, int]

    @classmethod
    def of(cls, catalogue: Catalogue, sha256: str, versions: Mapping[str, int]) -> Self | None:
        """Return what the catalogue knows of these bytes, None where they are new."""
        known = catalogue.outcome_of_audio(sha256)
        return None if known is None else cls(*known, catalogue.analyses_of_audio(sha256), versions)

    @property
    def stale(self) -> frozenset[str]:
        """Groups of which there is no result of the wanted version."""
        return frozenset(
            group
            for group, version in self.versions.items()
            if group not in self.analyses or self.analyses[group].version != version
        )

    def current(self) -> tuple[GroupResult, ...]:
        """Return the results of the wanted version."""
        return tuple(
            GroupResult(a.group, a.version, dict(a.values), dict(a.reasons), a.curves_key)
            for a in self.analyses.values()
            if a.group in self.versions and a.group not in self.stale
        )
