"""Packed words: the list that they stand for, and its rows."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import packed_words
from firth.packed_words import PackedWords

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=4)
"""Also lone surrogates, NUL and the empty word."""


@given(st.lists(ANY_TEXT, max_size=12), st.lists(ANY_TEXT, max_size=4), st.integers(1, 5), st.booleans())
def test_packed_words_are_the_list_that_they_were_made_of(words, others, at_a_time, hashed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_words, "_WORDS_AT_A_TIME", at_a_time)
        packed = PackedWords.of(words)
        if hashed:
            packed.prepare()
        assert list(packed) == words
    assert len(packed) == len(words)
    assert [packed[row] for row in range(-len(words), len(words))] == 2 * words
    assert [packed[row] for row in np.arange(len(words))] == words
    for word in words + others:
        assert packed.row_of(word) == (words.index(word) if word in words else None)
        assert (word in packed) == (word in words)
        assert packed.rows.get(word, -1) == (words.index(word) if word in words else -1)
    assert (packed.repeated() is None) == (len(set(words)) == len(words))
    if packed.repeated() is not None:
        assert words.count(packed.repeated()) > 1


@given(st.lists(ANY_TEXT, max_size=9), st.integers(-10, 10), st.integers(-10, 10), st.sampled_from([1, 2, -1, None]))
def test_slices_and_positions_are_those_of_a_list(words, start, stop, step):
    packed = PackedWords.of(words)
    assert packed[start:stop:step] == words[start:stop:step]
    for word in words:
        try:
            row = words.index(word, start, stop)
        except ValueError:
            row = None
        if row is not None and row != words.index(word):
            continue  # the first is not in the range, and packed words know no other
        if row is None:
            with pytest.raises(ValueError, match="is not among these words"):
                packed.index(word, start, stop)
        else:
            assert packed.index(word, start, stop) == row


def test_a_row_that_does_not_exist_is_an_error():
    packed = PackedWords.of(["a", "b"])
    for row in (2, -3):
        with pytest.raises(IndexError):
            packed[row]
    with pytest.raises(KeyError, match="'c'"):
        packed.rows["c"]
    for other in (None, 1, b"a", ("a",)):
        assert packed.row_of(other) is None


def test_the_bytes_of_a_word_within_many_others_are_told_from_the_word():
    words = [f"{number}a" for number in range(3000)]
    assert PackedWords.of(words).row_of("a") is None
    assert PackedWords.of([*words, "a"]).row_of("a") == 3000


def test_different_words_with_equal_hashes_are_told_apart(monkeypatch):
    monkeypatch.setattr(packed_words, "hash", lambda word: 7, raising=False)
    words = ["b", "", "a", "c", "a"]
    packed = PackedWords.of(words)
    packed.prepare()
    assert [packed.row_of(word) for word in ["a", "b", "c", "", "d"]] == [2, 0, 3, 1, None]
    assert packed.repeated() == "a"
    assert PackedWords.of(words[:4]).repeated() is None


def test_copies_compute_their_own_hashes():
    packed = PackedWords.of(["a", "b"])
    packed.prepare()
    for other in (pickle.loads(pickle.dumps(packed)), copy.deepcopy(packed), copy.copy(packed)):
        assert "_hashes" not in vars(other)
        assert list(other) == ["a", "b"]
        assert other.row_of("b") == 1


@pytest.mark.parametrize("ends", [[1, 3], [3, 2, 4], [-1, 4], [2, 5], [], [5, 4]])
def test_ends_that_do_not_fit_are_refused(ends):
    with pytest.raises(ValueError, match="not ascending, or do not fit"):
        PackedWords(b"abcd", np.array(ends, np.int64))


def test_words_that_are_not_utf8_are_refused():
    with pytest.raises(ValueError, match="a word ends within a character"):
        PackedWords("é".encode(), np.array([1, 2]))
    with pytest.raises(UnicodeDecodeError):
        PackedWords(b"\xff", np.array([1]))
