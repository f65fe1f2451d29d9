"""RandomWalks: the random walks of a graph as a corpus, made in the threads that train on them and never stored.

Walks are numbered: walk i starts at node number i mod V of a random order of the nodes. A block of tokens holds some
consecutive walks, whose random draws depend on the seed, the epoch and the number of the block alone. So every epoch
has new walks, which are the same on any number of threads and after a resume. Visits are counted in those of epoch 0.
"""

import hashlib
import inspect
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import cached_property
from typing import Any, NamedTuple, Never

import numpy as np
from numpy.typing import NDArray

from firth import other_programs
from firth.errors import CorpusError, OptionError
from firth.graphs import kernels
from firth.graphs.adjacency import Adjacency, make_adjacency
from firth.graphs.inputs import read_edges
from firth.messages import counted, option
from firth.options import Options, WalkOptions, checked, limits, shortened, unknown_option
from firth.resources import require_memory
from firth.text import BLOCK_WORDS, Corpus, GeneratedCorpus, TokenStore
from firth.text.choosing import KnownWords, MostFrequent
from firth.text.corpus import Progress
from firth.text.ids import DROPPED, Ids
from firth.text.merging import KeyCounts
from firth.threads import in_order
from firth.training.draws import block_key

_SEED = limits("seed of the random draws of the walks", 0, 2**63 - 1)
_WALKS = 2**32 - 2  # takes the place of an epoch in the keys of random draws
_BLOCKS_AT_A_TIME = 16  # counted as one task
_NAMES_AT_A_TIME = 2**14


class StepBias(NamedTuple):
    """What the bias a(t, x) of a step from t over v to x is multiplied by, see `kernels`."""

    is_first_order: int  # 1 if p = q = 1, and t does not matter
    to_last: float  # 1/p, for x = t
    to_far: float  # 1/q, for x without an edge from t
    top: float  # the larger of 1 and 1/q
    lowest: float  # the least of 1, 1/p and 1/q

    @classmethod
    def of(cls, p: float, q: float) -> "StepBias":
        """Return the biases for node2vec's p and q."""
        return cls(int(p == q == 1), 1 / p, 1 / q, max(1.0, 1 / q), min(1.0, 1 / p, 1 / q))


class StepWorkspace(NamedTuple):
    """Scratch arrays of a step of n walks."""

    pending: NDArray[np.int32]  # (n,): the walks whose step is not drawn yet
    edges: NDArray[np.int64]  # (n,): the candidate of each of these
    areas: NDArray[np.float64]  # (n,): its area of acceptance
    heights: NDArray[np.float64]  # (n,): uniform in the area

    @classmethod
    def of(cls, n: int) -> "StepWorkspace":
        """Allocate the arrays."""
        return cls(np.empty(n, np.int32), np.empty(n, np.int64), np.empty(n), np.empty(n))


class WalkMaker(NamedTuple):
    """Makes the walks of any block.

    order   (V,) int32: the nodes in the order of starts
    n_walks in all
    length  the most nodes of a walk
    """

    graph: Adjacency
    steps: StepBias
    order: NDArray[np.int32]
    n_walks: int
    length: int
    seed: int

    @property
    def walks_per_block(self) -> int:
        """Walks in a block, of which each is followed by END."""
        return BLOCK_WORDS // (self.length + 1)

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return -(-self.n_walks // self.walks_per_block)

    def make(self, block: int, epoch: int = 0) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the walks of a block of an epoch, (n, length) nodes, and the number of nodes of each, (n,)."""
        first = block * self.walks_per_block
        numbers = np.arange(first, min(first + self.walks_per_block, self.n_walks))
        starts = self.order[numbers % len(self.order)]
        walks, lengths = np.empty((len(starts), self.length), np.int32), np.empty(len(starts), np.int32)
        key = np.uint64(block_key(self.seed, _WALKS, block, epoch))
        kernels.make_walks(self.graph, self.steps, starts, key, walks, lengths, StepWorkspace.of(len(starts)))
        return walks, lengths

    def digest(self) -> bytes:
        """Return a hash of all that the walks depend on."""
        digest = hashlib.sha256(repr((self.steps, self.n_walks, self.length, self.seed)).encode())
        for array in (*self.graph, self.order):
            digest.update(f"{np.asarray(array).dtype.str} {np.shape(array)}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.digest()


class WalkEntries:
    """The entries of a token store that are made when they are read; any number of threads may read at once.

    new_ids  (V,) int32: the id of each node, or DROPPED
    starts   (n_blocks + 1,) int64: where each block starts
    """

    place = "made when read"

    def __init__(self, maker: WalkMaker, new_ids: Ids, starts: NDArray[np.int64]):
        self._maker: WalkMaker | None = maker
        self._new_ids, self._starts = new_ids, starts

    def read(self, start: int, out: Ids) -> None:
        """Fill `out` with a block of epoch 0, which begins at `start`."""
        out[:] = self.draw(0, start, start + len(out))

    def draw(self, epoch: int, start: int, stop: int) -> Ids:
        """Return the entries of a block of an epoch; in epoch 0 they are those from `start` to `stop`."""
        if self._maker is None:
            raise CorpusError("the walks were closed")
        if stop == start:  # a block of which no node is kept
            return np.empty(0, np.int32)
        block = int(np.searchsorted(self._starts, start, side="right")) - 1
        if self._starts[block] != start or self._starts[block + 1] != stop:
            raise CorpusError(f"{start:,} to {stop:,} are not the bounds of a block of walks")
        return tokens_of(self._maker, block, self._new_ids, epoch)

    def digest(self) -> bytes:
        """Return a hash of all that the entries depend on."""
        assert self._maker is not None
        return hashlib.sha256(self._maker.digest() + np.ascontiguousarray(self._new_ids).tobytes()).digest()

    def close(self) -> None:
        """Free the graph, unless others hold it too."""
        self._maker = None


def tokens_of(maker: WalkMaker, block: int, new_ids: Ids, epoch: int = 0) -> Ids:
    """Return the entries of a block of an epoch: the ids of the nodes kept, and END after each walk."""
    walks, lengths = maker.make(block, epoch)
    tokens = np.empty(walks.size + len(walks), np.int32)
    return tokens[: int(kernels.write_tokens(walks, lengths, new_ids, tokens))]


class RandomWalks(GeneratedCorpus):
    """The random walks of a graph, a corpus for `Word2Vec.fit`: DeepWalk if p = q = 1, node2vec otherwise.

    A walk that came to node v from node t goes on to x with a probability proportional to (Grover and Leskovec 2016,
    arXiv:1607.00653, section 3.2.2)

        a(t, x) w(v, x),   a = 1/p if x = t, 1 if there is an edge from t to x, and 1/q otherwise

    with w the weights of edges. The first step follows the weights alone. These probabilities are exact: no step is
    approximated, and no table of pairs of edges is made.

      graph           a path: an edge in each line, as two nodes and maybe a weight (see
                      `firth.graphs.edge_lists`). Or a table with columns `source` and `target`, of pandas, polars
                      or Arrow; a graph of NetworkX or igraph; a sparse adjacency matrix of SciPy; NumPy arrays
                      (indptr, indices[, weights]) in compressed sparse rows; an integer array of shape (n, 2); or a
                      list of pairs of nodes, or of pairs and weights. Nodes are str or int
      walks_per_node  walks that start at each node, r in the paper
      walk_length     nodes in a walk, l in the paper: 2 to 16,383. A walk is shorter if it comes to a node that no edge
                      leads from
      p               return parameter: below 1, walks tend to return to the previous node
      q               in-out parameter: below 1, walks tend to move away from the previous node, above 1 to stay near it
      directed        whether an edge of a list or a table leads only from its source to its target. None: it leads both
                      ways, and graphs of NetworkX and igraph have their own direction. A matrix or compressed rows
                      always hold one direction in each entry; False checks that a matrix is symmetric
      weight          name of the column or the edge attribute with weights; without `weight`, the default, every edge
                      has weight 1, and any other name that is missing raises an error. None ignores weights
      seed            of the random draws of the walks

    The weights of parallel edges are summed, and count 1 each if there are none. A self-loop is an edge from a node to
    itself, and leads one way. A walk from an isolated node has one node.

    Every epoch has walks of its own, as if the graph were walked while it is trained on. They depend on `seed` and the
    epoch alone. Iterating yields those of the first epoch as lists of nodes, in the order of training; their visits are
    the counts of the vocabulary. Another call of `fit` or `partial_fit` has the same walks again: give another seed for
    others. The exact softmax, which counts pairs once, has those of the first epoch only.

    `n_nodes`, `n_edges` and `n_isolated` count distinct nodes, distinct edges, and nodes that no edge leads from or to.

    Raises `OptionError` for a value that is not allowed, `CorpusError` if the graph cannot be read, has no edges or has
    weights that are not positive and finite, and `NotEnoughMemoryError` before allocating what would not fit.
    """

    def __init__(
        self,
        graph: Any,
        walks_per_node: int = 10,
        walk_length: int = 80,
        *,
        p: float = 1.0,
        q: float = 1.0,
        directed: bool | None = None,
        weight: str | None = "weight",
        seed: int = 1,
        **unknown: Never,
    ):
        _refuse(unknown)
        options = WalkOptions(walks_per_node=walks_per_node, walk_length=walk_length, p=p, q=q)
        seed = checked("seed", seed, int, _SEED)
        if not isinstance(weight, str | None):
            raise OptionError(f"{option('weight', shortened(weight))} is not allowed: give a name, or None")
        edges = read_edges(graph, weight, _checked_directed(directed))
        adjacency, self.n_edges = make_adjacency(edges)
        self.nodes, self.is_directed, self.n_comments = edges.names, edges.is_directed, edges.n_comments
        self.options = options
        order = np.random.default_rng((seed, _WALKS)).permutation(len(self.nodes)).astype(np.int32)
        steps, n_walks = StepBias.of(options.p, options.q), options.walks_per_node * len(order)
        self._maker = WalkMaker(adjacency, steps, order, n_walks, options.walk_length, seed)

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    @cached_property
    def n_isolated(self) -> int:
        """Number of nodes that no edge leads from or to."""
        graph = self._maker.graph
        is_isolated = np.diff(graph.offsets) == 0
        is_isolated[graph.neighbors] = False
        return int(np.count_nonzero(is_isolated))

    def __len__(self) -> int:
        return self._maker.n_walks

    def __iter__(self) -> Iterator[list[Any]]:
        for block in range(self._maker.n_blocks):
            for walk, length in zip(*self._maker.make(block), strict=True):
                yield [self.nodes[node] for node in walk[:length]]

    def __repr__(self) -> str:
        kind, o = "directed " if self.is_directed else "", self.options
        return (
            f"<RandomWalks: {counted(len(self), 'walk')} of {counted(o.walk_length, 'node')}, p={o.p:g}, q={o.q:g}, in "
            f"a {kind}graph of {counted(self.n_nodes, 'node')} and {counted(self.n_edges, 'edge')}>"
        )

    def generate(self, words: MostFrequent | KnownWords, workers: int, progress: Progress | None = None) -> Corpus:
        """Make all walks once, to count the visits of each node; return the vocabulary, and walks to be made again.

        Raises `CorpusError` if `words` keeps no node, or would change the names of nodes to lower case.
        """
        if words.lowercase:
            raise CorpusError(
                f"{option('lowercase', 'True')} is for text, and names of nodes stay as they are: omit it"
            )
        visits = count_visits(self._maker, workers, progress)
        found = KeyCounts(visits.counts, None, self._names)
        choice = words.choose(found, 0)
        sizes = visits.sizes
        if (choice.new_ids == DROPPED).any():
            sizes = np.array([len(tokens_of(self._maker, b, choice.new_ids)) for b in range(self._maker.n_blocks)])
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        n_words = int(visits.counts[choice.new_ids != DROPPED].sum())
        return Corpus(
            choice.vocabulary(),
            TokenStore(
                WalkEntries(self._maker, choice.new_ids, starts), starts, n_words, longest=self.options.walk_length
            ),
            raw_words=int(visits.counts.sum()),
            sentences=len(self),
            replaced=0,
            too_long=0,
            distinct_words=len(self.nodes),
            below_min_count=choice.below_min_count,
            beyond_max_vocab=choice.beyond_max_vocab,
            not_in_vocabulary=choice.not_in_vocabulary,
            note=self._note(visits.n_ended),
        )

    def _names(self, ids: NDArray[np.integer[Any]]) -> Iterator[list[Any]]:
        for start in range(0, len(ids), _NAMES_AT_A_TIME):
            yield [self.nodes[i] for i in ids[start : start + _NAMES_AT_A_TIME].tolist()]

    def _note(self, n_ended: int) -> str:
        """Return what is unusual about the walks, for the report."""
        notes = {
            "from isolated nodes": self.n_isolated * self.options.walks_per_node,
            "ended early": n_ended,
        }
        found = [f"{counted(number, 'walk')} {what}" for what, number in notes.items() if number]
        if self.n_comments:
            found.append(f"{counted(self.n_comments, 'line')} of comments skipped")
        return ", ".join(found)


def _refuse(unknown: Iterable[str]) -> None:
    """Raise `OptionError` for the first of some unknown arguments, with what to use."""
    for name in unknown:
        if name in (field.name for field in fields(Options)):
            raise OptionError(
                f"{name} is an option of Word2Vec and not of RandomWalks: Word2Vec({name}=...).fit(RandomWalks(graph))"
            )
        if name in other_programs.WALKS:
            raise OptionError(f"unknown option {name!r}: {other_programs.WALKS[name]}")
        raise unknown_option(name, list(inspect.signature(RandomWalks).parameters)[:-1])


def _checked_directed(directed: object) -> bool | None:
    if directed is None or isinstance(directed, bool):
        return directed
    raise OptionError(f"{option('directed', shortened(directed))} is not allowed: give True, False or None")


class Visits(NamedTuple):
    """What is known about walks after making them once.

    counts   (V,) int64: visits of each node
    sizes    (n_blocks,) int64: entries of each block, with all nodes kept
    n_ended  walks that ended early
    """

    counts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    n_ended: int


def count_visits(maker: WalkMaker, workers: int, progress: Progress | None = None) -> Visits:
    """Make all walks, in `workers` threads, and count the visits of each node."""
    require_memory({f"counts of {counted(len(maker.order), 'node')}": 8 * len(maker.order) * workers})
    idle = [np.zeros(len(maker.order), np.int64) for _ in range(workers)]  # the counts of each thread
    counts = list(idle)
    sizes, n_ended = np.zeros(maker.n_blocks, np.int64), np.zeros(maker.n_blocks, np.int64)

    def count(first: int) -> int:
        own, n = idle.pop(), 0
        for block in range(first, min(first + _BLOCKS_AT_A_TIME, maker.n_blocks)):
            walks, lengths = maker.make(block)
            visits = int(kernels.count_visits(walks, lengths, own))
            sizes[block], n_ended[block] = visits + len(walks), np.count_nonzero(lengths < maker.length)
            n += visits
        idle.append(own)
        return n

    done, total = 0, maker.n_walks * maker.length
    with ThreadPoolExecutor(workers, thread_name_prefix="firth-walks") as pool:
        for n in in_order(pool, count, range(0, maker.n_blocks, _BLOCKS_AT_A_TIME), workers):
            done += n
            if progress is not None:
                progress(min(done, total), total)
    return Visits(np.asarray(sum(counts)), sizes, int(n_ended.sum()))
