"""Tests how chunks are merged: equal words after folding, large counts, and too many words."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stress._corpus import ALL, check, text_file

from firth.errors import CorpusError, NotEnoughMemoryError
from firth.options import Options
from firth.text import encoding, merging, read_corpus, word_table
from firth.text.encoding import TextEncoder
from firth.text.merging import MergedWords
from firth.text.word_table import DistinctWords

LOWER = Options(min_count=1, lowercase=True)
LETTERS = "aAbBéÉİΣσςßẞ\u0301K\u2028'.:"


@settings(max_examples=300, deadline=None)
@given(words=st.lists(st.text(st.sampled_from(LETTERS), min_size=1, max_size=6), min_size=1, max_size=40))
def test_words_lower_cased_together_become_what_each_becomes_alone(tmp_path_factory, words):
    path = text_file(tmp_path_factory.mktemp("text"), " ".join(words))
    check(read_corpus(path, LOWER), [[word.lower() for word in words]], LOWER)


def test_words_that_become_equal_are_counted_under_the_first(tmp_path):
    text = b"dog Cat \xff cat CAT x\xfe Dog \xef\xbf\xbd \xfd x\xef\xbf\xbd"
    corpus = read_corpus(text_file(tmp_path, text), LOWER)
    assert corpus.vocabulary.index_to_key == ["cat", "\ufffd", "dog", "x\ufffd"]
    assert corpus.vocabulary.counts.tolist() == [3, 3, 2, 2]
    assert (corpus.distinct_words, corpus.replaced) == (4, 3)


@pytest.mark.parametrize("lowercase", [False, True])
def test_counts_that_a_byte_does_not_hold_are_exact(tmp_path, monkeypatch, lowercase):
    monkeypatch.setattr(encoding, "WORDS_IN_TABLE", 2)  # many tables, which are merged one by one
    lines = [[f"w{i}" for i in row] for row in np.random.default_rng(0).zipf(1.5, (200, 20)) % 40]
    lines += [["x"] * 255, ["y"] * 256, ["z"] * 257, ["w1"] * 70_000]
    options = Options(min_count=2, lowercase=lowercase)
    check(read_corpus(text_file(tmp_path, "\n".join(map(" ".join, lines))), options), lines, options)


def encoded(text: bytes) -> list[encoding.EncodedText]:
    return TextEncoder(1024).encode(text, ended=True)


def add(words: DistinctWords, part: encoding.EncodedText) -> np.ndarray:
    return words.add(part.units, part.tags, part.counts)


def all_of(words: DistinctWords) -> list[bytes]:
    return [word for _, text in words.texts_in_order(64) for word in text.split()]


def test_words_are_stored_once_in_the_order_of_their_first_occurrence():
    words = DistinctWords()
    first, second = (encoded(text)[0] for text in (b"b a\0 b", b"c a\0 a eeeeeeee"))
    assert add(words, first).tolist() == [0, 1]
    assert add(words, second).tolist() == [2, 1, 3, 4]
    assert [(n, text.split()) for n, text in words.texts_in_order(4)] == [
        (0, [b"b", b"a\0", b"c", b"a"]),
        (4, [b"e" * 8]),
    ]
    assert words.texts(np.array([3, 4, 1])) == b"a\neeeeeeee\na\0\n"
    assert words.counts().tolist() == [2, 2, 1, 1, 1]


def test_many_words_with_equal_beginnings_stay_apart():
    names = [b"x" * (i % 40) + b"%d" % i for i in range(30_000)]
    words = DistinctWords()
    for part in encoded(b" ".join(names + names[::-1])):
        add(words, part)
    assert all_of(words) == names
    assert set(words.counts().tolist()) == {2}


def test_words_added_while_the_others_are_read_are_not_yielded():
    words = DistinctWords()
    add(words, encoded(b"a b c d e f")[0])
    read = []
    for first, text in words.texts_in_order(4):
        add(words, encoded(b"x%d y z" % first)[0])
        read += text.split()
    assert read == [b"a", b"b", b"c", b"d", b"e", b"f"]
    assert len(words) == 10


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), shape=st.sampled_from([(0, 1), (0, 200), (28, 1000), (30, 3000), (32, 3000)]))
def test_the_table_is_a_dictionary_however_the_hashes_fall_and_whenever_it_grows(seed, shape):
    """Hashes are drawn, not computed: they are all equal, or give the last sixteenth or quarter of the slots."""
    bits, size = shape
    rng = np.random.default_rng(seed)
    all_words = [b"x" * (i % 30) + b"%d" % i for i in range(size)]
    tag_of = dict(zip(all_words, rng.integers(2**32 - 2**bits, 2**32, len(all_words)).tolist(), strict=True))
    words, counts = DistinctWords(), Counter()
    for _ in range(4):
        some = rng.choice(np.array(all_words, object), min(len(all_words), int(rng.integers(1, 2000))), replace=False)
        units = encoded(b" ".join(some))[0].units
        new = rng.choice([0, 1, 255, 256, 2**31], len(some))
        ids = words.add(units, np.array([tag_of[word] for word in some], np.uint32), new.astype(np.uint32))
        for word, n in zip(some, new.tolist(), strict=True):
            counts[word] += n
        order = {word: i for i, word in enumerate(counts)}
        assert ids.tolist() == [order[word] for word in some]
    assert all_of(words) == list(counts)
    assert words.counts().tolist() == list(counts.values())


def test_more_distinct_words_than_ids_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(merging, "MOST_IDS", 3)
    assert len(read_corpus(text_file(tmp_path, "a b c"), ALL).vocabulary) == 3
    with pytest.raises(CorpusError, match="the corpus has more than 3 distinct words, and 3 are the most: check that"):
        read_corpus(text_file(tmp_path, "a b c d"), ALL)
    with pytest.raises(CorpusError, match="and 3 are the most"):
        read_corpus([["a", "b", "c", "d"]], ALL)


def test_more_bytes_of_distinct_words_than_can_be_addressed_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(word_table, "MOST_UNITS", 3)
    with pytest.raises(CorpusError, match="which is too large: check that it is text whose words are separated"):
        read_corpus(text_file(tmp_path, "a b c d"), ALL)


def test_words_that_do_not_fit_in_memory_are_an_error_with_their_number(tmp_path, monkeypatch):
    monkeypatch.setattr("firth.resources.memory_rooms", lambda _: [("a limit", 2**19)])
    monkeypatch.setattr(encoding, "WORDS_IN_TABLE", 5_000)
    path = text_file(tmp_path, " ".join(f"{i:060}" for i in range(300_000)))
    message = (
        r"reading needs \d+ MiB of memory \(a larger table of [1-9]\d+,\d{3} distinct words .*is available \(a limit\)"
    )
    with pytest.raises(NotEnoughMemoryError, match=message):
        read_corpus(path, ALL)


def test_the_table_grows_in_place():
    numbers = word_table.ArrayInPlace(np.uint32)
    for size in range(1, 2000):
        numbers.reserve(size)
        assert size <= len(numbers.view()) <= 1.125 * size + 1
        assert numbers.view()[: size - 1].tolist() == list(range(size - 1))
        numbers.view()[size - 1] = size - 1


def test_the_longest_words_stay_whole_when_they_grow(tmp_path):
    lines = [["İ" * 512, "\xe9" * 512], ["a" * 1024]]
    corpus = read_corpus(text_file(tmp_path, "\n".join(map(" ".join, lines))), LOWER)
    check(corpus, [[word.lower() for word in line] for line in lines], LOWER)
    invalid = read_corpus(text_file(tmp_path, b"\xff" * 1024 + b" b"), ALL)
    check(invalid, [["\ufffd" * 1024, "b"]])


def test_a_merger_counts_tokens():
    merged = MergedWords(lowercase=False)
    for part in TextEncoder(3).encode(b"a bb cccc a\n", ended=True):
        merged.add(part)
    assert (merged.raw_words, merged.too_long) == (3, 1)
