"""Two models: neighbours lost and gained, one map for both, and models that cannot be compared."""

import dataclasses
import time

import numpy as np
import pytest

from firth import KeyedVectors
from firth.errors import OptionError
from firth.explore import comparison as comparison_module
from firth.explore.changes import change_of, kept_bytes, summary
from firth.explore.comparison import Comparison
from firth.explore.explored import Explored


def waited(ask):
    for _ in range(600):
        found = ask()
        if not isinstance(found, float):
            return found
        time.sleep(0.05)
    raise AssertionError("nothing was computed in 30 seconds")


def explored_of(name: str, words: list, rows: np.ndarray) -> Explored:
    return Explored(name, KeyedVectors(words, rows.astype(np.float32)))


def random_rows(V: int, D: int = 8, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(V, D))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FIRTH_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def pair():
    """Return two models: the second is the first rotated, in another order, except that w0 stands where w1 stood."""
    words = [f"w{i}" for i in range(120)]
    rows = random_rows(120)
    rotation, _ = np.linalg.qr(random_rows(8, seed=2))
    moved = rows.copy()
    moved[0] = rows[1] + 0.01
    order = np.random.default_rng(3).permutation(120)
    other = explored_of("b", [*(words[i] for i in order), "new"], np.concatenate([(moved @ rotation)[order], rows[:1]]))
    one = explored_of("a", [*words, "old", "gone"], np.concatenate([rows, rows[:2]]))
    compared = Comparison(one, other)
    yield compared
    compared.close()


def test_words_of_both_are_compared_in_the_order_of_the_first(pair):
    found = waited(pair.neighbours)
    told = summary(pair, found)
    assert pair.words == [f"w{i}" for i in range(120)]
    assert (told["shared"], told["only"], told["names"]) == (120, [2, 1], ["a", "b"])
    assert told["alignment"]["after"] > 0.97 > 0.3 > told["alignment"]["before"]
    assert told["kept"] == pytest.approx(found.kept.mean())


def test_only_the_word_that_moved_has_new_neighbours(pair):
    found = waited(pair.neighbours)
    change = change_of(pair, found, "w0")
    assert len(change["kept"]) + len(change["lost"]) == 10
    assert len(change["kept"]) + len(change["gained"]) == 10
    assert change["gained"][0]["word"] == "w1"
    expected = {word for word, _ in pair.one.vectors.most_similar("w0", topn=10, restrict_vocab=120)}
    assert {item["word"] for part in ("kept", "lost") for item in change[part]} == expected
    assert found.kept[0] == len(change["kept"]) / 10
    assert found.kept[0] == found.kept.min() < found.kept.mean()
    still = change_of(pair, found, "w50")
    assert still["similarity"] > 0.97
    assert kept_bytes(found)[50] == round(255 * len(still["kept"]) / 10)


@pytest.mark.parametrize(
    ("word", "reason"), [("old", "only a has"), ("new", "only b has"), ("xyz", "neither"), ("", "neither")]
)
def test_a_word_that_is_not_in_both_has_a_reason(pair, word, reason):
    assert reason in change_of(pair, waited(pair.neighbours), word)["reason"]


@pytest.mark.parametrize("name", ["pca", "neighbours"])
def test_both_models_are_on_one_map_where_words_that_did_not_change_stand_together(pair, name):
    points = waited(lambda: pair.points(name)).astype(float)
    assert points.shape == (240, 2)
    gaps = np.linalg.norm(points[:120] - points[120:], axis=1)
    random = np.linalg.norm(points[:120] - points[120:][::-1], axis=1)
    assert np.median(gaps[1:]) < 0.5 * np.median(random)


def test_models_of_different_sizes_are_compared_without_alignment():
    words = [f"w{i}" for i in range(60)]
    compared = Comparison(explored_of("a", words, random_rows(60)), explored_of("b", words, random_rows(60, 5)))
    found = waited(compared.neighbours)
    assert summary(compared, found)["alignment"] is None
    assert summary(compared, found)["dimensions"] == [8, 5]
    assert change_of(compared, found, "w3")["similarity"] is None
    for name in ("pca", "neighbours"):
        assert waited(lambda name=name: compared.points(name)).shape == (120, 2)


@pytest.mark.parametrize("D", [8, 5])
def test_neighbours_and_the_map_are_computed_once_and_then_read(monkeypatch, D):
    words = [f"w{i}" for i in range(60)]
    rows = random_rows(60), random_rows(60, D, seed=5)

    def results(*rows):
        compared = Comparison(*(explored_of("a", words, each) for each in rows))
        return waited(compared.neighbours), waited(lambda: compared.points("neighbours"))

    first, points = results(*rows)
    monkeypatch.setattr(comparison_module, "neighbour_layout", None)  # a call would raise
    monkeypatch.setattr(comparison_module, "neighbourhoods", None)
    again, same = results(*rows)
    np.testing.assert_array_equal(same, points)
    for one, other in zip((*first.one, *first.other), (*again.one, *again.other), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(TypeError):
        results(rows[0] + 1, rows[1])  # other vectors


def test_models_without_a_common_word_are_refused():
    one, other = explored_of("a", ["x", "y"], random_rows(2)), explored_of("b", [1, 2, 3], random_rows(3))
    with pytest.raises(OptionError, match=r"a and b have no word in common \(2 words and 3 words\)"):
        Comparison(one, other)


def test_one_common_word_has_no_neighbours():
    compared = Comparison(explored_of("a", ["x", "y"], random_rows(2)), explored_of("b", ["y", "z"], random_rows(2)))
    found = waited(compared.neighbours)
    change = change_of(compared, found, "y")
    assert (change["kept"], change["lost"], change["gained"]) == ([], [], [])
    assert waited(lambda: compared.points("neighbours")).shape == (2, 2)


def test_only_the_most_frequent_words_are_compared(monkeypatch):
    monkeypatch.setattr(comparison_module, "MOST_COMPARED", 5)
    words = [f"w{i}" for i in range(9)]
    compared = Comparison(explored_of("a", words, random_rows(9)), explored_of("b", words[::-1], random_rows(9)))
    assert compared.words == words[:5]
    assert compared.shared == 9
    assert "only the 5 most frequent" in change_of(compared, waited(compared.neighbours), "w7")["reason"]


def test_vectors_that_are_not_finite_are_compared():
    rows = random_rows(20)
    rows[4] = np.nan
    words = [f"w{i}" for i in range(20)]
    compared = Comparison(explored_of("a", words, rows), explored_of("b", words, random_rows(20, seed=5)))
    found = waited(compared.neighbours)
    change = change_of(compared, found, "w4")
    assert (change["kept"], change["lost"]) == ([], [])
    assert waited(lambda: compared.points("neighbours")).shape == (40, 2)


def test_a_model_compared_with_itself_has_not_changed(subject):
    compared = Comparison(subject, dataclasses.replace(subject, name="again"))
    assert waited(compared.neighbours).kept.tolist() == [1.0] * len(subject.words)
    compared.close()
