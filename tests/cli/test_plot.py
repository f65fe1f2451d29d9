"""`firth plot`: each kind of picture, and requests that are refused before anything is drawn."""

import sys
import xml.etree.ElementTree as ET

import pytest

from cli._program import one_line


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text(": royal\nman king woman queen\n")
    return path


def test_each_kind_is_drawn(run, vectors, model, questions, tmp_path):
    requests = {
        "history": [model],
        "neighbours": [vectors, "man", "woman", "-n", 2],
        "analogies": [vectors, "man", "king", "woman", "queen"],
        "similarities": [vectors, "man", "-"],
        "norms": [model, "cat"],
        "evaluation": [vectors, "--analogies", questions],
        "two-models": [vectors, "man", "king", "woman", "--other", vectors],
    }
    for kind, (file, *rest) in requests.items():
        picture = tmp_path / f"{kind}.svg"
        done = run("plot", file, kind, *rest, "-o", picture, stdin="queen\n")
        assert (done.code, done.out, done.err) == (0, f"saved {picture}\n", "")
        assert ET.parse(picture).getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["history", "man"], 2, "history takes no words: found 'man'"),
        (["history"], 1, "holds vectors without a model"),
        (["neighbours"], 2, "give at least 1 word: found 0"),
        (["neighbours", "nobody"], 1, "'nobody' is not in the vocabulary"),
        (["neighbours", "man", "-n", "-1"], 2, "--topn -1"),
        (["analogies", "man", "king"], 2, "give at least 4 words: found 2"),
        (["analogies", "man", "king", "woman", "queen", "stone"], 2, "takes pairs of words: found 5 words"),
        (["evaluation"], 2, "evaluation needs --analogies, a file of questions"),
        (["two-models", "man", "king"], 2, "two-models needs --other, the second model"),
        (["norms"], 2, "these vectors have no counts"),
        (["nonsense"], 2, "'nonsense' is unknown: give one of 'history', 'neighbours'"),
    ],
)
def test_wrong_requests_are_one_line_and_leave_no_file(run, vectors, tmp_path, arguments, code, message):
    done = run("plot", vectors, *arguments, "-o", tmp_path / "picture.svg")
    assert done.code == code
    assert message in one_line(done.err)
    assert not (tmp_path / "picture.svg").exists()


def test_the_file_is_checked_first(run, vectors, tmp_path):
    assert "no suffix of a picture" in one_line(run("plot", vectors, "norms", "-o", tmp_path / "picture").err)
    assert "does not exist" in one_line(run("plot", vectors, "norms", "-o", tmp_path / "none" / "picture.svg").err)
    assert "Missing option '--output'" in one_line(run("plot", vectors, "norms").err)


def test_without_matplotlib_the_error_says_what_to_install(run, vectors, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    done = run("plot", vectors, "norms", "-o", tmp_path / "picture.svg")
    assert done.code == 1
    assert one_line(done.err).endswith("install it with pip install 'firth[plot]'\n")
