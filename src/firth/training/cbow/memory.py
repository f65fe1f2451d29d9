"""Estimate of the memory that CBOW with negative sampling allocates: the largest growth of resident memory."""

from firth.compiling.kernel import compiler_memory
from firth.options import Options
from firth.text import Corpus
from firth.training.negative_sampling.memory import matrices_and_tables

_COMPILED = 40 * 2**20  # what compiling the kernel takes


def memory_needed(corpus: Corpus, options: Options, workers: int) -> dict[str, int]:
    """Return the name and the bytes of each part that training with these options will allocate.

    The scratch arrays are smaller than those of skip-gram, whose size counts.
    """
    parts = {"compiled kernels": compiler_memory() + _COMPILED}
    return parts | matrices_and_tables(len(corpus.vocabulary), options, workers)
