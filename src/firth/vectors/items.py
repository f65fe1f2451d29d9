"""What a query may be given: keys, vectors, and either of them with a weight."""

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.options import whole

Key: TypeAlias = str | int
Vector: TypeAlias = NDArray[np.floating[Any]]
Rows: TypeAlias = NDArray[np.intp]
Item: TypeAlias = Key | Vector | tuple[Key | Vector, float]
Items: TypeAlias = Item | Iterable[Item] | None
Weighted: TypeAlias = list[tuple[Key | Vector, float]]


class NothingGivenError(OptionError, ZeroDivisionError):
    """A set of words is empty where a mean is to be taken (gensim raises `ZeroDivisionError`)."""


def checked_topn(topn: Any, low: int = 0, *, optional: bool = False) -> Any:
    """Return how many keys to find as an int, None if that is allowed; raise `OptionError` for anything else."""
    return whole("topn", topn, "keys to find", low, optional=optional)


def checked_vocab(restrict_vocab: Any) -> Any:
    """Return the number of first rows to search as an int, None for all; raise `OptionError` for anything else."""
    return whole("restrict_vocab", restrict_vocab, "number of first rows to search", 1, optional=True)


def is_key(value: object) -> bool:
    """Tell a key, a word or a whole number, from everything else."""
    return isinstance(value, (str, Integral)) and not isinstance(value, (bool, np.bool_))


def weighted(given: Items, weight: float) -> Weighted:
    """Return (key or vector, weight) pairs from one item or several; `weight` is for those without."""
    if given is None:
        return []
    alone = is_key(given) or _is_pair(given) or (isinstance(given, np.ndarray) and given.ndim == 1)
    items = [given] if alone else list(cast(Iterable[Any], given))
    return [_pair(item, weight) for item in items]


def listed(keys: Iterable[Key] | Key) -> list[Key]:
    """Return several keys as a list; raise `OptionError` for one key where several belong."""
    if is_key(keys):
        raise OptionError(f"{keys!r} is one key where several belong: give a list of keys, such as [{keys!r}]")
    return list(cast(Iterable[Key], keys))


def unit(vector: Vector) -> Vector:
    """Return x / |x|; a zero vector stays zero."""
    norm = np.linalg.norm(vector)
    return (vector / norm).astype(vector.dtype) if norm > 0 else vector


def cosine(x: Vector, y: Vector) -> float:
    """Return x·y / sqrt(x·x y·y) in float64, 0 where one is zero: a vector's with itself is 1 exactly."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    product = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / product) if product > 0 else 0.0


def _is_pair(given: object) -> bool:
    """Tell ("king", 0.5), an item and its weight, from ("king", "queen") and (3, 5), two keys."""
    return isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], (float, np.floating))


def _pair(item: Any, weight: float) -> tuple[Key | Vector, float]:
    if isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[1], Real):
        return item[0], float(item[1])
    return item, weight
