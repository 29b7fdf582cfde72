"""Fit the mood head on listeners' votes: ``python -m audiofeat.features.offline.train_mood LABELS RECORDS``.

The labels are one JSON object a line: ``file``, ``artist_id``, ``genre``, ``raters`` and ``votes``, the share of the
raters that felt each of the nine emotions; the records are what ``audiofeat analyse --json`` says of the files. Prints
what the fits say of artists that they had not seen, beside baselines and the raters' own ceiling, before it writes
``mood_model.json``.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.head_fitting import Material, error_of, output_of, unseen
from audiofeat.domain.heads import Head, Values, feature, prepared
from audiofeat.domain.mood_targets import CANDIDATES, DIMENSIONS, EMOTIONS, EXPECTED, GROUPS, dimension
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.features.mood_head import MODEL_PATH

_RESAMPLES, _CUTS, _SEED = 1_000, 200, 20_240
# An emotion is published where the whole interval of its correlation lies above.
_LEAST_CORRELATION = 0.1
# Of a normal distribution: half the width that holds 90 %, and where one side has 65 %.
_REACH, _SURE = 1.645, 0.385

Array = NDArray[np.float64]


def heard_in(labels: Path, records: Path) -> tuple[list[dict[str, Any]], list[Values]]:
    """Return the labels, and what was measured of each file."""
    said = [json.loads(line) for line in labels.read_text().splitlines()]
    measured = [json.loads(line) for line in records.read_text().splitlines()]
    by_name: dict[str, Values] = {Path(record["source"]).name: record["features"] for record in measured}
    return said, [by_name[Path(one["file"]).name] for one in said]


def material_of(labels: list[dict[str, Any]], measured: list[Values]) -> Material:
    """Return features, weights and artists of labelled items."""
    rows = [[feature(values, path) for path in CANDIDATES] for values in measured]
    counted = [[np.nan if v is None else prepared(p, v) for p, v in zip(CANDIDATES, row, strict=True)] for row in rows]
    weights = np.array([said["raters"] for said in labels], dtype=np.float64)
    return Material(CANDIDATES, np.array(counted), weights, [said["artist_id"] for said in labels])


def targets_of(labels: list[dict[str, Any]]) -> dict[str, Array]:
    """Return what is fitted: two dimensions and nine emotions."""
    return {
        **{name: np.array([dimension(name, said["votes"]) for said in labels]) for name in DIMENSIONS},
        **{name: np.array([said["votes"][name] for said in labels]) for name in EMOTIONS},
    }


def interval(first: Array, second: Array, artists: list[str]) -> tuple[float, float, float]:
    """Return the correlation and its 95 % interval, whole artists drawn."""
    names = np.array(artists)
    members = [np.flatnonzero(names == name) for name in np.unique(names)]
    rng, drawn = np.random.default_rng(_SEED), []
    for _ in range(_RESAMPLES):
        chosen = np.concatenate([members[n] for n in rng.integers(0, len(members), len(members))])
        drawn.append(np.corrcoef(first[chosen], second[chosen])[0, 1])
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(np.corrcoef(first, second)[0, 1]), float(low), float(high)


def ceiling(weights: dict[str, float], labels: list[dict[str, Any]]) -> float:
    """Return the correlation of the votes with what infinitely many raters would say: no model can reach more.

    Votes are drawn from the raters, so their sampling variance is known; correlations of votes for two emotions by one
    rater are left out.
    """
    truth, noise = [], []
    for said in labels:
        shares = {name: said["votes"][name] for name in weights}
        truth.append(sum(weights[name] * share for name, share in shares.items()))
        noise.append(sum(weights[name] ** 2 * share * (1 - share) for name, share in shares.items()) / said["raters"])
    return float(np.sqrt(max(0.0, 1 - np.mean(noise) / np.var(truth))))


def split_half(weights: dict[str, float], labels: list[dict[str, Any]]) -> float:
    """Return the correlation of what half of the raters say with what the other half say, the mean of many cuts.

    Of one emotion that is exact, since only the count of its votes matters; of sums of emotions the votes of a rater
    for each are cut apart.
    """
    rng, found = np.random.default_rng(_SEED), []
    raters = np.array([said["raters"] for said in labels])
    first = raters // 2
    counts = {name: np.rint([said["votes"][name] * said["raters"] for said in labels]).astype(int) for name in weights}
    for _ in range(_CUTS):
        drawn = {name: rng.hypergeometric(votes, raters - votes, first) for name, votes in counts.items()}
        one = sum(weight * drawn[name] / first for name, weight in weights.items())
        other = sum(weight * (counts[name] - drawn[name]) / (raters - first) for name, weight in weights.items())
        found.append(np.corrcoef(np.asarray(one), np.asarray(other))[0, 1])
    return float(np.mean(found))


def by_others(values: Array, kinds: list[str], artists: list[str]) -> Array:
    """Return for each item the mean of its kind over other artists: what the kind alone tells."""
    of_kind, of_artist, whole = np.array(kinds), np.array(artists), float(values.mean())
    found = []
    for kind, artist in zip(of_kind, of_artist, strict=True):
        others = values[(of_kind == kind) & (of_artist != artist)]
        found.append(others.mean() if len(others) else whole)
    return np.array(found)


def _print(name: str, found: tuple[float, float, float], baselines: dict[str, float]) -> None:
    value, low, high = found
    beside = ", ".join(f"{what} {number:.2f}" for what, number in baselines.items())
    print(f"{name}: r {value:.3f} ({low:.2f} to {high:.2f}); {beside}")


def main() -> None:
    """Fit, report and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", type=Path)
    parser.add_argument("records", type=Path)
    parser.add_argument("--origin", default="emotify_dev", help="What the labels are called in the model.")
    given = parser.parse_args()
    labels, measured = heard_in(given.labels, given.records)
    material = material_of(labels, measured)
    artists, genres = list(material.artists), [said["genre"] for said in labels]
    loudness = np.array([values["loudness"]["integrated_loudness_lufs"] for values in measured])
    outputs = {}
    for name, truth in targets_of(labels).items():
        material = replace(material, expected=EXPECTED.get(name, {}))
        said, true = unseen(material, truth)
        found = interval(said, true, artists)
        _print(name, found, {
            "genre only": float(np.corrcoef(by_others(truth, genres, artists), truth)[0, 1]),
            "loudness only": float(np.corrcoef(loudness, truth)[0, 1]),
            "majority": 0.0,
            "halves of the raters": split_half(dict(DIMENSIONS.get(name, {name: 1.0})), labels),
            "ceiling": ceiling(dict(DIMENSIONS.get(name, {name: 1.0})), labels),
        })  # fmt: skip
        if name in DIMENSIONS or found[1] >= _LEAST_CORRELATION:
            error = error_of(said, true, material.weights)
            origin = f"votes of {given.origin}"
            outputs[name] = output_of(material, truth, is_rank=name in DIMENSIONS, origin=origin, error=error)
        _calibration(said, true)
    versions = {group: GROUP_VERSIONS[group] for group in GROUPS}
    MODEL_PATH.write_text(Head("mood", outputs, versions).text())


def _calibration(said: Array, true: Array) -> None:
    """Print how often the truth lies in the interval, and how often the likelier side is right."""
    error = float(np.sqrt(np.mean(np.square(said - true))))
    inside = float(np.mean(np.abs(said - true) <= _REACH * error))
    right = np.sign(said) == np.sign(true)
    sure = np.abs(said) / error > _SURE
    print(f"  in the interval {inside:.2f}; right side {_share(right)}, where it is sure {_share(right[sure])}")


def _share(right: NDArray[np.bool_]) -> str:
    return f"{np.mean(right):.2f} of {len(right)}" if len(right) else "none"


if __name__ == "__main__":
    main()
