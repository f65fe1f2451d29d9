"""What is explored: the vectors of a model, its outside vectors if it has them, and the text of each key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.explore.spelling import Spellings
from firth.packed_words import PackedWords
from firth.vectors import KeyedVectors


@dataclass(frozen=True)
class Explored:
    """The model behind the page.

    name     what the page shows as its title, such as the name of the file
    vectors  V keys and their (V, D) vectors
    outside  the outside vectors of the same keys, or None
    options  those of training, or nothing if they are not known
    stability  the (V,) stability of each word, NaN where it is not known, or None; see `firth.stability`
    """

    name: str
    vectors: KeyedVectors
    outside: KeyedVectors | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    stability: NDArray[np.float64] | None = None

    @cached_property
    def words(self) -> PackedWords:
        """The text of each key, in the order of rows: keys may be whole numbers."""
        keys = self.vectors.stored_keys
        return keys if isinstance(keys, PackedWords) else PackedWords.of(map(str, keys))

    @property
    def rows(self) -> Mapping[str, int]:
        """The row of each text."""
        return self.words.rows

    @cached_property
    def spellings(self) -> Spellings:
        """The search by spelling."""
        return Spellings(self.words)

    def first(self, n: int) -> "Explored":
        """Return the first n words with their vectors, without outside vectors and n-grams."""
        vectors = self.vectors
        counts = None if vectors.counts is None else vectors.counts[:n]
        part = KeyedVectors.trusted(list(vectors.stored_keys[:n]), vectors.vectors[:n], counts)
        return Explored(self.name, part, None, self.options)

    def prepare(self) -> None:
        """Compute what the first question would otherwise wait for."""
        self.vectors.fill_norms()
        self.words.prepare()
        self.spellings  # noqa: B018 - kept from now on
        if self.outside is not None:
            self.outside.fill_norms()


def word_bytes(words: PackedWords, rows: slice) -> bytes:
    """Return words as the page reads them: (n,) uint32 lengths in bytes, little-endian, then their UTF-8."""
    start, stop, _ = rows.indices(len(words))
    part, bounds = words.part(start, max(start, stop))
    return np.diff(bounds).astype("<u4").tobytes() + part.tobytes()
