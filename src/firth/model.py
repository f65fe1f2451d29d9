"""Word2Vec: options, vocabulary, both matrices and their history; fit, save, load."""

import dataclasses
import inspect
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Never, Self, TypeAlias, cast

import numpy as np

from firth.errors import CorpusError, DivergenceError, FirthError, FormatError, OptionError
from firth.messages import counted, option
from firth.options import Options, shortened, unknown_option
from firth.resources import checked_workers
from firth.vectors import KeyedVectors
from firth.vectors.growing import GrowingArray

if TYPE_CHECKING:
    from firth.text import Corpus, TokenStore
    from firth.training.loop.progress import Reporter
    from firth.training.loop.state import Checkpointer
    from firth.training.loop.trainer import EpochRecord
    from firth.training.registry import Training

Callback = Callable[["Word2Vec"], Any]
Validate: TypeAlias = "Callable[[EpochRecord], EpochRecord]"

_OPTIONS = {field.name for field in dataclasses.fields(Options)}
_NO_CORPUS = object()  # marks that `fit` was called without one
_MOST_REPLACED = 0.1  # of the words of a text: a file of another kind has more


class Word2Vec:
    """Skip-gram: learns a vector for every word of a corpus, by negative sampling or by the exact softmax.

    The loss of a pair of a center word c and an outside word o, with K noise words w_k, is (Mikolov et al. 2013,
    arXiv:1310.4546, eq. 4; computed in the open by `firth.objectives.negative_sampling`)

        J = -log sigma(u_o . v_c) - sum_k log sigma(-u_k . v_c)

    and with `objective="softmax"` (computed pair by pair by `firth.objectives.naive_softmax`)

        J = -u_o . v_c + log sum_w exp(u_w . v_c), each score plus log P of its word if `unigram_intercept`

    Keywords are the fields of `Options`, and `workers`, the number of threads (None: all cores that this process
    may use). The constructor only checks and keeps them; `fit` does the work.

    Attributes after `fit` or `load`:
      wv       KeyedVectors: the words and the rows v of the center matrix, (V, D) float32
      outside  the rows u of the outside matrix, (V, D) float32, in the order of the words of `wv`
      history  a list of `EpochRecord`: loss (nats per pair), pairs, words, seconds, learning rate
      corpus   dict: what was read, and what was dropped or replaced on the way

    `wv` may be edited after `fit`: sorting it or adding words changes both matrices alike.

    Raises `OptionError` for an unknown option, suggesting the nearest, or a value out of range.
    """

    def __init__(
        self,
        *corpus: Never,
        vector_size: int = 100,
        objective: Literal["negative_sampling", "softmax"] = "negative_sampling",
        window: int = 5,
        shrink_windows: bool = True,
        negative: int = 5,
        ns_exponent: float = 0.75,
        sample: float = 0.001,
        min_count: int = 5,
        max_vocab: int | None = None,
        schedule: Literal["blocks", "hogwild"] = "blocks",
        blocks: int = 16,
        unigram_intercept: bool = True,
        center_power: float = 0.5,
        warm_epochs: int = 3,
        epochs: int = 5,
        alpha: float = 0.025,
        min_alpha: float = 0.0001,
        seed: int = 1,
        lowercase: bool = False,
        workers: int | None = None,
        **unknown: Never,
    ):
        options = {name: value for name, value in locals().items() if name in _OPTIONS}
        if corpus:
            raise OptionError("Word2Vec takes options alone: give the corpus to fit, as Word2Vec(...).fit(corpus)")
        for name in unknown:
            if name in _fit_arguments():
                raise OptionError(f"{name} is an argument of fit and not an option of Word2Vec: give it to fit")
        self.options = Options.from_dict(options | unknown)
        self.workers = checked_workers(workers)
        self.history: list[EpochRecord] = []
        self.corpus: dict[str, int] = {}
        self._wv: KeyedVectors | None = None
        self._outside: GrowingArray | None = None
        self._is_training = False

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_is_training": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state
        if self._wv is not None and self._outside is not None:
            self._wv.move_with(self._outside)

    def fit(
        self,
        corpus: Any = _NO_CORPUS,
        *,
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        offsets: Any = None,
        validation: Any = None,
        callbacks: Callback | Iterable[Callback] = (),
        progress: bool | None = None,
        max_input_bytes: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_minutes: float | None = None,
        resume: bool = False,
        overwrite: bool = False,
        **unknown: Never,
    ) -> Self:
        """Read a corpus and train on it from the start, or from a checkpoint; return this model.

          corpus     a path, several, a folder, a glob pattern, "-" for standard input; an iterable of token
                     lists, read once; or integer sequences (see `firth.text.read_corpus`)
          tokenizer  function from a line of text to its words, of the validation too; None splits at white space
          offsets    where sentences begin in a flat integer array
          validation a fraction of the corpus to set aside, or a corpus of its own: after every epoch the exact
                     softmax loss of its pairs goes into the history, whatever the objective
          callbacks  a function, or several: each is called with this model after every epoch; one that returns True,
                     and nothing else, stops training
          progress   None shows a bar on a terminal and a line now and then elsewhere; False shows nothing
          max_input_bytes     the most bytes of text, decompressed, of all files of the corpus together, and of those
                              of the validation; None sets no limit
          checkpoint          a folder for the state of the training: written every `checkpoint_minutes` (None: 10), at
                              each epoch's end and at an interrupt, atomically, the last two of them kept
          resume              resume from the newest sound checkpoint, or start if there is none yet; callbacks are
                              called again for the last epoch if they had not finished when the run was interrupted
          overwrite           allow `fit` to replace the vectors that this model already holds, because it cannot train
                              them further; not needed when a checkpoint is resumed. The old vectors stay until
                              training begins, so there must be enough memory for both

        The same seed, options and corpus give the same bytes on any number of workers (with `schedule="hogwild"`, on
        one), however often the training was ended and resumed. An interrupt (Ctrl-C, and SIGTERM while training)
        stops within two seconds, writes a checkpoint if the work under way ends within one, keeps the vectors trained
        so far, and propagates to the caller. Keys, rows and vectors of `wv` cannot be edited until `fit` returns; a
        callback may edit a copy. If training diverges, or fails before its first epoch ends, this model holds what it
        held before.

        Raises `OptionError` for a value that is not allowed, and if this model holds vectors that would be replaced
        without `overwrite=True`; `CorpusError` if there is nothing to train on, `NotEnoughMemoryError` before
        allocating what would not fit, `DivergenceError` if the loss becomes infinite or NaN, `OSError` if the folder
        cannot be made or written in, and `CheckpointError` if another training uses it, if it holds checkpoints and
        `resume` is False, or if they are of other options, another corpus or other versions of the software; the
        message shows the difference.
        """
        from firth.text import check_files, check_validation
        from firth.training.loop.progress import reporter

        _refuse(unknown)
        if corpus is _NO_CORPUS:
            raise OptionError("fit needs a corpus: give a path, an iterable of token lists, or integer sequences")
        listed = _listed_callbacks(callbacks)
        check_validation(validation)
        for text in (corpus, validation):
            check_files(text, max_input_bytes, apart=checkpoint, tokenizer=tokenizer)
        texts = {"tokenizer": tokenizer, "max_input_bytes": max_input_bytes}
        report = reporter(progress)
        checkpointer = self._checkpointer(checkpoint, checkpoint_minutes, resume, report)
        self._check_overwrite(overwrite, resume, checkpointer)
        return self._fit(
            corpus, report, checkpointer, offsets=offsets, validation=validation, callbacks=listed, **texts
        )

    def _checkpointer(
        self, folder: str | os.PathLike[str] | None, minutes: float | None, resume: bool, report: "Reporter"
    ) -> "Checkpointer":
        from firth.training.loop.state import Checkpointer

        if folder is not None:
            from firth.training.loop.checkpoint import FolderCheckpointer
            from firth.training.registry import OBJECTIVES

            matrices = OBJECTIVES[self.options.objective].STATE_MATRICES
            return FolderCheckpointer(folder, self.options, report, matrices=matrices, minutes=minutes, resume=resume)
        for name, given in {option("resume", True): resume, option("checkpoint_minutes"): minutes is not None}.items():
            if given:
                raise OptionError(f"{name} needs {option('checkpoint')}, the folder for the checkpoints")
        return Checkpointer()

    def _check_overwrite(self, overwrite: bool, resume: bool, checkpointer: "Checkpointer") -> None:
        """Raise `OptionError` if training from the start would replace vectors without consent."""
        if self._wv is None or overwrite or checkpointer.has_checkpoints or self._is_training:
            return
        without = ", and there is no checkpoint to resume" if resume else ""
        raise OptionError(
            f"this model already holds the vectors of {counted(len(self._wv), 'word')}. fit trains from the start and "
            f"would replace them: training them further is not available{without}. Fit a new model with the same "
            "options, Word2Vec(**model.options.to_dict()), or give overwrite=True"
        )

    def _fit(
        self,
        corpus: Any,
        report: "Reporter",
        checkpointer: "Checkpointer",
        *,
        offsets: Any = None,
        validation: Any = None,
        callbacks: Iterable[Callback] = (),
        **texts: Any,
    ) -> Self:
        """Do the work of `fit`, telling `report`; `texts` says how to read files, and goes to `read_corpus`."""
        from firth.text import hold_out, read_corpus
        from firth.training.loop.signals import ending_with_the_program
        from firth.training.registry import make_trainer

        with self._alone(), ending_with_the_program(), report, checkpointer:
            report.stage("reading", None)
            where = {"offsets": offsets, **texts}
            read = read_corpus(corpus, self.options, workers=self.workers, progress=report.advance, **where)
            with read.tokens:
                summary = _summary(read)
                report.say(_reading_line(read))
                if read.replaced > _MOST_REPLACED * read.raw_words:
                    report.warn(
                        f"not UTF-8: {read.replaced:,} of {counted(read.raw_words, 'word')}; is the corpus text?"
                    )
                held_out = None
                if validation is not None:
                    read, held_out = hold_out(read, validation, self.options, self.workers, **texts)
                checkpointer.check_corpus(read, held_out)
                training = make_trainer(read, self.options, self.workers, report, checkpointer)
                validate = self._validation(read, held_out, report)
                before = self._wv, self._outside, self.history, self.corpus
                self._begin(training, read, summary, checkpointer)
                try:
                    self._train(training, validate, list(callbacks), checkpointer)
                except (CorpusError, DivergenceError) as error:
                    if isinstance(error, DivergenceError) or not self.history:  # nothing of use was trained
                        self._wv, self._outside, self.history, self.corpus = before
                    raise
        return self

    def _begin(
        self, training: "Training", corpus: "Corpus", summary: dict[str, int], checkpointer: "Checkpointer"
    ) -> None:
        """Hold the matrices that training starts from in place of what this model held before."""
        from firth.training.loop.trainer import records

        history = records(checkpointer.history, "the checkpoint")
        vocabulary = corpus.vocabulary
        counts = vocabulary.counts.copy()  # a copy, so that callbacks cannot change the counts used in training
        self._hold(KeyedVectors(vocabulary.index_to_key, training.center, counts), training.outside)
        self.history, self.corpus = history, summary

    def _hold(self, vectors: KeyedVectors, outside: Any) -> None:
        """Take over vectors and the (V, D) outside matrix, whose rows follow those of the vectors from now on."""
        self._wv, self._outside = vectors, GrowingArray(outside)
        vectors.move_with(self._outside)

    def _train(
        self, training: "Training", validate: "Validate", callbacks: list[Callback], checkpointer: "Checkpointer"
    ) -> None:
        """Train until the last epoch or until a callback returns True. The vectors can be read during training."""
        with self.wv.in_training():
            try:
                for record in training.epochs():
                    self.wv.forget_norms()
                    self.history.append(validate(record))
                    checkpointer.history.append(self.history[-1].to_dict())
                    answers = [callback(self) for callback in callbacks]
                    if any(answer is True or (isinstance(answer, np.bool_) and answer) for answer in answers):
                        break
            finally:
                training.stop()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Refuse another `fit` of this model, from a callback or another thread, until this one has ended."""
        if self._is_training:
            raise FirthError(
                "this model is being trained: use another model, or call fit again after this call returns"
            )
        self._is_training = True
        try:
            yield
        finally:
            self._is_training = False

    def _validation(self, corpus: "Corpus", held_out: "TokenStore | None", report: "Reporter") -> "Validate":
        """Count the held-out pairs; return the function that adds their exact softmax loss to a record."""
        if held_out is None:
            return lambda record: record
        from firth.training.softmax.cooccurrence import count_pairs
        from firth.training.softmax.exact import exact_loss, unigram_intercept

        counts = count_pairs(held_out, corpus.vocabulary, self.options, workers=self.workers)
        intercept = unigram_intercept(corpus.vocabulary.counts) if self.options.unigram_intercept else None

        def validate(record: "EpochRecord") -> "EpochRecord":
            loss = exact_loss(self.wv.vectors, self.outside, counts, intercept, workers=self.workers)
            pairs = counted(round(loss.pairs), "pair")
            report.say(f"held out {pairs}  softmax loss {loss.nats:.4f}  perplexity {loss.perplexity:,.1f}")
            return dataclasses.replace(record, validation_loss=loss.nats)

        return validate

    @property
    def wv(self) -> KeyedVectors:
        """The trained vectors; raises `FirthError` before `fit`."""
        if self._wv is None:
            raise FirthError("this model has no vectors yet: call fit(corpus) first, or load a saved model")
        return self._wv

    @property
    def outside(self) -> Any:
        """The (V, D) float32 outside matrix, in the order of the words of `wv`; raises `FirthError` before `fit`.

        The row of a word that was added to `wv` is zero, as all rows are when negative sampling starts: its score
        with every center is 0.
        """
        self.wv  # noqa: B018 - raises if there is nothing yet
        return cast(GrowingArray, self._outside).rows

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole model to one safetensors file, atomically.

        Raises `FirthError` before `fit`, and `OptionError` if `wv.index_to_key` was edited by hand and does not fit
        the matrices.
        """
        from firth.formats.native import write_native

        self.wv.check_rows()
        write_native(
            path,
            keys=self.wv.index_to_key,
            center=self.wv.vectors,
            outside=self.outside,
            counts=self.wv.counts,
            options=self.options.to_dict(),
            history=[dataclasses.replace(record, seconds=None).to_dict() for record in self.history],
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model that `save` wrote; raises `FormatError` for any other kind of file, or a damaged one."""
        model = load(path)
        if not isinstance(model, cls):
            raise FormatError(f"{os.fspath(path)} holds vectors without a model: use KeyedVectors.load")
        return model

    def __repr__(self) -> str:
        size = counted(len(self._wv), "word") if self._wv is not None else "not fitted"
        return f"<Word2Vec: {size}, vector_size={self.options.vector_size}>"


def load(path: str | os.PathLike[str]) -> Word2Vec | KeyedVectors:
    """Read any file in firth's own format: a `Word2Vec` if it holds a model, `KeyedVectors` if vectors alone.

    Raises `FormatError` if it is another kind of file, or damaged.
    """
    from firth.formats.native import read_native
    from firth.training.loop.trainer import records

    file = read_native(path)
    vectors = KeyedVectors(file.keys, file.center, file.counts)
    if file.outside is None or file.options is None:
        return vectors
    if not file.center.dtype == file.outside.dtype == np.float32:
        raise FormatError(
            f"{os.fspath(path)} holds a model in {file.center.dtype} and {file.outside.dtype}, and a model's matrices "
            "must be float32: read its vectors with KeyedVectors.load"
        )
    model = Word2Vec(**file.options)
    model._hold(vectors, file.outside)
    model.history = records(file.history or [], os.fspath(path))
    return model


def _fit_arguments() -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [name for name, given in inspect.signature(Word2Vec.fit).parameters.items() if given.kind in kinds][1:]


def _refuse(arguments: Iterable[str]) -> None:
    """Raise `OptionError` for the first name, which is not an argument of `fit`, saying what to do."""
    for name in arguments:
        if name in _OPTIONS | {"workers"}:
            raise OptionError(
                f"{name} is an option of Word2Vec and not an argument of fit: Word2Vec({name}=...).fit(corpus)"
            )
        raise unknown_option(name, _fit_arguments())


def _listed_callbacks(callbacks: Any) -> list[Callback]:
    """Return one function or several as a list; raise `OptionError` for anything that cannot be called."""
    if callable(callbacks):
        return [callbacks]
    if isinstance(callbacks, (str, bytes)) or not isinstance(callbacks, Iterable):
        raise OptionError(
            f"callbacks={shortened(callbacks)} is not allowed: give a function that takes the model, or a "
            "list of such functions"
        )
    listed = list(callbacks)
    for number, callback in enumerate(listed):
        if not callable(callback):
            raise OptionError(
                f"callbacks[{number}] is {shortened(callback)}, of type {type(callback).__name__}, which cannot be "
                "called: give functions that take the model, such as lambda model: print(model.history[-1])"
            )
    return listed


def _summary(corpus: "Corpus") -> dict[str, int]:
    """Return the counts of a corpus: what was read, dropped and replaced."""
    fields = (field.name for field in dataclasses.fields(corpus))
    return {name: value for name in fields if isinstance(value := getattr(corpus, name), int)}


def _reading_line(corpus: "Corpus") -> str:
    """Say what was read, and all that was dropped or replaced."""
    from firth.text.encoding import LONGEST_WORD

    dropped = corpus.raw_words - corpus.tokens.n_words
    text = f"read {counted(corpus.raw_words, 'word')} in {counted(corpus.sentences, 'sentence')}"
    text += f"; vocabulary {len(corpus.vocabulary):,}"
    if dropped:
        text += f" of {counted(corpus.distinct_words, 'distinct word')}, {counted(dropped, 'word')} dropped ("
        text += f"{corpus.below_min_count:,} distinct below {option('min_count')}"
        text += f", {corpus.beyond_max_vocab:,} beyond {option('max_vocab')})" if corpus.beyond_max_vocab else ")"
    if corpus.too_long:
        text += f"; {counted(corpus.too_long, 'token')} of more than {LONGEST_WORD:,} bytes left out"
    if corpus.replaced:
        text += f"; invalid UTF-8 replaced in {counted(corpus.replaced, 'word')}"
    return text
