"""Where the files of a release lie in the artefact store, and the pointer that says which one is served."""

from typing import Final

from pydantic import ValidationError

from audiofeat.domain.items import Kind
from audiofeat.errors import IndexDamaged, IndexMissing, ObjectMissing
from audiofeat.ports import ObjectStore
from schemas.manifest import Manifest, Pointer

# Of a release of version 1, which has one shard and its ids in JSON.
EARLY_ANNOY_FILE: Final = "index.ann"
EARLY_IDS_FILE: Final = "ids.json"
VECTORS_FILE: Final = "vectors.npy"
BLOCKS_FILE: Final = "blocks.npy"
IDS_FILE: Final = "ids.npy"
STARTS_FILE: Final = "starts.npy"
ORDER_FILE: Final = "order.npy"
SPACE_FILE: Final = "space.json"
MANIFEST_FILE = "manifest.json"
METRIC: Final = "angular"
BUILD_REMEDY = "build a new one: audiofeat index build"


def shard_file(number: int) -> str:
    """Return the name of a shard's file."""
    return f"index-{number:03d}.ann"


def graph_file(number: int) -> str:
    """Return the name of the file of a shard's graph."""
    return f"index-{number:03d}.voy"


def folder_key(kind: Kind) -> str:
    """Return the prefix of everything that belongs to a kind."""
    return f"indexes/{kind.value}/"


def file_key(kind: Kind, release: str, name: str) -> str:
    """Return the key of one file of a release."""
    return f"{folder_key(kind)}{release}/{name}"


def pointer_key(kind: Kind) -> str:
    """Return the key of the pointer."""
    return f"{folder_key(kind)}CURRENT"


def read_pointer(store: ObjectStore, kind: Kind) -> tuple[Pointer, str]:
    """Return the pointer and its version, for a later swap.

    Raises
    ------
    IndexMissing
        Nothing is published.
    IndexDamaged
        The pointer is not one.
    """
    try:
        body, version = store.get(pointer_key(kind))
    except ObjectMissing as error:
        raise IndexMissing(f"no index of {kind.value}s is published", "audiofeat index build") from error
    try:
        return Pointer.model_validate_json(body), version
    except ValidationError as error:
        raise IndexDamaged(f"{pointer_key(kind)} is not a pointer", "audiofeat index promote KIND RELEASE") from error


def parse_manifest(body: bytes, *, kind: Kind, release: str) -> Manifest:
    """Return the manifest behind the bytes; raises IndexDamaged where it is not that of the release."""
    try:
        manifest = Manifest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise IndexDamaged(f"the manifest of {release} is not valid: {place}: {first['msg']}", BUILD_REMEDY) from error
    if (manifest.release, manifest.kind) != (release, kind.value):
        raise IndexDamaged(
            f"the manifest of {kind.value} release {release} belongs to {manifest.kind} release {manifest.release}",
            BUILD_REMEDY,
        )
    return manifest
