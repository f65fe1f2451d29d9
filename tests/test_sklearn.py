"""The scikit-learn transformer: its equations, scikit-learn's own checks, pipelines, processes and pickles."""

import inspect
import os
import pickle
import warnings
from collections import Counter

import numpy as np
import pytest

from firth import KeyedVectors, Word2Vec
from firth.errors import CorpusError, FirthError, OptionError
from firth.options import Options

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

from firth.sklearn import Word2VecVectorizer

WORDS = [f"w{i}" for i in range(12)]
MATRIX = np.random.default_rng(3).normal(size=(12, 5)).astype(np.float32)
WV = KeyedVectors(WORDS, MATRIX)
TEXTS = ["w1 w2 w2", "w3 unknown w1", "", "other words", "w5 w1 w9 w1 w1"]
SMALL = {"vector_size": 8, "min_count": 1, "sample": 0, "epochs": 2, "window": 2}
TOLERANCE = 1e-6  # of sums of float32 numbers in different orders


def animals_and_weather(n=40):
    """Return documents of two topics, and the topic of each."""
    rng = np.random.default_rng(5)
    topics = [["cat", "dog", "mouse", "fur", "tail"], ["snow", "wind", "rain", "cloud", "storm"]]
    labels = rng.integers(2, size=n)
    return [" ".join(rng.choice([*topics[label], "the"], size=8)) for label in labels], labels


# --- equations


def test_the_mean_is_that_of_the_known_words():
    found = Word2VecVectorizer(WV).fit_transform(TEXTS)
    expected = [MATRIX[[1, 2, 2]].mean(0), MATRIX[[3, 1]].mean(0), 0 * MATRIX[0], 0 * MATRIX[0],
                MATRIX[[5, 1, 9, 1, 1]].mean(0)]  # fmt: skip
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)


def test_tfidf_weights_are_those_of_scikit_learn():
    vectorizer = Word2VecVectorizer(WV, weighting="tfidf").fit(TEXTS)
    tfidf = TfidfVectorizer(vocabulary=WORDS, norm=None)
    shares = tfidf.fit_transform(TEXTS).toarray()
    np.testing.assert_allclose(vectorizer.weights_, tfidf.idf_)
    sums = shares.sum(axis=1, keepdims=True)
    expected = shares @ MATRIX / np.where(sums == 0, 1, sums)
    np.testing.assert_allclose(vectorizer.transform(TEXTS), expected, atol=TOLERANCE)


def test_sif_weights_follow_the_paper():
    vectorizer = Word2VecVectorizer(WV, weighting="sif", sif_a=0.01).fit(TEXTS)
    shares = {"w1": 5 / 10, "w2": 2 / 10, "w3": 1 / 10, "w5": 1 / 10, "w9": 1 / 10}
    expected = np.zeros((5, 5))
    for row, text in enumerate(TEXTS):
        known = [word for word in text.split() if word in WV]
        for word in known:
            expected[row] += 0.01 / (0.01 + shares[word]) * WV[word] / len(known)
    np.testing.assert_allclose(vectorizer.transform(TEXTS), expected, atol=TOLERANCE)
    np.testing.assert_allclose(vectorizer.transform(["w7"])[0], WV["w7"], atol=TOLERANCE)  # p(w7) is 0


def test_the_first_components_are_removed():
    plain = Word2VecVectorizer(WV).fit_transform(TEXTS)
    vectorizer = Word2VecVectorizer(WV, remove_components=2).fit(TEXTS)
    directions = TruncatedSVD(2, algorithm="arpack", random_state=1).fit(plain.astype(np.float64)).components_
    np.testing.assert_allclose(
        vectorizer.transform(TEXTS), plain - plain @ directions.T @ directions, atol=10 * TOLERANCE
    )
    np.testing.assert_allclose(vectorizer.components_ @ vectorizer.components_.T, np.eye(2), atol=TOLERANCE)
    assert not vectorizer.transform(TEXTS)[2:4].any()


def test_words_are_scaled_to_length_1_if_asked():
    found = Word2VecVectorizer(WV, pre_normalize=True).fit(TEXTS).transform(["w1 w2"])
    units = MATRIX / np.linalg.norm(MATRIX, axis=1, keepdims=True)
    np.testing.assert_allclose(found[0], units[[1, 2]].mean(0), atol=TOLERANCE)


def test_words_composed_of_ngrams_have_the_weight_of_a_word_that_no_document_has():
    texts, _ = animals_and_weather()
    model = Word2Vec(**SMALL, subwords=(3, 4), buckets=500, workers=1).fit((t.split() for t in texts), progress=False)
    for weighting, weight in (("tfidf", 1 + np.log(1 + len(texts))), ("sif", 1.0)):
        vectorizer = Word2VecVectorizer(model, weighting=weighting).fit(texts)
        row = model.wv.get_index("snow")
        weights = np.array([vectorizer.weights_[row], weight])
        divisor = weights.sum() if weighting == "tfidf" else 2
        expected = weights @ np.array([model.wv["snow"], model.wv["snowing"]]) / divisor
        np.testing.assert_allclose(vectorizer.transform(["snow snowing"])[0], expected, atol=TOLERANCE)


# --- counts


def test_unknown_words_and_documents_are_counted():
    vectorizer = Word2VecVectorizer(WV).fit(TEXTS)
    assert (vectorizer.n_documents_, vectorizer.n_words_) == (5, 13)
    assert (vectorizer.n_unknown_words_, vectorizer.n_unknown_documents_) == (3, 2)
    assert vectorizer.count_unknown(TEXTS).tolist() == [0, 1, 0, 2, 0]


def test_a_text_without_any_known_word_warns():
    vectorizer = Word2VecVectorizer(WV).fit(TEXTS)
    with pytest.warns(UserWarning, match="none of the 3 words of 2 documents has a vector: all rows are zero"):
        found = vectorizer.transform(["Some Words", "x"])
    assert not found.any()
    assert vectorizer.transform([]).shape == (0, 5)
    assert not vectorizer.transform([""]).any()  # without a word there is nothing to warn about
    numbers = Word2VecVectorizer(KeyedVectors([1, 2], np.eye(2, dtype=np.float32)), lowercase=True)
    np.testing.assert_array_equal(numbers.fit_transform([[1, 2], [2]]), [[0.5, 0.5], [0, 1]])


# --- what it trains, and what it takes


def test_it_trains_the_same_vectors_as_word2vec():
    texts, _ = animals_and_weather()
    vectorizer = Word2VecVectorizer(**SMALL, seed=4, lowercase=True).fit([text.upper() for text in texts])
    model = Word2Vec(**SMALL, seed=4).fit([text.split() for text in texts], progress=False)
    np.testing.assert_array_equal(vectorizer.vectors_.vectors, model.wv.vectors)
    assert vectorizer.model_.wv is vectorizer.vectors_
    assert vectorizer.transform(["SNOW wind"]).any()


def test_its_options_are_those_of_word2vec():
    own, theirs = (inspect.signature(kind).parameters for kind in (Word2VecVectorizer, Word2Vec))
    for name in [*Options().to_dict(), "workers"]:
        assert own[name].default == theirs[name].default, name
        assert own[name].annotation == theirs[name].annotation, name
    assert [name for name in own if name in theirs] == [*list(own)[-len(Options().to_dict()) - 1 :]]


def test_every_kind_of_model_gives_the_same(tmp_path):
    texts, _ = animals_and_weather()
    model = Word2Vec(**SMALL).fit([text.split() for text in texts], progress=False)
    model.save(tmp_path / "model.firth")
    model.wv.save_word2vec_format(tmp_path / "vectors.bin", binary=True)
    expected = Word2VecVectorizer(model.wv).fit_transform(texts)
    for given in (model, tmp_path / "model.firth", str(tmp_path / "vectors.bin")):
        vectorizer = Word2VecVectorizer(given)
        np.testing.assert_array_equal(vectorizer.fit_transform(texts), expected)
        assert vectorizer.model_ is None


def test_every_kind_of_column_gives_the_same():
    expected = Word2VecVectorizer(WV).fit_transform(TEXTS)
    pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    lists = [text.split() for text in TEXTS]
    for documents in (np.array(TEXTS, object), np.array(TEXTS), pd.Series(TEXTS), pl.Series(TEXTS), tuple(TEXTS), lists,
                      pd.Series(lists), pl.Series(lists), pa.array(TEXTS), pa.chunked_array([TEXTS]),
 pa.array(lists)):  # fmt: skip
        np.testing.assert_array_equal(Word2VecVectorizer(WV).fit_transform(documents), expected)
    vectorizer = Word2VecVectorizer(WV, weighting="sif", remove_components=1).fit(iter(TEXTS))  # read once, then kept
    assert vectorizer.n_words_ == 13


def test_only_ascii_whitespace_separates_words_and_a_tokenizer_replaces_it():
    vectors = KeyedVectors(["a\xa0b", "c"], np.eye(2, dtype=np.float32))
    np.testing.assert_array_equal(Word2VecVectorizer(vectors).fit_transform(["a\xa0b\t\v c\n"]), [[0.5, 0.5]])
    tokenizer = Word2VecVectorizer(vectors, tokenizer=lambda text: text.split("|"))
    np.testing.assert_array_equal(tokenizer.fit_transform(["c|a\xa0b|c|c"]), [[0.25, 0.75]])


@pytest.mark.parametrize(
    ("parameters", "documents", "message"),
    [
        ({"weighting": "idf"}, TEXTS, "weighting='idf' is not allowed: give 'mean' or 'tfidf' or 'sif'"),
        ({"sif_a": 0}, TEXTS, "sif_a=0 is not allowed: give a number above 0"),
        ({"remove_components": -1}, TEXTS, "remove_components=-1 is not allowed"),
        ({"remove_components": 6}, TEXTS, "remove_components=6 is out of range: give at most the 5 dimensions"),
        ({"pre_normalize": "yes"}, TEXTS, "pre_normalize='yes' is not allowed"),
        ({"tokenizer": "split"}, TEXTS, "tokenizer='split' is not a function from a document to its words"),
        ({"model": 5}, TEXTS, "model=5 is not allowed: give KeyedVectors, a fitted Word2Vec"),
        ({"vector_size": 50}, TEXTS, "vector_size=50 has no effect if a model is given"),
        ({"model": None, "vector_size": 0}, TEXTS, "vector_size=0 is not allowed"),
        ({}, "w1 w2", r"X is 'w1 w2', not a list of documents: for a single one give \[document\]"),
        ({}, None, "X is None, not a list of documents"),
        ({}, ["w1", None], "document 1 is None: each must be a string or a list of words. For missing"),
        ({}, ["w1", float("nan")], "document 1 is nan"),
        ({}, ["w1", b"w1"], "document 1 is b'w1'"),
        ({}, {"text": TEXTS}, "X is {.*, not a list of documents"),
        ({}, [{"id": "1", "text": "w1"}], "document 0 is {.*: each must be a string or a list of words"),
        ({"tokenizer": str.upper}, ["w1"], "tokenizer must return a list of words: of document 0 it is 'W1'"),
        ({}, [["w1", None]], "text 0 holds None, which is not a word"),
        ({}, np.array([["w1"], ["w2"]]), r"X is a table, and documents are one column"),
    ],
)
def test_wrong_parameters_and_documents_raise_in_fit(parameters, documents, message):
    vectorizer = Word2VecVectorizer(**{"model": WV} | parameters)
    with pytest.raises(OptionError, match=message):
        vectorizer.fit(documents)


def test_a_table_a_model_without_vectors_and_an_empty_corpus_raise():
    pd = pytest.importorskip("pandas")
    with pytest.raises(OptionError, match="X is a table, and documents are one column: give that column"):
        Word2VecVectorizer(WV).fit(pd.DataFrame({"text": TEXTS}))
    with pytest.raises(FirthError, match="this model has no vectors yet"):
        Word2VecVectorizer(Word2Vec()).fit(TEXTS)
    with pytest.raises(CorpusError, match="min_count"):
        Word2VecVectorizer().fit(TEXTS)


# --- scikit-learn


class NumberDocuments(Word2VecVectorizer):
    """Documents from the numbers that scikit-learn's checks use: each row has two words for each column."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = True, False
        return tags

    def _texts(self, X, reset):
        rows = validate_data(self, X, reset=reset)
        return [[word for column, value in enumerate(row) for word in (f"c{column}", "+" if value > 0 else "-")]
                for row in rows]  # fmt: skip

    def fit(self, X, y=None):
        return super().fit(self._texts(X, reset=True))

    def transform(self, X):
        check_is_fitted(self)
        return super().transform(self._texts(X, reset=False))


COLUMNS = [*(f"c{column}" for column in range(40)), "+", "-"]
NUMBERS = KeyedVectors(COLUMNS, np.random.default_rng(0).normal(size=(42, 6)).astype(np.float32))


def checks_of(estimator) -> Counter:
    """Return how many of scikit-learn's checks passed, and were skipped; raise for one that fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks themselves warn: of skipped checks, and of classes in old versions
        return Counter(result["status"] for result in check_estimator(estimator, on_fail="raise"))


@pytest.mark.parametrize(
    "estimator",
    [
        NumberDocuments(NUMBERS, weighting="sif", remove_components=1),
        NumberDocuments(NUMBERS, weighting="tfidf", pre_normalize=True),
        pytest.param(NumberDocuments(**SMALL | {"epochs": 1}, workers=1), marks=pytest.mark.slow),
    ],
    ids=["sif", "tfidf", "trained"],
)
def test_scikit_learns_checks_pass_for_documents_of_numbers(estimator):
    found = checks_of(estimator)
    assert found["passed"] > 40
    assert set(found) <= {"passed", "skipped"}


def test_scikit_learns_checks_that_need_no_numbers_pass():
    """All others give 2-D arrays of numbers to an estimator, and skip those of text."""
    assert set(checks_of(Word2VecVectorizer())) <= {"passed", "skipped"}


def test_names_of_the_columns_and_output_as_a_table():
    pd = pytest.importorskip("pandas")
    vectorizer = Word2VecVectorizer(WV).fit(TEXTS)
    names = [f"word2vecvectorizer{number}" for number in range(5)]
    assert vectorizer.get_feature_names_out().tolist() == names
    table = vectorizer.set_output(transform="pandas").transform(pd.Series(TEXTS))
    assert table.columns.tolist() == names
    assert table.shape == (5, 5)


def test_a_pickle_gives_the_same_vectors():
    texts, _ = animals_and_weather()
    for vectorizer in (Word2VecVectorizer(**SMALL), Word2VecVectorizer(WV, weighting="sif", remove_components=1)):
        expected = vectorizer.fit_transform(texts if vectorizer.model is None else TEXTS)
        again = pickle.loads(pickle.dumps(vectorizer))
        np.testing.assert_array_equal(again.transform(texts if again.model is None else TEXTS), expected)


def test_a_clone_shares_the_vectors_and_is_not_fitted():
    vectorizer = Word2VecVectorizer(WV, weighting="sif").fit(TEXTS)
    copy = clone(vectorizer)
    assert copy.model is WV
    assert copy.weighting == "sif"
    assert not hasattr(copy, "vectors_")


def test_a_search_over_options_in_processes():
    """Each of the two processes trains with its share of the cores."""
    texts, labels = animals_and_weather()
    pipeline = make_pipeline(ThreadsVectorizer(**SMALL | {"epochs": 30}), LogisticRegression())
    grid = {"threadsvectorizer__vector_size": [4, 8], "threadsvectorizer__weighting": ["mean", "sif"]}
    search = GridSearchCV(pipeline, grid, n_jobs=2, cv=2, error_score="raise").fit(texts, labels)
    assert search.best_score_ > 0.9
    assert len(search.cv_results_["params"]) == 4
    alone = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(texts, labels)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])


def test_training_in_a_process_of_joblib_uses_its_share_of_the_cores(monkeypatch):
    monkeypatch.setattr("firth.sklearn.available_cores", lambda: 8)
    texts, _ = animals_and_weather(8)
    for variable, workers in (("3", 3), ("16", 8), ("0", 1), ("", 8), ("many", 8)):
        monkeypatch.setenv("NUMBA_NUM_THREADS", variable)
        assert Word2VecVectorizer(**SMALL).fit(texts).model_.workers == workers
    assert Word2VecVectorizer(**SMALL, workers=2).fit(texts).model_.workers == 2


class ThreadsVectorizer(Word2VecVectorizer):
    """Checks in a process of joblib that the threads of all processes together are not more than the cores."""

    def fit(self, X, y=None):
        super().fit(X)
        share = os.environ.get("NUMBA_NUM_THREADS")
        assert share is None or self.model_.workers <= int(share)
        return self
