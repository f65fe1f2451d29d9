"""ChunkPairs: the pairs of a chunk, made by each member from its own text and sent to the owners of their centers.

Every member prepares its token blocks and tells the others how many windows it has in each. Each window then has the
rank that it has on one machine, and the owner of a bucket merges what the members sent, by outside word and rank.
"""

import numpy as np
from numpy.typing import NDArray

from firth.cluster.exchange import Exchange, Key
from firth.cluster.kernels import fill_runs, merge_runs
from firth.cluster.setup import Setup
from firth.text import BLOCK_WORDS, TokenStore
from firth.training.draws import block_key
from firth.training.guards import checked_ids
from firth.training.negative_sampling import block_kernels
from firth.training.negative_sampling.blocks import Worker, prepare_row
from firth.training.negative_sampling.buckets import make_chunk_text
from firth.training.negative_sampling.partition import Partition

PAIR_BYTES = 12  # of a pair that is sent: center, outside word, and rank of the window, int32


class ChunkPairs:
    """One member's part in the pairs of one chunk.

    Call `prepare` for each of `n_rows` rows, then `share_sizes`, then `make` for each of P outside blocks; `bucket`
    returns the pairs of a bucket once all members have made those of its outside block.
    """

    def __init__(self, setup: Setup, tokens: TokenStore, exchange: Exchange, place: tuple[int, int]):
        self._setup, self._tokens, self._exchange = setup, tokens, exchange
        self._epoch, self._chunk = place
        self._key: Key = ("pairs", *place)
        self.partition: Partition = setup.partition(*place)
        numbers = setup.chunks(self._epoch)[self._chunk]
        self._first = setup.first_token_blocks[exchange.number]
        self._holders = np.searchsorted(setup.first_token_blocks, numbers, side="right") - 1
        self._numbers = numbers[self._holders == exchange.number]
        self._text = make_chunk_text(len(self._numbers), BLOCK_WORDS, setup.row_blocks)
        self._runs: dict[int, list[NDArray[np.int32]]] = {}  # by outside block, each member's
        self._unused: dict[int, int] = {}  # buckets of each that were not trained yet

    @property
    def n_rows(self) -> int:
        """The number of the chunk's token blocks that this member has."""
        return len(self._numbers)

    def prepare(self, row: int, work: Worker) -> NDArray[np.int32]:
        """Subsample a token block, sort its words, and return its pairs in each bucket."""
        number = int(self._numbers[row])
        tokens = self._tokens.read_epoch(self._epoch, number - self._first)
        checked = checked_ids(tokens, self._setup.vocabulary_size, number)
        key = block_key(self._setup.options.seed, self._epoch, number)
        return prepare_row(self._setup.windows(checked, key, self.partition), self._text, row, work.text)

    def share_sizes(self, counts: list[NDArray[np.int32]]) -> None:
        """Tell the other members the sizes of this member's text, and learn theirs; `counts`: from each `prepare`."""
        setup, me = self._setup, self._exchange.number
        for each in counts:
            self._text.counts[:] += each
        sizes = np.diff(self._text.starts, axis=1)
        for member in range(setup.members):
            own = setup.blocks_of(member)
            self._exchange.send(member, (*self._key, "windows", me), sizes)
            self._exchange.send(
                member, (*self._key, "counts", me), np.ascontiguousarray(self._text.counts[:, own.start : own.stop])
            )
        all_sizes = np.zeros((len(self._holders), setup.row_blocks), np.int64)
        for member in range(setup.members):
            all_sizes[self._holders == member] = self._exchange.take((*self._key, "windows", member))
        self._totals = all_sizes.sum(axis=0)
        self._firsts = (np.cumsum(all_sizes, axis=0) - all_sizes)[self._holders == me]
        counted = [self._exchange.take((*self._key, "counts", member)) for member in range(setup.members)]
        self._sizes = np.stack(counted)  # (members, P, own center blocks): pairs that each sends
        self._ends = np.cumsum(self._sizes, axis=2)

    def make(self, block: int) -> None:
        """Make the pairs of an outside block from this member's text, and send them to the owners of the centers."""
        text, setup = self._text, self._setup
        places = np.empty((4, int(self._totals[block])), np.int64)
        word_starts = np.zeros(len(self.partition.words[block]) + 1, np.int32)
        firsts = np.ascontiguousarray(self._firsts[:, block])
        block_kernels.place_words(text, block, self.partition.slot_of, firsts, places, word_starts)
        n = int((text.starts[:, block + 1] - text.starts[:, block]).sum())
        starts = np.append(0, np.cumsum(text.counts[block]))
        runs = np.empty((int(starts[-1]), 3), np.int32)
        fill_runs(
            text.entries.reshape(-1), places[0, :n], places[3, :n], self.partition.slot_of, starts[:-1].copy(), runs
        )
        for member in range(setup.members):
            own = setup.blocks_of(member)
            part = runs[starts[own.start] : starts[own.stop]]
            self._exchange.send(member, (*self._key, block, self._exchange.number), part)

    def bucket(self, center: int, outside: int) -> NDArray[np.int32]:
        """Return the pairs (n, 2) of a bucket whose center block this member owns: places in both blocks."""
        members, own = range(self._setup.members), self._setup.blocks_of(self._exchange.number)
        if outside not in self._runs:
            self._runs[outside] = [self._exchange.take((*self._key, outside, member)) for member in members]
            self._unused[outside] = len(own)
        ends = self._ends[:, outside, center - own.start]
        heads = ends - self._sizes[:, outside, center - own.start]
        parts = [runs[head:end] for runs, head, end in zip(self._runs[outside], heads, ends, strict=True)]
        self._unused[outside] -= 1
        if not self._unused[outside]:
            del self._runs[outside]
        starts = np.append(0, np.cumsum(ends - heads))
        pairs = np.empty((int(starts[-1]), 2), np.int32)
        merge_runs(np.concatenate(parts), starts[:-1].copy(), starts[1:].copy(), pairs)
        return pairs


def compile_pair_kernels(P: int) -> None:
    """Compile the kernels for the pairs of P blocks by calling them with no pairs."""
    runs, places, none = np.empty((0, 3), np.int32), np.empty((4, 0), np.int64), np.empty(0, np.int64)
    text = make_chunk_text(0, BLOCK_WORDS, P)
    slot_of = np.zeros(1, np.int32)
    block_kernels.place_words(text, 0, slot_of, none, places, np.zeros(2, np.int32))
    fill_runs(text.entries.reshape(-1), places[0], places[3], slot_of, np.zeros(P, np.int64), runs)
    merge_runs(runs, none, none, np.empty((0, 2), np.int32))
