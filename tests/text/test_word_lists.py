"""Tests that columns of word lists give what lists of Python objects give, whatever the words are."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import CorpusError
from firth.options import Options
from firth.text import arrays, read_corpus, sentences, word_lists

ALL = Options(min_count=1)
LISTS = st.lists(
    st.lists(st.text(max_size=4) | st.sampled_from([" ", "", "\n", "a b", "ΑΣ Σ", "x" * 1500]), max_size=6)
)


def read(corpus, options=ALL, **arguments):
    """Return everything that is known of a corpus."""
    result = read_corpus(corpus, options, **arguments)
    with result.tokens as tokens:
        ids = [tokens.read_block(b).tolist() for b in range(tokens.n_blocks)]
    return result.vocabulary.index_to_key, result.vocabulary.counts.tolist(), ids, result.raw_words, result.sentences


@pytest.mark.parametrize("lowercase", [False, True])
@settings(max_examples=30)
@given(lists=LISTS, chunk=st.integers(1, 9), n_bytes=st.integers(1, 40), workers=st.integers(1, 3))
def test_a_column_of_word_lists_gives_what_token_lists_give(lowercase, lists, chunk, n_bytes, workers):
    lists.append(["a"])
    options = Options(min_count=1, lowercase=lowercase)
    expected = read(lists, options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK_IDS", chunk)
        patch.setattr(sentences, "CHUNK_TOKENS", chunk)
        patch.setattr(word_lists, "MOST_BYTES", n_bytes)
        assert read(pa.array(lists, pa.list_(pa.string())), options, workers=workers) == expected
        assert read({"words": lists}, options, column="words", workers=workers) == expected


def test_invalid_utf8_in_lists_is_replaced_and_counted():
    words = pa.array([b"a", b"\xff b", b"\xff b", b"\xf8"]).cast(pa.binary()).view(pa.string())
    result = read_corpus(pa.ListArray.from_arrays([0, 2, 4], words), ALL)
    assert sorted(result.vocabulary.index_to_key) == ["a", "\ufffd", "\ufffd b"]
    assert (result.replaced, result.raw_words) == (3, 4)


def test_words_of_lists_may_be_longer_than_a_chunk_of_text():
    long = "ü" * 50_000
    assert read(pa.array([[long, "a"], [long]])) == read([[long, "a"], [long]])


@pytest.mark.parametrize(
    "rows",
    [
        pd.Series([["a"], ["b", "c"], None, ["a"]]),
        pd.Series([np.array(["a"]), np.array(["b", "c"], object), None, ("a",)]),
    ],
)
def test_series_of_lists_and_arrays_give_their_words(rows):
    assert read(rows) == (["a", "b", "c"], [2, 1, 1], [[0, -1, 1, 2, -1, 0, -1]], 4, 3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["a"], ["b", 3]], r"holds both strings \('[ab]'\) and integers \(3\)"),
        ([["a"], [3]], r"holds both strings \('a'\) and integers \(3\)"),
        ([["a", b"b"]], r"the token b'b' is of type bytes"),
        ([["a", None]], "the token None is of type NoneType"),
        ([[1, True]], "the token True is of type bool"),
        ([["a", "\udc80"]], "half of a surrogate pair"),
        ([["a"], "a b"], "holds strings instead of lists of words: sentence 1"),
    ],
)
def test_other_rows_in_a_series_of_lists_are_refused(rows, message, monkeypatch):
    for size in (1, 100):
        monkeypatch.setattr(sentences, "CHUNK_TOKENS", size)
        with pytest.raises(CorpusError, match=message):
            read(pd.Series(rows, dtype=object))
