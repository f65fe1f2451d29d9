"""Co-occurrence counts: the sparse (V, V) matrix n(c, o) of the pairs (center, outside) of a corpus.

The naive softmax's loss of a corpus depends on the corpus through these counts alone (Result 21 of docs/derivation.md).

Window sizes enter by their expectation: a window that shrinks has size m, m - 1, ... 1 with equal probability, so a
pair at distance d counts (m - d + 1) / m (Result 26). Subsampling is drawn, by `draws.subsample`: a dropped word also
brings its neighbours closer together, and the expectation over that has no short form. The mean of a count is then the
mean number of such pairs in an epoch of negative sampling. The mean of three draws did not give better vectors.

The corpus is cut into tasks. The pairs of a task are sorted and summed into a run; runs are merged, one range of rows
at a time. Weights are summed as whole numbers, so the result does not depend on the number of threads or the size of
the tasks. Runs and result are kept in memory up to a limit; the rest goes to unnamed temporary files.
"""

import bisect
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import CorpusError, OptionError
from firth.messages import counted, option
from firth.options import Options
from firth.sorted_runs import DIGIT_BITS, SortedRun
from firth.text import BLOCK_WORDS, END, Vocabulary
from firth.text.store import DiskStorage, TokenStore
from firth.threads import in_order
from firth.training import sampling
from firth.training.draws import block_key
from firth.training.guards import checked_ids
from firth.training.softmax import kernels

TASK_PAIRS = 2**23  # most pairs sorted together (or those of one block, if more): three arrays of 8 bytes each
RUN_BYTES = 2**30  # limit of the runs in memory, and of the counts in memory
RANGE_CELLS = 2**21  # cells merged together, approximately


class DiskArray:
    """A one-dimensional array in an unnamed temporary file, of a dtype of 4 or 8 bytes; writing at its end extends it.

    An index or a slice has non-negative bounds and step 1. Raises `CorpusError` as `DiskStorage` does.
    """

    def __init__(self, dtype: DTypeLike, folder: Path | None = None):
        self.dtype = np.dtype(dtype)
        self._units = self.dtype.itemsize // 4  # of 4 bytes, as the storage counts
        self._file, self._size = DiskStorage(folder), 0

    def __len__(self) -> int:
        return self._size

    def __setitem__(self, where: slice, numbers: NDArray[Any]) -> None:
        self._file.write(self._units * where.start, np.ascontiguousarray(numbers, self.dtype).view(np.int32))
        self._size = max(self._size, where.stop)

    def __getitem__(self, where: int | slice) -> Any:
        start, stop = (where.start, where.stop) if isinstance(where, slice) else (where, where + 1)
        if not 0 <= start <= stop <= self._size:
            raise IndexError(f"{where} is out of range for an array of length {self._size:,}")
        out = np.empty(stop - start, self.dtype)
        self._file.read(self._units * start, out.view(np.int32))
        return out if isinstance(where, slice) else out[0]


StoredArray = NDArray[Any] | DiskArray


def blocks_per_task(longest: int, options: Options) -> int:
    """Return the number of token blocks that are counted together; `longest` is that of the `TokenStore`."""
    return max(1, TASK_PAIRS // (min(2 * options.window, max(1, longest - 1)) * BLOCK_WORDS))


def most_pairs(tokens: NDArray[np.int32], window: int) -> int:
    """Return the number of pairs in the windows of a block of tokens, before subsampling.

    A sentence of n words has n - d pairs of neighbours at each distance d, in both orders.
    """
    bounds = np.flatnonzero(np.concatenate([[True], tokens == END, [True]]))
    n = np.diff(bounds) - 1
    farthest = np.minimum(window, np.maximum(n - 1, 0))
    return int((farthest * (2 * n - farthest - 1)).sum())


class CountRows(NamedTuple):
    """Some rows of the counts: row i has columns[start[i]:stop[i]] and values[start[i]:stop[i]]."""

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]


@dataclass(frozen=True)
class Cooccurrence:
    """The counts n(c, o) in compressed sparse rows; raises `OptionError` for other shapes or dtypes."""

    indptr: NDArray[np.int64]  # (V + 1,): row c, of the outside words of center c, is indptr[c]:indptr[c + 1]
    columns: StoredArray  # (nnz,) int32: o, ascending in each row
    values: StoredArray  # (nnz,) float32: n(c, o) > 0
    totals: NDArray[np.float64]  # (V,): N_c, the sum of row c
    outside_totals: NDArray[np.float64]  # (V,): the sum of column o

    def __post_init__(self) -> None:
        V, nnz = len(self.totals), len(self.values)
        wanted = {"indptr": (V + 1, np.int64), "columns": (nnz, np.int32), "values": (nnz, np.float32)}
        for name, (size, dtype) in wanted.items():
            array = getattr(self, name)
            if len(array) != size or array.dtype != dtype:
                found = f"{name} of the counts of {counted(V, 'word')} is ({len(array)},) {array.dtype}"
                raise OptionError(f"{found}: give ({size},) {np.dtype(dtype)}")

    @property
    def pairs(self) -> float:
        """The number of pairs, the sum of all counts."""
        return float(self.totals.sum())

    def rows(self, centers: NDArray[np.int64]) -> CountRows:
        """Return a copy of the rows of `centers`, (B,) with B >= 1.

        Raises `OptionError` for a center outside 0 to V - 1, and `CorpusError` if a row's bounds or columns are out of
        range or do not ascend.
        """
        V = len(self.totals)
        if centers.min() < 0 or centers.max() >= V:
            raise OptionError(f"centers from {centers.min()} to {centers.max()} are out of range: give 0 to {V - 1}")
        start, stop = self.indptr[centers], self.indptr[centers + 1]
        bad = np.flatnonzero((start < 0) | (start > stop) | (stop > len(self.columns)))
        if len(bad):
            c, span = centers[bad[0]], (start[bad[0]], stop[bad[0]])
            raise CorpusError(f"row {c} of the counts is {span[0]} to {span[1]} of {len(self.columns):,} entries")
        spans = [slice(*span) for span in zip(start.tolist(), stop.tolist(), strict=True)]
        columns = np.concatenate([self.columns[span] for span in spans])
        values = np.concatenate([self.values[span] for span in spans])
        end = np.cumsum(stop - start)
        _check_columns(columns, end, centers, V)
        return CountRows(end - (stop - start), end, columns, values)


def _check_columns(columns: NDArray[np.int32], end: NDArray[np.int64], centers: NDArray[np.int64], V: int) -> None:
    """Raise `CorpusError` unless all columns are in [0, V) and ascend in each row; `end` holds the rows' ends."""
    wrong = (columns < 0) | (columns >= V)
    after = np.flatnonzero(columns[1:] <= columns[:-1]) + 1  # a row must start here
    wrong[after[~np.isin(after, end)]] = True
    if wrong.any():
        at = int(wrong.argmax())
        c = centers[np.searchsorted(end, at, side="right")]
        raise CorpusError(
            f"row {c} of the counts has the column {columns[at]}: the columns of a row must ascend, from 0 to {V - 1}"
        )


def count_pairs(
    tokens: TokenStore,
    vocabulary: Vocabulary,
    options: Options,
    *,
    workers: int = 1,
    memory_limit: int = RUN_BYTES,
    folder: Path | None = None,
    progress: Callable[[int], None] | None = None,
    kernels: ModuleType = kernels,
) -> Cooccurrence:
    """Return the counts n(c, o) of the pairs of a corpus, from one pass over the token store.

      tokens        ids in the vocabulary: those of the corpus, or of a held-out text
      workers       threads; the result does not depend on it
      memory_limit  bytes of runs kept in memory, and of the result; the rest goes to temporary files in `folder`
      progress      called after each task, with the number of words counted so far
      kernels       the compiled loops, or `softmax.reference`

    `window`, `shrink_windows`, `sample` and `seed` come from `options`. Raises `OptionError` for arguments out of range
    and `CorpusError` if there is no pair, if an id is not in the vocabulary, or if the disk is full.
    """
    if workers < 1:
        raise OptionError(f"{option('workers', workers)} is not allowed: give a whole number of at least 1")
    counter = PairCounter(tokens, vocabulary.counts, options, tokens.longest, kernels=kernels)
    runs = KeptRuns(counter.V, memory_limit, folder)
    with ThreadPoolExecutor(workers, thread_name_prefix="firth-pairs") as pool:
        for done, (run, sizes) in enumerate(in_order(pool, counter.count, counter.starts, workers), 1):
            runs.add(run, sizes)
            if progress is not None:
                progress(tokens.n_words * done // len(counter.starts))
        if not runs.row_sizes.any():
            raise no_pairs_error()
        return RunMerger(runs, counter).merge(pool, workers)


def no_pairs_error() -> CorpusError:
    """Return the error for a corpus without pairs."""
    return CorpusError(
        "there are no pairs to train on: no sentence has two words that are in the vocabulary and survive "
        f"subsampling; give longer sentences, a smaller {option('min_count')} or a larger {option('sample')}"
    )


class PairCounter:
    """Counts the pairs of a task: of some token blocks.

    word_counts  (V,): those of the vocabulary
    longest      `TokenStore.longest` of the corpus
    blocks       the numbers in the corpus of the blocks of `tokens`, without those that are held out; None: from 0 on
    """

    def __init__(
        self,
        tokens: TokenStore,
        word_counts: NDArray[np.int64],
        options: Options,
        longest: int,
        *,
        blocks: range | None = None,
        kernels: ModuleType = kernels,
    ):
        self._tokens, self._options, self.kernels = tokens, options, kernels
        self._blocks = range(tokens.n_blocks) if blocks is None else blocks
        self.V = len(word_counts)
        self.shift = max(1, (self.V - 1).bit_length())  # bits of a word's id
        self.unit = float(options.window)  # the weight of a whole pair
        self._weight_bits = options.window.bit_length()
        self._per_task = blocks_per_task(longest, options)
        self.starts = range(0, len(self._blocks), self._per_task)  # the first block of each task
        self._keep = sampling.keep_thresholds(word_counts, options.sample)
        if 2 * self.shift + self._weight_bits > 63:
            raise OptionError(
                f"a vocabulary of {counted(self.V, 'word')} and {option('window', options.window)} need more than 63 "
                f"bits to number their pairs: give a smaller {option('max_vocab')}, or a smaller {option('window')}"
            )

    def count(self, first: int) -> tuple[SortedRun, NDArray[np.int64]]:
        """Return the pairs of the task whose first block is `first`, as a run, and the number of cells of each row."""
        entries, low = self._entries(first), self._weight_bits
        spare = np.empty_like(entries)
        positions = np.empty(1 << DIGIT_BITS, np.int64)
        if self.kernels.radix_sort(entries, spare, positions, low, low + 2 * self.shift):
            entries, spare = spare, entries
        largest = len(entries) * self._options.window  # if all pairs are in one cell
        sums = np.empty(len(entries), np.int32 if largest < 2**31 else np.int64)
        n = self.kernels.sum_equal(entries, low, spare, sums)
        return SortedRun(spare[:n].copy(), sums[:n].copy()), np.bincount(spare[:n] >> self.shift, minlength=self.V)

    def _entries(self, first: int) -> NDArray[np.int64]:
        """Return an entry for every pair of the task whose first block is `first`."""
        options, bits = self._options, self._weight_bits
        kept, begin, end = (np.empty(BLOCK_WORDS + 1, np.int32) for _ in range(3))
        blocks = self._blocks[first : first + self._per_task]
        texts = [checked_ids(self._tokens.read_block(block - self._blocks.start), self.V, block) for block in blocks]
        entries = np.empty(sum(most_pairs(tokens, options.window) for tokens in texts), np.int64)
        n = 0
        for block, tokens in zip(blocks, texts, strict=True):
            key = np.uint64(block_key(options.seed, 0, block))
            n += self.kernels.window_pairs(
                tokens, self._keep, key, options.window, options.shrink_windows,
                kept, begin, end, self.shift + bits, bits, entries[n:],
            )  # fmt: skip
        return entries[:n]


class KeptRuns:
    """Runs of V rows, in memory up to a limit and then in temporary files in `folder`."""

    def __init__(self, V: int, memory_limit: int = RUN_BYTES, folder: Path | None = None):
        self.memory_limit, self.folder = memory_limit, folder
        self.runs: list[SortedRun] = []
        self.row_sizes = np.zeros(V, np.int64)  # cells of each row, in all runs
        self._bytes = 0

    def add(self, run: SortedRun, row_sizes: NDArray[np.int64]) -> None:
        """Keep a run; `row_sizes` (V,) are its cells of each row."""
        self._bytes += run.cells.nbytes + run.sums.nbytes
        is_small = self._bytes <= self.memory_limit
        self.runs.append(run if is_small else SortedRun(*(_to_disk(array, self.folder) for array in run)))
        self.row_sizes += row_sizes


class RunMerger:
    """Merges runs into one matrix, a range of rows at a time, so that only those rows are in memory twice."""

    def __init__(self, runs: KeptRuns, counter: PairCounter):
        self._runs, self._memory_limit, self._folder = runs.runs, runs.memory_limit, runs.folder
        self._shift, self._unit, self._kernels = counter.shift, counter.unit, counter.kernels
        self._most = int(runs.row_sizes.sum())  # cells of all runs; the result has at most as many
        self._bounds = _row_ranges(runs.row_sizes)

    def merge(self, pool: Executor, workers: int) -> Cooccurrence:
        """Return the counts; they stay in memory if the runs' limit is enough for as many cells as these have."""
        in_memory = 8 * self._most <= self._memory_limit
        columns, values = (
            np.empty(self._most, dtype) if in_memory else DiskArray(dtype, self._folder)
            for dtype in (np.int32, np.float32)
        )
        all_sizes, all_totals, n = [], [], 0
        for sizes, totals, some_columns, some_values in in_order(pool, self._rows, self._bounds, workers):
            all_sizes.append(sizes)
            all_totals.append(totals)
            end = n + len(some_columns)
            columns[n:end], values[n:end], n = some_columns, some_values, end
        if in_memory:
            columns, values = columns[:n], values[:n]
        indptr = np.append(np.int64(0), np.cumsum(np.concatenate(all_sizes)))
        totals = np.concatenate(all_totals)
        return Cooccurrence(indptr, columns, values, totals, totals)  # n(c, o) = n(o, c) in windows: Result 26

    def _rows(self, bounds: tuple[int, int]) -> tuple[NDArray[Any], ...]:
        """Return the rows bounds[0]:bounds[1]: the number of entries and the total of each, columns, values."""
        first, last = bounds
        first_cell, last_cell = first << self._shift, last << self._shift
        cells, sums = self._merged([_cells_between(run, first_cell, last_cell) for run in self._runs])
        sizes, totals = np.zeros(last - first, np.int64), np.zeros(last - first, np.float64)
        columns, values = np.empty(len(cells), np.int32), np.empty(len(cells), np.float32)
        self._kernels.split_cells(cells, sums, first, self._shift, self._unit, sizes, totals, columns, values)
        return sizes, totals, columns, values

    def _merged(self, runs: list[Any]) -> Any:
        """Merge sorted runs, two at a time, until one is left; return its cells and sums."""
        while len(runs) > 1:
            merged = [self._merge_two(*a, *b) for a, b in zip(runs[::2], runs[1::2], strict=False)]
            runs = merged + runs[2 * len(merged) :]
        return runs[0]

    def _merge_two(self, cells_a: Any, sums_a: Any, cells_b: Any, sums_b: Any) -> tuple[Any, Any]:
        cells = np.empty(len(cells_a) + len(cells_b), np.int64)
        sums = np.empty_like(cells)
        n = self._kernels.merge(cells_a, sums_a, cells_b, sums_b, cells, sums)
        return cells[:n], sums[:n]


def _to_disk(array: Any, folder: Path | None) -> DiskArray:
    stored = DiskArray(array.dtype, folder)
    stored[0 : len(array)] = array
    return stored


def _row_ranges(row_sizes: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the bounds of ranges of rows, of about `RANGE_CELLS` cells each."""
    number = np.cumsum(row_sizes) // RANGE_CELLS
    cuts = (np.flatnonzero(np.diff(number)) + 1).tolist()
    return list(zip([0, *cuts], [*cuts, len(row_sizes)], strict=True))


def _cells_between(run: SortedRun, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cells of a run that lie in [first, last), and their sums. Bisection reads a few cells only."""
    start, stop = bisect.bisect_left(run.cells, first), bisect.bisect_left(run.cells, last)
    return run.cells[start:stop], run.sums[start:stop].astype(np.int64)
