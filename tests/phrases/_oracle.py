"""Phrases in plain Python, by definition, and random texts to compare with."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from firth.options import PhraseOptions
from firth.phrases.id_text import EVERY_WORD, IdText, id_text
from firth.text import read_corpus

PLAIN = ["a", "b", "c", "d", "e", "of", "the"]
WITH_DELIMITERS = ["a_b", "b_c", "a_b_c", "_", "a_", "_b", "of_the", "a_of", "a__b", "of_the_b"]

sentences = st.lists(st.lists(st.sampled_from(PLAIN), max_size=10), min_size=1, max_size=20).filter(any)
any_word = st.sampled_from(PLAIN + WITH_DELIMITERS)
any_sentences = st.lists(st.lists(any_word, max_size=10), min_size=1, max_size=30).filter(any)
connectors = st.sampled_from([frozenset(), frozenset({"of"}), frozenset({"of", "the", "a_of"}), frozenset({"a", "b"})])
options = st.builds(
    PhraseOptions,
    min_count=st.integers(1, 3),
    connector_words=connectors,
    delimiter=st.sampled_from(["_", "__", "-"]),
    threshold=st.sampled_from([0.1, 0.5, 1.0]),
    scoring=st.sampled_from(["default", "npmi"]),
)


def text_of(sentences) -> IdText:
    """Read token lists as ids."""
    return id_text(read_corpus(sentences, EVERY_WORD))


def candidates(sentence, connector_words):
    """Return the places (start, end) of the pairs of words with only connector words between them."""
    places = [i for i, word in enumerate(sentence) if word not in connector_words]
    return [(start, end + 1) for start, end in pairwise(places)]


def text_counts(sentences, options: PhraseOptions) -> Counter:
    """Return how often the text of each word and of each candidate occurs."""
    counts = Counter(word for sentence in sentences for word in sentence if word not in options.connector_words)
    for sentence in sentences:
        for start, end in candidates(sentence, options.connector_words):
            counts[options.delimiter.join(sentence[start:end])] += 1
    return counts


def score(parts, counts: Counter, n_words: int, options: PhraseOptions) -> float:
    """Return the score of a candidate, from the counts of texts."""
    first, second, pair = counts[parts[0]], counts[parts[-1]], counts[options.delimiter.join(parts)]
    if options.scoring == "default":
        return (pair - options.min_count) * len(counts) / (first * second)
    return math.log(pair * n_words / (first * second)) / -math.log(pair / n_words)


def joined(sentence, phrases, options: PhraseOptions) -> list[str]:
    """Return a sentence with phrases joined from left to right; `phrases` holds the words of each."""
    out, at = [], 0
    for start, end in candidates(sentence, options.connector_words):
        if start >= at and tuple(sentence[start:end]) in phrases:
            out += [*sentence[at:start], options.delimiter.join(sentence[start:end])]
            at = end
    return out + sentence[at:]


def random_sentences(seed: int, words: int, n: int, length: int) -> list[list[str]]:
    """Return n sentences of words w0, w1 ... of falling frequency."""
    rng = np.random.default_rng(seed)
    return [[f"w{i}" for i in rng.zipf(1.3, length) % words] for _ in range(n)]


def sentences_with_names(seed: int, n: int = 1500) -> list[list[str]]:
    """Return n sentences of words w0, w1 ... in which 30 names of two to five words occur often."""
    rng = np.random.default_rng(seed)
    names = [[f"w{i}" for i in rng.integers(400, size=rng.integers(2, 6))] for _ in range(30)]
    sentences = random_sentences(seed, 400, n, 12)
    return [sentence[:5] + names[rng.integers(30)] + sentence[5:] for sentence in sentences]
