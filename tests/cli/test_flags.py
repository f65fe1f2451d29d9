"""Flags that commands share: ranges, formats, `-` for standard input, and advice for the command line."""

import re

import numpy as np
import pytest

from cli._program import WRITTEN, one_line
from firth import KeyedVectors
from firth.formats import FORMATS


@pytest.mark.parametrize("command", ["train", "node2vec", "item2vec", "convert"])
def test_help_lists_every_writable_format(run, command):
    formats = " ".join(run(command, "--help").out.partition("Formats:")[2].split())
    for name in WRITTEN:
        assert f"{name} {FORMATS[name].description} [" in formats
        assert all(suffix in formats for suffix in FORMATS[name].suffixes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["similar", "king", "-n", "0"], "--topn 0 is not allowed: give a whole number of at least 1"),
        (["similar", "king", "-n", "ten"], "--topn 'ten' is not allowed: give a whole number of at least 1"),
        (["similar", "king", "--restrict-vocab", "1.5"], "--restrict-vocab '1.5' is not allowed"),
        (["evaluate", "--restrict-vocab", "0"], "--restrict-vocab 0 is not allowed"),
        (["evaluate", "--similarity-function", "cosmul"], "'cosmul' is not allowed: give 'most_similar' or 'most"),
        (["info", "--topn", "0"], "--topn 0 is not allowed"),
        (["convert", "out.npz", "--limit", "0"], "--limit 0 is not allowed"),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_range(run, vectors, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    command, *others = arguments
    done = run(command, vectors, *others)
    assert (done.code, done.out) == (2, "")
    assert message in one_line(done.err)
    assert list(tmp_path.iterdir()) == [vectors]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "corpus.txt", "-o", "-"], "vectors cannot be written to standard output: give the name of a file"),
        (["train", "corpus.txt", "-o", "-", "--format", "native"], "vectors cannot be written to standard output"),
        (["train", "corpus.txt", "-o", "m.firth", "--checkpoint", "-"], "checkpoints cannot be written to standard o"),
        (["train", "-", "-o", "m.firth", "--validation", "-"], "- is both the corpus and --validation"),
        (["convert", "v.txt", "-", "--format", "glove"], "vectors cannot be written to standard output"),
        (["convert", "-", "m.firth"], "vectors cannot be read from standard input: give the name of a file"),
        (["similar", "-", "king"], "vectors cannot be read from standard input"),
        (["analogy", "-", "man", "king", "woman"], "vectors cannot be read from standard input"),
        (["evaluate", "-"], "vectors cannot be read from standard input"),
        (["info", "-"], "vectors cannot be read from standard input"),
        (["evaluate", "v.txt", "--analogies", "-"], "questions cannot be read from standard input"),
        (["evaluate", "v.txt", "--pairs", "-"], "pairs of words cannot be read from standard input"),
    ],
)
def test_a_dash_is_refused_where_a_file_is_needed(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus.txt").write_text("a b c\n" * 10)
    (tmp_path / "v.txt").write_text("1 2\na 1 0\n")
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in one_line(done.err)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "corpus.txt", tmp_path / "v.txt"]


def test_a_file_named_dash_is_given_with_its_folder(run, vectors, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("convert", vectors, "./-", "--format", "glove").code == 0
    assert (tmp_path / "-").is_file()
    assert run("similar", "./-", "man", "-n", 1).out == "king  0.9848\n"


PYTHON = re.compile(r"[a-z_]+=|[a-z_]\(|\[[a-z]|KeyedVectors|Word2Vec|None|True")
"""Python keywords, calls, lists and classes, which advice on the command line must not contain."""


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "absent.txt", "-o", "m.firth"],
        ["train", "absent.txt", "none.txt", "-o", "m.firth"],
        ["train", "empty.txt", "-o", "m.firth"],
        ["train", "folder", "-o", "m.firth"],
        ["train", "*.none", "-o", "m.firth"],
        ["train", "corpus.txt", "-o", "m.firth", "--min-count", "9999"],
        ["train", "corpus.txt", "-o", "m.firth", "--max-input-bytes", "9"],
        ["train", "corpus.txt", "-o", "m.firth", "--max-input-bytes", "0"],
        ["train", "corpus.txt", "-o", "m.firth", "--max-vocab", "0"],
        ["train", "corpus.txt", "-o", "m.firth", "--min-alpha", "1"],
        ["train", "corpus.txt", "-o", "m.firth", "--resume"],
        ["train", "corpus.txt", "-o", "m.firth", "--checkpoint-minutes", "1"],
        ["train", "corpus.txt", "-o", "m.firth", "--validation", "0.5"],
        ["train", "corpus.txt", "-o", "m.firth", "--validation", "2"],
        ["train", "corpus.txt", "-o", "m.firth", "--validation", "absent.txt"],
        ["train", "corpus.txt", "-o", "m"],
        ["train", "long.txt", "-o", "m.firth"],
        ["convert", "latin.txt", "m.npz"],
        ["convert", "latin.txt", "m.npz", "--encoding", "nonsense"],
        ["convert", "latin.txt", "m.npz", "--unicode-errors", "nonsense"],
        ["convert", "v.npz", "w.npz", "--encoding", "latin-1"],
        ["convert", "latin.txt", "m.txt.gz", "--format", "npz"],
        ["similar", "latin.txt", "a"],
        ["similar", "corpus.txt", "a"],
        ["similar", "model.pickle", "a"],
        ["evaluate", "v.npz", "--analogies", "latin.txt"],
        ["evaluate", "v.npz", "--pairs", "empty.txt"],
    ],
)
def test_advice_names_flags_and_not_python(run, corpus, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "corpus.txt").write_bytes(corpus.read_bytes())
    (tmp_path / "empty.txt").touch()
    (tmp_path / "long.txt").write_text("x" * 2000)
    (tmp_path / "latin.txt").write_bytes(b"1 2\nna\xefve 1 0\n")
    (tmp_path / "model.pickle").write_bytes(b"\x80\x04\x95")
    KeyedVectors(["a", "b"], np.eye(2)).save(tmp_path / "v.npz", "npz")
    done = run(*arguments, *(["-q"] if arguments[0] == "train" else []))
    assert done.code in (1, 2)
    advice = one_line(done.err).partition("In gensim, call")[0]  # advice for gensim is Python
    assert not PYTHON.search(advice)
