"""What is explored: the vectors of a model, its outside vectors if it has them, and the text of each key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.explore.spelling import Spellings
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
    def words(self) -> list[str]:
        """The text of each key, in the order of rows: keys may be whole numbers."""
        keys = self.vectors.index_to_key
        return keys if keys and isinstance(keys[0], str) else [str(key) for key in keys]  # type: ignore[return-value]

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """The row of each text."""
        keys = self.vectors.key_to_index
        return keys if self.words is self.vectors.index_to_key else dict(zip(self.words, keys.values(), strict=True))  # type: ignore[return-value]

    @cached_property
    def spellings(self) -> Spellings:
        """The search by spelling."""
        return Spellings(self.words)

    def first(self, n: int) -> "Explored":
        """Return the first n words with their vectors, without outside vectors and n-grams."""
        vectors = self.vectors
        counts = None if vectors.counts is None else vectors.counts[:n]
        part = KeyedVectors.trusted(vectors.index_to_key[:n], vectors.vectors[:n], counts)
        return Explored(self.name, part, None, self.options)

    def prepare(self) -> None:
        """Compute what the first question would otherwise wait for."""
        self.vectors.fill_norms()
        self.rows  # noqa: B018 - kept from now on
        self.spellings  # noqa: B018
        if self.outside is not None:
            self.outside.fill_norms()
