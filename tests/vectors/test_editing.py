"""Adding, changing, sorting and selecting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import OptionError
from firth.vectors import KeyedVectors

D = 4
WORDS = ["a", "b", "c"]


@pytest.fixture
def matrix():
    return np.arange(12, dtype=np.float32).reshape(3, D) + 1


@pytest.fixture
def wv(matrix):
    return KeyedVectors(WORDS, matrix, counts=[5, 9, 5])


def test_assigning_changes_known_keys_and_adds_new_ones(wv, matrix):
    wv.fill_norms()
    wv["b"] = [3, 4, 0, 0]
    assert matrix[1].tolist() == [3, 4, 0, 0]  # in the array that was given
    assert wv.norms[1] == 5
    wv[["a", "new"]] = np.array([[0, 0, 0, 2.0], [0, 0, 6, 8]])
    assert wv.index_to_key == ["a", "b", "c", "new"]
    assert wv["new"].tolist() == [0, 0, 6, 8]
    assert wv.norms.tolist() == pytest.approx([2, 5, np.sqrt(446), 10])
    assert wv.most_similar("a", topn=1)[0][0] == "new"
    assert wv.counts.tolist() == [5, 9, 5, 0]


def test_add_vectors_replaces_known_keys_only_on_request(wv):
    new = np.zeros((2, D))
    wv.add_vectors(["c", "d"], new)
    assert wv["c"].tolist() == [9, 10, 11, 12]
    wv.add_vectors(["c", "d"], new + 7, extras={"count": np.array([1, 2])}, replace=True)
    assert wv["c"].tolist() == wv["d"].tolist() == [7] * D
    assert wv.counts.tolist() == [5, 9, 1, 2]
    wv.add_vectors(["d", "e"], new, extras={"count": np.array([80, 90]), "era": np.array([1.5, 2.5])})
    assert wv.counts.tolist() == [5, 9, 1, 2, 90]
    assert wv.expandos["era"].tolist() == [0, 0, 0, 0, 2.5]


@pytest.mark.parametrize(
    ("keys", "vectors", "message"),
    [
        (["x", "x"], np.ones((2, D)), "keys must differ: 'x' occurs more than once"),
        (["x"], np.ones((2, D)), r"1 key must come with a \(1, 4\) array of numbers: found shape \(2, 4\)"),
        ("x", np.ones(3), r"found shape \(1, 3\)"),
        ([1], np.ones((1, D)), "all words or all whole numbers: found 1"),
        (["x"], [["p"] * D], "dtype <U1"),
        ([b"x"], np.ones((1, D)), "found b'x' among them"),
    ],
)
def test_keys_and_vectors_that_do_not_match_change_nothing(wv, matrix, keys, vectors, message):
    before = matrix.copy()
    with pytest.raises(OptionError, match=message):
        wv[keys] = vectors
    assert wv.index_to_key == WORDS
    assert np.array_equal(wv.vectors, before)


def test_an_addition_with_errors_changes_nothing(wv):
    with pytest.raises(OptionError, match="'a' exists already: to change its vector, assign it"):
        wv.add_vector("a", np.ones(D))
    with pytest.raises(OptionError, match=r"the values of 'count' for 1 key must have shape \(1,\): found shape \(2,"):
        wv.add_vectors("x", np.ones(D), extras={"count": np.array([1, 2])})
    assert "x" not in wv


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(-5, 5)), max_size=40))
def test_any_sequence_of_assignments_is_that_of_a_dictionary(steps):
    wv, expected = KeyedVectors(2), {}
    for key, number in steps:
        wv[key] = [number, 1]
        expected[key] = [number, 1]
        assert wv.norms[wv.get_index(key)] == pytest.approx(np.hypot(number, 1))
    assert {key: wv[key].tolist() for key in wv.index_to_key} == expected
    assert wv.key_to_index == {key: row for row, key in enumerate(wv.index_to_key)}
    np.testing.assert_allclose(wv.norms, np.linalg.norm(wv.vectors, axis=1))


def test_adding_one_by_one_rarely_copies_the_matrix():
    wv = KeyedVectors(D)
    addresses = set()
    for i in range(1000):
        wv[i] = np.full(D, i)
        addresses.add(wv.vectors.__array_interface__["data"][0])
    assert wv[999].tolist() == [999] * D
    assert len(addresses) < 30  # it grows by half: log(1000) / log(1.5) = 17 times


def test_a_read_only_matrix_is_copied_before_it_is_changed(tmp_path):
    np.save(tmp_path / "v.npy", np.zeros((3, D)))
    wv = KeyedVectors(WORDS, np.load(tmp_path / "v.npy", mmap_mode="r"))
    wv["c"] = np.ones(D)
    assert np.array_equal(wv["c"], np.ones(D))
    assert not np.load(tmp_path / "v.npy").any()


def test_selected_vectors_are_a_copy(wv):
    part = wv.vectors_for_all(["c", "zzz", "a", "c"], copy_vecattrs=True)
    assert part.index_to_key == ["c", "a"]
    assert np.array_equal(part.vectors, wv[["c", "a"]])
    assert part.counts.tolist() == [5, 5]
    part["c"] = np.zeros(D)
    assert wv["c"].tolist() == [9, 10, 11, 12]
    assert wv.vectors_for_all(["c"]).counts is None
    assert wv.vectors_for_all(["zzz"]).vectors.shape == (0, D)


def test_rows_are_sorted_by_count(wv):
    wv.most_similar("a")
    wv.set_vecattr("a", "tag", "x")
    wv.sort_by_descending_frequency()
    assert wv.index_to_key == ["b", "a", "c"]
    assert wv.key_to_index == {"b": 0, "a": 1, "c": 2}
    assert wv["b"].tolist() == [5, 6, 7, 8]
    assert wv.counts.tolist() == [9, 5, 5]
    assert wv.get_vecattr("a", "tag") == "x"
    assert wv.norms[0] == pytest.approx(np.linalg.norm([5, 6, 7, 8]))
    wv.counts = None
    with pytest.raises(OptionError, match=r"no counts to sort by: assign wv.counts first"):
        wv.sort_by_descending_frequency()


def test_all_vectors_are_scaled_to_length_one(wv):
    wv["zero"] = np.zeros(D)
    expected = wv.get_normed_vectors()
    wv.unit_normalize_all()
    assert np.array_equal(wv.vectors, expected)
    assert wv.norms.tolist() == [1, 1, 1, 0]


# --- resize_vectors


def test_appended_keys_get_random_rows(wv):
    wv.index_to_key += ["x", "y"]
    wv.resize_vectors(seed=3)
    assert wv.index_to_key == ["a", "b", "c", "x", "y"]
    assert wv.vectors.shape == (5, D)
    assert 0 < np.abs(wv[["x", "y"]]).max() <= 1 / D
    assert wv.counts.tolist() == [5, 9, 5, 0, 0]
    wv.resize_vectors()
    assert len(wv) == 5
    del wv.index_to_key[0]
    with pytest.raises(OptionError, match="5 vectors and only 4 keys"):
        wv.resize_vectors()


def test_keys_are_appended_as_code_for_gensim_does(wv):
    for key in ("x", "y"):
        wv.key_to_index[key] = len(wv.index_to_key)
        wv.index_to_key.append(key)
    wv.resize_vectors()
    assert wv.index_to_key == ["a", "b", "c", "x", "y"]
    assert [wv.get_index(key) for key in "abcxy"] == [0, 1, 2, 3, 4]
    wv.index_to_key.append("a")
    with pytest.raises(OptionError, match="keys must differ: 'a' occurs more than once"):
        wv.resize_vectors()
    assert wv.index_to_key == ["a", "b", "c", "x", "y", "a"]


def test_a_failed_resize_changes_nothing(wv):
    wv.index_to_key += ["x", "y"]
    wv.expandos["count"] = np.arange(4)
    with pytest.raises(OptionError, match="attribute 'count' has 4 values for 3 keys"):
        wv.resize_vectors()
    assert wv.index_to_key == ["a", "b", "c", "x", "y"]
    assert wv.expandos["count"].tolist() == [0, 1, 2, 3]
    wv.counts = np.arange(5)
    wv.resize_vectors()
    assert wv.counts.tolist() == [0, 1, 2, 3, 4]
    assert (wv.get_index("y"), wv.get_vecattr("y", "count")) == (4, 4)
    wv["z"] = np.ones(D)
    assert wv.counts.tolist() == [0, 1, 2, 3, 4, 0]
