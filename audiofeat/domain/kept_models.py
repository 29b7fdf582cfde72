"""Models that a catalogue keeps beside the shipped ones: heads fitted on its own labels, and plug-ins.

Each change of a name is a revision, and revisions only rise: also going back to the shipped head is one. So what was
measured under the last one is stale, whichever way it went.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from audiofeat.domain.plugin_models import group_of
from audiofeat.domain.registry import GROUP_VERSIONS, is_as_head_reads_it

# Version 4 of a group under the third revision of its head is 4003.
_REVISIONS_MOST = 1_000
HEADS: Mapping[str, str] = {"mood": "mood", "instruments": "instrumentation"}
"""Heads that a catalogue may fit on its own labels, and the feature group of each."""


class ModelKind(StrEnum):
    """What was kept under a name."""

    HEAD = "head"
    SHIPPED = "shipped"  # the shipped head again
    FORMULA = "formula"  # no head
    PLUGIN = "plugin"  # a model that somebody brought, its outputs a group of their own
    REMOVED = "removed"  # no plug-in any more


@dataclass(frozen=True, slots=True)
class KeptModel:
    """One revision of a name.

    Parameters
    ----------
    name : str
        Of a head, one of ``HEADS``; of a plug-in, that of its feature group without the prefix.
    revision : int
        From 1.
    document : mapping
        What the head is, and the figures that it came with.
    sha256 : str
        Of the document.
    created_at : float
        Epoch seconds.
    """

    name: str
    revision: int
    kind: ModelKind
    document: Mapping[str, Any]
    sha256: str
    created_at: float

    @property
    def group(self) -> str:
        """The feature group that holds what it says."""
        return HEADS.get(self.name) or group_of(self.name)

    @property
    def version(self) -> int:
        """Version of the group while this is in use."""
        if self.name not in HEADS:
            return self.revision
        return GROUP_VERSIONS[self.group] * _REVISIONS_MOST + self.revision

    @property
    def is_outdated(self) -> bool:
        """Whether what the head reads has changed since: the shipped head then takes its place."""
        fitted_on = self.document.get("versions", {}) if self.kind is ModelKind.HEAD else {}
        return not all(is_as_head_reads_it(self.name, group, version) for group, version in fitted_on.items())

    def order(self) -> dict[str, Any]:
        """Return what the extraction is told: the version, and the head to use in place of the shipped one."""
        if self.kind is ModelKind.SHIPPED or self.is_outdated:
            return {"version": self.version, "head": None}
        none = {"group": self.group, "outputs": {}, "versions": {}}
        head = none if self.kind is ModelKind.FORMULA else {part: self.document[part] for part in none}
        return {"version": self.version, "head": head}


def head_orders(kept: Iterable[KeptModel]) -> dict[str, dict[str, Any]]:
    """Return what the extraction is told of each head that is not the shipped one's first."""
    return {model.group: model.order() for model in kept if model.name in HEADS}


def shipped_version(version: int) -> int:
    """Return which shipped version of a group lies under a version with a head of one's own.

    Examples
    --------
    >>> shipped_version(4_003), shipped_version(4)
    (4, 4)
    """
    return version // _REVISIONS_MOST or version


def versions_in_use(kept: Iterable[KeptModel]) -> dict[str, int]:
    """Return the version of each feature group as this catalogue wants it now.

    Examples
    --------
    >>> formula = KeptModel("mood", 2, ModelKind.FORMULA, {}, "", 0.0)
    >>> versions_in_use([formula])["mood"] == 1_000 * GROUP_VERSIONS["mood"] + 2
    True
    """
    return {**GROUP_VERSIONS, **{model.group: model.version for model in kept if model.kind is not ModelKind.REMOVED}}
