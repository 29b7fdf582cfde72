"""Plug-in models: what an ONNX file that somebody brings expects and gives, read from the file and its metadata.

Metadata are those of Essentia's model zoo, or a few of the same keys: ``name``, ``classes``, ``license``,
``inference.algorithm``; besides these ``front_end``, ``patch_frames``, ``patch_hop``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from audiofeat.errors import InvalidInput

GROUP_PREFIX = "model_"
MOST_OUTPUT = 16_384
_MOST_FRAMES = 10_000
_NON_COMMERCIAL = re.compile(r"\bNC\b|non[- ]?commercial", re.IGNORECASE)
# All weights of the zoo are under this licence, and its metadata do not say so.
_ZOO, _ZOO_LICENCE = "essentia.upf.edu", "CC BY-NC-SA 4.0"
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")


class FrontEnd(StrEnum):
    """What a model is shown of the sound."""

    MUSICNN = "musicnn"  # also EffNet-Discogs and MAEST
    VGGISH = "vggish"
    TEMPOCNN = "tempocnn"


BANDS: Mapping[FrontEnd, int] = {FrontEnd.MUSICNN: 96, FrontEnd.VGGISH: 64, FrontEnd.TEMPOCNN: 40}
_ALGORITHMS: Mapping[str, FrontEnd] = {
    "TensorflowPredictMusiCNN": FrontEnd.MUSICNN,
    "TensorflowPredictEffnetDiscogs": FrontEnd.MUSICNN,
    "TensorflowPredictMAEST": FrontEnd.MUSICNN,
    "TensorflowPredictVGGish": FrontEnd.VGGISH,
    "TensorflowPredictTempoCNN": FrontEnd.TEMPOCNN,
    "TempoCNN": FrontEnd.TEMPOCNN,
}
# As Essentia steps from one patch to the next.
_HOPS = {187: 93, 128: 62, 96: 93, 256: 128}


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output: its name and its shape, None where any length will do."""

    name: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class PluginSpec:
    """How to run a model.

    Parameters
    ----------
    front_end : FrontEnd
        What it is shown.
    input : str
        Name of its input.
    axes : tuple of str
        Meaning of the input's axes: ``batch``, ``frames``, ``bands`` or ``one``.
    batch : int or None
        Patches at a time, where the model takes no other number.
    patch_frames, patch_hop : int
        Length of a patch and step to the next, in frames of the front end.
    outputs : mapping
        Name of each output, and how many values it has for a patch.
    classes : tuple of str
        What the values of the output of the same number mean.
    licence : str
        As metadata or the user name it.
    """

    front_end: FrontEnd
    input: str
    axes: tuple[str, ...]
    batch: int | None
    patch_frames: int
    patch_hop: int
    outputs: Mapping[str, int]
    classes: tuple[str, ...]
    licence: str

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**asdict(self), "axes": list(self.axes), "classes": list(self.classes), "outputs": dict(self.outputs)}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return what a document describes."""
        front_end, axes, classes = document["front_end"], document["axes"], document["classes"]
        return cls(**{**document, "front_end": FrontEnd(front_end), "axes": tuple(axes), "classes": tuple(classes)})


def group_of(name: str) -> str:
    """Return the feature group of a plug-in's outputs."""
    return f"{GROUP_PREFIX}{name}"


def checked_name(name: str) -> str:
    """Return a name in small letters, digits and underscores; raises InvalidInput where nothing is left of it."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40].strip("_")
    if not _NAME.fullmatch(plain):
        raise InvalidInput(f"{name!r} is no name for a model", "give one with --name, such as effnet")
    return plain


def licence_of(metadata: Mapping[str, Any], given: str | None, *, noncommercial: bool) -> str:
    """Return the licence to record.

    Raises
    ------
    InvalidInput
        None is known, or it forbids commercial use and that was not allowed.
    """
    said = given or metadata.get("license") or metadata.get("licence")
    if not said and _ZOO in str(metadata):
        said = _ZOO_LICENCE
    if not isinstance(said, str) or not said:
        raise InvalidInput("no licence is known of this model", "name it with --licence, as in --licence MIT")
    if _NON_COMMERCIAL.search(said) and not noncommercial:
        raise InvalidInput(
            f"the licence of this model, {said}, forbids commercial use",
            "where your use is not commercial, add it with --allow-noncommercial",
        )
    return said


def spec_of(
    inputs: Sequence[Tensor], outputs: Sequence[Tensor], metadata: Mapping[str, Any], *, licence: str
) -> PluginSpec:
    """Return how to run a model.

    Raises
    ------
    InvalidInput
        Its input or outputs are not those of a front end that is known.
    """
    if len(inputs) != 1:
        raise InvalidInput(f"the model has {len(inputs)} inputs", "bring one with a single input of mel bands")
    (entry,) = inputs
    front_end = _front_end(entry, metadata)
    axes = _axes(entry.shape, BANDS[front_end])
    frames = metadata.get("patch_frames") or entry.shape[axes.index("frames")]
    if not isinstance(frames, int) or not 1 <= frames <= _MOST_FRAMES:
        raise InvalidInput(
            f"the input {entry.name!r} does not say how many frames a patch has", 'say it in metadata: "patch_frames"'
        )
    hop = metadata.get("patch_hop") or _HOPS.get(frames, max(1, frames // 2))
    if not isinstance(hop, int) or not 1 <= hop <= _MOST_FRAMES:
        raise InvalidInput(f"patch_hop is {hop!r}", "it is a number of frames, from 1")
    classes = metadata.get("classes") or ()
    if not isinstance(classes, list | tuple) or not all(isinstance(name, str) for name in classes):
        raise InvalidInput("classes of the metadata are no list of names", "leave them out, or name them")
    if not outputs:
        raise InvalidInput("the model has no output", "bring one that says something")
    return PluginSpec(
        front_end, entry.name, axes, entry.shape[0], frames, hop, {out.name: 0 for out in outputs}, tuple(classes),
        licence,
    )  # fmt: skip


def _front_end(entry: Tensor, metadata: Mapping[str, Any]) -> FrontEnd:
    inference = metadata.get("inference")
    algorithm = inference.get("algorithm") if isinstance(inference, Mapping) else None
    said = metadata.get("front_end")
    if said is not None and said not in {*FrontEnd}:
        raise InvalidInput(f"there is no front end {said!r}", f"known are {', '.join(FrontEnd)}")
    found = FrontEnd(said) if said else _ALGORITHMS.get(str(algorithm))
    lengths = [length for length in entry.shape[1:] if length != 1]
    candidates = [found] if found else [front for front, bands in BANDS.items() if bands in lengths[-1:]]
    # Most models have the bands last, some before the frames.
    candidates = candidates or [front for front, bands in BANDS.items() if bands in lengths]
    if len(candidates) != 1 or BANDS[candidates[0]] not in lengths:
        raise InvalidInput(
            f"the input {entry.name!r} of shape {list(entry.shape)} is that of no known front end",
            f"known are {', '.join(f'{front} with {bands} bands' for front, bands in BANDS.items())}",
        )
    return candidates[0]


def _axes(shape: Sequence[int | None], bands: int) -> tuple[str, ...]:
    """Name the axes: the first is the batch, one has the bands, some have the length 1, one is left for frames."""
    at_bands = max(place for place, length in enumerate(shape) if place and length == bands)
    names = ["one" if length == 1 else "frames" for length in shape]
    names[0], names[at_bands] = "batch", "bands"
    if names.count("frames") != 1:
        raise InvalidInput(
            f"an input of shape {list(shape)} is no batch of patches", f"it has a batch, frames and {bands} bands"
        )
    return tuple(names)
