"""Setup: what all members of a cluster know, and which of them owns which rows and token blocks.

Everything here is a function of the options and the size of the corpus, so members need not ask each other.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.messages import counted, option
from firth.options import Options
from firth.training.loop.engine import learning_rate
from firth.training.negative_sampling.buckets import Windows
from firth.training.negative_sampling.partition import (
    Extent,
    Partition,
    Words,
    chunk_size,
    count_row_blocks,
    cut_chunks,
    draw_partition,
    text_extent,
    words_of,
)
from firth.training.sampling import keep_thresholds
from firth.training.softmax import exact
from firth.training.windows import layout

_TRAINED = {
    "architecture": ("skip_gram",),
    "objective": ("negative_sampling", "softmax"),
    "schedule": ("blocks",),  # of negative sampling; the softmax has none
}


@dataclass(frozen=True)
class Setup:
    """A training run on several members; the same on each of them.

    counts        (V,) int64: those of the vocabulary
    n_words       words of the corpus that are in the vocabulary
    raw_words     words of the corpus
    longest       `TokenStore.longest` of the corpus
    token_blocks  the number of token blocks of each member; they are numbered from the first member's to the last's
    """

    counts: NDArray[np.int64]
    options: Options
    n_words: int
    raw_words: int
    longest: int
    token_blocks: tuple[int, ...]

    @property
    def members(self) -> int:
        """The number of members."""
        return len(self.token_blocks)

    @property
    def vocabulary_size(self) -> int:
        """V, the number of words."""
        return len(self.counts)

    @property
    def width(self) -> int:
        """The number of floats in a row, with those that fill up its last strip."""
        return layout.LANES * layout.strips(self.options.vector_size)

    @cached_property
    def extent(self) -> Extent:
        """The size of the corpus."""
        return text_extent(sum(self.token_blocks), self.longest, self.options)

    @cached_property
    def row_blocks(self) -> int:
        """P, the number of blocks of rows, the same as on one machine."""
        return count_row_blocks(self.vocabulary_size, self.extent, self.options)

    @cached_property
    def words(self) -> Words:
        """What the partitions of the vocabulary depend on."""
        return words_of(self.counts, self.options)

    @cached_property
    def block_bounds(self) -> list[int]:
        """Member m owns the blocks of rows from number m of these to number m + 1, without the last."""
        return [member * self.row_blocks // self.members for member in range(self.members + 1)]

    @cached_property
    def word_bounds(self) -> list[int]:
        """After `Member.collect`, member m has the words from number m of these to number m + 1, without the last.

        For the exact softmax they are always there, and cut at tiles, which do not depend on the number of members.
        """
        if self.options.objective == "softmax":
            tiles, V, N = self.tiles, self.vocabulary_size, self.members
            return [min(V, member * tiles // N * exact.TILE_WORDS) for member in range(N + 1)]
        return [-(-bound * self.vocabulary_size // self.row_blocks) for bound in self.block_bounds]

    @property
    def tiles(self) -> int:
        """The number of tiles of the vocabulary in `ExactSoftmax`."""
        return -(-self.vocabulary_size // exact.TILE_WORDS)

    def blocks_of(self, member: int) -> range:
        """Return the blocks of rows that a member owns."""
        return range(self.block_bounds[member], self.block_bounds[member + 1])

    @cached_property
    def owners(self) -> NDArray[np.intp]:
        """(P,): the member that owns each block of rows."""
        return np.repeat(np.arange(self.members), np.diff(self.block_bounds))

    @cached_property
    def first_token_blocks(self) -> list[int]:
        """The number of each member's first token block, and that of all token blocks."""
        return [0, *np.cumsum(self.token_blocks).tolist()]

    def holder(self, token_block: int) -> int:
        """Return the member that holds a token block."""
        return int(np.searchsorted(self.first_token_blocks, token_block, side="right")) - 1

    def chunks(self, epoch: int) -> list[NDArray[np.intp]]:
        """Return the token blocks of each chunk of an epoch."""
        return cut_chunks(self.extent.n_blocks, chunk_size(self.extent, self.row_blocks), epoch)

    def partition(self, epoch: int, chunk: int) -> Partition:
        """Return the partition under which rows lie while a chunk is trained and after it.

        In the first chunk of a run all words are in one block. One member trains it, with copies of the rows that it
        needs (`touched`), while rows lie where the next chunk needs them. Before the first chunk of an epoch, number
        -1, they lie as after the last of the epoch before.
        """
        if chunk < 0 < epoch:
            return self.partition(epoch - 1, len(self.chunks(epoch - 1)) - 1)
        first = epoch == 0 >= chunk
        return draw_partition(self.words, self.row_blocks, self.options.seed, epoch, 1 if first else chunk)

    @cached_property
    def keep(self) -> NDArray[np.uint32]:
        """(V,): the thresholds of subsampling."""
        return keep_thresholds(self.counts, self.options.sample)

    def windows(self, tokens: NDArray[np.int32], key: int, partition: Partition) -> Windows:
        """Return what the windows of a block of tokens depend on."""
        options = self.options
        return Windows(tokens, self.keep, np.uint64(key), options.window, options.shrink_windows, partition.block_of)

    def rate(self, epoch: int, progress: float) -> float:
        """Return the learning rate when the share `progress` of an epoch is done."""
        return learning_rate(self.options, (epoch + progress) / self.options.epochs)

    def check(self) -> None:
        """Raise `OptionError` if a cluster does not train with these options, or has too many members."""
        check_options(self.options)
        if self.options.objective == "softmax":
            _check_tiles(self)
        else:
            _check_number(self.members, self.row_blocks)


def check_options(options: Options, nodes: int | None = None) -> None:
    """Raise `OptionError` if a cluster does not train with these options, or not on as many nodes."""
    if options.subwords is not None:
        raise OptionError(f"{option('subwords')} does not run on a cluster: leave it out, or train on one machine")
    for name, values in _TRAINED.items():
        found = getattr(options, name)
        if found not in values and (name, options.objective) != ("schedule", "softmax"):
            raise OptionError(
                f"{option(name, repr(found))} does not run on a cluster, which trains skip-gram with negative sampling "
                "under the block schedule, and the exact softmax: give "
                f"{' or '.join(option(name, repr(value)) for value in values)}, or train on one machine"
            )
    if options.objective != "softmax":
        _check_number(nodes or 1, options.blocks)


def _check_number(nodes: int, blocks: int) -> None:
    if nodes > blocks:
        raise OptionError(
            f"{counted(nodes, 'node')} cannot share {counted(blocks, 'block')} of rows: each needs one. Give at most "
            f"{counted(blocks, 'node')}, or more blocks ({option('blocks')}) if the corpus is large enough for them"
        )


def _check_tiles(setup: Setup) -> None:
    if setup.members > setup.tiles:
        raise OptionError(
            f"{counted(setup.members, 'node')} cannot share {counted(setup.vocabulary_size, 'word')}: for the exact "
            f"softmax each needs {exact.TILE_WORDS:,}. Give at most {counted(setup.tiles, 'node')}"
        )


def share_of_rows(setup: Setup) -> float:
    """Return the share of the rows of each matrix of the member with most."""
    if setup.options.objective == "softmax":
        return -(-setup.tiles // setup.members) / setup.tiles
    return max(len(setup.blocks_of(member)) for member in range(setup.members)) / setup.row_blocks
