"""WarmShare: a member's part in the warm start of the exact softmax, which one member trains, with the text of all.

Negative sampling on one thread takes one block of tokens after the other, so it cannot be divided. The member
`TRAINER` has both matrices whole while it lasts; the others send it their token blocks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.cluster.exchange import Exchange, Key
from firth.cluster.lone_member import corpus_of
from firth.cluster.member import ChunkResult
from firth.cluster.row_files import MATRICES, saved_rows, write_rows
from firth.cluster.setup import Setup
from firth.cluster.tiles import by_tile, saved_shapes, tile_slices
from firth.errors import CorpusError
from firth.text import TokenStore
from firth.text.ids import Ids
from firth.training.loop.engine import Matrix, TaskResult
from firth.training.negative_sampling.hogwild import Hogwild
from firth.training.softmax.stages import WARM
from firth.training.windows.engine import sample_places
from firth.training.windows.frozen import Frozen
from firth.training.windows.token_blocks import TokenBlockTask

TRAINER = 0  # the member that trains
BLOCKS_AT_ONCE = 8  # token blocks of a chunk: some tenths of a second, after which an interrupt need not wait


def cut_blocks(n_blocks: int) -> list[range]:
    """Return the token blocks of each chunk."""
    return [range(first, min(first + BLOCKS_AT_ONCE, n_blocks)) for first in range(0, n_blocks, BLOCKS_AT_ONCE)]


class WarmShare:
    """A member's part; methods and arguments are those of `Member`. `setup` has the options of the warm start."""

    def __init__(self, setup: Setup, tokens: TokenStore, exchange: Exchange):
        self._setup, self._tokens, self._exchange = setup, tokens, exchange
        self._calls = 0
        sizes = np.diff(tokens.block_starts)[: setup.token_blocks[exchange.number]]  # the others are held out
        exchange.send(TRAINER, ("block sizes", exchange.number), sizes)
        self._training = WarmTraining(setup, tokens, exchange) if exchange.number == TRAINER else None

    def compile(self) -> None:
        """Compile the kernels by training on no tokens."""
        if self._training is not None:
            self._training.engine.compile()

    def start(self) -> None:
        """Give all rows their initial values: the engine did."""

    def set_rows(self, name: str, words: NDArray[np.integer], rows: Matrix) -> None:
        """Overwrite rows of words: (n, D), of the matrix center or outside, on the member that has them."""
        if self._training is not None:
            self._training.matrices[name][words] = rows

    def freeze(self, frozen: Frozen) -> None:
        """Keep center rows as they are from now on: those of the words where `frozen`, (V,), is True."""
        if self._training is not None:
            self._training.engine.freeze(frozen)

    def run_chunk(self, epoch: int, chunk: int) -> ChunkResult:
        """Train on some token blocks."""
        blocks = cut_blocks(self._setup.extent.n_blocks)[chunk]
        key = self._share_blocks(blocks)
        if self._training is None:
            return ChunkResult(0, np.zeros(0), {})
        results = self._training.train(epoch, blocks, key)
        return ChunkResult(sum(result.pairs for result in results), np.array([result.loss for result in results]), {})

    def end_loss(self) -> tuple[float, int]:
        """Return the loss of a fixed sample of pairs, in nats, and their number; 0 on all members but one."""
        places, _ = sample_places(self._setup.n_words, self._setup.extent.n_blocks)
        key = self._share_blocks(sorted({int(place) for place in places}))
        return (0.0, 0) if self._training is None else self._training.sample_loss(key)

    def _share_blocks(self, blocks: range | list[int]) -> Key:
        """Send those of some token blocks that this member has; return the key to which their numbers are added."""
        self._calls += 1
        me = self._exchange.number
        for block in blocks if self._training is None else ():
            if self._setup.holder(block) == me:
                entries = self._tokens.read_block(block - self._setup.first_token_blocks[me])
                self._exchange.send(TRAINER, ("tokens", self._calls, block), entries)
        return "tokens", self._calls

    def save(self, folder: str) -> None:
        """Write both matrices, on the member that has them."""
        if self._training is not None:
            tiles = tile_slices(range(self._setup.vocabulary_size))
            blocks = {name: by_tile(matrix, tiles) for name, matrix in self._training.matrices.items()}
            write_rows(folder, self._exchange.number, blocks)

    def load(self, folder: str, epoch: int, chunk: int) -> None:
        """Read both matrices."""
        if self._training is not None:
            words = range(self._setup.vocabulary_size)
            tiles = tile_slices(words)
            for saved in saved_rows(folder, saved_shapes(self._setup, WARM, words)):
                self._training.matrices[saved.matrix][tiles[saved.block]] = saved.rows

    def matrices(self) -> dict[str, Matrix] | None:
        """Return both matrices by name, on the member that has them, and None on the others."""
        return None if self._training is None else self._training.matrices

    def halt(self) -> None:
        """Make the call under way end soon with an error."""
        if self._training is not None:
            self._training.engine.halt[0] = True


class WarmTraining:
    """The training of the warm start, on the member `TRAINER`."""

    def __init__(self, setup: Setup, tokens: TokenStore, exchange: Exchange):
        sizes = [exchange.take(("block sizes", member)) for member in range(setup.members)]
        starts = np.cumsum(np.concatenate([[0], *sizes]))
        self._entries = ArrivingEntries(tokens, len(sizes[TRAINER]), starts, exchange)
        store = TokenStore(self._entries, starts, setup.n_words, longest=setup.longest)
        self.engine = Hogwild(corpus_of(setup, store), setup.options)
        self._epochs, self._n_blocks, self._work = setup.options.epochs, store.n_blocks, self.engine.workspace()

    @property
    def matrices(self) -> dict[str, Matrix]:
        """Both matrices by name, (V, D); they change in place."""
        return dict(zip(MATRICES, (self.engine.center, self.engine.outside), strict=True))

    def train(self, epoch: int, blocks: range, key: Key) -> list[TaskResult]:
        """Train on token blocks in order; `key` is that of those that arrive."""
        self._entries.expect(key)
        results = []
        for block in blocks:
            progress = block / self._n_blocks
            rate = self.engine.rate((epoch + progress) / self._epochs)
            results.append(self.engine.train(TokenBlockTask(epoch, block, progress), rate, self._work))
            if self.engine.halt[0]:
                raise InterruptedError("training was interrupted")
        return results

    def sample_loss(self, key: Key) -> tuple[float, int]:
        """Return the sum of the losses of the sample of `end_loss`, and the number of its pairs."""
        self._entries.expect(key)
        result = self.engine.sample_loss(self._work)
        return result.loss, result.pairs


class ArrivingEntries:
    """The entries of all token blocks; those of other members are taken when they are read first.

    tokens  the first `own` of its blocks are the first of all
    starts  (n_blocks + 1,): where each block begins
    """

    place = "on the members of a cluster"

    def __init__(self, tokens: TokenStore, own: int, starts: NDArray[Any], exchange: Exchange):
        self._tokens, self._own, self._starts, self._exchange = tokens, own, starts, exchange
        self._key: Key = ()
        self._arrived: dict[int, Ids] = {}

    def expect(self, key: Key) -> None:
        """Set the key of the blocks that arrive from now on, and drop earlier ones."""
        self._key, self._arrived = key, {}

    def read(self, start: int, out: Ids) -> None:
        """Fill `out` with the block that begins at `start`."""
        block = int(np.searchsorted(self._starts, start, side="right")) - 1
        if block < self._own:
            self._tokens.read_block(block, out)
            return
        if block not in self._arrived:
            self._arrived[block] = self._exchange.take((*self._key, block))
        if len(self._arrived[block]) != len(out):
            raise CorpusError(f"token block {block} has {len(self._arrived[block]):,} of {len(out):,} entries")
        out[:] = self._arrived[block]

    def digest(self) -> None:
        """Return None: the entries are to be hashed themselves."""

    def close(self) -> None:
        """Drop the blocks that arrived."""
        self._arrived = {}
