"""Adding, changing, sorting: and what else is known about a key."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import OptionError, UnknownWordError
from firth.formats.native import write_native
from firth.vectors import KeyedVectors

D = 4
WORDS = ["a", "b", "c"]


@pytest.fixture
def matrix():
    return np.arange(12, dtype=np.float32).reshape(3, D) + 1


@pytest.fixture
def wv(matrix):
    return KeyedVectors(WORDS, matrix, counts=[5, 9, 5])


def test_an_empty_one_is_made_by_its_size():
    for wv in (KeyedVectors(D), KeyedVectors(vector_size=D), KeyedVectors([], np.empty((0, D), np.float32))):
        assert (len(wv), wv.vector_size, wv.vectors.dtype) == (0, D, np.float32)
        assert wv.add_vector("a", np.ones(D)) == 0
        assert wv.vectors.dtype == np.float32
        assert wv.most_similar("a") == []
    assert KeyedVectors(D, dtype=np.float16).vectors.dtype == np.float16
    for size in (0, -1, True, None, 2.5):
        with pytest.raises(OptionError, match=r"vector_size=.* is not allowed: give a whole number of at least 1"):
            KeyedVectors(vector_size=size)
    with pytest.raises(OptionError, match=r"2 keys without vectors: give a \(2, D\) array too"):
        KeyedVectors(["a", "b"])


def test_assigning_changes_what_is_here_and_adds_what_is_not(wv, matrix):
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


def test_adding_keeps_old_vectors_unless_told_to_replace(wv):
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
        (["x", "x"], np.ones((2, D)), "keys must differ: 'x' comes more than once"),
        (["x"], np.ones((2, D)), r"1 key must come with a \(1, 4\) array of numbers: found shape \(2, 4\)"),
        ("x", np.ones(3), r"found shape \(1, 3\)"),
        ([1], np.ones((1, D)), "all words or all whole numbers: found 1"),
        (["x"], [["p"] * D], "dtype <U1"),
        ([b"x"], np.ones((1, D)), "found b'x' among them"),
    ],
)
def test_what_does_not_fit_changes_nothing(wv, matrix, keys, vectors, message):
    before = matrix.copy()
    with pytest.raises(OptionError, match=message):
        wv[keys] = vectors
    assert wv.index_to_key == WORDS
    assert np.array_equal(wv.vectors, before)
    with pytest.raises(OptionError, match="'a' is here already: to change its vector assign it"):
        wv.add_vector("a", np.ones(D))
    with pytest.raises(
        OptionError, match=r"the values of 'count' for 1 key must have shape \(1,\): found shape \(2,\)"
    ):
        wv.add_vectors("x", np.ones(D), extras={"count": np.array([1, 2])})
    assert "x" not in wv


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(-5, 5)), max_size=40))
def test_any_run_of_changes_is_that_of_a_dictionary(steps):
    wv, expected = KeyedVectors(2), {}
    for key, number in steps:
        wv[key] = [number, 1]
        expected[key] = [number, 1]
        assert wv.norms[wv.get_index(key)] == pytest.approx(np.hypot(number, 1))
    assert {key: wv[key].tolist() for key in wv.index_to_key} == expected
    assert wv.key_to_index == {key: row for row, key in enumerate(wv.index_to_key)}
    np.testing.assert_allclose(wv.norms, np.linalg.norm(wv.vectors, axis=1))


def test_adding_one_by_one_moves_the_rows_seldom():
    wv = KeyedVectors(D)
    places = set()
    for i in range(1000):
        wv[i] = np.full(D, i)
        places.add(wv.vectors.__array_interface__["data"][0])
    assert wv[999].tolist() == [999] * D
    assert len(places) < 30  # room grows by half: log(1000) / log(1.5) = 17 times


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda wv: pickle.loads(pickle.dumps(wv))])
def test_a_copy_can_be_changed_and_added_to(wv, duplicate):
    wv["d"] = np.ones(D)
    wv["e"] = np.ones(D)  # there is room for one more row now
    assert len(wv._center._allocated) > len(wv)
    other = duplicate(wv)
    other["a"] = [5] * D
    other["g"] = [6] * D
    wv["h"] = [7] * D
    assert other[["a", "d", "g"]].tolist() == [[5] * D, [1] * D, [6] * D]
    assert wv[["a", "d", "h"]].tolist() == [[1, 2, 3, 4], [1] * D, [7] * D]
    assert (other.index_to_key[3:], wv.index_to_key[3:]) == (["d", "e", "g"], ["d", "e", "h"])


def test_what_else_is_known(wv):
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
    assert wv.has_index_for("d")
    assert not wv.has_index_for("e")


def test_a_part_of_the_vectors(wv):
    part = wv.vectors_for_all(["c", "zzz", "a", "c"], copy_vecattrs=True)
    assert part.index_to_key == ["c", "a"]
    assert np.array_equal(part.vectors, wv[["c", "a"]])
    assert part.counts.tolist() == [5, 5]
    part["c"] = np.zeros(D)
    assert wv["c"].tolist() == [9, 10, 11, 12]
    assert wv.vectors_for_all(["c"]).counts is None
    assert wv.vectors_for_all(["zzz"]).vectors.shape == (0, D)


def test_sorting_by_counts(wv):
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


def test_scaling_all_to_length_one(wv):
    wv["zero"] = np.zeros(D)
    expected = wv.get_normed_vectors()
    wv.unit_normalize_all()
    assert np.array_equal(wv.vectors, expected)
    assert wv.norms.tolist() == [1, 1, 1, 0]


def test_keys_appended_by_hand_get_random_rows(wv):
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


def test_gensims_way_of_adding_keys_by_hand(wv):
    for key in ("x", "y"):
        wv.key_to_index[key] = len(wv.index_to_key)
        wv.index_to_key.append(key)
    wv.resize_vectors()
    assert wv.index_to_key == ["a", "b", "c", "x", "y"]
    assert [wv.get_index(key) for key in "abcxy"] == [0, 1, 2, 3, 4]
    wv.index_to_key.append("a")
    with pytest.raises(OptionError, match="keys must differ: 'a' comes more than once"):
        wv.resize_vectors()
    assert wv.index_to_key == ["a", "b", "c", "x", "y", "a"]


EDITS = {
    "sort": lambda wv: wv.sort_by_descending_frequency(),
    "add": lambda wv: wv.add_vector("y", np.ones(D)),
    "change": lambda wv: wv.add_vectors("a", np.ones(D), replace=True),
    "scale": lambda wv: wv.unit_normalize_all(),
    "attribute": lambda wv: wv.allocate_vecattrs(["tag"], [int]),
    "save": lambda wv: wv.save("never"),
    "export": lambda wv: wv.save_word2vec_format("never"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_keys_without_rows_are_neither_dropped_nor_given_the_rows_of_others(wv, matrix, edit):
    wv["c"], before = matrix[2], matrix.copy()
    wv.index_to_key.append("x")
    with pytest.raises(OptionError, match=r"4 keys and only 3 vectors: call resize_vectors\(\) after appending keys"):
        edit(wv)
    del wv.index_to_key[2:]
    with pytest.raises(OptionError, match=r"3 vectors and only 2 keys: put the keys back, .* vectors_for_all"):
        edit(wv)
    assert np.array_equal(wv.vectors, before)


def test_keys_edited_by_hand_are_found_in_their_new_rows(wv, matrix):
    assert wv.get_index("c") == wv.key_to_index["c"]
    wv.index_to_key = ["c", "b", "a"]
    assert wv["c"].tolist() == [1, 2, 3, 4]
    del wv.index_to_key[0]
    with pytest.raises(OptionError, match=r"'count' has 3 values for 2 keys: assign .* first, wv\.counts = array"):
        wv.vectors = matrix[1:]
    wv.counts = [9, 5]
    wv.vectors = matrix[1:]
    assert (wv["b"].tolist(), wv["a"].tolist()) == ([5, 6, 7, 8], [9, 10, 11, 12])
    assert "c" not in wv


@pytest.mark.parametrize("keys", [[f"w{i}" for i in range(100)], list(range(1000, 1100))])
def test_keys_are_found_before_and_after_their_dictionary_is_made(keys):
    wv = KeyedVectors.trusted(list(keys), np.arange(100.0)[:, None])
    for row in (7, 99, 0, 7):
        assert wv.get_index(keys[row]) == row
    assert wv._key_to_index is None  # so few are looked for in the list
    assert keys[50] in wv
    assert "w100" not in wv
    assert 5 not in wv
    with pytest.raises(UnknownWordError):
        wv["w100"]
    assert wv.get_index("w100", default=-1) == -1
    assert [wv.get_index(key) for key in keys] == list(range(100))
    assert wv._key_to_index == dict(zip(keys, range(100), strict=True))
    assert "w100" not in wv
    with pytest.raises(TypeError, match="unhashable"):
        ["a"] in wv  # noqa: B015


# --- names that are gone


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("vocab", "key_to_index"),
        ("index2word", "index_to_key"),
        ("index2entity", "index_to_key"),
        ("vectors_norm", r"get_normed_vectors\(\)"),
        ("syn0", "vectors"),
    ],
)
def test_removed_names_say_what_to_use(wv, name, hint):
    assert not hasattr(wv, name)
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; it was removed: use {hint}"):
        getattr(wv, name)


def test_an_unknown_attribute_has_no_hint(wv):
    with pytest.raises(AttributeError, match=r"'KeyedVectors' object has no attribute 'vectorz'$"):
        wv.vectorz  # noqa: B018


def test_deprecated_methods_work_and_warn(wv):
    with pytest.warns(DeprecationWarning, match="word_vec is deprecated: use get_vector"):
        assert np.array_equal(wv.word_vec("a"), wv["a"])
    with pytest.warns(DeprecationWarning, match="use closer_than"):
        assert wv.words_closer_than("a", "c") == wv.closer_than("a", "c")
    with pytest.warns(DeprecationWarning, match="use fill_norms"):
        wv.init_sims()
    with pytest.warns(DeprecationWarning, match="use unit_normalize_all"):
        wv.init_sims(replace=True)
    assert np.linalg.norm(wv["a"]) == pytest.approx(1)


# --- keys edited in place


def put(row, key):
    def edit(keys):
        keys[row] = key

    return edit


IN_PLACE = {
    "sorted": (lambda keys: keys.sort(reverse=True), r"index_to_key\[0\] is 'c', and key_to_index has row 2 for it"),
    "renamed": (put(1, "ren"), r"index_to_key\[1\] is 'ren', and key_to_index has no row for it: .* assign a new list"),
    "a number": (put(1, 17), "all words or all whole numbers: found 17 among them"),
    "repeated": (put(1, "a"), "keys must differ: 'a' comes more than once"),
}
WRITERS = {
    "save": lambda wv, path: wv.save(path),
    "export": lambda wv, path: wv.save_word2vec_format(path),
    "check": lambda wv, path: wv.check_rows(),
    "sort": lambda wv, path: wv.sort_by_descending_frequency(),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize(("edit", "message"), IN_PLACE.values(), ids=IN_PLACE)
def test_keys_edited_in_place_are_refused(wv, tmp_path, edit, message, write):
    edit(wv.index_to_key)
    with pytest.raises(OptionError, match=message):
        write(wv, tmp_path / "v")
    assert not (tmp_path / "v").exists()
    with pytest.raises(OptionError, match=message):
        wv.resize_vectors()
    wv.index_to_key = ["x", "y", "z"]
    write(wv, tmp_path / "v")


def test_a_dictionary_of_keys_in_another_order_is_not_refused(wv):
    wv.key_to_index["b"] = wv.key_to_index.pop("b")
    wv.check_rows()


def test_repeated_keys_that_were_never_looked_up_are_named(matrix, tmp_path):
    wv = KeyedVectors.trusted(["a", "b", "a"], matrix)
    with pytest.raises(OptionError, match="keys must differ: 'a' comes more than once"):
        wv.save(tmp_path / "v")
    with pytest.raises(OptionError, match="keys must differ: 'a' comes more than once"):
        write_native(tmp_path / "v", keys=["a", "b", "a"], center=matrix)


QUERIES = {
    "similarity": lambda wv: wv.similarity("a", "zznew"),
    "most_similar": lambda wv: wv.most_similar("a"),
    "batch": lambda wv: wv.most_similar_batch(["a"]),
    "cosmul": lambda wv: wv.most_similar_cosmul("a"),
    "rank": lambda wv: wv.rank("a", "b"),
    "norms": lambda wv: wv.norms,
    "units": lambda wv: wv.get_normed_vectors(),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_queries_with_keys_that_have_no_rows_say_so(wv, query):
    wv.fill_norms()
    wv.index_to_key.append("zznew")
    with pytest.raises(OptionError, match=r"4 keys and only 3 vectors: call resize_vectors\(\)"):
        query(wv)


# --- attributes that the caller set


def test_keys_appended_by_hand_come_back_if_they_cannot_get_rows(wv):
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


COUNTS = {
    "uint64": np.array([0, 9, 5], np.uint64),
    "list": [0, 9, 5],
    "float": np.array([0.0, 9, 5]),
    "int8": np.array([0, 9, 5], np.int8),
}


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
def test_counts_of_any_dtype_are_sorted_by_and_saved(wv, tmp_path, counts):
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
    "no array": (5, "attribute 'count' is 5, which is not an array"),
    "ragged": ([[1], [1, 2], 3], "attribute 'count' is not an array"),
}


@pytest.mark.parametrize(("counts", "message"), WRONG_COUNTS.values(), ids=WRONG_COUNTS)
def test_counts_that_are_not_whole_numbers_are_refused(wv, tmp_path, counts, message):
    before = wv.counts
    with pytest.raises(OptionError, match=message):
        wv.counts = counts
    assert wv.counts is before
    if message not in (WRONG_COUNTS["no array"][1], WRONG_COUNTS["ragged"][1]):
        with pytest.raises(OptionError, match=message):
            wv.add_vectors(["x", "y", "z"], np.ones((3, D)), extras={"count": counts})
    wv.expandos["count"] = counts
    for use in (wv.sort_by_descending_frequency, lambda: wv.save(tmp_path / "v"), lambda: wv.counts):
        with pytest.raises(OptionError, match=message):
            use()


def test_rows_are_exported_by_any_attribute_of_numbers(wv, tmp_path):
    wv.expandos |= {"size": np.array([1, 3, 2], np.uint8), "era": [np.nan, 1.5, 2.5], "tag": ["x", "y", "z"]}
    for attr, order in {"size": "bca", "era": "cba", "unknown": "abc"}.items():
        wv.save_word2vec_format(tmp_path / "v", sort_attr=attr)
        assert KeyedVectors.load_word2vec_format(tmp_path / "v").index_to_key == list(order)
    with pytest.raises(OptionError, match="attribute 'tag' holds object and cannot be sorted by: name one of numbers"):
        wv.save_word2vec_format(tmp_path / "v", sort_attr="tag")
    wv["d"] = np.ones(D)
    assert wv.get_vecattr("d", "tag") is None
    assert wv.vectors_for_all(["b"], copy_vecattrs=True).get_vecattr("b", "tag") == "y"
