"""Names that gensim's `KeyedVectors` had once: each says what to use."""

import warnings
from typing import TYPE_CHECKING, NoReturn

from firth.vectors.editing import EditableTable
from firth.vectors.items import Key, Vector
from firth.vectors.queries import Queries

_REMOVED = {
    "vocab": "key_to_index for rows, index_to_key for keys and get_vecattr(key, 'count') for counts",
    "index2word": "index_to_key",
    "index2entity": "index_to_key",
    "vectors_norm": "get_normed_vectors()",
    "syn0": "vectors",
    "syn0norm": "get_normed_vectors()",
    "wv": "the vectors themselves: they have no .wv",
}


class Retired(Queries, EditableTable):
    """Attributes removed in gensim 4 raise `AttributeError` with their successor; old methods work, and warn."""

    if not TYPE_CHECKING:  # a type checker would take any name for one that is here

        def __getattr__(self, name: str) -> NoReturn:
            hint = f"; it was removed: use {_REMOVED[name]}" if name in _REMOVED else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)

    def word_vec(self, word: Key, norm: bool = False) -> Vector:
        """Return `get_vector(word, norm)`, with a `DeprecationWarning`."""
        _warn("word_vec", "get_vector")
        return self.get_vector(word, norm)

    def words_closer_than(self, word1: Key, word2: Key) -> list[Key]:
        """Return `closer_than(word1, word2)`, with a `DeprecationWarning`."""
        _warn("words_closer_than", "closer_than")
        return self.closer_than(word1, word2)

    def init_sims(self, replace: bool = False) -> None:
        """Compute the norms, or with `replace` call `unit_normalize_all`, with a `DeprecationWarning`."""
        _warn("init_sims", "unit_normalize_all" if replace else "fill_norms")
        if replace:
            self.unit_normalize_all()
        else:
            self.fill_norms()


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is deprecated: use {new}", DeprecationWarning, stacklevel=3)
