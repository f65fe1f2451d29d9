"""KeyedVectors: keys, their vectors, every query, and files.

Names and results are gensim's `KeyedVectors` where gensim has the thing. Two of its traps are closed: a
whole-number key is a key and never a row number, and norms cannot go stale, for `vectors` is read-only.
"""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import DTypeLike

from firth.errors import OptionError
from firth.messages import counted
from firth.vectors.items import Key
from firth.vectors.retired import Retired
from firth.vectors.table import descending

if TYPE_CHECKING:
    from firth.evaluation import AnalogyResult, PairsResult
    from firth.vectors.alignment import Alignment
    from firth.vectors.diagnosis import Diagnosis

PathLike = str | os.PathLike[str]


class KeyedVectors(Retired):
    """V keys, words or whole numbers, and their (V, D) matrix of vectors.

    `vectors` is kept as given, never copied: float16, 32 or 64, rows that are a view into padded ones, or an
    array mapped from a file. It is shown read-only: to change vectors, assign to keys (`wv["word"] = vector`,
    which writes into the array given unless that is read-only) or assign a whole array (`wv.vectors = changed`).
    The vectors of a model keep the rows of its outside matrix in the same order, whatever is added or sorted, and
    cannot be edited while `fit` is running. A copy (`copy.copy`, `copy.deepcopy`, pickle) belongs to no model.
    Whoever writes into the array it was built from calls `fill_norms(force=True)` afterwards, for the norms of
    the rows are computed once. `counts` says how often each key was seen. `KeyedVectors(100)`, or
    `vector_size=100`, is an empty one to add to. Raises `OptionError` if keys repeat or are of mixed kinds, or
    shapes differ.
    """

    # --- judging

    def evaluate_word_analogies(
        self,
        analogies: PathLike,
        restrict_vocab: int | None = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
        similarity_function: str = "most_similar",
    ) -> "AnalogyResult":
        """Answer a file of analogies: see `firth.evaluation.evaluate_word_analogies`."""
        from firth.evaluation import evaluate_word_analogies

        return evaluate_word_analogies(
            self, analogies, restrict_vocab, case_insensitive, dummy4unknown, similarity_function
        )

    def evaluate_word_pairs(
        self,
        pairs: PathLike,
        delimiter: str | None = "\t",
        encoding: str = "utf8",
        restrict_vocab: int | None = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> "PairsResult":
        """Compare with human judgements of similarity: see `firth.evaluation.evaluate_word_pairs`."""
        from firth.evaluation import evaluate_word_pairs

        return evaluate_word_pairs(self, pairs, delimiter, encoding, restrict_vocab, case_insensitive, dummy4unknown)

    def info(self) -> "Diagnosis":
        """Say what these vectors are and what is odd about them: see `firth.vectors.diagnosis.diagnose`."""
        from firth.vectors.diagnosis import diagnose

        return diagnose(self)

    def align(self, onto: "KeyedVectors", keys: Iterable[Key] | None = None) -> "Alignment":
        """Rotate these vectors onto those of another era or run: see `firth.vectors.alignment.align`."""
        from firth.vectors.alignment import align

        return align(self, onto, keys)

    # --- files

    def save(self, path: PathLike, format: str = "native") -> None:  # noqa: A002 - what everybody calls it
        """Write keys, vectors and counts in a format of `firth.formats.FORMATS`, atomically.

        `native` is exact and checksummed, and opens mapped; see `firth.formats.write_vectors` for the others.
        """
        from firth.formats import write_vectors

        self.check_rows()
        write_vectors(path, format, self.index_to_key, self._vectors, self.counts)

    @classmethod
    def load(cls, path: PathLike, format: str | None = None, mmap: bool | str | None = False) -> Self:  # noqa: A002
        """Read vectors of any format, told by the file's bytes: what `save` wrote, or another program.

        Of a saved model it reads the center vectors. With `mmap` the matrix is a read-only map of a native or
        safetensors file: millions of rows open in a moment, read when they are used, and their checksum is not
        compared; that the keys of firth's own file differ is seen when `key_to_index` is made. Raises `FormatError`;
        see `firth.formats.read_vectors`.
        """
        from firth.formats import read_vectors

        file = read_vectors(path, format, mmap=bool(mmap))
        return cls.trusted(list(file.keys), file.vectors, file.counts)

    def save_word2vec_format(
        self,
        fname: PathLike,
        fvocab: PathLike | None = None,
        binary: bool = False,
        *,
        write_header: bool = True,
        prefix: str = "",
        sort_attr: str = "count",
    ) -> None:
        """Write word2vec text or binary, and the counts to `fvocab`: see `firth.formats.word2vec`.

        Rows are written in the order of the attribute `sort_attr`, the highest first, where it is known.
        `prefix` goes before each word; without `write_header` text is GloVe's.
        """
        from firth.formats.word2vec import write_word2vec

        self.check_rows()
        self._check_attributes()
        keys, vectors, counts = self.index_to_key, self._vectors, self.counts
        order = descending(sort_attr, self.expandos[sort_attr]) if sort_attr in self.expandos else None
        if order is not None and (np.diff(order) < 0).any():
            keys, vectors = [keys[row] for row in order.tolist()], vectors[order]
            counts = None if counts is None else counts[order]
        words = [f"{prefix}{key}" for key in keys] if prefix else keys
        write_word2vec(fname, words, vectors, counts=counts, fvocab=fvocab, binary=binary, header=write_header)

    @classmethod
    def load_word2vec_format(
        cls,
        fname: PathLike,
        fvocab: PathLike | None = None,
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
        return cls.trusted(list(file.keys), file.vectors, file.counts)

    def intersect_word2vec_format(
        self, fname: PathLike, *, binary: bool | None = None, encoding: str = "utf8", unicode_errors: str = "strict"
    ) -> int:
        """Take over the vectors that a word2vec file has for keys that are here; return how many.

        No key is added. gensim's `lockf`, which freezes rows in its training, has no counterpart. Raises
        `OptionError`, before anything changes, if the file's vectors are of another size.
        """
        file = KeyedVectors.load_word2vec_format(fname, binary=binary, encoding=encoding, unicode_errors=unicode_errors)
        if file.vector_size != self.vector_size:
            raise OptionError(
                f"{os.fspath(fname)} has vectors of {counted(file.vector_size, 'number')}, and these have "
                f"{self.vector_size}"
            )
        shared = [key for key in file.index_to_key if key in self]
        self[shared] = file[shared]
        return len(shared)
