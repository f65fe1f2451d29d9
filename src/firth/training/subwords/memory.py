"""Estimates the memory of training with subwords before it starts: the largest growth of resident memory."""

from firth.compiling.kernel import compiler_memory
from firth.messages import counted
from firth.options import Options
from firth.text import Corpus
from firth.training.cbow import kernels as cbow_kernels
from firth.training.hierarchical_softmax import memory as paths
from firth.training.joint import memory as joint
from firth.training.negative_sampling.memory import matrices_and_tables
from firth.training.negative_sampling.window_kernels import SLICE
from firth.training.subwords.rows import list_rows
from firth.training.windows import layout

_MIB = 2**20
_COMPILED = 45 * _MIB  # what compiling the kernels takes
_LISTED_BYTES = 4 + 4 + 8 + 8  # per n-gram of a word, while the lists of rows are made


def slice_words(options: Options) -> int:
    """Return the most words of a slice: those of its windows, which for CBOW come from two places of a block."""
    if options.architecture == "cbow":
        return 2 * (cbow_kernels.SLICE + 2 * options.window)
    return SLICE + 2 * options.window


def memory_needed(corpus: Corpus, options: Options, workers: int) -> dict[str, int]:
    """Return the name and the bytes of each part that training with these options will allocate."""
    return {
        "compiled kernels": compiler_memory() + _COMPILED,
        **matrices_and_tables(len(corpus.vocabulary), options, workers),
        **_subword_parts(corpus, options, workers),
    }


def path_memory_needed(corpus: Corpus, options: Options, workers: int) -> dict[str, int]:
    """Return the same for hierarchical softmax."""
    return paths.memory_needed(corpus, options, workers) | _subword_parts(corpus, options, workers)


def joint_memory_needed(corpus: Corpus, options: Options, workers: int) -> dict[str, int]:
    """Return the same for both objectives at once."""
    return joint.memory_needed(corpus, options, workers) | _subword_parts(corpus, options, workers)


def _subword_parts(corpus: Corpus, options: Options, workers: int) -> dict[str, int]:
    """Return what the rows of n-grams take."""
    lists, row = list_rows(corpus.vocabulary, options), layout.STRIP_BYTES * layout.strips(options.vector_size)
    scratch = 2 * slice_words(options) * row + 4 * len(corpus.vocabulary)
    return {
        f"{counted(lists.n_rows, 'row')} of words and n-grams": lists.n_rows * row,
        "lists of n-grams": len(lists.rows) * _LISTED_BYTES,
        f"vectors of {workers} workers": workers * scratch,
    }
