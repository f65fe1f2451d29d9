import numpy as np
import pytest
from _gensims import MATRIX, PADDED, WORDS, D, V, in_gensim, same_answers
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import FormatError, OptionError, UnknownWordError
from firth.vectors import KeyedVectors


@pytest.fixture
def wv():
    return KeyedVectors(WORDS, MATRIX, counts=range(V, 0, -1))


@pytest.fixture(scope="module")
def theirs():
    return in_gensim(WORDS, MATRIX)


# --- what it holds


def test_the_matrix_is_kept_and_not_copied(wv):
    assert np.shares_memory(wv.vectors, PADDED)
    assert wv.vectors.shape == (V, D)
    assert (wv.vector_size, len(wv)) == (D, V)
    assert repr(wv) == "KeyedVectors<vector_size=24, 200 keys>"


def test_keys_rows_and_counts(wv):
    assert wv.index_to_key == WORDS
    assert wv.key_to_index["w3"] == wv.get_index("w3") == 3
    assert "w3" in wv
    assert "nope" not in wv
    assert wv.get_index("nope", default=-1) == -1
    assert wv.get_vecattr("w3", "count") == V - 3
    with pytest.raises(KeyError, match=r"no attribute 'sample' of 'w3'; known are: 'count'"):
        wv.get_vecattr("w3", "sample")
    assert KeyedVectors(WORDS, MATRIX).counts is None
    assert KeyedVectors(WORDS, MATRIX).get_vecattr("w3", "count") == 0


def test_one_vector_and_several(wv):
    assert np.array_equal(wv["w5"], MATRIX[5])
    assert np.array_equal(wv[["w5", "w1"]], MATRIX[[5, 1]])
    assert wv[[]].shape == (0, D)
    np.testing.assert_allclose(np.linalg.norm(wv.get_vector("w5", norm=True)), 1, rtol=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        wv["w5"][0] = 1


def test_an_unknown_word_offers_near_spellings():
    wv = KeyedVectors(["king", "queen"], np.eye(2, dtype=np.float32))
    for ask in (lambda: wv["kingg"], lambda: wv[["kingg"]], lambda: wv.similarity("king", "kingg")):
        with pytest.raises(UnknownWordError, match="'kingg' is not in the vocabulary; near spellings: king"):
            ask()
    with pytest.raises(KeyError):
        wv.most_similar("kingg")


def test_whole_number_keys_are_keys_and_never_rows():
    wv = KeyedVectors(np.array([10, 2, 0]), np.eye(3, dtype=np.float32))
    assert wv.index_to_key == [10, 2, 0]
    assert type(wv.index_to_key[0]) is int
    assert np.array_equal(wv[0], [0, 0, 1])
    assert np.array_equal(wv[np.int64(10)], [1, 0, 0])
    assert 1 not in wv
    with pytest.raises(UnknownWordError, match="1 is not in the vocabulary"):
        wv[1]
    with pytest.raises(UnknownWordError):
        wv.most_similar(positive=[1])
    assert {key for key, _ in wv.most_similar(10)} == {2, 0}
    assert {key for key, _ in wv.most_similar((10, 2))} == {0}


@pytest.mark.parametrize(
    ("keys", "vectors", "counts", "message"),
    [
        (["a", "b", "a"], np.eye(3), None, "keys must differ: 'a' comes more than once"),
        (["a", 1], np.eye(2), None, "all words or all whole numbers: found (1|'a')"),
        ([1.5], np.eye(1), None, "found 1.5"),
        ("ab", np.eye(2), None, "not the string 'ab'"),
        (["a"], np.eye(2), None, r"1 key must be a \(1, D\) array of numbers: found shape \(2, 2\)"),
        (["a"], np.zeros(1), None, r"found shape \(1,\)"),
        (["a"], np.array([["x"]]), None, "dtype <U1"),
        (["a"], np.eye(1), [1, 2], r"the counts of 1 key must have shape \(1,\): found shape \(2,\)"),
    ],
)
def test_what_does_not_fit_is_refused(keys, vectors, counts, message):
    with pytest.raises(OptionError, match=message):
        KeyedVectors(keys, vectors, counts)


# --- queries, against gensim


@pytest.mark.parametrize(
    "query",
    [
        {"positive": "w1"},
        {"positive": ["w1"]},
        {"positive": ["w1", "w2"], "negative": ["w3"]},
        {"positive": ["w1", "w1", "w2"]},
        {"negative": "w4"},
        {"positive": "w1", "topn": 1},
        {"positive": "w1", "topn": V},
        {"positive": "w1", "topn": 10 * V},
        {"positive": "w1", "restrict_vocab": 20},
        {"positive": "w150", "restrict_vocab": 20, "topn": 30},
        {"positive": "w1", "clip_start": 50, "clip_end": 90},
        {"positive": [("w1", 2.0), "w2"], "negative": [("w3", -0.25)]},
        {"positive": MATRIX[9]},
        {"positive": MATRIX[[9, 10]], "negative": [MATRIX[3], "w5"]},
        {"positive": [(MATRIX[9], 0.5), ("w2", 1)]},
    ],
)
def test_most_similar_is_gensims(wv, theirs, query):
    same_answers(wv.most_similar(**query), theirs.most_similar(**query))


@settings(max_examples=60, deadline=None)
@given(
    positive=st.lists(st.tuples(st.sampled_from(WORDS), st.floats(0.1, 3)), min_size=1, max_size=4),
    negative=st.lists(st.sampled_from(WORDS), max_size=3),
    topn=st.integers(1, 30),
)
def test_any_weighted_query_is_gensims(theirs, positive, negative, topn):
    wv = KeyedVectors(WORDS, MATRIX)
    if len({word for word, _ in positive} & set(negative)):
        return  # weights may cancel to a zero vector, where every order is right
    ours = wv.most_similar(positive, negative, topn=topn)
    same_answers(ours, theirs.most_similar(positive, negative, topn=topn))


def test_topn_zero_is_nothing_and_none_is_every_cosine(wv, theirs):
    assert wv.most_similar("w1", topn=0) == []
    assert wv.most_similar("unknown", topn=0) == []
    scores = wv.most_similar("w1", topn=None)
    np.testing.assert_allclose(scores, theirs.most_similar("w1", topn=None), atol=1e-6)
    assert scores.shape == (V,)


def test_a_bare_pair_is_one_weighted_word(wv):
    assert wv.most_similar(("w1", 2.0)) == wv.most_similar("w1")
    assert wv.most_similar(("w1", "w2")) == wv.most_similar(["w1", "w2"])


def test_nothing_and_nonsense_are_refused(wv):
    with pytest.raises(OptionError, match="nothing to compare with"):
        wv.most_similar()
    with pytest.raises(OptionError, match="neither a key nor a vector of 24 numbers"):
        wv.most_similar(positive=[np.ones(3)])


def test_similarity_and_doesnt_match_are_gensims(wv, theirs):
    assert wv.similarity("w1", "w2") == pytest.approx(float(theirs.similarity("w1", "w2")), abs=1e-6)
    for start in range(0, 100, 5):
        words = WORDS[start : start + 5]
        assert wv.doesnt_match(words) == theirs.doesnt_match(words)
        ours, gensims = wv.rank_by_centrality(words), theirs.rank_by_centrality(words)
        assert [word for _, word in ours] == [word for _, word in gensims]
        np.testing.assert_allclose([s for s, _ in ours], [s for s, _ in gensims], atol=1e-6)


def test_doesnt_match_names_the_words_it_leaves_out(wv):
    with pytest.warns(UserWarning, match=r"not in the vocabulary: \['zzz'\]"):
        wv.doesnt_match(["w1", "w2", "zzz"])
    with pytest.raises(OptionError, match=r"none of \['zzz'\]"):
        wv.doesnt_match(["zzz"])


# --- zero vectors, norms


def test_zero_and_broken_vectors_never_divide_by_zero_or_win():
    matrix = np.array([[1, 0], [0, 0], [1, 1], [np.nan, 1], [-1, 0]], dtype=np.float32)
    wv = KeyedVectors(["one", "zero", "near", "nan", "far"], matrix)
    assert wv.similarity("one", "zero") == 0
    assert [key for key, _ in wv.most_similar("one")] == ["near", "zero", "far", "nan"]
    assert [score for _, score in wv.most_similar("zero", topn=2)] == [0, 0]
    assert np.array_equal(wv.get_vector("zero", norm=True), [0, 0])
    assert wv.doesnt_match(["one", "near", "zero"]) == "zero"


def test_changed_vectors_are_never_queried_with_old_norms(wv):
    wv.most_similar("w1")
    with pytest.raises(ValueError, match="read-only"):
        wv.vectors[3] *= 100
    changed = MATRIX.copy()
    changed[3] *= 100
    wv.vectors = changed
    cosines = changed @ changed[1] / np.linalg.norm(changed, axis=1) / np.linalg.norm(changed[1])
    np.testing.assert_allclose(wv.most_similar("w1", topn=None), cosines, atol=1e-6)


def test_the_owner_of_the_array_can_have_the_norms_computed_again():
    matrix = np.eye(2, dtype=np.float32)
    wv = KeyedVectors(["a", "b"], matrix)
    assert wv.norms.tolist() == [1, 1]
    matrix[0] = [3, 4]
    wv.fill_norms()
    assert wv.norms.tolist() == [1, 1]
    wv.fill_norms(force=True)
    assert wv.norms.tolist() == [5, 1]


# --- files


def test_save_and_load(wv, tmp_path):
    wv.save(tmp_path / "v.firth")
    back = KeyedVectors.load(tmp_path / "v.firth")
    assert back.index_to_key == WORDS
    assert np.array_equal(back.vectors, MATRIX)
    assert np.array_equal(back.counts, wv.counts)


def test_whole_number_keys_are_saved_as_numbers(tmp_path):
    KeyedVectors([5, -3], np.eye(2, dtype=np.float32)).save(tmp_path / "v")
    back = KeyedVectors.load(str(tmp_path / "v"))
    assert back.index_to_key == [5, -3]
    assert back.counts is None


@pytest.mark.parametrize("binary", [False, True])
def test_word2vec_files(wv, theirs, tmp_path, binary):
    wv.save_word2vec_format(tmp_path / "v", fvocab=tmp_path / "vocab", binary=binary)
    back = KeyedVectors.load_word2vec_format(tmp_path / "v", fvocab=tmp_path / "vocab")
    assert back.index_to_key == WORDS
    assert np.array_equal(back.vectors, MATRIX)
    assert np.array_equal(back.counts, wv.counts)
    gensims = type(theirs).load_word2vec_format(str(tmp_path / "v"), str(tmp_path / "vocab"), binary)
    assert np.array_equal(gensims.vectors, MATRIX)
    assert gensims.get_vecattr("w3", "count") == V - 3
    assert KeyedVectors.load_word2vec_format(tmp_path / "v", limit=7, datatype=np.float16).vectors.shape == (
        7,
        D,
    )


def test_a_model_of_gensim_is_refused_with_the_way_on(theirs, tmp_path):
    theirs.save(str(tmp_path / "model"))
    for load in (KeyedVectors.load, KeyedVectors.load_word2vec_format):
        with pytest.raises(FormatError, match=r"a Python pickle or a gensim model.*save_word2vec_format"):
            load(tmp_path / "model")
