"""Maps of words: what is drawn is true of the vectors in all dimensions."""

import numpy as np
import pytest

from firth import KeyedVectors, OptionError, UnknownWordError, Word2Vec, plots
from firth.plots.maps import answer_rank


def places(ax):
    """Return the point of each label by its text."""
    return {text.get_text(): tuple(text.xy) for text in ax.texts if text.get_text()}


def joined(ax, at):
    """Return the pairs of words that a line joins."""
    names = {point: word for word, point in at.items()}
    return {
        frozenset(names[point] for point in zip(*line.get_data(), strict=True))
        for line in ax.lines
        if line.get_linestyle() == "-"
    }


def test_lines_join_words_with_their_true_neighbours(wv):
    chosen = ["word3", "word8", "word20"]
    ax = plots.neighbours(wv, chosen, topn=4)
    true = {frozenset([word, key]) for word in chosen for key, _ in wv.most_similar(word, topn=4)}
    at = places(ax)
    assert set(at) == {word for pair in true for word in pair}
    assert joined(ax, at) == true


def test_the_axes_have_the_share_of_the_variance(wv):
    ax = plots.neighbours(wv, ["word3", "word8"], topn=0)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("100% of the variance", "0% of the variance")
    assert ax.get_aspect() == 1.0


def test_distances_of_two_dimensional_words_are_true():
    wv = KeyedVectors(["a", "b", "c", "d"], np.array([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]]))
    at = places(plots.neighbours(wv, ["a", "b", "c", "d"], topn=1))
    for one in at:
        for other in at:
            shown = np.hypot(*np.subtract(at[one], at[other]))
            assert shown == pytest.approx(np.linalg.norm(wv[one] - wv[other]), abs=1e-9)


def test_integers_are_words_too():
    wv = KeyedVectors([1, 2, 3], np.eye(3))
    assert set(places(plots.neighbours(wv, [1, 2, 3], topn=1))) == {"1", "2", "3"}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda wv: plots.neighbours(wv, ["word1", "nobody"]), UnknownWordError, "'nobody' is not in the vocabulary"),
        (lambda wv: plots.neighbours(wv, "word1"), OptionError, "give a list of keys"),
        (lambda wv: plots.neighbours(wv, []), OptionError, "found 0 words: a map needs at least two"),
        (lambda wv: plots.neighbours(wv, ["word1"], topn=0), OptionError, "found 1 word: a map needs at least two"),
        (lambda wv: plots.neighbours(wv, ["word1"], topn=-1), OptionError, "topn=-1"),
        (lambda wv: plots.analogies(wv, [("word1", "word2")]), OptionError, "give at least two pairs"),
        (lambda wv: plots.analogies(wv, [("word1", "word2"), ("word3",)]), OptionError, "give at least two pairs"),
        (lambda wv: plots.neighbours(Word2Vec(), ["word1"]), OptionError, "is not KeyedVectors: .* such as model.wv"),
        (lambda wv: plots.analogies(5, [("word1", "word2")] * 2), OptionError, "^5 is not KeyedVectors"),
        (lambda wv: plots.two_models(wv, Word2Vec(), ["word1"]), OptionError, "is not KeyedVectors"),
        (lambda wv: plots.two_models(wv, wv, ["word1"], names="x"), OptionError, "^names='x' is not allowed: give two"),
        (lambda wv: plots.two_models(wv, wv, ["word1"]), None, ""),
        (lambda wv: plots.two_models(wv, KeyedVectors(3), ["word1"]), OptionError, "cannot be aligned"),
    ],
)
def test_wrong_requests_are_refused(wv, call, error, message):
    if error is None:
        call(wv)
        return
    with pytest.raises(error, match=message):
        call(wv)


def test_the_rank_of_an_answer_is_its_place_among_the_answers(wv):
    answers = [key for key, _ in wv.most_similar(["word2", "word3"], ["word1"], topn=60)]
    assert len(answers) == 57
    for place in (0, 1, 30, 56):
        assert answer_rank(wv, ("word1", "word2"), ("word3", answers[place])) == place + 1


def test_a_cross_is_the_fourth_corner_of_the_parallelogram(wv):
    ax = plots.analogies(wv, [("word1", "word2"), ("word3", "word4"), ("word5", "word6")])
    at = {name.partition(" ")[0]: np.array(point) for name, point in places(ax).items()}
    (crosses,) = (np.array(line.get_data()).T for line in ax.lines if line.get_marker() == "x")
    expected = [at[c] + at["word2"] - at["word1"] for c in ("word3", "word5")]
    np.testing.assert_allclose(crosses, expected, atol=1e-9)


def test_an_exact_analogy_closes_the_parallelogram():
    vectors = np.array([[1, 0, 0], [1, 1, 0], [-1, 0, 0.5], [-1, 1, 0.5]])
    wv = KeyedVectors(["man", "king", "woman", "queen"], vectors / np.linalg.norm(vectors, axis=1)[:, None])
    ax = plots.analogies(wv, [("man", "king"), ("woman", "queen")])
    assert "queen (1)" in places(ax)


def test_the_second_model_has_the_cosines_of_the_words_that_moved(wv):
    rng = np.random.default_rng(7)
    rotation = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    vectors = wv.vectors @ rotation
    vectors[5] = rng.normal(size=20)
    later = KeyedVectors(wv.index_to_key, vectors)
    words = [f"word{i}" for i in range(12)]
    first, second = plots.two_models(wv, later, words, names=("then", "now"))
    assert (first.get_title(), second.get_title()) == ("then", "now")
    assert second.get_xlabel().endswith("(number: cosine with the same word on the left)")
    shown = dict(name.split() for name in places(second))
    assert {word for word, cosine in shown.items() if float(cosine) < 0.95} == {"word5"}
    assert first.get_xlim() == second.get_xlim()
    before, after = places(first), {name.split()[0]: point for name, point in places(second).items()}
    moved = {word: np.hypot(*np.subtract(before[word], after[word])) for word in words}
    assert max(moved, key=moved.get) == "word5"
