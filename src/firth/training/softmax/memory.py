"""Estimate of the memory that training on the exact softmax allocates, as the peak growth of resident memory.

Memory that one stage frees before the next begins counts in its own stage only.
"""

import math

from firth.compiling.kernel import compiler_memory
from firth.options import Options
from firth.text import Corpus
from firth.training.expected_pairs import ExpectedPairs
from firth.training.negative_sampling.memory import chunks, matrices_and_tables
from firth.training.softmax.batches import BATCH
from firth.training.softmax.cooccurrence import RANGE_CELLS, RUN_BYTES, blocks_per_task
from firth.training.softmax.exact import TILE_BYTES, TILE_WORDS

_MIB = 2**20
_COMPILED = 37 * _MIB  # what compiling the kernels takes
_WARM_COMPILED = 35 * _MIB  # the kernels of the warm start, once the compiler is loaded
_PAIR_BYTES = 8 + 8 + 4  # of a pair while a task is sorted: its entry, room to sort it, its sum
_RUN_CELL_BYTES = 8 + 4  # of a cell of a run
_CELL_BYTES = 4 + 4  # of a cell of the counts
_GIVEN_BYTES = 8 * 6  # of a pair given directly: its cell, sorted, its weight, and their sums
_MERGED_CELL_BYTES = 32  # of a cell while runs are merged: in the runs, merged, and split


def memory_needed(corpus: Corpus, options: Options, workers: int, share: float = 1.0) -> dict[str, int]:
    """Return the name and size, in bytes, of each part of the memory that training with these options allocates.

    `share` is the share of the words of a member of a cluster. One has all while it trains the warm start. Without one,
    the first has all while it draws the random vectors, and the last while it balances the matrices.
    """
    V, pairs = len(corpus.vocabulary), ExpectedPairs(corpus, options, shrunken=False)
    own = math.ceil(V * share)
    always = {"compiled kernels": compiler_memory() + _COMPILED + (_WARM_COMPILED if options.warm_epochs else 0)}
    always |= {f"2 matrices of {own:,} x {options.vector_size} floats": 2 * 4 * own * options.vector_size}
    counts = {"counts of pairs": min(RUN_BYTES, round(share * _CELL_BYTES * pairs.distinct(pairs.total)))}
    counting = (
        {"sums of pairs": _GIVEN_BYTES * len(corpus.tokens.pairs)}
        if corpus.tokens.pairs is not None
        else _counting(pairs, counts, blocks_per_task(corpus.tokens.longest, options), workers, share)
    )
    passes = counts | _passes(own, share, options)
    if share < 1 and not options.warm_epochs:
        passes["whole matrices at the start and the end"] = 3 * 4 * V * options.vector_size
    stages = [counting, passes]
    if options.warm_epochs:
        warm = matrices_and_tables(V, options, 1)
        warm |= {} if corpus.tokens.pairs is None else chunks(corpus, options, 1)
        stages.append(counts | {f"warm start: {name}": size for name, size in warm.items()})
    return always | max(stages, key=lambda parts: sum(parts.values()))


def _counting(
    pairs: ExpectedPairs, counts: dict[str, int], n_blocks: int, workers: int, share: float
) -> dict[str, int]:
    task = pairs.of_blocks(n_blocks)
    n_tasks = pairs.total / max(1.0, task)
    cells = share * n_tasks * pairs.distinct(task)
    runs = {"runs of pairs": min(RUN_BYTES, round(_RUN_CELL_BYTES * cells))}
    tasks = {f"tasks of {workers} workers": round(min(workers, n_tasks) * _PAIR_BYTES * task)}
    ranges = {f"ranges of {workers} workers": round(_MERGED_CELL_BYTES * min(cells, workers * RANGE_CELLS))}
    return runs | max(tasks, counts | ranges, key=lambda parts: sum(parts.values()))


def _passes(own: int, share: float, options: Options) -> dict[str, int]:
    """Return the parts of the passes, of the share `own` of the words."""
    tiles = round(min(share * TILE_BYTES, 4 * own * BATCH))
    return {
        "gradient and Adam's moments": 3 * 4 * own * options.vector_size,
        "scores": tiles + tiles * options.vector_size // TILE_WORDS,
    }
