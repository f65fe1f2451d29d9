"""The exact loss of hierarchical softmax for counted pairs, as of a text that was held out."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.training.hierarchical_softmax.path_losses import add_path_losses
from firth.training.hierarchical_softmax.tree import make_tree
from firth.training.softmax.cooccurrence import Cooccurrence
from firth.training.softmax.exact import ExactLoss

_PART_CENTERS = 512  # whose counts are copied at a time


def path_loss(
    center: NDArray[np.float32],
    nodes: NDArray[np.float32],
    counts: Cooccurrence,
    word_counts: NDArray[np.int64],
    *,
    workers: int = 1,
) -> ExactLoss:
    """Return the mean loss (31) of all pairs, Result 32 of docs/derivation.md.

      center       (V, D) float32: v_c
      nodes        (V - 1, D) float32: q, for the tree of `word_counts`
      counts       n(c, o), from `cooccurrence.count_pairs`
      word_counts  (V,) int64, in descending order, each at least 1; V at least 2
      workers      threads; the result does not depend on it

    Raises `OptionError` if the shapes do not fit, and `CorpusError` for fewer than two words.
    """
    V = len(counts.totals)
    if len(center) != V or len(word_counts) != V or nodes.shape != (V - 1, center.shape[1]):
        raise OptionError(
            f"center {center.shape}, nodes {nodes.shape} and {len(word_counts):,} word counts do not fit counts of "
            f"{V:,} words: give ({V}, D), ({V - 1}, D) and ({V},)"
        )
    tree = make_tree(word_counts)
    centers = np.flatnonzero(counts.totals > 0)

    def part(first: int) -> list[float]:
        some = centers[first : first + _PART_CENTERS]
        losses = np.zeros(len(some))
        add_path_losses(center, nodes, some, counts.rows(some), tree, losses)
        return losses.tolist()

    with ThreadPoolExecutor(workers, "firth-validation") as pool:
        parts = pool.map(part, range(0, len(centers), _PART_CENTERS))
        nats = math.fsum(loss for losses in parts for loss in losses) / counts.pairs
    return ExactLoss(nats, float(np.exp(nats)), counts.pairs)
