"""Fits a head for families of instruments on labels of the catalogue's own items; what it reads is stored already."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from audiofeat.domain.families import FAMILIES
from audiofeat.domain.family_fitting import log_loss, output_of, unseen
from audiofeat.domain.family_heads import GROUP, INPUTS, FamilyHead, FamilyOutput, inputs_of
from audiofeat.domain.head_fitting import Array
from audiofeat.domain.kept_models import KeptModel, ModelKind
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.errors import InvalidInput
from audiofeat.evaluation.statistics import Estimate, bootstrap, macro_f1, mean_average_precision
from audiofeat.ports import Catalogue
from audiofeat.services.own_labels import Known, Labelled, known, none_usable, plain, read

NAME = "instruments"
_PRESENT = 0.5
# In nats an item: a hundredth is what a change of a probability from .70 to .71 is worth.
_LEAST_GAIN = 0.01
_WORDS = {"1": 1.0, "0": 0.0}


@dataclass(frozen=True, slots=True)
class Figure:
    """How right a family is told of artists that the fit had not seen, beside the shipped head and simpler answers.

    Parameters
    ----------
    positives : int
        Items with the family.
    f1, average_precision : Estimate
        At a probability of 0.5, and over all; with 95 % intervals over artists. To answer at random has an average
        precision of the share of positives, to deny the family always (the majority, mostly) has an F1 of 0.
    f1_shipped, average_precision_shipped : float
        Those of the shipped head on the same items.
    f1_always : float
        That of always saying yes.
    accuracy, accuracy_shipped, accuracy_majority : float
        Share of right answers, and that of always giving the more frequent one.
    log_loss, log_loss_shipped : float
        Mean cost in nats; the lower, the better are the probabilities.
    """

    family: str
    items: int
    positives: int
    artists: int
    f1: Estimate
    f1_shipped: float
    f1_always: float
    average_precision: Estimate
    average_precision_shipped: float
    accuracy: float
    accuracy_shipped: float
    accuracy_majority: float
    log_loss: float
    log_loss_shipped: float

    @property
    def is_better(self) -> bool:
        """Whether the new head's probabilities are clearly better than the shipped one's: others are not taken over."""
        return self.log_loss < self.log_loss_shipped - _LEAST_GAIN


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted head, how right it is, and what it could not be fitted on: families, and items, with the reason.

    Parameters
    ----------
    is_new : bool
        Whether it differs from the head in use.
    """

    head: FamilyHead
    figures: tuple[Figure, ...]
    not_fitted: Mapping[str, str]
    left_out: Mapping[str, str]
    is_new: bool


def read_labels(path: Path) -> list[Labelled]:
    """Return labels of families: 1 where one is to be heard, 0 where not, empty where nobody knows.

    Raises
    ------
    SourceNotFound, InvalidInput
        As :func:`own_labels.read` says.
    """
    return read(path, tuple(FAMILIES), what="a family", reading=_yes_or_no)


def _yes_or_no(name: str, text: str, where: str) -> float:
    if text not in _WORDS:
        raise InvalidInput(f"{where}: {name} is {text!r}", "it is 1 where it is to be heard, 0 where not, or empty")
    return _WORDS[text]


def train(labels: Sequence[Labelled], *, catalogue: Catalogue, origin: str) -> Trained:
    """Return a head fitted on labels; a family that it tells no better than the shipped head is left to that.

    Raises
    ------
    InvalidInput
        Too few of the items are known, analysed and by different artists.
    """
    items, left_out = known("instruments", labels, (GROUP,), catalogue)
    silent = {one.label.item for one in items if inputs_of(one.values[GROUP]) is None}
    left_out |= dict.fromkeys(silent, "it has no families: too short, or silent")
    items = [one for one in items if one.label.item not in silent]
    before = _in_use(catalogue)
    outputs, figures, not_fitted = dict(before), [], {}
    for family in FAMILIES:
        some = [one for one in items if family in one.label.targets]
        if not some:
            continue
        try:
            output, figure = _fitted(family, some, origin=origin)
        except InvalidInput as error:
            not_fitted[family] = f"{error.message}; {error.remedy}"
            continue
        figures.append(figure)
        outputs.pop(family, None)
        if figure.is_better:
            outputs[family] = output
    if not items:
        raise none_usable(labels, left_out)
    if not figures:
        raise InvalidInput("no family can be fitted", "; ".join(not_fitted.values()) or "label some families")
    head = FamilyHead(outputs, {GROUP: GROUP_VERSIONS[GROUP]})
    return Trained(head, tuple(figures), not_fitted, left_out, is_new=outputs != before)


def keep(trained: Trained, *, catalogue: Catalogue, origin: str) -> KeptModel | None:
    """Have a head in use from now on, where it differs: what was measured with the one before is stale."""
    if not trained.is_new:
        return None
    figures = [plain(asdict(figure)) for figure in trained.figures]
    document = {**trained.head.document(), "origin": origin, "figures": figures}
    return catalogue.keep_model(NAME, ModelKind.HEAD, document)


def _in_use(catalogue: Catalogue) -> Mapping[str, FamilyOutput]:
    kept = next((model for model in catalogue.models() if model.name == NAME), None)
    own = kept is not None and kept.kind is ModelKind.HEAD and not kept.is_outdated
    return FamilyHead.read(kept.document).outputs if own and kept else {}


def _fitted(family: str, items: Sequence[Known], *, origin: str) -> tuple[FamilyOutput, Figure]:
    rows = np.array([inputs_of(one.values[GROUP]) for one in items], dtype=np.float64)
    truth = np.array([one.label.targets[family] for one in items])
    weights = np.array([one.label.raters for one in items])
    artists = [one.artist for one in items]
    said = unseen(rows, truth, family=family, weights=weights, artists=artists)
    output = output_of(rows, truth, family=family, weights=weights, origin=origin)
    shipped = rows[:, INPUTS.index(family)]
    pairs = np.column_stack((truth, said))
    figure = Figure(
        family=family, items=len(items), positives=int(truth.sum()), artists=len(set(artists)),
        f1=bootstrap(pairs, artists, _f1), f1_shipped=_f1(np.column_stack((truth, shipped))),
        f1_always=_f1(np.column_stack((truth, np.ones(len(truth))))),
        average_precision=bootstrap(pairs, artists, _precision),
        average_precision_shipped=_precision(np.column_stack((truth, shipped))),
        accuracy=_accuracy(truth, said), accuracy_shipped=_accuracy(truth, shipped),
        accuracy_majority=float(max(truth.mean(), 1 - truth.mean())),
        log_loss=log_loss(said, truth, weights), log_loss_shipped=log_loss(shipped, truth, weights),
    )  # fmt: skip
    return output, figure


def _f1(pairs: Array) -> float:
    # Log-odds of 0 are a probability of one half.
    return macro_f1(pairs[:, :1], (pairs[:, 1:] > 0).astype(np.float64), present=_PRESENT)


def _precision(pairs: Array) -> float:
    return mean_average_precision(pairs[:, :1], pairs[:, 1:])


def _accuracy(truth: Array, log_odds: Array) -> float:
    return float(np.mean((log_odds > 0) == (truth > 0)))
