"""Chooses the words of a corpus to keep: the most frequent, or those of a vocabulary that exists already."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError, NothingToTrainError
from firth.messages import advice, counted, option
from firth.options import Options
from firth.text import encoding
from firth.text.ids import DROPPED, Ids
from firth.text.merging import KeyCounts
from firth.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Choice:
    """The words to keep, and how many distinct words were dropped, and why.

    new_ids            (n,) int32: the id of each word found, or `DROPPED`
    vocabulary         function that returns the words kept; to be called once
    not_in_vocabulary  distinct words dropped because the vocabulary lacks them
    """

    new_ids: Ids
    vocabulary: Callable[[], Vocabulary]
    below_min_count: int = 0
    beyond_max_vocab: int = 0
    not_in_vocabulary: int = 0


class MostFrequent:
    """Keeps words that occur `min_count` times, at most `max_vocab`: by descending count, ties by first occurrence."""

    def __init__(self, options: Options):
        self.lowercase, self.seed = options.lowercase, options.seed
        self._min_count, self._max_vocab = least_count(options), options.max_vocab

    def choose(self, found: KeyCounts, too_long: int) -> Choice:
        """Return the choice; raise `CorpusError` if it is empty. `too_long` is the number of tokens skipped."""
        frequent = np.flatnonzero(found.counts >= self._min_count)
        order = by_count(found.counts, frequent)[: self._max_vocab]
        if len(order) == 0:
            raise no_words_error(totals_of(found), too_long, self._min_count)
        keys, counts = found.keys, found.counts[order]
        return Choice(
            new_ids(found, order, np.arange(len(order))),
            lambda: Vocabulary(list(chain.from_iterable(keys(order))), counts),
            below_min_count=int(np.count_nonzero(found.counts)) - len(frequent),
            beyond_max_vocab=len(frequent) - len(order),
        )


class KnownWords:
    """Keeps the words of a vocabulary, in its order, and adds the counts of the text to its counts.

    options     `lowercase`, and for new words `min_count` and `max_vocab`, which limits the whole vocabulary
    is_open     whether new words that occur `min_count` times are added after the others, the most frequent first
    is_counted  whether the counts of the words known before grow
    is_sorted   whether the words are sorted by descending count afterwards; equal counts keep their order
    name        of the text, for messages
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        options: Options,
        *,
        is_open: bool = False,
        is_counted: bool = True,
        is_sorted: bool = False,
        name: str = "the corpus",
    ):
        self.lowercase, self.seed = options.lowercase, options.seed
        self._known, self._options, self._name = vocabulary, options, name
        self._min_count = least_count(options)
        self._is_open, self._is_counted, self._is_sorted = is_open, is_counted, is_sorted

    @property
    def n_words(self) -> int:
        """The sum of the counts of the vocabulary."""
        return int(self._known.counts.sum())

    def choose(self, found: KeyCounts, too_long: int) -> Choice:
        """Return the choice; raise `CorpusError` if no word of the text is kept. `too_long` is not used."""
        V, distinct = len(self._known), np.flatnonzero(found.counts)
        rows, unknown_keys = self._look_up(found, distinct)
        known, unknown = distinct[rows >= 0], distinct[rows < 0]
        added = self._added(found, unknown)
        if len(known) + len(added) == 0:
            raise self._none_found(len(distinct))
        kept = np.concatenate([known, added])
        ids = np.concatenate([rows[rows >= 0], np.arange(V, V + len(added))])
        counts = np.append(self._known.counts, np.zeros(len(added), np.int64))
        counts[ids] += np.where(self._is_counted | (ids >= V), found.counts[kept], 0)
        keys = [*self._known.index_to_key, *(unknown_keys[int(i)] for i in added)]
        if self._is_sorted:
            order = by_count(counts, np.arange(len(counts)))
            keys, counts, ids = [keys[i] for i in order.tolist()], counts[order], np.argsort(order)[ids]
        frequent = np.count_nonzero(found.counts[unknown] >= self._min_count)
        return Choice(
            new_ids(found, kept, ids),
            lambda: Vocabulary(keys, counts),
            below_min_count=len(unknown) - int(frequent) if self._is_open else 0,
            beyond_max_vocab=int(frequent) - len(added) if self._is_open else 0,
            not_in_vocabulary=0 if self._is_open else len(unknown),
        )

    def _look_up(self, found: KeyCounts, distinct: NDArray[np.intp]) -> tuple[NDArray[np.int64], dict[int, Any]]:
        """Return the row of each distinct word, or -1, and the keys of those that may be added, by their ids."""
        rows, done = np.full(len(distinct), -1, np.int64), 0
        candidates: dict[int, Any] = {}
        index = self._known.key_to_index
        for some in found.keys(distinct):
            self._check_kind(some)
            part = slice(done, done + len(some))
            rows[part] = [index.get(key, -1) for key in some]
            if self._is_open:
                ids = distinct[part]
                may_add = (rows[part] < 0) & (found.counts[ids] >= self._min_count)
                candidates |= {int(ids[i]): some[i] for i in np.flatnonzero(may_add)}
            done = part.stop
        return rows, candidates

    def _added(self, found: KeyCounts, unknown: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the new words to add, the most frequent first."""
        if not self._is_open:
            return unknown[:0]
        frequent = by_count(found.counts, unknown[found.counts[unknown] >= self._min_count])
        most = self._options.max_vocab
        return frequent if most is None else frequent[: max(0, most - len(self._known))]

    def _check_kind(self, keys: list[Any]) -> None:
        """Raise `CorpusError` if the text has words and the vocabulary whole numbers, or the other way round."""
        ours = self._known.index_to_key[:1]
        if keys and ours and isinstance(keys[0], str) != isinstance(ours[0], str):
            raise CorpusError(
                f"{self._name} has {keys[0]!r} and the vocabulary {ours[0]!r}: words and whole numbers cannot be mixed"
            )

    def _none_found(self, n_distinct: int) -> NothingToTrainError:
        return NothingToTrainError(
            f"the vocabulary has none of the {counted(n_distinct, 'distinct word')} of {self._name}: give a text of "
            "the same kind"
        )


def least_count(options: Options) -> int:
    """Return the count that a word needs; a key that is counted under another has a count of 0."""
    return max(1, options.min_count)


def by_count(counts: NDArray[np.int64], ids: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return `ids` sorted by descending count; equal counts keep their order."""
    return ids[np.argsort(-counts[ids], kind="stable")]


def new_ids(found: KeyCounts, kept: NDArray[np.intp], ids: NDArray[np.integer[Any]]) -> Ids:
    """Return the new id of every provisional id: `ids` for the words `kept`, `DROPPED` for the others."""
    new = np.full(len(found.counts), DROPPED, np.int32)
    new[kept] = ids
    return new if found.same_ids is None else new[found.same_ids]


class Totals(NamedTuple):
    """The numbers of words and of distinct words of a text, its most frequent word, and the count of that.

    Of words with the same count, the first in the text; None if there are no words.
    """

    words: int
    distinct: int
    top_word: Any
    top_count: int


def totals_of(found: KeyCounts) -> Totals:
    """Return the totals of a text."""
    counts = found.counts
    n_words, n_distinct = int(counts.sum()), int(np.count_nonzero(counts))
    if n_words == 0:
        return Totals(0, 0, None, 0)
    top = int(counts.argmax())
    return Totals(n_words, n_distinct, next(found.keys(np.array([top])))[0], int(counts[top]))


def no_words_error(totals: Totals, too_long: int, min_count: int) -> CorpusError:
    """Return the error for a text of which no word is kept."""
    n_words, n_distinct, word, top_count = totals
    if too_long and n_words == 0:
        tokens = "its only token is" if too_long == 1 else f"all of its {counted(too_long, 'token')} are"
        return CorpusError(
            f"the corpus has no words: {tokens} longer than {counted(encoding.LONGEST_WORD, 'byte')} (tokens are "
            "separated by whitespace). Check that it is text. In a language written without spaces, "
            f"{advice('give tokenizer=, a function that splits a line', 'split it first')}"
        )
    if n_words == 0:
        return CorpusError("the corpus is empty: 0 words were read; give a text with words in it")
    none = f"no word occurs at least {option('min_count', min_count)} times: the corpus has"
    if n_words == 1:
        return CorpusError(f"{none} only 1 word, {word!r}; give more text")
    or_less = " or less" if top_count > 1 else ""
    return CorpusError(
        f"{none} {counted(n_words, 'word')}, {n_distinct:,} of them distinct; the most frequent, {word!r}, "
        f"occurs {counted(top_count, 'time')}; give {option('min_count', top_count)}{or_less}, or more text"
    )
