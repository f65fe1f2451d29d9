"""Neighbours faster, and not quite all of them: a graph that is walked from hub to hub (HNSW), built by FAISS.

Worth it for very many single queries to very many vectors; `most_similar_batch` is exact, needs no building, and
answers thousands of queries at once about as fast.
"""

import warnings
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.errors import MissingExtraError, OptionError
from firth.options import whole
from firth.vectors.items import Key, Rows, Vector, checked_topn
from firth.vectors.search import Best, Matrix

if TYPE_CHECKING:
    from firth.vectors.queries import Neighbours, Queries

_BLOCK = 1 << 14  # rows handed over at once


class ApproximateIndex:
    """A hierarchical navigable small world graph (Malkov and Yashunin 2016, arXiv:1603.09320) of unit vectors.

    links     neighbours each row is linked to: more find more, in more memory (about 4 (D + 2 links) bytes a row)
    building  candidates looked at when a row is linked: more build a better graph, slower
    effort    candidates looked at in a query, at least topn: more find more, slower; may be changed later

    The index holds a copy of the vectors as they are now. Rows that are zero or not finite are not in it, nor are
    words added later. After the vectors were sorted or replaced, queries raise `OptionError`: build a new index.
    `recall` returns the share of the true neighbours that the index finds. Raises `MissingExtraError` if FAISS is not
    installed, and `OptionError` for settings out of range or when there is nothing to index.
    """

    def __init__(self, wv: "Queries", *, links: int = 32, building: int = 80, effort: int = 64):
        links = whole("links", links, "neighbours each row is linked to", 2)
        building = whole("building", building, "candidates looked at when a row is linked", 1)
        self.effort = effort
        faiss = _faiss()
        self.wv, self._edition = wv, wv._edition
        self._rows = np.flatnonzero(np.isfinite(wv.norms) & (wv.norms > 0))
        if not len(self._rows):
            raise OptionError(f"{wv!r} has no vector to index")
        self._graph = faiss.IndexHNSWFlat(wv.vector_size, links, faiss.METRIC_INNER_PRODUCT)
        self._graph.hnsw.efConstruction = building
        for start in range(0, len(self._rows), _BLOCK):
            units = wv.unit_rows(self._rows[start : start + _BLOCK])
            self._graph.add(np.ascontiguousarray(units, dtype=np.float32))

    @property
    def effort(self) -> int:
        """Candidates looked at in a query."""
        return self._effort

    @effort.setter
    def effort(self, effort: int) -> None:
        self._effort: int = whole("effort", effort, "candidates looked at in a query", 1)

    def __len__(self) -> int:
        return len(self._rows)

    def most_similar(self, vector: Vector, topn: int = 10) -> "Neighbours":
        """Return about the `topn` keys nearest to a (D,) vector, by cosine, as `most_similar(indexer=...)` asks."""
        return self.most_similar_batch(np.asarray(vector, dtype=np.float32)[None], topn)[0]

    def most_similar_batch(self, keys: Iterable[Key] | Vector, topn: int = 10) -> "list[Neighbours]":
        """Return about what `KeyedVectors.most_similar_batch` returns for these keys or rows of an (n, D) array."""
        self._check_edition()
        topn = checked_topn(topn)
        queries, own = self.wv._asked(keys)
        if topn == 0 or not len(queries):
            return [[] for _ in queries]
        return self.wv._named(self._search(queries, own, topn))

    def recall(self, n: int = 1000, topn: int = 10, seed: int = 0) -> float:
        """Return the share of the true `topn` neighbours of `n` random keys that the index finds, from 0 to 1."""
        from firth.vectors.search import nearest

        self._check_edition()
        n, topn = whole("n", n, "random keys", 0), checked_topn(topn)
        seed = whole("seed", seed, "seed of the random keys", 0)
        chosen = np.random.default_rng(seed).choice(self._rows, size=min(n, len(self)), replace=False)
        queries = self.wv.unit_rows(chosen)
        matrix = Matrix(self.wv.vectors, self.wv.norms, 0, len(self.wv))
        exact = nearest(matrix, queries, chosen[:, None], topn).rows
        found = self._search(queries, chosen, topn).rows
        hits = sum(len(np.intersect1d(a[a >= 0], b[b >= 0])) for a, b in zip(exact, found, strict=True))
        return hits / max(1, int((exact >= 0).sum()))

    def _check_edition(self) -> None:
        if self._edition != self.wv._edition:
            raise OptionError(
                "the vectors were sorted or replaced after this index was built, and its rows no longer match the "
                "keys: build a new one with wv.approximate_index()"
            )

    def _search(self, queries: Vector, own: Rows, topn: int) -> Best:
        """Return the best that the graph finds, each query's own row left out."""
        many = min(topn + 1, len(self))  # one more, for the own row
        self._graph.hnsw.efSearch = max(self.effort, many)
        scores, places = self._graph.search(np.ascontiguousarray(queries, dtype=np.float32), many)
        rows = np.where(places >= 0, self._rows[places], -1)
        left_out = (rows == own[:, None]) | (rows < 0)
        order = np.argsort(left_out, axis=1, kind="stable")  # those left out go last, the others keep their order
        rows = np.where(left_out, -1, rows)
        return Best(np.take_along_axis(scores, order, 1)[:, :topn], np.take_along_axis(rows, order, 1)[:, :topn])


def _faiss() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # its wrapper's own, on newer Pythons
            return import_module("faiss")
    except ImportError as error:
        raise MissingExtraError("FAISS", "ann", "an approximate index") from error
