"""What a member of a cluster is expected to hold and to send: arithmetic, from the size of the corpus alone.

Members send three things. Outside blocks pass around the ring once per chunk, so each member sends as many bytes as one
matrix has, whatever the number of members. For the next chunk the vocabulary is cut anew, and every row whose new block
belongs to another member moves. Pairs go from the member that has the text to the one that owns the center.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.cluster.chunk_pairs import PAIR_BYTES
from firth.cluster.setup import Setup, share_of_rows
from firth.cluster.transport import MOST_BYTES
from firth.compiling.kernel import compiler_memory
from firth.text import Corpus
from firth.training.negative_sampling import memory
from firth.training.negative_sampling.partition import chunk_ends, chunk_size
from firth.training.softmax.exact import PART_CENTERS, TILE_BYTES

_SIZE_BYTES = 4  # of the number of windows of a token block in a block of rows, which each member learns
_COUNT_BYTES = 8  # of the number of pairs of a bucket in a chunk, which its owner learns from each member


class SentBytes(NamedTuple):
    """The bytes that a member sends to others in an epoch, on average."""

    ring: float  # outside blocks that pass to the member before
    moves: float  # rows of both matrices that get a new owner for the next chunk
    pairs: float  # and how many they are

    @property
    def total(self) -> float:
        """The sum."""
        return self.ring + self.moves + self.pairs


def sent_bytes(setup: Setup, pairs: float, epoch: int) -> SentBytes:
    """Return what a member sends in an epoch of so many pairs."""
    N = setup.members
    matrix, elsewhere = setup.vocabulary_size * memory.row_bytes(setup.options), (N - 1) / N
    n_chunks, n_blocks, P = count_chunks(setup, epoch), setup.extent.n_blocks, setup.row_blocks
    if epoch == 0:  # one member trains the first chunk of a run, which is a single token block
        n_chunks, pairs = n_chunks - 1, pairs * (1 - 1 / max(1, n_blocks))
    sizes = (_SIZE_BYTES * P * n_blocks + _COUNT_BYTES * P**2 * n_chunks) * elsewhere
    return SentBytes(
        ring=matrix * n_chunks if N > 1 else 0.0,
        moves=moved_bytes(setup, epoch) * elsewhere,
        pairs=PAIR_BYTES * pairs / N * elsewhere + sizes,
    )


def moved_bytes(setup: Setup, epoch: int) -> float:
    """Return the bytes of rows that a member sorts anew in an epoch; some of them stay on the member."""
    moves = count_chunks(setup, epoch) - 2 * (epoch == 0)  # the second chunk of a run finds its rows where they are
    own = 2 * setup.vocabulary_size * memory.row_bytes(setup.options) / setup.members
    return own * moves if setup.members > 1 else 0.0


def count_chunks(setup: Setup, epoch: int) -> int:
    """Return the number of chunks of an epoch."""
    return len(chunk_ends(setup.extent.n_blocks, chunk_size(setup.extent, setup.row_blocks), epoch))


def block_loads(setup: Setup) -> NDArray[np.float64]:
    """Return the share of the work of a chunk in each block of rows, (P,), for the second chunk of a run.

    Other chunks have other blocks of about the same load. The buckets of a block are trained one after the other.
    """
    loads = np.bincount(setup.partition(0, 1).block_of, setup.words.loads, minlength=setup.row_blocks)
    return loads / max(1.0, float(loads.sum()))


def largest_share(setup: Setup, loads: NDArray[np.float64]) -> float:
    """Return the share of the work of the member with most; `loads` are those of the blocks."""
    return float(np.add.reduceat(loads, setup.block_bounds[:-1]).max())


def validation_memory(setup: Setup) -> dict[str, int]:
    """Return the name and the bytes of what a member allocates for the loss of held-out pairs, besides their counts."""
    options, V = setup.options, setup.vocabulary_size
    scores = min(TILE_BYTES, 4 * V * PART_CENTERS)
    return {"rows and scores for the validation": round(share_of_rows(setup) * (4 * V * options.vector_size + scores))}


def memory_needed(corpus: Corpus, setup: Setup, workers: int) -> dict[str, int]:
    """Return the name and the bytes of each part of the memory that training allocates on a member."""
    options, V = setup.options, setup.vocabulary_size
    block = -(-V // setup.row_blocks) * memory.row_bytes(options)
    if setup.members == 1:
        return {**memory.memory_needed(corpus, options, workers), "rows of a checkpoint": 2 * block}
    share = share_of_rows(setup)
    own = 2 * round(V * share) * memory.row_bytes(options)
    return {
        "compiled kernels": compiler_memory() + memory.COMPILED["blocks"],
        f"{share:.0%} of 2 matrices of {V:,} x {options.vector_size} floats": own,
        "rows on their way": 3 * block + min(MOST_BYTES, own // 2),
        **memory.tables(V, options, workers),
        **memory.chunks(corpus, options, workers, share),
    }
