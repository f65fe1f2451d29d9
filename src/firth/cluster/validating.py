"""Validation: the held-out text of a run on a cluster. The driver counts its pairs; members compute their loss."""

from collections.abc import Callable, Sequence

import numpy as np

from firth.cluster.handles import Handle, call_all, call_each
from firth.cluster.held_out import ROOT, part_of, tile_words
from firth.cluster.setup import Setup
from firth.cluster.text import ClusterText
from firth.options import Options
from firth.resources import available_cores
from firth.text import Corpus, TokenStore, hold_out
from firth.training.loop.progress import Reporter
from firth.training.loop.trainer import EpochRecord
from firth.training.run import Texts, outside_intercept, validated
from firth.training.softmax.cooccurrence import Cooccurrence
from firth.training.softmax.given_pairs import counts_of


class Validation:
    """The validation of a run, also after members were started anew: its text is read and counted once."""

    def __init__(self, texts: Texts, options: Options, report: Reporter):
        self._texts, self._options, self._report = texts, options, report
        self._given: TokenStore | None = None  # the tokens of a text of its own
        self._tokens: TokenStore | None = None
        self._counts: Cooccurrence | None = None

    def hold_out(self, text: ClusterText) -> tuple[ClusterText, TokenStore | None]:
        """Return the text to train on, and the tokens to validate on; raise what `firth.text.hold_out` raises."""
        if self._texts.validation is None or self._given is not None:
            return text, self._given
        corpus, self._tokens = hold_out(
            text.corpus, self._texts.validation, self._options, available_cores(), self._texts.how
        )
        if corpus is text.corpus:
            self._given = self._tokens
        ends = np.minimum(np.cumsum([0, *text.token_blocks]), corpus.tokens.n_blocks)
        return ClusterText(corpus, tuple(np.diff(ends).tolist())), self._tokens

    def prepare(self, members: Sequence[Handle], setup: Setup, corpus: Corpus) -> Callable[[EpochRecord], EpochRecord]:
        """Give each member the counts of its words; return the function that adds the loss to a record."""
        if self._tokens is None:
            return lambda record: record
        if self._counts is None:
            self._counts = counts_of(self._tokens, corpus.vocabulary, self._options, workers=available_cores())
        intercept = outside_intercept(corpus, self._options)
        parts = [(part_of(self._counts, intercept, words),) for words in tile_words(setup)]
        call_each(members, "hold_out", parts)
        return validated(lambda: call_all(members, "held_out_loss")[ROOT], self._options, self._report)

    def close(self) -> None:
        """Free the text."""
        if self._given is not None:
            self._given.close()
