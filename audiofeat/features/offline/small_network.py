"""Fit a network with one hidden layer, as the models of speech use it (read by ``hearing.probabilities``)."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from audiofeat.features.frames import Floats

Coefficients = dict[str, NDArray[np.float64]]


def fit_network(
    values: Floats, truth: Floats, weight: Floats, *, hidden: int, clip: float, penalty: float, iterations: int,
    seed: int,
) -> Coefficients:  # fmt: skip
    """Return the coefficients that minimise weighted cross-entropy and a penalty on their squares.

    Parameters
    ----------
    values : array of shape (rows, features)
    truth : array of shape (rows, classes)
        Shares of the classes; each row sums to one.
    weight : array of shape (rows,)
        How much each row counts.
    hidden : int
        How many tanh units there are.
    clip : float
        How many deviations from its mean a value may lie.
    """
    mean, scale = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64) + 1e-6
    inputs = np.clip((values - mean) / scale, -clip, clip).astype(np.float32)
    shapes = ((inputs.shape[1], hidden), (hidden,), (hidden, truth.shape[1]), (truth.shape[1],))
    cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])

    def unpack(flat: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        return [part.reshape(shape) for part, shape in zip(np.split(flat, cuts[:-1]), shapes, strict=True)]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        first, first_bias, second, second_bias = unpack(flat.astype(np.float32))
        units = np.tanh(inputs @ first + first_bias)
        logits = units @ second + second_bias
        logits -= logits.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        cost = -float(weight @ ((logits - log_sum) * truth).sum(axis=1))
        error = (np.exp(logits - log_sum) - truth) * weight[:, None]
        back = (error @ second.T) * (1 - np.square(units))
        slopes = (inputs.T @ back, back.sum(axis=0), units.T @ error, error.sum(axis=0))
        slope = np.concatenate([part.ravel() for part in slopes]).astype(np.float64)
        return cost + 0.5 * penalty * float(flat @ flat), slope + penalty * flat

    start = np.random.default_rng(seed).standard_normal(cuts[-1]) * 0.15
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations, "maxcor": 20})
    names = ("hidden_weights", "hidden_bias", "output_weights", "output_bias")
    return {"mean": mean, "scale": scale, "clip": np.array(clip)} | dict(zip(names, unpack(found.x), strict=True))
