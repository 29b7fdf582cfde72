"""The models that a catalogue keeps beside the shipped ones."""

from collections.abc import Mapping
from typing import Any, Protocol

from audiofeat.domain.kept_models import KeptModel, ModelKind


class Models(Protocol):
    """Keeps every revision; the newest of a name is in use."""

    def models(self) -> list[KeptModel]:
        """Return the revision that is in use of each name."""

    def revisions(self, name: str) -> list[KeptModel]:
        """Return every revision of a name, newest first."""

    def keep_model(self, name: str, kind: ModelKind, document: Mapping[str, Any]) -> KeptModel:
        """Keep the next revision of a name, which is in use from now on."""

    def said_by_model(
        self, group: str, version: int, *, after: str | None, limit: int
    ) -> list[tuple[str, Mapping[str, Any]]]:
        """Return items with what a plug-in's version says of them, in the order of ids, from behind ``after``."""
