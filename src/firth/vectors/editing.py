"""Editing a table of keys and rows: adding, changing, sorting and selecting."""

from collections.abc import Iterable, Mapping
from typing import Self, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from firth.errors import OptionError
from firth.messages import counted
from firth.vectors.attributes import as_attribute, attribute_of, descending_order, empty_values
from firth.vectors.growing import GrowingArray
from firth.vectors.half_precision import widened
from firth.vectors.query_input import FloatArray, Key, RowIndices, is_key, listed
from firth.vectors.table import VectorTable, checked_keys, row_norms, row_of_each


class EditableTable(VectorTable):
    """The methods of `KeyedVectors` that change keys, vectors or the order of rows, or return some of them."""

    def __setitem__(self, keys: Key | Iterable[Key], vectors: ArrayLike) -> None:
        """Assign the (D,) vector of a key, or (n, D) vectors of n keys; new keys are added, as by `add_vectors`."""
        self.add_vectors(keys, vectors, replace=True)

    def add_vector(self, key: Key, vector: ArrayLike) -> int:
        """Add one key and its (D,) vector; return its row. Raises `OptionError` if the key exists."""
        if self.has_index_for(key):
            raise OptionError(f"{key!r} exists already: to change its vector, assign it, wv[{key!r}] = vector")
        self.add_vectors(key, vector)
        return len(self) - 1

    def add_vectors(
        self,
        keys: Key | Iterable[Key],
        weights: ArrayLike,
        extras: Mapping[str, ArrayLike] | None = None,
        replace: bool = False,
    ) -> None:
        """Add n keys and their (n, D) vectors, and `extras`, attributes with n values each.

        A key that exists keeps its vector and its attributes, unless `replace` is true. Replaced vectors are written
        into the array that these vectors were built from, or into a copy if that is read-only. In a model, the row of
        a new word in the outside matrix is zero, as all rows are when negative sampling starts: its score with every
        center is 0. Raises `OptionError`, before anything changes, if shapes do not match or keys repeat or are of
        another kind, and `FirthError` while `fit` is running.
        """
        self._check_editable()
        if is_key(keys):
            keys, weights = [keys], np.asarray(weights)[None]
        given = checked_keys(listed(cast(Iterable[Key], keys)))
        matrix = self._checked_rows(given, weights)
        values_of = {attr: attribute_of(attr, values, len(given)) for attr, values in (extras or {}).items()}
        known = np.array([key in self.key_to_index for key in given], dtype=bool)
        self.allocate_vecattrs(values_of, [values.dtype for values in values_of.values()])
        self._append([key for key, exists in zip(given, known, strict=True) if not exists], matrix[~known])
        written = np.ones(len(given), dtype=bool) if replace else ~known
        rows = self._rows(key for key, is_written in zip(given, written, strict=True) if is_written)
        if replace and known.any():
            self._replace_rows(rows, matrix)
        for attr, values in values_of.items():
            self.expandos[attr][rows] = values[written]

    def vectors_for_all(self, keys: Iterable[Key], allow_inference: bool = True, copy_vecattrs: bool = False) -> Self:
        """Return a copy of the vectors of those `keys` that have one, each once, in the order given.

        The copy belongs to no model and has no rows of n-grams. With `allow_inference`, it includes words whose vectors
        are composed of the rows of their n-grams. `copy_vecattrs` copies the attributes of the keys too; those of a
        word without a row are 0 (None for text).
        """
        if copy_vecattrs:
            self._check_attributes()
        known = [key for key in dict.fromkeys(keys) if (key in self if allow_inference else self.has_index_for(key))]
        selected = type(self).trusted(known, self._vectors_of(known))
        if copy_vecattrs:
            rows = np.array([self.get_index(key, -1) for key in known], dtype=np.intp)
            for attr, values in self.expandos.items():
                selected.expandos[attr] = empty_values(len(known), values.dtype)
                selected.expandos[attr][rows >= 0] = values[rows[rows >= 0]]
        return selected

    def inherit_attributes(self, earlier: VectorTable, rows: RowIndices, sources: RowIndices) -> None:
        """Copy attributes that these keys lack to `rows`, from the rows `sources` of others; the rest is 0 or None."""
        for attr, values in earlier.expandos.items():
            if attr not in self.expandos:
                known = as_attribute(attr, values)
                self.expandos[attr] = empty_values(len(self), known.dtype)
                self.expandos[attr][rows] = known[sources]

    def resize_vectors(self, seed: int = 0) -> None:
        """Add rows for keys that were appended to `index_to_key`: random, uniform in ±1/D, from `seed`.

        Attributes may have values for the new keys already; otherwise these are 0 (None for text). Raises the errors
        of `add_vectors`, and `OptionError` if there are fewer keys than rows.
        """
        self._refuse_in_training()
        V = len(self._vectors)
        if len(self) < V:
            self._check_lengths()
        row_of_each(checked_keys(self._keys))
        self._check_unmoved(V)
        index, attributes, keys = self._key_to_index, dict(self.expandos), self.index_to_key[V:]
        complete = {  # those with values for the new keys
            attr: as_attribute(attr, values)
            for attr, values in attributes.items()
            if np.shape(values)[:1] == (len(self),)
        }
        rows = np.random.default_rng(seed).uniform(-1, 1, size=(len(keys), self.vector_size))
        try:
            del self.index_to_key[V:]
            self._key_to_index = None  # code written for gensim may have added the new keys to it
            self.expandos.update({attr: values[:V] for attr, values in complete.items()})
            self.add_vectors(keys, rows / max(1, self.vector_size))
        except BaseException:
            if len(self._keys) == V:
                self.index_to_key.extend(keys)
            self._key_to_index = index
            self.expandos.update(attributes)
            raise
        self.expandos.update(complete)

    def sort_by_descending_frequency(self) -> None:
        """Sort the rows by count, the highest first, into a new matrix; equal counts keep their order.

        The rows of a model's outside matrix are sorted too. Raises `OptionError` if no counts are known, and
        `FirthError` while `fit` is running.
        """
        self._check_editable()
        counts = self.counts
        if counts is None:
            raise OptionError("these vectors have no counts to sort by: assign wv.counts first")
        self._check_unmoved(len(self))
        order = descending_order("count", counts)
        keys = [self.index_to_key[row] for row in order.tolist()]
        expandos = {attr: values[order] for attr, values in self.expandos.items()}
        moved = [(matrix, matrix.rows[order]) for matrix in (self._center, self._outside) if matrix is not None]
        for matrix, rows in moved:
            matrix.replace(rows)
        self._keys, self._key_to_index, self._growing_expandos = keys, None, {}
        self.expandos.update(expandos)
        self.forget_norms()

    def unit_normalize_all(self) -> None:
        """Scale every vector x to x / |x|, in place; a zero vector stays zero.

        The norms, which grow with the frequency of a word, are lost. The outside matrix of a model does not change,
        so the model's scores u · v do. Raises `FirthError` while `fit` is running.
        """
        self._check_editable()
        norms = self.norms
        self._make_writeable()

        def scale(start: int, stop: int) -> None:
            self._vectors[start:stop] = self.unit_rows(np.arange(start, stop))

        self._for_each_block(scale)
        self._norms = np.where(norms == 0, norms, 1).astype(norms.dtype)

    def astype(self, dtype: DTypeLike) -> Self:
        """Return a copy in another precision, such as float16, which takes half the memory; it belongs to no model."""
        kind = np.dtype(dtype)
        if kind.kind != "f":
            raise OptionError(f"dtype={kind} is not allowed: give float16, float32 or float64")
        return self._with_vectors(self._vectors.astype(kind), self.subwords and self.subwords.astype(kind))

    def _checked_rows(self, keys: list[Key], weights: ArrayLike) -> FloatArray:
        """Return the (n, D) vectors of n new or known keys, after all checks."""
        row_of_each(keys)
        if keys and len(self) and isinstance(keys[0], str) != isinstance(self.stored_keys[0], str):
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

    def _append(self, keys: list[Key], matrix: FloatArray) -> None:
        """Append new keys and rows, in time linear in their number even if they are appended one by one."""
        if not keys:
            return
        V, n, attributes = len(self), len(keys), self._growing_attributes()
        additions = [(self._center, matrix)] + [
            (each, empty_values(n, each.rows.dtype)) for each in attributes.values()
        ]
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
        """Return a growing array for each attribute: a new one if the caller replaced the values."""
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

    def _replace_rows(self, rows: RowIndices, matrix: FloatArray) -> None:
        self._make_writeable()
        self._vectors[rows] = matrix
        if self._norms is not None:
            self._norms[rows] = row_norms(widened(matrix, self.compute_dtype))

    def _make_writeable(self) -> None:
        """Copy the matrix if it is read-only, such as one mapped from a file."""
        if not self._vectors.flags.writeable:
            self._center.replace(self._vectors.copy())
