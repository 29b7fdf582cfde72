"""Fit the model of overlapping talk: ``python -m audiofeat.features.offline.train_overlap CORPUS``.

CORPUS is laid out as ``speech_corpus.recordings`` describes. Two speakers, never of one language's studio, talk one by
one, in turns, now and then at once, or all the time; half of the talks go through other chains. Prints how well half
seconds of two voices are told by models that heard neither speaker, then fits on all and writes the model.
"""

import argparse
import json
import sys
from collections import defaultdict
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from audiofeat.domain.block import summed
from audiofeat.features.delivery_overlap import FEATURES, MODEL_PATH, Array, statistics
from audiofeat.features.delivery_pitch import pitches
from audiofeat.features.frames import BIN_HZ, RATE_HZ, TIMBRE_STEP, Floats, SharedSpectrum
from audiofeat.features.hearing import probabilities
from audiofeat.features.offline.small_network import Coefficients, fit_network
from audiofeat.features.offline.speech_corpus import N_FOLDS, STEP, Sound, by_speaker, recordings
from audiofeat.features.offline.speech_material import changed

_SEED = 11
_TALKS = 1_500
_TALK_S = 12
_WAYS = ("alone", "alone", "turns", "partly", "partly", "together")
_LEVELS_DB = (-8.0, 8.0)
_HEARD_DB = 25.0
_HIDDEN, _CLIP, _PENALTY, _ITERATIONS = 12, 3.0, 3e-3, 300
_CLEAR_OVERLAP, _CLEAR_SINGLE = 0.6, 0.05
_DIGITS = 5
# One studio voice read two languages.
_PERSON = {"allison_smith_es": "allison_smith_en"}
_PER_FRAME = 512


@dataclass(frozen=True, slots=True)
class Talk:
    """Rows of statistics, the share of two voices in each half second (-1: not to be counted), and how it was made."""

    rows: Array
    shares: Array
    fold: int
    way: str


def persons(corpus: Path) -> list[list[Floats]]:
    """Return what each person, language and package of words, or synthesised voice says, dealt into folds."""
    said: dict[str, list[Floats]] = defaultdict(list)
    for speaker, samples in by_speaker(corpus):
        said[_PERSON.get(speaker, speaker)].append(samples)
    recorded = len(said)
    spoken = takewhile(lambda sound: sound.kind != "noise", recordings(corpus, seed=_SEED))
    for number, sound in enumerate(spoken):
        if sound.kind.startswith(("words", "espeak")):
            said[f"espeak {number // 2}" if sound.kind == "espeak" else sound.kind].append(sound.samples)
    voices = [np.concatenate(parts) for parts in said.values()]
    folds = [voices[fold:recorded:N_FOLDS] for fold in range(N_FOLDS)]
    return [fold + voices[recorded + number :: N_FOLDS] for number, fold in enumerate(folds)]


def talk(pool: list[Floats], fold: int, rng: np.random.Generator) -> Talk:
    """Return a made talk of two of some voices; the first of them, who was recorded at length, takes part in half."""
    first, second = rng.choice(len(pool), 2, replace=False)
    if rng.random() < 0.5 and second:
        first = 0
    way = _WAYS[int(rng.integers(len(_WAYS)))]
    ours, theirs = (_part(pool[who], rng) for who in (first, second))
    theirs *= np.float32(10 ** (rng.uniform(*_LEVELS_DB) / 20))
    on = _when(way, rng)
    ours *= ~on if way == "turns" else True
    theirs *= on
    shares = np.round(100 * _shares(ours, theirs)).astype(np.int64)
    sound = Sound(ours + theirs, shares, fold, way)
    if rng.random() < 0.5:
        sound = changed(sound, rng)
    rows = measured(sound.samples)
    count = min(len(rows), len(sound.labels))
    return Talk(rows[:count], np.maximum(sound.labels[:count], -100) / 100, fold, way)


def _part(voice: Floats, rng: np.random.Generator) -> Floats:
    size = _TALK_S * RATE_HZ
    first = int(rng.integers(0, max(1, len(voice) - size)))
    part = np.resize(voice[first : first + size], size)
    levelled: Floats = 0.1 * part / np.float32(np.sqrt(np.mean(np.square(part))) + 1e-9)
    return levelled


def _when(way: str, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return for each sample whether the second voice is on."""
    size = _TALK_S * RATE_HZ
    on = np.full(size, way == "together")
    if way == "turns":
        on = np.arange(size) // int(rng.uniform(1.5, 4) * RATE_HZ) % 2 == 1
    at = 0
    while way == "partly" and at < size:
        start = at + int(rng.uniform(1, 4) * RATE_HZ)
        at = start + int(rng.uniform(0.7, 4) * RATE_HZ)
        on[start:at] = True
    return on


def _shares(ours: Floats, theirs: Floats) -> Array:
    """Return in which share of the spoken time of each half second both are heard; -1 where hardly anybody is."""
    heard = []
    for voice in (ours, theirs):
        power = np.square(voice[: len(voice) // _PER_FRAME * _PER_FRAME]).reshape(-1, _PER_FRAME).mean(axis=1)
        loud = np.percentile(power[power > 0], 95) if power.any() else 1.0
        heard.append(power > loud * 10 ** (-_HEARD_DB / 10))
    step = np.arange(len(heard[0])) * _PER_FRAME // STEP
    both, any_one = (np.bincount(step, weights=w) for w in (heard[0] & heard[1], heard[0] | heard[1]))
    shares: Array = np.where(any_one > 5, both / np.maximum(any_one, 1), -1.0)
    return shares[: len(ours) // STEP]


def measured(samples: Floats) -> Array:
    """Return the statistics of mono speech, as ``Delivery`` reads them."""
    frames = SharedSpectrum(RATE_HZ).push(summed(samples[:, None], RATE_HZ), samples, last=True)
    band = slice(*(int(at) for at in np.searchsorted(BIN_HZ, (300.0, 3_300.0))))
    level_db = 10 * np.log10(frames.power[::TIMBRE_STEP, band].sum(axis=1) + np.float32(1e-12))
    hz, strength = pitches(frames.low)
    count = min(len(hz), len(level_db))
    return statistics(hz[:count], strength[:count], level_db[:count], frames.mfcc[:count, 1:13])


def fit(talks: list[Talk]) -> Coefficients:
    """Return the network that tells the share of two voices."""
    rows, shares = (np.concatenate(column) for column in zip(*((t.rows, t.shares) for t in talks), strict=True))
    use = np.isfinite(rows[:, 0]) & (shares >= 0)
    truth = np.column_stack((1 - shares[use], shares[use])).astype(np.float32)
    weight = np.full(len(truth), 1 / len(truth), dtype=np.float32)
    return fit_network(
        rows[use].astype(np.float32), truth, weight, hidden=_HIDDEN, clip=_CLIP, penalty=_PENALTY,
        iterations=_ITERATIONS, seed=_SEED,
    )  # fmt: skip


def figures(talks: list[Talk]) -> dict[str, object]:
    """Return how well talks are judged by models that heard none of their speakers."""
    truth, given, items = [], [], []
    for fold in range(N_FOLDS):
        model = fit([t for t in talks if t.fold != fold])
        for t in (t for t in talks if t.fold == fold):
            use = np.isfinite(t.rows[:, 0]) & (t.shares >= 0)
            truth.append(t.shares[use])
            given.append(probabilities(t.rows[use].astype(np.float32), model)[:, 1])
            items.append((t.way, float(truth[-1].mean()), float(given[-1].mean())))
    shares, said = np.concatenate(truth), np.concatenate(given)
    overlapped, single = said[shares >= _CLEAR_OVERLAP], said[shares <= _CLEAR_SINGLE]
    true, told = np.array([item[1:] for item in items]).T
    by_way = {way: np.mean([item[1:] for item in items if item[0] == way], axis=0) for way in sorted(set(_WAYS))}
    return {
        "talks": len(talks),
        "auroc_half_seconds": _auroc(overlapped, single),
        "auroc_talks_over_10_percent": _auroc(told[true > 0.1], told[true <= 0.1]),
        "correlation_talks": round(float(np.corrcoef(true, told)[0, 1]), 3),
        "mean_absolute_error_talks": round(float(np.abs(true - told).mean()), 3),
        "of_the_mean_alone": round(float(np.abs(true - true.mean()).mean()), 3),
        "true_and_told": {way: np.round(mean, 3).tolist() for way, mean in by_way.items()},
    }  # fmt: skip


def _auroc(higher: Array, lower: Array) -> float:
    return round(float(mannwhitneyu(higher, lower).statistic / len(higher) / len(lower)), 3)


def main() -> None:
    """Make talks, judge on unheard speakers, fit on all, write."""
    parser = argparse.ArgumentParser(description="Fit the model of overlapping talk.")
    parser.add_argument("corpus", type=Path)
    pools = persons(parser.parse_args().corpus)
    rng = np.random.default_rng(_SEED)
    talks = [talk(pools[number % N_FOLDS], number % N_FOLDS, rng) for number in range(_TALKS)]
    said = figures(talks)
    sys.stdout.write(json.dumps(said, indent=1) + "\n")
    model = {
        "version": 1,
        "origin": "fitted by audiofeat.features.offline.train_overlap; the coefficients are the project's own",
        "features": FEATURES,
        "figures": said,
        "coefficients": {name: np.round(value, _DIGITS).tolist() for name, value in fit(talks).items()},
    }
    MODEL_PATH.write_text(json.dumps(model) + "\n")


if __name__ == "__main__":
    main()
