"""Tempo: which of a hundred tempi the onset curves repeat at, judged by a small model of our own.

Windows of 12 s give autocorrelations of four bands and of their sum, pooled over the item. Each tempo of a grid from
36 to 250 BPM is described by how well the curves recur after parts and multiples of its beat; a small network turns
that into a score, and the scores of the grid into probabilities. The octave, the hardest part of tempo, is thereby
decided by what drums and basses do within and across beats, and the probability says how sure that is.

References
----------
Grosche & Mueller, "Extracting predominant local pulse information from music recordings", IEEE TASLP 19(6), 2011;
the model: ``offline/train_tempo.py``.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from audiofeat.features.frames import ONSET_RATE_HZ, Floats
from audiofeat.features.rhythm_curves import N_CURVES, accents, chunks

MODEL_PATH = Path(__file__).with_name("tempo_model.json")
GRID_BPM = np.exp(np.arange(np.log(36.0), np.log(250.0), 0.02))
WINDOW_FRAMES = 1_024
"""About 12 s."""

_HOP_FRAMES = WINDOW_FRAMES // 2
_SIZE = 2 * WINDOW_FRAMES
_MOST_LAG = 3 * WINDOW_FRAMES // 4
_TOTAL_MULTIPLES = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2, 3, 4, 6)
_BAND_MULTIPLES = (1 / 2, 1, 3 / 2, 2, 3, 4)
_CROSS_MULTIPLES = (0, 1 / 2, 1, 2, 3)
_HARMONICS = (1 / 2, 1, 2, 3, 4)
_SLACK = (0.99, 1.0, 1.01)
_CENTRES = np.log2(np.geomspace(40, 230, 8))
_SAME_TEMPO = 0.04
_OTHER_TEMPO = 0.08
_LEAST = 1e-9
_QUIET_SHARE = 1e-2
_WINDOWS_AT_ONCE = 16

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Periodicity:
    """Pooled over the windows of an item.

    Parameters
    ----------
    correlation : array of shape (6, lags)
        Autocorrelation of the four bands and of their sum, 1 at lag 0; last, the correlation of the lowest band with
        the third, either way.
    spectrum : array of shape (bins,)
        Power spectrum of the sum, its mean 1.
    shares : array of shape (4,)
        Share of each band in the accents' power.
    local : array of shape (windows, lags)
        Autocorrelation of the sum in each window.
    """

    correlation: Array
    spectrum: Array
    shares: Array
    local: Floats


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo with its probability, and the most probable one that is clearly another."""

    bpm: float
    probability: float
    second_bpm: float
    second_probability: float


def periodicity(onsets: NDArray[np.float16]) -> Periodicity:
    """Return how the onset curves of an item, shape (frames, 4), recur."""
    window = min(WINDOW_FRAMES, len(onsets))
    powers, cross = np.zeros((N_CURVES + 1, _SIZE // 2 + 1)), np.zeros(_SIZE // 2 + 1)
    lags = np.arange(_MOST_LAG)
    fair = np.where(lags < 0.8 * window, window / np.maximum(window - lags, 1), 0.0)
    local, loudest = [], 0.0
    for part in chunks(len(onsets)):
        above = accents(onsets[part])
        if len(above) < window:
            above = np.concatenate((above, np.zeros((window - len(above), above.shape[1]), dtype=np.float32)))
        views = np.lib.stride_tricks.sliding_window_view(above, window, axis=0)[::_HOP_FRAMES]
        means = views.mean(axis=2, keepdims=True)
        energy = np.square(views[:, -1] - means[:, -1]).sum(axis=1)
        # Windows count alike, but for those in which next to nothing happens.
        loudest = max(loudest, float(energy.max()))
        scale = 1 / np.sqrt(energy + _QUIET_SHARE * loudest + _LEAST)[:, None, None]
        for some in chunks(len(views), _WINDOWS_AT_ONCE):
            spectra = scipy.fft.rfft((views[some] - means[some]) * scale[some], _SIZE, axis=2)
            power = np.square(spectra.real) + np.square(spectra.imag)
            powers += power.sum(axis=0, dtype=np.float64)
            cross += (spectra[:, 0] * spectra[:, 2].conj()).real.sum(axis=0, dtype=np.float64)
            correlation = scipy.fft.irfft(power[:, -1], _SIZE, axis=1)[:, :_MOST_LAG]
            local.append((correlation * fair).astype(np.float32))
    raw = scipy.fft.irfft(np.vstack((powers, cross)), _SIZE, axis=1)[:, :_MOST_LAG] * fair
    zero = np.maximum(raw[:-1, 0], _LEAST)
    scale = np.append(zero, np.sqrt(zero[0] * zero[2]))
    shares = zero[:-1] / zero[:-1].sum()
    return Periodicity(
        correlation=raw / scale[:, None],
        spectrum=powers[-1] / max(float(powers[-1].mean()), _LEAST),
        shares=shares,
        local=np.concatenate(local),
    )


def at_lags(correlation: NDArray[np.floating], lags: Array) -> Array:
    """Return a correlation between its lags; 0 beyond the last."""
    within = lags <= len(correlation) - 2
    whole = np.where(within, lags, 0).astype(np.int64)
    part = lags - whole
    values: Array = correlation[whole] * (1 - part) + correlation[whole + 1] * part
    return np.where(within, values, 0.0)


def descriptions(found: Periodicity, onset_rate_hz: float, bpm: Array = GRID_BPM) -> Array:
    """Return what describes each tempo, shape (tempi, values)."""
    period = 60 * ONSET_RATE_HZ / bpm
    columns: list[Array] = []
    rows = [
        (N_CURVES, _TOTAL_MULTIPLES),
        *((band, _BAND_MULTIPLES) for band in range(N_CURVES)),
        (-1, _CROSS_MULTIPLES),
    ]
    for row, multiples in rows:
        lags = np.multiply.outer(np.multiply.outer(np.array(_SLACK), np.array(multiples)), period)
        columns.extend(at_lags(found.correlation[row], lags).max(axis=0))
    bins = np.outer(_HARMONICS, bpm / 60 / ONSET_RATE_HZ * _SIZE)
    columns.extend(np.log1p(at_lags(found.spectrum, bins)) / 3)
    columns.extend(np.exp(-np.square((np.log2(bpm) - centre[..., None]) / 0.4)) for centre in _CENTRES)
    columns.append(np.log2(np.maximum(onset_rate_hz, 0.1) * 60 / bpm))
    columns.extend(np.broadcast_to(share, bpm.shape) for share in found.shares)
    return np.column_stack(columns)


@cache
def _model() -> dict[str, Array]:
    coefficients = json.loads(MODEL_PATH.read_text())["coefficients"]
    return {name: np.array(values) for name, values in coefficients.items()}


def scores(described: Array, model: dict[str, Array]) -> Array:
    """Return the model's score of each described tempo."""
    inputs = np.clip((described - model["mean"]) / model["scale"], -4, 4)
    hidden = np.tanh(inputs @ model["hidden_weights"] + model["hidden_bias"])
    scored: Array = hidden @ model["output_weights"]
    return scored


def probabilities(scored: Array) -> Array:
    """Return the softmax of scores over their last axis."""
    raised = np.exp(scored - scored.max(axis=-1, keepdims=True))
    share: Array = raised / raised.sum(axis=-1, keepdims=True)
    return share


def decide(probability: Array, found: Periodicity) -> Tempo:
    """Return the most probable tempo, each candidate with all that lies within 4 % of it."""
    distance = np.abs(np.subtract.outer(np.log(GRID_BPM), np.log(GRID_BPM)))
    mass = (distance < _SAME_TEMPO) @ probability
    best = int(np.argmax(mass * (1 + probability)))
    others = np.where(distance[best] > _OTHER_TEMPO, mass, 0)
    second = int(np.argmax(others))
    first_bpm, second_bpm = (_peak_bpm(found.correlation[N_CURVES], float(GRID_BPM[n])) for n in (best, second))
    return Tempo(first_bpm, float(min(mass[best], 1.0)), second_bpm, float(min(others[second], 1.0)))


def tempo(found: Periodicity, onset_rate_hz: float) -> Tempo:
    """Return the tempo of an item."""
    return decide(probabilities(scores(descriptions(found, onset_rate_hz), _model())), found)


def _peak_bpm(correlation: Array, bpm: float) -> float:
    """Return the tempo within 3 % after whose beat, and twice and four times that, the accents recur best."""
    near = bpm * np.linspace(0.97, 1.03, 61)
    lags = np.multiply.outer(np.array((1.0, 2.0, 4.0)), 60 * ONSET_RATE_HZ / near)
    return float(near[int(np.argmax(at_lags(correlation, lags).sum(axis=0)))])


def local_periods(found: Periodicity, bpm: float) -> tuple[Array, Array]:
    """Return frames and the beat's period around each, in frames, following slow changes of up to a fifth.

    The path through the windows is the one on which the accents recur best, changes being dear.
    """
    ratios = np.exp(np.linspace(-0.2, 0.2, 41))
    period = 60 * ONSET_RATE_HZ / bpm * ratios
    zero = np.maximum(found.local[:, 0], _LEAST)
    seen = sum(
        np.array([at_lags(row / least, period * multiple) for row, least in zip(found.local, zero, strict=True)])
        / np.sqrt(multiple)
        for multiple in (1, 2, 4)
    )
    steps = np.arange(len(ratios))
    dear = 0.02 * np.square(np.subtract.outer(steps, steps))
    total, links = seen[0] - 0.0005 * np.square(steps - 20), []
    for row in seen[1:]:
        reached = total[:, None] - dear
        links.append(reached.argmax(axis=0))
        total = reached.max(axis=0) + row
    path = [int(total.argmax())]
    for link in reversed(links):
        path.append(int(link[path[-1]]))
    centres = np.arange(len(path), dtype=np.float64) * _HOP_FRAMES + WINDOW_FRAMES / 2
    return centres, period[path[::-1]]
