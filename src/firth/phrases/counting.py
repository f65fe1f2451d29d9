"""Counts candidates: pairs of words that follow each other, with nothing or only connector words between them.

Ids become 64-bit entries, (run, first, second), which are sorted and summed in threads. The sorted runs of tasks are
merged into one table, so memory grows with the number of distinct candidates and not with the text; beyond
`max_vocab` the rarest are dropped. Counts do not depend on the number of threads or the size of the tasks.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.messages import counted, option
from firth.options import PhraseOptions
from firth.phrases import kernels
from firth.phrases.connectors import RunTable, empty_table
from firth.phrases.id_text import IdText, Int64s
from firth.resources import require_memory
from firth.sorted_runs import DIGIT_BITS, SortedRun, merge, radix_sort, sum_equal
from firth.text import BLOCK_WORDS, TokenStore
from firth.threads import in_order
from firth.training.guards import checked_ids

TASK_ENTRIES = 2**20  # most candidates sorted together: three arrays of 8 bytes each
CELL_BITS = 62  # of a cell; an entry has one more bit

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CountedText:
    """The words of a text, and the candidates in it; the joined text of several candidates may be the same.

    words         V distinct words; those with a count of 0 are not in the text
    word_counts   (V,) int64
    is_connector  (V,) bool
    cells         (n,) int64, ascending: a candidate is run << 2 * bits | first << bits | second, where `first` and
                  `second` are ids of words, and `run` is a key of `runs`: what is between them
    bits          bits of an id
    runs          the connector words of each run of a candidate
    counts        (n,) int64 > 0: how often each candidate occurs
    n_words       words of the text, connector words included
    dropped       how often a candidate was dropped because there were more than `max_vocab`
    """

    words: list[str]
    word_counts: Int64s
    is_connector: NDArray[np.bool_]
    cells: Int64s
    bits: int
    runs: dict[int, tuple[str, ...]]
    counts: Int64s
    n_words: int
    dropped: int

    def ids(self, candidates: Any) -> tuple[Int64s, Int64s, Int64s]:
        """Return (first, run, second) of some candidates: indices or a slice."""
        cells, mask = self.cells[candidates], (1 << self.bits) - 1
        return cells >> self.bits & mask, cells >> 2 * self.bits, cells & mask

    def parts(self, candidate: int) -> tuple[str, ...]:
        """Return the words of a candidate, connector words included."""
        first, run, second = self.ids(candidate)
        return (self.words[int(first)], *self.runs[int(run)], self.words[int(second)])


def connector_mask(words: list[str], connector_words: frozenset[str]) -> NDArray[np.bool_]:
    """Return which of the words are connector words."""
    return np.fromiter(map(connector_words.__contains__, words), np.bool_, len(words))


def count_candidates(
    text: IdText, options: PhraseOptions, *, workers: int = 1, progress: Progress | None = None
) -> CountedText:
    """Count the candidates of a text in one pass over its ids.

    `progress` is called with the number of words counted so far, and the number of all words. Raises `OptionError` if
    there are too many distinct words and runs of connector words to number their candidates, `NotEnoughMemoryError` if
    the counts do not fit in memory, and `CorpusError` if an id is not that of a word.
    """
    is_connector = connector_mask(text.words, options.connector_words)
    writer = _EntryWriter(text.tokens, is_connector)
    counter = _CandidateCounter(room_for_pairs(text.counts, options))
    with ThreadPoolExecutor(workers, thread_name_prefix="firth-phrases") as pool:
        for run in in_order(pool, lambda task: _sorted_run(*task), writer.tasks(progress), workers):
            counter.add(run)
    cells, counts = counter.finish()
    return CountedText(
        text.words,
        text.counts,
        is_connector,
        cells,
        writer.bits,
        runs={node: writer.table.run(node, text.words) for node in np.unique(cells >> 2 * writer.bits).tolist()},
        counts=counts,
        n_words=text.tokens.n_words,
        dropped=counter.dropped,
    )


class _EntryWriter:
    """Turns the ids of a text into entries."""

    def __init__(self, tokens: TokenStore, is_connector: NDArray[np.bool_]):
        self._tokens, self._is_connector = tokens, is_connector
        self.bits = max(1, (len(is_connector) - 1).bit_length())  # of an id
        self.table: RunTable = empty_table()
        self._first, self._node = -1, 0  # of a sentence that the next block continues

    def tasks(self, progress: Progress | None) -> Iterator[tuple[Int64s, int]]:
        """Yield arrays of entries, each with the number of bits to sort by."""
        size = max(TASK_ENTRIES, BLOCK_WORDS)
        entries, n = np.empty(size, np.int64), 0
        for block in range(self._tokens.n_blocks):
            some = checked_ids(self._tokens.read_block(block), len(self._is_connector), block)
            if n + len(some) > size:
                yield entries[:n], self._entry_bits()
                entries, n = np.empty(size, np.int64), 0
            n = self._write(some, entries, n)
            if progress is not None:
                progress(self._tokens.n_words * (block + 1) // self._tokens.n_blocks, self._tokens.n_words)
        yield entries[:n], self._entry_bits()

    def _write(self, tokens: NDArray[np.int32], entries: Int64s, n: int) -> int:
        """Append the candidates of the next tokens; return the number of entries."""
        position = 0
        while True:
            n, position, self._first, self._node = kernels.write_candidates(
                tokens, position, self._first, self._node, self._is_connector, self.table, self.bits, entries, n
            )
            check_bits(self.bits, len(self._is_connector), self.table.n_nodes)
            if position == len(tokens):
                return n
            self.table = self.table.enlarged()

    def _entry_bits(self) -> int:
        return 2 * self.bits + self.table.n_nodes.bit_length() + 1


def check_bits(bits: int, n_words: int, n_runs: int) -> None:
    """Raise `OptionError` if a cell has too few bits for words of so many bits each and a run of connector words."""
    if 2 * bits + (n_runs - 1).bit_length() > CELL_BITS:
        raise OptionError(
            f"{counted(n_words, 'word')} and {counted(n_runs - 1, 'run')} of connector words need more than "
            f"{CELL_BITS} bits to number their pairs: give fewer {option('connector_words')}"
        )


def room_for_pairs(word_counts: Int64s, options: PhraseOptions) -> int | None:
    """Return how many candidates `max_vocab` leaves room for beside the words that occur; None if there is no limit."""
    return None if options.max_vocab is None else max(1, options.max_vocab - int(np.count_nonzero(word_counts)))


def _sorted_run(entries: Int64s, high: int) -> SortedRun:
    """Return the distinct cells of some entries, ascending, and how often each occurs; `entries` is overwritten."""
    spare, positions = np.empty_like(entries), np.empty(1 << DIGIT_BITS, np.int64)
    if radix_sort(entries, spare, positions, 1, high):
        entries, spare = spare, entries
    sums = np.empty(len(entries), np.int64)
    n = sum_equal(entries, 1, spare, sums)
    return SortedRun(spare[:n].copy(), sums[:n].copy())


class _CandidateCounter:
    """Adds up sorted runs; no more than `room` distinct cells are kept (None: all)."""

    def __init__(self, room: int | None):
        self._room = room
        self._runs: list[SortedRun] = []  # each at least twice as large as the next, so that a cell is merged rarely
        self._rarest = 1
        self.dropped = 0

    def add(self, run: SortedRun) -> None:
        """Add the counts of a run."""
        self._runs.append(run)
        while len(self._runs) > 1 and len(self._runs[-2].cells) < 2 * len(self._runs[-1].cells):
            self._merge_last()
        if self._room is not None and sum(len(run.cells) for run in self._runs) > self._room:
            self._drop_rarest(self._room)

    def finish(self) -> tuple[Int64s, Int64s]:
        """Return all cells, ascending, and their counts."""
        while len(self._runs) > 1:
            self._merge_last()
        cells, counts = self._runs[0]
        return cells, counts

    def _merge_last(self) -> None:
        """Replace the last two runs by one."""
        (cells_a, sums_a), (cells_b, sums_b) = self._runs[-2:]
        size = len(cells_a) + len(cells_b)
        require_memory({"counts": 32 * size}, "counting pairs", f"give a smaller {option('max_vocab')}")
        cells, sums = np.empty(size, np.int64), np.empty(size, np.int64)
        n = merge(cells_a, sums_a, cells_b, sums_b, cells, sums)
        self._runs[-2:] = [SortedRun(cells[:n].copy(), sums[:n].copy())]

    def _drop_rarest(self, room: int) -> None:
        """Merge all runs, and drop cells of rising counts until at most `room` are left."""
        run = self.finish()
        kept, self._rarest = without_rarest(*run, room, self._rarest)
        self.dropped += len(run[0]) - len(kept.cells)
        self._runs = [kept]


def without_rarest(cells: Int64s, counts: Int64s, room: int | None, rarest: int = 1) -> tuple[SortedRun, int]:
    """Drop cells of rising counts, from `rarest` on, until at most `room` are left; return them and the next count."""
    while room is not None and len(cells) > room:
        kept = counts > rarest
        cells, counts = cells[kept], counts[kept]
        rarest += 1
    return SortedRun(cells, counts), rarest
