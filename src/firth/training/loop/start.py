"""The vectors that a training run starts from, instead of random vectors alone."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.messages import option
from firth.options import Options, pair_text
from firth.subwords import NgramScheme, SubwordVectors
from firth.text import KnownWords, Vocabulary

Matrix: TypeAlias = NDArray[np.float32]
MatrixName: TypeAlias = Literal["center", "outside", "nodes"]
_Rows: TypeAlias = NDArray[np.intp]
_NUMBERS_AT_A_TIME = 2**22


class StartRows(NamedTuple):
    """Rows to copy into the matrices of a run.

    rows             (n,) rows of the run's matrices
    sources          (n,) rows of `center` and `outside`
    center, outside  (V', D) float16, float32 or float64; `outside` may be None
    nodes            the nodes of the same Huffman tree as the run's, or None
    subwords         the rows of n-grams, numbered as the run's, or None
    frozen           (V,) bool: the center rows of the run that training does not change, all of them in `rows`
    """

    rows: NDArray[np.intp]
    sources: NDArray[np.intp]
    center: NDArray[Any]
    outside: NDArray[Any] | None
    nodes: NDArray[Any] | None
    subwords: SubwordVectors | None = None
    frozen: NDArray[np.bool_] | None = None

    def copy_ngrams_into(self, subwords: SubwordVectors) -> None:
        """Overwrite the rows of n-grams that both have, in place."""
        rows, sources = self._shared_ngrams(subwords)
        if self.subwords is not None:
            subwords.rows[rows] = self.subwords.rows[sources]

    def average_ngrams_into(self, subwords: SubwordVectors, weight: float) -> None:
        """Average the rows of n-grams that both have, in place, as `average_into` does."""
        rows, sources = self._shared_ngrams(subwords)
        if self.subwords is not None:
            before = self.subwords.rows[sources]
            subwords.rows[rows] = before + np.float32(1 - weight) * (subwords.rows[rows] - before)

    def _shared_ngrams(self, subwords: SubwordVectors) -> tuple[_Rows, _Rows]:
        """Return the rows of n-grams that both have: of the run, and here; none if they are numbered differently."""
        if self.subwords is None or self.subwords.scheme != subwords.scheme:
            return np.empty(0, np.intp), np.empty(0, np.intp)
        theirs, ours = (
            np.arange(len(each.rows)) if each.buckets is None else each.buckets for each in (self.subwords, subwords)
        )
        _, rows, sources = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
        return rows, sources

    def copy_into(self, center: Matrix, output: Matrix, second: Matrix | None = None) -> None:
        """Overwrite rows of the matrices, in place; without `outside` or `nodes` an output matrix does not change.

        `output` has the rows of words or the nodes. If a run trains both, `second` has the nodes.
        """
        matrices = {"center": center, "outside": output, "nodes": output if second is None else second}
        for name, rows, start in self.parts():
            matrices[name][rows] = start

    def copy_frozen_into(self, center: Matrix) -> None:
        """Overwrite the frozen rows of a center matrix, in place."""
        if self.frozen is not None:
            chosen = self.frozen[self.rows]
            center[self.rows[chosen]] = self.center[self.sources[chosen]]

    def average_into(self, center: Matrix, output: Matrix, second: Matrix | None, weight: float) -> None:
        """Replace rows x of the matrices, in place, by s + (1 - weight) (x - s), where s is the row to start from.

        The matrices are those of `copy_into`. Without `outside` or `nodes` an output matrix does not change, and
        neither do frozen rows.
        """
        share = np.float32(1 - weight)
        matrices = {"center": center, "outside": output, "nodes": output if second is None else second}
        for name, rows, before in self.parts(frozen=False):
            trained = matrices[name]
            trained[rows] = before + share * (trained[rows] - before)

    def parts(self, *, frozen: bool = True) -> Iterator[tuple[MatrixName, _Rows, NDArray[Any]]]:
        """Yield the name of a matrix of the run, some of its rows, and the vectors to start from, a few MiB at a time.

        Without `frozen`, the frozen rows are left out.
        """
        chosen = slice(None) if frozen or self.frozen is None else ~self.frozen[self.rows]
        yield from _in_parts("center", self.rows[chosen], self.center, self.sources[chosen])
        if self.outside is not None:
            yield from _in_parts("outside", self.rows, self.outside, self.sources)
        if self.nodes is not None:
            every = np.arange(len(self.nodes))
            yield from _in_parts("nodes", every, self.nodes, every)


def _in_parts(
    name: MatrixName, rows: _Rows, start: NDArray[Any], sources: _Rows
) -> Iterator[tuple[MatrixName, _Rows, NDArray[Any]]]:
    step = max(1, _NUMBERS_AT_A_TIME // start.shape[1])
    for first in range(0, len(rows), step):
        yield name, rows[first : first + step], start[sources[first : first + step]]


@dataclass(frozen=True)
class Start:
    """The vectors that a run starts from, for those of its words that have one.

    keys             the words of the vectors, or their whole numbers
    center, outside  (V', D); without `outside`, the outside vectors start as those of any run
    epochs           epochs that the vectors were trained for, which the numbers of the new epochs follow
    known            the vocabulary of the run; None: that of its corpus
    nodes            (V' - 1, D): of the Huffman tree of the vectors, if the run has the same tree
    subwords         the rows of n-grams of the vectors, if they have any
    is_averaged      whether the vectors of the run are averaged with these at its end
    frozen           the keys whose center vectors the run does not change
    """

    keys: Sequence[Any]
    center: NDArray[Any]
    outside: NDArray[Any] | None = None
    epochs: int = 0
    known: KnownWords | None = None
    nodes: NDArray[Any] | None = None
    subwords: SubwordVectors | None = None
    is_averaged: bool = False
    frozen: frozenset[Any] = frozenset()

    def check(self, options: Options) -> None:
        """Raise `OptionError` if a run with these options cannot start from these vectors."""
        if self.frozen and options.subwords is not None and not self._has_ngrams_of(options):
            raise OptionError(
                f"{option('freeze')} with {option('subwords', pair_text(options.subwords))} also keeps the rows of "
                f"n-grams, but the vectors to start from do not have these: start from a model of the same "
                f"{option('subwords')} and {option('buckets')}, or leave {option('freeze')} out"
            )
        if options.objective == "softmax" and self.outside is None and not options.warm_epochs:
            raise OptionError(
                f"{option('objective', 'softmax')} with {option('warm_epochs', 0)} cannot start from vectors without "
                f"an outside matrix: give {option('warm_epochs', 3)}, or start from a whole model"
            )

    def _has_ngrams_of(self, options: Options) -> bool:
        """Return whether the vectors have rows of the same n-grams as those of the options, numbered alike."""
        wanted = NgramScheme(*(options.subwords or (0, 0)), options.buckets)
        return self.subwords is not None and self.subwords.scheme == wanted

    def share_of(self, n_words: int) -> float:
        """Return the share of the words counted before the run, if the run reads `n_words` words of the vocabulary."""
        before = 0 if self.known is None else self.known.n_words
        return float(before / max(1, before + n_words))

    def rows_of(self, vocabulary: Vocabulary) -> StartRows:
        """Return the rows to copy for the words of a vocabulary."""
        source_of: Mapping[Any, int] = {key: row for row, key in enumerate(self.keys)}
        sources = np.array([source_of.get(key, -1) for key in vocabulary.index_to_key], np.intp)
        rows = np.flatnonzero(sources >= 0)
        frozen = np.array([key in self.frozen for key in vocabulary.index_to_key], np.bool_) if self.frozen else None
        return StartRows(rows, sources[rows], self.center, self.outside, self.nodes, self.subwords, frozen)

    def digest(self) -> str:
        """Return the SHA-256, in hex, of the keys, the vectors and the frozen keys."""
        digest = hashlib.sha256(json.dumps(list(self.keys)).encode())
        if self.frozen:
            digest.update(json.dumps([key in self.frozen for key in self.keys]).encode())
        for matrix in (self.center, self.outside, self.nodes, None if self.subwords is None else self.subwords.rows):
            if matrix is not None:
                digest.update(f"{matrix.dtype.str} {matrix.shape}".encode())
                for first in range(0, len(matrix), 4096):
                    digest.update(np.ascontiguousarray(matrix[first : first + 4096]).data)
        return digest.hexdigest()
