"""Many queries at once: products of blocks of queries and blocks of rows, of which the best few are kept.

A block of rows is read once, scaled to length 1 in at least float32, and met by every query before the next: so
a matrix may be in half precision or mapped from a file, and memory beyond the queries' answers is a few MiB.
BLAS multiplies, with its own threads; what is kept is sorted out by Python threads, for the loops release the
GIL.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.resources import available_cores
from firth.vectors.items import Rows, Vector
from firth.vectors.precision import widened

_ROWS = 2048  # of the matrix in a block, at least
_QUERIES = 1024  # so the scores of a block are 8 MiB
_FEW_QUERIES = 8  # are multiplied without BLAS, which on a busy machine waits milliseconds for its threads
_BLOCK_NUMBERS = 1 << 22  # of a block of rows, at most: 16 MiB of float32
_ANALOGY_ROWS = 1024  # of the matrix in a block: with a thousand words in use 4 MiB of cosines
_FEWEST_ROWS = 64
_COSINES = 1 << 22  # of the words in use with the rows of a block, at most, unless rows would be fewer than 64


class Best(NamedTuple):
    """The k best of each of n queries, best first: scores and rows, (n, k); -inf and -1 where there are fewer."""

    scores: Vector
    rows: Rows


class Matrix(NamedTuple):
    """The rows to search: `vectors` (V, D) and their `norms` (V,), of which only first..last-1 are searched."""

    vectors: Vector
    norms: Vector
    first: int
    last: int

    def unit_block(self, start: int, stop: int) -> Vector:
        """Return a copy of rows start..stop-1 of length 1, in the dtype of the norms; a zero row stays zero."""
        norms = self.norms[start:stop]
        rows = widened(self.vectors[start:stop], norms.dtype)
        with np.errstate(invalid="ignore"):  # rows that are not finite: their scores are no numbers
            return rows * np.divide(1, norms, out=np.zeros_like(norms), where=norms != 0)[:, None]


def nearest(matrix: Matrix, queries: Vector, out: Rows, topn: int) -> Best:
    """Return for each query q the rows x with the largest cosine x·q / |x|, those of `out` left out.

    queries (n, D) of length 1; out (n, m) rows, -1 for none. Of equal scores the lower row comes first; a row
    whose cosine is not a number is never among them.
    """
    from firth.vectors.search_kernels import keep_best

    best = _empty(len(queries), min(topn, matrix.last - matrix.first), matrix.norms.dtype)
    queries = queries.astype(matrix.norms.dtype, copy=False)
    together = min(_QUERIES, len(queries))
    size = _rows_of_a_block(together, queries.shape[1])
    room = np.empty((together, size), dtype=queries.dtype)
    with _Threads() as threads:
        for start, rows in threads.unit_blocks(matrix, size):
            for low in range(0, len(queries), _QUERIES):
                part = slice(low, min(low + _QUERIES, len(queries)))
                scores = _product(queries[part], rows, room)
                threads.share(
                    _keep(keep_best, scores, start, out[part], best.scores[part], best.rows[part]), len(scores)
                )
    return _sorted(best)


def analogies(matrix: Matrix, words: Vector, questions: Rows, out: Rows, topn: int, *, multiply: bool) -> Best:
    """Return the best answers to n analogies; see `search_kernels.keep_best_analogies` for the scores.

    Both scores are made of the cosines of single words, so the product is one per word in use, not per question.
    words (W, D) of length 1, those in use; questions (n, 3), their numbers a, b, c; out as in `nearest`.
    """
    from firth.vectors.search_kernels import keep_best_analogies

    best = _empty(len(questions), min(topn, matrix.last - matrix.first), matrix.norms.dtype)
    words = words.astype(matrix.norms.dtype, copy=False)
    size = max(_FEWEST_ROWS, min(_ANALOGY_ROWS, _COSINES // len(words)))
    room = np.empty((len(words), size), dtype=words.dtype)
    with _Threads() as threads:
        for start, rows in threads.unit_blocks(matrix, size):
            cosines = _product(words, rows, room)
            if multiply:
                cosines += 1
                cosines /= 2

            def work(part: slice, cosines: Vector = cosines, start: int = start) -> None:
                arrays = questions[part], multiply, out[part], best.scores[part], best.rows[part]
                keep_best_analogies(cosines, start, *arrays)

            threads.share(work, len(questions))
    return _sorted(best)


def _rows_of_a_block(queries: int, D: int) -> int:
    """Return how many rows to multiply at once: the fewer queries, the more, for each product wakes BLAS's threads."""
    return max(_ROWS, min(_ROWS * _QUERIES // queries, _BLOCK_NUMBERS // D))


def _product(queries: Vector, rows: Vector, room: Vector) -> Vector:
    """Return queries · rowsᵀ, written into `room`."""
    scores = room[: len(queries)].reshape(-1)[: len(queries) * len(rows)].reshape(len(queries), len(rows))
    with np.errstate(invalid="ignore", over="ignore"):
        if len(queries) < _FEW_QUERIES:
            for query, row_of_scores in zip(queries, scores, strict=True):
                np.einsum("vd,d->v", rows, query, out=row_of_scores)
        else:
            np.matmul(queries, rows.T, out=scores)
    return scores


def _keep(kernel: Callable[..., None], scores: Vector, start: int, *arrays: NDArray[Any]) -> Callable[[slice], None]:
    return lambda part: kernel(scores[part], start, *(array[part] for array in arrays))


def _empty(n: int, k: int, dtype: np.dtype[Any]) -> Best:
    return Best(np.full((n, k), -np.inf, dtype=dtype), np.full((n, k), -1, dtype=np.intp))


def _sorted(best: Best) -> Best:
    order = np.lexsort((best.rows, -best.scores), axis=-1)
    return Best(np.take_along_axis(best.scores, order, -1), np.take_along_axis(best.rows, order, -1))


class _Threads:
    """Threads that make blocks ready ahead of their use, and share out the queries of one."""

    def __init__(self) -> None:
        self.cores = available_cores()
        self.pool = ThreadPoolExecutor(self.cores)

    def __enter__(self) -> "_Threads":
        return self

    def __exit__(self, *exception: object) -> None:
        self.pool.shutdown()

    def unit_blocks(self, matrix: Matrix, size: int) -> Iterator[tuple[int, Vector]]:
        """Yield (first row, block of unit rows), in order; the next ones are read and scaled meanwhile."""
        ready: deque[tuple[int, Future[Vector]]] = deque()
        for start in range(matrix.first, matrix.last, size):
            ready.append((start, self.pool.submit(matrix.unit_block, start, min(start + size, matrix.last))))
            if len(ready) > self.cores:
                first, block = ready.popleft()
                yield first, block.result()
        for first, block in ready:
            yield first, block.result()

    def share(self, work: Callable[[slice], None], n: int) -> None:
        """Call `work` with slices that make up 0..n-1, one for each core; return when all are done."""
        step = -(-n // self.cores)
        for _ in self.pool.map(work, [slice(low, min(low + step, n)) for low in range(0, n, max(1, step))]):
            pass
