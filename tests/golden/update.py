"""``python -m tests.golden.update``: keep the values of groups that are new or whose version was raised.

A group that changes under its old version is refused: raise it in ``registry.GROUP_VERSIONS`` first, and say so in the
changelog under *Analysis*.
"""

import sys
import tempfile
from pathlib import Path

from audiofeat.extraction.client import ExtractionServer
from tests.golden.golden import Golden, analysed, changed, items, load, store


def updated(stored: Golden, today: Golden) -> tuple[Golden, list[str]]:
    """Return what to keep, and the fields that changed although their group's version is the same."""
    refused: list[str] = []
    kept: Golden = {}
    for group, values in today.items():
        if group in stored and stored[group]["version"] == values["version"]:
            refused += changed(group, stored[group], values)
            kept[group] = stored[group]
        else:
            kept[group] = values
    return kept, refused


def main() -> None:
    """Write what may be written; end with 1, and nothing written, where something was refused."""
    with tempfile.TemporaryDirectory() as folder, ExtractionServer() as server:
        found = {name: updated(load(name), analysed(name, server, Path(folder))) for name in items()}
    refused = [f"{name}: {path}" for name, (_, paths) in found.items() for path in paths]
    if refused:
        print("changed without a raised version, nothing was written:", *refused, sep="\n  ", file=sys.stderr)
        sys.exit(1)
    for name, (kept, _) in found.items():
        if kept != load(name):
            store(name, kept)
            print(f"written: {name}")


if __name__ == "__main__":
    main()
