"""Keys and their rows: the arrays, looking up, and what else is known about a key."""

import copy
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import FirthError, OptionError, UnknownWordError
from firth.messages import counted
from firth.resources import available_cores
from firth.vectors.growing import GrowingArray
from firth.vectors.items import Key, Rows, Vector, is_key
from firth.vectors.precision import widened

Keys = Sequence[str] | Sequence[int] | NDArray[np.integer[Any]]
_BLOCK_NUMBERS = 1 << 20  # of a matrix worked on at once: 4 MiB of float32
_FEW_BLOCKS = 16  # so few are not worth a thread
_COUNTS_ADVICE = "Assign such counts first, wv.counts = array"
_FEW_KEYS = 8  # looked up by going through the list, before the dictionary of all is made


class VectorTable:
    """V keys, their (V, D) matrix, its norms, and arrays of what else is known about each key.

    The table alone decides the order of rows. The vectors of a model move the rows of its outside matrix too: the
    model owns that matrix, and the table has a weak reference to it, so vectors that outlive their model do not keep
    it in memory.
    """

    expandos: dict[str, NDArray[Any]]
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
            vectors = _no_vectors(listed_keys, vector_size, dtype)
        self._keep(listed_keys, vectors, counts)
        self._key_to_index = row_of_each(listed_keys)

    @classmethod
    def trusted(cls, keys: list[Key], vectors: NDArray[Any], counts: Any = None) -> Self:
        """Return a table of keys of one kind; that they differ is seen when their index is first asked for."""
        table = cls.__new__(cls)
        table._keep(keys, vectors, counts)
        return table

    def _keep(self, keys: list[Key], vectors: NDArray[Any], counts: Any) -> None:
        self._keys = keys
        self._looked_up = 0
        self.expandos = {}
        self._growing_expandos: dict[str, GrowingArray] = {}
        self._outside_ref: weakref.ref[GrowingArray] | None = None
        self._in_training = False
        self._edition = 0  # grows when rows move or all vectors change: an index of older rows is then invalid
        self.vectors = vectors
        self.counts = counts

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_outside_ref": None, "_in_training": False}

    def __copy__(self) -> Self:
        """Return an independent copy, as NumPy does for an array, and as `copy.deepcopy` does."""
        return copy.deepcopy(self)

    # --- the model that these vectors belong to

    def move_with(self, outside: GrowingArray) -> None:
        """Give this (V, D) outside matrix the same order of rows as the vectors from now on."""
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
        """Compute the norms again when they are next asked for, after all vectors changed."""
        self._norms: Vector | None = None
        self._edition += 1

    # --- the arrays

    @property
    def index_to_key(self) -> list[Key]:
        """The V keys, row by row. Append keys and call `resize_vectors` to add them, as in gensim.

        To rename keys, assign a new list. Other edits of the list in place are refused when the table is saved or
        sorted.
        """
        return self._keys

    @index_to_key.setter
    def index_to_key(self, keys: Keys) -> None:
        self._refuse_in_training()
        self._keys, self._key_to_index = checked_keys(keys), None
        self._edition += 1

    @property
    def key_to_index(self) -> dict[Key, int]:
        """The row of each key; raises `OptionError` if a key comes more than once, as it may in a mapped file."""
        if self._key_to_index is None:
            self._check_lengths()
            self._key_to_index = row_of_each(self.index_to_key)
        return self._key_to_index

    @property
    def vectors(self) -> Vector:
        """The (V, D) matrix, read-only. A new one may be assigned: for a model, one of the same shape and dtype."""
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
        self._check_model(matrix)
        self._check_attributes()
        if (outside := self._outside) is not None and np.may_share_memory(matrix, outside.rows):
            matrix = matrix.copy()  # the two matrices of a model change independently
        self._center = GrowingArray(matrix)
        self._key_to_index = None  # index_to_key may have been edited by hand
        self.forget_norms()

    @property
    def _vectors(self) -> Vector:
        return self._center.rows

    def _refuse_in_training(self) -> None:
        if self._in_training:
            raise FirthError(
                "these vectors are being trained and cannot be edited: edit model.wv after fit returns, or a copy of "
                "it, copy.deepcopy(model.wv)"
            )

    def check_rows(self) -> None:
        """Raise `OptionError` if an edit of `index_to_key` by hand left it different from the rows.

        Compares all V keys with `key_to_index`, if that is known.
        """
        self._check_lengths()
        self._check_unmoved(len(self))

    def _check_unmoved(self, n: int) -> None:
        """Raise `OptionError` unless the first n keys are of one kind, differ, and have the rows they had."""
        keys, known = self._keys[:n], self._key_to_index
        checked_keys(keys)
        if known is not None and keys == list(known):  # the dictionary is mostly in the order of rows
            return
        row_of_each(keys)
        if known is None:
            return
        for row, key in enumerate(keys):
            if known.get(key) != row:
                raise OptionError(
                    f"index_to_key[{row}] is {key!r}, and key_to_index has {_at(known.get(key))} for it: index_to_key "
                    "was edited in place. To rename keys, assign a new list, wv.index_to_key = keys; to sort, put the "
                    "keys back and call wv.sort_by_descending_frequency()"
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
                f"{counted(rows, 'vector')} and only {counted(keys, 'key')}: put the keys back, and take a part with "
                "vectors_for_all(keys)"
            )

    def _check_attributes(self) -> None:
        """Make every attribute an array; raise `OptionError` for one that does not have a value for each key."""
        self.expandos.update({attr: attribute(attr, values) for attr, values in self.expandos.items()})
        for attr, values in self.expandos.items():
            if len(values) != len(self):
                name = "wv.counts" if attr == "count" else f"wv.expandos[{attr!r}]"
                raise OptionError(
                    f"attribute {attr!r} has {counted(len(values), 'value')} for {counted(len(self), 'key')}: "
                    f"assign as many as there are keys first, {name} = array"
                )

    def _check_model(self, matrix: Vector) -> None:
        """Raise `OptionError` if a model's outside matrix does not go with these vectors."""
        outside = self._outside
        if outside is not None and (matrix.shape, matrix.dtype) != (outside.rows.shape, outside.rows.dtype):
            raise OptionError(
                f"the vectors of this model must have the shape and dtype of its outside matrix, "
                f"{outside.rows.shape} {outside.rows.dtype}: found {matrix.shape} {matrix.dtype}. Convert the array, "
                "add words with wv.add_vectors, or make vectors without a model, KeyedVectors(keys, array)"
            )

    @property
    def counts(self) -> NDArray[np.int64] | None:
        """How often each key was seen, (V,) int64; None where that is not known.

        Raises `OptionError` if `expandos["count"]` was set to anything but whole numbers within int64.
        """
        counts = self.expandos.get("count")
        return None if counts is None else attribute("count", counts)

    @counts.setter
    def counts(self, counts: Any) -> None:
        if counts is None:
            self.expandos.pop("count", None)
            return
        array = attribute("count", counts)
        if array.shape != (len(self),):
            raise OptionError(
                f"the counts of {counted(len(self), 'key')} must have shape ({len(self)},): found shape {array.shape}"
            )
        self.expandos["count"] = array

    @property
    def vector_size(self) -> int:
        """D, the length of each vector."""
        return int(self._vectors.shape[1])

    @property
    def norms(self) -> Vector:
        """The (V,) Euclidean lengths of the rows, computed when first asked for."""
        self.fill_norms()
        return cast(Vector, self._norms)

    @property
    def has_norms(self) -> bool:
        """Whether the norms are known already."""
        return self._norms is not None

    def fill_norms(self, force: bool = False) -> None:
        """Compute the norms unless they are known; with `force`, again."""
        self._check_lengths()
        if self._norms is not None and not force:
            return
        norms = np.empty(len(self), dtype=self.exact)

        def fill(start: int, stop: int) -> None:
            norms[start:stop] = lengths(widened(self._vectors[start:stop], self.exact))

        self.each_block(fill)
        self._norms = norms

    @property
    def exact(self) -> np.dtype[Any]:
        """The dtype to compute in: that of the vectors, but float32 for half precision."""
        return np.result_type(self._vectors.dtype, np.float32)

    def each_block(self, work: Callable[[int, int], None], first: int = 0, last: int | None = None) -> None:
        """Call `work(start, stop)` for a few thousand rows at a time: a matrix on disk is never all in memory.

        Many blocks are shared out among threads: NumPy's loops release the GIL.
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

    # --- looking up

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return self._row(cast(Key, key)) is not None

    def __repr__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {counted(len(self), 'key')}>"

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> Vector:
        """Return the (D,) vector of a key, read-only, or the (n, D) copy for n keys."""
        if is_key(key_or_keys):
            return self.get_vector(cast(Key, key_or_keys))
        return self._vectors[self._rows(cast(Iterable[Key], key_or_keys))]

    def has_index_for(self, key: Key) -> bool:
        """Tell whether `key` has a row: the same as `key in wv`."""
        return key in self

    def get_index(self, key: Key, default: int | None = None) -> int:
        """Return the row of `key`; if it has none, `default`, or `UnknownWordError` where that is None."""
        index = self._row(key)
        if index is None and default is None:
            self._check_lengths()  # a key that was appended has no row yet
            raise UnknownWordError(key, self.index_to_key)
        return cast(int, default if index is None else index)

    def _row(self, key: Key) -> int | None:
        """Return the row of `key`, or None.

        The first few are looked for in the list: among millions that takes 0.1 s, and the dictionary seconds.
        """
        if self._key_to_index is None and self._looked_up < _FEW_KEYS and isinstance(key, Hashable):
            self._looked_up += 1
            try:
                return self.index_to_key.index(key, 0, len(self._vectors))
            except ValueError:
                return None
        return self.key_to_index.get(key)

    def get_vector(self, key: Key, norm: bool = False) -> Vector:
        """Return the (D,) vector of `key`, read-only; with `norm`, v / |v| (a zero vector stays zero)."""
        index = self.get_index(key)
        vector: Vector = self.unit_rows(np.array([index]))[0] if norm else self._vectors[index]
        vector.flags.writeable = False
        return vector

    def get_normed_vectors(self) -> Vector:
        """Return a (V, D) copy with every row of length 1; a zero row stays zero."""
        self._check_lengths()
        return self.unit_rows(np.arange(len(self)))

    def unit_rows(self, rows: Rows) -> Vector:
        """Return an (n, D) copy of these rows, each of length 1; a zero row stays zero."""
        picked = widened(self._vectors[rows], self.exact)
        norms = lengths(picked) if self._norms is None else self._norms[rows]  # those of all may not be needed
        with np.errstate(invalid="ignore"):  # rows that are not finite have no direction
            units: Vector = picked / np.where(norms == 0, 1, norms)[:, None]
        return units

    def _rows(self, keys: Iterable[Key]) -> Rows:
        return np.array([self.get_index(key) for key in keys], dtype=np.intp)

    # --- what else is known about a key

    def get_vecattr(self, key: Key, attr: str) -> Any:
        """Return what `attr` says of `key`; "count", how often it was seen, is 0 where no counts are known.

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

    def set_vecattr(self, key: Key, attr: str, val: Any) -> None:
        """Note that `attr` of `key` is `val`; of keys nothing was said of, it is 0 (None for text).

        The first value settles the array's dtype; raises `TypeError` for a later one of another kind.
        """
        index = self.get_index(key)
        self.allocate_vecattrs([attr], [type(val)])
        self.expandos[attr][index] = val

    def allocate_vecattrs(self, attrs: Iterable[str] | None = None, types: Iterable[Any] | None = None) -> None:
        """Make room, of zeros, for attributes of these types; with None, for the keys that were added since."""
        self._check_lengths()
        if attrs is None:
            attrs, types = list(self.expandos), [array.dtype for array in self.expandos.values()]
        for attr, kind in zip(attrs, types or (), strict=True):
            dtype = np.dtype(np.int64 if kind is int else object if kind is str else kind)
            old = self.expandos.get(attr, np.empty(0, dtype))
            if not np.can_cast(dtype, old.dtype, "same_kind"):
                raise TypeError(f"attribute {attr!r} holds {old.dtype}, and {dtype} does not fit in it")
            if len(old) != len(self) or attr not in self.expandos:
                fresh = unset(len(self), old.dtype)
                fresh[: len(old)] = old[: len(fresh)]
                self.expandos[attr] = fresh


def lengths(rows: Vector) -> Vector:
    """Return the (n,) Euclidean lengths of (n, D) rows."""
    norms: Vector = np.sqrt(np.einsum("vd,vd->v", rows, rows))
    return norms


def attribute(attr: str, values: Any) -> NDArray[Any]:
    """Return the values of an attribute as an array: text as objects, and counts as int64.

    Raises `OptionError` for what is not an array, and for counts that are not whole numbers within int64.
    """
    array = values if isinstance(values, np.ndarray) else _array(attr, values)
    if attr != "count" or array.dtype == np.int64:
        return array
    if not array.size:
        return array.astype(np.int64)
    if array.dtype.kind not in "biuf":
        raise OptionError(f"counts must be whole numbers: found an array of {array.dtype}. {_COUNTS_ADVICE}")
    wrong = array[~((array == np.trunc(array)) & (array >= -(2.0**63)) & (array < 2.0**63))]
    if wrong.size:
        raise OptionError(
            f"counts must be whole numbers below 2**63: found {wrong.flat[0]} in an array of {array.dtype}. "
            f"{_COUNTS_ADVICE}"
        )
    return array.astype(np.int64)


def descending(attr: str, values: Any) -> Rows:
    """Return the rows in the order of an attribute, the largest value first, equal ones in their order here."""
    array = attribute(attr, values)
    if array.dtype.kind not in "biuf":
        raise OptionError(f"attribute {attr!r} holds {array.dtype} and cannot be sorted by: name one of numbers")
    if array.dtype.kind == "f":
        return np.argsort(-array, kind="stable")  # NaN last
    return len(array) - 1 - np.argsort(array[::-1], kind="stable")[::-1]  # -array would overflow where it is unsigned


def _array(attr: str, values: Any) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise OptionError(f"attribute {attr!r} is not an array: {error}. Assign one value for each key") from error
    if array.ndim == 0:
        raise OptionError(f"attribute {attr!r} is {values!r}, which is not an array: assign one value for each key")
    return array.astype(object) if array.dtype.kind in "US" else array


def unset(n: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return n values of an attribute that was not set: 0, or None where values are objects, such as text."""
    return np.full(n, None) if dtype.kind == "O" else np.zeros(n, dtype)


def _at(row: int | None) -> str:
    return "no row" if row is None else f"row {row}"


def _no_vectors(keys: list[Key], vector_size: int | np.integer[Any] | None, dtype: DTypeLike) -> Vector:
    """Return the empty (0, D) matrix of a table that is yet to be filled."""
    if keys:
        raise OptionError(f"{counted(len(keys), 'key')} without vectors: give a ({len(keys)}, D) array too")
    if isinstance(vector_size, bool) or not isinstance(vector_size, (int, np.integer)) or vector_size < 1:
        raise OptionError(f"vector_size={vector_size!r} is not allowed: give a whole number of at least 1")
    return np.empty((0, int(vector_size)), dtype)


def checked_keys(keys: Any) -> list[Key]:
    """Return the keys as a list of only strings or only Python whole numbers."""
    if isinstance(keys, (str, bytes)):
        raise OptionError(f"keys must be a list of words, not the string {keys[:20]!r}")
    listed_keys = keys.tolist() if isinstance(keys, np.ndarray) else list(keys)
    if all(isinstance(key, str) for key in listed_keys):
        return listed_keys
    for key in listed_keys:
        if not is_key(key) or isinstance(key, str) != isinstance(listed_keys[0], str):
            raise OptionError(f"keys must be all words or all whole numbers: found {key!r} among them")
    return [int(key) for key in listed_keys]


def row_of_each(keys: list[Key]) -> dict[Key, int]:
    """Return the row of each key; raise `OptionError` if a key comes more than once."""
    rows = dict(zip(keys, range(len(keys)), strict=True))
    if len(rows) != len(keys):
        raise OptionError(f"keys must differ: {first_repeated(keys)!r} comes more than once")
    return rows


def first_repeated(keys: list[Key]) -> Key:
    """Return the first key that equals an earlier one; there must be one."""
    seen: set[Key] = set()
    return next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]
