"""Attributes of keys, and counts above all."""

import numpy as np
import pytest

from firth.errors import OptionError
from firth.vectors import KeyedVectors

D = 4


@pytest.fixture
def wv():
    return KeyedVectors(["a", "b", "c"], np.ones((3, D), np.float32), counts=[5, 9, 5])


def test_attributes_are_set_and_read(wv):
    assert wv.get_vecattr("b", "count") == 9
    wv.set_vecattr("b", "count", 11)
    wv.set_vecattr("c", "tag", "noun")
    assert (wv.get_vecattr("b", "count"), wv.counts[1]) == (11, 11)
    assert (wv.get_vecattr("c", "tag"), wv.get_vecattr("a", "tag")) == ("noun", None)
    with pytest.raises(TypeError, match="attribute 'count' holds int64, and object does not fit in it"):
        wv.set_vecattr("b", "count", "many")
    with pytest.raises(KeyError, match="'zzz'"):
        wv.set_vecattr("zzz", "fresh", 1)
    assert "fresh" not in wv.expandos
    wv["d"] = np.ones(D)
    assert wv.get_vecattr("d", "tag") is None


COUNTS = {
    "uint64": np.array([0, 9, 5], np.uint64),
    "list": [0, 9, 5],
    "float": np.array([0.0, 9, 5]),
    "int8": np.array([0, 9, 5], np.int8),
}


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
def test_counts_of_any_dtype_are_sorted_and_saved(wv, tmp_path, counts):
    wv.expandos["count"] = counts
    wv.save_word2vec_format(tmp_path / "v")
    assert KeyedVectors.load_word2vec_format(tmp_path / "v").index_to_key == ["b", "c", "a"]
    wv.add_vectors(["x"], np.ones((1, D)), extras={"count": np.array([7], np.uint64)})
    wv.sort_by_descending_frequency()
    assert wv.index_to_key == ["b", "x", "c", "a"]
    wv.save(tmp_path / "v")
    assert KeyedVectors.load(tmp_path / "v").counts.tolist() == [9, 7, 5, 0]


WRONG_COUNTS = {
    "fractions": ([1, 2.5, 3], r"counts must be whole numbers below 2\*\*63: found 2\.5 in an array of float64"),
    "NaN": ([1, np.nan, 3], "found nan"),
    "too large": (np.array([1, 2**63, 3], np.uint64), "found 9223372036854775808 in an array of uint64"),
    "text": (["1", "2", "3"], "counts must be whole numbers: found an array of object"),
    "not an array": (5, "attribute 'count' is 5, which is not an array"),
    "ragged": ([[1], [1, 2], 3], "attribute 'count' is not an array"),
}


@pytest.mark.parametrize(("counts", "message"), WRONG_COUNTS.values(), ids=WRONG_COUNTS)
def test_counts_that_are_not_whole_numbers_are_errors(wv, tmp_path, counts, message):
    before = wv.counts
    with pytest.raises(OptionError, match=message):
        wv.counts = counts
    assert wv.counts is before
    with pytest.raises(OptionError, match=message):
        wv.add_vectors(["x", "y", "z"], np.ones((3, D)), extras={"count": counts})
    wv.expandos["count"] = counts
    for use in (wv.sort_by_descending_frequency, lambda: wv.save(tmp_path / "v"), lambda: wv.counts):
        with pytest.raises(OptionError, match=message):
            use()


def test_rows_are_exported_in_the_order_of_any_attribute(wv, tmp_path):
    wv.expandos |= {"size": np.array([1, 3, 2], np.uint8), "era": [np.nan, 1.5, 2.5], "tag": ["x", "y", "z"]}
    for attr, order in {"size": "bca", "era": "cba", "unknown": "abc"}.items():
        wv.save_word2vec_format(tmp_path / "v", sort_attr=attr)
        assert KeyedVectors.load_word2vec_format(tmp_path / "v").index_to_key == list(order)
    with pytest.raises(OptionError, match="attribute 'tag' of dtype object has no order: name a numeric"):
        wv.save_word2vec_format(tmp_path / "v", sort_attr="tag")
    wv["d"] = np.ones(D)
    assert wv.get_vecattr("d", "tag") is None
    assert wv.vectors_for_all(["b"], copy_vecattrs=True).get_vecattr("b", "tag") == "y"
