"""gensim's Word2Vec: its arguments, attributes and methods; firth's `Word2Vec` does the work."""

import logging
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any, Never, Self

import numpy as np
from numpy.typing import NDArray

from firth.gensim import files, settings
from firth.gensim.corpora import (
    BrownCorpus,
    LineSentence,
    PathLineSentences,
    Text8Corpus,
    readable,
    refuse_generator,
)
from firth.gensim.keyedvectors import KeyedVectors
from firth.gensim.prediction import predicted_words
from firth.gensim.score import SentenceScorer
from firth.gensim.training import Rates, TrainingCall
from firth.gensim.vocabulary import TrimRule, choose_words, count_words
from firth.model import Word2Vec as Model

__all__ = ["BrownCorpus", "KeyedVectors", "LineSentence", "PathLineSentences", "Text8Corpus", "Word2Vec"]

logger = logging.getLogger(__name__)


class Word2Vec:
    """A model with gensim's arguments and attributes; given sentences, it is trained at once.

    Attributes as in gensim: `wv`, the arguments of the constructor, `syn1neg` or `syn1`, `corpus_count`,
    `corpus_total_words`, `raw_vocab`, `effective_min_count`, `train_count`, `total_train_time`,
    `running_training_loss` and `min_alpha_yet_reached`.

    These arguments have no effect: `hashfxn` (random vectors depend on the seed alone), `batch_words`,
    `queue_factor`, `report_delay`, `progress_per` and `word_count` (firth divides its work itself), and
    `compute_loss` (the loss is always computed). Sentences of more than 10,000 words are not truncated.
    """

    vector_size: int
    window: int
    alpha: float
    min_alpha: float
    min_count: int
    max_vocab_size: int | None
    max_final_vocab: int | None
    sample: float
    seed: int
    workers: int
    sg: int
    hs: int
    negative: int
    ns_exponent: float
    cbow_mean: int
    epochs: int
    null_word: int
    sorted_vocab: int
    shrink_windows: bool
    compute_loss: bool
    comment: str | None
    effective_min_count: int
    syn1neg: NDArray[np.float32]
    syn1: NDArray[np.float32]
    _MODEL = Model
    _SAVED, _ARGUMENTS = settings.SAVED, settings.ARGUMENTS

    def __init__(
        self,
        sentences: Iterable[Any] | None = None,
        corpus_file: str | PathLike[str] | None = None,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int = 3,
        min_alpha: float = 0.0001,
        sg: int = 0,
        hs: int = 0,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Any = hash,
        epochs: int = 5,
        null_word: int = 0,
        trim_rule: TrimRule | None = None,
        sorted_vocab: int = 1,
        batch_words: int = 10_000,
        compute_loss: bool = False,
        callbacks: Iterable[Any] = (),
        comment: str | None = None,
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
    ):
        self.__dict__.update({name: value for name, value in locals().items() if name not in settings.NOT_KEPT})
        self._start(sentences, corpus_file, trim_rule, callbacks)

    def _start(self, sentences: Any, corpus_file: Any, trim_rule: TrimRule | None, callbacks: Iterable[Any]) -> None:
        """Set the attributes that are not arguments, and train if there is a corpus."""
        self._prepare()
        if sentences is None and corpus_file is None:
            settings.warn_unused(trim_rule, callbacks)
            return
        refuse_generator(sentences, self.epochs + 1)
        self.build_vocab(sentences, corpus_file, trim_rule=trim_rule)
        self.train(
            sentences, corpus_file, total_examples=self.corpus_count, epochs=self.epochs,
            compute_loss=self.compute_loss, callbacks=callbacks,
        )  # fmt: skip

    def _prepare(self) -> None:
        settings.check(self)
        self.load = _on_the_class_only  # type: ignore[method-assign]
        self.wv = self._empty_vectors()
        self.layer1_size = self.vector_size
        self.raw_vocab: dict[Any, int] = {}
        self._words: dict[Any, int] = {}  # chosen by `prepare_vocab`, for `prepare_weights`
        self.corpus_count = self.corpus_total_words = self.train_count = 0
        self.total_train_time = self.running_training_loss = 0.0
        self.min_alpha_yet_reached = self.alpha

    def _empty_vectors(self) -> KeyedVectors:
        return KeyedVectors(self.vector_size)

    # --- the vocabulary

    def build_vocab(
        self,
        corpus_iterable: Iterable[Any] | None = None,
        corpus_file: str | PathLike[str] | None = None,
        update: bool = False,
        progress_per: int = 10_000,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        **kwargs: Any,
    ) -> None:
        """Count the words of a corpus and make their vectors; with `update`, add new words to those known.

        `kwargs` are those of `prepare_vocab`.
        """
        self.corpus_total_words, self.corpus_count = self.scan_vocab(corpus_iterable, corpus_file, trim_rule=trim_rule)
        self.prepare_vocab(update=update, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule, **kwargs)
        self.prepare_weights(update)

    def build_vocab_from_freq(
        self,
        word_freq: Mapping[Any, int],
        keep_raw_vocab: bool = False,
        corpus_count: int | None = None,
        trim_rule: TrimRule | None = None,
        update: bool = False,
    ) -> None:
        """Do what `build_vocab` does, with the counts of words instead of a corpus."""
        self.corpus_count, self.raw_vocab = corpus_count or 0, dict(word_freq)
        self.prepare_vocab(update=update, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule)
        self.prepare_weights(update)

    def scan_vocab(
        self,
        corpus_iterable: Iterable[Any] | None = None,
        corpus_file: str | PathLike[str] | None = None,
        progress_per: int = 10_000,
        workers: int | None = None,
        trim_rule: TrimRule | None = None,
    ) -> tuple[int, int]:
        """Count the words of a corpus in `raw_vocab`; return the number of words and of sentences."""
        found = count_words(readable(corpus_iterable, corpus_file), self.max_vocab_size, trim_rule)
        self.raw_vocab = found.counts
        return found.total_words, found.sentences

    def prepare_vocab(
        self,
        update: bool = False,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        min_count: int | None = None,
        sample: float | None = None,
        dry_run: bool = False,
    ) -> dict[str, int]:
        """Choose words of `raw_vocab` by `min_count`, `max_final_vocab` and the rule; return gensim's figures."""
        min_count, sample = min_count or self.min_count, sample or self.sample
        choice = choose_words(self.raw_vocab, min_count, self.max_final_vocab, trim_rule)
        self.effective_min_count = choice.min_count
        report = choice.report(self.raw_vocab, sample)
        if dry_run:
            return report
        self.min_count, self.sample = (self.min_count, self.sample) if update else (min_count, sample)
        self._words = choice.sorted_words() if self.sorted_vocab and not update else choice.words
        if update:  # the counts of known words grow, however rare these are in the new text
            self._words |= {word: n for word, n in self.raw_vocab.items() if word in self.wv.key_to_index}
        if not keep_raw_vocab:
            self.raw_vocab = {}
        return report

    def prepare_weights(self, update: bool = False) -> None:
        """Make the vectors of the words that `prepare_vocab` chose; with `update`, of new ones only."""
        if update:
            self.update_weights()
        else:
            zeros = np.zeros((len(self._words), self.vector_size), np.float32)
            self.wv.replace(list(self._words), zeros, self._words.values())
            self.init_weights()

    def init_weights(self) -> None:
        """Set the vectors of all words to random values, and the output matrix to zero."""
        if not len(self.wv):
            return  # `train` raises an error
        model = self._untrained(dict(zip(self.wv.index_to_key, self._counts(), strict=True)))
        self._outputs = {name: np.zeros_like(self.wv.vectors) for name in settings.output_names(self)}
        self._hold(model)
        self._add_codes()

    def update_weights(self) -> None:
        """Add the counts that `prepare_vocab` chose, and vectors for new words, which start as in a new model."""
        if not len(self.wv):
            raise settings.NotReadyError("there is no vocabulary to update: call build_vocab without update first")
        known = {word: n for word, n in self._words.items() if word in self.wv.key_to_index}
        new = {word: n for word, n in self._words.items() if word not in known}
        counts = self._counts()
        np.add.at(counts, [self.wv.key_to_index[word] for word in known], list(known.values()))
        self.wv.counts = counts
        if new:
            self.wv.add_vectors(list(new), self._new_vectors(new), {"count": list(new.values())})
            zeros = np.zeros((len(new), self.vector_size), np.float32)
            self._outputs = {name: np.vstack([matrix, zeros]) for name, matrix in self._outputs.items()}
        self._add_codes()

    def _hold(self, model: Model) -> None:
        """Copy the vectors of an untrained model with the same words."""
        self.wv.vectors = model.wv.vectors.copy()

    def _new_vectors(self, new: Mapping[Any, int]) -> NDArray[np.float32]:
        """Return random vectors for new words."""
        options = self._options() | {"objective": "negative_sampling", "negative": 1}  # one word has no tree
        vectors: NDArray[np.float32] = self._MODEL.from_counts(new, **options, workers=self.workers).wv.vectors
        return vectors

    def reset_from(self, other_model: "Word2Vec") -> None:
        """Take the words and counts of another model, and start with random vectors."""
        self._words = dict(zip(other_model.wv.index_to_key, other_model._counts().tolist(), strict=True))
        self.corpus_count = other_model.corpus_count
        self.prepare_weights()

    # --- training

    def train(
        self,
        corpus_iterable: Iterable[Any] | None = None,
        corpus_file: str | PathLike[str] | None = None,
        total_examples: int | None = None,
        total_words: int | None = None,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        word_count: int = 0,
        queue_factor: int = 2,
        report_delay: float = 1.0,
        compute_loss: bool = False,
        callbacks: Iterable[Any] = (),
        **kwargs: Any,
    ) -> tuple[int, int]:
        """Train on a corpus; return the number of pairs and of raw words.

        The learning rate falls from `start_alpha` to `end_alpha`; None: `alpha` and `min_alpha`. `total_examples` or
        `total_words` must be given, as in gensim, but firth counts the corpus itself.
        """
        self.alpha, self.min_alpha = start_alpha or self.alpha, end_alpha or self.min_alpha
        corpus = readable(corpus_iterable, corpus_file)
        settings.check_call(self, total_examples, total_words, epochs)
        assert epochs is not None
        refuse_generator(corpus, epochs)
        self.epochs, self.compute_loss, self.running_training_loss = epochs, compute_loss, 0.0
        call = TrainingCall(self, self._model(), Rates(self.alpha, self.min_alpha, epochs), callbacks)
        call.run(corpus)
        self.min_alpha_yet_reached = self.min_alpha
        return call.pairs, call.raw_words

    def _model(self) -> Model:
        """Return a firth model with the matrices of this one; its words are sorted by count."""
        order, counts = self._order(), self._counts()
        keys = [self.wv.index_to_key[row] for row in order.tolist()]
        model = self._untrained(dict(zip(keys, counts[order].tolist(), strict=True)))
        model.wv.vectors = np.ascontiguousarray(self.wv.vectors[order], np.float32)
        settings.set_outputs(model, self._outputs, order)
        return model

    def take_over(self, model: Model) -> None:
        """Copy the matrices of the model that `_model` returned."""
        order = self._order()
        vectors = np.empty((len(order), self.vector_size), np.float32)
        vectors[order] = model.wv.vectors
        self.wv.vectors, self._outputs = vectors, settings.outputs_of(model, order)

    def _untrained(self, counts: Mapping[Any, int]) -> Model:
        return self._MODEL.from_counts(counts, **self._options(), workers=self.workers)

    def _options(self) -> dict[str, Any]:
        return settings.options_of(self)

    def _order(self) -> NDArray[np.intp]:
        return np.argsort(-self._counts(), kind="stable")

    def _add_codes(self) -> None:
        if self.hs:
            settings.add_codes(self.wv, self._order())

    def _counts(self) -> NDArray[np.int64]:
        """Return how often each word occurs; 1 for every word if that is not known."""
        return np.ones(len(self.wv), np.int64) if self.wv.counts is None else self.wv.counts.copy()

    @property
    def _outputs(self) -> dict[str, NDArray[np.float32]]:
        """The output matrices by gensim's names: of outside vectors, and of tree nodes and a row that is not used."""
        names = settings.output_names(self)
        for name in names:
            if name not in self.__dict__:
                raise settings.NotReadyError(
                    f"the model has no matrix {name}: build a vocabulary, or load a whole model"
                )
        return {name: self.__dict__[name] for name in names}

    @_outputs.setter
    def _outputs(self, matrices: Mapping[str, NDArray[np.float32]]) -> None:
        self.__dict__.update(matrices)

    def get_latest_training_loss(self) -> float:
        """Return the sum of the losses, in nats, of all pairs of the last call of `train`, or of its epochs so far.

        gensim adds them in float32, which stops growing for large corpora, and not for every pair.
        """
        return self.running_training_loss

    @property
    def cum_table(self) -> NDArray[np.uint32]:
        """The cumulative distribution of noise words, scaled to 2^31 - 1, as gensim's (for reading only)."""
        return settings.cumulative_noise(self._counts(), self.ns_exponent)

    # --- queries and files

    def predict_output_word(self, context_words_list: list[Any], topn: int = 10) -> list[tuple[Any, float]] | None:
        """Return the words that most probably occur in a context, or None if no word of it is known."""
        if not self.negative:
            raise settings.NotReadyError("predict_output_word needs negative sampling: train with negative=5")
        outside = self._outputs["syn1neg"]
        return predicted_words(self.wv, outside, context_words_list, topn, is_mean=bool(self.cbow_mean))

    def score(
        self,
        sentences: Iterable[Any],
        total_sentences: int = 1_000_000,
        chunksize: int = 100,
        queue_factor: int = 2,
        report_delay: float = 1,
    ) -> NDArray[np.float32]:
        """Return the log probability of each sentence, at most `total_sentences`, by hierarchical softmax."""
        if not self.hs or not len(self.wv):
            raise settings.NotReadyError("score needs words, and hierarchical softmax: train with hs=1")
        order = self._order()
        rows = {self.wv.index_to_key[row]: at for at, row in enumerate(order.tolist())}
        counts = np.maximum(self._counts()[order], 1)
        scorer = SentenceScorer(rows, self.wv.vectors[order], self._outputs["syn1"], counts)
        how = "skip_gram" if self.sg else "mean" if self.cbow_mean else "sum"
        return scorer.scores(sentences, total_sentences, self.window, how)

    def init_sims(self, replace: bool = False) -> None:
        """Scale all vectors to length 1 if `replace`; otherwise there is nothing to do, as in gensim 4."""
        if replace:
            self.wv.unit_normalize_all()

    def estimate_memory(self, vocab_size: int | None = None, report: dict[str, int] | None = None) -> dict[str, int]:
        """Return the bytes of the parts of a model with so many words, and their total."""
        V = vocab_size or len(self.wv)
        parts = dict(report or {}) | {"vocab": (700 if self.hs else 500) * V, "vectors": 4 * V * self.vector_size}
        parts |= dict.fromkeys(settings.output_names(self), 4 * V * self.vector_size)
        return parts | {"total": sum(parts.values())}

    def save(self, fname: str | PathLike[str], *args: Any, **kwargs: Any) -> None:
        """Write the model to one file in firth's native format; `sep_limit` and other arguments have no effect."""
        attributes = {name: value for name, value in vars(self).items() if name in self._SAVED}
        has_words, zeros = bool(len(self.wv)), np.zeros_like(self.wv.vectors)
        saved = files.SavedModel(
            self.wv.index_to_key,
            self.wv.vectors,
            self._outputs if has_words else dict.fromkeys(settings.output_names(self), zeros),
            self.wv.counts if has_words else None,
            attributes,
            self.wv.subwords,
        )
        files.write_model(fname, saved, Model(**self._options()).options)

    @classmethod
    def load(cls, fname: str | PathLike[str], *args: Any, rethrow: bool = False, **kwargs: Any) -> Self:
        """Read a model that `save` or firth wrote; gensim's pickles are refused (`firth convert --from-gensim`)."""
        saved = files.read_model(fname)
        model = cls(**{name: value for name, value in saved.attributes.items() if name in cls._ARGUMENTS})
        model.__dict__.update(saved.attributes)
        if saved.keys:
            counts = np.ones(len(saved.keys), np.int64) if saved.counts is None else saved.counts
            model.wv.replace(saved.keys, saved.vectors, counts)
            model.wv.subwords = saved.subwords
            model._outputs = saved.outputs
            model._add_codes()
        return model

    def __str__(self) -> str:
        name = type(self).__name__
        return f"{name}<vocab={len(self.wv)}, vector_size={self.wv.vector_size}, alpha={self.alpha}>"


def _on_the_class_only(*args: Any, **kwargs: Any) -> Never:
    raise AttributeError("load makes a new model: call it on the class, Word2Vec.load(path)")
