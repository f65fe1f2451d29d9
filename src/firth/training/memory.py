"""What training will allocate, estimated from the vocabulary and the options before it begins.

An estimate is of the greatest growth of resident memory from then on. What one stage gives back before another
begins counts in its own stage only.
"""

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training import kernels, sampling, simd
from firth.training.cooccurrence import RANGE_CELLS, RUN_BYTES, piece_blocks
from firth.training.partition import chunk_size, count_row_blocks
from firth.training.softmax import TILE_BYTES, TILE_WORDS
from firth.training.softmax_training import BATCH

Parts = dict[str, int]
"""A name and a number of bytes for each part."""

_MIB = 2**20
_COMPILED = {"hogwild": 106 * _MIB, "blocks": 100 * _MIB, "softmax": 100 * _MIB}  # the compiler and its code
_WARM_COMPILED = 35 * _MIB  # the kernels of the warm start, when the compiler is there already
UNUSED = 128 * _MIB  # of address space that is taken and hardly touched: threads' stacks and heaps, code being made
_CHUNKS = 1.25  # of pairs, in memory together: while one is trained on, the next is begun
_TABLE_BYTES = 4 + 8 + 49  # of a word: its threshold, its slot, and room to make the alias table
_PARTITION_BYTES = 1 + 4 + 8  # of a word, beside that: its block, its place there, and room to make the first partition
_PAIR_BYTES = 8 + 8 + 4  # of a pair while a piece is sorted: its entry, room to sort it, its sum
_RUN_CELL_BYTES = 8 + 4  # of a cell of a run
_CELL_BYTES = 4 + 4  # of a cell of the counts
_MERGED_CELL_BYTES = 32  # of a cell while runs are merged: as it was, as it is, and as it will be


def memory_needed(corpus: Corpus, options: Options, workers: int) -> Parts:
    """Return what training by these options will allocate."""
    if options.objective == "softmax":
        return _softmax(corpus, options, workers)
    V = len(corpus.vocabulary)
    if options.schedule == "hogwild":
        return _compiled("hogwild") | _negative_sampling(V, options, workers)
    return _compiled("blocks") | _negative_sampling(V, options, workers) | _chunks(corpus, options, workers)


def _chunks(corpus: Corpus, options: Options, workers: int) -> Parts:
    V = len(corpus.vocabulary)
    P = count_row_blocks(V, options)
    pairs = _Pairs(corpus, options, shrunken=options.shrink_windows)
    chunk = pairs.of_blocks(chunk_size(corpus.tokens.n_blocks, options))
    return {
        "pairs": round(8 * min(_CHUNKS * chunk, pairs.total)),
        "partitions of the vocabulary": V * _PARTITION_BYTES,
        f"buckets of {workers} workers": round(min(workers, P) * 2 * 8 * chunk / P**2),
    }


def _compiled(kind: str, more: int = 0) -> Parts:
    return {"compiled kernels": _COMPILED[kind] + more}


def _negative_sampling(V: int, options: Options, workers: int) -> Parts:
    row = simd.STRIP_BYTES * kernels.strips(options.vector_size)
    scratch = BLOCK_WORDS * (5 * 4 + 8) + kernels.SLICE * options.negative * 4 + (2 + 2 * options.window) * row
    return {
        f"2 matrices of {V:,} x {options.vector_size} floats": 2 * V * row,
        "sampling tables": V * _TABLE_BYTES,
        f"scratch of {workers} workers": workers * scratch,
    }


def _softmax(corpus: Corpus, options: Options, workers: int) -> Parts:
    V, pairs = len(corpus.vocabulary), _Pairs(corpus, options, shrunken=False)
    always = _compiled("softmax", _WARM_COMPILED if options.warm_epochs else 0)
    always |= {f"2 matrices of {V:,} x {options.vector_size} floats": 2 * 4 * V * options.vector_size}
    counts = {"counts of pairs": min(RUN_BYTES, round(_CELL_BYTES * pairs.distinct(pairs.total)))}
    stages = [_counting(pairs, counts, options, workers), counts | _passes(V, options)]
    if options.warm_epochs:
        warm = _negative_sampling(V, options, 1)
        stages.append(counts | {f"warm start: {name}": size for name, size in warm.items()})
    return always | max(stages, key=lambda parts: sum(parts.values()))


def _counting(pairs: "_Pairs", counts: Parts, options: Options, workers: int) -> Parts:
    piece = pairs.of_blocks(piece_blocks(options))
    n_pieces = pairs.total / max(1.0, piece)
    cells = n_pieces * pairs.distinct(piece)
    runs = {"runs of pairs": min(RUN_BYTES, round(_RUN_CELL_BYTES * cells))}
    pieces = {f"pieces of {workers} workers": round(min(workers, n_pieces) * _PAIR_BYTES * piece)}
    ranges = {f"ranges of {workers} workers": round(_MERGED_CELL_BYTES * min(cells, workers * RANGE_CELLS))}
    return runs | max(pieces, counts | ranges, key=lambda parts: sum(parts.values()))


def _passes(V: int, options: Options) -> Parts:
    tiles = min(TILE_BYTES, 4 * V * BATCH)
    return {
        "gradient and Adam's moments": 3 * 4 * V * options.vector_size,
        "scores": tiles + tiles * options.vector_size // TILE_WORDS,
    }


class _Pairs:
    """How many pairs the windows of a corpus make, in expectation."""

    def __init__(self, corpus: Corpus, options: Options, *, shrunken: bool):
        counts = corpus.vocabulary.counts
        kept = counts * (sampling.keep_thresholds(counts, options.sample) / 2**32)
        n_kept = float(kept.sum()) * corpus.tokens.n_words / float(counts.sum())
        m = options.window
        distances = np.arange(1, m + 1)
        drawn = (m - distances + 1) / m if shrunken else np.ones(m)
        within = np.maximum(0.0, 1 - distances * corpus.sentences / max(1.0, n_kept))  # the sentence may end before
        self.total = n_kept * 2 * float(drawn @ within)
        self._blocks = max(1, corpus.tokens.n_blocks)
        self._shares = _classes(kept / kept.sum())

    def of_blocks(self, n: int) -> float:
        """Return how many of them n blocks of tokens make."""
        return self.total * min(1.0, n / self._blocks)

    def distinct(self, pairs: float) -> float:
        """Return how many of so many pairs differ, if words stood in no order: text has fewer, by a little."""
        sizes, shares = self._shares
        unseen = np.exp(-pairs * np.outer(shares, shares))
        return float(sizes @ (1 - unseen) @ sizes)


def _classes(shares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put words of about the same share into a class: return the size of each, and its mean share."""
    present = shares[shares > 0]
    _, number = np.unique(np.round(4 * np.log2(present)), return_inverse=True)
    sizes = np.bincount(number).astype(np.float64)
    return sizes, np.bincount(number, present) / sizes
