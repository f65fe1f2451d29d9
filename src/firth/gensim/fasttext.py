"""gensim's FastText: words and their character n-grams, which also give vectors of unseen words."""

import logging
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from firth.errors import NotAvailableError
from firth.formats.fasttext import (
    HIERARCHICAL_SOFTMAX,
    ClassifierError,
    read_fasttext,
    read_fasttext_model,
    write_fasttext,
)
from firth.gensim import settings
from firth.gensim.keyedvectors import KeyedVectors
from firth.gensim.old_fasttext import readable_fasttext
from firth.gensim.vocabulary import TrimRule
from firth.gensim.word2vec import Word2Vec
from firth.model import Word2Vec as Model
from firth.options import BOTH
from firth.subwords import NgramScheme, SubwordVectors
from firth.subwords.ngrams import utf8
from firth.vectors.query_input import FloatArray, Key
from firth.vectors.table import StoredKeys

logger = logging.getLogger(__name__)
_SKIPGRAM = 2  # in the header of fastText's files

__all__ = ["FastText", "load_facebook_model", "FastTextKeyedVectors", "load_facebook_vectors", "save_facebook_model"]


class FastTextKeyedVectors(KeyedVectors):
    """Vectors of words composed of the rows of n-grams; `in` and every query take unseen words too."""

    def __init__(
        self, vector_size: int, min_n: int, max_n: int, bucket: int, count: int = 0, dtype: DTypeLike = np.float32
    ):
        super().__init__(vector_size, count, dtype)
        self.min_n, self.max_n, self.bucket = min_n, max_n, bucket

    def _set_up(self, keys: StoredKeys, vectors: NDArray[Any], counts: ArrayLike | None) -> None:
        super()._set_up(keys, vectors, counts)
        self.vectors_vocab_lockf = self.vectors_ngrams_lockf = np.ones(1, np.float32)

    @property
    def vectors_ngrams(self) -> NDArray[np.float32]:
        """The rows of all n-grams, (bucket, D), zero for those that no word has; for reading only."""
        return (
            np.zeros((0, self.vector_size), np.float32)
            if self.subwords is None
            else self.subwords.dense_rows(0, self.subwords.scheme.buckets)
        )

    @property
    def vectors_vocab(self) -> NDArray[np.float32]:
        """The own rows of words, (V, D), from which and those of n-grams `vectors` is composed; for reading only."""
        words = [utf8(str(word)) for word in self.index_to_key]
        return self.vectors if self.subwords is None else self.subwords.own_rows(words, self.vectors)

    compatible_hash = True  # n-grams are numbered as fastText does

    def adjust_vectors(self) -> None:
        """Compose the vectors of words again from their own rows and those of n-grams, which changes nothing."""

    def get_vector(self, key: Key, norm: bool = False) -> FloatArray:
        """Return the vector of a word, composed of n-grams for an unseen one; zero for one without any n-gram."""
        if self.subwords is not None and isinstance(key, str) and key not in self:
            return np.zeros(self.vector_size, np.float32)
        return super().get_vector(key, norm)

    def get_sentence_vector(self, sentence: Iterable[Key]) -> NDArray[np.float32]:
        """Return the mean of the unit vectors of the words, as fastText does; zero for no words."""
        units = [self.get_vector(word, norm=True) for word in sentence]
        return np.mean(units, axis=0) if units else np.zeros(self.vector_size, np.float32)


class FastText(Word2Vec):
    """A model with gensim's arguments; see `Word2Vec`. `bucket=0` or `max_n=0` trains words alone."""

    wv: FastTextKeyedVectors
    min_n: int
    max_n: int
    bucket: int
    word_ngrams: int
    _SAVED = settings.SAVED | {"min_n", "max_n", "bucket", "word_ngrams"}
    _ARGUMENTS = settings.ARGUMENTS - {"compute_loss", "comment"} | {"min_n", "max_n", "bucket", "word_ngrams"}

    def __init__(
        self,
        sentences: Iterable[Any] | None = None,
        corpus_file: str | os.PathLike[str] | None = None,
        sg: int = 0,
        hs: int = 0,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        word_ngrams: int = 1,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int = 3,
        min_alpha: float = 0.0001,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Any = hash,
        epochs: int = 5,
        null_word: int = 0,
        min_n: int = 3,
        max_n: int = 6,
        sorted_vocab: int = 1,
        bucket: int = 2_000_000,
        trim_rule: TrimRule | None = None,
        batch_words: int = 10_000,
        callbacks: Iterable[Any] = (),
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
    ):
        given = {name: value for name, value in locals().items() if name not in settings.NOT_KEPT}
        self.__dict__.update(given | {"compute_loss": False, "comment": None})
        if word_ngrams != 1:
            raise NotAvailableError(f"word_ngrams={word_ngrams} is not available: leave it out")
        if max_n < min_n:  # as gensim does
            self.bucket = 0
        self._start(sentences, corpus_file, trim_rule, callbacks)

    def _empty_vectors(self) -> KeyedVectors:
        return FastTextKeyedVectors(self.vector_size, self.min_n, self.max_n, self.bucket)

    def _options(self) -> dict[str, Any]:
        options = settings.options_of(self)
        if self.bucket:
            options |= {"subwords": (self.min_n, self.max_n), "buckets": self.bucket}
        return options

    def _hold(self, model: Model) -> None:
        super()._hold(model)
        self.wv.subwords = model.wv.subwords

    def _model(self) -> Model:
        model = super()._model()
        model.wv.subwords = self.wv.subwords
        return model

    def take_over(self, model: Model) -> None:
        """Copy the matrices of the model that `_model` returned, and its rows of n-grams."""
        super().take_over(model)
        found = model.wv.subwords
        self.wv.subwords = None if found is None else SubwordVectors(found.scheme, found.rows.copy(), found.buckets)

    def _new_vectors(self, new: Mapping[Any, int]) -> NDArray[np.float32]:
        """Return the vectors of new words, composed of the n-grams known and of new ones, which are added."""
        ours = self.wv.subwords
        if ours is None:
            return super()._new_vectors(new)
        model = self._untrained(dict(zip(self.wv.index_to_key, self._counts().tolist(), strict=True)) | dict(new))
        every = model.wv.subwords
        assert every is not None
        assert every.buckets is not None
        words = [utf8(str(word)) for word in new]
        own = every.own_rows(words, model.wv.vectors[len(self.wv) :])
        known = np.arange(ours.scheme.buckets) if ours.buckets is None else ours.buckets
        _, rows, sources = np.intersect1d(every.buckets, known, assume_unique=True, return_indices=True)
        every.rows[rows] = ours.rows[sources]
        self.wv.subwords = every
        return every.compose(words, own)

    def estimate_memory(self, vocab_size: int | None = None, report: dict[str, int] | None = None) -> dict[str, int]:
        """Return the bytes of the parts of a model, as gensim names and counts them, and their total."""
        parts = super().estimate_memory(vocab_size, report)
        del parts["total"]
        parts["syn0_vocab"] = parts.pop("vectors")
        if self.bucket:
            _, ids = NgramScheme(self.min_n, self.max_n, self.bucket).lists(
                [utf8(str(word)) for word in self.wv.index_to_key]
            )
            parts["syn0_ngrams"] = 4 * self.bucket * self.vector_size
            parts["buckets_word"] = 64 + 100 * len(self.wv) + 4 * len(ids)
        return parts | {"total": sum(parts.values())}

    @staticmethod
    def load_fasttext_format(model_file: Any, encoding: str = "utf8") -> Any:
        """Refuse what gensim 4 removed."""
        raise NotAvailableError("load_fasttext_format is not available: use load_facebook_vectors")


def load_facebook_vectors(path: str | os.PathLike[str], encoding: str = "utf-8") -> FastTextKeyedVectors:
    """Read the vectors and n-grams of fastText's `.bin`."""
    with readable_fasttext(path) as readable:
        file = read_fasttext(readable, encoding=encoding)
    found = KeyedVectors.trusted(list(file.keys), file.vectors, file.counts, file.subwords)
    scheme = NgramScheme(0, 0, 0) if found.subwords is None else found.subwords.scheme
    vectors = FastTextKeyedVectors(found.vector_size, scheme.minn, scheme.maxn, scheme.buckets)
    vectors.replace(found.index_to_key, found.vectors, [] if found.counts is None else found.counts)
    vectors.subwords = found.subwords
    return vectors


def load_facebook_model(path: str | os.PathLike[str], encoding: str = "utf-8") -> FastText:
    """Read a whole `.bin` of fastText, which can be trained further; a classifier raises `NotAvailableError`."""
    try:
        with readable_fasttext(path) as readable:
            file = read_fasttext_model(readable, encoding=encoding)
    except ClassifierError as error:
        raise NotAvailableError(str(error)) from error
    head, table = file.header, file.table
    has_nodes = head["loss"] == HIERARCHICAL_SOFTMAX
    model = FastText(
        vector_size=head["dim"],
        window=head["ws"],
        epochs=head["epoch"],
        negative=0 if has_nodes else head["neg"],  # the file has one output matrix
        hs=int(has_nodes),
        sg=int(head["model"] == _SKIPGRAM),
        bucket=head["bucket"],
        min_count=head["minCount"],
        sample=head["t"],
        min_n=head["minn"],
        max_n=head["maxn"],
    )
    model.corpus_total_words = head["tokens"]
    model.wv.replace(list(table.keys), table.vectors, [] if table.counts is None else table.counts.tolist())
    model.wv.subwords = table.subwords
    model._outputs = {"syn1" if has_nodes else "syn1neg": file.output}
    return model


def save_facebook_model(
    model: FastText,
    path: str | os.PathLike[str],
    encoding: str = "utf-8",
    lr_update_rate: int = 100,
    word_ngrams: int = 1,
) -> None:
    """Write fastText's `.bin`: words, n-grams and the output matrix; of two, the nodes alone."""
    found = model._model()
    if found.options.objective != BOTH:
        found.save_fasttext(path)
        return
    logger.warning("fastText's .bin has room for one output matrix: syn1neg is left out")
    wv, options = found.wv, found.options.to_dict() | {"objective": "hierarchical_softmax"}
    write_fasttext(
        path, wv.index_to_key, wv.vectors, wv.counts, subwords=wv.subwords, nodes=found.nodes, options=options
    )
