"""MemberRows: the blocks of both matrices that a member owns, and their move to another partition of the vocabulary.

Center block i and outside block i belong to `Setup.owners[i]` before and after each chunk. For the next chunk the
vocabulary is cut anew, and almost every row gets a new block. A member first sorts its rows by new block, one old block
at a time, and then sends them, one new block at a time; it frees each array as soon as it is sent, so that it holds its
share of one matrix and about two blocks more. No numbers of rows are sent, because both sides know both partitions.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from firth.cluster.exchange import ROWS, Exchange, Key, page_zeros
from firth.cluster.setup import Setup
from firth.training.loop.engine import Matrix
from firth.training.negative_sampling.partition import Partition
from firth.training.windows.engine import start_rows

Blocks = dict[int, Matrix]
Ids = NDArray[np.int32]


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
            for name, blocks in self.matrices.items():
                self._move(blocks, old, (*key, name))

    def _move(self, blocks: Blocks, old: Partition, key: Key) -> None:
        parts, me, members = self._sorted_by_new_block(blocks, old), self._exchange.number, self._setup.members
        for stage in range(max(len(self._setup.blocks_of(member)) for member in range(members))):
            new = NewBlock(self._own[stage], old, self) if stage < len(self._own) else None
            for step in range(members):  # in each step, every member sends to one and receives from one
                theirs = self._setup.blocks_of((me + step) % members)
                if stage < len(theirs):
                    part = parts.pop(theirs[stage])
                    self._exchange.send((me + step) % members, (*key, theirs[stage], me), part, ROWS)
                    del part
                if new is not None:
                    sender = (me - step) % members
                    new.fill(sender, self._exchange.take((*key, new.number, sender)))
                self._exchange.flush(ROWS)
            if new is not None:
                blocks[new.number] = new.rows

    def _sorted_by_new_block(self, blocks: Blocks, old: Partition) -> Blocks:
        """Return this member's rows of each new block, by old block and then by word, and empty `blocks`."""
        P, new_block = self._setup.row_blocks, self.partition.block_of
        sizes = sum((np.bincount(new_block[old.words[b]], minlength=P) for b in self._own), np.zeros(P, np.intp))
        parts = {block: self.zeros(int(n)) for block, n in enumerate(sizes)}
        filled = np.zeros(P, np.intp)
        for number in self._own:
            rows, targets = blocks.pop(number), new_block[old.words[number]]
            order, counts = np.argsort(targets, kind="stable"), np.bincount(targets, minlength=P)
            for block, chosen in enumerate(np.split(order, np.cumsum(counts)[:-1])):
                part = parts[block][filled[block] : filled[block] + len(chosen)]
                np.take(rows, chosen, axis=0, out=part, mode="clip")  # without a mode, `take` makes a copy
            filled += counts
        return parts

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

    def order_by_sender(self, block: int, old: Partition) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the places in a new block of the rows that arrive, and where those of each member begin among them."""
        origin = old.block_of[self.partition.words[block]]
        order = np.argsort(origin, kind="stable")
        return order, np.searchsorted(origin[order], self._setup.block_bounds)


class NewBlock:
    """A block of the new partition, while the members send parts of it."""

    def __init__(self, number: int, old: Partition, member: MemberRows):
        self.number = number
        self.rows = member.zeros(len(member.partition.words[number]))
        self._order, self._ends = member.order_by_sender(number, old)

    def fill(self, sender: int, part: Matrix) -> None:
        """Fill the rows that a member sent."""
        self.rows[self._order[self._ends[sender] : self._ends[sender + 1]]] = part
