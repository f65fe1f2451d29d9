"""Files of vectors, as KeyedVectors saves and loads them."""

import numpy as np
import pytest

from firth.errors import FormatError, OptionError
from firth.vectors import KeyedVectors
from vectors._gensim import MATRIX, WORDS, D, V


def test_saved_vectors_are_loaded_unchanged(wv, tmp_path):
    wv.save(tmp_path / "v.firth")
    loaded = KeyedVectors.load(tmp_path / "v.firth")
    assert loaded.index_to_key == WORDS
    assert np.array_equal(loaded.vectors, MATRIX)
    assert np.array_equal(loaded.counts, wv.counts)


def test_integer_keys_are_saved_as_integers(tmp_path):
    KeyedVectors([5, -3], np.eye(2, dtype=np.float32)).save(tmp_path / "v")
    loaded = KeyedVectors.load(str(tmp_path / "v"))
    assert loaded.index_to_key == [5, -3]
    assert loaded.counts is None


@pytest.mark.parametrize("binary", [False, True])
def test_word2vec_files_are_read_by_both_programs(wv, theirs, tmp_path, binary):
    wv.save_word2vec_format(tmp_path / "v", fvocab=tmp_path / "vocab", binary=binary)
    loaded = KeyedVectors.load_word2vec_format(tmp_path / "v", fvocab=tmp_path / "vocab")
    assert loaded.index_to_key == WORDS
    assert np.array_equal(loaded.vectors, MATRIX)
    assert np.array_equal(loaded.counts, wv.counts)
    in_gensim = type(theirs).load_word2vec_format(str(tmp_path / "v"), str(tmp_path / "vocab"), binary)
    assert np.array_equal(in_gensim.vectors, MATRIX)
    assert in_gensim.get_vecattr("w3", "count") == V - 3
    few = KeyedVectors.load_word2vec_format(tmp_path / "v", limit=7, datatype=np.float16)
    assert few.vectors.shape == (7, D)


def test_word2vec_files_are_sorted_by_count_by_default(wv, tmp_path):
    wv.counts = np.arange(V)
    wv.save_word2vec_format(tmp_path / "v", tmp_path / "vocab", prefix="p_")
    loaded = KeyedVectors.load_word2vec_format(tmp_path / "v", tmp_path / "vocab")
    assert loaded.index_to_key == [f"p_w{i}" for i in reversed(range(V))]
    assert np.array_equal(loaded.vectors, MATRIX[::-1])
    assert loaded.get_vecattr("p_w7", "count") == 7
    wv.save_word2vec_format(tmp_path / "v", sort_attr="none", write_header=False)
    loaded = KeyedVectors.load_word2vec_format(tmp_path / "v", no_header=True)
    assert loaded.index_to_key == WORDS
    assert np.array_equal(loaded.vectors, MATRIX)


def test_vectors_of_shared_keys_are_replaced_from_a_word2vec_file(wv, tmp_path):
    KeyedVectors(["w3", "other"], np.ones((2, D))).save_word2vec_format(tmp_path / "v")
    assert wv.intersect_word2vec_format(tmp_path / "v") == 1
    assert wv["w3"].tolist() == [1] * D
    assert np.array_equal(wv["w4"], MATRIX[4])
    assert "other" not in wv
    with pytest.raises(OptionError, match=r"has vectors of 24 numbers, and these have 2"):
        KeyedVectors(["w3"], np.ones((1, 2))).intersect_word2vec_format(tmp_path / "v")


def test_a_model_of_gensim_is_refused_with_a_way_to_convert_it(theirs, tmp_path):
    theirs.save(str(tmp_path / "model"))
    for load in (KeyedVectors.load, KeyedVectors.load_word2vec_format):
        with pytest.raises(FormatError, match=r"a Python pickle or a gensim model.*save_word2vec_format"):
            load(tmp_path / "model")
