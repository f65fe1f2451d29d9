"""The stability of words, as `firth stability --words` writes it: lists of words, counts and shares, in JSON."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError, OptionError


def read_stability(path: Path, rows: Mapping[str, int]) -> NDArray[np.float64]:
    """Return the (V,) stability of each word, NaN for words that the file does not have.

    rows  the row of each of the V words

    Raises `FormatError` if the file is not one of `firth stability --words`, and `OptionError` if none of its words is
    in the vocabulary.
    """
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: not the JSON that firth stability --words writes") from error
    words, values = _columns(path, found)
    stability = np.full(len(rows), np.nan)
    for word, value in zip(words, values, strict=True):
        if word in rows:
            stability[rows[word]] = value
    if np.isnan(stability).all():
        raise OptionError(f"{path}: none of its words is in the model: give the stability of the same vocabulary")
    return stability


def _columns(path: Path, found: Any) -> tuple[list[str], list[float]]:
    """Return words and values; raise `FormatError` for anything else than words and shares of the same number."""
    words: Any = found.get("word") if isinstance(found, dict) else None
    values: Any = found.get("stability") if isinstance(found, dict) else None
    are_lists = isinstance(words, list) and isinstance(values, list) and len(words) == len(values)
    if not are_lists or not all(isinstance(word, str) for word in words) or not all(map(_is_share, values)):
        raise FormatError(
            f"{path}: give the file that firth stability --words writes, with the lists word and stability of the same "
            "length, and shares from 0 to 1"
        )
    return words, values


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= 1
