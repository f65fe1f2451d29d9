"""Checks integer arrays given as a corpus, 2-D or flat with offsets, and cuts them into chunks."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import CorpusError

CHUNK_IDS = 2**19
"""Ids in one chunk of an array."""


def flat_and_offsets(corpus: ArrayLike, offsets: ArrayLike | None) -> tuple[Any, NDArray[np.int64]]:
    """Return the ids as something flat that can be sliced, and the offsets of the sentences.

      corpus   (n,) integers with `offsets`, or (n_sentences, length) integers without
      offsets  (n_sentences + 1,) integers, from 0 to n, never decreasing

    Raises `CorpusError` if shapes, types or offsets are wrong, or an id is outside int64.
    """
    ids = np.asarray(corpus)
    if ids.dtype.kind not in "iu":
        raise CorpusError(
            f"the corpus is an array of {ids.dtype}, but ids must be integers: convert it with "
            "ids.astype(np.int64) if its values are whole, or give lists of words"
        )
    if ids.dtype == np.uint64 and ids.size and int(ids.max()) >= 2**63:
        raise CorpusError(f"the id {ids.max()} is outside int64, from -2**63 to 2**63 - 1: renumber the ids")
    if offsets is None:
        if ids.ndim != 2:
            raise CorpusError(
                f"the corpus is an integer array of shape {ids.shape} without offsets: give a 2-D array with one "
                "sentence in each row, or a flat array with offsets=[0, ..., len(ids)]"
            )
        rows, length = ids.shape
        return ids.flat, np.arange(rows + 1, dtype=np.int64) * length
    if ids.ndim != 1:
        raise CorpusError(f"offsets= needs a flat array, but the corpus has shape {ids.shape}: omit offsets")
    return ids, _checked_offsets(np.asarray(offsets), len(ids))


def integer_chunks(
    ids: Any, offsets: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.integer[Any]], NDArray[np.int64]]]:
    """Yield slices of `ids`, and where in each slice sentences end."""
    ends = offsets[1:]
    for start in range(0, int(offsets[-1]), CHUNK_IDS):
        chunk = ids[start : start + CHUNK_IDS]
        first, last = np.searchsorted(ends, [start, start + len(chunk)], side="right")
        yield chunk, ends[first:last] - start


def _checked_offsets(offsets: NDArray[Any], n_ids: int) -> NDArray[np.int64]:
    if offsets.ndim != 1 or len(offsets) == 0 or offsets.dtype.kind not in "iu":
        raise CorpusError(
            f"offsets is an array of {offsets.dtype} of shape {offsets.shape}: "
            "give n_sentences + 1 integers, from 0 to the number of ids"
        )
    bounds = offsets.astype(np.int64)
    falls = np.flatnonzero(np.diff(bounds) < 0)
    if len(falls):
        i = int(falls[0])
        raise CorpusError(f"offsets decrease from {bounds[i]} to {bounds[i + 1]} at index {i + 1}: sort them")
    if bounds[0] != 0 or bounds[-1] != n_ids:
        raise CorpusError(
            f"offsets run from {bounds[0]} to {bounds[-1]}: they must run from 0 to {n_ids}, the number of ids"
        )
    return bounds
