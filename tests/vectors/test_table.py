"""Keys, rows, norms and attributes."""

import copy
import pickle

import numpy as np
import pytest

from firth.errors import OptionError, UnknownWordError
from firth.formats.native import write_native
from firth.packed_words import PackedWords
from firth.vectors import KeyedVectors, table
from vectors._gensim import MATRIX, PADDED, WORDS, D, V


@pytest.fixture
def three():
    return KeyedVectors(["a", "b", "c"], np.arange(12, dtype=np.float32).reshape(3, 4) + 1, counts=[5, 9, 5])


def test_the_matrix_is_not_copied():
    wv = KeyedVectors(WORDS, MATRIX)
    assert np.shares_memory(wv.vectors, PADDED)
    assert wv.vectors.shape == (V, D)
    assert (wv.vector_size, len(wv)) == (D, V)
    assert repr(wv) == "KeyedVectors<vector_size=24, 200 keys>"


def test_keys_rows_and_counts(wv):
    assert wv.index_to_key == WORDS
    assert wv.key_to_index["w3"] == wv.get_index("w3") == 3
    assert "w3" in wv
    assert wv.has_index_for("w3")
    assert "nope" not in wv
    assert wv.get_index("nope", default=-1) == -1
    assert wv.get_vecattr("w3", "count") == V - 3
    with pytest.raises(KeyError, match=r"no attribute 'sample' of 'w3'; known are: 'count'"):
        wv.get_vecattr("w3", "sample")
    assert KeyedVectors(WORDS, MATRIX).counts is None
    assert KeyedVectors(WORDS, MATRIX).get_vecattr("w3", "count") == 0


def test_the_vectors_of_one_key_and_of_several(wv):
    assert np.array_equal(wv["w5"], MATRIX[5])
    assert np.array_equal(wv[["w5", "w1"]], MATRIX[[5, 1]])
    assert wv[[]].shape == (0, D)
    np.testing.assert_allclose(np.linalg.norm(wv.get_vector("w5", norm=True)), 1, rtol=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        wv["w5"][0] = 1


def test_an_unknown_word_is_reported_with_near_spellings():
    wv = KeyedVectors(["king", "queen"], np.eye(2, dtype=np.float32))
    for query in (wv.get_vector, lambda key: wv[[key]], lambda key: wv.similarity("king", key), wv.most_similar):
        with pytest.raises(UnknownWordError, match="'kingg' is not in the vocabulary; near spellings: king"):
            query("kingg")


def test_an_integer_is_a_key_and_never_a_row_number():
    wv = KeyedVectors(np.array([10, 2, 0]), np.eye(3, dtype=np.float32))
    assert wv.index_to_key == [10, 2, 0]
    assert type(wv.index_to_key[0]) is int
    assert np.array_equal(wv[0], [0, 0, 1])
    assert np.array_equal(wv[np.int64(10)], [1, 0, 0])
    assert 1 not in wv
    for query in (wv.get_vector, wv.most_similar):
        with pytest.raises(UnknownWordError, match="1 is not in the vocabulary"):
            query(1)
    assert {key for key, _ in wv.most_similar(10)} == {2, 0}
    assert {key for key, _ in wv.most_similar((10, 2))} == {0}


@pytest.mark.parametrize(
    ("keys", "vectors", "counts", "message"),
    [
        (["a", "b", "a"], np.eye(3), None, "keys must differ: 'a' occurs more than once"),
        (["a", 1], np.eye(2), None, "all words or all whole numbers: found (1|'a')"),
        ([1.5], np.eye(1), None, "found 1.5"),
        ("ab", np.eye(2), None, "not the string 'ab'"),
        (["a"], np.eye(2), None, r"1 key must be a \(1, D\) array of numbers: found shape \(2, 2\)"),
        (["a"], np.zeros(1), None, r"found shape \(1,\)"),
        (["a"], np.array([["x"]]), None, "dtype <U1"),
        (["a"], np.eye(1), [1, 2], r"the values of 'count' for 1 key must have shape \(1,\): found shape \(2,\)"),
        (["a", "b"], None, None, r"2 keys without vectors: give a \(2, D\) array too"),
    ],
)
def test_arguments_that_do_not_match_are_errors(keys, vectors, counts, message):
    with pytest.raises(OptionError, match=message):
        KeyedVectors(keys, vectors, counts)


def test_an_empty_table_is_made_from_its_vector_size():
    for wv in (KeyedVectors(D), KeyedVectors(vector_size=D), KeyedVectors([], np.empty((0, D), np.float32))):
        assert (len(wv), wv.vector_size, wv.vectors.dtype) == (0, D, np.float32)
        assert wv.add_vector("a", np.ones(D)) == 0
        assert wv.vectors.dtype == np.float32
        assert wv.most_similar("a") == []
    assert KeyedVectors(D, dtype=np.float16).vectors.dtype == np.float16
    for size in (0, -1, True, None, 2.5):
        with pytest.raises(OptionError, match=r"vector_size=.* is not allowed: give a whole number of at least 1"):
            KeyedVectors(vector_size=size)


@pytest.mark.parametrize("keys", [[f"w{i}" for i in range(100)], list(range(1000, 1100))])
def test_keys_are_found_before_and_after_their_dictionary_is_made(keys):
    wv = KeyedVectors.trusted(list(keys), np.arange(100.0)[:, None])
    for row in (7, 99, 0, 7):
        assert wv.get_index(keys[row]) == row
    assert wv._key_to_index is None  # the first few are found by scanning the list
    assert keys[50] in wv
    assert "w100" not in wv
    assert 5 not in wv
    with pytest.raises(UnknownWordError):
        wv["w100"]
    assert [wv.get_index(key) for key in keys] == list(range(100))
    assert wv._key_to_index == dict(zip(keys, range(100), strict=True))
    assert "w100" not in wv
    with pytest.raises(TypeError, match="unhashable"):
        ["a"] in wv  # noqa: B015


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda wv: pickle.loads(pickle.dumps(wv))])
def test_a_copy_is_edited_independently(three, duplicate):
    three["d"] = three["e"] = np.ones(4)
    assert len(three._center._allocated) > len(three)  # spare rows, which a copy must not share
    other = duplicate(three)
    other["a"], other["f"], three["g"] = [5] * 4, [6] * 4, [7] * 4
    assert other[["a", "d", "f"]].tolist() == [[5] * 4, [1] * 4, [6] * 4]
    assert three[["a", "d", "g"]].tolist() == [[1, 2, 3, 4], [1] * 4, [7] * 4]
    assert (other.index_to_key[4:], three.index_to_key[4:]) == (["e", "f"], ["e", "g"])


# --- norms


def test_norms_are_those_of_assigned_vectors(wv):
    wv.most_similar("w1")
    with pytest.raises(ValueError, match="read-only"):
        wv.vectors[3] *= 100
    changed = MATRIX.copy()
    changed[3] *= 100
    wv.vectors = changed
    cosines = changed @ changed[1] / np.linalg.norm(changed, axis=1) / np.linalg.norm(changed[1])
    np.testing.assert_allclose(wv.most_similar("w1", topn=None), cosines, atol=1e-6)


def test_norms_are_computed_again_on_demand():
    matrix = np.eye(2, dtype=np.float32)
    wv = KeyedVectors(["a", "b"], matrix)
    assert wv.norms.tolist() == [1, 1]
    matrix[0] = [3, 4]
    wv.fill_norms()
    assert wv.norms.tolist() == [1, 1]
    wv.fill_norms(force=True)
    assert wv.norms.tolist() == [5, 1]


def test_many_blocks_are_shared_among_threads(monkeypatch):
    monkeypatch.setattr(table, "_BLOCK_NUMBERS", 5 * D)
    for dtype in (np.float16, np.float32):
        wv = KeyedVectors(WORDS, MATRIX.astype(dtype))
        np.testing.assert_allclose(
            wv.most_similar("w3", topn=None), wv.get_normed_vectors() @ wv.get_vector("w3", norm=True), atol=1e-6
        )
        np.testing.assert_allclose(wv.norms, np.linalg.norm(wv.vectors.astype(np.float32), axis=1), rtol=1e-6)
        wv.unit_normalize_all()
        np.testing.assert_allclose(np.linalg.norm(wv.vectors.astype(np.float32), axis=1), 1, atol=1e-3)


# --- keys edited by the caller


def put(row, key):
    def edit(keys):
        keys[row] = key

    return edit


IN_PLACE = {
    "sorted": (lambda keys: keys.sort(reverse=True), r"index_to_key\[0\] is 'c', and key_to_index has row 2 for it"),
    "renamed": (put(1, "ren"), r"index_to_key\[1\] is 'ren', and key_to_index has no row for it: .* assign a new list"),
    "a number": (put(1, 17), "all words or all whole numbers: found 17 among them"),
    "repeated": (put(1, "a"), "keys must differ: 'a' occurs more than once"),
}
WRITERS = {
    "save": lambda wv, path: wv.save(path),
    "export": lambda wv, path: wv.save_word2vec_format(path),
    "check": lambda wv, path: wv.check_rows(),
    "sort": lambda wv, path: wv.sort_by_descending_frequency(),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize(("edit", "message"), IN_PLACE.values(), ids=IN_PLACE)
def test_keys_edited_in_place_are_an_error(three, tmp_path, edit, message, write):
    edit(three.index_to_key)
    with pytest.raises(OptionError, match=message):
        write(three, tmp_path / "v")
    assert not (tmp_path / "v").exists()
    with pytest.raises(OptionError, match=message):
        three.resize_vectors()
    three.index_to_key = ["x", "y", "z"]
    write(three, tmp_path / "v")


def test_the_order_of_the_dictionary_of_keys_does_not_matter(three):
    three.key_to_index["b"] = three.key_to_index.pop("b")
    three.check_rows()


def test_repeated_keys_that_were_never_looked_up_are_an_error_when_saved(tmp_path):
    with pytest.raises(OptionError, match="keys must differ: 'a' occurs more than once"):
        KeyedVectors.trusted(["a", "b", "a"], np.eye(3)).save(tmp_path / "v")
    with pytest.raises(OptionError, match="keys must differ: 'a' occurs more than once"):
        write_native(tmp_path / "v", keys=["a", "b", "a"], center=np.eye(3))


def test_keys_assigned_by_the_caller_name_the_rows(three):
    matrix = three.vectors.copy()
    assert three.get_index("c") == three.key_to_index["c"]
    three.index_to_key = ["c", "b", "a"]
    assert three["c"].tolist() == [1, 2, 3, 4]
    del three.index_to_key[0]
    with pytest.raises(OptionError, match=r"'count' has 3 values for 2 keys: assign .* first, wv\.counts = array"):
        three.vectors = matrix[1:]
    three.counts = [9, 5]
    three.vectors = matrix[1:]
    assert (three["b"].tolist(), three["a"].tolist()) == ([5, 6, 7, 8], [9, 10, 11, 12])
    assert "c" not in three


USES = {
    "sort": lambda wv: wv.sort_by_descending_frequency(),
    "add": lambda wv: wv.add_vector("y", np.ones(4)),
    "change": lambda wv: wv.add_vectors("a", np.ones(4), replace=True),
    "scale": lambda wv: wv.unit_normalize_all(),
    "attribute": lambda wv: wv.allocate_vecattrs(["tag"], [int]),
    "save": lambda wv: wv.save("never"),
    "export": lambda wv: wv.save_word2vec_format("never"),
    "similarity": lambda wv: wv.similarity("a", "x"),
    "most_similar": lambda wv: wv.most_similar("a"),
    "batch": lambda wv: wv.most_similar_batch(["a"]),
    "cosmul": lambda wv: wv.most_similar_cosmul("a"),
    "rank": lambda wv: wv.rank("a", "b"),
    "norms": lambda wv: wv.norms,
    "units": lambda wv: wv.get_normed_vectors(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_keys_that_do_not_match_the_rows_are_an_error(three, use):
    three["c"] = three["a"]
    three.fill_norms()
    before = three.vectors.copy()
    three.index_to_key.append("x")
    with pytest.raises(OptionError, match=r"4 keys and only 3 vectors: call resize_vectors\(\) after appending keys"):
        use(three)
    del three.index_to_key[2:]
    with pytest.raises(OptionError, match=r"3 vectors and only 2 keys: put the keys back, .* vectors_for_all"):
        use(three)
    assert np.array_equal(three.vectors, before)


# --- packed words


@pytest.fixture(params=[False, True], ids=["read", "mapped"])
def packed(tmp_path, request):
    """Return vectors of a file, whose words are packed, and the same with a list."""
    words = [*(f"w{row}" for row in range(900)), "", "é", "\ud800"]
    listed = KeyedVectors(words, np.random.default_rng(1).normal(size=(len(words), 6)).astype(np.float32))
    listed.save(tmp_path / "v.firth")
    return KeyedVectors.load(tmp_path / "v.firth", mmap=request.param), listed


def test_queries_of_packed_words_give_the_same_answers_and_leave_them_packed(packed):
    wv, listed = packed
    for word in ("w7", "", "é", "\ud800"):
        assert wv.most_similar(word) == listed.most_similar(word)
        assert wv.get_index(word) == listed.get_index(word)
        assert wv[word].tolist() == listed[word].tolist()
    assert "none" not in wv
    assert 7 not in wv
    with pytest.raises(UnknownWordError, match="'w1000' is not in the vocabulary; near spellings: w"):
        wv.get_index("w1000")
    assert isinstance(wv.stored_keys, PackedWords)
    assert pickle.loads(pickle.dumps(wv)).most_similar("w3") == listed.most_similar("w3")
    assert wv.closer_than("w1", "w2") == listed.closer_than("w1", "w2")
    assert wv.index_to_key == listed.index_to_key
    assert isinstance(wv.stored_keys, list)
    assert wv.key_to_index == listed.key_to_index


def test_many_lookups_make_the_dictionary(packed):
    wv, listed = packed
    for _ in range(3):
        assert [wv.get_index(word) for word in listed.index_to_key] == list(range(len(listed)))
    assert isinstance(wv.stored_keys, list)


def test_packed_words_can_be_edited(packed):
    wv, listed = packed
    for vectors in (wv, listed):
        vectors.add_vectors(["new"], np.ones((1, 6)))
        vectors.index_to_key.append("newer")
        vectors.resize_vectors(seed=3)
    assert wv.index_to_key == listed.index_to_key
    np.testing.assert_array_equal(wv.vectors, listed.vectors)
    assert wv.most_similar("newer") == listed.most_similar("newer")
