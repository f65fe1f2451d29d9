"""KeyedVectors with gensim's constructor, and with what gensim's class has beyond firth's."""

import logging
import os
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from firth.errors import FormatError, NotAvailableError
from firth.messages import counted
from firth.vectors import KeyedVectors as Vectors
from firth.vectors.query_input import FloatArray, Key
from firth.vectors.table import StoredKeys

logger = logging.getLogger(__name__)


class VectorFileError(FormatError, EOFError):
    """A file of vectors is truncated or malformed (gensim raises `EOFError` or `ValueError`)."""


class KeyedVectors(Vectors):
    """firth's `KeyedVectors`, with three differences, which are gensim's behaviour.

    - The constructor takes the size of the vectors; `count`, rows to allocate in advance, has no effect.
    - A whole number that is not a key is the number of a row.
    - `vectors` can be written to; call `fill_norms(force=True)` afterwards.
    """

    vectors_lockf: NDArray[np.float32]

    def __init__(self, vector_size: int, count: int = 0, dtype: DTypeLike = np.float32, mapfile_path: Any = None):
        super().__init__([], vector_size=vector_size, dtype=dtype)
        self.mapfile_path = mapfile_path

    def _set_up(self, keys: StoredKeys, vectors: NDArray[Any], counts: ArrayLike | None) -> None:
        super()._set_up(keys, vectors, counts)
        self.vectors_lockf = np.ones(1, np.float32)

    def replace(self, keys: list[Key], vectors: FloatArray, counts: Iterable[int]) -> None:
        """Hold other keys, vectors and counts instead, without any other attribute."""
        self._set_up(keys, vectors, list(counts))

    @property
    def vectors(self) -> FloatArray:
        """The (V, D) matrix itself."""
        return self._vectors

    @vectors.setter
    def vectors(self, vectors: NDArray[Any]) -> None:
        Vectors.vectors.fset(self, vectors)  # type: ignore[attr-defined]

    def _row(self, key: Key) -> int | None:
        row = super()._row(key)
        if row is None and isinstance(key, (int, np.integer)) and 0 <= key < len(self):
            return int(key)
        return row

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or self._row(key) is not None  # type: ignore[arg-type]

    def add_lifecycle_event(self, event_name: str, log_level: int = logging.INFO, **event: Any) -> None:
        """Log an event; unlike gensim's, the object does not keep it."""
        logger.log(log_level, "%s %s: %s", type(self).__name__, event_name, event)

    def __str__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {counted(len(self), 'key')}>"

    def word_vec(self, key: Key, norm: bool = False) -> FloatArray:
        """Return `get_vector(key, norm)`."""
        return self.get_vector(key, norm)

    def words_closer_than(self, word1: Key, word2: Key) -> list[Key]:
        """Return `closer_than(word1, word2)`."""
        return self.closer_than(word1, word2)

    def init_sims(self, replace: bool = False) -> None:
        """Compute the norms, or with `replace` scale every vector to length 1."""
        if replace:
            self.unit_normalize_all()
        else:
            self.fill_norms()

    def save(self, path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """Write firth's native format, in one file; `sep_limit` and other arguments of gensim have no effect."""
        super().save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], mmap: Any = None) -> Self:  # type: ignore[override]
        """Read vectors of any format that firth reads; of a model, its vectors. gensim's pickles are refused."""
        return super().load(path, mmap=mmap)

    @property
    def next_index(self) -> int:
        """The row that the next new key gets."""
        return len(self)

    @classmethod
    def load_word2vec_format(  # type: ignore[override]
        cls,
        fname: str | os.PathLike[str],
        fvocab: str | os.PathLike[str] | None = None,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
        limit: int | None = None,
        datatype: DTypeLike = np.float32,
        no_header: bool = False,
    ) -> Self:
        """Read a word2vec file as firth does. Without `fvocab` the counts are V, V - 1, ... 1, in the order of rows."""
        try:
            vectors = super().load_word2vec_format(
                fname, fvocab, binary or None, encoding, unicode_errors, limit, datatype, no_header
            )
        except FormatError as error:
            if isinstance(error, UnicodeDecodeError):
                raise
            raise VectorFileError(str(error)) from error
        if vectors.counts is None:
            vectors.counts = np.arange(len(vectors), 0, -1)
        return vectors

    def intersect_word2vec_format(  # type: ignore[override]
        self,
        fname: str | os.PathLike[str],
        lockf: float = 0.0,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
    ) -> None:
        """Replace vectors by those of a word2vec file, and set their `vectors_lockf`: 0.0 freezes them in training."""
        if lockf not in (0.0, 1.0):
            raise NotAvailableError(f"lockf={lockf} is not available: give 0.0 to freeze the vectors, or 1.0")
        shared = self._intersect(fname, binary=binary, encoding=encoding, unicode_errors=unicode_errors)
        if len(self.vectors_lockf) != len(self):
            self.vectors_lockf = np.resize(self.vectors_lockf, len(self))
        self.vectors_lockf[[self.get_index(key) for key in shared]] = lockf


Word2VecKeyedVectors = KeyedVectors
EuclideanKeyedVectors = KeyedVectors
