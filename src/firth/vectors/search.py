"""Many queries at once: blocks of queries times blocks of rows, keeping the best few scores of each query.

Each block of rows is read once, scaled to length 1 in at least float32, and multiplied by all queries. So a matrix
may be in half precision or mapped from a file, and the memory beyond the results is a few MiB. BLAS multiplies with
its own threads; Python threads select the best scores in compiled loops, which release the GIL.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.resources import available_cores
from firth.vectors import search_kernels
from firth.vectors.half_precision import widened
from firth.vectors.query_input import FloatArray, RowIndices

_ROWS = 2048  # rows in a block, at least
_QUERIES = 1024  # queries in a block: the scores of a block are 8 MiB
_FEW_QUERIES = 8  # fewer are multiplied without BLAS, which on a busy machine waits milliseconds for its threads
_BLOCK_NUMBERS = 1 << 22  # numbers in a block of rows, at most: 16 MiB of float32
_ANALOGY_ROWS = 1024  # rows in a block: with a thousand words in the questions, 4 MiB of cosines
_FEWEST_ROWS = 64
_COSINES = 1 << 22  # cosines of words and rows in a block, at most, if that is at least 64 rows


class TopRows(NamedTuple):
    """The k best rows of each of n queries, the best first: (n, k) scores and rows, -inf and -1 if there are fewer."""

    scores: FloatArray
    rows: RowIndices


class SearchedRows(NamedTuple):
    """The rows to search: `first` to `last` - 1 of (V, D) vectors, whose norms are (V,)."""

    vectors: FloatArray
    norms: FloatArray
    first: int
    last: int

    def unit_block(self, start: int, stop: int) -> FloatArray:
        """Return a copy of rows `start` to `stop` - 1 scaled to length 1, in the dtype of the norms."""
        norms = self.norms[start:stop]
        rows = widened(self.vectors[start:stop], norms.dtype)
        with np.errstate(invalid="ignore"):  # rows that are not finite: their scores are NaN
            return rows * np.divide(1, norms, out=np.zeros_like(norms), where=norms != 0)[:, None]


def nearest(searched: SearchedRows, queries: FloatArray, excluded: RowIndices, topn: int) -> TopRows:
    """Return for each query q the `topn` rows x with the largest cosine x·q / |x|, except the excluded ones.

    queries (n, D) of length 1, in the dtype of the norms; excluded (n, m) rows, -1 for none. Of equal scores the lower
    row comes first; rows whose cosine is NaN are left out.
    """
    best = _no_rows(len(queries), min(topn, searched.last - searched.first), searched.norms.dtype)
    together = min(_QUERIES, len(queries))
    size = _rows_of_a_block(together, queries.shape[1])
    buffer = np.empty((together, size), dtype=queries.dtype)
    with _Threads() as threads:
        for start, rows in threads.unit_blocks(searched, size):
            for low in range(0, len(queries), _QUERIES):
                block = slice(low, low + _QUERIES)
                scores = _product(queries[block], rows, buffer)
                threads.share(
                    search_kernels.keep_best, (start,), (scores, excluded[block], best.scores[block], best.rows[block])
                )
    return _sorted(best)


def analogies(
    searched: SearchedRows, words: FloatArray, questions: RowIndices, excluded: RowIndices, topn: int, *, multiply: bool
) -> TopRows:
    """Return the `topn` best answers to n analogies; see `search_kernels.keep_best_analogies` for the scores.

    Scores are computed from the cosines of single words, so there is one product for each word, not each question.
    words (W, D) of length 1, all that occur in questions; questions (n, 3), a, b, c as rows of `words`; excluded as
    in `nearest`.
    """
    best = _no_rows(len(questions), min(topn, searched.last - searched.first), searched.norms.dtype)
    size = max(_FEWEST_ROWS, min(_ANALOGY_ROWS, _COSINES // len(words)))
    buffer = np.empty((len(words), size), dtype=words.dtype)
    with _Threads() as threads:
        for start, rows in threads.unit_blocks(searched, size):
            cosines = _product(words, rows, buffer)
            if multiply:
                cosines += 1
                cosines /= 2
            threads.share(
                _keep_best_analogies, (start, multiply, cosines), (questions, excluded, best.scores, best.rows)
            )
    return _sorted(best)


def _keep_best_analogies(start: int, multiply: bool, cosines: FloatArray, *of_questions: NDArray[Any]) -> None:
    search_kernels.keep_best_analogies(
        start, multiply, cosines, np.empty(cosines.shape[1], cosines.dtype), *of_questions
    )


def _rows_of_a_block(queries: int, D: int) -> int:
    """Return how many rows to multiply at once: more if queries are few, since each product wakes BLAS's threads."""
    return max(_ROWS, min(_ROWS * _QUERIES // queries, _BLOCK_NUMBERS // D))


def _product(queries: FloatArray, rows: FloatArray, buffer: FloatArray) -> FloatArray:
    """Return queries · rowsᵀ, written into `buffer`."""
    scores = buffer[: len(queries)].reshape(-1)[: len(queries) * len(rows)].reshape(len(queries), len(rows))
    with np.errstate(invalid="ignore", over="ignore"):
        if len(queries) < _FEW_QUERIES:
            for query, scores_of_query in zip(queries, scores, strict=True):
                np.einsum("vd,d->v", rows, query, out=scores_of_query)
        else:
            np.matmul(queries, rows.T, out=scores)
    return scores


def _no_rows(n: int, k: int, dtype: np.dtype[Any]) -> TopRows:
    return TopRows(np.full((n, k), -np.inf, dtype=dtype), np.full((n, k), -1, dtype=np.intp))


def _sorted(best: TopRows) -> TopRows:
    order = np.lexsort((best.rows, -best.scores), axis=-1)
    return TopRows(np.take_along_axis(best.scores, order, -1), np.take_along_axis(best.rows, order, -1))


class _Threads(ThreadPoolExecutor):
    """Threads that prepare blocks of rows in advance, and share the queries of a block."""

    def __init__(self) -> None:
        self.cores = available_cores()
        super().__init__(self.cores)

    def unit_blocks(self, searched: SearchedRows, size: int) -> Iterator[tuple[int, FloatArray]]:
        """Yield (first row, block of unit rows) in order; the next blocks are read and scaled meanwhile."""
        ready: deque[tuple[int, Future[FloatArray]]] = deque()
        for start in range(searched.first, searched.last, size):
            ready.append((start, self.submit(searched.unit_block, start, min(start + size, searched.last))))
            if len(ready) > self.cores:
                first, block = ready.popleft()
                yield first, block.result()
        for first, block in ready:
            yield first, block.result()

    def share(self, kernel: Callable[..., None], common: tuple[Any, ...], arrays: tuple[NDArray[Any], ...]) -> None:
        """Call a kernel on each core, with the `common` arguments and an equal part of the `arrays`; wait for all."""
        n = len(arrays[0])
        step = max(1, -(-n // self.cores))

        def work(low: int) -> None:
            kernel(*common, *(array[low : low + step] for array in arrays))

        for _ in self.map(work, range(0, n, step)):
            pass
