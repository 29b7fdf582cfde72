"""What a plug-in model is shown: mel bands, samples, or what another model says, read from its input and metadata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeGuard

from audiofeat.errors import InvalidInput

_MOST_FRAMES = 10_000
_MOST_SAMPLES = 4_000_000
_RATES_HZ = (4_000, 96_000)


class FrontEnd(StrEnum):
    """What a model is shown of the sound."""

    MUSICNN = "musicnn"  # also EffNet-Discogs and MAEST
    VGGISH = "vggish"
    TEMPOCNN = "tempocnn"
    PCM = "pcm"  # samples of the mean of the channels
    MODEL = "model"  # what another model says of each patch


BANDS: Mapping[FrontEnd, int] = {FrontEnd.MUSICNN: 96, FrontEnd.VGGISH: 64, FrontEnd.TEMPOCNN: 40}
_ALGORITHMS: Mapping[str, FrontEnd] = {
    "TensorflowPredictMusiCNN": FrontEnd.MUSICNN,
    "TensorflowPredictEffnetDiscogs": FrontEnd.MUSICNN,
    "TensorflowPredictMAEST": FrontEnd.MUSICNN,
    "TensorflowPredictVGGish": FrontEnd.VGGISH,
    "TensorflowPredictTempoCNN": FrontEnd.TEMPOCNN,
    "TempoCNN": FrontEnd.TEMPOCNN,
    "TensorflowPredict2D": FrontEnd.MODEL,
}
# As Essentia steps from one patch to the next.
_HOPS = {187: 93, 128: 62, 96: 93, 256: 128}


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output: its name and its shape, None where any length will do."""

    name: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a model is shown, as ``PluginSpec`` has it."""

    front_end: FrontEnd
    axes: tuple[str, ...]
    patch_frames: int
    patch_hop: int
    rate_hz: int = 0
    on: str | None = None
    on_output: str | None = None


def main_output(sizes: Mapping[str, int]) -> str:
    """Return the output that is called after embeddings, else the one with the most values."""
    return next((name for name in sizes if "embedding" in name), max(sizes, key=lambda name: sizes[name]))


def of_sound(entry: Tensor, metadata: Mapping[str, Any]) -> Shown:
    """Return what a model of its own is shown; raises InvalidInput where that is no known front end."""
    inference = metadata.get("inference")
    inference = inference if isinstance(inference, Mapping) else {}
    said = metadata.get("front_end")
    own = [front.value for front in FrontEnd if front is not FrontEnd.MODEL]
    if said is not None and said not in own:
        raise InvalidInput(f"there is no front end {said!r}", f"known are {', '.join(own)}")
    found = FrontEnd(said) if said else _ALGORITHMS.get(str(inference.get("algorithm")))
    if found is FrontEnd.MODEL:
        base = inference.get("embedding_model")
        named = base.get("model_name", "its embeddings") if isinstance(base, Mapping) else "its embeddings"
        raise InvalidInput(
            "the model reads what another one says", f"add that one ({named}) first, and name it with --on"
        )
    if found is FrontEnd.PCM:
        return _of_samples(entry, metadata, inference)
    return _of_bands(entry, metadata, found)


def of_model(entry: Tensor, name: str, outputs: Mapping[str, int]) -> Shown:
    """Return what a head on another model's outputs is shown; raises InvalidInput where none has its size."""
    lengths = [length for length in entry.shape[1:] if length != 1]
    if len(entry.shape) < 2 or len(lengths) > 1:  # noqa: PLR2004  a batch, and values
        raise InvalidInput(
            f"the input {entry.name!r} of shape {list(entry.shape)} is no batch of another model's values",
            "a model that is shown sound is added without --on",
        )
    size = lengths[0] if lengths else 1
    fitting = {output: n for output, n in outputs.items() if size in {None, n}}
    if not fitting:
        told = ", ".join(f"{output} ({n})" for output, n in outputs.items())
        raise InvalidInput(
            f"the model takes {size} values, and {name} says {told}", "name the model that it was fitted on with --on"
        )
    # Where all lengths are 1 the last one has the value.
    places = [place for place in range(1, len(entry.shape)) if entry.shape[place] != 1] or [len(entry.shape) - 1]
    axes = tuple("batch" if n == 0 else "values" if n in places else "one" for n in range(len(entry.shape)))
    return Shown(FrontEnd.MODEL, axes, 0, 0, on=name, on_output=main_output(fitting))


def _of_samples(entry: Tensor, metadata: Mapping[str, Any], inference: Mapping[str, Any]) -> Shown:
    rate_hz = metadata.get("sample_rate") or inference.get("sample_rate")
    if not _is_whole(rate_hz, *_RATES_HZ):
        raise InvalidInput(
            f"the sample rate of the model is {rate_hz!r}", 'say it in metadata, as in "sample_rate": 16000'
        )
    axes = _axes(entry.shape, None)
    length = metadata.get("patch_samples") or entry.shape[axes.index("frames")]
    if not _is_whole(length, 1, _MOST_SAMPLES):
        raise InvalidInput(
            f"the input {entry.name!r} does not say how many samples a patch has", 'say it in metadata: "patch_samples"'
        )
    hop = metadata.get("patch_hop") or length
    if not _is_whole(hop, 1, _MOST_SAMPLES):
        raise InvalidInput(f"patch_hop is {hop!r}", "it is a number of samples, from 1")
    return Shown(FrontEnd.PCM, axes, length, hop, rate_hz=rate_hz)


def _of_bands(entry: Tensor, metadata: Mapping[str, Any], found: FrontEnd | None) -> Shown:
    lengths = [length for length in entry.shape[1:] if length != 1]
    candidates = [found] if found else [front for front, bands in BANDS.items() if bands in lengths[-1:]]
    # Most models have the bands last, some before the frames.
    candidates = candidates or [front for front, bands in BANDS.items() if bands in lengths]
    if len(candidates) != 1 or BANDS[candidates[0]] not in lengths:
        mel = ", ".join(f"{front} with {bands} bands" for front, bands in BANDS.items())
        raise InvalidInput(
            f"the input {entry.name!r} of shape {list(entry.shape)} is that of no known front end",
            f'known are {mel}; of samples say "front_end": "pcm" in metadata, on another model\'s values use --on',
        )
    axes = _axes(entry.shape, BANDS[candidates[0]])
    frames = metadata.get("patch_frames") or entry.shape[axes.index("frames")]
    if not _is_whole(frames, 1, _MOST_FRAMES):
        raise InvalidInput(
            f"the input {entry.name!r} does not say how many frames a patch has", 'say it in metadata: "patch_frames"'
        )
    hop = metadata.get("patch_hop") or _HOPS.get(frames, max(1, frames // 2))
    if not _is_whole(hop, 1, _MOST_FRAMES):
        raise InvalidInput(f"patch_hop is {hop!r}", "it is a number of frames, from 1")
    return Shown(candidates[0], axes, frames, hop)


def _is_whole(value: Any, low: int, high: int) -> TypeGuard[int]:  # noqa: ANN401  what metadata say
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _axes(shape: Sequence[int | None], bands: int | None) -> tuple[str, ...]:
    """Name the axes: the first is the batch, one may have bands, some have the length 1, one is left for frames."""
    names = ["one" if length == 1 else "frames" for length in shape]
    if names:
        names[0] = "batch"
    if bands is not None:
        names[max(place for place, length in enumerate(shape) if place and length == bands)] = "bands"
    if names.count("frames") != 1:
        wanted = "samples" if bands is None else f"frames and {bands} bands"
        raise InvalidInput(f"an input of shape {list(shape)} is no batch of patches", f"it has a batch and {wanted}")
    return tuple(names)
