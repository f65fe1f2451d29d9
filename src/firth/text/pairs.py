"""Pairs of a center and an outside word given directly: a co-occurrence table, a click log, a knowledge base."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import CorpusError, NothingToTrainError
from firth.messages import counted, option
from firth.text.choosing import KnownWords, MostFrequent
from firth.text.corpus import Corpus, GeneratedCorpus, Progress
from firth.text.merging import KeyCounts
from firth.text.pair_table import PairTable
from firth.text.sequences import checked_items, weights_of_column
from firth.text.store import BLOCK_WORDS, TokenStore
from firth.text.table_columns import numbered, read_columns

_MOST_WEIGHT = 2**53
"""The largest sum of weights: counts up to it are exact in float64."""


class Pairs(GeneratedCorpus):
    """Pairs (center, outside) with weights, a corpus for `Word2Vec.fit`: skip-gram without a text.

    The loss is (in NumPy: the sum of `firth.objectives.negative_sampling`, `hierarchical_softmax` or `naive_softmax`)

        J = sum_i w_i J(c_i, o_i)

    For the exact softmax the weights are the counts n(c, o). For the other objectives, an epoch takes one step for each
    unit of weight: pair i occurs w_i times on average in every epoch, exactly w_i times if all weights are whole
    numbers, spread over the epoch (`firth.text.pair_table` has the proof). Time grows with the sum of the weights:
    dividing all of them by a constant makes an epoch shorter, and changes nothing else.

      center, outside  the words of each pair: arrays, lists, or columns of pandas, polars or Arrow; strings, or whole
                       numbers within int64, and the same kind in both
      weight           a number of at least 0 for each pair; None: 1 each. Pairs of weight 0 are left out

    Centers and outside words form one vocabulary, because both matrices have a row for each word. The count of a word
    is the sum of the weights of its pairs, as center and as outside word, rounded, at least 1; `min_count` and
    `max_vocab` apply to it, and a pair is dropped if one of its words is. Noise words are drawn from the words that
    occur as outside words, by the sums of their weights there, to the power of `ns_exponent`. `window`,
    `shrink_windows` and `sample` have no effect: pairs have no windows, and no word is dropped at random. A word that
    is never a center keeps the random vector that training starts from; such words are counted in the report.

    Rows without a value (null or NaN) are left out and counted, in `skipped`. Equal pairs may be repeated.

    Hierarchical softmax needs `schedule="blocks"`; its tree is made of the counts of the vocabulary. CBOW is not
    available, because its context is a window of several words; nor are subwords and `schedule="hogwild"`, whose
    kernels train windows of a text, in which every word is both a center and an outside word.

    Raises `CorpusError` for columns of other types or of different lengths, for weights that are not finite numbers of
    at least 0, and for weights that sum to more than 2^53.
    """

    def __init__(self, center: Any, outside: Any, weight: ArrayLike | None = None):
        self._set(None, center, outside, weight)

    @classmethod
    def from_table(cls, table: Any, *, center: str, outside: str, weight: str | None = None) -> Self:
        """Return the pairs in columns of a table, or of a file; see `firth.sequences` for what can be a table.

        Raises `CorpusError` as the constructor does, and if the table cannot be read or a column is missing.
        """
        made = cls.__new__(cls)
        made._set(table, center, outside, weight)
        return made

    def _set(self, table: Any, center: Any, outside: Any, weight: Any) -> None:
        arrays, self.skipped = read_columns(table, {"center": center, "outside": outside, "weight": weight})
        weights = None if weight is None else _checked_pair_weights(weights_of_column(arrays["weight"]))
        columns = [numbered(arrays[name], name) for name in ("center", "outside")]
        keys = [checked_items(column.values, name) for column, name in zip(columns, arrays, strict=False)]
        self.keys, codes = _one_numbering(keys, [column.codes for column in columns])
        pairs = np.stack(codes, axis=1).astype(np.int32)
        used = slice(None) if weights is None else weights > 0
        self.table = PairTable(pairs[used], None if weights is None else weights[used])

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return ((self.keys[c], self.keys[o]) for c, o in self.table.pairs.tolist())

    def __repr__(self) -> str:
        rows = sum(self.skipped.values())
        skipped = f"; {counted(rows, 'row')} without a value skipped" if rows else ""
        weighted = "" if self.table.weights is None else f", weights {self.table.total:,.6g} in all"
        return f"<Pairs: {counted(len(self), 'pair')} of {counted(len(self.keys), 'word')}{weighted}{skipped}>"

    def generate(self, words: MostFrequent | KnownWords, workers: int, progress: Progress | None) -> Corpus:
        """Return the vocabulary, and the pairs of its words.

        Raises `CorpusError` if no pair is kept, or words would be changed to lower case.
        """
        if words.lowercase:
            raise CorpusError(f"{option('lowercase', 'True')} is for text, and pairs stay as they are: omit it")
        V = len(self.keys)
        sums = self.table.sums(0, V) + self.table.sums(1, V)
        counts = np.where(sums > 0, np.maximum(1, np.rint(sums)), 0).astype(np.int64)
        choice = words.choose(KeyCounts(counts, None, self._names), 0)
        ids = choice.new_ids[self.table.pairs]
        kept = (ids >= 0).all(axis=1)
        table = PairTable(ids[kept], None if self.table.weights is None else self.table.weights[kept])
        if not len(table):
            raise NothingToTrainError(
                f"none of {counted(len(self), 'pair')} has two words of the vocabulary: give a smaller "
                f"{option('min_count')}, or more pairs"
            )
        vocabulary = choice.vocabulary()
        return Corpus(
            vocabulary,
            store_of(table),
            raw_words=2 * self.table.n_steps,
            sentences=len(self),
            replaced=0,
            too_long=0,
            distinct_words=int(np.count_nonzero(counts)),
            below_min_count=choice.below_min_count,
            beyond_max_vocab=choice.beyond_max_vocab,
            not_in_vocabulary=choice.not_in_vocabulary,
            null_rows=sum(self.skipped.values()),
            note=_note(table, len(vocabulary)),
        )

    def _names(self, ids: NDArray[np.integer[Any]]) -> Iterator[list[Any]]:
        yield [self.keys[i] for i in ids.tolist()]


def store_of(table: PairTable) -> TokenStore:
    """Return a token store of pairs; each counts as two words."""
    starts = BLOCK_WORDS * np.arange(table.n_blocks + 1, dtype=np.int64)
    return TokenStore(table, starts, 2 * table.n_steps, longest=2)


def _one_numbering(keys: list[list[Any]], codes: list[NDArray[np.int64]]) -> tuple[list[Any], list[NDArray[np.int64]]]:
    """Return one numbering of the words of two columns; raise `CorpusError` if only one of them has strings."""
    (centers, outsides), (c, o) = keys, codes
    if centers and outsides and type(centers[0]) is not type(outsides[0]):
        raise CorpusError(
            f"center has {centers[0]!r} and outside {outsides[0]!r}: make both strings, or both whole numbers"
        )
    number = {key: i for i, key in enumerate(centers)}
    for key in outsides:
        number.setdefault(key, len(number))
    renumbered = np.array([number[key] for key in outsides], np.int64)
    return list(number), [c, renumbered[o]]


def _checked_pair_weights(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    wrong = ~((weights >= 0) & (weights < np.inf))
    if wrong.any():
        raise CorpusError(
            f"the weight {weights[wrong][0]:g} of pair {int(wrong.argmax())} is not allowed: give finite numbers of "
            "at least 0"
        )
    if weights.sum() > _MOST_WEIGHT:
        raise CorpusError(
            f"the weights of the pairs sum to {weights.sum():g}: divide all weights by a constant, so that they sum to "
            f"{_MOST_WEIGHT:,} at most"
        )
    return weights


def _note(table: PairTable, V: int) -> str:
    """Return how many words lack one of their roles, as part of a line."""
    n_outside_only = V - int(np.count_nonzero(table.sums(0, V)))
    if not n_outside_only:
        return ""
    return f"{counted(n_outside_only, 'word')} never a center, with random vectors"
