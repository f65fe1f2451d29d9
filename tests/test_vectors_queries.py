"""The queries beside most_similar, against gensim; where gensim is at fault, against the definition."""

import re

import numpy as np
import pytest
from _gensims import MATRIX, TOLERANCE, WORDS, D, V, in_gensim, same_answers

from firth.errors import MissingExtraError, OptionError, UnknownWordError
from firth.vectors import KeyedVectors


@pytest.fixture
def wv():
    return KeyedVectors(WORDS, MATRIX.copy())


@pytest.fixture(scope="module")
def theirs():
    return in_gensim(WORDS, MATRIX)


# --- 3CosMul


@pytest.mark.filterwarnings("ignore:Call to deprecated `init_sims`:DeprecationWarning")  # gensim's call of its own
@pytest.mark.parametrize(
    "query",
    [
        {"positive": "w1"},
        {"positive": ["w1", "w2"], "negative": ["w3"]},
        {"positive": ["w1", "w2", "w1"], "negative": ["w3", "w4"], "topn": V},
        {"positive": "w5", "negative": "w6", "topn": 1},
    ],
)
def test_cosmul_is_gensims(wv, theirs, query):
    same_answers(wv.most_similar_cosmul(**query), theirs.most_similar_cosmul(**query))


def test_cosmul_does_what_gensim_only_says(wv):
    few = wv.most_similar_cosmul(["w1", "w2"], "w3", topn=V, restrict_vocab=20)
    every = wv.most_similar_cosmul(["w1", "w2"], "w3", topn=V)
    assert [key for key, _ in few] == [key for key, _ in every if int(key[1:]) < 20]
    assert wv.most_similar_cosmul(100 * MATRIX[1], topn=3) == [
        ("w1", pytest.approx(1, abs=1e-5)),
        *(pytest.approx(pair) for pair in wv.most_similar_cosmul("w1", topn=2)),
    ]  # gensim's score of a vector depends on its length
    scores = wv.most_similar_cosmul("w1", topn=None)
    np.testing.assert_allclose(scores * (1 + 1e-6), (1 + wv.most_similar("w1", topn=None)) / 2, atol=TOLERANCE)
    assert wv.most_similar_cosmul("w1", topn=0) == []


def test_cosmul_refuses_weights_and_nothing_positive(wv):
    for given in ({"positive": [("w1", 2.0)]}, {"negative": "w1"}):
        with pytest.raises(OptionError, match="needs at least one positive word or vector, and no weights"):
            wv.most_similar_cosmul(**given)
    with pytest.raises(OptionError, match="nothing to compare with"):
        wv.most_similar_cosmul()


# --- pairs and sets


def test_other_names_for_most_similar(wv):
    assert wv.similar_by_word("w1", 5) == wv.similar_by_key("w1", 5) == wv.most_similar("w1", topn=5)
    assert wv.similar_by_word("w1", restrict_vocab=9) == wv.most_similar("w1", restrict_vocab=9)
    assert wv.similar_by_vector(MATRIX[1], 5) == wv.most_similar([MATRIX[1]], topn=5)


def test_distances_are_gensims(wv, theirs):
    assert wv.distance("w1", "w2") == pytest.approx(float(theirs.distance("w1", "w2")), abs=TOLERANCE)
    assert wv.distance("w1", "w1") == 0
    for given in ("w1", MATRIX[5], 7 * MATRIX[5]):
        for others in ((), ["w3", "w1", "w3"]):
            np.testing.assert_allclose(wv.distances(given, others), theirs.distances(given, others), atol=TOLERANCE)
    with pytest.raises(UnknownWordError):
        wv.distances("w1", ["zzz"])
    with pytest.raises(OptionError, match="neither a key nor a vector of 24 numbers"):
        wv.distances(np.ones(3))


def test_cosine_similarities_divide_by_no_zero(theirs):
    rows = np.vstack([MATRIX[:4], np.zeros((1, D))])
    ours = KeyedVectors.cosine_similarities(MATRIX[7], rows)
    np.testing.assert_allclose(ours[:4], type(theirs).cosine_similarities(MATRIX[7], rows[:4]), atol=TOLERANCE)
    assert ours[4] == 0
    assert KeyedVectors.cosine_similarities(np.array([1, 0]), np.array([[2, 0], [0, 3]])).tolist() == [1, 0]


def test_ranks_are_gensims(wv, theirs):
    for first, second in (("w1", "w2"), ("w9", "w100"), ("w4", "w4")):
        assert wv.rank(first, second) == theirs.rank(first, second)
        assert wv.closer_than(first, second) == theirs.closer_than(first, second)
    near = wv.most_similar("w1", topn=4)
    assert [wv.rank("w1", key) for key, _ in near] == [1, 2, 3, 4]


def test_sets_are_gensims(wv, theirs):
    pairs = (["w1", "w2"], ["w3"]), (["w1", "zzz"], ["w4", "w5"])
    for first, second in pairs:
        assert wv.n_similarity(first, second) == pytest.approx(float(theirs.n_similarity(first, second)), abs=TOLERANCE)
    with pytest.raises(ZeroDivisionError, match="at least one word in each list"):
        wv.n_similarity(["w1"], [])
    with pytest.raises(OptionError, match="'w1' is one key where several belong"):
        wv.n_similarity("w1", ["w2"])
    assert wv.n_similarity(["zzz"], ["w1"]) == 0
    assert wv.most_similar_to_given("w1", ["w7", "w8", "w9"]) == theirs.most_similar_to_given("w1", ["w7", "w8", "w9"])


def test_relative_cosine_similarity_is_gensims(wv, theirs):
    for topn in (1, 10):
        ours, gensims = (x.relative_cosine_similarity("w1", "w2", topn) for x in (wv, theirs))
        assert ours == pytest.approx(float(gensims), abs=TOLERANCE)
    with pytest.raises(OptionError, match="topn=0 is not allowed: give a whole number of at least 1"):
        wv.relative_cosine_similarity("w1", "w2", topn=0)
    with pytest.raises(OptionError, match="'w1' has no neighbours to compare with"):
        KeyedVectors(["w1"], np.ones((1, 2))).relative_cosine_similarity("w1", "w1")


@pytest.mark.parametrize("pre", [True, False])
@pytest.mark.parametrize("post", [True, False])
def test_means_are_gensims(wv, theirs, pre, post):
    for keys, weights in (
        (["w1", "w2", "zzz"], None),
        (["w1", MATRIX[4], "w2"], [1, -2.5, 0.5]),
        ([MATRIX[3]], np.array([2.0])),
        (["zzz"], None),
    ):
        ours = wv.get_mean_vector(keys, weights, pre_normalize=pre, post_normalize=post)
        gensims = theirs.get_mean_vector(keys, weights, pre_normalize=pre, post_normalize=post)
        np.testing.assert_allclose(ours, gensims, atol=TOLERANCE)
        assert ours.dtype == np.float32


def test_means_of_nothing(wv):
    with pytest.raises(ValueError, match="a mean needs at least one key or vector"):
        wv.get_mean_vector([])
    with pytest.raises(OptionError, match=r"give one weight for each of 2 keys: found shape \(1,\)"):
        wv.get_mean_vector(["w1", "w2"], [1.0])
    with pytest.raises(UnknownWordError, match="'zzz'"):
        wv.get_mean_vector(["w1", "zzz"], ignore_missing=False)


def test_centrality_without_norms_is_gensims(wv, theirs):
    ours, gensims = (x.rank_by_centrality(WORDS[:9], use_norm=False) for x in (wv, theirs))
    assert [word for _, word in ours] == [word for _, word in gensims]
    np.testing.assert_allclose([s for s, _ in ours], [s for s, _ in gensims], atol=10 * TOLERANCE)  # long vectors


@pytest.mark.parametrize("norm", [True, False])
def test_word_movers_distance_is_gensims(wv, theirs, norm):
    pytest.importorskip("ot")
    documents = [["w1", "w2", "w3", "w3"], ["w4", "w5", "w1", "zzz"], ["w9"], ["w9", "w9"]]
    for first in documents:
        for second in documents:
            gensims = theirs.wmdistance(first, second, norm=norm)
            # where all words are the same gensim takes the distance 0 for a failure, and says infinity
            expected = 0 if sorted(set(first)) == sorted(set(second)) else gensims
            assert wv.wmdistance(first, second, norm=norm) == pytest.approx(expected, abs=1e-5)
    assert wv.wmdistance(["w1"], ["zzz"]) == float("inf")


def test_without_pot_the_way_to_it_is_named(wv, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ot", None)
    with pytest.raises(MissingExtraError, match=r"needs POT: install it with  pip install 'firth\[wmd\]'"):
        wv.wmdistance(["w1"], ["w2"])


# --- files


def test_files_are_in_the_order_of_counts_unless_told_otherwise(wv, tmp_path):
    wv.counts = np.arange(V)
    wv.save_word2vec_format(tmp_path / "v", tmp_path / "vocab", prefix="p_")
    back = KeyedVectors.load_word2vec_format(tmp_path / "v", tmp_path / "vocab")
    assert back.index_to_key == [f"p_w{i}" for i in reversed(range(V))]
    assert np.array_equal(back.vectors, MATRIX[::-1])
    assert back.get_vecattr("p_w7", "count") == 7
    wv.save_word2vec_format(tmp_path / "v", sort_attr="none", write_header=False)
    back = KeyedVectors.load_word2vec_format(tmp_path / "v", no_header=True)
    assert back.index_to_key == WORDS
    assert np.array_equal(back.vectors, MATRIX)


def test_taking_over_the_vectors_of_a_file(wv, tmp_path):
    KeyedVectors(["w3", "other"], np.ones((2, D))).save_word2vec_format(tmp_path / "v")
    assert wv.intersect_word2vec_format(tmp_path / "v") == 1
    assert wv["w3"].tolist() == [1] * D
    assert np.array_equal(wv["w4"], MATRIX[4])
    assert "other" not in wv
    with pytest.raises(OptionError, match=r"has vectors of 24 numbers, and these have 2"):
        KeyedVectors(["w3"], np.ones((1, 2))).intersect_word2vec_format(tmp_path / "v")


# --- eras


def rotation(seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(D, D)))[0]


def test_alignment_undoes_a_rotation(wv):
    turned = KeyedVectors(WORDS[::-1], (3 * MATRIX @ rotation(1))[::-1].astype(np.float32), counts=range(V))
    aligned = turned.align(wv)
    assert (aligned.keys, aligned.after) == (V, pytest.approx(1, abs=1e-5))
    assert aligned.before < 0.5
    np.testing.assert_allclose(aligned.vectors[WORDS], 3 * MATRIX, atol=1e-4)  # float32 numbers near 10
    np.testing.assert_allclose(aligned.rotation @ aligned.rotation.T, np.eye(D), atol=1e-12)
    assert aligned.vectors.counts.tolist() == list(range(V))
    assert np.array_equal(turned["w0"], (3 * MATRIX @ rotation(1)).astype(np.float32)[0])


def test_alignment_is_the_best_of_rotations(wv):
    rng = np.random.default_rng(3)
    noisy = KeyedVectors(WORDS, (MATRIX @ rotation(2) + 0.5 * rng.normal(size=(V, D))).astype(np.float32))
    aligned = noisy.align(wv)
    units = noisy.get_normed_vectors().astype(np.float64), wv.get_normed_vectors().astype(np.float64)
    best = np.linalg.norm(units[0] @ aligned.rotation - units[1])
    for seed in range(20):
        nearby = np.linalg.qr(aligned.rotation + 0.02 * np.random.default_rng(seed).normal(size=(D, D)))
        other = nearby[0] * np.sign(np.diag(nearby[1]))  # an orthogonal matrix near the best one
        assert best < np.linalg.norm(units[0] @ other - units[1])


def test_alignment_by_chosen_words_leaves_a_word_that_moved_apart(wv):
    later = KeyedVectors(WORDS, (MATRIX @ rotation(4)).astype(np.float32))
    later["w0"] = -later["w0"]
    later["nan"] = np.full(D, np.nan)
    aligned = later.align(wv, keys=WORDS[1:])
    assert aligned.keys == V - 1
    cosines = KeyedVectors.cosine_similarities(aligned.vectors["w0"], wv[["w0"]])
    assert cosines[0] == pytest.approx(-1, abs=1e-5)
    with pytest.raises(UnknownWordError, match="'zzz'"):
        later.align(wv, keys=["zzz"])


def test_what_cannot_be_aligned(wv):
    with pytest.raises(OptionError, match=r"no key in common \(200 keys and 1 key\)"):
        wv.align(KeyedVectors(["other"], np.ones((1, D))))
    with pytest.raises(OptionError, match="vectors of 24 and of 2 numbers cannot be aligned"):
        wv.align(KeyedVectors(["w1"], np.ones((1, 2))))


# --- what is odd about vectors


def test_sound_vectors_have_nothing_to_report(wv):
    info = wv.info()
    assert (info.keys, info.vector_size, info.dtype) == (V, D, "float32")
    assert (info.zero_rows, info.non_finite_rows, info.duplicate_rows) == (0, 0, 0)
    norms = np.linalg.norm(MATRIX, axis=1)
    assert info.norms == pytest.approx([norms.min(), *np.percentile(norms, [1, 25, 50, 75, 99]), norms.max()])
    units = wv.get_normed_vectors().astype(np.float64)
    cosines = (units @ units.T)[~np.eye(V, dtype=bool)]
    assert info.mean_cosine == pytest.approx(cosines.mean(), abs=1e-6)
    variances = np.linalg.svd(units - units.mean(axis=0))[1] ** 2
    assert info.top_direction == pytest.approx(variances[0] / variances.sum(), rel=1e-5)  # blocks are in float32
    directions = np.linalg.eigh(units.T @ units)[1].T
    Z = [np.exp(sign * units @ c).sum() for c in directions for sign in (1, -1)]
    assert info.isotropy == pytest.approx(min(Z) / max(Z), rel=1e-5)
    assert info.isotropy > 0.7


def test_odd_rows_are_counted_and_named(wv):
    wv[["zero", "none"]] = np.zeros((2, D))
    wv["broken"] = [np.nan] * D
    wv["endless"] = [np.inf, *[0] * (D - 1)]
    wv[["again", "twice"]] = MATRIX[[4, 4]]
    info = wv.info()
    assert (info.zero_rows, info.non_finite_rows, info.duplicate_rows) == (2, 2, 2)
    assert info.examples == {
        "zero": ["zero", "none"],
        "non_finite": ["broken", "endless"],
        "duplicate": ["again", "twice"],
    }
    assert info.norms[-1] == pytest.approx(float(np.linalg.norm(MATRIX, axis=1).max()))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_row_and_its_copy_are_alike_however_zero_is_signed(dtype):
    wv = KeyedVectors(["a", "b", "c"], np.array([[0.0, 1, 2], [-0.0, 1, 2], [0, 1, 3]], dtype=dtype))
    assert wv.info().examples["duplicate"] == ["b"]


def test_vectors_in_a_cone_are_not_isotropic():
    narrow = KeyedVectors(WORDS, MATRIX + 5).info()
    assert narrow.isotropy < 0.3
    assert narrow.mean_cosine > 0.9


def test_nothing_to_diagnose():
    info = KeyedVectors(3).info()
    assert info.keys == 0
    assert np.isnan(info.isotropy)
    assert np.isnan(info.norms).all()
    assert KeyedVectors(["a"], np.zeros((1, 2))).info().zero_rows == 1


# Whole numbers

ASK = {
    "most_similar": lambda wv, **given: wv.most_similar("w1", **given),
    "most_similar_cosmul": lambda wv, **given: wv.most_similar_cosmul("w1", **given),
    "most_similar_batch": lambda wv, **given: wv.most_similar_batch(["w1"], **given),
    "similar_by_key": lambda wv, **given: wv.similar_by_key("w1", **given),
    "similar_by_word": lambda wv, **given: wv.similar_by_word("w1", **given),
    "similar_by_vector": lambda wv, **given: wv.similar_by_vector(MATRIX[1], **given),
    "relative_cosine_similarity": lambda wv, **given: wv.relative_cosine_similarity("w1", "w2", **given),
    "evaluate_word_analogies": lambda wv, **given: wv.evaluate_word_analogies("absent", **given),
    "evaluate_word_pairs": lambda wv, **given: wv.evaluate_word_pairs("absent", **given),
}
TAKES = {name: ["topn", "restrict_vocab"] for name in ASK} | {
    "most_similar": ["topn", "restrict_vocab", "clip_start", "clip_end"],
    "most_similar_batch": ["topn", "restrict_vocab", "clip_start", "clip_end"],
    "relative_cosine_similarity": ["topn"],
    "evaluate_word_analogies": ["restrict_vocab"],
    "evaluate_word_pairs": ["restrict_vocab"],
}
PAIRS = [(name, argument) for name, arguments in TAKES.items() for argument in arguments]


@pytest.mark.parametrize("value", [5.0, 2.5, "5", True, np.True_, np.float64(5), [5], np.array([5])], ids=repr)
@pytest.mark.parametrize(("name", "argument"), PAIRS)
def test_what_is_not_a_whole_number_is_refused_by_name(wv, name, argument, value):
    with pytest.raises(OptionError, match=f"^{re.escape(f'{argument}={value!r}')} is not allowed: give a whole number"):
        ASK[name](wv, **{argument: value})


@pytest.mark.parametrize(("name", "argument"), [pair for pair in PAIRS if pair[1] in ("topn", "restrict_vocab")])
def test_negative_counts_are_refused(wv, name, argument):
    with pytest.raises(OptionError, match=f"^{argument}=-1 is not allowed: give a whole number of at least [01]"):
        ASK[name](wv, **{argument: -1})


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16])
@pytest.mark.parametrize(("name", "argument"), [pair for pair in PAIRS if not pair[0].startswith("evaluate")])
def test_numpys_integers_are_whole_numbers(wv, name, argument, kind):
    assert np.array_equal(ASK[name](wv, **{argument: kind(5)}), ASK[name](wv, **{argument: 5}))


def test_a_bad_number_is_refused_before_a_bad_word(wv):
    with pytest.raises(OptionError, match=r"topn=5\.0 is not allowed"):
        wv.most_similar_batch(["unknown"], topn=5.0)
