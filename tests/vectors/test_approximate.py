"""The approximate index."""

import sys

import numpy as np
import pytest

from firth.errors import MissingExtraError, OptionError
from firth.vectors import KeyedVectors
from vectors._gensim import MATRIX, WORDS, V, assert_same


def test_the_index_finds_nearly_all_neighbours(wv, index):
    assert len(index) == V
    assert index.recall(n=200) > 0.97  # V is small, and 64 candidates are examined
    hits = sum(
        key in {k for k, _ in wv.most_similar(word)}
        for word in WORDS[:50]
        for key, _ in index.most_similar_batch([word])[0]
    )
    assert hits > 0.97 * 500
    assert_same(index.most_similar_batch(["w7"], topn=1)[0], wv.most_similar("w7", topn=1), 1e-5)
    assert index.most_similar(MATRIX[7], topn=1)[0][0] == "w7"


def test_less_effort_finds_fewer(wv):
    pytest.importorskip("faiss")
    index = wv.approximate_index(links=2, building=2, effort=1)
    poor = index.recall(n=200)
    index.effort = V
    assert poor < index.recall(n=200)


def test_most_similar_uses_the_index_and_leaves_out_given_words(wv, index):
    index.effort = V  # then the whole graph is searched
    assert_same(wv.most_similar("w3", "w4", indexer=index), wv.most_similar("w3", "w4"), 1e-5)
    with pytest.raises(OptionError, match=r"an indexer searches every row: leave .* restrict_vocab out"):
        wv.most_similar("w3", indexer=index, restrict_vocab=10)


def test_broken_rows_are_not_indexed():
    pytest.importorskip("faiss")
    matrix = np.array([[1, 0], [0, 0], [1, 1], [np.nan, 1]], dtype=np.float16)
    wv = KeyedVectors(["one", "zero", "near", "nan"], matrix)
    index = wv.approximate_index()
    assert len(index) == 2
    assert [key for key, _ in index.most_similar_batch(["one"])[0]] == ["near"]
    assert index.most_similar_batch([]) == []
    with pytest.raises(OptionError, match="has no vector to index"):
        KeyedVectors(["zero"], np.zeros((1, 2))).approximate_index()


def test_the_numbers_of_an_index_are_checked(wv, index):
    for name, low in {"links": 2, "building": 1, "effort": 1}.items():
        for value in (low - 1, 5.0, True, "5"):
            with pytest.raises(OptionError, match=f"{name}={value!r} is not allowed: give a whole number of at least"):
                wv.approximate_index(**{name: value})
    for name in ("topn", "n", "seed"):
        with pytest.raises(OptionError, match=rf"{name}=5\.0 is not allowed: give a whole number"):
            index.recall(**{name: 5.0})
    for query in (index.most_similar, lambda row, topn: index.most_similar_batch(["w1"], topn)):
        with pytest.raises(OptionError, match=r"topn=5\.0 is not allowed"):
            query(MATRIX[1], topn=5.0)
    with pytest.raises(OptionError, match="effort='all' is not allowed"):
        index.effort = "all"
    small = wv.approximate_index(links=np.int64(4), building=np.int32(8), effort=np.uint8(8))
    assert small.recall(n=np.int64(5), topn=np.int64(2), seed=np.int64(1)) <= 1


@pytest.mark.parametrize(
    "edit",
    [
        lambda wv: wv.sort_by_descending_frequency(),
        lambda wv: setattr(wv, "vectors", wv.vectors[::-1]),
        lambda wv: setattr(wv, "index_to_key", wv.index_to_key[::-1]),
    ],
    ids=["sorted", "replaced", "renamed"],
)
def test_an_index_is_invalid_after_rows_moved(index, wv, edit):
    wv["new"] = wv["w3"]
    assert index.most_similar_batch(["new"], topn=1)[0][0][0] == "w3"  # adding a word does not move rows
    wv.counts = range(V + 1)
    edit(wv)
    for query in (lambda: wv.most_similar("w3", indexer=index), lambda: index.most_similar_batch(["w3"]), index.recall):
        with pytest.raises(OptionError, match=r"sorted or replaced after this index was built.*approximate_index\(\)"):
            query()


def test_without_faiss_the_extra_is_named(wv, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match=r"needs FAISS: install it with  pip install 'firth\[ann\]'"):
        wv.approximate_index()
