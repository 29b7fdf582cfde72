"""Plug-in models: what an ONNX file that somebody brings expects and gives, read from the file and its metadata.

Metadata are those of Essentia's model zoo, or a few of the same keys: ``name``, ``classes``, ``license``,
``inference``; besides these ``front_end``, ``patch_frames``, ``patch_hop``, ``sample_rate``, ``patch_samples``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from audiofeat.domain.plugin_inputs import FrontEnd, Tensor, of_model, of_sound
from audiofeat.errors import InvalidInput

GROUP_PREFIX = "model_"
MOST_OUTPUT = 16_384
_NON_COMMERCIAL = re.compile(r"\bNC\b|non[- ]?commercial", re.IGNORECASE)
# All weights of the zoo are under this licence, and its metadata do not say so.
_ZOO, _ZOO_LICENCE = "essentia.upf.edu", "CC BY-NC-SA 4.0"
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")


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
        Meaning of the input's axes: ``batch``, ``frames`` (or samples), ``bands``, ``values`` or ``one``.
    batch : int or None
        Patches at a time, where the model takes no other number.
    patch_frames, patch_hop : int
        Length of a patch and step to the next, in frames of the front end, of PCM in samples; 0 on another model.
    outputs : mapping
        Name of each output, and how many values it has for a patch.
    classes : tuple of str
        What the values of the output of the same number mean.
    licence : str
        As metadata or the user name it.
    rate_hz : int
        Of the samples that a model of PCM is shown.
    on, on_output : str or None
        The model whose output is shown to this one, patch by patch, and which output.
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
    rate_hz: int = 0
    on: str | None = None
    on_output: str | None = None

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
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    metadata: Mapping[str, Any],
    *,
    licence: str,
    base: tuple[str, PluginSpec] | None = None,
) -> PluginSpec:
    """Return how to run a model, ``base`` being the name and spec of the one whose outputs it reads.

    Raises
    ------
    InvalidInput
        Its input or outputs are not those of a front end that is known, or of the base.
    """
    if len(inputs) != 1:
        raise InvalidInput(f"the model has {len(inputs)} inputs", "bring one with a single input")
    (entry,) = inputs
    if base is not None and base[1].on:
        raise InvalidInput(f"{base[0]} reads another model itself", f"name that one: --on {base[1].on}")
    shown = of_sound(entry, metadata) if base is None else of_model(entry, base[0], base[1].outputs)
    classes = metadata.get("classes") or ()
    if not isinstance(classes, list | tuple) or not all(isinstance(name, str) for name in classes):
        raise InvalidInput("classes of the metadata are no list of names", "leave them out, or name them")
    if not outputs:
        raise InvalidInput("the model has no output", "bring one that says something")
    return PluginSpec(
        front_end=shown.front_end, input=entry.name, axes=shown.axes, batch=entry.shape[0],
        patch_frames=shown.patch_frames, patch_hop=shown.patch_hop, outputs={out.name: 0 for out in outputs},
        classes=tuple(classes), licence=licence, rate_hz=shown.rate_hz, on=shown.on, on_output=shown.on_output,
    )  # fmt: skip
