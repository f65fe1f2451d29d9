"""Changing a table of keys and rows: adding, assigning, sorting, taking a part."""

from collections.abc import Iterable, Mapping
from typing import Any, Self, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import OptionError
from firth.messages import counted
from firth.vectors.growing import GrowingArray
from firth.vectors.items import Key, Rows, Vector, is_key, listed
from firth.vectors.precision import widened
from firth.vectors.table import (
    VectorTable,
    attribute,
    checked_keys,
    descending,
    first_repeated,
    lengths,
    row_of_each,
    unset,
)


class EditableTable(VectorTable):
    """The part of `KeyedVectors` that changes keys, rows and their order, and makes new tables of old ones."""

    def __setitem__(self, keys: Key | Iterable[Key], vectors: Any) -> None:
        """Give a key, or several, new vectors; new keys are added, as `add_vectors` does."""
        self.add_vectors(keys, vectors, replace=True)

    def add_vector(self, key: Key, vector: Any) -> int:
        """Add one key and its (D,) vector; return its row. Raises `OptionError` if the key is here already."""
        if key in self:
            raise OptionError(f"{key!r} is here already: to change its vector assign it, wv[{key!r}] = vector")
        self.add_vectors(key, vector)
        return len(self) - 1

    def add_vectors(
        self,
        keys: Key | Iterable[Key],
        weights: Any,
        extras: Mapping[str, NDArray[Any]] | None = None,
        replace: bool = False,
    ) -> None:
        """Add n keys and their (n, D) vectors, and arrays of n of what else is known about them.

        Of keys that are here already the old vector is kept, or with `replace` changed: in place, in the array
        these vectors were built from, unless that is read-only, which is copied first. In a model, the row of a new
        word in the outside matrix is zero, as all rows are when negative sampling starts: its score with every
        center is 0. Raises `OptionError`, before anything changes, if the shapes do not fit or keys repeat or are of
        another kind, and `FirthError` while `fit` is running.
        """
        self._check_editable()
        if is_key(keys):
            keys, weights = [cast(Key, keys)], np.asarray(weights)[None]
        fresh = checked_keys(listed(cast(Iterable[Key], keys)))
        matrix = self._checked_rows(fresh, weights)
        extras = {attr: _checked_extra(attr, values, len(fresh)) for attr, values in (extras or {}).items()}
        known = np.array([key in self.key_to_index for key in fresh], dtype=bool)
        if "count" in extras and "count" in self.expandos:
            self.expandos["count"] = attribute("count", self.expandos["count"])
        self.allocate_vecattrs(extras, [values.dtype for values in extras.values()])
        self._append([key for key, old in zip(fresh, known, strict=True) if not old], matrix[~known])
        touched = np.ones(len(fresh), dtype=bool) if replace else ~known
        rows = self._rows(key for key, change in zip(fresh, touched, strict=True) if change)
        if replace and known.any():
            self._change(rows, matrix)
        for attr, values in extras.items():
            self.expandos[attr][rows] = values[touched]

    def vectors_for_all(self, keys: Iterable[Key], allow_inference: bool = True, copy_vecattrs: bool = False) -> Self:
        """Return new vectors that hold only those of `keys` that are here, each once, in that order.

        They belong to no model. `copy_vecattrs` copies the attributes of the keys too. `allow_inference` is
        accepted for compatibility with gensim and has no effect: only a key with a row has a vector.
        """
        if copy_vecattrs:
            self._check_attributes()
        known = [key for key in dict.fromkeys(keys) if key in self]
        rows = self._rows(known)
        found = type(self).trusted(known, self._vectors[rows])
        if copy_vecattrs:
            found.expandos = {attr: values[rows] for attr, values in self.expandos.items()}
        return found

    def resize_vectors(self, seed: int = 0) -> None:
        """Give keys that were appended to `index_to_key` random rows, uniform in ±1/D, from `seed`.

        Raises the same errors as `add_vectors`, and `OptionError` if there are fewer keys than rows.
        Attributes may have values for the new keys already; otherwise these are 0 (None for text).
        """
        self._refuse_in_training()
        rows = len(self) - len(self._vectors)
        if rows < 0:
            raise OptionError(
                f"{counted(len(self._vectors), 'vector')} and only {counted(len(self), 'key')}: take a part with "
                "vectors_for_all(keys)"
            )
        row_of_each(checked_keys(self.index_to_key))
        self._check_unmoved(len(self._vectors))
        V, index, attributes = len(self._vectors), self._key_to_index, dict(self.expandos)
        keys, complete = self._keys[V:], {}
        for attr, values in attributes.items():
            if np.shape(values)[:1] == (V + rows,):  # the caller gave the new keys their values
                complete[attr] = attribute(attr, values)
        numbers = np.random.default_rng(seed).uniform(-1, 1, size=(rows, self.vector_size))
        try:
            del self._keys[V:]
            self._key_to_index = None  # gensim code may have added the new keys to it
            self.expandos.update({attr: values[:V] for attr, values in complete.items()})
            self.add_vectors(keys, numbers / max(1, self.vector_size))
        except BaseException:
            if len(self._keys) == V:
                self._keys += keys
            self._key_to_index = index
            self.expandos.update(attributes)
            raise
        self.expandos.update(complete)

    def sort_by_descending_frequency(self) -> None:
        """Put the keys in the order of their counts, the highest first; the matrix becomes a new array.

        The rows of a model's outside matrix move too. Raises `OptionError` if no counts are known, and `FirthError`
        while `fit` is running.
        """
        self._check_editable()
        counts = self.counts
        if counts is None:
            raise OptionError("these vectors have no counts to sort by: assign wv.counts first")
        self._check_unmoved(len(self))
        order = descending("count", counts)
        keys = [self.index_to_key[row] for row in order.tolist()]
        expandos = {attr: values[order] for attr, values in self.expandos.items()}
        moved = [(matrix, matrix.rows[order]) for matrix in (self._center, self._outside) if matrix is not None]
        for matrix, rows in moved:
            matrix.replace(rows)
        self._keys, self._key_to_index, self.expandos, self._growing_expandos = keys, None, expandos, {}
        self.forget_norms()

    def unit_normalize_all(self) -> None:
        """Scale every vector to length 1, in place. The lengths, which grow with the frequency of a word, are lost.

        The outside matrix of a model stays as it is, so the model's scores u · v change. Raises `FirthError` while
        `fit` is running.
        """
        self._check_editable()
        norms = self.norms
        self._own()

        def scale(start: int, stop: int) -> None:
            self._vectors[start:stop] = self.unit_rows(np.arange(start, stop))

        self.each_block(scale)
        self._norms = np.where(norms == 0, norms, 1).astype(norms.dtype)

    def astype(self, dtype: DTypeLike) -> Self:
        """Return a copy in another precision, such as float16, which takes half the memory; it belongs to no model."""
        kind = np.dtype(dtype)
        if kind.kind != "f":
            raise OptionError(f"dtype={kind} is not allowed: give float16, float32 or float64")
        copy = type(self).trusted(list(self.index_to_key), self._vectors.astype(kind))
        copy.expandos = {attr: values.copy() for attr, values in self.expandos.items()}
        return copy

    def _checked_rows(self, keys: list[Key], weights: Any) -> Vector:
        """Return (n, D) vectors for n keys that differ and are of the kind that is here."""
        if len(set(keys)) != len(keys):
            raise OptionError(f"keys must differ: {first_repeated(keys)!r} comes more than once")
        if keys and len(self) and isinstance(keys[0], str) != isinstance(self.index_to_key[0], str):
            raise OptionError(f"keys must be all words or all whole numbers: found {keys[0]!r} among them")
        matrix = np.asarray(weights)
        if not keys and not matrix.size:
            return np.empty((0, self.vector_size), self._vectors.dtype)
        if matrix.shape != (len(keys), self.vector_size) or matrix.dtype.kind not in "fiu":
            raise OptionError(
                f"{counted(len(keys), 'key')} must come with a ({len(keys)}, {self.vector_size}) array of numbers: "
                f"found shape {matrix.shape} and dtype {matrix.dtype}"
            )
        return matrix.astype(self._vectors.dtype)

    def _append(self, keys: list[Key], matrix: Vector) -> None:
        """Add new keys and rows, in time that is linear in their number even when they are added one by one."""
        if not keys:
            return
        V, n, attributes = len(self), len(keys), self._growing_attributes()
        additions = [(self._center, matrix)] + [(array, unset(n, array.rows.dtype)) for array in attributes.values()]
        if (outside := self._outside) is not None:
            additions.append((outside, np.zeros((n, self.vector_size), np.float32)))
        for array, _ in additions:
            array.reserve(n)  # before anything changes: there may not be enough memory
        for array, rows in additions:
            array.append(rows)
        self.expandos.update({attr: array.rows for attr, array in attributes.items()})
        self._norms = None
        self.key_to_index.update(zip(keys, range(V, V + n), strict=True))
        self.index_to_key.extend(keys)

    def _growing_attributes(self) -> dict[str, GrowingArray]:
        """Return a growing array for each attribute; an attribute that the caller replaced gets a new one."""
        known = self._growing_expandos
        self._growing_expandos = {
            attr: known[attr] if attr in known and known[attr].rows is values else GrowingArray(values)
            for attr, values in self.expandos.items()
        }
        return self._growing_expandos

    def _check_editable(self) -> None:
        self._refuse_in_training()
        self._check_lengths()
        self._check_attributes()

    def _change(self, rows: Rows, matrix: Vector) -> None:
        self._own()
        self._vectors[rows] = matrix
        if self._norms is not None:
            self._norms[rows] = lengths(widened(matrix, self.exact))

    def _own(self) -> None:
        """Copy the matrix if it may not be written to, such as one mapped from a file."""
        if not self._vectors.flags.writeable:
            self._center.replace(self._vectors.copy())


def _checked_extra(attr: str, values: Any, n: int) -> NDArray[Any]:
    array = attribute(attr, values)
    if len(array.shape) != 1 or len(array) != n:
        raise OptionError(
            f"the values of {attr!r} for {counted(n, 'key')} must have shape ({n},): found shape {array.shape}"
        )
    return array
