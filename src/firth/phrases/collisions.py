"""Merges the counts of words and candidates whose joined text is the same, such as new_york and new + york.

gensim counts texts, so that these are one entry of its vocabulary. A text can be the same only if a word contains a
character of the delimiter, as after an earlier pass. Hashes of the texts, composed of hashes of their words, find what
may be the same; the texts themselves are then compared.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.phrases.counting import CountedText
from firth.phrases.id_text import Int64s

_PRIMES = (2147483629, 2147483587)  # below 2**31, so that products fit into 64 bits
_CHUNK = 2**20  # candidates hashed at a time


class MergedCounts(NamedTuple):
    """Counts of texts.

    words       (V,) int64: how often the text of each word occurs, as a word or as a candidate
    candidates  (n,) int64: how often that of each candidate occurs
    vocab_size  number of distinct texts; connector words are not counted
    """

    words: Int64s
    candidates: Int64s
    vocab_size: int


def merge_same_texts(text: CountedText, delimiter: str) -> MergedCounts:
    """Return the counts of the joined texts."""
    entries = np.flatnonzero(~text.is_connector & (text.word_counts > 0))  # then follow the candidates
    vocab_size = len(entries) + len(text.counts)
    words, candidates = text.word_counts.copy(), text.counts.copy()
    groups = _same_texts(text, entries, delimiter) if _can_be_same(text.words, delimiter) else []
    for group in groups:
        numbers = [number - len(entries) for number in group]  # of candidates; below 0 for words
        total = sum(int(text.counts[n]) if n >= 0 else int(text.word_counts[entries[n]]) for n in numbers)
        for n in numbers:
            if n >= 0:
                candidates[n] = total
            else:
                words[entries[n]] = total
        vocab_size -= len(group) - 1
    return MergedCounts(words, candidates, vocab_size)


def text_counts(text: CountedText, delimiter: str) -> dict[str, int]:
    """Return how often the text of each word, connector words excluded, and of each candidate occurs."""
    merged = merge_same_texts(text, delimiter)
    counted = text.word_counts > 0
    counts = {text.words[i]: int(merged.words[i]) for i in np.flatnonzero(counted & ~text.is_connector).tolist()}
    parts = map(text.parts, range(len(text.counts)))
    return counts | {delimiter.join(words): n for words, n in zip(parts, merged.candidates.tolist(), strict=True)}


def _can_be_same(words: list[str], delimiter: str) -> bool:
    """Return whether a word contains a character of the delimiter; if none does, texts can be split in one way only."""
    return any(character in word for character in set(delimiter) for word in words)


def _same_texts(text: CountedText, entries: Int64s, delimiter: str) -> Iterable[list[int]]:
    """Return groups of entries, two or more, with the same text."""
    hashes = np.concatenate([_word_hashes(text.words)[entries], _candidate_hashes(text, delimiter)])
    if len(hashes) == 0:
        return []
    order = np.argsort(hashes)
    is_same = np.diff(hashes[order]) == 0
    members = order[np.append(is_same, False) | np.append(False, is_same)]
    groups = defaultdict(list)
    for number in members.tolist():
        n = number - len(entries)
        groups[text.words[entries[n]] if n < 0 else delimiter.join(text.parts(n))].append(number)
    return [group for group in groups.values() if len(group) > 1]


def _word_hashes(words: list[str]) -> NDArray[np.uint64]:
    hashes = np.zeros(len(words), np.uint64)
    for prime in _PRIMES:
        hashes = hashes << np.uint64(31) | _hash(words, prime)[0]
    return hashes


def _candidate_hashes(text: CountedText, delimiter: str) -> NDArray[np.uint64]:
    """Return the hashes of first + glue + second, as those of words."""
    nodes = np.array(list(text.runs), np.int64)
    glue = [delimiter.join(["", *run, ""]) for run in text.runs.values()]
    tables = [(prime, *_hash(text.words, prime), *_hash(glue, prime)) for prime in _PRIMES]
    hashes = np.zeros(len(text.counts), np.uint64)
    for start in range(0, len(hashes), _CHUNK):
        some = slice(start, start + _CHUNK)
        first, run, second = text.ids(some)
        run = np.searchsorted(nodes, run)
        for prime, words, powers, glues, glue_powers in tables:
            beginning = (words[first] * glue_powers[run] + glues[run]) % np.uint64(prime)
            whole = (beginning * powers[second] + words[second]) % np.uint64(prime)
            hashes[some] = hashes[some] << np.uint64(31) | whole
    return hashes


def _hash(texts: list[str], prime: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return each text's bytes as a number to the base 256, and 256 ** (number of bytes), both modulo `prime`.

    The hash of a + b is that of a, times the power of b, plus that of b.
    """
    encoded = [text.encode() for text in texts]
    powers = {length: pow(256, length, prime) for length in {*map(len, encoded)}}
    numbers = np.array([int.from_bytes(some) % prime for some in encoded], np.uint64)
    return numbers, np.array([powers[len(some)] for some in encoded], np.uint64)
