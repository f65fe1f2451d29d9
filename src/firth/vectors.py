"""Vectors and the keys they belong to: every query.

Names and results are gensim's `KeyedVectors` where gensim has the thing. Two of its traps are closed: a
whole-number key is a key and never a row number, and norms cannot go stale, for `vectors` is read-only.
"""

import os
import warnings
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import OptionError, UnknownWordError

if TYPE_CHECKING:
    from firth.evaluation import AnalogyResult, PairsResult

Key: TypeAlias = str | int
Vector: TypeAlias = NDArray[np.floating[Any]]
Item: TypeAlias = Key | Vector | tuple[Key | Vector, float]
Items: TypeAlias = Item | Iterable[Item] | None


class KeyedVectors:
    """V keys, words or whole numbers, and their (V, D) matrix of vectors.

    `vectors` is kept as given, never copied; rows may be a view into padded ones. It is shown read-only: to
    change vectors, assign a whole array (`wv.vectors = changed`). Whoever writes into the array it was built
    from calls `fill_norms(force=True)` afterwards, for the norms of the rows are computed once. `counts` says
    how often each key was seen. Raises `OptionError` if keys repeat or are of mixed kinds, or shapes differ.
    """

    def __init__(
        self,
        keys: Sequence[str] | Sequence[int] | NDArray[np.integer[Any]],
        vectors: NDArray[Any],
        counts: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    ):
        self.index_to_key = _checked_keys(keys)
        self.key_to_index: dict[Key, int] = {key: index for index, key in enumerate(self.index_to_key)}
        if len(self.key_to_index) != len(self.index_to_key):
            raise OptionError(
                f"keys must differ: {_first_repeated(self.index_to_key)!r} comes more than once"
            )
        self.vectors = vectors
        self.counts = _checked_counts(counts, len(self))

    @property
    def vectors(self) -> Vector:
        """The (V, D) matrix, read-only; assigning a new one forgets the norms of the old."""
        view = self._vectors.view()
        view.flags.writeable = False
        return view

    @vectors.setter
    def vectors(self, vectors: NDArray[Any]) -> None:
        matrix = np.asarray(vectors)
        if matrix.ndim != 2 or len(matrix) != len(self) or matrix.dtype.kind not in "fiu":
            raise OptionError(
                f"{len(self)} keys need a ({len(self)}, D) array of numbers: found shape {matrix.shape} and "
                f"dtype {matrix.dtype}"
            )
        self._vectors: Vector = matrix if matrix.dtype.kind == "f" else matrix.astype(np.float32)
        self._norms: Vector | None = None

    @property
    def vector_size(self) -> int:
        """D, the length of each vector."""
        return int(self._vectors.shape[1])

    @property
    def norms(self) -> Vector:
        """The (V,) Euclidean lengths of the rows, computed when first asked for."""
        self.fill_norms()
        return cast(Vector, self._norms)

    def fill_norms(self, force: bool = False) -> None:
        """Compute the norms unless they are known; with `force`, again."""
        if self._norms is None or force:
            self._norms = np.sqrt(np.einsum("vd,vd->v", self._vectors, self._vectors))

    # --- looking up

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __contains__(self, key: object) -> bool:
        return key in self.key_to_index

    def __repr__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {len(self)} keys>"

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> Vector:
        """Return the (D,) vector of a key, read-only, or the (n, D) copy for n keys."""
        if _is_key(key_or_keys):
            return self.get_vector(cast(Key, key_or_keys))
        rows = [self.get_index(key) for key in cast(Iterable[Key], key_or_keys)]
        return self._vectors[np.array(rows, dtype=np.intp)]

    def get_index(self, key: Key, default: int | None = None) -> int:
        """Return the row of `key`; if it has none, `default`, or `UnknownWordError` where that is None."""
        index = self.key_to_index.get(key, default)
        if index is None:
            raise UnknownWordError(key, self.index_to_key)
        return index

    def get_vector(self, key: Key, norm: bool = False) -> Vector:
        """Return the (D,) vector of `key`, read-only; with `norm`, v / |v| (a zero vector stays zero)."""
        index = self.get_index(key)
        vector: Vector = self.unit_rows(np.array([index]))[0] if norm else self._vectors[index]
        vector.flags.writeable = False
        return vector

    def get_vecattr(self, key: Key, attr: str) -> int:
        """Return what is known about `key`: `attr` is "count". Raises `KeyError` where it is not known."""
        index = self.get_index(key)
        if attr != "count" or self.counts is None:
            known = "'count'" if self.counts is not None else "none: they came without counts"
            raise KeyError(f"no attribute {attr!r} of {key!r}; these vectors have {known}")
        return int(self.counts[index])

    # --- similarity

    def similarity(self, w1: Key, w2: Key) -> float:
        """Return the cosine of the two keys' vectors, 0 where one is zero."""
        first, second = self.get_vector(w1, norm=True), self.get_vector(w2, norm=True)
        return float(first @ second)

    def most_similar(
        self,
        positive: Items = None,
        negative: Items = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
    ) -> list[tuple[Key, float]] | NDArray[np.floating[Any]]:
        """Return the `topn` keys whose vectors are nearest, by cosine, to a weighted mean of the given ones.

        mean = sum_i w_i x_i / sum_i |w_i| (Mikolov et al. 2013, NAACL: 3CosAdd), where x_i is the unit vector
        of a key, or a given (D,) vector as it is, and w_i is 1 for `positive`, -1 for `negative`, or w itself
        for an item given as (key, w). Given keys are left out of the answer. Only rows `clip_start` to
        `clip_end` are searched, or the first `restrict_vocab`. `topn=None` returns the cosines of all those
        rows, given keys included. Raises `UnknownWordError` for a key that is not here and `OptionError` for
        nothing to compare with.
        """
        if topn is not None and topn < 1:
            return []
        items = _weighted(positive, 1.0) + _weighted(negative, -1.0)
        mean = self._mean(items)
        if restrict_vocab:
            clip_start, clip_end = 0, restrict_vocab
        first, last, _ = slice(clip_start, clip_end or len(self)).indices(len(self))
        cosines = self._cosines(mean, first, last)
        if topn is None:
            return cosines
        given = {self.key_to_index[cast(Key, what)] for what, _ in items if _is_key(what)}
        best = _largest(cosines, topn + len(given)) + first
        found = [row for row in best.tolist() if row not in given][:topn]
        return [(self.index_to_key[row], float(cosines[row - first])) for row in found]

    def doesnt_match(self, words: Iterable[Key]) -> Key:
        """Return the key farthest from the mean of all: see `rank_by_centrality`."""
        return self.rank_by_centrality(words)[-1][1]

    def rank_by_centrality(self, words: Iterable[Key], use_norm: bool = True) -> list[tuple[float, Key]]:
        """Return (x_i · m / |m|, key), the largest first; m is the mean of the keys' (unit) vectors x_i.

        Keys that are not here are left out, with a warning that names them; raises `OptionError` if none is
        left.
        """
        words = list(words)
        known = [word for word in words if word in self]
        if not known:
            raise OptionError(f"none of {words!r} is in the vocabulary: give at least one word that is")
        if len(known) < len(words):
            missing = [word for word in words if word not in self]
            warnings.warn(f"left out, for they are not in the vocabulary: {missing}", stacklevel=2)
        rows = np.array([self.key_to_index[word] for word in known])
        vectors = self.unit_rows(rows) if use_norm else self._vectors[rows]
        cosines = vectors @ _unit(vectors.mean(axis=0))
        ranked = sorted(zip(cosines.tolist(), known, strict=True), key=lambda pair: -pair[0])
        return [(float(cosine), word) for cosine, word in ranked]

    def _mean(self, items: list[tuple[Key | Vector, float]]) -> Vector:
        """Return the (D,) unit vector along the weighted mean of keys' unit vectors and of given vectors."""
        if not items:
            raise OptionError(
                "nothing to compare with: give at least one word or vector in positive or negative"
            )
        total = np.zeros(self.vector_size)
        for what, weight in items:
            total += weight * self._direction(what)
        weights = sum(abs(weight) for _, weight in items)
        mean: Vector = (total / weights if weights else total).astype(self._vectors.dtype)
        return _unit(mean)

    def _direction(self, given: Any) -> Vector:
        """Return a key's unit vector, or a given vector as it is."""
        if _is_key(given):
            return self.get_vector(given, norm=True)
        vector = np.asarray(given)
        if vector.shape != (self.vector_size,) or vector.dtype.kind not in "fiu":
            raise OptionError(
                f"{given!r} is neither a key nor a vector of {self.vector_size} numbers nor a (key, weight) "
                "pair"
            )
        return vector

    def _cosines(self, unit: Vector, first: int, last: int) -> Vector:
        """Return the cosines of rows `first` to `last` with a unit vector; a zero row has cosine 0."""
        norms = self.norms[first:last]
        with np.errstate(invalid="ignore"):  # rows that are not finite have no cosine
            products: Vector = self._vectors[first:last] @ unit
            return np.divide(products, norms, out=products, where=norms != 0)  # a zero row's product is 0

    def unit_rows(self, rows: NDArray[np.intp]) -> Vector:
        """Return an (n, D) copy of these rows, each of length 1; a zero row stays zero."""
        norms = self.norms[rows]
        with np.errstate(invalid="ignore"):  # rows that are not finite have no direction
            units: Vector = self._vectors[rows] / np.where(norms == 0, 1, norms)[:, None]
        return units

    # --- judging

    def evaluate_word_analogies(
        self,
        analogies: str | os.PathLike[str],
        restrict_vocab: int | None = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> "AnalogyResult":
        """Answer a file of analogies: see `firth.evaluation.evaluate_word_analogies`."""
        from firth.evaluation import evaluate_word_analogies

        return evaluate_word_analogies(self, analogies, restrict_vocab, case_insensitive, dummy4unknown)

    def evaluate_word_pairs(
        self,
        pairs: str | os.PathLike[str],
        delimiter: str | None = "\t",
        encoding: str = "utf8",
        restrict_vocab: int | None = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> "PairsResult":
        """Compare with human judgements of similarity: see `firth.evaluation.evaluate_word_pairs`."""
        from firth.evaluation import evaluate_word_pairs

        return evaluate_word_pairs(
            self, pairs, delimiter, encoding, restrict_vocab, case_insensitive, dummy4unknown
        )

    # --- files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write keys, vectors and counts to one native file (`firth.formats.native`), atomically."""
        from firth.formats.native import write_native

        write_native(path, keys=self.index_to_key, center=self._vectors, counts=self.counts)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote, or the center vectors of a saved model; raises `FormatError`."""
        from firth.formats.native import read_native

        file = read_native(path, outside=False)
        return cls(file.keys, file.center, file.counts)

    def save_word2vec_format(
        self,
        fname: str | os.PathLike[str],
        fvocab: str | os.PathLike[str] | None = None,
        binary: bool = False,
    ) -> None:
        """Write word2vec text or binary, and the counts to `fvocab`: see `firth.formats.word2vec`."""
        from firth.formats.word2vec import write_word2vec

        write_word2vec(
            fname, self.index_to_key, self._vectors, counts=self.counts, fvocab=fvocab, binary=binary
        )

    @classmethod
    def load_word2vec_format(
        cls,
        fname: str | os.PathLike[str],
        fvocab: str | os.PathLike[str] | None = None,
        binary: bool | None = None,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
        limit: int | None = None,
        datatype: DTypeLike = np.float32,
        no_header: bool = False,
    ) -> Self:
        """Read word2vec text or binary (`binary=None` finds out): see `firth.formats.word2vec`."""
        from firth.formats.word2vec import read_word2vec

        file = read_word2vec(
            fname,
            fvocab=fvocab,
            binary=binary,
            encoding=encoding,
            unicode_errors=unicode_errors,
            limit=limit,
            datatype=datatype,
            no_header=no_header,
        )
        return cls(file.keys, file.vectors, file.counts)


def _is_key(value: object) -> bool:
    return isinstance(value, (str, Integral))


def _checked_keys(keys: Any) -> list[Key]:
    """Return the keys as a list of only strings or only Python whole numbers."""
    if isinstance(keys, (str, bytes)):
        raise OptionError(f"keys must be a list of words, not the string {keys[:20]!r}")
    listed = keys.tolist() if isinstance(keys, np.ndarray) else list(keys)
    if all(isinstance(key, str) for key in listed):
        return listed
    for key in listed:
        if isinstance(key, (str, bool)) or not isinstance(key, Integral):
            raise OptionError(f"keys must be all words or all whole numbers: found {key!r} among them")
    return [int(key) for key in listed]


def _first_repeated(keys: list[Key]) -> Key:
    seen: set[Key] = set()
    return next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]


def _checked_counts(counts: Any, V: int) -> NDArray[np.int64] | None:
    if counts is None:
        return None
    array = np.asarray(counts, dtype=np.int64)
    if array.shape != (V,):
        raise OptionError(f"{V} keys need as many counts: found shape {array.shape}")
    return array


def _weighted(given: Items, weight: float) -> list[tuple[Key | Vector, float]]:
    """Return (key or vector, weight) pairs from one item or several; `weight` is for those without."""
    if given is None:
        return []
    alone = _is_key(given) or _is_pair(given) or (isinstance(given, np.ndarray) and given.ndim == 1)
    items = [given] if alone else list(cast(Iterable[Any], given))
    return [_pair(item, weight) for item in items]


def _is_pair(given: object) -> bool:
    """Tell ("king", 0.5), an item and its weight, from ("king", "queen") and (3, 5), two keys."""
    return isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], (float, np.floating))


def _pair(item: Any, weight: float) -> tuple[Key | Vector, float]:
    if isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[1], Real):
        return item[0], float(item[1])
    return item, weight


def _unit(vector: Vector) -> Vector:
    norm = np.linalg.norm(vector)
    return (vector / norm).astype(vector.dtype) if norm > 0 else vector


def _largest(scores: Vector, n: int) -> NDArray[np.intp]:
    """Return the positions of the n largest scores, the largest first; not-a-numbers come last."""
    keys = -scores  # NumPy sorts not-a-numbers behind everything else
    if n < len(keys):
        candidates = np.argpartition(keys, n)[:n]
        return candidates[np.argsort(keys[candidates], kind="stable")]
    return np.argsort(keys, kind="stable")
