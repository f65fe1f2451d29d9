"""Workload: a training run of a given size, as everything that estimates it needs it."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.cluster import expected
from firth.cluster.setup import Setup, check_options
from firth.errors import OptionError
from firth.messages import advice, counted, option
from firth.options import Options, checked, limits
from firth.planning.measuring_training import Shape, n_steps
from firth.planning.sized_corpus import BYTES_PER_WORD, SENTENCE_WORDS, sized_corpus
from firth.text import BLOCK_WORDS, Corpus
from firth.training.negative_sampling.partition import chunk_size

_SIZES = {  # with their names on the command line
    "words": ("SIZE", limits("words of the corpus", 1, 10**13)),
    "vocabulary": ("V", limits("number of different words; more take too long to plan", 2, 2 * 10**7)),
    "sentence_words": ("--sentence-words", limits("words of a sentence, on average", 2, BLOCK_WORDS)),
}


@dataclass(frozen=True)
class Workload:
    """A training run of a given size.

    words           words of the corpus
    vocabulary      V, the number of different words after `min_count` and `max_vocab`
    options         of the run
    sentence_words  words of a sentence, on average

    How often each word occurs follows from Zipf's law. Raises `OptionError` for a value that is not allowed.
    """

    words: int
    vocabulary: int
    options: Options
    sentence_words: int = SENTENCE_WORDS

    def __post_init__(self) -> None:
        for name, (argument, allowed) in _SIZES.items():
            object.__setattr__(self, name, _checked_size(name, argument, getattr(self, name), allowed))
        if self.vocabulary > self.words:
            raise OptionError(
                f"a vocabulary of {self.vocabulary:,} is not possible for {counted(self.words, 'word')}: give "
                "the number of different words"
            )
        if self.options.subwords is not None:
            raise OptionError(
                f"{option('subwords')} cannot be planned: how many rows n-grams have depends on the words. Leave it out"
            )

    @cached_property
    def corpus(self) -> Corpus:
        """The corpus, without its text."""
        return sized_corpus(self.words, self.vocabulary, self.sentence_words)

    @property
    def text_bytes(self) -> int:
        """The size of the text, approximately."""
        return round(self.words * BYTES_PER_WORD)

    @cached_property
    def steps(self) -> float:
        """The pairs of an epoch; for the exact softmax, the scores of two words."""
        return n_steps(self.corpus, self.options)

    @cached_property
    def blocks(self) -> int:
        """P, the number of blocks of rows; 1 if the schedule has none."""
        return self.on(1).row_blocks if self.options.schedule == "blocks" else 1

    @cached_property
    def block_loads(self) -> NDArray[np.float64]:
        """The share of the work in each block of rows, (P,)."""
        return expected.block_loads(self.on(1))

    @property
    def shape(self) -> Shape:
        """The sizes of blocks and buckets, on which the speed of training depends."""
        setup, P = self.on(1), self.blocks
        chunk = min(chunk_size(setup.extent, P), setup.extent.n_blocks)
        return Shape(self.vocabulary // P, chunk * setup.extent.pairs // P**2)

    @property
    def is_for_clusters(self) -> bool:
        """Whether a cluster trains with these options, and how long it takes is predicted."""
        try:
            self.check_nodes()
        except OptionError:
            return False
        return True

    def check_nodes(self) -> None:
        """Raise `OptionError` unless `is_for_clusters`."""
        check_options(self.options)
        if self.options.objective == "softmax":
            raise OptionError(
                f"how long {option('objective', repr('softmax'))} takes on several machines is not predicted: plan it "
                "for one"
            )

    @property
    def most_nodes(self) -> int:
        """The most machines that can train with these options."""
        return self.blocks if self.is_for_clusters else 1

    def on(self, nodes: int) -> Setup:
        """Return the setup of a cluster whose members have equal shares of the text."""
        corpus, tokens = self.corpus, self.corpus.tokens
        bounds = [member * tokens.n_blocks // nodes for member in range(nodes + 1)]
        shares = tuple(stop - start for start, stop in pairwise(bounds))
        counts = corpus.vocabulary.counts
        return Setup(counts, self.options, tokens.n_words, corpus.raw_words, tokens.longest, shares)


def _checked_size(name: str, argument: str, value: Any, allowed: dict[str, Any]) -> Any:
    """Return a size; the error for one that is not allowed gives its name on the command line, `argument`."""
    try:
        return checked(name, value, int, allowed)
    except OptionError as error:
        raise OptionError(str(error).replace(option(name), advice(name, argument), 1)) from None
