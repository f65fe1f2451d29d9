"""The pairs of a few tokens, trained by one member with noise from the whole vocabulary.

This is used for the first chunk of a run, and for the loss at the end of an epoch. The member copies the rows that the
pairs and their noise words touch from the members that own them: the draws are known beforehand from the key.
"""

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from firth.cluster.exchange import ROWS, Exchange, Key
from firth.cluster.kernels import mark_outputs
from firth.cluster.rows import PIECE_BYTES, Blocks, Ids, MemberRows
from firth.cluster.setup import Setup
from firth.text import BLOCK_WORDS
from firth.training.loop.engine import Matrix
from firth.training.negative_sampling import block_kernels
from firth.training.negative_sampling.blocks import Worker, prepare_row, run_here
from firth.training.negative_sampling.buckets import Bucket, OutsideUnits, make_chunk_text, with_room
from firth.training.negative_sampling.partition import noise_table, one_block
from firth.training.windows.frozen import NONE_FROZEN, Frozen

ItemT = TypeVar("ItemT", bound=np.integer[Any])


class TouchedRows(NamedTuple):
    """The words whose rows a bucket of whole-vocabulary noise touches, ascending, and the bucket's tables.

    frozen  which of the center rows stay as they are; empty: none
    """

    center: Ids
    outside: Ids
    pairs: NDArray[np.int32]
    noise_words: NDArray[np.int32]
    alias: NDArray[np.uint64]
    frozen: Frozen = NONE_FROZEN


def pairs_of_tokens(setup: Setup, tokens: Ids, key: int, work: Worker) -> NDArray[np.int32]:
    """Return the pairs (n, 2) of a block of tokens, sorted as in a bucket of all words."""
    whole, text = one_block(setup.words, 1), make_chunk_text(1, BLOCK_WORDS, 1)
    text.counts[:] = prepare_row(setup.windows(tokens, key, whole), text, 0, work.text)
    units = OutsideUnits(whole.slot_of, np.arange(setup.vocabulary_size, dtype=np.int32), setup.vocabulary_size)
    return block_kernels.make_pairs(text, 0, units).pairs


def touched_by(setup: Setup, pairs: NDArray[np.int32], key: int, frozen: Frozen = NONE_FROZEN) -> TouchedRows:
    """Return the rows that a bucket of these pairs touches, and its tables with these rows in place of the words'.

    frozen  (V,): the words whose center rows stay as they are; empty: none
    """
    alias = noise_table(setup.words, one_block(setup.words, 1), 0)
    seen = np.zeros(setup.vocabulary_size, np.bool_)
    K = setup.options.negative
    mark_outputs(pairs, np.uint64(key), alias, K, np.empty(len(pairs), np.int32), seen)
    outside = np.flatnonzero(seen).astype(np.int32)
    center = np.unique(pairs[:, 0])
    place = np.zeros(setup.vocabulary_size, np.int32)  # words that are never drawn stand for row 0
    place[outside] = np.arange(len(outside))
    renamed = np.stack([np.searchsorted(center, pairs[:, 0]), place[pairs[:, 1]]], axis=1).astype(np.int32)
    return TouchedRows(center, outside, renamed, place, alias, frozen[center] if len(frozen) else frozen)


def train_alone(
    setup: Setup, touched: TouchedRows, center: Matrix, outside: Matrix, key: int, rate: float, work: Worker
) -> float:
    """Train the pairs, in place, and return the sum of their losses, in nats; at rate 0 no row changes."""
    bucket = Bucket(
        center,
        outside,
        touched.pairs,
        touched.noise_words,
        touched.alias,
        np.uint64(key),
        np.float32(rate),
        setup.options.negative,
        setup.options.vector_size,
        touched.frozen,
    )
    work.groups = with_room(work.groups, len(bucket.pairs))
    return run_here(bucket, work.groups)


class Lending:
    """Copies of rows that one member, the borrower, asks of all others; `lend` is their side of it.

    Rows travel in pieces, so that neither side holds a second copy of all of them.
    """

    def __init__(self, setup: Setup, exchange: Exchange, rows: MemberRows, key: Key):
        self._setup, self._exchange, self._rows, self._key = setup, exchange, rows, key

    def borrow(self, blocks: Blocks, name: str, words: Ids) -> Matrix:
        """Return the rows of words, from their owners."""
        owners, rows = self._owners(words), self._rows.zeros(len(words))
        for member in self._others():
            self._exchange.send(member, (*self._key, name, "words"), words[owners == member])
        for places in self._pieces(np.flatnonzero(owners == self._exchange.number)):
            rows[places] = self._rows.of_words(blocks, words[places])
        for member in self._others():
            for piece, places in enumerate(self._pieces(np.flatnonzero(owners == member))):
                rows[places] = self._exchange.take((*self._key, name, "rows", member, piece))
        return rows

    def give_back(self, blocks: Blocks, name: str, words: Ids, rows: Matrix) -> None:
        """Overwrite the rows of words, at their owners."""
        owners = self._owners(words)
        for member in self._others():
            for piece, places in enumerate(self._pieces(np.flatnonzero(owners == member))):
                self._exchange.send(member, (*self._key, name, "changed", piece), rows[places], ROWS)
                self._exchange.flush(ROWS)  # one copy at a time
        for places in self._pieces(np.flatnonzero(owners == self._exchange.number)):
            self._rows.put(blocks, words[places], rows[places])

    def lend(self, borrower: int, blocks: Blocks, name: str) -> Ids:
        """Send the rows that the borrower asks for, and return their words."""
        words: Ids = self._exchange.take((*self._key, name, "words"))
        for piece, some in enumerate(self._pieces(words)):
            key = (*self._key, name, "rows", self._exchange.number, piece)
            self._exchange.send(borrower, key, self._rows.of_words(blocks, some), ROWS)
            self._exchange.flush(ROWS)
        return words

    def get_back(self, blocks: Blocks, name: str, words: Ids) -> None:
        """Overwrite rows with those that the borrower changed."""
        for piece, some in enumerate(self._pieces(words)):
            self._rows.put(blocks, some, self._exchange.take((*self._key, name, "changed", piece)))

    def _pieces(self, items: NDArray[ItemT]) -> list[NDArray[ItemT]]:
        """Cut words, or their places, into as many at a time as rows may travel together."""
        step = max(1, PIECE_BYTES // (4 * self._setup.width))
        return [items[start : start + step] for start in range(0, len(items), step)]

    def _owners(self, words: Ids) -> NDArray[np.intp]:
        return self._setup.owners[self._rows.partition.block_of[words]]

    def _others(self) -> list[int]:
        return [member for member in range(self._setup.members) if member != self._exchange.number]
