"""Attributes of keys, such as counts: an array for each, with one value for every key."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import OptionError
from firth.messages import counted
from firth.vectors.query_input import RowIndices

_ADVICE = "Assign whole numbers first, wv.counts = array"


def as_attribute(name: str, values: ArrayLike) -> NDArray[Any]:
    """Return the values of an attribute as an array: text as objects, and counts as int64.

    Raises `OptionError` for values that are not an array, and for counts that are not whole numbers within int64.
    """
    array = values if isinstance(values, np.ndarray) else _as_array(name, values)
    if name != "count" or array.dtype == np.int64:
        return array
    if array.size and array.dtype.kind not in "biuf":
        raise OptionError(f"counts must be whole numbers: found an array of {array.dtype}. {_ADVICE}")
    if array.size and (wrong := array[~((array == np.trunc(array)) & (array >= -(2.0**63)) & (array < 2.0**63))]).size:
        raise OptionError(
            f"counts must be whole numbers below 2**63: found {wrong.flat[0]} in an array of {array.dtype}. {_ADVICE}"
        )
    return array.astype(np.int64)


def attribute_of(name: str, values: ArrayLike, n: int) -> NDArray[Any]:
    """Return the values of an attribute of n keys as an (n,) array; raises the errors of `as_attribute`."""
    array = as_attribute(name, values)
    if array.shape != (n,):
        raise OptionError(
            f"the values of {name!r} for {counted(n, 'key')} must have shape ({n},): found shape {array.shape}"
        )
    return array


def _as_array(name: str, values: ArrayLike) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise OptionError(f"attribute {name!r} is not an array: {error}. Assign one value for each key") from error
    if array.ndim == 0:
        raise OptionError(f"attribute {name!r} is {values!r}, which is not an array: assign one value for each key")
    return array.astype(object) if array.dtype.kind in "US" else array


def empty_values(n: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return n values for keys without a value: 0, or None if the attribute holds objects, such as text."""
    return np.full(n, None) if dtype.kind == "O" else np.zeros(n, dtype)


def descending_order(name: str, values: ArrayLike) -> RowIndices:
    """Return the rows in the order of an attribute, the largest value first; a stable sort, NaN last."""
    array = as_attribute(name, values)
    if array.dtype.kind not in "biuf":
        raise OptionError(f"attribute {name!r} of dtype {array.dtype} has no order: name a numeric attribute")
    if array.dtype.kind == "f":
        return np.argsort(-array, kind="stable")
    return len(array) - 1 - np.argsort(array[::-1], kind="stable")[::-1]  # -array overflows for unsigned numbers
