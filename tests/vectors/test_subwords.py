"""Queries with words that are not in the vocabulary, against gensim's FastTextKeyedVectors and by hand."""

import copy
import pickle

import numpy as np
import pytest

from firth import KeyedVectors, OptionError
from firth.errors import UnknownWordError
from firth.subwords import NgramScheme, SubwordVectors
from vectors._gensim import TOLERANCE, assert_same

D, SCHEME = 8, NgramScheme(2, 4, 300)
WORDS = ["the", "cat", "cats", "category", "naïve", "강아지", "고양이", "dog", "dogs"]
RNG = np.random.default_rng(11)
ROWS = RNG.normal(size=(SCHEME.buckets, D)).astype(np.float32)
OWN = RNG.normal(size=(len(WORDS), D)).astype(np.float32)
UNSEEN = ["catlike", "강아", "doggy", "é"]


@pytest.fixture
def wv():
    subwords = SubwordVectors(SCHEME, ROWS)
    vectors = subwords.compose([word.encode() for word in WORDS], OWN)
    return KeyedVectors.trusted(list(WORDS), vectors, np.arange(9, 0, -1), subwords)


@pytest.fixture(scope="module")
def theirs():
    fasttext = pytest.importorskip("gensim.models.fasttext")
    vectors = fasttext.FastTextKeyedVectors(D, SCHEME.minn, SCHEME.maxn, SCHEME.buckets)
    vectors.add_vectors(WORDS, OWN.copy())
    vectors.vectors_vocab, vectors.vectors_ngrams = OWN.copy(), ROWS.copy()
    vectors.recalc_char_ngram_buckets()
    vectors.adjust_vectors()
    return vectors


QUERIES = {
    "get_vector": lambda wv: np.array([wv.get_vector(word) for word in [*WORDS, *UNSEEN]]),
    "get_vector, norm": lambda wv: np.array([wv.get_vector(word, norm=True) for word in [*WORDS, *UNSEEN]]),
    "several": lambda wv: wv[["cat", *UNSEEN]],
    "similarity": lambda wv: [wv.similarity("catlike", word) for word in ("cat", "doggy")],
    "most_similar": lambda wv: wv.most_similar("catlike", topn=4),
    "most_similar, several": lambda wv: wv.most_similar(["catlike", "dog"], ["doggy"], topn=4),
    "most_similar_cosmul": lambda wv: wv.most_similar_cosmul(["catlike", "dog"], ["doggy"], topn=4),
    "distances": lambda wv: wv.distances("catlike", ["cat", "dogs"]),
    "n_similarity": lambda wv: wv.n_similarity(["catlike", "dog"], ["doggy", "the"]),
    "doesnt_match": lambda wv: wv.doesnt_match(["cat", "cats", "catlike", "강아지"]),
    "has_index_for": lambda wv: [wv.has_index_for(word) for word in ["cat", *UNSEEN]],
    "in": lambda wv: [word in wv for word in ["cat", *UNSEEN]],
    "vectors_for_all": lambda wv: wv.vectors_for_all(["catlike", "cat"]).vectors,
}


@pytest.mark.filterwarnings("ignore:Call to deprecated `init_sims`")
@pytest.mark.parametrize("query", QUERIES)
def test_answers_are_gensims(wv, theirs, query):
    ours, expected = QUERIES[query](wv), QUERIES[query](theirs)
    if isinstance(ours, list) and isinstance(ours[0], float):
        ours, expected = np.array(ours), np.array(expected)
    assert_same(ours, expected, TOLERANCE)


def test_many_queries_at_once_give_the_same_as_one_by_one(wv):
    batch = wv.most_similar_batch(["cat", *UNSEEN], topn=3)
    for word, found in zip(["cat", *UNSEEN], batch, strict=True):
        assert_same(found, wv.most_similar(word, topn=3))


def test_ranks_of_words_that_have_no_row(wv):
    scores = [(wv.similarity("catlike", word), word) for word in WORDS]
    nearest = [word for _, word in sorted(scores, reverse=True)]
    assert wv.rank("catlike", nearest[2]) == 3
    assert set(wv.closer_than("catlike", nearest[2])) == set(nearest[:2])
    closer = [word for word in WORDS if word != "cat" and wv.similarity("cat", word) > wv.similarity("cat", "doggy")]
    assert wv.closer_than("cat", "doggy") == closer


def test_a_word_without_ngrams_is_unknown(wv):
    short = copy.deepcopy(wv)
    short.subwords = SubwordVectors(NgramScheme(3, 4, 300), ROWS)
    assert "" not in short
    with pytest.raises(UnknownWordError, match="'' is not in the vocabulary"):
        short[""]
    with pytest.raises(UnknownWordError):
        wv[7]
    assert 7 not in wv


def test_only_words_of_the_vocabulary_have_attributes_and_rows(wv):
    for ask in (wv.get_index, lambda word: wv.get_vecattr(word, "count")):
        with pytest.raises(UnknownWordError):
            ask("catlike")
    selected = wv.vectors_for_all(["catlike", "cat"], copy_vecattrs=True)
    assert selected.counts.tolist() == [0, 8]
    assert wv.vectors_for_all(["catlike", "cat"], allow_inference=False).index_to_key == ["cat"]


def test_a_word_that_could_be_composed_can_be_added(wv):
    wv.add_vector("catlike", np.ones(D))
    assert np.array_equal(wv["catlike"], np.ones(D))
    with pytest.raises(OptionError, match="'catlike' exists already"):
        wv.add_vector("catlike", np.ones(D))
    wv.sort_by_descending_frequency()
    assert np.array_equal(wv["catlike"], np.ones(D))


def test_changed_vectors_are_those_that_fasttext_reads(wv, tmp_path):
    wv["cat"], wv["new"] = np.full(D, 2.0), np.full(D, 3.0)
    wv.save(tmp_path / "v.bin", "fasttext-bin")
    back = KeyedVectors.load(tmp_path / "v.bin")
    np.testing.assert_allclose(back[["cat", "new", "unseen"]], wv[["cat", "new", "unseen"]], atol=1e-6)


@pytest.mark.parametrize("mmap", [False, True])
def test_vectors_are_saved_with_their_ngrams(wv, tmp_path, mmap):
    wv.subwords = SubwordVectors(SCHEME, ROWS[::2].copy(), np.arange(0, 300, 2))
    wv.save(tmp_path / "v.firth")
    back = KeyedVectors.load(tmp_path / "v.firth", mmap=mmap)
    assert back.subwords.scheme == SCHEME
    for word in [*WORDS, *UNSEEN]:
        assert np.array_equal(back[word], wv[word])


def test_other_formats_hold_the_words_only(wv, tmp_path):
    wv.save(tmp_path / "v.npz", "npz")
    assert "catlike" not in KeyedVectors.load(tmp_path / "v.npz")


def test_copies_keep_the_ngrams_and_other_precisions_too(wv):
    for other in (copy.copy(wv), pickle.loads(pickle.dumps(wv))):
        assert np.array_equal(other["catlike"], wv["catlike"])
    half = wv.astype("f2")
    assert half.subwords.rows.dtype == np.float16
    np.testing.assert_allclose(half["catlike"], wv["catlike"], atol=2e-3)
    assert half[["cat", "catlike"]].dtype == np.float32


def test_rotated_vectors_compose_rotated_words(wv):
    rotation, _ = np.linalg.qr(RNG.normal(size=(D, D)))
    turned = KeyedVectors(WORDS, wv.vectors @ rotation.astype(np.float32))
    aligned = wv.align(turned)
    np.testing.assert_allclose(aligned.vectors["catlike"], wv["catlike"] @ rotation, atol=1e-5)
