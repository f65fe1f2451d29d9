"""Checks of ids before they reach a kernel, where an id out of range would corrupt memory."""

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.text import BLOCK_WORDS, END


def checked_ids(tokens: NDArray[np.int32], V: int, block: int) -> NDArray[np.int32]:
    """Return `tokens` if each is END or in [0, V) and they fit into the arrays of the kernels."""
    if len(tokens) > BLOCK_WORDS:
        raise CorpusError(
            f"block {block} of the token store has {len(tokens):,} entries where {BLOCK_WORDS:,} are the most: "
            "give the bounds that the corpus was read with"
        )
    if len(tokens) and (tokens.min() < END or tokens.max() >= V):
        raise CorpusError(
            f"block {block} of the token store holds ids from {tokens.min()} to {tokens.max()} where {END} to {V - 1} "
            "are allowed: the store was changed or damaged while training; read the corpus again"
        )
    return tokens
