"""MemberRows: the blocks of both matrices that a member owns, and their move to another partition of the vocabulary.

Center block i and outside block i belong to `Setup.owners[i]` before and after each chunk. For the next chunk the
vocabulary is cut anew, and almost every row gets a new block. A member first sorts its rows by new block, and then
sends them, one new block at a time. Blocks are cut into pieces for that, and memory is given back piece by piece, so
that little more is needed than the rows themselves. No numbers of rows are sent, because both sides know both
partitions.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.cluster.exchange import ROWS, Exchange, Key, page_zeros, release
from firth.cluster.setup import Setup
from firth.training.loop.engine import Matrix
from firth.training.negative_sampling.partition import Partition
from firth.training.windows.engine import start_rows

Blocks = dict[int, Matrix]
Ids = NDArray[np.int32]

PIECE_BYTES = 2**24  # of rows that are copied, or sent, before memory is given back


class MemberRows:
    """The rows of one member: `center` and `outside` hold its blocks of `partition`, by number."""

    def __init__(self, setup: Setup, exchange: Exchange, partition: Partition):
        self._setup, self._exchange = setup, exchange
        self._own = setup.blocks_of(exchange.number)
        self.partition = partition
        self.center = self._zeros()
        self.outside = self._zeros()

    @property
    def matrices(self) -> dict[str, Blocks]:
        """Both matrices by name."""
        return {"center": self.center, "outside": self.outside}

    def draw(self) -> None:
        """Fill the center rows with their initial values; the outside rows are zeros."""
        V, D = self._setup.vocabulary_size, self._setup.options.vector_size
        for first, rows in start_rows(V, D, self._setup.options.seed):
            for block in self._own:
                words = self.partition.words[block]
                start, stop = np.searchsorted(words, [first, first + len(rows)])
                self.center[block][start:stop, :D] = rows[words[start:stop] - first]

    def move(self, partition: Partition, key: Key) -> None:
        """Move all rows to another partition, in step with the other members."""
        old, self.partition = self.partition, partition
        if not np.array_equal(old.block_of, partition.block_of):
            move = Move(self._setup, self._exchange, old, partition)
            for name, blocks in self.matrices.items():
                move.run(blocks, (*key, name))

    def of_words(self, blocks: Blocks, words: Ids) -> Matrix:
        """Return copies of the rows of words that this member owns."""
        rows = self.zeros(len(words))
        for block, places in self._places(words):
            rows[places] = blocks[block][self.partition.slot_of[words[places]]]
        return rows

    def put(self, blocks: Blocks, words: Ids, rows: Matrix) -> None:
        """Overwrite the rows of words that this member owns."""
        for block, places in self._places(words):
            blocks[block][self.partition.slot_of[words[places]]] = rows[places]

    def _places(self, words: Ids) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Yield each own block with the positions in `words` of its words."""
        origin = self.partition.block_of[words]
        for block in self._own:
            yield block, np.flatnonzero(origin == block)

    def _zeros(self) -> Blocks:
        return {block: self.zeros(len(self.partition.words[block])) for block in self._own}

    def zeros(self, n: int) -> Matrix:
        """Return n rows of zeros."""
        return page_zeros((n, self._setup.width))


class Move:
    """A move of a member's rows from one partition to another, in step with the other members.

    Each block is cut into `pieces`; piece p of block b has the number b * pieces + p.
    """

    def __init__(self, setup: Setup, exchange: Exchange, old: Partition, new: Partition):
        self._setup, self._exchange, self._old, self._new = setup, exchange, old, new
        self._own = setup.blocks_of(exchange.number)
        largest = max(map(len, new.words))
        self.pieces = max(1, -(-largest * 4 * setup.width // PIECE_BYTES))
        self._piece_of = _piece_numbers(new, self.pieces)

    def run(self, blocks: Blocks, key: Key) -> None:
        """Replace the blocks of a matrix by those of the new partition."""
        parts = self._sorted(blocks)
        for stage in range(max(len(self._setup.blocks_of(member)) for member in range(self._setup.members))):
            rows = self._zeros(len(self._new.words[self._own[stage]])) if stage < len(self._own) else None
            for piece in range(self.pieces):
                new = None if rows is None else self._new_piece(self._own[stage], piece, rows)
                self._pass_piece(parts, new, (stage, piece), key)
            if rows is not None:
                blocks[self._own[stage]] = rows

    def _sorted(self, blocks: Blocks) -> Blocks:
        """Return this member's rows of each piece, by old block and then by word; empty `blocks`."""
        n, words = self._setup.row_blocks * self.pieces, self._old.words
        sizes = sum((np.bincount(self._piece_of[words[b]], minlength=n) for b in self._own), np.zeros(n, np.intp))
        parts = {piece: self._zeros(int(size)) for piece, size in enumerate(sizes)}
        filled, step = np.zeros(n, np.intp), max(1, PIECE_BYTES // (4 * self._setup.width))
        for number in self._own:
            rows, targets = blocks.pop(number), self._piece_of[words[number]]
            for start in range(0, len(rows), step):
                some = rows[start : start + step]
                filled += _sort_into(parts, filled, some, targets[start : start + step])
                release(some)
        return parts

    def _new_piece(self, block: int, piece: int, rows: Matrix) -> "NewPiece":
        """Return a piece of a new block, whose rows are `rows`."""
        words = self._new.words[block]
        start, stop = (-(-number * len(words) // self.pieces) for number in (piece, piece + 1))
        origin = self._old.block_of[words[start:stop]]
        order = np.argsort(origin, kind="stable")
        return NewPiece(rows[start:stop], order, np.searchsorted(origin[order], self._setup.block_bounds))

    def _pass_piece(self, parts: Blocks, new: "NewPiece | None", place: tuple[int, int], key: Key) -> None:
        """Send a piece of one block to each member, and receive one, `new`, if this member has as many blocks."""
        me, members, (stage, piece) = self._exchange.number, self._setup.members, place
        for step in range(members):  # in each step, every member sends to one and receives from one
            theirs = self._setup.blocks_of((me + step) % members)
            if stage < len(theirs):
                part = parts.pop(theirs[stage] * self.pieces + piece)
                self._exchange.send((me + step) % members, (*key, *place, me), part, ROWS)
                del part
            if new is not None:
                sender = (me - step) % members
                new.fill(sender, self._exchange.take((*key, *place, sender)))
            self._exchange.flush(ROWS)

    def _zeros(self, n: int) -> Matrix:
        return page_zeros((n, self._setup.width))


class NewPiece(NamedTuple):
    """A piece of a new block, while the members send parts of it.

    order  the places of the rows that arrive, from one member after the other; ends: where those of each begin
    """

    rows: Matrix
    order: NDArray[np.intp]
    ends: NDArray[np.intp]

    def fill(self, sender: int, part: Matrix) -> None:
        """Fill the rows that a member sent."""
        self.rows[self.order[self.ends[sender] : self.ends[sender + 1]]] = part


def _piece_numbers(partition: Partition, pieces: int) -> NDArray[np.int32]:
    """Return the number of the piece of each word, (V,): each block is cut, its words in order."""
    sizes = np.array([len(words) for words in partition.words])[partition.block_of]
    pieces_before = partition.slot_of.astype(np.int64) * pieces // sizes
    return np.asarray(partition.block_of.astype(np.int64) * pieces + pieces_before, np.int32)


def _sort_into(parts: Blocks, filled: NDArray[np.intp], rows: Matrix, targets: NDArray[np.int32]) -> NDArray[np.intp]:
    """Copy rows into the parts in `targets`, from place `filled` of each part on; return how many into each."""
    order, counts = np.argsort(targets, kind="stable"), np.bincount(targets, minlength=len(filled))
    ends = np.cumsum(counts)
    for number in np.flatnonzero(counts).tolist():
        chosen = order[ends[number] - counts[number] : ends[number]]
        part = parts[number][filled[number] : filled[number] + len(chosen)]
        np.take(rows, chosen, axis=0, out=part, mode="clip")  # without a mode, `take` makes a copy
    return counts
