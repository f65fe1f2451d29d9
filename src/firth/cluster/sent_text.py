"""A corpus that only the driver can read, such as lists in memory: it reads the corpus, and sends the token blocks."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from firth.cluster.handles import Handle, call_each
from firth.cluster.text import ClusterText
from firth.text import Corpus, TokenStore
from firth.text.ids import END, Ids
from firth.text.store import MEMORY_LIMIT, DiskStorage, MemoryStorage

_BLOCKS_SENT = 64  # at a time: at most 8 MiB


class ReceivedText:
    """The token blocks of one member, which are received in order.

    block_starts  where each block begins, and where the last ends
    longest       `TokenStore.longest` of the corpus
    """

    def __init__(self, block_starts: NDArray[np.int64], longest: int, memory_limit: int = MEMORY_LIMIT):
        self._starts, self._longest = block_starts, longest
        self._storage = MemoryStorage() if 4 * block_starts[-1] <= memory_limit else DiskStorage()
        self._filled = self._words = 0
        self._tokens: TokenStore | None = None

    def add(self, entries: Ids) -> None:
        """Add the entries of the next blocks."""
        self._storage.write(self._filled, entries)
        self._filled += len(entries)
        self._words += int(np.count_nonzero(entries != END))

    @property
    def tokens(self) -> TokenStore:
        """The token blocks, once all have been received."""
        assert self._filled == self._starts[-1]
        if self._tokens is None:
            self._tokens = TokenStore(self._storage, self._starts, self._words, longest=self._longest)
            if self._tokens.on_disk:
                self._tokens.add_checksums()
        return self._tokens


def send_text(processes: Sequence[Handle], texts: Sequence[Handle], corpus: Corpus) -> ClusterText:
    """Send the token blocks of a corpus, which was read here, to members: to each about as many.

    `processes` open a `ReceivedText` each, of which `texts` are then the handles.
    """
    tokens, N = corpus.tokens, len(processes)
    bounds = [member * tokens.n_blocks // N for member in range(N + 1)]
    starts = [tokens.block_starts[first : stop + 1] for first, stop in pairwise(bounds)]
    call_each(processes, "open_received", [(own - own[0], tokens.longest) for own in starts])
    for text, (first, stop) in zip(texts, pairwise(bounds), strict=True):
        for part in range(first, stop, _BLOCKS_SENT):
            blocks = [tokens.read_block(block) for block in range(part, min(part + _BLOCKS_SENT, stop))]
            text.submit("add", np.concatenate(blocks)).result()
    return ClusterText(corpus, tuple(stop - first for first, stop in pairwise(bounds)))
