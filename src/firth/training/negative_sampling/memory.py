"""Estimates the memory of negative sampling before training starts: the largest growth of resident memory."""

from firth.compiling.kernel import compiler_memory
from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training.expected_pairs import ExpectedPairs
from firth.training.negative_sampling import window_kernels
from firth.training.negative_sampling.partition import chunk_size, count_row_blocks, extent_of
from firth.training.windows import layout

_MIB = 2**20
COMPILED = {"hogwild": 40 * _MIB, "blocks": 40 * _MIB}  # what compiling the kernels takes
_CHUNKS = 1.4  # chunks of pairs in memory: while one is trained on, the next is started; and spare room for longer ones
_TABLE_BYTES = 4 + 8 + 49  # per word: its threshold, its slot, and scratch space for the alias table
_PARTITION_BYTES = 16 + 2 * 10 + 50  # per word, in addition: its load, two partitions, scratch space to draw one
_ENTRY_BYTES = 8 + 4 + 4  # per word of the text of a chunk: the word, its window, and its position


def memory_needed(corpus: Corpus, options: Options, workers: int) -> dict[str, int]:
    """Return the name and the bytes of each part that training with these options will allocate."""
    parts = {"compiled kernels": compiler_memory() + COMPILED[options.schedule]}
    parts |= matrices_and_tables(len(corpus.vocabulary), options, workers)
    return parts if options.schedule == "hogwild" else parts | chunks(corpus, options, workers)


def matrices_and_tables(V: int, options: Options, workers: int) -> dict[str, int]:
    """Return the parts that both schedules need for V words, without compiled code."""
    matrices = {f"2 matrices of {V:,} x {options.vector_size} floats": 2 * V * row_bytes(options)}
    return matrices | tables(V, options, workers)


def row_bytes(options: Options) -> int:
    """Return the bytes of a row of a matrix, padded to whole strips."""
    return layout.STRIP_BYTES * layout.strips(options.vector_size)


def tables(V: int, options: Options, workers: int) -> dict[str, int]:
    """Return the parts that both schedules need for V words besides the matrices."""
    row = row_bytes(options)
    n_tiles = layout.even_tiles(1 + options.negative)[1]
    scratch = BLOCK_WORDS * (5 * 4 + 8) + window_kernels.SLICE * options.negative * 4 + (2 + 4 * options.window) * row
    scratch += layout.STRIP_BYTES * n_tiles * options.window
    return {
        "sampling tables": V * _TABLE_BYTES,
        f"scratch of {workers} workers": workers * scratch,
    }


def chunks(corpus: Corpus, options: Options, workers: int, share: float = 1.0) -> dict[str, int]:
    """Return the parts that the block schedule needs for pairs, besides those of both schedules.

    `share` is the part of the pairs that is in memory: the rest is on other machines.
    """
    V = len(corpus.vocabulary)
    extent = extent_of(corpus.tokens, options)
    P = count_row_blocks(V, extent, options)
    pairs = ExpectedPairs(corpus, options, shrunken=options.shrink_windows)
    chunk = pairs.of_blocks(chunk_size(extent, P))
    words = chunk * BLOCK_WORDS / extent.pairs  # of given pairs two each
    return {
        "pairs": round(share * 8 * min(_CHUNKS * chunk, pairs.total)),
        "text of a chunk": round(share * _ENTRY_BYTES * words),
        "partitions of the vocabulary": V * _PARTITION_BYTES,
        f"buckets of {workers} workers": round(min(workers, P) * (2 * 4 * chunk / P**2 + 3 * 8 * words / P)),
    }
