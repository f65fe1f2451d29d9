"""Stability: intervals that cover the truth, models that differ only in their seeds, and refused arguments."""

from itertools import combinations

import numpy as np
import pytest

import firth
from firth.errors import CorpusError, OptionError
from firth.seed_comparison import _Models, _student_quantile, band_edges, jackknifed, stability
from firth.vectors.neighbourhoods import neighbourhoods

pytest.importorskip("scipy", reason="intervals need firth[eval]")

OPTIONS = {"vector_size": 10, "epochs": 2, "min_count": 1, "sample": 0, "workers": 1, "progress": False}


def sentences(n: int = 300) -> list[list[str]]:
    """Return sentences of words whose neighbours are those of nearby numbers."""
    rng = np.random.default_rng(1)
    starts = (rng.pareto(1.0, n) * 5).astype(int) % 40
    return [[f"w{start + step}" for step in rng.permutation(8)] for start in starts]


@pytest.fixture(scope="module")
def found():
    return stability(sentences(), seeds=3, topn=5, **OPTIONS)


def test_the_stability_of_a_word_is_its_mean_overlap_over_all_pairs_of_seeds(found):
    options = {name: value for name, value in OPTIONS.items() if name != "progress"}
    lists = []
    for seed in (1, 2, 3):
        wv = firth.Word2Vec(**options, seed=seed).fit(sentences(), progress=False).wv
        lists.append(neighbourhoods(wv, len(wv), 5).rows)
    assert found.words == wv.index_to_key
    assert found.counts.tolist() == wv.counts.tolist()
    for row in range(len(wv)):
        shares = [len({*one[row]} & {*other[row]}) / 5 for one, other in combinations(lists, 2)]
        assert found.overlap[row] == pytest.approx(np.mean(shares))
    (band,) = found.bands
    assert (band.first, band.last) == (1, len(wv))
    assert (band.most, band.least) == (wv.counts[0], wv.counts[-1])
    assert band.overlap == pytest.approx(found.overlap.mean())
    assert band.low < band.overlap < band.high


def test_words_that_carry_meaning_are_more_stable_than_chance(found):
    assert found.overlap.mean() > 3 * 5 / (len(found.words) - 1)


def test_results_are_values_for_json_and_tables(found):
    assert found.to_dict()["seeds"] == [1, 2, 3]
    assert found.to_dict()["bands"][0]["first"] == 1
    columns = found.words_to_dict()
    assert columns["word"] == found.words
    assert len({len(column) for column in columns.values()}) == 1


def test_two_seeds_have_no_interval_and_the_first_seed_is_an_option():
    found = stability(sentences(50), seeds=2, seed=7, **OPTIONS)
    assert found.seeds == [7, 8]
    assert (found.bands[0].low, found.bands[0].high) == (None, None)


def test_bands_end_at_100_300_1000_and_cover_all_words():
    assert band_edges(26_974) == [
        (0, 100), (100, 300), (300, 1000), (1000, 3000), (3000, 10_000), (10_000, 26_974)
    ]  # fmt: skip
    assert band_edges(100) == [(0, 100)]
    assert band_edges(101) == [(0, 100), (100, 101)]
    assert band_edges(0) == []
    for n in (1, 99, 1000, 3001, 99_999):
        assert sum(stop - start for start, stop in band_edges(n)) == n


def test_the_jackknife_of_values_computed_by_hand():
    # pairs (0,1), (0,2), (1,2): mean 0.5; without 0, 1, 2: 0.7, 0.5, 0.3; pseudo-values 1.5 - 2 x = 0.1, 0.5, 0.9
    mean, low, high = jackknifed([0.3, 0.5, 0.7], 3, 1.0)
    assert (mean, low, high) == pytest.approx((0.5, 0.5 - 0.4 / 3**0.5, 0.5 + 0.4 / 3**0.5))
    assert jackknifed([0.9, 1.0, 0.8], 3, 100)[2] == 1  # an interval ends at 1
    assert jackknifed([0.4] * 10, 5, 2.8) == pytest.approx((0.4, 0.4, 0.4))


def test_intervals_cover_the_true_mean_about_as_often_as_they_claim():
    # of two of n models, one value is a_i + a_j + noise: the pairs are not independent, as with real models
    rng = np.random.default_rng(4)
    n, quantile, hits = 5, _student_quantile(4), 0
    pairs = np.array([*combinations(range(n), 2)])
    for _ in range(1000):
        effects = rng.normal(0, 0.02, n)
        values = 0.5 + effects[pairs].sum(axis=1) + rng.normal(0, 0.01, len(pairs))
        _, low, high = jackknifed(values, n, quantile)
        hits += low <= 0.5 <= high
    assert 0.93 < hits / 1000 < 0.99  # 0.95; noise of the pairs makes the jackknife a little conservative


def test_student_quantiles_are_those_of_the_tables():
    assert _student_quantile(4) == pytest.approx(2.776, abs=5e-4)
    assert _student_quantile(2) == pytest.approx(4.303, abs=5e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": 1}, "seeds=1 is not allowed: give a whole number from 2 to 100"),
        ({"seeds": True}, "seeds=True is not allowed"),
        ({"topn": 0}, "topn=0 is not allowed"),
        ({"restrict_vocab": 1}, "restrict_vocab=1 is not allowed"),
        ({"vector_size": 0}, "vector_size=0 is not allowed"),
        ({"resume": True}, "resume belongs to a single training run"),
        ({"callbacks": print}, "callbacks belongs to a single training run"),
        ({"windw": 3}, "windw"),
    ],
)
def test_wrong_arguments_are_refused_before_training(arguments, message):
    with pytest.raises(OptionError, match=message):
        stability(sentences(2), **arguments)


@pytest.mark.parametrize("corpus", ["-", ["a.txt", "-"], (line for line in ["a b"])])
def test_a_corpus_that_can_be_read_only_once_is_refused(corpus):
    with pytest.raises(OptionError, match=r"read once for each seed.*give a path, a table or a list"):
        stability(corpus)


def test_an_open_file_is_refused(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("a b c\n")
    with path.open() as file, pytest.raises(OptionError, match="only once"):
        stability(file)


def test_a_corpus_that_changes_between_two_seeds_is_reported():
    models = _Models(5, None)
    options = {name: value for name, value in OPTIONS.items() if name != "progress"}
    models.add(firth.Word2Vec(**options).fit(sentences(30), progress=False))
    with pytest.raises(CorpusError, match="the corpus changed between two training runs"):
        models.add(firth.Word2Vec(**options).fit([["other", "words"] * 5], progress=False))


def test_only_the_most_frequent_words_are_compared_on_request():
    found = stability(sentences(50), seeds=2, restrict_vocab=12, **OPTIONS)
    assert len(found.words) == len(found.overlap) == 12
    assert found.bands[-1].last == 12
