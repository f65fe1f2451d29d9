"""The counts n(c, o) of a corpus: of the windows of a text, or of pairs that were given directly."""

from typing import Any

import numpy as np

from firth.options import Options
from firth.text import TokenStore, Vocabulary
from firth.text.pair_table import PairTable
from firth.training.softmax.cooccurrence import Cooccurrence, count_pairs


def counts_of(tokens: TokenStore, vocabulary: Vocabulary, options: Options, **keywords: Any) -> Cooccurrence:
    """Return the counts of a corpus; the keywords are those of `count_pairs`, for a text."""
    if tokens.pairs is not None:
        return sum_pairs(tokens.pairs, len(vocabulary))
    return count_pairs(tokens, vocabulary, options, **keywords)


def sum_pairs(table: PairTable, V: int) -> Cooccurrence:
    """Return the sums of the weights of equal pairs, at least one, over V words."""
    cells = table.pairs[:, 0].astype(np.int64) * V + table.pairs[:, 1]
    sorting = np.argsort(cells, kind="stable")
    starts = np.flatnonzero(np.diff(cells[sorting], prepend=-1))
    weights = np.ones(len(cells)) if table.weights is None else table.weights[sorting]
    sums = np.add.reduceat(weights, starts)
    rows, columns = np.divmod(cells[sorting[starts]], V)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=V))]).astype(np.int64)
    totals = np.bincount(rows, sums, V).astype(np.float64)
    outside_totals = np.bincount(columns, sums, V).astype(np.float64)
    return Cooccurrence(indptr, columns.astype(np.int32), sums.astype(np.float32), totals, outside_totals)
