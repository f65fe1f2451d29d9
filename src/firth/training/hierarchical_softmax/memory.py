"""Estimates the memory of hierarchical softmax before training starts: the largest growth of resident memory."""

from firth.compiling.kernel import compiler_memory
from firth.options import Options
from firth.text import Corpus
from firth.training.negative_sampling.memory import matrices_and_tables

_MIB = 2**20
_COMPILED = 40 * _MIB


def memory_needed(corpus: Corpus, options: Options, workers: int) -> dict[str, int]:
    """Return the name and the bytes of each part that training with these options will allocate."""
    parts = {"compiled kernels": compiler_memory() + _COMPILED}
    return parts | matrices_and_tables(len(corpus.vocabulary), options, workers)
