"""Learned scores, and a factorised matrix, against the shifted PMI of a small corpus (Result 20)."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from figures.canvas import BLUE, GREY, ORANGE, axes, draw_dots
from firth import Word2Vec

Array = NDArray[np.float64]

V, D, K, WINDOW = 30, 32, 2, 2  # D >= V: the scores can take any values
SENTENCES, LENGTH, EPOCHS = 4_000, 20, 30
SMALL_D = 4


class Scores(NamedTuple):
    """The scores of all (center, outside) pairs, each (V, V)."""

    shifted_pmi: Array
    learned: Array
    factorised: dict[int, Array]  # by number of dimensions


def sentences() -> NDArray[np.int64]:
    """Return sentences of V words on a circle, (SENTENCES, LENGTH): a word is likely to follow those close to it."""
    rng = np.random.default_rng(1)
    angles, frequency = rng.uniform(0, 2 * np.pi, V), 1 / np.sqrt(np.arange(1, V + 1))
    follows = frequency * np.exp(2.0 * np.cos(angles[:, np.newaxis] - angles))
    steps = np.cumsum(follows / follows.sum(axis=1, keepdims=True), axis=1)
    columns = [rng.integers(0, V, SENTENCES)]
    while len(columns) < LENGTH:
        drawn = rng.random(SENTENCES)[:, np.newaxis] > steps[columns[-1]]
        columns.append(np.minimum(drawn.sum(axis=1), V - 1))
    return np.stack(columns, axis=1)


def pair_counts(text: NDArray[np.int64]) -> Array:
    """Return n(c, o) of a fixed window, (V, V)."""
    n = np.zeros((V, V))
    for j in range(1, WINDOW + 1):
        np.add.at(n, (text[:, :-j], text[:, j:]), 1)
    return n + n.T


def shifted_pmi(text: NDArray[np.int64]) -> Array:
    """Return (20): log P(w | c) - log P_n(w) - log K, for noise in proportion to the counts of the words."""
    n, P_n = pair_counts(text), np.bincount(text.ravel(), minlength=V) / text.size
    return np.asarray(np.log(n / n.sum(axis=1, keepdims=True) / P_n / K))


def learned_scores(text: NDArray[np.int64]) -> Array:
    """Return the scores v_c · u_w of a model of the text, in the order of the words."""
    model = Word2Vec(
        vector_size=D, window=WINDOW, shrink_windows=False, negative=K, ns_exponent=1.0, epochs=EPOCHS, alpha=0.1,
        min_count=1, sample=0, schedule="hogwild", workers=1, seed=1,
    )  # fmt: skip
    model.fit([[str(word) for word in sentence] for sentence in text], progress=False)
    rows = [model.wv.key_to_index[str(word)] for word in range(V)]
    return np.asarray(model.wv.vectors[rows] @ model.outside[rows].T, np.float64)


def factorise(matrix: Array, dimensions: int) -> Array:
    """Return the nearest matrix of this rank to the positive part of a matrix: SPPMI-SVD (Levy and Goldberg 2014)."""
    left, singular, right = np.linalg.svd(np.maximum(matrix, 0))
    return np.asarray(left[:, :dimensions] * singular[:dimensions] @ right[:dimensions])


@cache
def scores() -> Scores:
    """Return the scores that the figure shows."""
    text = sentences()
    target = shifted_pmi(text)
    return Scores(target, learned_scores(text), {each: factorise(target, each) for each in (SMALL_D, V)})


def draw_scores(labels: dict[str, str]) -> Any:
    """Draw the learned scores above the factorised ones, both over the shifted PMI."""
    above, below = axes([3.0, 2.7])
    found = scores()
    limits = (found.shifted_pmi.min() - 0.1, found.shifted_pmi.max() + 0.1)
    draw_dots(above, found.shifted_pmi, found.learned, BLUE)
    for (dimensions, matrix), colour in zip(found.factorised.items(), (ORANGE, BLUE), strict=True):
        draw_dots(below, found.shifted_pmi, matrix, colour, size=3.5 if dimensions < V else 1.5)
        below.text(0.98, 0.16 if dimensions == V else 0.05, labels["rank"].format(dimensions), color=colour, ha="right",
                   transform=below.transAxes)  # fmt: skip
    for ax, title in ((above, "learned"), (below, "factorised")):
        ax.plot(limits, limits, color=GREY, linewidth=0.8)
        ax.set(xlim=limits)
        ax.set_title(labels[title], loc="left")
    below.set(xlabel=labels["pmi"])
    return above.figure
