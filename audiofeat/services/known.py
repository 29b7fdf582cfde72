"""What is known of some bytes already, and which of it a newer version of the extractor would measure anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from audiofeat.domain import registry
from audiofeat.domain.jobs import GroupResult
from audiofeat.ports import Analysis, Catalogue


@dataclass(frozen=True, slots=True)
class Known:
    """An earlier analysis of the same bytes.

    Parameters
    ----------
    analyses : mapping
        The newest version of each group that was measured.
    """

    audio: dict[str, Any]
    flags: tuple[str, ...]
    extractor: dict[str, Any]
    descriptor: bytes | None
    analyses: Mapping[str, Analysis]

    @classmethod
    def of(cls, catalogue: Catalogue, sha256: str) -> Self | None:
        """Return what the catalogue knows of these bytes, None where they are new."""
        known = catalogue.outcome_of_audio(sha256)
        return None if known is None else cls(*known, catalogue.analyses_of_audio(sha256))

    @property
    def stale(self) -> frozenset[str]:
        """Groups of which there is no result of today's version."""
        return frozenset(
            group
            for group, version in registry.GROUP_VERSIONS.items()
            if group not in self.analyses or self.analyses[group].version != version
        )

    def current(self) -> tuple[GroupResult, ...]:
        """Return the results of today's version."""
        return tuple(
            GroupResult(a.group, a.version, dict(a.values), dict(a.reasons), a.curves_key)
            for a in self.analyses.values()
            if a.group in registry.GROUP_VERSIONS and a.group not in self.stale
        )
