"""Probabilities as networks put them out, made for tests."""

import numpy as np


def mostly_right(labels, wrong, *, sure=0.9):
    """The label gets `sure`; in the images `wrong` the next digit gets it instead."""
    predictions = labels.astype(int)
    predictions[wrong] = (predictions[wrong] + 1) % 10
    rows = np.full((len(labels), 10), (1 - sure) / 9)
    rows[np.arange(len(labels)), predictions] = sure
    return rows


def labelled_probabilities(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities with zeros, ties, certain rows, and labels that follow them more or less."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(10, rng.choice([0.02, 0.2, 2.0])), size=n)
    probabilities[::7] = np.eye(10)[rng.integers(0, 10, len(probabilities[::7]))]
    probabilities[1::7] = np.tile([0.5, 0.5] + [0.0] * 8, (len(probabilities[1::7]), 1))
    guessed = rng.random(n) < 0.3
    labels = np.where(guessed, rng.integers(0, 10, n), probabilities.argmax(axis=1))
    return labels, probabilities
