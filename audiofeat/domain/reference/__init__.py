"""Spaces shipped with the package, for catalogues too small to fit one on."""

from importlib import resources
from pathlib import Path

from audiofeat.domain.items import Kind
from audiofeat.domain.space import SPACE_VERSION, Space, from_json


def load(kind: Kind, *, folder: Path | None = None) -> Space:
    """Return the reference space of a kind, from the package or from a folder of such files."""
    source = resources.files(__name__) if folder is None else folder
    return from_json(source.joinpath(f"{kind.value}-{SPACE_VERSION}.json").read_text(encoding="utf-8"))
