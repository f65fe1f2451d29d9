"""Queries: similarity, neighbours, ranks and means."""

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Literal, Protocol, cast, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import MissingExtraError, OptionError
from firth.messages import counted
from firth.options import whole
from firth.vectors.cosines import COSMUL_EPSILON, cosine, cosines, largest, unit
from firth.vectors.means import Texts, TextWeights, row_sum, text_means
from firth.vectors.query_input import (
    FloatArray,
    Key,
    Neighbours,
    NothingGivenError,
    QueryItems,
    RowIndices,
    WeightedItems,
    checked_topn,
    checked_vocab,
    is_key,
    listed,
    weighted_items,
)
from firth.vectors.results import NeighbourList
from firth.vectors.search import SearchedRows, TopRows, nearest
from firth.vectors.table import VectorTable, unit_rows, unit_weights


class Indexer(Protocol):
    """An approximate search for `most_similar`: gensim's indexers, or firth's `ApproximateIndex`."""

    def most_similar(self, vector: FloatArray, num_neighbors: int, /) -> Sequence[tuple[Key, float]]:
        """Return up to that many (key, cosine) pairs, the nearest first."""


class Queries(VectorTable):
    """The queries of `KeyedVectors`. The cosine with a zero vector is 0; with a vector that is not finite, NaN."""

    # --- similarity

    def similarity(self, w1: Key, w2: Key) -> float:
        """Return the cosine of the vectors of two keys, x·y / (|x| |y|), or 0 if one is zero.

        Raises `UnknownWordError` for an unknown key.
        """
        return cosine(self.get_vector(w1), self.get_vector(w2))

    def distance(self, w1: Key, w2: Key) -> float:
        """Return 1 - `similarity`: 0 for the same direction, 2 for opposite ones."""
        return 1 - self.similarity(w1, w2)

    def distances(self, word_or_vector: Key | FloatArray, other_words: Iterable[Key] = ()) -> FloatArray:
        """Return the (n,) values of 1 - cosine of a key or (D,) vector with `other_words`, by default all V keys."""
        given = self._vector_of(word_or_vector)
        others = list(other_words)
        rows = self._vectors_of(others) if others else self.vectors
        distances: FloatArray = 1 - self.cosine_similarities(given, rows)
        return distances

    @staticmethod
    def cosine_similarities(vector_1: ArrayLike, vectors_all: ArrayLike) -> FloatArray:
        """Return the (n,) cosines of a (D,) vector with the rows of an (n, D) array, 0 if one is zero."""
        rows = np.asarray(vectors_all)
        table = VectorTable.trusted(cast(list[Key], range(len(rows))), rows)
        return cosines(table, unit(vector_1), 0, len(rows))

    def n_similarity(self, ws1: Iterable[Key], ws2: Iterable[Key]) -> float:
        """Return the cosine of the mean vectors of two lists of keys; unknown keys are ignored.

        Raises `OptionError`, which is a `ZeroDivisionError` too, if a list is empty.
        """
        first, second = listed(ws1), listed(ws2)
        if not first or not second:
            raise NothingGivenError(f"n_similarity needs at least one word in each list: found {first!r}, {second!r}")
        return cosine(*(self.get_mean_vector(keys, pre_normalize=False) for keys in (first, second)))

    def relative_cosine_similarity(self, wa: Key, wb: Key, topn: int = 10) -> float:
        """Return cos(wa, wb) / (the sum of the cosines of wa's `topn` neighbours) (Leeuwenberg et al. 2016, eq. 1).

        Above 0.10 for topn=10, the two are more similar than wa and its average neighbour. Raises `OptionError` if
        that sum is 0.
        """
        topn = checked_topn(topn, 1)
        total = sum(score for _, score in self.most_similar(wa, topn=topn))
        if not total:
            raise OptionError(
                f"the cosines of {wa!r} with its nearest keys sum to {total}, which cannot be a divisor: use similarity"
            )
        return self.similarity(wa, wb) / total

    def wmdistance(self, document1: Iterable[Key], document2: Iterable[Key], norm: bool = True) -> float:
        """Return the Word Mover's Distance of two lists of keys (Kusner et al. 2015).

        It is the lowest cost of moving the words of one list, each with its share of the list, to those of the other,
        where the cost is the Euclidean distance of their vectors, or with `norm` of their unit vectors. Unknown keys
        are ignored; if none is left in a list, the result is infinity. Raises `MissingExtraError` if POT is not
        installed.
        """
        try:
            emd2 = import_module("ot").emd2  # optional, and slow to import
        except ImportError as error:
            raise MissingExtraError("POT", "wmd", "the Word Mover's Distance") from error
        bags = [Counter(key for key in listed(document) if key in self) for document in (document1, document2)]
        if not all(bags):
            return float("inf")
        first, second = (np.array([self.get_vector(key, norm) for key in bag], dtype=np.float64) for bag in bags)
        shares = [np.array(list(bag.values())) / bag.total() for bag in bags]
        gaps = first[:, None] - second[None]
        return float(emd2(*shares, np.sqrt(np.einsum("nmd,nmd->nm", gaps, gaps))))

    # --- means

    def get_mean_vector(
        self,
        keys: Iterable[Key | FloatArray],
        weights: ArrayLike | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> FloatArray:
        """Return the (D,) weighted mean sum_i w_i x_i / sum_i |w_i| of the vectors of keys, and of given vectors.

        `pre_normalize` scales the vectors of keys, but not given ones, to length 1 first; `post_normalize` scales the
        mean. Unknown keys are left out of both sums, or with `ignore_missing=False` raise `UnknownWordError`; the
        mean of no vectors is zero. Raises `OptionError` for an empty list, and unless there is a weight for each key.
        """
        items: list[Key | FloatArray] = [keys] if is_key(keys) else list(keys)
        if not items:
            raise NothingGivenError("a mean needs at least one key or vector")
        weight = np.ones(len(items)) if weights is None else np.asarray(weights, dtype=np.float64)
        if weight.shape != (len(items),):
            raise OptionError(f"give one weight for each of {counted(len(items), 'key')}: found shape {weight.shape}")
        mean = self._mean(items, weight, pre_normalize, ignore_missing)
        return unit(mean) if post_normalize else mean

    @overload
    def mean_vectors(
        self, texts: Texts, weights: TextWeights | None = None, pre_normalize: bool = True,
        post_normalize: bool = False, ignore_missing: bool = True, *, return_unknown: Literal[False] = False
    ) -> FloatArray: ...  # fmt: skip
    @overload
    def mean_vectors(
        self, texts: Texts, weights: TextWeights | None = None, pre_normalize: bool = True,
        post_normalize: bool = False, ignore_missing: bool = True, *, return_unknown: Literal[True]
    ) -> tuple[FloatArray, NDArray[np.int64]]: ...  # fmt: skip
    def mean_vectors(
        self,
        texts: Texts,
        weights: TextWeights | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
        *,
        return_unknown: bool = False,
    ) -> FloatArray | tuple[FloatArray, NDArray[np.int64]]:
        """Return the (n, D) means of the words of n texts, each what `get_mean_vector` returns; all in one pass.

          texts           lists of words, or of whole-number keys; any iterable, which is read once. A text without a
                          known word gives a row of zeros
          weights         a list of weights for each text, one for each of its words; or an array of V weights, one for
                          each row of these vectors. Composed vectors then have weight 1
          return_unknown  also return the (n,) int64 numbers of words of each text that have no vector

        The result is float32, or float64 for vectors in float64. Raises `OptionError` for a text that is not a list of
        keys, such as a string that is not split, and for weights that do not match; with `ignore_missing=False`,
        `UnknownWordError` for a word without a vector.
        """
        found = text_means(self, texts, weights, normalize=pre_normalize, ignore_missing=ignore_missing)
        means = unit_rows(found.vectors) if post_normalize else found.vectors
        return (means, found.unknown) if return_unknown else means

    def _mean(
        self, items: Sequence[Key | FloatArray], weights: NDArray[np.float64], normalize: bool = True,
        ignore_missing: bool = False,
    ) -> FloatArray:  # fmt: skip
        """Return the mean of the vectors of keys and of given vectors."""
        rows = self.rows_of(items)
        with_row = rows >= 0
        factors = unit_weights(weights[with_row], self.norms_of(rows[with_row])) if normalize else weights[with_row]
        total = row_sum(self.vectors, rows[with_row], factors.astype(self.compute_dtype)).astype(np.float64)
        absolute = float(np.abs(weights[with_row]).sum())
        for place in np.flatnonzero(~with_row).tolist():
            item, weight = items[place], weights[place]
            if ignore_missing and is_key(item) and item not in self:
                continue
            total += weight * self._vector_of(item, normalize)
            absolute += abs(weight)
        mean: FloatArray = (total / absolute if absolute else total).astype(self.compute_dtype)
        return mean

    def _vector_of(self, item: Key | FloatArray, normalize: bool = True) -> FloatArray:
        """Return the (unit) vector of a key, or a given vector unchanged."""
        if is_key(item):
            return self.get_vector(item, norm=normalize)
        vector = np.asarray(item)
        if vector.shape != (self.vector_size,) or vector.dtype.kind not in "fiu":
            raise OptionError(
                f"{item!r} is not a key, a vector of {counted(self.vector_size, 'number')} or a (key, weight) pair"
            )
        return vector

    # --- neighbours

    @overload
    def most_similar(
        self, positive: QueryItems = None, negative: QueryItems = None, topn: int = 10, clip_start: int = 0,
        clip_end: int | None = None, restrict_vocab: int | None = None, indexer: Indexer | None = None
    ) -> Neighbours: ...  # fmt: skip
    @overload
    def most_similar(
        self, positive: QueryItems = None, negative: QueryItems = None, *, topn: None, clip_start: int = 0,
        clip_end: int | None = None, restrict_vocab: int | None = None, indexer: Indexer | None = None
    ) -> FloatArray: ...  # fmt: skip
    def most_similar(
        self,
        positive: QueryItems = None,
        negative: QueryItems = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Indexer | None = None,
    ) -> Neighbours | FloatArray:
        """Return the `topn` keys whose vectors have the largest cosines with a weighted mean of the given items.

        mean = sum_i w_i x_i / sum_i |w_i| (Mikolov et al. 2013, NAACL: 3CosAdd), where x_i is the unit vector
        of a key, or a given (D,) vector unchanged, and w_i is 1 for `positive`, -1 for `negative`, or w for an item
        given as (key, w). Given keys are left out of the result. The search covers rows `clip_start` to
        `clip_end` - 1, or the first `restrict_vocab`. `topn=None` returns the cosines of all those rows, given keys
        included. `indexer` replaces the exact search, see `approximate_index`. Raises `UnknownWordError` for an
        unknown key, and `OptionError` if no items are given or a number is out of range.
        """
        first, last = self._searched_range(clip_start, clip_end, restrict_vocab)
        topn = checked_topn(topn, optional=True)
        if topn == 0:
            return NeighbourList()
        items = weighted_items(positive, negative)
        mean = unit(self._mean([item for item, _ in items], np.array([weight for _, weight in items])))
        given = self._rows_of_items(items)
        if indexer is not None and topn is not None:
            if (first, last) != (0, len(self)):
                raise OptionError("an indexer searches every row: leave clip_start, clip_end and restrict_vocab out")
            found = indexer.most_similar(mean, topn + len(given))
            others = [(key, score) for key, score in found if self.key_to_index.get(key) not in given]
            return NeighbourList(others[:topn])
        scores = cosines(self, mean, first, last)
        return scores if topn is None else self._best_keys(scores, first, given, topn)

    @overload
    def most_similar_cosmul(
        self, positive: QueryItems = None, negative: QueryItems = None, topn: int = 10,
        restrict_vocab: int | None = None
    ) -> Neighbours: ...  # fmt: skip
    @overload
    def most_similar_cosmul(
        self, positive: QueryItems = None, negative: QueryItems = None, *, topn: None,
        restrict_vocab: int | None = None
    ) -> FloatArray: ...  # fmt: skip
    def most_similar_cosmul(
        self,
        positive: QueryItems = None,
        negative: QueryItems = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Neighbours | FloatArray:
        """Return the `topn` keys x with the largest prod_p s(x, p) / (prod_n s(x, n) + 1e-6).

        s = (1 + cos) / 2; p and n are the positive and negative keys or vectors (Levy and Goldberg 2014, eq. 4:
        3CosMul). Given keys are left out of the result; only the first `restrict_vocab` rows are searched.
        `topn=None` returns the scores of all those rows. Raises the errors of `most_similar`, and `OptionError` if
        items have weights, which 3CosMul does not define.
        """
        first, last = self._searched_range(0, None, restrict_vocab)
        topn = checked_topn(topn, optional=True)
        if topn == 0:
            return NeighbourList()
        items = weighted_items(positive, negative)
        if not any(weight > 0 for _, weight in items) or any(abs(weight) != 1 for _, weight in items):
            raise OptionError("most_similar_cosmul needs at least one positive word or vector, and no weights")
        scores, denominator = (np.ones(last - first, dtype=self.compute_dtype) for _ in range(2))
        for item, weight in items:
            shifted = cosines(self, unit(self._vector_of(item)), first, last)
            shifted += 1  # in place, as all of this: the arrays of millions of rows are large
            shifted /= 2
            product = scores if weight > 0 else denominator
            product *= shifted
        denominator += COSMUL_EPSILON
        scores /= denominator
        return scores if topn is None else self._best_keys(scores, first, self._rows_of_items(items), topn)

    def most_similar_batch(
        self,
        keys: Iterable[Key] | FloatArray,
        topn: int = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
    ) -> list[Neighbours]:
        """Return what `most_similar` returns for each of n keys, or for each row of an (n, D) array.

        All are searched together, block by block (`firth.vectors.search`), many times faster than one by one; the
        first call takes a second to compile. A key is left out of its own result. Of equal cosines the lower row
        comes first, and rows that are not finite are left out. Raises `UnknownWordError` for an unknown key, before
        any work.
        """
        topn = checked_topn(topn)
        first, last = self._searched_range(clip_start, clip_end, restrict_vocab)
        queries, own_rows = self._query_vectors(keys)
        if topn == 0 or first == last or not len(queries):
            return [NeighbourList() for _ in queries]
        return self._with_keys(nearest(self._searched_rows(first, last), queries, own_rows[:, None], topn))

    @overload
    def similar_by_key(self, key: Key, topn: int = 10, restrict_vocab: int | None = None) -> Neighbours: ...
    @overload
    def similar_by_key(self, key: Key, topn: None, restrict_vocab: int | None = None) -> FloatArray: ...
    def similar_by_key(
        self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Neighbours | FloatArray:
        """Return `most_similar` for one key."""
        return self.most_similar([key], topn=topn, restrict_vocab=restrict_vocab)

    @overload
    def similar_by_word(self, word: Key, topn: int = 10, restrict_vocab: int | None = None) -> Neighbours: ...
    @overload
    def similar_by_word(self, word: Key, topn: None, restrict_vocab: int | None = None) -> FloatArray: ...
    def similar_by_word(
        self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Neighbours | FloatArray:
        """Return `most_similar` for one word."""
        return self.most_similar([word], topn=topn, restrict_vocab=restrict_vocab)

    @overload
    def similar_by_vector(
        self, vector: FloatArray, topn: int = 10, restrict_vocab: int | None = None
    ) -> Neighbours: ...
    @overload
    def similar_by_vector(self, vector: FloatArray, topn: None, restrict_vocab: int | None = None) -> FloatArray: ...
    def similar_by_vector(
        self, vector: FloatArray, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Neighbours | FloatArray:
        """Return `most_similar` for one (D,) vector."""
        return self.most_similar([vector], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_to_given(self, key1: Key, keys_list: Iterable[Key]) -> Key:
        """Return the key of `keys_list` with the largest `similarity` to `key1`, the first one if several are equal."""
        return max(listed(keys_list), key=lambda key: self.similarity(key1, key))

    def closer_than(self, key1: Key, key2: Key) -> list[Key]:
        """Return the keys, in the order of rows, whose cosine with `key1` is larger than that of `key2`."""
        return [self.stored_keys[row] for row in self._closer_rows(key1, key2).tolist()]

    def rank(self, key1: Key, key2: Key) -> int:
        """Return 1 + the number of keys that are closer to `key1` than `key2` is."""
        return 1 + len(self._closer_rows(key1, key2))

    # --- odd one out

    def doesnt_match(self, words: Iterable[Key]) -> Key:
        """Return the key with the smallest cosine with the mean of all: the last of `rank_by_centrality`."""
        return self.rank_by_centrality(words)[-1][1]

    def rank_by_centrality(self, words: Iterable[Key], use_norm: bool = True) -> list[tuple[float, Key]]:
        """Return (x_i · m / |m|, key) pairs, the largest first.

        m is the mean of the vectors x_i of the keys, which are unit vectors if `use_norm`. Unknown keys are ignored,
        with a warning that names them; raises `OptionError` if all are unknown.
        """
        words = listed(words)
        known = [word for word in words if word in self]
        if not known:
            raise OptionError(f"none of {words!r} is in the vocabulary: give at least one word that is")
        if len(known) < len(words):
            unknown = [word for word in words if word not in self]
            warnings.warn(f"ignored, because they are not in the vocabulary: {unknown}", stacklevel=2)
        vectors = self._vectors_of(known).astype(self.compute_dtype, copy=False)
        vectors = unit_rows(vectors) if use_norm else vectors
        scores = vectors @ unit(vectors.mean(axis=0))
        return sorted(zip(scores.tolist(), known, strict=True), key=lambda pair: -pair[0])

    # --- shared steps

    def _rows_of_items(self, items: WeightedItems) -> set[int]:
        return {row for item, _ in items if is_key(item) and (row := self._row(item)) is not None}

    def _query_vectors(self, keys: Iterable[Key] | FloatArray) -> tuple[FloatArray, RowIndices]:
        """Return (n, D) unit vectors, and the row of each, -1 for vectors that were given or composed."""
        if not (isinstance(keys, np.ndarray) and keys.dtype.kind == "f"):
            return self._key_vectors(listed(cast(Iterable[Key], keys)))
        if keys.ndim != 2 or keys.shape[1] != self.vector_size:
            raise OptionError(f"vectors to compare with must be (n, {self.vector_size}): found shape {keys.shape}")
        given = keys.astype(self.compute_dtype)
        norms = np.linalg.norm(given, axis=1)
        return given / np.where(norms == 0, 1, norms)[:, None], np.full(len(keys), -1, dtype=np.intp)

    def _key_vectors(self, keys: list[Key]) -> tuple[FloatArray, RowIndices]:
        """Return the (n, D) unit vectors of keys, and the row of each, -1 for a word without a row."""
        if self.subwords is None:
            rows = self._rows(keys)
            return self.unit_rows(rows), rows
        vectors = unit_rows(self._vectors_of(keys))
        return vectors, np.array([self.get_index(key, -1) for key in keys], dtype=np.intp)

    def _searched_range(self, clip_start: int, clip_end: int | None, restrict_vocab: int | None) -> tuple[int, int]:
        self._check_lengths()
        clip_start = whole("clip_start", clip_start, "the first row to search")
        clip_end = whole("clip_end", clip_end, "the row after the last to search", optional=True)
        if (V := checked_vocab(restrict_vocab)) is not None:
            clip_start, clip_end = 0, V
        first, last, _ = slice(clip_start, clip_end or len(self)).indices(len(self))
        return first, max(first, last)

    def _searched_rows(self, first: int, last: int) -> SearchedRows:
        return SearchedRows(self._vectors, self.norms, first, last)

    def _best_keys(self, scores: FloatArray, first: int, given: set[int], topn: int) -> Neighbours:
        """Return the `topn` keys with the largest scores, those of rows `first` and after, without the given rows."""
        best = largest(scores, topn + len(given)) + first
        rows = [row for row in best.tolist() if row not in given][:topn]
        return NeighbourList([(self.stored_keys[row], float(scores[row - first])) for row in rows])

    def _with_keys(self, best: TopRows) -> list[Neighbours]:
        keys = self.stored_keys
        return [
            NeighbourList([(keys[row], score) for row, score in zip(rows, scores, strict=True) if row >= 0])
            for rows, scores in zip(best.rows.tolist(), best.scores.tolist(), strict=True)
        ]

    def _closer_rows(self, key1: Key, key2: Key) -> RowIndices:
        scores = cosines(self, self.get_vector(key1, norm=True), 0, len(self))
        row = self._row(key2)
        limit = self.similarity(key1, key2) if row is None else scores[row]
        closer: RowIndices = np.flatnonzero(scores > limit)
        return np.setdiff1d(closer, self.get_index(key1, -1))
