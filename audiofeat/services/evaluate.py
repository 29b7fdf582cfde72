"""Measure the analysis against a labelled corpus, and peers on the same files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from audiofeat.domain.families import FAMILIES
from audiofeat.domain.quality import Status
from audiofeat.errors import AudiofeatError
from audiofeat.evaluation import statistics
from audiofeat.evaluation.answers import answers_of, missing_fields
from audiofeat.evaluation.labels import Labelled
from audiofeat.evaluation.peers import Peers, provided, versions
from audiofeat.evaluation.statistics import Estimate
from audiofeat.evaluation.tasks import Answers, Task, is_judged, task_of
from audiofeat.extraction.client import ExtractionServer
from audiofeat.extraction.view import unreadable
from audiofeat.services.analyse import analyse_files

OURS = "audiofeat"
ALWAYS_YES = "always yes"
_NO_FIELD = "no_field"
_UNDEFINED = "undefined"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one system; the estimate is None, and the reason tells why, where it was not measured."""

    label: str
    name: str
    system: str
    items: int
    estimate: Estimate | None
    reason: str = ""


@dataclass(slots=True)
class Evaluation:
    """What a corpus says of the analysis.

    Parameters
    ----------
    items, clusters : int
        Labelled files, and groups of them that belong together.
    rejected : list
        Path, code and message of each file that gave no features; it counts as unanswered.
    not_scored : list
        Path and label where the metric has no value: no beat after the first five seconds.
    degraded : mapping
        Flags by path.
    figures : list of Figure
        By label, figure and system.
    tables : mapping
        Counts by label, name and system.
    extractor, peers : mapping
        Fingerprint of ours, versions of theirs.
    """

    items: int
    clusters: int
    rejected: list[dict[str, str]] = field(default_factory=list)
    degraded: dict[str, list[str]] = field(default_factory=dict)
    not_scored: list[dict[str, str]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    extractor: Mapping[str, Any] = field(default_factory=dict)
    peers: Mapping[str, str] = field(default_factory=dict)


def evaluate(
    corpus: Sequence[Labelled],
    *,
    servers: Sequence[ExtractionServer],
    against: Sequence[str] = (),
    on_item: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Analyse a corpus and return every figure that its labels allow.

    Parameters
    ----------
    corpus : sequence of Labelled
        From ``read_labels``.
    servers : sequence of ExtractionServer
        Started ones; as many files are analysed at a time.
    against : sequence of str
        Peers to measure as well.
    on_item : callable
        Called after each file, by us or by the peers.
    """
    found = Evaluation(len(corpus), len({labelled.cluster for labelled in corpus}), peers=versions(against))
    said: dict[str, list[Answers]] = {OURS: list(_ours(corpus, servers, found, on_item))}
    if against:
        with Peers(against) as peers:
            by_file = []
            for labelled in corpus:
                by_file.append(peers.answers(labelled.path))
                on_item()
        said |= {system: [answers[system] for answers in by_file] for system in provided(against)}
    for label in _labels_of(corpus):
        _judge(task_of(label), corpus, said, provided(against), found)
    return found


def _ours(
    corpus: Sequence[Labelled],
    servers: Sequence[ExtractionServer],
    found: Evaluation,
    on_item: Callable[[], None],
) -> Iterator[Answers]:
    outcomes = analyse_files([labelled.path for labelled in corpus], servers=servers)
    for labelled, outcome in zip(corpus, outcomes, strict=True):
        record = unreadable(labelled.name, outcome) if isinstance(outcome, AudiofeatError) else outcome.record
        if record["status"] == Status.REJECTED:
            found.rejected.append({"path": labelled.name, **record["error"]})
        if record["flags"]:
            found.degraded[labelled.name] = record["flags"]
        found.extractor = record["extractor"] or found.extractor
        yield answers_of(record)
        on_item()


def _labels_of(corpus: Sequence[Labelled]) -> list[str]:
    """Return the labels that occur and have a metric, ``mood`` in its parts, in the order of their first use."""
    labels: dict[str, None] = {}
    for labelled in corpus:
        for label, value in labelled.labels.items():
            names = [f"mood.{name}" for name in value] if label == "mood" else [label]
            labels |= dict.fromkeys(name for name in names if is_judged(name))
    return list(labels)


def _label(labelled: Labelled, label: str) -> Any:  # noqa: ANN401  a label's own type
    whole, _, part = label.partition(".")
    value = labelled.labels.get(whole)
    return value.get(part) if part and value is not None else value


def _judge(
    task: Task,
    corpus: Sequence[Labelled],
    said: Mapping[str, Sequence[Answers]],
    theirs: Mapping[str, Sequence[str]],
    found: Evaluation,
) -> None:
    chosen = [i for i, labelled in enumerate(corpus) if _label(labelled, task.label) is not None]
    for system, all_answers in said.items():
        lacking = missing_fields(task.label) if system == OURS else []
        if system != OURS and task.label not in theirs[system]:
            continue
        if lacking:
            reason = f"{_NO_FIELD}: this build has no {lacking[0]}"
            found.figures += [Figure(task.label, name, system, 0, None, reason) for name in task.figures]
            continue
        _measure(task, corpus, chosen, all_answers, system=system, found=found)
    if task.label == "instruments":
        yes: Answers = {"instruments": dict.fromkeys(FAMILIES, 1.0)}
        _measure(task, corpus, chosen, [yes] * len(corpus), system=ALWAYS_YES, found=found)


def _measure(
    task: Task,
    corpus: Sequence[Labelled],
    chosen: Sequence[int],
    answers: Sequence[Answers],
    *,
    system: str,
    found: Evaluation,
) -> None:
    judged = [(i, task.judge(_label(corpus[i], task.label), answers[i])) for i in chosen]
    if system == OURS:
        found.not_scored += [{"path": corpus[i].name, "label": task.label} for i, row in judged if row is None]
    rows = np.array([row for _, row in judged if row is not None], dtype=float)
    clusters = [corpus[i].cluster for i, row in judged if row is not None]
    for name, statistic in task.figures.items():
        reason = "" if len(rows) else f"{_UNDEFINED}: no item can be scored"
        estimate = None if reason else statistics.bootstrap(rows, clusters, statistic)
        if estimate and not np.isfinite(estimate.value):
            estimate, reason = None, f"{_UNDEFINED}: these items do not determine it"
        found.figures.append(Figure(task.label, name, system, len(rows), estimate, reason))
    if len(rows):
        for name, count in task.tables.items():
            found.tables.setdefault(task.label, {}).setdefault(name, {})[system] = count(rows)
