"""Runs a fit: reads the corpus, sets validation text aside, trains, and validates and records every epoch.

Importing Numba takes 0.2 s, so the modules that need it are imported only after the arguments have been checked.
"""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.messages import counted, option
from firth.options import Options
from firth.text import Corpus, CorpusInput, TokenStore, check_files, check_validation, hold_out, read_corpus
from firth.text.encoding import LONGEST_WORD
from firth.text.sentences import Tokenizer
from firth.training.loop.engine import Kernels, Matrix
from firth.training.loop.progress import Reporter
from firth.training.loop.signals import ending_with_the_program
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import EpochRecord, records

if TYPE_CHECKING:
    from firth.training.loop.objective import Training
    from firth.training.softmax.exact import ExactLoss

StrPath: TypeAlias = str | os.PathLike[str]
_MOST_REPLACED = 0.1  # share of words with invalid UTF-8 in a text file; a file that is not text has more


class Texts(NamedTuple):
    """The texts of a run and how to read them; the fields are arguments of `Word2Vec.fit`."""

    corpus: CorpusInput
    validation: CorpusInput | float | None = None
    tokenizer: Tokenizer | None = None
    offsets: Sequence[int] | NDArray[np.integer[Any]] | None = None
    max_input_bytes: int | None = None

    def check(self, checkpoint: StrPath | None) -> None:
        """Raise any error that can be found before reading; `checkpoint` must not lie in a folder that is read."""
        check_validation(self.validation)
        for text in (self.corpus, self.validation):
            check_files(text, self.max_input_bytes, apart=checkpoint, tokenizer=self.tokenizer)


def make_checkpointer(
    folder: StrPath | None,
    options: Options,
    report: Reporter,
    *,
    minutes: float | None,
    resume: bool,
    kernels: Kernels = "compiled",
) -> Checkpointer:
    """Return what saves the states of a run in `folder`, or what saves none if that is None."""
    if folder is not None:
        from firth.training.loop.checkpoint import FolderCheckpointer
        from firth.training.registry import objective_of

        objective = objective_of(options)
        return FolderCheckpointer(
            folder, options, report, matrices=objective.state_matrices, minutes=minutes, resume=resume, kernels=kernels,
            rows=lambda corpus: objective.state_rows(corpus, options),
        )  # fmt: skip
    for name, given in {option("resume", True): resume, option("checkpoint_minutes"): minutes is not None}.items():
        if given:
            raise OptionError(f"{name} needs {option('checkpoint')}, the folder for the checkpoints")
    return Checkpointer()


@dataclass
class Run:
    """A training run whose corpus was read: `epochs` trains the matrices of `trainer`, in place."""

    corpus: Corpus
    summary: dict[str, int]  # counts of what was read, dropped and replaced
    trainer: "Training"
    checkpointer: Checkpointer
    validate: Callable[[EpochRecord], EpochRecord]

    @property
    def history(self) -> list[EpochRecord]:
        """The records of the epochs done, by this run and by the run that it resumed."""
        return records(self.checkpointer.history, "the checkpoint")

    def epochs(self) -> Generator[EpochRecord, None, None]:
        """Train, yielding the record of each epoch. Closing the iterator stops training."""
        try:
            for record in self.trainer.epochs():
                validated = self.validate(record)
                self.checkpointer.history.append(validated.to_dict())
                yield validated
        finally:
            self.trainer.stop()


@contextmanager
def open_run(
    texts: Texts, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Iterator[Run]:
    """Read the texts, compare them with the checkpoint to resume, and allocate the matrices, for the `with` block."""
    from firth.training import registry

    with ending_with_the_program(), report, checkpointer:
        report.stage("reading", None)
        tokenizer, limit = texts.tokenizer, texts.max_input_bytes
        corpus = read_corpus(
            texts.corpus, options, tokenizer=tokenizer, offsets=texts.offsets, workers=workers,
            max_input_bytes=limit, progress=report.advance,
        )  # fmt: skip
        with corpus.tokens:
            summary = {name: value for name, value in vars(corpus).items() if isinstance(value, int)}
            report_reading(corpus, report)
            held_out = None
            if texts.validation is not None:
                corpus, held_out = hold_out(
                    corpus, texts.validation, options, workers, tokenizer=tokenizer, max_input_bytes=limit
                )
            checkpointer.check_corpus(corpus, held_out)
            trainer = registry.make_trainer(corpus, options, workers, report, checkpointer, kernels)
            validate = _validation(trainer, corpus, held_out, options, workers, report)
            yield Run(corpus, summary, trainer, checkpointer, validate)


def _validation(
    trainer: "Training", corpus: Corpus, held_out: TokenStore | None, options: Options, workers: int, report: Reporter
) -> Callable[[EpochRecord], EpochRecord]:
    """Prepare the held-out pairs; return the function that adds their loss to a record."""
    if held_out is None:
        return lambda record: record
    loss_of = _held_out_loss(held_out, corpus, options, workers)
    name = "hierarchical softmax" if options.has_nodes else "softmax"

    def validate(record: EpochRecord) -> EpochRecord:
        loss = loss_of(trainer.center, trainer.outside)
        pairs = counted(round(loss.pairs), "pair")
        report.show(f"held out {pairs}  {name} loss {loss.nats:.4f}  perplexity {loss.perplexity:,.1f}")
        return replace(record, validation_loss=loss.nats)

    return validate


def _held_out_loss(
    held_out: TokenStore, corpus: Corpus, options: Options, workers: int
) -> Callable[[Matrix, Matrix], "ExactLoss"]:
    """Return the function from both matrices to the loss of the held-out pairs.

    It is the exact softmax's, or, for hierarchical softmax, the objective itself: both are -log P(o | c).
    """
    from firth.training.cbow.validation import choose_positions, positions_loss, positions_path_loss
    from firth.training.hierarchical_softmax.validation import path_loss
    from firth.training.softmax.cooccurrence import count_pairs
    from firth.training.softmax.exact import exact_loss, unigram_intercept

    words = corpus.vocabulary.counts
    intercept = unigram_intercept(words) if options.unigram_intercept else np.zeros(len(words), np.float32)
    if options.architecture == "cbow":
        positions, is_mean = choose_positions(held_out, corpus.vocabulary, options), options.cbow_mean
        if options.has_nodes:
            return lambda center, nodes: positions_path_loss(center, nodes, positions, words, is_mean=is_mean)
        return lambda center, outside: positions_loss(
            center, outside, positions, intercept, is_mean=is_mean, workers=workers
        )
    pairs = count_pairs(held_out, corpus.vocabulary, options, workers=workers)
    if options.has_nodes:
        return lambda center, nodes: path_loss(center, nodes, pairs, words, workers=workers)
    return lambda center, outside: exact_loss(center, outside, pairs, intercept, workers=workers)


def report_reading(corpus: Corpus, report: Reporter) -> None:
    """Show what was read, and what was dropped or replaced."""
    dropped = corpus.raw_words - corpus.tokens.n_words
    text = f"read {counted(corpus.raw_words, 'word')} in {counted(corpus.sentences, 'sentence')}"
    text += f"; vocabulary {len(corpus.vocabulary):,}"
    if dropped:
        text += f" of {counted(corpus.distinct_words, 'distinct word')}, {counted(dropped, 'word')} dropped ("
        text += f"{corpus.below_min_count:,} distinct below {option('min_count')}"
        text += f", {corpus.beyond_max_vocab:,} beyond {option('max_vocab')})" if corpus.beyond_max_vocab else ")"
    if corpus.too_long:
        text += f"; {counted(corpus.too_long, 'token')} of more than {LONGEST_WORD:,} bytes skipped"
    if corpus.replaced:
        text += f"; invalid UTF-8 replaced in {counted(corpus.replaced, 'word')}"
    report.show(text)
    if corpus.replaced > _MOST_REPLACED * corpus.raw_words:
        raw_words = counted(corpus.raw_words, "word")
        report.warn(f"not UTF-8: {corpus.replaced:,} of {raw_words}; is the corpus text?")
