"""Tests integer arrays as a corpus: 2-D, and flat with offsets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stress._corpus import ALL, check

from firth.errors import CorpusError
from firth.text import arrays, read_corpus, sentences


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.lists(st.integers(-3, 5), max_size=9), max_size=9),
    chunk=st.integers(1, 10),
    dtype=st.sampled_from([np.int8, np.int32, np.int64]),
)
def test_a_flat_array_with_offsets_is_read_as_the_same_token_lists_are(lines, chunk, dtype):
    flat = np.array([i for line in lines for i in line], dtype)
    offsets = np.cumsum([0, *map(len, lines)])
    if not flat.size:
        lines, flat, offsets = [[1]], np.array([1]), [0, 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK_IDS", chunk)
        patch.setattr(sentences, "CHUNK_TOKENS", chunk)
        patch.setattr(sentences, "TOKENS_AT_A_TIME", 3)
        check(read_corpus(flat, ALL, offsets=offsets, workers=2), lines)
        check(read_corpus(flat.tolist(), ALL, offsets=list(offsets)), lines)
        check(read_corpus(iter(lines), ALL), lines)


def test_each_row_of_a_2d_array_is_a_sentence(monkeypatch):
    monkeypatch.setattr(arrays, "CHUNK_IDS", 5)
    rows = np.arange(24, dtype=np.uint64).reshape(6, 4) % 7
    seen = []
    check(read_corpus(rows, ALL, progress=lambda *at: seen.append(at)), rows.tolist())
    assert seen[-1] == (24, 24)
    check(read_corpus(rows.T, ALL), rows.T.tolist())  # not contiguous


@pytest.mark.parametrize(
    ("corpus", "offsets", "message"),
    [
        (np.array([[2**63]], np.uint64), None, r"the id 9223372036854775808 is outside int64"),
        (np.array([1, 2]), None, r"integer array of shape \(2,\) without offsets"),
        (np.zeros((1, 2, 3), int), None, r"integer array of shape \(1, 2, 3\) without offsets"),
        (np.zeros((2, 2)), None, r"array of float64, but ids must be integers"),
        (np.zeros((2, 2), bool), None, r"array of bool, but ids must be integers"),
        (np.empty((0, 3), int), None, "the corpus is empty"),
        (np.arange(4), [0, 3, 2, 4], "offsets decrease from 3 to 2 at index 2"),
        (np.arange(4), [0, 5], "offsets run from 0 to 5: they must run from 0 to 4"),
        (np.arange(4), [1, 4], "offsets run from 1 to 4: they must run from 0 to 4"),
        (np.arange(4), [], "give n_sentences \\+ 1 integers"),
        (np.arange(4), [0.0, 4.0], "offsets is an array of float64"),
        (np.arange(4), [[0, 4]], r"of shape \(1, 2\)"),
        (np.arange(4).reshape(2, 2), [0, 4], r"the corpus has shape \(2, 2\): omit offsets"),
        (["a", "b"], [0, 2], "array of <U1, but ids must be integers"),
    ],
)
def test_wrong_arrays_and_offsets_are_refused(corpus, offsets, message):
    with pytest.raises(CorpusError, match=message):
        read_corpus(corpus, ALL, offsets=offsets)
