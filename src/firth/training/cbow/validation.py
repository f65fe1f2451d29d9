"""The validation loss of CBOW: the loss of held-out positions by the exact or by the hierarchical softmax."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.messages import option
from firth.options import Options
from firth.text import END, TokenStore
from firth.text.vocabulary import Vocabulary
from firth.training import sampling
from firth.training.guards import checked_ids
from firth.training.hierarchical_softmax.path_losses import add_path_losses
from firth.training.hierarchical_softmax.tree import make_tree
from firth.training.softmax.cooccurrence import CountRows
from firth.training.softmax.exact import PART_CENTERS, ExactLoss, ExactSoftmax, Floats

MOST_POSITIONS = 20_000
MOST_CONTEXT_WORDS = 2**24  # of all positions together; larger windows have fewer positions
_HELD_OUT = 2**32 - 2  # with the seed, the key of the random draws

Ids = NDArray[np.int32]


class Positions(NamedTuple):
    """Positions of a text: P targets, and the context of each."""

    targets: Ids  # (P,): the word in the middle
    contexts: Ids  # (P, 2 m): the words around it, -1 where there is none; each row has at least one


def choose_positions(tokens: TokenStore, vocabulary: Vocabulary, options: Options) -> Positions:
    """Return at most 20,000 positions of a text, evenly spread, subsampled and windowed as in training.

    There are fewer if windows of more than 400 words are full.

    They are the same for the same text, options and seed. Raises `CorpusError` if no position has a context.
    """
    rng = np.random.default_rng((options.seed, _HELD_OUT))
    keep = sampling.keep_thresholds(vocabulary.counts, options.sample)
    m = min(options.window, max(1, tokens.longest - 1))
    step = max(1, -(-tokens.n_words // min(MOST_POSITIONS, MOST_CONTEXT_WORDS // (2 * m))))
    found = []
    first = 0  # of the next block's words, the first that is chosen
    for block in range(tokens.n_blocks):
        ids = checked_ids(tokens.read_block(block), len(keep), block)
        ids = ids[(ids == END) | (rng.integers(0, 2**32, len(ids), np.uint32) <= keep[ids])]
        words = np.flatnonzero(ids != END)
        places = words[first::step]
        first = (first - len(words)) % step
        found.append(_positions_at(places, ids, _radii(len(places), options, rng), m))
    positions = Positions(*map(np.concatenate, zip(*found, strict=True)))
    if not len(positions.targets):
        raise CorpusError(
            "the validation text has no sentence of two words that are in the vocabulary and survive subsampling: give "
            f"a longer text, or a larger {option('sample')}"
        )
    return positions


def _radii(n: int, options: Options, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.integers(1 if options.shrink_windows else options.window, options.window + 1, n)


def _positions_at(places: NDArray[np.intp], ids: Ids, radii: NDArray[np.int64], m: int) -> Positions:
    """Return the positions at these places of a block of ids, without those that have no context."""
    sentences = np.cumsum(ids == END)
    distances = np.append(np.arange(-m, 0), np.arange(1, m + 1))
    around = places[:, np.newaxis] + distances
    inside = np.clip(around, 0, len(ids) - 1) if len(ids) else around
    is_context = (
        (around == inside)
        & (np.abs(distances) <= radii[:, np.newaxis])
        & (ids[inside] != END)
        & (sentences[inside] == sentences[places][:, np.newaxis])
    )
    contexts = np.where(is_context, ids[inside], np.int32(-1))
    has_context = is_context.any(axis=1)
    return Positions(ids[places[has_context]], contexts[has_context])


def context_vectors(center: Floats, contexts: Ids, counts: Floats, *, is_mean: bool) -> Floats:
    """Return the context vectors h of (B, 2 m) contexts: Result 33 of docs/derivation.md. (B, D) float32.

    counts: (V,) float32, how often the vector of each word counts.
    """
    h, totals = np.zeros((len(contexts), center.shape[1]), np.float32), np.zeros((len(contexts), 1), np.float32)
    for words in contexts.T:
        present = words >= 0
        counts_present = counts[words[present], np.newaxis]
        h[present] += counts_present * center[words[present]]
        totals[present] += counts_present
    return h / totals if is_mean else h


@np.errstate(over="ignore", invalid="ignore")  # the trainer checks the loss of training
def positions_loss(
    center: Floats,
    outside: Floats,
    positions: Positions,
    intercept: Floats,
    *,
    is_mean: bool,
    workers: int = 1,
    counts: Floats | None = None,
) -> ExactLoss:
    """Return the mean of -log softmax(U h + b)_o, the exact loss (34) of the naive softmax, over the positions.

    center, outside: (V, D) float32, both matrices; intercept: (V,) float32, b; counts: (V,) float32, how often
    the vector of each word counts in a context, once if None. The result does not depend on the number of workers.
    """
    U = np.ascontiguousarray(outside)
    with ExactSoftmax(*U.shape, batch=PART_CENTERS, workers=workers) as softmax:
        losses = [
            softmax.losses(h, U, intercept, rows, np.ones(len(h)))
            for h, rows in _parts(center, positions, softmax.part, counts, is_mean=is_mean)
        ]
    return _mean_loss(losses)


@np.errstate(over="ignore", invalid="ignore")
def positions_path_loss(
    center: Floats,
    nodes: Floats,
    positions: Positions,
    word_counts: NDArray[np.int64],
    *,
    is_mean: bool,
    counts: Floats | None = None,
) -> ExactLoss:
    """Return the mean loss (34) of hierarchical softmax over the positions.

    center: (V, D) float32; nodes: (V - 1, D) float32, for the tree of `word_counts`, (V,); counts: as in
    `positions_loss`.
    """
    tree, losses = make_tree(word_counts), []
    for h, rows in _parts(center, positions, PART_CENTERS, counts, is_mean=is_mean):
        losses.append(np.zeros(len(h)))
        add_path_losses(h, nodes, np.arange(len(h)), rows, tree, losses[-1])
    return _mean_loss(losses)


def _parts(
    center: Floats, positions: Positions, size: int, counts: Floats | None, *, is_mean: bool
) -> Iterator[tuple[Floats, CountRows]]:
    """Yield the context vectors of some positions, and their targets as counts of one pair each."""
    weights = np.ones(len(center), np.float32) if counts is None else counts
    for first in range(0, len(positions.targets), size):
        targets, contexts = (each[first : first + size] for each in positions)
        n = np.arange(len(targets) + 1)
        rows = CountRows(n[:-1], n[1:], targets, np.ones(len(targets), np.float32))
        yield context_vectors(center, contexts, weights, is_mean=is_mean), rows


def _mean_loss(losses: list[NDArray[np.float64]]) -> ExactLoss:
    every = np.concatenate(losses)
    nats = float(every.mean())
    return ExactLoss(nats, float(np.exp(nats)), len(every))
