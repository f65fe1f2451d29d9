"""Keys and their rows: the matrix, its norms, attributes of the keys, and lookup."""

import copy
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from firth.errors import FirthError, OptionError, UnknownWordError
from firth.messages import counted
from firth.options import whole
from firth.packed_words import PackedWords
from firth.resources import available_cores
from firth.subwords import SubwordVectors
from firth.vectors.attributes import as_attribute, attribute_of, empty_values
from firth.vectors.growing import GrowingArray
from firth.vectors.half_precision import widened
from firth.vectors.query_input import FloatArray, Key, RowIndices, is_key

Keys = Sequence[str] | Sequence[int] | NDArray[np.integer[Any]]
StoredKeys = list[Key] | PackedWords
_BLOCK_NUMBERS = 1 << 20  # numbers in a block of rows: 4 MiB of float32
_FEW_BLOCKS = 16  # fewer blocks are not worth starting threads
_FEW_LOOKUPS = 8  # found by a scan of the list, before the dictionary of all keys is made
_SHARE_OF_LOOKUPS = 8  # packed words have no dictionary before V / 8 lookups, which take as long as making it


class VectorTable:
    """V keys, their (V, D) matrix, the norms of its rows, and attributes of the keys.

    The table alone decides the order of rows. The outside matrix of a model has the same order: the model owns that
    matrix and the table holds a weak reference, so vectors that outlive their model do not keep it in memory.
    """

    expandos: dict[str, NDArray[Any]]
    """The attributes of the keys by name, each an array of V values; counts are "count"."""

    subwords: SubwordVectors | None = None
    """The rows of character n-grams, from which vectors of words without a row are composed; None if there are none."""

    _key_to_index: dict[Key, int] | None

    def __init__(
        self,
        keys: Keys | int | np.integer[Any] = (),
        vectors: NDArray[Any] | None = None,
        counts: Sequence[int] | NDArray[np.integer[Any]] | None = None,
        *,
        vector_size: int | np.integer[Any] | None = None,
        dtype: DTypeLike = np.float32,
    ):
        if isinstance(keys, (int, np.integer)):
            vector_size, keys = keys, []
        listed_keys = checked_keys(keys)
        if vectors is None:
            if listed_keys:
                n = len(listed_keys)
                raise OptionError(f"{counted(n, 'key')} without vectors: give a ({n}, D) array too")
            vectors = np.empty((0, whole("vector_size", vector_size, "dimensions D of each vector", 1)), dtype)
        self._set_up(listed_keys, vectors, counts)
        self._key_to_index = row_of_each(listed_keys)

    @classmethod
    def trusted(
        cls,
        keys: StoredKeys,
        vectors: NDArray[Any],
        counts: Sequence[int] | NDArray[np.integer[Any]] | None = None,
        subwords: SubwordVectors | None = None,
    ) -> Self:
        """Return a table without checking its keys, which takes seconds for millions.

        They must be all words or all whole numbers. A repeated key raises when `key_to_index` is first made. Packed
        words take a sixth of the memory until `index_to_key` or `key_to_index` is asked for, or V / 8 keys were looked
        up.
        """
        table = cls.__new__(cls)
        table._set_up(keys, vectors, counts)
        table.subwords = subwords
        return table

    def _set_up(self, keys: StoredKeys, vectors: NDArray[Any], counts: ArrayLike | None) -> None:
        self._keys = keys
        self._lookups = 0
        self.expandos = {}
        self._growing_expandos: dict[str, GrowingArray] = {}
        self._outside_ref: weakref.ref[GrowingArray] | None = None
        self._in_training = False
        self._version = 0  # increases when rows move or all vectors change: an index built before is then invalid
        self.vectors = vectors
        self.counts = counts

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_outside_ref": None, "_in_training": False}

    def __copy__(self) -> Self:
        """Return an independent copy, as `copy.deepcopy` does."""
        return copy.deepcopy(self)

    def _with_vectors(self, vectors: FloatArray, subwords: SubwordVectors | None) -> Self:
        """Return other vectors for the same keys, with a copy of their attributes, and other rows of n-grams."""
        other = type(self).trusted(list(self.index_to_key), vectors, subwords=subwords)
        other.expandos = {attr: values.copy() for attr, values in self.expandos.items()}
        return other

    # --- the model that these vectors belong to

    def move_with(self, outside: GrowingArray) -> None:
        """Keep the rows of this (V, D) outside matrix in the order of the vectors."""
        self._outside_ref = weakref.ref(outside)

    @property
    def _outside(self) -> GrowingArray | None:
        return None if self._outside_ref is None else self._outside_ref()

    @contextmanager
    def in_training(self) -> Iterator[None]:
        """Refuse edits until the `with` statement ends: training writes to these rows."""
        self._in_training = True
        try:
            yield
        finally:
            self._in_training = False
            self.forget_norms()

    def forget_norms(self) -> None:
        """Discard the norms, after all vectors changed; they are computed when next used."""
        self._norms: FloatArray | None = None
        self._version += 1

    # --- the arrays

    @property
    def index_to_key(self) -> list[Key]:
        """The V keys in the order of rows. Append keys and call `resize_vectors` to add them, as in gensim.

        To rename keys, assign a new list. Other edits in place raise `OptionError` when the vectors are saved or
        sorted.
        """
        if isinstance(self._keys, PackedWords):
            self._keys = cast(list[Key], list(self._keys))
        return self._keys

    @index_to_key.setter
    def index_to_key(self, keys: Keys) -> None:
        self._refuse_in_training()
        self._keys, self._key_to_index = checked_keys(keys), None
        self._version += 1

    @property
    def stored_keys(self) -> Sequence[Key]:
        """The V keys in the order of rows, to read: unlike `index_to_key`, packed words stay packed."""
        return cast(Sequence[Key], self._keys)

    @property
    def key_to_index(self) -> dict[Key, int]:
        """The row of each key. Raises `OptionError` if a key is repeated, which is possible in a mapped file."""
        if self._key_to_index is None:
            self._check_lengths()
            self._key_to_index = row_of_each(self.index_to_key)
        return self._key_to_index

    @property
    def vectors(self) -> FloatArray:
        """The (V, D) matrix, read-only. To change all of it, assign an array; for a model, of the same shape and dtype.

        Integers are converted to float32, and arrays of floats are kept without a copy.
        """
        view = self._vectors.view()
        view.flags.writeable = False
        return view

    @vectors.setter
    def vectors(self, vectors: NDArray[Any]) -> None:
        matrix = np.asarray(vectors)
        if matrix.ndim != 2 or len(matrix) != len(self) or matrix.dtype.kind not in "fiu" or matrix.itemsize > 8:
            raise OptionError(
                f"the vectors of {counted(len(self), 'key')} must be a ({len(self)}, D) array of numbers: found shape "
                f"{matrix.shape} and dtype {matrix.dtype}"
            )
        matrix = matrix if matrix.dtype.kind == "f" else matrix.astype(np.float32)
        self._refuse_in_training()
        if (other := self._outside) is not None:
            outside = other.rows
            if (matrix.shape, matrix.dtype) != (outside.shape, outside.dtype):
                raise OptionError(
                    "the vectors of this model must have the shape and dtype of its outside matrix, "
                    f"{outside.shape} {outside.dtype}: found {matrix.shape} {matrix.dtype}. Convert the array, add "
                    "words with wv.add_vectors, or make vectors without a model, KeyedVectors(keys, array)"
                )
            if np.may_share_memory(matrix, outside):
                matrix = matrix.copy()  # the two matrices of a model change independently
        self._check_attributes()
        self._center = GrowingArray(matrix)
        self._key_to_index = None  # index_to_key may have been edited
        self.forget_norms()

    @property
    def _vectors(self) -> FloatArray:
        return self._center.rows

    @property
    def counts(self) -> NDArray[np.int64] | None:
        """How often each key occurred, (V,) int64, or None if that is not known.

        Raises `OptionError` if `expandos["count"]` was set to anything but whole numbers within int64.
        """
        counts = self.expandos.get("count")
        return None if counts is None else as_attribute("count", counts)

    @counts.setter
    def counts(self, counts: ArrayLike | None) -> None:
        if counts is None:
            self.expandos.pop("count", None)
        else:
            self.expandos["count"] = attribute_of("count", counts, len(self))

    @property
    def vector_size(self) -> int:
        """D, the length of each vector."""
        return int(self._vectors.shape[1])

    @property
    def compute_dtype(self) -> np.dtype[Any]:
        """The dtype of results: that of the vectors, but float32 for half precision."""
        return np.result_type(self._vectors.dtype, np.float32)

    # --- checks

    def _refuse_in_training(self) -> None:
        if self._in_training:
            raise FirthError(
                "these vectors are being trained and cannot be edited: edit model.wv after fit returns, or a copy of "
                "it, copy.deepcopy(model.wv)"
            )

    def check_rows(self) -> None:
        """Raise `OptionError` if `index_to_key` was edited in place and no longer matches the rows."""
        self._check_lengths()
        self._check_unmoved(len(self))

    def _check_unmoved(self, n: int) -> None:
        """Raise `OptionError` unless the first n keys are of one kind, differ, and match `key_to_index` if known."""
        keys, known = checked_keys(self._keys[:n]), self._key_to_index
        if known is None and len(set(keys)) == len(keys):
            return
        if known is not None and keys == list(known):  # the dictionary is usually in the order of rows
            return
        for key, row in row_of_each(keys).items():
            if known is not None and known.get(key) != row:
                found = f"row {known[key]}" if key in known else "no row"
                raise OptionError(
                    f"index_to_key[{row}] is {key!r}, and key_to_index has {found} for it: index_to_key was edited "
                    "in place. To rename keys, assign a new list, wv.index_to_key = keys; to sort, put the keys back "
                    "and call wv.sort_by_descending_frequency()"
                )

    def _check_lengths(self) -> None:
        """Raise `OptionError` unless there are as many keys as rows."""
        keys, rows = len(self), len(self._vectors)
        if keys > rows:
            raise OptionError(
                f"{counted(keys, 'key')} and only {counted(rows, 'vector')}: call resize_vectors() after appending keys"
            )
        if keys < rows:
            raise OptionError(
                f"{counted(rows, 'vector')} and only {counted(keys, 'key')}: put the keys back, and select some with "
                "vectors_for_all(keys)"
            )

    def _check_attributes(self) -> None:
        """Convert every attribute to an array; raise `OptionError` for one without a value for each key."""
        self.expandos.update({attr: as_attribute(attr, values) for attr, values in self.expandos.items()})
        for attr, values in self.expandos.items():
            if len(values) != len(self):
                name = "wv.counts" if attr == "count" else f"wv.expandos[{attr!r}]"
                raise OptionError(
                    f"attribute {attr!r} has {counted(len(values), 'value')} for {counted(len(self), 'key')}: "
                    f"assign one for each key first, {name} = array"
                )

    # --- norms

    @property
    def norms(self) -> FloatArray:
        """The (V,) Euclidean norms of the rows, computed once."""
        self.fill_norms()
        return cast(FloatArray, self._norms)

    def fill_norms(self, force: bool = False) -> None:
        """Compute the norms unless they are known, or in any case with `force`."""
        self._check_lengths()
        if self._norms is not None and not force:
            return
        norms = np.empty(len(self), dtype=self.compute_dtype)

        def fill(start: int, stop: int) -> None:
            norms[start:stop] = row_norms(widened(self._vectors[start:stop], self.compute_dtype))

        self._for_each_block(fill)
        self._norms = norms

    def norms_of(self, rows: RowIndices) -> FloatArray:
        """Return the (n,) norms of n rows, computed for these rows alone if the norms of all are not known."""
        if self._norms is not None:
            return self._norms[rows]
        return row_norms(widened(self._vectors[rows], self.compute_dtype))

    def _usable_rows(self) -> RowIndices:
        """Return the rows that have a direction: those that are finite and not zero."""
        return np.flatnonzero(np.isfinite(self.norms) & (self.norms > 0))

    def _for_each_block(self, work: Callable[[int, int], None], first: int = 0, last: int | None = None) -> None:
        """Call `work(start, stop)` for a few thousand rows at a time, so that a mapped matrix need not fit in memory.

        Many blocks are shared among threads: NumPy releases the GIL.
        """
        step, last = max(1, _BLOCK_NUMBERS // max(1, self.vector_size)), len(self) if last is None else last
        starts = range(first, last, step)
        stops = [min(start + step, last) for start in starts]
        if len(starts) < _FEW_BLOCKS:
            for start, stop in zip(starts, stops, strict=True):
                work(start, stop)
            return
        with ThreadPoolExecutor(available_cores()) as pool:
            for _ in pool.map(work, starts, stops):
                pass

    # --- lookup

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        """Return whether `key` has a vector: a row, or n-grams from which a vector is composed."""
        return self._row(cast(Key, key)) is not None or self._has_ngrams(key)

    def _has_ngrams(self, key: object) -> bool:
        return self.subwords is not None and isinstance(key, str) and self.subwords.has_ngrams(key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {counted(len(self), 'key')}>"

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> FloatArray:
        """Return the (D,) vector of a key, read-only, or an (n, D) copy of the vectors of n keys."""
        if is_key(key_or_keys):
            return self.get_vector(key_or_keys)
        return self._vectors_of(list(cast(Iterable[Key], key_or_keys)))

    def has_index_for(self, key: Key) -> bool:
        """Return whether `key` has a row: whether it is in the vocabulary."""
        return self._row(key) is not None

    def get_index(self, key: Key, default: int | None = None) -> int:
        """Return the row of `key`, or `default` if it has none; raise `UnknownWordError` if `default` is None."""
        index = self._row(key)
        if index is None and default is None:
            self._check_lengths()  # an appended key has no row yet
            raise UnknownWordError(key, self.stored_keys)
        return cast(int, default if index is None else index)

    def _row(self, key: Key) -> int | None:
        """Return the row of `key`, or None.

        The first few lookups scan the list: for millions of keys a scan takes 0.1 s, but building the dictionary takes
        seconds.
        """
        if self._key_to_index is None and self._lookups < self._most_lookups and isinstance(key, Hashable):
            self._lookups += 1
            try:
                return self.stored_keys.index(key, 0, len(self._vectors))
            except ValueError:
                return None
        return self.key_to_index.get(key)

    @property
    def _most_lookups(self) -> int:
        """How many keys are found without the dictionary of all keys."""
        return len(self) // _SHARE_OF_LOOKUPS if isinstance(self._keys, PackedWords) else _FEW_LOOKUPS

    def _rows(self, keys: Iterable[Key]) -> RowIndices:
        return np.array([self.get_index(key) for key in keys], dtype=np.intp)

    def rows_of(self, keys: Sequence[object]) -> RowIndices:
        """Return the (n,) rows of n keys, -1 for a key without one and for anything that is not a key."""
        if not set(map(type, keys)) <= {str, int}:
            keys = [key if is_key(key) else None for key in keys]
        if self._key_to_index is None and self._lookups + len(keys) <= self._most_lookups:
            found: Iterable[int | None] = [self._row(cast(Key, key)) for key in keys]
            return np.array([-1 if row is None else row for row in found], dtype=np.intp)
        lookup = cast("dict[object, int]", self.key_to_index)
        return np.fromiter(map(lookup.get, keys, repeat(-1)), np.intp, len(keys))

    def _vectors_of(self, keys: Sequence[Key]) -> FloatArray:
        """Return an (n, D) copy of the vectors of n keys; those of words without a row are composed."""
        if self.subwords is None:
            return self._vectors[self._rows(keys)]
        vectors = np.empty((len(keys), self.vector_size), self.compute_dtype)
        for place, key in enumerate(keys):
            vectors[place] = self.get_vector(key)
        return vectors

    def get_vector(self, key: Key, norm: bool = False) -> FloatArray:
        """Return the (D,) vector x of `key`, read-only; with `norm`, x / |x|, and zero for a zero vector.

        If there are rows of n-grams, x is composed of them for a word that is not in the vocabulary: the mean of the
        rows of its n-grams. Raises `UnknownWordError` for a key without either.
        """
        index = self._row(key)
        composed = self._composed(key) if index is None else None
        if composed is not None:
            vector = unit_rows(composed[None])[0] if norm else composed
        else:
            index = self.get_index(key) if index is None else index
            vector = self.unit_rows(np.array([index]))[0] if norm else self._vectors[index]
        vector.flags.writeable = False
        return vector

    def _composed(self, key: Key) -> FloatArray | None:
        """Return the vector of a word from the rows of its n-grams, or None if it has none."""
        if self.subwords is None or not isinstance(key, str) or (vector := self.subwords.vector(key)) is None:
            return None
        return vector.astype(self.compute_dtype, copy=False)

    def get_normed_vectors(self) -> FloatArray:
        """Return a (V, D) copy with rows of length 1; a zero row stays zero."""
        self._check_lengths()
        return self.unit_rows(np.arange(len(self)))

    def unit_rows(self, rows: RowIndices) -> FloatArray:
        """Return an (n, D) copy of n rows scaled to length 1; a zero row stays zero."""
        selected = widened(self._vectors[rows], self.compute_dtype)
        return unit_rows(selected, None if self._norms is None else self._norms[rows])

    # --- attributes of keys

    def get_vecattr(self, key: Key, attr: str) -> Any:
        """Return the value of an attribute of `key`. "count" is 0 if no counts are known.

        Raises `KeyError` for an attribute that was never set.
        """
        index = self.get_index(key)
        if attr not in self.expandos:
            if attr == "count":
                return 0
            known = ", ".join(map(repr, self.expandos)) or "none"
            raise KeyError(f"no attribute {attr!r} of {key!r}; known are: {known}")
        value = self.expandos[attr][index]
        return value.item() if isinstance(value, np.generic) else value

    def set_vecattr(self, key: Key, attr: str, val: object) -> None:
        """Set an attribute of `key`. For keys without a value it is 0 (None for text).

        The first value decides the array's dtype. Raises `TypeError` for a later value of another kind.
        """
        index = self.get_index(key)
        self.allocate_vecattrs([attr], [type(val)])
        self.expandos[attr][index] = val

    def allocate_vecattrs(self, attrs: Iterable[str] | None = None, types: Iterable[DTypeLike] | None = None) -> None:
        """Allocate zeros for attributes of these types; with None, for the keys that were added since."""
        self._check_lengths()
        if attrs is None:
            attrs, types = list(self.expandos), [array.dtype for array in self.expandos.values()]
        for attr, kind in zip(attrs, types or (), strict=True):
            dtype = np.dtype(np.int64 if kind is int else object if kind is str else kind)
            old = self.expandos.get(attr, np.empty(0, dtype))
            if not np.can_cast(dtype, old.dtype, "same_kind"):
                raise TypeError(f"attribute {attr!r} holds {old.dtype}, and {dtype} does not fit in it")
            if len(old) != len(self) or attr not in self.expandos:
                new = empty_values(len(self), old.dtype)
                new[: len(old)] = old[: len(new)]
                self.expandos[attr] = new


def unit_rows(rows: FloatArray, norms: FloatArray | None = None) -> FloatArray:
    """Return a copy of (n, D) rows scaled to length 1, given their norms if those are known; a zero row stays zero."""
    norms = row_norms(rows) if norms is None else norms
    factors = unit_weights(np.ones(len(rows)), norms).astype(rows.dtype)  # as in the mean of one word, to the bit
    with np.errstate(invalid="ignore"):  # rows that are not finite have no direction
        units: FloatArray = rows * factors[:, None]
    return units


def unit_weights(weights: NDArray[np.float64], norms: FloatArray) -> NDArray[np.float64]:
    """Return w / |x|, 0 where x is zero: a sum of x with these weights is the sum of unit vectors with weights w."""
    return cast(NDArray[np.float64], np.divide(weights, norms, out=np.zeros(len(weights)), where=norms != 0))


def row_norms(rows: FloatArray) -> FloatArray:
    """Return the (n,) Euclidean norms of (n, D) rows."""
    norms: FloatArray = np.sqrt(np.einsum("vd,vd->v", rows, rows))
    return norms


def checked_keys(keys: Any) -> list[Key]:
    """Return the keys as a list of only strings or only Python integers; raise `OptionError` for any others."""
    if isinstance(keys, (str, bytes)):
        raise OptionError(f"keys must be a list of words, not the string {keys[:20]!r}")
    listed_keys = keys.tolist() if isinstance(keys, np.ndarray) else list(keys)
    if set(map(type, listed_keys)) <= {str} or all(isinstance(key, str) for key in listed_keys):
        return listed_keys
    for key in listed_keys:
        if not is_key(key) or isinstance(key, str) != isinstance(listed_keys[0], str):
            raise OptionError(f"keys must be all words or all whole numbers: found {key!r} among them")
    return [int(key) for key in listed_keys]


def row_of_each(keys: list[Key]) -> dict[Key, int]:
    """Return the row of each key; raise `OptionError` for a repeated key."""
    rows = dict(zip(keys, range(len(keys)), strict=True))
    if len(rows) != len(keys):
        repeated = next(key for row, key in enumerate(keys) if rows[key] != row)
        raise OptionError(f"keys must differ: {repeated!r} occurs more than once")
    return rows
