"""Noise words, subsampling, and the noise of the block schedule, for words with Zipf's frequencies."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figures.canvas import BLUE, GREEN, GREY, ORANGE, axes, draw_dots, name_powers_of_ten
from firth.options import Options
from firth.training.negative_sampling.partition import Words, draw_partition, words_of
from firth.training.sampling import keep_thresholds, noise_distribution

Array = NDArray[np.float64]

POWERS = {"0": 0.0, "3/4": 0.75, "1": 1.0}
SAMPLES = (1e-3, 1e-4, 1e-5)
V, BLOCKS, PARTITIONS = 20_000, 16, 200
CENTER_PAIRS = 200_000  # N_c of the center word of the last figure

SHOWN = np.unique(np.geomspace(1, V, 120).astype(int)) - 1  # words of the last figure, evenly spread over the ranks


def zipf_counts(n: int) -> NDArray[np.int64]:
    """Return the counts of n words of which the r-th most frequent occurs 1/r times as often as the first."""
    return np.asarray(1_000_000 // np.arange(1, n + 1), np.int64)


def powers() -> dict[str, Array]:
    """Return P_n of 1,000 words for each power of their counts."""
    return {name: noise_distribution(zipf_counts(1_000), power) for name, power in POWERS.items()}


def draw_powers(labels: dict[str, str]) -> Any:
    """Draw P_n over the rank of the word, both on logarithmic scales."""
    (ax,) = axes([2.9])
    for colour, (name, P_n) in zip((GREEN, BLUE, ORANGE), powers().items(), strict=True):
        ax.plot(np.arange(1, len(P_n) + 1), P_n, color=colour)
        ax.annotate(labels["power"].format(name), (1, P_n[0]), (4, -26 if name == "3/4" else 6),
                    textcoords="offset points", color=colour)  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel=labels["rank"], ylim=(5e-5, 0.4))
    ax.set_title("$P_n$($w$)", loc="left")
    name_powers_of_ten(ax.xaxis)
    name_powers_of_ten(ax.yaxis)
    return ax.figure


def keep_probabilities() -> tuple[Array, dict[float, Array]]:
    """Return frequencies f, and for each `sample` the probability that a word of frequency f is kept."""
    frequencies, total = np.logspace(-6, -1, 101), 10**9
    counts = [np.array([round(f * total), total - round(f * total)]) for f in frequencies]
    return frequencies, {
        sample: np.array([keep_thresholds(pair, sample)[0] / (2**32 - 1) for pair in counts]) for sample in SAMPLES
    }


def draw_subsampling(labels: dict[str, str]) -> Any:
    """Draw the probability that an occurrence of a word is kept, over the frequency of the word."""
    (ax,) = axes([2.7])
    frequencies, kept = keep_probabilities()
    for colour, (sample, probability) in zip((BLUE, ORANGE, GREEN), kept.items(), strict=True):
        ax.plot(frequencies, probability, color=colour)
        half = int(np.argmin(np.abs(probability - 0.5)))
        ax.annotate(f"{sample:.0e}".replace("e-0", "e−"), (frequencies[half], 0.5), (5, 3), textcoords="offset points",
                    color=colour)  # fmt: skip
    ax.set(xscale="log", xlabel=labels["frequency"], ylim=(0, 1.05))
    ax.set_title(labels["kept"], loc="left")
    name_powers_of_ten(ax.xaxis)
    return ax.figure


def center_counts(words: Words) -> Array:
    """Return n(c, ·), (V,), of a center that occurs with each word in proportion to how often subsampling keeps it."""
    shares = words.loads / words.loads.sum()
    return np.asarray(np.random.default_rng(1).multinomial(CENTER_PAIRS, shares), np.float64)


@cache
def block_noise() -> tuple[Array, Array]:
    """Return P_n (V,) and the noise counts of a center word in each partition, relative to noise from all words.

    The counts (39) are divided by K P_n(w) (N_c - n(c, w)), without noise words equal to the outside word. Shape
    (PARTITIONS, V).
    """
    counts = zipf_counts(V)
    words = words_of(counts, Options())
    P_n = noise_distribution(counts, Options().ns_exponent)
    n = center_counts(words)
    ratios = []
    for chunk in range(PARTITIONS):
        block_of = draw_partition(words, BLOCKS, 1, 1, chunk).block_of
        outside, noise = np.bincount(block_of, n, BLOCKS), np.bincount(block_of, P_n, BLOCKS)
        ratios.append((outside[block_of] - n) / noise[block_of] / (n.sum() - n))
    return P_n, np.array(ratios)


def draw_blocks(labels: dict[str, str]) -> Any:
    """Draw the relative noise counts in one partition, their mean over all, and (40a)."""
    (ax,) = axes([3.1])
    P_n, ratios = block_noise()
    draw_dots(ax, P_n[SHOWN], ratios[0, SHOWN], GREY)
    draw_dots(ax, P_n[SHOWN], ratios.mean(axis=0)[SHOWN], BLUE, size=3)
    ax.plot(P_n[SHOWN], 1 / (1 + (BLOCKS - 1) * P_n[SHOWN]), color=ORANGE)
    ax.set(xscale="log", xlabel="$P_n$($w$)")
    ax.set_title(labels["ratio"], loc="left")
    name_powers_of_ten(ax.xaxis)
    for y, key, colour in [(0.25, "one", GREY), (0.15, "mean", BLUE), (0.05, "formula", ORANGE)]:
        ax.text(0.03, y, labels[key], color=colour, transform=ax.transAxes)
    return ax.figure
