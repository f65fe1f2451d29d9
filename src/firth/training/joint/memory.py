"""Estimates the memory of both objectives at once: the largest growth of resident memory."""

from collections import Counter

from firth.options import Options
from firth.text import Corpus
from firth.training.hierarchical_softmax import memory as paths
from firth.training.negative_sampling.memory import row_bytes, tables

_COMPILED = 12 * 2**20  # what compiling the kernels takes in addition to those of hierarchical softmax


def memory_needed(corpus: Corpus, options: Options, workers: int) -> dict[str, int]:
    """Return the name and the bytes of each part that training with these options will allocate."""
    V = len(corpus.vocabulary)
    more = {
        "compiled kernels": _COMPILED,
        f"another matrix of {V:,} x {options.vector_size} floats": V * row_bytes(options),
        **tables(V, options, workers),
    }
    return dict(Counter(paths.memory_needed(corpus, options, workers)) + Counter(more))
