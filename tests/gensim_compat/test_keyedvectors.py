"""firth.gensim.KeyedVectors: what differs from firth's own class."""

import numpy as np
import pytest

from firth.errors import NotAvailableError
from firth.gensim import KeyedVectors


def vectors():
    wv = KeyedVectors(2)
    wv.add_vectors(["a", "b"], [[1, 0], [0, 2]])
    return wv


def test_a_number_is_a_row_if_it_is_no_key():
    wv = vectors()
    np.testing.assert_array_equal(wv[1], [0, 2])
    assert wv.get_index(0) == 0
    assert 1 in wv
    assert 2 not in wv
    assert "1" not in wv


def test_vectors_can_be_written_to():
    wv = vectors()
    assert wv.norms.tolist() == [1, 2]
    wv.vectors[0] = [3, 4]
    wv.fill_norms(force=True)
    assert wv.norms.tolist() == [5, 2]
    np.testing.assert_array_equal(wv["a"], [3, 4])


def test_counts_of_a_file_without_them_are_ranks(tmp_path):
    vectors().save_word2vec_format(tmp_path / "v.bin", binary=True)
    assert KeyedVectors.load_word2vec_format(tmp_path / "v.bin", binary=True).counts.tolist() == [2, 1]
    (tmp_path / "cut.bin").write_bytes((tmp_path / "v.bin").read_bytes()[:-4])
    with pytest.raises(EOFError, match="truncated"):
        KeyedVectors.load_word2vec_format(tmp_path / "cut.bin", binary=True)


def test_saved_vectors_are_loaded(tmp_path):
    vectors().save(tmp_path / "v")
    loaded = KeyedVectors.load(tmp_path / "v", mmap="r")
    assert isinstance(loaded, KeyedVectors)
    np.testing.assert_array_equal(loaded.vectors, vectors().vectors)


def test_intersecting_replaces_vectors_and_freezes_them_if_asked(tmp_path):
    wv = vectors()
    KeyedVectors.save_word2vec_format(wv, tmp_path / "v.txt")
    wv.vectors[:] = 9
    wv.intersect_word2vec_format(tmp_path / "v.txt", lockf=1.0)
    np.testing.assert_array_equal(wv["b"], [0, 2])
    assert (wv.vectors_lockf == 1).all()
    wv.add_vector("not in the file", [1, 1])
    wv.intersect_word2vec_format(tmp_path / "v.txt")
    assert wv.vectors_lockf.tolist() == [0] * (len(wv) - 1) + [1]
    with pytest.raises(NotAvailableError, match=r"lockf=0\.5 is not available: give 0\.0"):
        wv.intersect_word2vec_format(tmp_path / "v.txt", lockf=0.5)
