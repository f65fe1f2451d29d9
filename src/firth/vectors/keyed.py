"""KeyedVectors: keys and their vectors, all queries, and files.

Names and results are those of gensim's `KeyedVectors`, where gensim has an equivalent. Two things differ: an integer
key is always a key and never a row number, and norms cannot be outdated, because `vectors` is read-only.
"""

import os
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import DTypeLike

from firth.errors import MissingExtraError, OptionError
from firth.markup import table
from firth.messages import counted
from firth.packed_words import PackedWords
from firth.vectors.alignment import Alignment, align
from firth.vectors.approximate import ApproximateIndex
from firth.vectors.attributes import descending_order
from firth.vectors.editing import EditableTable
from firth.vectors.evaluation import Evaluation
from firth.vectors.query_input import Key
from firth.vectors.statistics import VectorStatistics, statistics
from firth.vectors.table import StoredKeys

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

PathLike = str | os.PathLike[str]
_KEYS_SHOWN = 10


class KeyedVectors(Evaluation, EditableTable):
    """V keys, words or whole numbers, and their (V, D) matrix of vectors.

    keys     V words or V whole numbers; a single number D makes an empty table, as does `vector_size=D`
    vectors  (V, D) float16, float32 or float64, used without a copy; may be part of a padded array, or mapped
    counts   (V,) how often each key occurred, or None

    `vectors` is read-only: to change it, assign to keys (`wv["word"] = vector`, which writes into the array given
    unless that is read-only) or assign a whole array (`wv.vectors = changed`). If you write into the array given,
    call `fill_norms(force=True)` afterwards: the norms of the rows are computed once. The vectors of a model and its
    outside matrix have the same order of rows, and cannot be edited while `fit` is running. A copy (`copy.copy`,
    `copy.deepcopy`, pickle) belongs to no model. Raises `OptionError` if keys repeat or are of mixed kinds, or if
    shapes do not match.

    If there are rows of character n-grams (`subwords`, of a model trained with subwords), every query also takes words
    that are not in the vocabulary: their vectors are composed. `word in wv` is then true for every word that has
    n-grams, and `wv.has_index_for(word)` only for words of the vocabulary.
    """

    def explore(self, words: int = 10_000, height: int = 640) -> Any:
        """Return a page that a notebook shows inline: a map of the words, search, neighbours and equations.

          words   how many words it holds: the first ones, which are the most frequent
          height  pixels

        Vectors are stored in 8 bits, and the page gives the share of neighbours that stay the same. It needs neither a
        server nor a network; a saved notebook contains it (about 2 MB for 10,000 vectors of 100 numbers). Raises
        `OptionError` for values that are not allowed.
        """
        # by name, because the explorer builds on the vectors: they must not depend on it
        return import_module("firth.explore.notebook").notebook_page(self, words, height)

    def info(self) -> VectorStatistics:
        """Return statistics of the vectors: norms, duplicates, rows that are zero or not finite, and isotropy.

        The isotropy is min Z(c) / max Z(c), where Z(c) = sum_v exp(c·v) over the rows v, and c are the unit
        eigenvectors of VᵀV and their opposites (Mu and Viswanath 2018, arXiv:1702.01417, eq. 7). Unlike theirs, the
        rows are scaled to length 1, so that only directions matter. A statistic that needs more rows is NaN.
        """
        return statistics(self)

    def _repr_html_(self) -> str:
        """Return the size and the first keys with their counts, for notebooks."""
        keys, counts = self.index_to_key[:_KEYS_SHOWN], self.counts
        columns = [keys] if counts is None else [keys, [f"{count:,}" for count in counts[:_KEYS_SHOWN].tolist()]]
        size = f"{counted(len(self), 'key')}, vectors of {counted(self.vector_size, 'number')}, {self.vectors.dtype}"
        more = [("…",) * len(columns)] if len(self) > len(keys) else []
        rows = [*zip(*columns, strict=False), *more]  # keys that were edited by hand may be more than the counts
        return table(rows, caption=f"{type(self).__name__}: {size}", headings=("key", "count")[: len(columns)])

    def align(self, onto: "KeyedVectors", keys: Iterable[Key] | None = None) -> Alignment[Self]:
        """Return these vectors rotated onto those of another era or training run; neither changes.

        The rotation is argmin_R ||A R - B||_F over orthogonal R. Row by row, A and B are the unit vectors, here and in
        `onto`, of `keys`, by default all shared keys. With the singular value decomposition AᵀB = P S Qᵀ it is
        R = P Qᵀ (Schönemann 1966). Keys with a vector that is not finite are left out. The rotated vectors belong to
        no model. Raises `OptionError` if the sizes differ or no key is shared, and `UnknownWordError` for one of `keys`
        that either lacks.
        """
        return align(self, onto, keys)

    def approximate_index(self, *, links: int = 32, building: int = 80, effort: int = 64) -> ApproximateIndex:
        """Return an index that finds most of the nearest keys, faster; `ApproximateIndex` describes the settings.

        Raises `MissingExtraError` if FAISS is not installed, and `OptionError` for settings out of range.
        """
        return ApproximateIndex(self, links=links, building=building, effort=effort)

    # --- data frames

    def to_pandas(self) -> "pandas.DataFrame":
        """Return a pandas frame of V rows and D columns, 0 to D - 1; its index, `word` or `id`, holds the keys.

        It has the dtype of the vectors and shares their memory, so it is read-only: `.copy()` it to change it.
        `KeyedVectors(frame.index, frame.to_numpy())` is the way back. Raises `MissingExtraError` without pandas, and
        `OptionError` if keys were edited and do not match the rows.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("pandas", "pandas", "to_pandas") from error

        from firth.formats.words import are_numbers

        self.check_rows()
        name = "id" if are_numbers(self.index_to_key) else "word"
        return pd.DataFrame(self.vectors, index=pd.Index(self.index_to_key, name=name), copy=False)

    def to_polars(self) -> "polars.DataFrame":
        """Return the table of `to_arrow` as a Polars frame; `vector` is a column of arrays of D numbers.

        Half precision becomes float32, since not every version of Polars has float16.
        `KeyedVectors(frame["word"], frame["vector"].to_numpy())` is the way back. Raises `MissingExtraError` without
        Polars, and the errors of `to_arrow`.
        """
        try:
            import polars as pl
        except ImportError as error:
            raise MissingExtraError("polars", "polars", "to_polars") from error

        return cast("polars.DataFrame", pl.from_arrow(self._arrow(self.compute_dtype), rechunk=False))

    def to_arrow(self) -> "pyarrow.Table":
        """Return a `pyarrow.Table` with a row for each key, as in Parquet files.

        The columns are `word` (string) or `id` (int64), `vector` (fixed-size list of D numbers), and `count` (int64) if
        the counts are known. Vectors whose rows are contiguous are not copied; do not edit them while the table is in
        use. Raises `OptionError` if keys were edited and do not match the rows, and `FormatError` for a word that
        cannot be written in UTF-8.
        """
        return self._arrow(self._vectors.dtype)

    def _arrow(self, dtype: DTypeLike) -> "pyarrow.Table":
        from firth.formats.arrow import arrow_table

        self.check_rows()
        return arrow_table(self.index_to_key, self._vectors.astype(dtype, copy=False), self.counts)

    def __sklearn_clone__(self) -> Self:
        """Return this object: scikit-learn's `clone` of an estimator shares its vectors, which can be large."""
        return self

    # --- files; firth.formats is imported when used, since that takes 30 ms

    def save(self, path: PathLike, format: str = "native") -> None:  # noqa: A002 - the usual name
        """Write keys, vectors and counts in one of `firth.formats.FORMATS`, atomically.

        `native` is exact and checksummed, and can be mapped; see `firth.formats.write_vectors` for the others. Rows of
        n-grams are written in `native` and `fasttext-bin`; the other formats hold the words only. Raises
        `OptionError` for an unknown format, and if keys were edited and do not match the rows.
        """
        from firth.formats import holds_subwords, write_vectors

        self.check_rows()
        subwords = {"subwords": self.subwords} if self.subwords is not None and holds_subwords(format) else {}
        write_vectors(path, format, self.index_to_key, self._vectors, self.counts, **subwords)

    @classmethod
    def load(cls, path: PathLike, format: str | None = None, mmap: bool | str | None = False) -> Self:  # noqa: A002
        """Read vectors in any format, detected from the file's bytes; of a saved model, the center vectors.

        With `mmap` the matrix of a native or safetensors file is mapped read-only: millions of rows open at once and
        are read when used. The checksum is then not compared, and repeated keys are detected only when `key_to_index`
        is first made. Raises `FormatError`; see `firth.formats.read_vectors`.
        """
        from firth.formats import read_packed

        file = read_packed(path, format, mmap=bool(mmap))
        keys = file.keys if isinstance(file.keys, PackedWords) else list(file.keys)
        return cls.trusted(cast(StoredKeys, keys), file.vectors, file.counts, file.subwords)

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
        """Write word2vec text, or word2vec binary if `binary`, and the counts to `fvocab`.

        Rows are sorted by the attribute `sort_attr`, the largest value first, if the keys have it. `prefix` is
        written before each word. Text without a header (`write_header=False`) is GloVe's format.
        """
        from firth.formats.word2vec import write_word2vec

        self.check_rows()
        self._check_attributes()
        keys, vectors, counts = self.index_to_key, self._vectors, self.counts
        order = descending_order(sort_attr, self.expandos[sort_attr]) if sort_attr in self.expandos else None
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
        """Read word2vec text or binary (`binary=None` detects which) and counts from `fvocab`.

        `limit` keeps the first rows; `datatype` is float16, float32 or float64; `no_header` reads GloVe's text.
        Raises `FormatError`; see `firth.formats.word2vec`.
        """
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
        """Replace the vectors of keys that a word2vec file contains too by those of the file; return their number.

        No key is added. Instead of gensim's `lockf`, give the vectors that training must not change to
        `Word2Vec.partial_fit(freeze=)`. Raises `OptionError`, before anything changes, if the file's vectors have
        another size.
        """
        return len(self._intersect(fname, binary=binary, encoding=encoding, unicode_errors=unicode_errors))

    def _intersect(self, fname: PathLike, *, binary: bool | None, encoding: str, unicode_errors: str) -> list[Key]:
        """Do what `intersect_word2vec_format` does; return the keys that have vectors of the file."""
        file = KeyedVectors.load_word2vec_format(fname, binary=binary, encoding=encoding, unicode_errors=unicode_errors)
        if file.vector_size != self.vector_size:
            raise OptionError(
                f"{os.fspath(fname)} has vectors of {counted(file.vector_size, 'number')}, and these have "
                f"{self.vector_size}: give a file with vectors of the same size"
            )
        shared = [key for key in file.index_to_key if self.has_index_for(key)]
        self[shared] = file[shared]
        return shared
