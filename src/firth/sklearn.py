"""A scikit-learn transformer from documents to vectors. Needs `pip install 'firth[sklearn]'`."""

import dataclasses
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from firth.errors import MissingExtraError, OptionError
from firth.messages import counted
from firth.model import Word2Vec
from firth.options import Options, checked, limits, shortened, whole
from firth.resources import available_cores
from firth.vectors import KeyedVectors
from firth.vectors.means import TextMeans, converted, text_counts, text_means
from firth.vectors.query_input import Key

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise MissingExtraError("scikit-learn", "sklearn", "firth.sklearn") from error

_WORDS = re.compile(r"[^ \t\n\r\f\v]+")
"""The words of a text: as in files, only ASCII whitespace separates them."""

_OPTIONS = {field.name: field.default for field in dataclasses.fields(Options)}
_WEIGHTINGS = ("mean", "tfidf", "sif")


class Word2VecVectorizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns n documents into an (n, D) float32 array of means of their words' vectors.

    The vector of a document of the words w, of which `known` have a vector v_w, is

        mean   sum_w v_w / known
        tfidf  sum_w idf(w) v_w / sum_w idf(w), idf(w) = 1 + log((1 + n) / (1 + df(w))), as scikit-learn's
               `TfidfTransformer`; df(w) of the n documents given to `fit` have the word w
        sif    sum_w a / (a + p(w)) v_w / known (Arora et al. 2017, ICLR, algorithm 1); p(w) is the share of w among
               the known words of the documents given to `fit`, and a is `sif_a`

    A word counts as often as it occurs. A document without a known word gives a row of zeros.

      model              None: `fit` trains a `Word2Vec` on its documents, with the options below. Otherwise existing
                         vectors: `KeyedVectors`, a fitted `Word2Vec`, or a file of either in any format
      tokenizer          function from a document to its words; None splits at ASCII whitespace. Documents that are
                         lists of words are not tokenized
      weighting          "mean", "tfidf" or "sif"
      sif_a              a of "sif", above 0
      remove_components  how many of the first principal directions to remove: X - X UᵀU, where the rows of U are the
                         first right singular vectors of the documents given to `fit`, which are not centered. 1 is
                         the second step of SIF
      pre_normalize      scale the vectors of words to length 1 first
      verbose            report the progress of training
      workers            threads for training; None: all cores, or in a process of joblib its share of them
      and all options of `Word2Vec`, see `Options`. `lowercase` also applies to documents if a `model` is given

    X is a list, an array or a column of documents, each a string or a list of words. Attributes after `fit`:

      vectors_                the `KeyedVectors` in use
      model_                  the `Word2Vec` that `fit` trained, or None
      weights_                (V,) the weight of each word, or None for "mean"
      components_             (remove_components, D) the rows of U
      n_documents_, n_words_  numbers of documents and words given to `fit`
      n_unknown_words_        how many of the words have no vector; see `count_unknown`
      n_unknown_documents_    how many of the documents have no word with a vector

    The constructor only stores its arguments; `fit` raises `OptionError` for values that are not allowed, and for
    documents that are not text; and the errors of `Word2Vec.fit`.
    """

    def __init__(
        self,
        model: "str | os.PathLike[str] | KeyedVectors | Word2Vec | None" = None,
        *,
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        weighting: Literal["mean", "tfidf", "sif"] = "mean",
        sif_a: float = 1e-3,
        remove_components: int = 0,
        pre_normalize: bool = False,
        verbose: bool = False,
        workers: int | None = None,
        vector_size: int = 100,
        architecture: Literal["skip_gram", "cbow"] = "skip_gram",
        cbow_mean: bool = True,
        objective: Literal[
            "negative_sampling", "hierarchical_softmax", "hierarchical_softmax+negative_sampling", "softmax"
        ] = "negative_sampling",
        window: int = 5,
        shrink_windows: bool = True,
        negative: int = 5,
        ns_exponent: float = 0.75,
        sample: float = 0.001,
        min_count: int = 5,
        max_vocab: int | None = None,
        schedule: Literal["auto", "blocks", "hogwild"] = "auto",
        blocks: int = 16,
        unigram_intercept: bool = True,
        center_power: float = 0.5,
        warm_epochs: int = 3,
        subwords: tuple[int, int] | None = None,
        buckets: int = 2_000_000,
        epochs: int = 5,
        alpha: float | None = None,
        min_alpha: float = 0.0001,
        seed: int = 1,
        lowercase: bool = False,
    ):
        for name, value in locals().items():
            if name != "self":
                setattr(self, name, value)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags

    def fit(self, X: Iterable[Any], y: object = None) -> Self:
        """Train on documents, or take the vectors of `model`; compute weights and components; return self."""
        options = self._checked()
        X = list(X) if isinstance(X, Iterator) else X  # it is read more than once
        self.model_: Word2Vec | None = None
        if self.model is None:
            self.model_ = Word2Vec(**options, workers=_share_of_cores() if self.workers is None else self.workers)
            self.model_.fit(self._documents(X), progress=None if self.verbose else False)
        self.vectors_ = _vectors_of(self.model if self.model_ is None else self.model_)
        self._count(X)
        self.components_ = np.zeros((0, self.vectors_.vector_size), np.float32)
        if self.remove_components:
            self.components_ = _components(self._means(X).vectors, self.remove_components)
        return self

    def transform(self, X: Iterable[Any]) -> NDArray[np.float32]:
        """Return the (n, D) float32 vectors of n documents.

        Warns if no word of any of the documents has a vector.
        """
        check_is_fitted(self)
        found = self._means(X)
        if found.unknown.any() and not found.known.any():
            warnings.warn(
                f"none of the {counted(int(found.unknown.sum()), 'word')} of {counted(len(found.known), 'document')} "
                "has a vector: all rows are zero. Check that the documents are split and lower-cased as those of the "
                "model",
                stacklevel=3,  # scikit-learn wraps this method
            )
        vectors: NDArray[np.float32] = found.vectors.astype(np.float32, copy=False)
        vectors -= (vectors @ self.components_.T) @ self.components_
        return vectors

    def count_unknown(self, X: Iterable[Any]) -> NDArray[np.int64]:
        """Return the (n,) numbers of words of n documents that have no vector."""
        check_is_fitted(self)
        return self._means(X).unknown

    @property
    def _n_features_out(self) -> int:
        check_is_fitted(self)
        return self.vectors_.vector_size

    def _checked(self) -> dict[str, Any]:
        """Return the options of training; raise `OptionError` for a parameter that is not allowed."""
        checked("weighting", self.weighting, str, limits("weights of words", choices=_WEIGHTINGS))
        checked("sif_a", self.sif_a, float, limits("a of SIF", 0.0, open_low=True))
        whole("remove_components", self.remove_components, "principal directions to remove", 0)
        for name in ("pre_normalize", "verbose", "lowercase"):
            checked(name, getattr(self, name), bool, limits("a switch"))
        if not (self.tokenizer is None or callable(self.tokenizer)):
            raise OptionError(f"tokenizer={shortened(self.tokenizer)} is not a function from a document to its words")
        options = {name: getattr(self, name) for name in _OPTIONS}
        changed = [name for name, value in options.items() if value != _OPTIONS[name] and name != "lowercase"]
        if self.model is not None and changed:
            raise OptionError(
                f"{changed[0]}={shortened(options[changed[0]])} has no effect if a model is given: leave it out, or "
                "give model=None to train one"
            )
        Options.from_dict(options)
        return options

    def _documents(self, X: Iterable[Any]) -> Iterator[list[Key]]:
        """Yield the words of each document; raise `OptionError` for anything that is not a document."""
        if isinstance(X, (str, bytes, Mapping)) or not isinstance(X, Iterable):
            raise OptionError(f"X is {shortened(X)}, not a list of documents: for a single one give [document]")
        if hasattr(X, "columns") or getattr(X, "ndim", 1) != 1:
            raise OptionError("X is a table, and documents are one column: give that column, such as table['text']")
        lower = self.lowercase or (isinstance(self.model, Word2Vec) and self.model.options.lowercase)
        for number, document in enumerate(converted(X)):
            words = self._words(document, number)
            yield [word.lower() if isinstance(word, str) else word for word in words] if lower else words

    def _words(self, document: Any, number: int) -> list[Any]:
        if isinstance(document, str):
            words = (self.tokenizer or _WORDS.findall)(document)
            if isinstance(words, (str, bytes)) or not isinstance(words, Iterable):
                raise OptionError(
                    f"tokenizer must return a list of words: of document {number} it is {shortened(words)}"
                )
            return list(words)
        if isinstance(document, (bytes, Mapping)) or not isinstance(document, Iterable):
            raise OptionError(
                f"document {number} is {shortened(document)}: each must be a string or a list of words. For missing "
                "texts give empty strings, as column.fillna('') does"
            )
        return list(converted(document))

    def _count(self, X: Iterable[Any]) -> None:
        """Count words and documents, and set the weights of words."""
        counts = text_counts(self.vectors_, self._documents(X))
        self.n_documents_, self.n_words_ = len(counts.known), int(counts.known.sum() + counts.unknown.sum())
        self.n_unknown_words_ = int(counts.unknown.sum())
        self.n_unknown_documents_ = int((counts.known == 0).sum())
        self.weights_ = self._weights(counts.texts if self.weighting == "tfidf" else counts.words)

    def _weights(self, counts: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Return the weights of words that occur so often in the documents, or that so many documents have."""
        if self.weighting == "mean":
            return None
        if self.weighting == "tfidf":
            return np.asarray(1 + np.log((1 + self.n_documents_) / (1 + counts)))
        return np.asarray(self.sif_a / (self.sif_a + counts / max(1, counts.sum())))

    def _means(self, X: Iterable[Any]) -> TextMeans:
        """Return the vectors of documents, before components are removed."""
        weight = self._weights(np.zeros(1, np.int64))  # of a word that the documents given to fit lack
        return text_means(
            self.vectors_,
            self._documents(X),
            self.weights_,
            normalize=self.pre_normalize,
            composed_weight=1 if weight is None else float(weight[0]),
            per_word=self.weighting != "tfidf",
        )


def _vectors_of(model: Any) -> KeyedVectors:
    if isinstance(model, Word2Vec):
        return model.wv
    if isinstance(model, (str, os.PathLike)):
        return KeyedVectors.load(model)
    if isinstance(model, KeyedVectors):
        return model
    raise OptionError(
        f"model={shortened(model)} is not allowed: give KeyedVectors, a fitted Word2Vec, the path of a file, or None"
    )


def _share_of_cores() -> int:
    """Return the threads for training: loky, joblib's pool of processes, limits the threads of each by a variable."""
    share = os.environ.get("NUMBA_NUM_THREADS", "")
    return max(1, min(available_cores(), int(share))) if share.isdigit() else available_cores()


def _components(vectors: NDArray[Any], n: int) -> NDArray[np.float32]:
    """Return the first n right singular vectors of a (documents, D) matrix: eigenvectors of its (D, D) XᵀX."""
    if n > vectors.shape[1]:
        raise OptionError(f"remove_components={n} is out of range: give at most the {vectors.shape[1]} dimensions")
    products = vectors.T.astype(np.float64) @ vectors
    return np.linalg.eigh(products)[1][:, ::-1][:, :n].T.astype(np.float32)
