"""Runs a fit: reads the corpus, sets validation text aside, trains, and validates and records every epoch.

Importing Numba takes 0.2 s, so the modules that need it are imported only after the arguments have been checked.
"""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.messages import counted, option
from firth.options import Options, checked, limits
from firth.text import (
    Corpus,
    CorpusInput,
    ReadOptions,
    TokenStore,
    check_corpus,
    check_validation,
    hold_out,
    read_corpus,
)  # fmt: skip
from firth.text.encoding import LONGEST_WORD
from firth.text.pairs import Pairs
from firth.training.arguments import refuse_pairs
from firth.training.loop.engine import Kernels, Matrix
from firth.training.loop.progress import Reporter, reporter
from firth.training.loop.signals import ending_with_the_program
from firth.training.loop.start import Start, StartRows
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import EpochRecord, records

if TYPE_CHECKING:
    from firth.training.loop.objective import Training
    from firth.training.softmax.exact import ExactLoss

StrPath: TypeAlias = str | os.PathLike[str]
_KERNELS = limits("the code that computes the steps", choices=("compiled", "reference"))
_MOST_REPLACED = 0.1  # share of words with invalid UTF-8 in a text file; a file that is not text has more


class Texts(NamedTuple):
    """The texts of a run, arguments of `Word2Vec.fit`, and how to read them."""

    corpus: CorpusInput
    validation: CorpusInput | float | None = None
    how: ReadOptions = ReadOptions()

    def check(self, checkpoint: StrPath | None) -> None:
        """Raise any error that can be found before reading; `checkpoint` must not lie in a folder that is read."""
        check_validation(self.validation, self.how, apart=checkpoint)
        check_corpus(self.corpus, self.how, apart=checkpoint)


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
    Saving(folder, minutes, resume).check()
    return Checkpointer()


class Saving(NamedTuple):
    """Where and how often to save the states of a run, and whether to resume it: arguments of `Word2Vec.fit`."""

    folder: StrPath | None = None
    minutes: float | None = None
    resume: bool = False

    def check(self) -> None:
        """Raise `OptionError` for an argument that needs a folder, if there is none."""
        given = {option("resume", True): self.resume, option("checkpoint_minutes"): self.minutes is not None}
        for name, is_given in given.items():
            if is_given and self.folder is None:
                raise OptionError(f"{name} needs {option('checkpoint')}, the folder for the checkpoints")


@dataclass(frozen=True)
class Plan:
    """A run whose arguments were checked, before anything is read."""

    texts: Texts
    options: Options
    workers: int
    report: Reporter
    checkpointer: Checkpointer
    kernels: Kernels = "compiled"
    start: Start | None = None

    @property
    def extends(self) -> bool:
        """Whether the run trains the words that it starts from further."""
        return self.start is not None and self.start.known is not None


def plan_run(
    texts: Texts,
    options: Options,
    workers: int,
    saving: Saving,
    *,
    progress: bool | None,
    kernels: Kernels,
    start: Start | None = None,
) -> Plan:
    """Return the plan of a run; raise the errors that can be found before reading."""
    texts.check(saving.folder)
    if isinstance(texts.corpus, Pairs):
        refuse_pairs(options)
    report = reporter(progress)
    checked("kernels", kernels, str, _KERNELS)
    if start is not None:
        start.check(options)
    checkpointer = make_checkpointer(
        saving.folder, options, report, minutes=saving.minutes, resume=saving.resume, kernels=kernels
    )
    return Plan(texts, options, workers, report, checkpointer, kernels, start)


@dataclass
class Run:
    """A training run whose corpus was read: `epochs` trains the matrices of `trainer`, in place."""

    corpus: Corpus
    summary: dict[str, int]  # counts of what was read, dropped and replaced
    trainer: "Training"
    checkpointer: Checkpointer
    validate: Callable[[EpochRecord], EpochRecord]
    start: Start | None = None
    start_rows: StartRows | None = None

    @property
    def earlier_epochs(self) -> int:
        """Epochs of the vectors that the run starts from."""
        return 0 if self.start is None else self.start.epochs

    def finish(self) -> None:
        """Average the matrices, in place, with those that the run started from, if these are trained vectors."""
        if self.start is not None and self.start_rows is not None and self.start.is_averaged:
            weight = self.start.share_of(self.corpus.tokens.n_words)
            trainer = self.trainer
            self.start_rows.average_into(trainer.center, trainer.outside, trainer.nodes, weight)
            if trainer.subwords is not None:
                self.start_rows.average_ngrams_into(trainer.subwords, weight)

    @property
    def history(self) -> list[EpochRecord]:
        """The records of the epochs done, by this run and by the run that it resumed."""
        return records(self.checkpointer.history, "the checkpoint")

    def epochs(self) -> Generator[EpochRecord, None, None]:
        """Train, yielding the record of each epoch. Closing the iterator stops training."""
        try:
            for record in self.trainer.epochs():
                validated = self.validate(replace(record, epoch=self.earlier_epochs + record.epoch))
                self.checkpointer.history.append(validated.to_dict())
                yield validated
        finally:
            self.trainer.stop()


@contextmanager
def open_run(plan: Plan) -> Iterator[Run]:
    """Read the texts, compare them with the checkpoint to resume, and allocate the matrices, for the `with` block."""
    from firth.training import registry

    options, workers, report, checkpointer = plan.options, plan.workers, plan.report, plan.checkpointer
    with ending_with_the_program(), report, checkpointer:
        corpus = _read(plan)
        with corpus.tokens:
            summary = {name: value for name, value in vars(corpus).items() if isinstance(value, int)}
            report_reading(corpus, report)
            corpus, held_out = _hold_out(plan, corpus)
            checkpointer.check_corpus(corpus, held_out, plan.start)
            is_resumed = checkpointer.resumed is not None
            trainer = registry.make_trainer(corpus, options, workers, report, checkpointer, plan.kernels)
            rows = None
            if plan.start is not None:
                rows = plan.start.rows_of(corpus.vocabulary)
                summary |= report_start(rows, plan.start, corpus, report)
                apply_start(rows, trainer, is_resumed=is_resumed)
            validate = _validation(trainer, corpus, held_out, options, workers, report)
            yield Run(corpus, summary, trainer, checkpointer, validate, plan.start, rows)


def _read(plan: Plan) -> Corpus:
    texts, report = plan.texts, plan.report
    report.stage("reading", None)
    words = plan.options if plan.start is None or plan.start.known is None else plan.start.known
    return read_corpus(texts.corpus, words, texts.how, workers=plan.workers, progress=report.advance)


def _hold_out(plan: Plan, corpus: Corpus) -> tuple[Corpus, TokenStore | None]:
    """Return the corpus to train on, and the tokens to validate on, if the plan has a validation text."""
    texts = plan.texts
    if texts.validation is None:
        return corpus, None
    return hold_out(corpus, texts.validation, plan.options, plan.workers, texts.how)


def report_start(rows: StartRows, start: Start, corpus: Corpus, report: Reporter) -> dict[str, int]:
    """Show and return how many words have vectors to start from, and how many of these do not change."""
    found, V = len(rows.rows), len(corpus.vocabulary)
    report.show(f"{found:,} of {counted(V, 'word')} start from existing vectors")
    if rows.frozen is None:
        return {"started": found}
    frozen = int(rows.frozen.sum())
    report.show(f"{frozen:,} of {counted(len(start.frozen), 'frozen vector')} belong to words of the vocabulary")
    return {"started": found, "frozen": frozen}


def apply_start(rows: StartRows, trainer: "Training", *, is_resumed: bool) -> None:
    """Freeze rows of a trainer, and give it the vectors to start from unless it resumes."""
    if rows.frozen is not None:
        trainer.freeze(rows.frozen)
    if not is_resumed:
        trainer.start_from(rows)
    elif trainer.subwords is not None:
        rows.copy_frozen_into(trainer.center)  # composed vectors are not in a checkpoint


def _validation(
    trainer: "Training", corpus: Corpus, held_out: TokenStore | None, options: Options, workers: int, report: Reporter
) -> Callable[[EpochRecord], EpochRecord]:
    """Prepare the held-out pairs; return the function that adds their loss to a record."""
    if held_out is None:
        return lambda record: record
    loss_of = _held_out_loss(held_out, corpus, options, workers)

    def loss() -> "ExactLoss":
        return loss_of(trainer.center, trainer.outside if trainer.nodes is None else trainer.nodes)

    return validated(loss, options, report)


def validated(
    loss_of: Callable[[], "ExactLoss"], options: Options, report: Reporter
) -> Callable[[EpochRecord], EpochRecord]:
    """Return the function that computes the loss of held-out pairs, reports it, and adds it to a record."""
    name = "hierarchical softmax" if options.has_nodes else "softmax"

    def validate(record: EpochRecord) -> EpochRecord:
        loss = loss_of()
        pairs = counted(round(loss.pairs), "pair")
        report.show(f"held out {pairs}  {name} loss {loss.nats:.4f}  perplexity {loss.perplexity:,.1f}")
        return replace(record, validation_loss=loss.nats)

    return validate


def _distinct(corpus: Corpus) -> str:
    """Return the number of distinct words as part of a line; nothing if the vocabulary has words of other texts."""
    own = len(corpus.vocabulary) <= corpus.distinct_words and not corpus.not_in_vocabulary
    return f" of {counted(corpus.distinct_words, 'distinct word')}" if own else ""


def _reasons(corpus: Corpus) -> str:
    """Return why words were dropped, with the number of distinct words."""
    if corpus.not_in_vocabulary:
        return f"{corpus.not_in_vocabulary:,} distinct not in the vocabulary"
    beyond = f", {corpus.beyond_max_vocab:,} beyond {option('max_vocab')}" if corpus.beyond_max_vocab else ""
    return f"{corpus.below_min_count:,} distinct below {option('min_count')}{beyond}"


def _held_out_loss(
    held_out: TokenStore, corpus: Corpus, options: Options, workers: int
) -> Callable[[Matrix, Matrix], "ExactLoss"]:
    """Return the function from both matrices to the loss of the held-out pairs.

    It is the exact softmax's, or that of the tree where there is one: both are -log P(o | c).
    """
    from firth.training.cbow.validation import choose_positions, positions_loss, positions_path_loss
    from firth.training.hierarchical_softmax.validation import path_loss
    from firth.training.softmax.exact import exact_loss
    from firth.training.softmax.given_pairs import counts_of
    from firth.training.subwords.rows import row_counts

    words, intercept = corpus.vocabulary.counts, outside_intercept(corpus, options)
    if options.architecture == "cbow":
        positions, is_mean = choose_positions(held_out, corpus.vocabulary, options), options.cbow_mean
        counts = None if options.subwords is None else row_counts(corpus.vocabulary, options)
        if options.has_nodes:
            return lambda center, nodes: positions_path_loss(
                center, nodes, positions, words, is_mean=is_mean, counts=counts
            )
        return lambda center, outside: positions_loss(
            center, outside, positions, intercept, is_mean=is_mean, workers=workers, counts=counts
        )
    pairs = counts_of(held_out, corpus.vocabulary, options, workers=workers)
    if options.has_nodes:
        return lambda center, nodes: path_loss(center, nodes, pairs, words, workers=workers)
    return lambda center, outside: exact_loss(center, outside, pairs, intercept, workers=workers)


def outside_intercept(corpus: Corpus, options: Options) -> NDArray[np.float32]:
    """Return the intercepts of the exact softmax, (V,): logarithms of the words' shares, or zeros."""
    from firth.training.softmax.exact import unigram_intercept

    if not options.unigram_intercept:
        return np.zeros(len(corpus.vocabulary), np.float32)
    return unigram_intercept(corpus.outside_counts)


def report_reading(corpus: Corpus, report: Reporter) -> None:
    """Show what was read, and what was dropped or replaced."""
    dropped = corpus.raw_words - corpus.tokens.n_words
    kind = "sentence" if corpus.tokens.pairs is None else "pair"
    text = f"read {counted(corpus.raw_words, 'word')} in {counted(corpus.sentences, kind)}"
    text += f"; vocabulary {len(corpus.vocabulary):,}"
    if dropped:
        text += f"{_distinct(corpus)}, {counted(dropped, 'word')} dropped ({_reasons(corpus)})"
    if corpus.too_long:
        text += f"; {counted(corpus.too_long, 'token')} of more than {LONGEST_WORD:,} bytes skipped"
    if corpus.replaced:
        text += f"; invalid UTF-8 replaced in {counted(corpus.replaced, 'word')}"
    if corpus.null_rows:
        text += f"; {counted(corpus.null_rows, 'null row')} skipped"
    report.show(f"{text}; {corpus.note}" if corpus.note else text)
    if corpus.replaced > _MOST_REPLACED * corpus.raw_words:
        raw_words = counted(corpus.raw_words, "word")
        report.warn(f"not UTF-8: {corpus.replaced:,} of {raw_words}; is the corpus text?")
