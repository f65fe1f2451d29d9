"""`firth evaluate`: scores, coverage and early errors."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from cli._program import one_line
from firth import KeyedVectors

QUESTIONS = ": royals\nman king woman queen\nman king woman stone\n: others\nman king woman emperor\nnot a question\n"
COSMUL = "most_similar_cosmul"
PAIRS = "man\tking\t9\nman\twoman\t5\nman\tstone\t1\nman\temperor\t8\n"


@pytest.fixture
def questions(tmp_path) -> Path:
    (tmp_path / "questions.txt").write_text(QUESTIONS)
    return tmp_path / "questions.txt"


@pytest.fixture
def pairs(tmp_path) -> Path:
    (tmp_path / "pairs.tsv").write_text(PAIRS)
    return tmp_path / "pairs.tsv"


def test_scores_are_printed_with_their_coverage(run, vectors, questions, pairs):
    done = run("evaluate", vectors, "--analogies", questions, "--pairs", pairs)
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert ["royals", "50.0%", "1", "of", "2", "2", "of", "2"] in lines
    assert ["others", "-", "0", "of", "0", "0", "of", "1"] in lines
    assert ["Total", "accuracy", "50.0%", "1", "of", "2", "2", "of", "3"] in lines
    assert "(1 line skipped, the first is line 6)" in done.out
    last = done.out.splitlines()[-1]
    assert last.startswith(f"{pairs} ")
    pearson = f"{np.corrcoef([9, 5, 1], np.cos(np.radians([10, 90, 200])))[0, 1]:.4f}"
    assert last.removeprefix(str(pairs)).split() == [pearson, "1.0000", "3", "of", "4"]


def test_scores_as_json(run, vectors, questions, pairs):
    done = run("evaluate", vectors, "--analogies", questions, "--pairs", pairs, "--pairs", pairs, "--json")
    found = json.loads(done.out)
    [analogies] = found["analogies"]
    assert analogies["score"] == 0.5
    assert analogies["skipped_lines"] == [6]
    assert analogies["sections"][-1] == {
        "section": "Total accuracy", "correct": 1, "answered": 2, "covered": 2, "total": 3,
    }  # fmt: skip
    assert len(found["pairs"]) == 2
    assert found["pairs"][0]["spearman"]["correlation"] == pytest.approx(1.0)
    assert (found["pairs"][0]["covered"], found["pairs"][0]["total"]) == (3, 4)


def test_unknown_words_may_count_as_wrong(run, vectors, questions):
    done = run("evaluate", vectors, "--analogies", questions, "--dummy4unknown", "--json")
    assert json.loads(done.out)["analogies"][0]["sections"][-1]["answered"] == 3


def test_analogies_may_be_answered_by_a_product_of_cosines(run, tmp_path):
    """On a question for which the sum and the product of cosines give different answers."""
    wv = KeyedVectors([f"w{i}" for i in range(30)], np.random.default_rng(1).normal(size=(30, 3)).astype(np.float32))
    wv.save(tmp_path / "v.firth")
    pairs = [(["w1", f"w{i}"], [f"w{j}"]) for i in range(2, 20) for j in range(20, 30)]
    by = {name: [getattr(wv, name)(*pair, topn=1)[0][0] for pair in pairs] for name in ("most_similar", COSMUL)}
    at = next(i for i, (added, multiplied) in enumerate(zip(*by.values(), strict=True)) if added != multiplied)
    (b, c), (a,) = pairs[at]
    (tmp_path / "q.txt").write_text(f": one\n{a} {b} {c} {by[COSMUL][at]}\n")
    asked = ["evaluate", tmp_path / "v.firth", "--analogies", tmp_path / "q.txt", "--json"]
    scores = [
        json.loads(run(*asked, *flags).out)["analogies"][0]["score"]
        for flags in ([], ["--similarity-function", "most_similar"], ["--similarity-function", COSMUL])
    ]
    assert scores == [0, 0, 1]


def test_a_file_of_questions_or_pairs_is_required(run, vectors, tmp_path):
    assert run("evaluate", vectors).code == 2
    done = run("evaluate", vectors, "--pairs", tmp_path / "absent.tsv")
    assert (done.code, done.err) == (1, f"firth: {tmp_path / 'absent.tsv'}: No such file or directory\n")


@pytest.mark.parametrize(
    ("content", "message"), [(PAIRS, r"needs SciPy: .* 'firth\[eval\]'"), ("not a pair\n", r"pairs\.tsv")]
)
def test_faulty_pairs_are_reported_before_analogies_are_answered(
    run, vectors, questions, pairs, monkeypatch, content, message
):
    pairs.write_text(content)
    monkeypatch.setattr(KeyedVectors, "evaluate_word_analogies", lambda *_, **__: pytest.fail("answered"))
    if content == PAIRS:
        monkeypatch.setitem(sys.modules, "scipy.stats", None)
        monkeypatch.setattr("firth.cli.evaluate.load_vectors", lambda _: pytest.fail("read"))
    done = run("evaluate", vectors, "--analogies", questions, "--pairs", pairs)
    assert (done.code, done.out) == (1, "")
    assert re.search(message, one_line(done.err).rstrip())
