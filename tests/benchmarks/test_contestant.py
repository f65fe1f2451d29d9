"""The options of gensim and of fastText that stand for firth's."""

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"negative": 5}, {"sg": 1, "hs": 0, "negative": 5}),
        (
            {"architecture": "skip_gram", "objective": "negative_sampling", "negative": 7},
            {"sg": 1, "hs": 0, "negative": 7},
        ),
        ({"architecture": "cbow", "negative": 5, "window": 3}, {"sg": 0, "hs": 0, "negative": 5, "window": 3}),
        (
            {"architecture": "cbow", "objective": "hierarchical_softmax", "negative": 5},
            {"sg": 0, "hs": 1, "negative": 0},
        ),
    ],
)
def test_gensim_trains_the_same_architecture_and_objective(options, expected, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import contestant

    assert contestant.gensim_options(options) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"-minn": 0, "-maxn": 0}),
        ({"subwords": [3, 6], "buckets": 500}, {"-minn": 3, "-maxn": 6, "-bucket": 500}),
    ],
)
def test_fasttext_trains_the_same_ngrams(options, expected, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import commands

    names = ("vector_size", "window", "negative", "sample", "min_count", "epochs", "alpha")
    flags = commands.FASTTEXT.flags(dict.fromkeys(names, 1) | options, 2)
    assert {name: flags[name] for name in flags if name in ("-minn", "-maxn", "-bucket")} == expected
