"""Phrases: options, and the phrases found in a corpus with their scores; fit, transform, save, load."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, Never, Self

from firth.errors import CorpusError, FirthError, FormatError, OptionError
from firth.formats.phrases import PhraseFile, read_phrases, write_phrases
from firth.messages import counted
from firth.options import CUSTOM, PhraseOptions, shortened
from firth.phrases.collisions import text_counts
from firth.phrases.counting import CountedText
from firth.phrases.finding import Found, count_text, find_phrases
from firth.phrases.id_text import EVERY_WORD, id_text
from firth.phrases.joining import IdJoiner, Parts, Rows, joined_sentence, phrase_rows
from firth.resources import checked_workers
from firth.text import Corpus, CorpusInput, ReadOptions, check_corpus, read_corpus
from firth.text.inputs import has_texts
from firth.text.opening import UTF8
from firth.text.pairs import Pairs
from firth.text.sentences import Tokenizer
from firth.training.loop.progress import reporter
from firth.training.loop.signals import explained
from firth.training.run import report_reading


class Phrases:
    """Finds pairs of words that occur together unusually often, such as new york, and joins them: new_york.

    The score of a pair (a, b) that occurs n(a, b) times is, with `scoring="default"` (Mikolov et al. 2013,
    arXiv:1310.4546, equation 6, times the number of distinct words and pairs, as gensim computes it)

        (n(a, b) - min_count) / (n(a) n(b)) * vocabulary size

    and with `scoring="npmi"`, normalized pointwise mutual information, from -1 to 1 (Bouma 2009)

        log(p(a, b) / (p(a) p(b))) / -log p(a, b), where p is a count divided by the number of words

    A pair that occurs at least `min_count` times is a phrase if its score is above `threshold`. `connector_words`, a
    set or "english", may stand between a and b, as in bank of america. Keywords are the fields of `PhraseOptions`,
    and `workers`, the number of threads (None: all cores that this process may use). The constructor only checks and
    stores them; `fit` does the work. `scoring` may also be a function, called with the keywords worda_count,
    wordb_count, bigram_count, len_vocab, min_count and corpus_word_count, as in gensim; it returns the score.

    For phrases of more than two words, fit again on joined text:

        once = Phrases().fit("corpus.txt")
        twice = Phrases().fit(once.transform("corpus.txt"))

    Counts and scores are those of gensim's Phrases for the same text, if neither program drops rare pairs. While they
    are counted, a distinct pair takes up to 64 bytes of memory; `max_vocab` limits their number.

    Attributes after `fit` or `load`:
      scores  dict: the text of each phrase and its score, highest first; of phrases with the same text, the higher
      counts  dict: the text of each phrase, in the same order, and how often it occurs
      corpus  dict: counts of what was read, `vocab_size`, the number of distinct words and pairs, and
              `pairs_dropped`, how often a pair was dropped because of `max_vocab`

    Raises `OptionError` for an unknown option, and for a value that is not allowed.
    """

    def __init__(
        self,
        *corpus: Never,
        min_count: int = 5,
        threshold: float = 10.0,
        scoring: Literal["default", "npmi"] | Callable[..., float] = "default",
        connector_words: Iterable[str] = frozenset(),
        delimiter: str = "_",
        max_vocab: int | None = 40_000_000,
        workers: int | None = None,
        **unknown: Never,
    ):
        names = ("min_count", "threshold", "scoring", "connector_words", "delimiter", "max_vocab")
        given = {name: value for name, value in locals().items() if name in names}
        if corpus:
            raise OptionError("Phrases takes only options: give the corpus to fit, as Phrases(...).fit(corpus)")
        self.options = PhraseOptions.from_dict(given | unknown)
        self.workers = checked_workers(workers)
        self.corpus: dict[str, int] = {}
        self._phrases: dict[Parts, Found] | None = None
        self._rows: Rows = {}
        self._counts: CountedText | None = None  # of all words and pairs, for `partial_fit`

    def fit(
        self,
        corpus: CorpusInput,
        *,
        tokenizer: Tokenizer | None = None,
        column: str | int | None = None,
        encoding: str = UTF8,
        progress: bool | None = None,
        max_input_bytes: int | None = None,
    ) -> Self:
        """Find the phrases of a corpus, in place of those of an earlier fit; return this object.

          corpus     what `Word2Vec.fit` takes, except integers: files, folders, token lists, generators ...
          column, tokenizer, encoding
                     those of `Word2Vec.fit`
          progress   None shows a bar on a terminal, one output that updates in a notebook, and a line every ten
                     seconds elsewhere; False shows nothing. The logger "firth" has the same lines at level INFO
          max_input_bytes  limit on decompressed bytes of the corpus's files; None: no limit

        Raises `CorpusError` if the corpus cannot be read, is empty or holds integers, `OptionError` for a value that
        is not allowed, and `NotEnoughMemoryError` if the counts of the pairs do not fit in memory. This object is then
        unchanged.
        """
        self._count(corpus, ReadOptions(tokenizer, None, column, encoding, max_input_bytes), progress)
        self._counts = None
        return self

    def partial_fit(
        self,
        corpus: CorpusInput,
        *,
        tokenizer: Tokenizer | None = None,
        column: str | int | None = None,
        encoding: str = UTF8,
        progress: bool | None = None,
        max_input_bytes: int | None = None,
    ) -> Self:
        """Add the counts of a corpus to those of earlier calls, find the phrases of all of them; return this object.

        Arguments and errors are those of `fit`. Phrases, counts and scores are those of `fit` on all texts together,
        unless `max_vocab` drops pairs. All counts are kept for the next call, 16 bytes for each distinct pair, so the
        first call must be `partial_fit` too: `FirthError` is raised after `fit` and `load`, which keep none.
        """
        if self._counts is None and self._phrases is not None:
            raise FirthError(
                "the counts of the earlier text were not kept, so others cannot be added: begin with partial_fit "
                "instead of fit, or give all texts to fit in one list"
            )
        how = ReadOptions(tokenizer, None, column, encoding, max_input_bytes)
        self._counts = self._count(corpus, how, progress, self._counts)
        return self

    def _count(
        self, corpus: CorpusInput, how: ReadOptions, progress: bool | None, earlier: CountedText | None = None
    ) -> CountedText:
        """Count the words and pairs of a corpus, add those counted `earlier`, and hold the phrases among them."""
        if isinstance(corpus, Pairs):
            raise CorpusError("the corpus is Pairs, and phrases are found in sentences: give a text or token lists")
        check_corpus(corpus, how)
        with explained(lambda: "before the phrases were found: this object is unchanged"), reporter(progress) as report:
            report.stage("reading", None)
            text = read_corpus(corpus, EVERY_WORD, how, workers=self.workers, progress=report.advance)
            with text.tokens:
                report_reading(text, report)
                counts = count_text(id_text(text), self.options, self.workers, report, earlier)
        found, read = find_phrases(counts, self.options), summary(text)
        self._hold(dict(found.phrases))
        if earlier is not None:
            read = {name: number + self.corpus[name] for name, number in read.items()}
            read["distinct_words"] = len(counts.words)
        self.corpus = read | {"vocab_size": found.vocab_size, "pairs_dropped": found.pairs_dropped}
        return counts

    def transform(
        self,
        corpus: CorpusInput,
        *,
        tokenizer: Tokenizer | None = None,
        column: str | int | None = None,
        encoding: str = UTF8,
    ) -> "PhrasedSentences":
        """Return the sentences of a corpus, as token lists with phrases joined; nothing is read before they are used.

          corpus     files or token lists, as for `fit`. Token lists are taken one at a time; of files, the ids of all
                     words are held, in memory or in a temporary file
          tokenizer  as for `fit`

        The sentences can be iterated over as often as the corpus can, and given to `Word2Vec.fit` or to `fit`. In a
        sentence phrases are found from left to right and do not overlap. Raises `FirthError` before `fit`, and
        `CorpusError` as `fit` does, while reading.
        """
        self._fitted()
        if not isinstance(corpus, Iterable | os.PathLike) or isinstance(corpus, (bytes, Mapping)):
            raise CorpusError(
                f"the corpus is of type {type(corpus).__name__}: give files, or an iterable of token lists"
            )
        how = ReadOptions(tokenizer, None, column, encoding)
        check_corpus(corpus, how)
        return PhrasedSentences(self, corpus, how)

    def join(self, sentence: Iterable[str]) -> list[str]:
        """Return one sentence with its phrases joined; raises `FirthError` before `fit`."""
        self._fitted()
        if isinstance(sentence, (str, bytes)):
            raise CorpusError(
                f"the sentence is the string {shortened(sentence)}: split it into words, such as text.split()"
            )
        return joined_sentence(sentence, self._rows, self.options.connector_words)

    def _join_ids(self, text: Corpus) -> Iterator[list[str]]:
        """Yield the sentences of a text that was read, with phrases joined."""
        joiner = IdJoiner(id_text(text).words, self._rows, self.options.connector_words)
        return joiner.sentences(text.tokens)

    @property
    def scores(self) -> dict[str, float]:
        """The text of each phrase and its score, highest first; raises `FirthError` before `fit`."""
        return {text: found.score for text, found in self._texts().items()}

    @property
    def counts(self) -> dict[str, int]:
        """The text of each phrase and how often it occurs, highest score first; raises `FirthError` before `fit`."""
        return {text: found.count for text, found in self._texts().items()}

    @property
    def vocab(self) -> dict[str, int]:
        """The text of every word and pair counted by `partial_fit`, and how often it occurs; connector words excluded.

        Raises `FirthError` if the counts were not kept.
        """
        if self._counts is None:
            raise FirthError("the counts of all words and pairs are kept by partial_fit only: call it instead of fit")
        return text_counts(self._counts, self.options.delimiter)

    def _texts(self) -> dict[str, Found]:
        texts: dict[str, Found] = {}
        for parts, found in self._fitted().items():
            texts.setdefault(self.options.delimiter.join(parts), found)
        return texts

    def _fitted(self) -> dict[Parts, Found]:
        if self._phrases is None:
            raise FirthError("no phrases have been found yet: call fit(corpus) first, or load saved phrases")
        return self._phrases

    def _hold(self, phrases: dict[Parts, Found]) -> None:
        self._phrases, self._rows = phrases, phrase_rows(phrases, self.options.delimiter)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the phrases, their counts and scores, and the options to one file, atomically.

        Raises `FirthError` before `fit`.
        """
        phrases = self._fitted()
        counts, scores = ([getattr(found, name) for found in phrases.values()] for name in ("count", "score"))
        write_phrases(path, PhraseFile(list(phrases), counts, scores, self.options.to_dict(), self.corpus))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read phrases that `save` wrote; raises `FormatError` for any other kind of file, or a damaged one."""
        file = read_phrases(path)
        options = dict(file.options)
        if options.get("scoring") == CUSTOM:
            options["scoring"] = _unknown_score
        try:
            loaded = cls(**options)
        except OptionError as error:
            raise FormatError(f"{os.fspath(path)} holds options that are not allowed: {error}") from error
        loaded.corpus = dict(file.corpus)
        rows = zip(file.phrases, file.counts, file.scores, strict=True)
        loaded._hold({parts: Found(count, score) for parts, count, score in rows})
        return loaded

    def __repr__(self) -> str:
        size = "not fitted" if self._phrases is None else counted(len(self._phrases), "phrase")
        scoring = self.options.to_dict()["scoring"]
        return f"<Phrases: {size}, scoring={scoring!r}, threshold={self.options.threshold:g}>"


def _unknown_score(**counts: float) -> float:
    """Stand in for the function that scored loaded phrases, because a file holds no code."""
    raise FirthError(
        "these phrases were scored by a function of the program that saved them, and the file does not hold it: to fit "
        "again, give it to a new object, Phrases(scoring=function)"
    )


class PhrasedSentences:
    """Sentences with phrases joined, made while they are iterated over: what `Phrases.transform` returns."""

    def __init__(self, phrases: Phrases, corpus: CorpusInput, how: ReadOptions):
        self._phrases, self._corpus, self._how = phrases, corpus, how
        self._is_used = False

    def __iter__(self) -> Iterator[list[str]]:
        corpus: Any = self._corpus
        if has_texts(corpus, self._how):
            return self._from_texts()
        if self._is_used and isinstance(corpus, Iterator):
            raise CorpusError(
                "the sentences came from an iterator, which can be read only once: give a list of them, or an object "
                "that starts again with each loop"
            )
        self._is_used = True
        return map(self._phrases.join, corpus)

    def _from_texts(self) -> Iterator[list[str]]:
        text = read_corpus(self._corpus, EVERY_WORD, self._how, workers=self._phrases.workers)
        with text.tokens:
            yield from self._phrases._join_ids(text)


def summary(text: Corpus) -> dict[str, int]:
    """Return what was counted while a text was read."""
    return {name: value for name, value in vars(text).items() if isinstance(value, int)}
