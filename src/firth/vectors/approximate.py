"""Approximate nearest neighbours from a graph (HNSW) built by FAISS.

Worth its memory for many single queries on a large vocabulary. For thousands of queries at once, `most_similar_batch`
is about as fast, exact, and needs no index.
"""

import warnings
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from firth.errors import MissingExtraError, OptionError
from firth.options import whole
from firth.vectors.queries import Queries
from firth.vectors.query_input import FloatArray, Key, Neighbours, RowIndices, checked_topn
from firth.vectors.search import TopRows, nearest

_BLOCK = 1 << 14  # rows given to FAISS at once


class ApproximateIndex:
    """A hierarchical navigable small world graph (Malkov and Yashunin 2016, arXiv:1603.09320) of unit vectors.

    links     neighbours that each row is linked to: more find more, in more memory (about 4 (D + 2 links) bytes a row)
    building  candidates examined when a row is linked: more give a better graph, slower
    effort    candidates examined in a query, at least topn: more find more, slower; may be changed later

    The index copies the vectors, except rows that are zero or not finite; words added later are not found. After the
    vectors were sorted or replaced, queries raise `OptionError`: build a new index. Raises `MissingExtraError` if FAISS
    is not installed, and `OptionError` for settings out of range or if there is nothing to index.
    """

    def __init__(self, wv: Queries, *, links: int = 32, building: int = 80, effort: int = 64):
        links = whole("links", links, "neighbours each row is linked to", 2)
        building = whole("building", building, "candidates examined when a row is linked", 1)
        self.effort = effort
        faiss = _faiss()
        self.wv: Queries = wv
        self._version = wv._version
        self._rows = wv._usable_rows()
        if not len(self._rows):
            raise OptionError(f"{wv!r} has no vector to index: add one that is finite and not zero")
        self._graph = faiss.IndexHNSWFlat(wv.vector_size, links, faiss.METRIC_INNER_PRODUCT)
        self._graph.hnsw.efConstruction = building
        for start in range(0, len(self._rows), _BLOCK):
            units = wv.unit_rows(self._rows[start : start + _BLOCK])
            self._graph.add(np.ascontiguousarray(units, dtype=np.float32))

    @property
    def effort(self) -> int:
        """The number of candidates examined in a query."""
        return self._effort

    @effort.setter
    def effort(self, effort: int) -> None:
        self._effort: int = whole("effort", effort, "candidates examined in a query", 1)

    def __len__(self) -> int:
        return len(self._rows)

    def most_similar(self, vector: ArrayLike, topn: int = 10) -> Neighbours:
        """Return approximately the `topn` keys nearest to a (D,) vector by cosine."""
        return self.most_similar_batch(np.asarray(vector, dtype=np.float32)[None], topn)[0]

    def most_similar_batch(self, keys: Iterable[Key] | FloatArray, topn: int = 10) -> list[Neighbours]:
        """Return approximately the result of `KeyedVectors.most_similar_batch` for keys or the rows of an array."""
        self._check_version()
        topn = checked_topn(topn)
        queries, own_rows = self.wv._query_vectors(keys)
        if topn == 0 or not len(queries):
            return [[] for _ in queries]
        return self.wv._with_keys(self._search(queries, own_rows, topn))

    def recall(self, n: int = 1000, topn: int = 10, seed: int = 0) -> float:
        """Return the share, from 0 to 1, of the true `topn` neighbours of `n` random keys that the index finds."""
        self._check_version()
        n, topn = whole("n", n, "random keys", 0), checked_topn(topn)
        seed = whole("seed", seed, "seed of the random keys", 0)
        chosen = np.random.default_rng(seed).choice(self._rows, size=min(n, len(self)), replace=False)
        queries = self.wv.unit_rows(chosen)
        exact = nearest(self.wv._searched_rows(0, len(self.wv)), queries, chosen[:, None], topn).rows
        found = self._search(queries, chosen, topn).rows
        hits = sum(len(np.intersect1d(a[a >= 0], b[b >= 0])) for a, b in zip(exact, found, strict=True))
        return hits / max(1, int((exact >= 0).sum()))

    def _check_version(self) -> None:
        if self._version != self.wv._version:
            raise OptionError(
                "the vectors were sorted or replaced after this index was built, and its rows no longer match the "
                "keys: build a new one with wv.approximate_index()"
            )

    def _search(self, queries: FloatArray, own_rows: RowIndices, topn: int) -> TopRows:
        """Return the best rows that the graph finds, without each query's own row."""
        k = min(topn + 1, len(self))  # one more, for the own row
        self._graph.hnsw.efSearch = max(self.effort, k)
        scores, positions = self._graph.search(np.ascontiguousarray(queries, dtype=np.float32), k)
        rows = np.where(positions >= 0, self._rows[positions], -1)
        excluded = (rows == own_rows[:, None]) | (rows < 0)
        order = np.argsort(excluded, axis=1, kind="stable")[:, :topn]  # the excluded last, the others in their order
        rows = np.where(excluded, -1, rows)
        return TopRows(np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1))


def _faiss() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # raised by FAISS itself on newer Pythons
            return import_module("faiss")  # optional
    except ImportError as error:
        raise MissingExtraError("FAISS", "ann", "an approximate index") from error
