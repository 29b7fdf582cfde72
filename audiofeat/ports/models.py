"""The models that a catalogue keeps beside the shipped ones."""

from collections.abc import Mapping, Sequence
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

    def heard_by_model(self, group: str, version: int) -> list[tuple[str, str]]:
        """Return id and sha256 of the audio of every item that is shown and that a plug-in's version has heard."""

    def said_by_model(self, group: str, version: int, audios: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return what a plug-in's version says of some audios, by their sha256; at most 500."""
