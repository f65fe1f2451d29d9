"""Similarities, norms and evaluations: the numbers drawn are those of the queries."""

import numpy as np
import pytest
from scipy.stats import binomtest

from firth import KeyedVectors, OptionError, UnknownWordError, plots
from firth.plots.scores import accuracies, wilson_interval


def test_the_cells_are_the_cosines(wv):
    rows, columns = ["word1", "word5", "word9"], ["word5", "word2"]
    ax = plots.similarities(wv, rows, columns)
    expected = [[wv.similarity(row, column) for column in columns] for row in rows]
    np.testing.assert_allclose(ax.images[0].get_array(), expected, atol=1e-6)
    assert ax.images[0].get_clim() == (-1, 1)
    assert [text.get_text() for text in ax.texts] == [f"{value:.2f}" for row in expected for value in row]
    assert [label.get_text() for label in ax.get_yticklabels()] == rows
    assert [label.get_text() for label in ax.get_xticklabels()] == columns
    assert not plots.similarities(wv, wv.index_to_key[:30]).texts, "the numbers would not fit"


def test_each_vector_is_a_point_of_count_and_length(wv):
    ax = plots.norms(wv, ["word0", "word59"])
    everything, named = (collection.get_offsets() for collection in ax.collections)
    np.testing.assert_allclose(everything, np.stack([wv.counts, wv.norms], axis=1), rtol=1e-6)
    np.testing.assert_allclose(named, np.stack([wv.counts, wv.norms], axis=1)[[0, 59]], rtol=1e-6)
    assert {text.get_text() for text in ax.texts if text.get_text()} == {"word0", "word59"}
    assert ax.get_xscale() == "log"


def test_words_from_frequent_to_rare_are_named_by_default(wv):
    shown = [text.get_text() for text in plots.norms(wv).texts if text.get_text()]
    assert shown[0] == "word0"
    assert shown[-1] == "word59"
    assert 8 <= len(shown) <= 12


def test_vectors_that_are_not_finite_or_never_occurred_are_left_out():
    wv = KeyedVectors(["a", "b", "c"], np.array([[1.0, 0], [np.nan, 1], [0, 2]]), counts=[5, 5, 0])
    assert len(plots.norms(wv, ["a"]).collections[0].get_offsets()) == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda wv: plots.norms(KeyedVectors(["a"], np.ones((1, 2)))), OptionError, "these vectors have no counts"),
        (lambda wv: plots.norms(wv, ["nobody"]), KeyError, "nobody"),
        (lambda wv: plots.similarities(wv, []), OptionError, "there are no words to draw"),
        (lambda wv: plots.similarities(wv, ["word1"], ["nobody"]), UnknownWordError, "nobody"),
        (lambda wv: plots.norms(5), OptionError, "^5 is not KeyedVectors: give the vectors of a model"),
        (lambda wv: plots.similarities(5, ["a"]), OptionError, "^5 is not KeyedVectors"),
        (lambda wv: plots.evaluation(5), OptionError, "^5 is not a result of evaluate_word_analogies: give one"),
        (lambda wv: plots.evaluation({}), OptionError, "the results have different sections"),
    ],
)
def test_wrong_requests_are_refused(wv, call, error, message):
    with pytest.raises(error, match=message):
        call(wv)


@pytest.mark.parametrize(("correct", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (3, 10), (500, 1000), (1, 100_000)])
def test_intervals_are_wilsons(correct, n):
    expected = binomtest(correct, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(correct, n) == pytest.approx((expected.low, expected.high), abs=1e-7)


def test_nothing_is_known_of_a_section_without_answers():
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.fixture
def evaluate(wv, tmp_path):
    def result_of(text, vectors=wv):
        (tmp_path / "questions.txt").write_text(text)
        return vectors.evaluate_word_analogies(tmp_path / "questions.txt")

    return result_of


def right_answer(wv, a, b, c):
    return wv.most_similar([b, c], [a], topn=1)[0][0]


def test_each_section_has_its_accuracy_and_interval(wv, evaluate):
    right = [
        f"word{i} word{i + 1} word{i + 2} {right_answer(wv, *(f'word{i + k}' for k in range(3)))}" for i in range(3)
    ]
    wrong = "word1 word2 word3 word3"
    result = evaluate("\n".join([": good", *right, ": mixed", wrong, *right[:1], ": unknown", "a b c d", ""]))
    good, mixed, unknown, total = accuracies(result)
    assert (good.share, mixed.share, total.share) == (1.0, 0.5, pytest.approx(4 / 5))
    assert (good.low, good.high) == wilson_interval(3, 3)
    assert unknown.answered == 0
    ax = plots.evaluation(result)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["good (3)", "mixed (2)", "unknown (0)", "Total accuracy (5)"]
    shares, rows = ax.containers[0].lines[0].get_data()
    np.testing.assert_allclose(shares, [1.0, 0.5, 0.8])
    assert list(rows) == [0, 1, 3]


def test_models_are_compared_on_the_same_sections(wv, evaluate):
    text = ": one\nword1 word2 word3 word4\n: two\nword5 word6 word7 word8\n"
    fewer = KeyedVectors(wv.index_to_key[:6], wv.vectors[:6])
    ax = plots.evaluation({"all": evaluate(text), "fewer": evaluate(text, fewer)})
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one (1)", "two (1 / 0)", "Total accuracy (2 / 1)"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["all", "fewer"]
    with pytest.raises(OptionError, match="different sections"):
        plots.evaluation({"one": evaluate(text), "other": evaluate(text.replace("one", "three"))})
    with pytest.raises(OptionError, match="no question was answered"):
        plots.evaluation(evaluate(": one\na b c d\n"))
