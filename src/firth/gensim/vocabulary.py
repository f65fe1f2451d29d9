"""Counts the words of a corpus as gensim does, with trim rules and a limit of words, and chooses those to keep."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from firth.gensim.corpora import are_files, sentences_of
from firth.options import Options
from firth.text import read_corpus
from firth.training.sampling import keep_thresholds

logger = logging.getLogger(__name__)

RULE_DEFAULT, RULE_DISCARD, RULE_KEEP = 0, 1, 2
"""What a trim rule answers: apply `min_count`, drop the word, or keep it."""

TrimRule: TypeAlias = Callable[[Any, int, int], int]
_EVERY_WORD = Options(min_count=1)


class WordCounts(NamedTuple):
    """The words of a corpus and how often each occurs, all words, and sentences."""

    counts: dict[Any, int]
    total_words: int
    sentences: int


def count_words(corpus: Any, max_vocab_size: int | None, trim_rule: TrimRule | None) -> WordCounts:
    """Count the words of files, which firth reads, or of any iterable of sentences.

    When a sentence brings the words to more than `max_vocab_size`, those that occur less than n times are dropped; n
    is 1 the first time, then 2, and so on, as in gensim.
    """
    if are_files(corpus) and not max_vocab_size:
        read = read_corpus(corpus, _EVERY_WORD)
        with read.tokens:
            counts = dict(zip(read.vocabulary.index_to_key, read.vocabulary.counts.tolist(), strict=True))
            return WordCounts(counts, read.raw_words, read.sentences)
    return _count_sentences(sentences_of(corpus), max_vocab_size, trim_rule)


def _count_sentences(corpus: Iterable[Any], max_vocab_size: int | None, trim_rule: TrimRule | None) -> WordCounts:
    counts: Counter[Any] = Counter()
    total = sentences = 0
    least = 1
    for sentences, sentence in enumerate(corpus, 1):
        if sentences == 1 and isinstance(sentence, str):
            logger.warning(STRING_SENTENCE)
        words = list(sentence)
        counts.update(words)
        total += len(words)
        if max_vocab_size and len(counts) > max_vocab_size:
            counts = Counter({word: n for word, n in counts.items() if is_kept(word, n, least, trim_rule)})
            least += 1
    return WordCounts(counts, total, sentences)


STRING_SENTENCE = (
    "Each 'sentences' item should be a list of words (usually unicode strings). The first is a string, whose letters "
    "are taken as words: split it"
)


def is_kept(word: Any, count: int, min_count: int, trim_rule: TrimRule | None) -> bool:
    """Return whether to keep a word: by the rule, or if that is None or answers `RULE_DEFAULT`, by `min_count`."""
    answer = RULE_DEFAULT if trim_rule is None else trim_rule(word, count, min_count)
    return answer == RULE_KEEP or (answer != RULE_DISCARD and count >= min_count)


class WordChoice(NamedTuple):
    """The words kept and their counts, in the order of first occurrence, and the lowest count that was allowed."""

    words: dict[Any, int]
    min_count: int

    def sorted_words(self) -> dict[Any, int]:
        """Return the words by descending count; equal counts keep their order."""
        return dict(sorted(self.words.items(), key=lambda item: -item[1]))

    def report(self, all_words: Mapping[Any, int], sample: float) -> dict[str, int]:
        """Return the figures that gensim's `prepare_vocab` returns; those of subsampling are expectations."""
        counts = np.array(list(self.words.values()), np.int64)
        kept = keep_thresholds(counts, sample) / 2**32 if len(counts) else counts
        return {
            "drop_unique": len(all_words) - len(self.words),
            "retain_total": int(counts.sum()),
            "downsample_unique": int((kept < 1 - 1e-9).sum()),
            "downsample_total": int((kept * counts).sum()),
            "num_retained_words": len(self.words),
        }


def choose_words(
    counts: Mapping[Any, int], min_count: int, max_final_vocab: int | None, trim_rule: TrimRule | None
) -> WordChoice:
    """Return the words to keep: by the rule, and by a lowest count of at least `min_count`.

    If `max_final_vocab` is given, the lowest count is such that no more words have it.
    """
    least = min_count
    if max_final_vocab is not None and max_final_vocab < len(counts):
        least = max(least, sorted(counts.values(), reverse=True)[max_final_vocab] + 1)
    return WordChoice({word: n for word, n in counts.items() if is_kept(word, n, least, trim_rule)}, least)
