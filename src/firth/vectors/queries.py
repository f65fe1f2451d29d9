"""Questions to vectors: how alike, what is near, what does not belong."""

import warnings
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from firth.errors import MissingExtraError, OptionError
from firth.messages import counted
from firth.options import whole
from firth.vectors import search
from firth.vectors.items import (
    Items,
    Key,
    NothingGivenError,
    Rows,
    Vector,
    Weighted,
    checked_topn,
    checked_vocab,
    cosine,
    is_key,
    listed,
    unit,
    weighted,
)
from firth.vectors.products import at_least_single, cosines, largest
from firth.vectors.table import VectorTable

if TYPE_CHECKING:
    from firth.vectors.approximate import ApproximateIndex

Neighbours: TypeAlias = list[tuple[Key, float]]

_COSMUL_EPSILON = 1e-6  # Levy and Goldberg's: keeps the quotient finite


class Indexer(Protocol):
    """What can stand in for the exact search: gensim's indexers and firth's `ApproximateIndex`."""

    def most_similar(self, vector: Vector, num_neighbors: int, /) -> Sequence[tuple[Any, float]]:
        """Return up to that many (key, cosine), the nearest first."""


class Queries(VectorTable):
    """The queries of `KeyedVectors`. Cosines of a zero vector are 0 and those of a row that is not finite NaN."""

    # --- how alike

    def similarity(self, w1: Key, w2: Key) -> float:
        """Return the cosine of the two keys' vectors, 0 where one is zero."""
        return cosine(self.get_vector(w1), self.get_vector(w2))

    def distance(self, w1: Key, w2: Key) -> float:
        """Return 1 - `similarity`: 0 for the same direction, 2 for opposite ones."""
        return 1 - self.similarity(w1, w2)

    def distances(self, word_or_vector: Key | Vector, other_words: Iterable[Key] = ()) -> Vector:
        """Return 1 - cosine of a key or (D,) vector with each of `other_words`, or where none are given, with all V."""
        given = self._direction(word_or_vector)
        others = list(other_words)
        rows = self.vectors[self._rows(others)] if others else self.vectors
        distances: Vector = 1 - self.cosine_similarities(given, rows)
        return distances

    @staticmethod
    def cosine_similarities(vector_1: Vector, vectors_all: Vector) -> Vector:
        """Return the (n,) cosines of a (D,) vector with each row of an (n, D) array, 0 where one is zero."""
        rows = np.asarray(vectors_all)
        table = VectorTable.trusted(cast(list[Key], range(len(rows))), rows)
        return cosines(table, unit(at_least_single(vector_1)), 0, len(rows))

    def n_similarity(self, ws1: Iterable[Key], ws2: Iterable[Key]) -> float:
        """Return the cosine of the mean vectors of two lists of keys; those that are not here are left out.

        Raises `OptionError`, also a `ZeroDivisionError`, if a list is empty.
        """
        first, second = listed(ws1), listed(ws2)
        if not first or not second:
            raise NothingGivenError(f"n_similarity needs at least one word in each list: found {first!r}, {second!r}")
        return cosine(*(self.get_mean_vector(keys, pre_normalize=False) for keys in (first, second)))

    def relative_cosine_similarity(self, wa: Key, wb: Key, topn: int = 10) -> float:
        """Return cos(wa, wb) / sum of the cosines of wa's `topn` nearest (Leeuwenberg et al. 2016, eq. 1).

        Above 0.10 for topn=10 the two are more alike than words near wa mostly are. Raises `OptionError` if
        nothing is near.
        """
        near = cast(Neighbours, self.most_similar(wa, topn=checked_topn(topn, 1)))
        total = sum(score for _, score in near)
        if not total:
            raise OptionError(f"{wa!r} has no neighbours to compare with")
        return self.similarity(wa, wb) / total

    def wmdistance(self, document1: Iterable[Key], document2: Iterable[Key], norm: bool = True) -> float:
        """Return the Word Mover's Distance of two lists of keys (Kusner et al. 2015).

        It is the least cost of moving the words of one, each with its share of the list, to those of the other,
        at their Euclidean distance; with `norm`, that of unit vectors. Keys that are not here are left out; if
        none is left on a side, the answer is infinity. Raises `MissingExtraError` where POT is not installed.
        """
        try:
            emd2 = import_module("ot").emd2
        except ImportError as error:
            raise MissingExtraError("POT", "wmd", "the Word Mover's Distance") from error
        sides = [[key for key in listed(document) if key in self] for document in (document1, document2)]
        if not all(sides):
            return float("inf")
        (first, first_share), (second, second_share) = (self._bag(keys, norm) for keys in sides)
        gaps = first[:, None] - second[None]
        return float(emd2(first_share, second_share, np.sqrt(np.einsum("nmd,nmd->nm", gaps, gaps))))

    def _bag(self, keys: list[Key], norm: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the vectors of the keys that differ, and each one's share of the list."""
        different = list(dict.fromkeys(keys))
        vectors = np.array([self.get_vector(key, norm=norm) for key in different], dtype=np.float64)
        return vectors, np.array([keys.count(key) / len(keys) for key in different])

    # --- means

    def get_mean_vector(
        self,
        keys: Iterable[Key | Vector],
        weights: Sequence[float] | NDArray[Any] | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> Vector:
        """Return the (D,) weighted mean sum_i w_i x_i / sum_i |w_i| of keys' vectors and given vectors.

        `pre_normalize` scales the vectors of keys, not given ones, to length 1 first, `post_normalize` the mean
        at last. Keys that are not here are left out of both sums, unless `ignore_missing` is False, and if none
        is left the mean is zero. Raises `OptionError` for no keys or as many weights as there are not keys.
        """
        items = [keys] if is_key(keys) else list(keys)
        if not items:
            raise NothingGivenError("a mean needs at least one key or vector")
        weight = np.ones(len(items)) if weights is None else np.asarray(weights, dtype=np.float64)
        if weight.shape != (len(items),):
            raise OptionError(f"give one weight for each of {counted(len(items), 'key')}: found shape {weight.shape}")
        pairs = [
            (item, float(w))
            for item, w in zip(cast(list[Any], items), weight, strict=True)
            if not (ignore_missing and is_key(item) and item not in self)
        ]
        mean = self._mean(pairs, pre_normalize)
        return unit(mean) if post_normalize else mean

    def _mean(self, items: Weighted, normalize: bool = True) -> Vector:
        total = np.zeros(self.vector_size)
        for what, weight in items:
            total += weight * self._direction(what, normalize)
        weights = sum(abs(weight) for _, weight in items)
        mean: Vector = (total / weights if weights else total).astype(self.exact)
        return mean

    def _direction(self, given: Any, normalize: bool = True) -> Vector:
        """Return a key's (unit) vector, or a given vector as it is."""
        if is_key(given):
            return self.get_vector(given, norm=normalize)
        vector = np.asarray(given)
        if vector.shape != (self.vector_size,) or vector.dtype.kind not in "fiu":
            raise OptionError(
                f"{given!r} is neither a key nor a vector of {counted(self.vector_size, 'number')} nor a "
                "(key, weight) pair"
            )
        return vector

    # --- what is near

    def most_similar(
        self,
        positive: Items = None,
        negative: Items = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Indexer | None = None,
    ) -> Neighbours | Vector:
        """Return the `topn` keys whose vectors are nearest, by cosine, to a weighted mean of the given ones.

        mean = sum_i w_i x_i / sum_i |w_i| (Mikolov et al. 2013, NAACL: 3CosAdd), where x_i is the unit vector
        of a key, or a given (D,) vector as it is, and w_i is 1 for `positive`, -1 for `negative`, or w itself
        for an item given as (key, w). Given keys are left out of the answer. Only rows `clip_start` to
        `clip_end` are searched, or the first `restrict_vocab`. `topn=None` returns the cosines of all those
        rows, given keys included. `indexer` searches in place of the exact product, see `approximate_index`.
        Raises `UnknownWordError` for a key that is not here and `OptionError` for nothing to compare with, or a
        number that is not allowed.
        """
        first, last = self._searched(clip_start, clip_end, restrict_vocab)
        topn = checked_topn(topn, optional=True)
        if topn == 0:
            return []
        items = self._given(positive, negative)
        mean = unit(self._mean(items))
        given = self._given_rows(items)
        if indexer is not None and topn is not None:
            _refuse_limits(first, last, len(self))
            found = indexer.most_similar(mean, topn + len(given))
            return [(key, score) for key, score in found if self.key_to_index.get(key) not in given][:topn]
        scores = cosines(self, mean, first, last)
        return scores if topn is None else self._top(scores, first, given, topn)

    def most_similar_cosmul(
        self,
        positive: Items = None,
        negative: Items = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Neighbours | Vector:
        """Return the `topn` keys x with the largest prod_p s(x, p) / (prod_n s(x, n) + 1e-6).

        s = (1 + cos) / 2, p and n are the positive and negative keys or vectors (Levy and Goldberg 2014, eq. 4:
        3CosMul). Given keys are left out of the answer; only the first `restrict_vocab` rows are searched.
        `topn=None` returns the scores of all those rows. Raises as `most_similar` does, and `OptionError` for
        weights, which have no meaning here.
        """
        first, last = self._searched(0, None, restrict_vocab)
        topn = checked_topn(topn, optional=True)
        if topn == 0:
            return []
        items = self._given(positive, negative)
        if not any(weight > 0 for _, weight in items) or any(abs(weight) != 1 for _, weight in items):
            raise OptionError("most_similar_cosmul needs at least one positive word or vector, and no weights")
        above, below = np.ones((2, last - first), dtype=self.exact)
        for what, weight in items:
            side = above if weight > 0 else below
            side *= (1 + cosines(self, unit(at_least_single(self._direction(what))), first, last)) / 2
        scores: Vector = above / (below + _COSMUL_EPSILON)
        return scores if topn is None else self._top(scores, first, self._given_rows(items), topn)

    def most_similar_batch(
        self,
        keys: Iterable[Key] | Vector,
        topn: int = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
    ) -> list[Neighbours]:
        """Return for each of n keys, or of the rows of an (n, D) array, what `most_similar` returns for it alone.

        All are compared at once, block by block (`firth.vectors.search`), many times faster than one by one; the
        first call compiles for a second. A key is left out of its own answer. Of equal cosines the lower row
        comes first, and rows that are not finite are left out. Raises `UnknownWordError` for a key that is not
        here, before any work.
        """
        topn = checked_topn(topn)
        first, last = self._searched(clip_start, clip_end, restrict_vocab)
        queries, own = self._asked(keys)
        if topn == 0 or first == last or not len(queries):
            return [[] for _ in queries]
        best = search.nearest(self._matrix(first, last), queries, own[:, None], topn)
        return self._named(best)

    def similar_by_key(self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None) -> Neighbours | Vector:
        """Return what `most_similar` returns for one key."""
        return self.most_similar([key], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_word(
        self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Neighbours | Vector:
        """Return what `most_similar` returns for one word."""
        return self.most_similar([word], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_vector(
        self, vector: Vector, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Neighbours | Vector:
        """Return what `most_similar` returns for one (D,) vector."""
        return self.most_similar([vector], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_to_given(self, key1: Key, keys_list: Iterable[Key]) -> Key:
        """Return the one of `keys_list` that is nearest to `key1`; the first of equals."""
        return max(listed(keys_list), key=lambda key: self.similarity(key1, key))

    def closer_than(self, key1: Key, key2: Key) -> list[Key]:
        """Return the keys, in their order here, whose cosine with `key1` is above that of `key2`."""
        return [self.index_to_key[row] for row in self._closer(key1, key2).tolist()]

    def rank(self, key1: Key, key2: Key) -> int:
        """Return 1 + the number of keys that are closer to `key1` than `key2` is."""
        return 1 + len(self._closer(key1, key2))

    def approximate_index(self, **settings: Any) -> "ApproximateIndex":
        """Return an index that finds most of the nearest faster: see `firth.vectors.approximate.ApproximateIndex`."""
        from firth.vectors.approximate import ApproximateIndex

        return ApproximateIndex(self, **settings)

    # --- what belongs

    def doesnt_match(self, words: Iterable[Key]) -> Key:
        """Return the key farthest from the mean of all: see `rank_by_centrality`."""
        return self.rank_by_centrality(words)[-1][1]

    def rank_by_centrality(self, words: Iterable[Key], use_norm: bool = True) -> list[tuple[float, Key]]:
        """Return (x_i · m / |m|, key), the largest first; m is the mean of the keys' (unit) vectors x_i.

        Keys that are not here are left out, with a warning that names them; raises `OptionError` if none is
        left.
        """
        words = listed(words)
        known = [word for word in words if word in self]
        if not known:
            raise OptionError(f"none of {words!r} is in the vocabulary: give at least one word that is")
        if len(known) < len(words):
            missing = [word for word in words if word not in self]
            warnings.warn(f"left out, for they are not in the vocabulary: {missing}", stacklevel=2)
        rows = self._rows(known)
        vectors = self.unit_rows(rows) if use_norm else self._vectors[rows].astype(self.exact)
        scores = vectors @ unit(self.unit_rows(rows).mean(axis=0) if use_norm else vectors.mean(axis=0))
        ranked = sorted(zip(scores.tolist(), known, strict=True), key=lambda pair: -pair[0])
        return [(float(value), word) for value, word in ranked]

    # --- parts of the above

    def _given(self, positive: Items, negative: Items) -> Weighted:
        items = weighted(positive, 1.0) + weighted(negative, -1.0)
        if not items:
            raise OptionError("nothing to compare with: give at least one word or vector in positive or negative")
        return items

    def _given_rows(self, items: Weighted) -> set[int]:
        return {self.get_index(cast(Key, what)) for what, _ in items if is_key(what)}

    def _asked(self, keys: Iterable[Key] | Vector) -> tuple[Vector, Rows]:
        """Return (n, D) unit vectors, and the rows they are, -1 for vectors that were given."""
        if not (isinstance(keys, np.ndarray) and keys.dtype.kind == "f"):
            rows = self._rows(listed(cast(Iterable[Key], keys)))
            return self.unit_rows(rows).astype(self.exact, copy=False), rows
        if keys.ndim != 2 or keys.shape[1] != self.vector_size:
            raise OptionError(f"vectors to compare with must be (n, {self.vector_size}): found shape {keys.shape}")
        given = keys.astype(self.exact)
        norms = np.linalg.norm(given, axis=1)
        return given / np.where(norms == 0, 1, norms)[:, None], np.full(len(keys), -1, dtype=np.intp)

    def _searched(self, clip_start: int, clip_end: int | None, restrict_vocab: int | None) -> tuple[int, int]:
        self._check_lengths()
        clip_start = whole("clip_start", clip_start, "the first row to search")
        clip_end = whole("clip_end", clip_end, "the row behind the last to search", optional=True)
        if (V := checked_vocab(restrict_vocab)) is not None:
            clip_start, clip_end = 0, V
        first, last, _ = slice(clip_start, clip_end or len(self)).indices(len(self))
        return first, max(first, last)

    def _matrix(self, first: int, last: int) -> search.Matrix:
        return search.Matrix(self._vectors, self.norms, first, last)

    def _top(self, scores: Vector, first: int, given: set[int], topn: int) -> Neighbours:
        """Return the `topn` keys of the largest scores, those of the rows `given` left out."""
        best = largest(scores, topn + len(given)) + first
        found = [row for row in best.tolist() if row not in given][:topn]
        return [(self.index_to_key[row], float(scores[row - first])) for row in found]

    def _named(self, best: search.Best) -> list[Neighbours]:
        names = self.index_to_key
        return [
            [(names[row], score) for row, score in zip(rows, scores, strict=True) if row >= 0]
            for rows, scores in zip(best.rows.tolist(), best.scores.tolist(), strict=True)
        ]

    def _closer(self, key1: Key, key2: Key) -> Rows:
        scores = cosines(self, self.get_vector(key1, norm=True), 0, len(self))
        closer: Rows = np.flatnonzero(scores > scores[self.get_index(key2)])
        return np.setdiff1d(closer, self.get_index(key1))


def _refuse_limits(first: int, last: int, V: int) -> None:
    if (first, last) != (0, V):
        raise OptionError("an indexer searches every row: leave clip_start, clip_end and restrict_vocab out")
