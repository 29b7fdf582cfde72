"""Fits a mood head on labels of the catalogue's own items: features are stored already, so no audio is read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from audiofeat.domain.head_fitting import Array, Material, error_of, output_of, unseen
from audiofeat.domain.heads import Head, Output, feature, prepared
from audiofeat.domain.kept_models import KeptModel, ModelKind
from audiofeat.domain.mood_targets import CANDIDATES, DIMENSIONS, EMOTIONS, EXPECTED, GROUPS, dimension
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.evaluation.statistics import Estimate, bootstrap, pearson
from audiofeat.ports import Catalogue
from audiofeat.services.own_labels import Known, Labelled, known, none_usable, plain, read

GROUP = "mood"
_TARGETS = (*DIMENSIONS, *EMOTIONS)


@dataclass(frozen=True, slots=True)
class Figure:
    """How right an output is on artists that its fit had not seen.

    Parameters
    ----------
    correlation : Estimate
        Pearson's, with its 95 % interval over artists.
    before : float
        That of what the catalogue says of these items so far; NaN where it says nothing.
    loudness : float
        That of the integrated loudness alone.
    """

    output: str
    items: int
    artists: int
    correlation: Estimate
    before: float
    loudness: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted head, how right it is, and the items that it could not be fitted on, with the reason."""

    head: Head
    figures: tuple[Figure, ...]
    left_out: Mapping[str, str]


def read_labels(path: Path) -> list[Labelled]:
    """Return labels of arousal, valence and emotions, from 0 to 1; all nine emotions say the two dimensions, too.

    Raises
    ------
    SourceNotFound, InvalidInput
        As :func:`own_labels.read` says.
    """
    return [replace(label, targets=_with_dimensions(label.targets)) for label in read(path, _TARGETS, what="a mood")]


def _with_dimensions(targets: Mapping[str, float]) -> Mapping[str, float]:
    if not set(EMOTIONS) <= set(targets):
        return targets
    return {**{name: dimension(name, targets) for name in DIMENSIONS}, **targets}


def train(labels: Sequence[Labelled], *, catalogue: Catalogue, shipped: Head, origin: str) -> Trained:
    """Return a head fitted on labels; what they say nothing of is taken from the head in use, or the shipped one.

    Raises
    ------
    InvalidInput
        Too few of the items are known, analysed and by different artists.
    """
    items, left_out = known("mood", labels, GROUPS, catalogue)
    in_use = next((model for model in catalogue.models() if model.name == GROUP), None)
    own = in_use is not None and in_use.kind is ModelKind.HEAD and not in_use.is_outdated
    outputs: dict[str, Output] = dict((Head.read(in_use.document) if own and in_use else shipped).outputs)
    figures = []
    for name in _TARGETS:
        some = [one for one in items if name in one.label.targets]
        if some:
            is_rank = name in DIMENSIONS and set(EMOTIONS) <= set(some[0].label.targets)
            outputs[name], figure = _fitted(name, some, is_rank=is_rank, origin=origin)
            figures.append(figure)
    if not figures:
        raise none_usable(labels, left_out)
    versions = {group: GROUP_VERSIONS[group] for group in GROUPS}
    return Trained(Head(GROUP, outputs, versions), tuple(figures), left_out)


def keep(trained: Trained, *, catalogue: Catalogue, origin: str) -> KeptModel:
    """Have a head in use from now on: what was measured with the one before is stale."""
    figures = [plain(asdict(figure)) for figure in trained.figures]
    document = {**trained.head.document(), "origin": origin, "figures": figures}
    return catalogue.keep_model(GROUP, ModelKind.HEAD, document)


def _fitted(name: str, items: Sequence[Known], *, is_rank: bool, origin: str) -> tuple[Output, Figure]:
    rows = [[feature(one.values, path) for path in CANDIDATES] for one in items]
    table = [[np.nan if v is None else prepared(p, v) for p, v in zip(CANDIDATES, row, strict=True)] for row in rows]
    weights = np.array([one.label.raters for one in items])
    artists = [one.artist for one in items]
    material = Material(CANDIDATES, np.array(table), weights, artists, EXPECTED.get(name, {}))
    truth = np.array([one.label.targets[name] for one in items])
    said, true = unseen(material, truth)
    output = output_of(material, truth, is_rank=is_rank, origin=origin, error=error_of(said, true, weights))
    field = name if name in DIMENSIONS else f"{name}_ratio"
    found = bootstrap(np.column_stack((said, true)), artists, lambda pairs: pearson(pairs[:, 0], pairs[:, 1]))
    before = _column(one.values.get(GROUP, {}).get(field) for one in items)
    loudness = _column(one.values["loudness"]["integrated_loudness_lufs"] for one in items)
    figure = Figure(name, len(items), len(set(artists)), found, pearson(before, truth), pearson(loudness, truth))
    return output, figure


def _column(values: Iterable[float | None]) -> Array:
    return np.array([np.nan if value is None else value for value in values])
