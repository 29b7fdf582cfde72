"""Fit the model that counts voices: ``python -m audiofeat.features.offline.train_voices CORPUS``.

CORPUS is laid out as ``speech_corpus.recordings`` describes. Talks of one to four voices with turns of 4 to 16 seconds
are drawn from the measured units of many speakers. Prints the accuracy on speakers that the fit did not hear, then fits
on all and writes the model.
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from audiofeat.domain.block import summed
from audiofeat.features.delivery_pitch import pitches
from audiofeat.features.delivery_voices import BANDS, MODEL_PATH, Array, Voices, separation, smoothed
from audiofeat.features.frames import HOP, LOW_RATE_HZ, RATE_HZ, Floats, SharedSpectrum
from audiofeat.features.offline.speech_corpus import by_speaker, recordings

_SEED = 1
_TALKS = 1_000
_LEAST_UNITS = 12
_MOST_S = 120
_VOICED = 0.5
_PENALTY = 1e-2
_DIGITS = 5


def speakers(corpus: Path) -> dict[str, Array]:
    """Return the units of each speaker, or of each language and package where speakers are not told apart."""
    found: dict[str, Voices] = defaultdict(Voices)
    for speaker, samples in by_speaker(corpus):
        _add(found[speaker], samples[: _MOST_S * RATE_HZ])
    for number, sound in enumerate(recordings(corpus, seed=_SEED)):
        if sound.kind == "espeak":
            _add(found[f"espeak {number}"], sound.samples)
        elif sound.kind.startswith("words"):
            _add(found[sound.kind], sound.samples)
    return {name: voices.rows() for name, voices in found.items() if len(voices.rows()) >= _LEAST_UNITS}


def _add(voices: Voices, samples: Floats) -> None:
    frames = SharedSpectrum(RATE_HZ).push(summed(samples[:, None], RATE_HZ), samples, last=True)
    low = np.pad(frames.low, (0, HOP * LOW_RATE_HZ // RATE_HZ))
    hz, strength = pitches(low)
    count = min(len(hz), len(frames.mfcc))
    voices.add(hz[:count], (strength[:count] >= _VOICED) & frames.audible[:count], frames.mfcc[:count, 1:13])


def talk(pool: list[Array], rng: np.random.Generator, scale: Array) -> tuple[Array, int]:
    """Return the separation of a made-up talk, and how many voices it has."""
    count = int(rng.choice([1, 2, 3, 4], p=[0.33, 0.34, 0.2, 0.13]))
    chosen = rng.choice(len(pool), count, replace=False)
    ordered = {who: pool[who][rng.permutation(len(pool[who]))] for who in chosen}
    length, at = int(rng.integers(10, 90)), dict.fromkeys(chosen, 0)
    units: list[Array] = []
    waiting = list(chosen)
    while len(units) < length or waiting:
        who = waiting.pop() if waiting else int(rng.choice(chosen))
        for _ in range(int(rng.integers(2, 9)) if count > 1 else length):
            units.append(ordered[who][at[who] % len(ordered[who])])
            at[who] += 1
    return separation(smoothed(np.array(units) * scale)), min(count, len(BANDS))


def scale_of(rows: list[Array]) -> Array:
    """Return the weight of each value: what tells speakers apart counts by the root of how well it does."""
    within = np.concatenate([row - row.mean(axis=0) for row in rows]).std(axis=0)
    between = np.array([row.mean(axis=0) for row in rows]).std(axis=0)
    weight: Array = np.sqrt(between / within) / within
    return weight


def fit(talks: list[tuple[Array, int]]) -> dict[str, Array]:
    """Return a multinomial regression from separations to bands."""
    values = np.array([values for values, _ in talks])
    truth = np.eye(len(BANDS))[[count - 1 for _, count in talks]]
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    inputs = np.column_stack(((values - mean) / deviation, np.ones(len(values))))

    def loss(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(inputs.shape[1], -1)
        logits = inputs @ weights
        logits -= logits.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        free = np.vstack((weights[:-1], np.zeros(len(BANDS))))
        slope = inputs.T @ (np.exp(logits - log_sum) - truth) / len(truth) + 2 * _PENALTY * free
        return float(-((logits - log_sum) * truth).sum() / len(truth) + _PENALTY * np.square(free).sum()), slope.ravel()

    found = minimize(loss, np.zeros(inputs.shape[1] * len(BANDS)), jac=True).x.reshape(inputs.shape[1], -1)
    return {"mean": mean, "deviation": deviation, "weights": found[:-1], "bias": found[-1]}


def judged(model: dict[str, Array], talks: list[tuple[Array, int]]) -> tuple[NDArray[np.int64], Array]:
    """Return the most probable number of voices of each talk, and how probable it is."""
    values = np.array([values for values, _ in talks])
    logits = (values - model["mean"]) / model["deviation"] @ model["weights"] + model["bias"]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares.argmax(axis=1) + 1, shares.max(axis=1)


def main() -> None:
    """Measure, judge on unheard speakers, fit on all, write."""
    parser = argparse.ArgumentParser(description="Fit the model that counts voices.")
    parser.add_argument("corpus", type=Path)
    found = speakers(parser.parse_args().corpus)
    names = sorted(found)
    scale = scale_of(list(found.values()))
    rng = np.random.default_rng(_SEED)
    halves = [
        [talk([found[name] for name in names[half::2]], rng, scale) for _ in range(_TALKS // 2)] for half in (0, 1)
    ]
    said: dict[str, object] = {"speakers": len(names)}
    right, sure, truths = [], [], []
    for learnt, unheard in ((0, 1), (1, 0)):
        best, confidence = judged(fit(halves[learnt]), halves[unheard])
        truth = np.array([count for _, count in halves[unheard]])
        right.append(best == truth)
        sure.append(confidence)
        truths.append(truth)
    hit, trust, truth = np.concatenate(right), np.concatenate(sure), np.concatenate(truths)
    said["accuracy"] = round(float(hit.mean()), 3)
    said["recall"] = {band: round(float(hit[truth == at + 1].mean()), 3) for at, band in enumerate(BANDS)}
    said["by_confidence"] = {
        str(low): [round(float(hit[trust >= low].mean()), 3), round(float((trust >= low).mean()), 3)]
        for low in (0.5, 0.7, 0.9)
    }
    sys.stdout.write(json.dumps(said, indent=1) + "\n")
    coefficients = {"scale": scale, **fit(halves[0] + halves[1])}
    model = {
        "version": 2,
        "origin": "fitted by audiofeat.features.offline.train_voices; the coefficients are the project's own",
        "figures": said,
        "coefficients": {name: np.round(value, _DIGITS).tolist() for name, value in coefficients.items()},
    }
    MODEL_PATH.write_text(json.dumps(model) + "\n")


if __name__ == "__main__":
    main()
