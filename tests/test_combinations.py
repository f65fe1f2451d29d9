"""The table of the tutorial that says which options go together: every cell is tried."""

from pathlib import Path

import numpy as np
import pytest

from firth import Options, Pairs, Word2Vec
from firth.cluster.setup import check_options
from firth.errors import NotAvailableError, OptionError

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"
MODELS = {
    "skip-gram, negative sampling": {},
    "skip-gram, hierarchical softmax": {"objective": "hierarchical_softmax"},
    "skip-gram, both at once": {"objective": "hierarchical_softmax+negative_sampling"},
    "skip-gram, softmax": {"objective": "softmax"},
    "CBOW, negative sampling": {"architecture": "cbow"},
    "CBOW, hierarchical softmax": {"architecture": "cbow", "objective": "hierarchical_softmax"},
    "CBOW, both at once": {"architecture": "cbow", "objective": "hierarchical_softmax+negative_sampling"},
}
SCHEDULES = ("blocks", "hogwild")
TINY = {"vector_size": 8, "epochs": 1, "min_count": 1, "sample": 0.0, "seed": 3}
SENTENCES = np.random.default_rng(3).zipf(1.5, (12, 20)).clip(max=50).tolist()
CENTERS = np.repeat(np.arange(6), 5)


def fit(options, corpus=SENTENCES, **arguments):
    """Train without compiling: what goes together does not depend on the kernels."""
    return Word2Vec(**TINY, **options).fit(corpus, progress=False, kernels="reference", **arguments)


def fit_from_vectors(options):
    wv = fit(options).wv
    fit(options, init=wv)
    fit(options, init=wv, freeze=True)


TRIALS = {
    "`subwords`": lambda options: fit(options | {"subwords": (3, 4), "buckets": 100}, [["one", "two"]] * 40),
    "`Pairs`": lambda options: fit(options, Pairs(CENTERS, CENTERS[::-1])),
    "`validation`": lambda options: fit(options, validation=SENTENCES[:5]),
    "`init`, `freeze`": fit_from_vectors,
    "`partial_fit`": lambda options: fit(options).partial_fit(SENTENCES, progress=False, kernels="reference"),
    "`cluster`": lambda options: check_options(Options(**options)),
}


def table():
    """Return the cells of the table: column -> model -> text."""
    section = TUTORIAL.read_text(encoding="utf-8").partition("## Which options go together")[2].partition("\n## ")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    return {name: {row[0]: row[column] for row in lines[2:]} for column, name in enumerate(lines[0])}


CELLS = table()


def works(trial, options):
    try:
        trial(options)
    except (OptionError, NotAvailableError):
        return False
    return True


def test_the_table_has_all_models():
    assert list(CELLS["same bytes"]) == list(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_schedules_are_those_of_the_table(model):
    cell, options = CELLS["`schedule`"][model], MODELS[model]
    allowed = list(SCHEDULES) if cell == "none" else cell.split(", ")
    assert [schedule for schedule in SCHEDULES if works(fit, options | {"schedule": schedule})] == sorted(allowed)
    if cell != "none":
        assert fit(options).options.schedule == allowed[0]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("column", TRIALS)
def test_what_works_and_what_is_refused_is_that_of_the_table(column, model):
    cell, options = CELLS[column][model], MODELS[model]
    if cell in SCHEDULES:
        other = SCHEDULES[1 - SCHEDULES.index(cell)]
        assert works(TRIALS[column], options | {"schedule": cell})
        assert not works(TRIALS[column], options | {"schedule": other})
    else:
        assert works(TRIALS[column], options) == {"yes": True, "no": False}[cell]


@pytest.mark.parametrize("model", MODELS)
def test_bytes_are_the_same_where_the_table_says_so(model):
    options, cell = MODELS[model], CELLS["same bytes"][model]
    if cell in SCHEDULES:
        options = options | {"schedule": cell}
    first, again = (
        Word2Vec(**TINY, **options, workers=workers).fit(SENTENCES, progress=False).wv.vectors
        for workers in (1, 1 if cell == "no" else 2)
    )
    np.testing.assert_array_equal(first, again)
