"""gensim's Phrases and FrozenPhrases: firth's `Phrases`, which counts, scores and joins alike."""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import chain
from os import PathLike
from typing import Any, ClassVar, Self

from firth.errors import NotAvailableError
from firth.gensim.corpora import readable
from firth.messages import counted
from firth.options import ENGLISH_CONNECTOR_WORDS
from firth.phrases import Phrases as Detector

__all__ = ["ENGLISH_CONNECTOR_WORDS", "FrozenPhrases", "Phraser", "Phrases", "npmi_scorer", "original_scorer"]


def original_scorer(
    worda_count: float,
    wordb_count: float,
    bigram_count: float,
    len_vocab: float,
    min_count: float,
    corpus_word_count: float,
) -> float:
    """Return the score of word2phrase: (n(a, b) - min_count) / (n(a) n(b)) * len_vocab; -inf for a count of 0."""
    product = worda_count * wordb_count
    return (bigram_count - min_count) / product * len_vocab if product else -math.inf


def npmi_scorer(
    worda_count: float,
    wordb_count: float,
    bigram_count: float,
    len_vocab: float,
    min_count: float,
    corpus_word_count: float,
) -> float:
    """Return normalized pointwise mutual information, from -1 to 1; -inf for less than `min_count` occurrences."""
    if bigram_count < min_count or not worda_count * wordb_count:
        return -math.inf
    p_a, p_b, p_ab = (count / corpus_word_count for count in (worda_count, wordb_count, bigram_count))
    return math.log(p_ab / (p_a * p_b)) / -math.log(p_ab)


class JoinedPhrases:
    """What both classes do with phrases that were found; `_found` holds them."""

    _found: Detector
    _SCORERS: ClassVar[dict[str, Callable[..., float]]] = {"default": original_scorer, "npmi": npmi_scorer}

    @cached_property
    def _scores(self) -> dict[str, float]:
        return self._found.scores if self._found.corpus else {}

    @property
    def min_count(self) -> int:
        """The least number of occurrences of a phrase."""
        return self._found.options.min_count

    @property
    def threshold(self) -> float:
        """The score that a phrase exceeds."""
        return self._found.options.threshold

    @property
    def delimiter(self) -> str:
        """The text between the words of a phrase."""
        return self._found.options.delimiter

    @property
    def connector_words(self) -> frozenset[str]:
        """The words that may stand inside a phrase."""
        return self._found.options.connector_words

    @property
    def scoring(self) -> Callable[..., float]:
        """The function that computes scores."""
        scoring: Any = self._found.options.scoring
        return self._SCORERS[scoring] if isinstance(scoring, str) else scoring

    def __getitem__(self, sentence: Iterable[Any]) -> Any:
        """Return a sentence with phrases joined, or for a corpus, an iterable of such sentences."""
        first, corpus = _peeked(sentence)
        if first is not None and not isinstance(first, str):
            return JoinedCorpus(self, corpus)
        return self._joined(corpus)

    def analyze_sentence(self, sentence: Iterable[str]) -> Iterator[tuple[str, float | None]]:
        """Yield each word with None, and each phrase with its score."""
        words, at = list(sentence), 0
        for token in self._joined(words):
            if token == words[at]:
                yield token, None
                at += 1
            else:
                yield token, self._scores[token]
                at += _length(words[at:], token, self.delimiter)

    def find_phrases(self, sentences: Iterable[Iterable[str]]) -> dict[str, float]:
        """Return the phrases that occur in the sentences, and their scores."""
        pairs = chain.from_iterable(map(self.analyze_sentence, sentences))
        return {phrase: score for phrase, score in pairs if score is not None}

    def export_phrases(self) -> dict[str, float]:
        """Return all phrases and their scores."""
        return dict(self._scores)

    def save(self, fname: str | PathLike[str], *args: Any, **kwargs: Any) -> None:
        """Write firth's file of phrases: those found, without the counts of all words."""
        if not isinstance(self._found.options.scoring, str):
            raise NotAvailableError(
                f"a file cannot hold the function scoring={self.scoring!r}: save export_phrases() in a file of your own"
            )
        self._found.save(fname)

    @classmethod
    def load(cls, fname: str | PathLike[str], *args: Any, **kwargs: Any) -> Self:
        """Read phrases that `save` or firth wrote; gensim's pickles are refused (`firth convert --from-gensim`)."""
        loaded = cls.__new__(cls)
        loaded._found = Detector.load(fname)
        return loaded

    def _joined(self, words: Iterable[str]) -> list[str]:
        return self._found.join(words) if self._found.corpus else list(words)

    def __str__(self) -> str:
        return f"{type(self).__name__}<{counted(len(self.export_phrases()), 'phrase')}, min_count={self.min_count}>"


class Phrases(JoinedPhrases):
    """Finds phrases in sentences; the arguments are gensim's.

    `vocab` holds the counts of all words and pairs; a loaded object has none, so `add_vocab` raises an error.
    """

    def __init__(
        self,
        sentences: Iterable[Iterable[str]] | None = None,
        min_count: float = 5,
        threshold: float = 10.0,
        max_vocab_size: int = 40_000_000,
        delimiter: str = "_",
        progress_per: int = 10_000,
        scoring: Any = "default",
        connector_words: Iterable[str] = frozenset(),
    ):
        names = {original_scorer: "default", npmi_scorer: "npmi"}
        self.max_vocab_size, self.progress_per = max_vocab_size, progress_per
        self._found = Detector(
            min_count=int(min_count) if min_count == int(min_count) else min_count,  # type: ignore[arg-type]
            threshold=threshold,
            scoring=names.get(scoring, scoring) if callable(scoring) else scoring,
            connector_words=connector_words,
            delimiter=delimiter,
            max_vocab=max_vocab_size,
        )
        if sentences is not None:
            self.add_vocab(sentences)

    @property
    def vocab(self) -> dict[str, int]:
        """Words and pairs, as one text each, and how often they occur."""
        return self._found.vocab if self._found.corpus else {}

    @property
    def corpus_word_count(self) -> int:
        """The number of words read."""
        return self._found.corpus.get("raw_words", 0)

    def add_vocab(self, sentences: Iterable[Iterable[str]]) -> None:
        """Add the counts of more sentences, and find the phrases of all."""
        self._found.partial_fit(readable(sentences, None), progress=False)
        self.__dict__.pop("_scores", None)

    def freeze(self) -> "FrozenPhrases":
        """Return the phrases found, without the counts of all words."""
        return FrozenPhrases(self)


class FrozenPhrases(JoinedPhrases):
    """The phrases of a `Phrases` object and their scores, `phrasegrams`."""

    def __init__(self, phrases_model: JoinedPhrases):
        self._found = phrases_model._found

    @property
    def phrasegrams(self) -> dict[str, float]:
        """The phrases and their scores."""
        return self.export_phrases()


Phraser = FrozenPhrases


class JoinedCorpus:
    """The sentences of a corpus with phrases joined, made while they are iterated over."""

    def __init__(self, phrases: JoinedPhrases, corpus: Iterable[Iterable[str]]):
        self._phrases, self._corpus = phrases, corpus

    def __iter__(self) -> Iterator[list[str]]:
        return map(self._phrases._joined, self._corpus)


def _peeked(sentence: Iterable[Any]) -> tuple[Any, Iterable[Any]]:
    """Return the first item, None if there is none, and an iterable of all."""
    items = iter(sentence)
    first = next(items, None)
    if items is sentence:
        return first, chain([] if first is None else [first], items)
    return first, sentence


def _length(words: list[str], phrase: str, delimiter: str) -> int:
    """Return the number of words, from the first, whose text is `phrase`."""
    return next(n for n in range(2, len(words) + 1) if delimiter.join(words[:n]) == phrase)
