"""A corpus that was read, and the base class of corpora that generate their own tokens."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.text.choosing import KnownWords, MostFrequent
from firth.text.opening import OpenFile
from firth.text.sources import FilePath, Token
from firth.text.store import TokenStore
from firth.text.vocabulary import Vocabulary

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the amount done and the total (None: unknown), in bytes for files and in tokens otherwise."""


@dataclass(frozen=True)
class Corpus:
    """A corpus that was read: its vocabulary, its ids, and what was counted on the way.

    vocabulary        the words kept, by descending count, ties by first occurrence
    tokens            the ids of the words kept; close it when done
    raw_words         tokens read, before `min_count` and `max_vocab`
    sentences         sentences read that have at least one token
    replaced          tokens in which invalid UTF-8 was replaced by U+FFFD
    too_long          tokens of text skipped because they have more than 1,024 bytes; not in `raw_words`
    distinct_words    distinct words read, before `min_count` and `max_vocab`
    below_min_count   how many of them were dropped because of `min_count`
    beyond_max_vocab  how many of them were dropped because of `max_vocab`
    not_in_vocabulary how many of them were dropped because `KnownWords` lack them
    null_rows         rows of a table, or sentences of a list, skipped because they are null
    note              what else there is to report, as part of a line
    """

    vocabulary: Vocabulary
    tokens: TokenStore
    raw_words: int
    sentences: int
    replaced: int
    too_long: int
    distinct_words: int
    below_min_count: int
    beyond_max_vocab: int
    not_in_vocabulary: int = 0
    null_rows: int = 0
    note: str = field(default="", kw_only=True)

    @property
    def outside_counts(self) -> NDArray[np.float64]:
        """How often each word is an outside word, up to a factor: (V,), at least 1 if it ever is.

        In a text each word is one as often as it is a center, so these are the counts of the vocabulary.
        """
        counts = self.vocabulary.counts.astype(np.float64)
        if self.tokens.pairs is None:
            return counts
        sums = self.tokens.pairs.sums(1, len(counts))
        return sums / min(1.0, float(sums[sums > 0].min(initial=1.0)))


class GeneratedCorpus(ABC):
    """A corpus that generates its own tokens instead of being read, such as the random walks of a graph."""

    @abstractmethod
    def generate(self, words: MostFrequent | KnownWords, workers: int, progress: Progress | None) -> Corpus:
        """Choose the vocabulary by `words`; return it with the tokens."""


class ArrowStream(Protocol):
    """A table or a column of any library that implements the Arrow C stream interface."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Return the rows as a capsule of an ArrowArrayStream."""


CorpusInput: TypeAlias = (
    FilePath
    | OpenFile
    | NDArray[np.integer[Any]]
    | ArrowStream
    | Mapping[str, Any]
    | Iterable[FilePath | Mapping[str, Any] | Iterable[Token]]
    | GeneratedCorpus
)
"""What can be a corpus: files, tables, integers as an array, texts, token lists, or what makes its own tokens."""
