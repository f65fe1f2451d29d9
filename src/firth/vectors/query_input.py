"""The arguments of queries: keys, vectors, and either of them with a weight."""

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, TypeAlias, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.options import whole

Key: TypeAlias = str | int
Neighbours: TypeAlias = list[tuple[Key, float]]
"""(key, cosine) pairs, the nearest first."""

FloatArray: TypeAlias = NDArray[np.floating[Any]]
RowIndices: TypeAlias = NDArray[np.intp]
QueryItem: TypeAlias = Key | FloatArray | tuple[Key | FloatArray, float]
QueryItems: TypeAlias = QueryItem | Iterable[QueryItem] | None
WeightedItems: TypeAlias = list[tuple[Key | FloatArray, float]]


class NothingGivenError(OptionError, ZeroDivisionError):
    """The list of keys for a mean is empty (gensim raises `ZeroDivisionError`)."""


def checked_topn(topn: Any, low: int = 0, *, optional: bool = False) -> Any:
    """Return `topn` as an int, or None if `optional`; raise `OptionError` for any other value."""
    return whole("topn", topn, "keys to find", low, optional=optional)


def checked_vocab(restrict_vocab: Any) -> Any:
    """Return `restrict_vocab` as an int, or None for all rows; raise `OptionError` for any other value."""
    return whole("restrict_vocab", restrict_vocab, "number of first rows to search", 1, optional=True)


def is_key(value: object) -> TypeGuard[Key]:
    """Return whether a value is a key: a word or a whole number."""
    return isinstance(value, (str, Integral)) and not isinstance(value, (bool, np.bool_))


def listed(keys: Iterable[Key] | Key) -> list[Key]:
    """Return several keys as a list; raise `OptionError` for a single key."""
    if is_key(keys):
        raise OptionError(f"{keys!r} is a single key: give a list of keys, such as [{keys!r}]")
    return list(cast(Iterable[Key], keys))


def weighted_items(positive: QueryItems, negative: QueryItems) -> WeightedItems:
    """Return (key or vector, weight) pairs; items without a weight have 1 or -1. Raises `OptionError` for none."""
    items = [_pair(item, 1.0) for item in _items(positive)] + [_pair(item, -1.0) for item in _items(negative)]
    if not items:
        raise OptionError("nothing to compare with: give at least one word or vector in positive or negative")
    return items


def _items(given: QueryItems) -> list[Any]:
    """Return one item, several or None as a list."""
    if is_key(given) or _is_pair(given) or (isinstance(given, np.ndarray) and given.ndim == 1):
        return [given]
    return [] if given is None else list(cast(Iterable[Any], given))


def _is_pair(given: object) -> bool:
    """Return whether this is an item and its weight, ("king", 0.5), not two keys, ("king", "queen") or (3, 5)."""
    return isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], (float, np.floating))


def _pair(item: Any, weight: float) -> tuple[Key | FloatArray, float]:
    if isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[1], Real):
        return item[0], float(item[1])
    return item, weight
