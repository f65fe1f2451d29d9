"""`firth similar`: nearest words, and words from standard input."""

import json
import subprocess
import sys

import numpy as np
import pytest

from cli._program import QUEEN, Done, one_line
from firth import KeyedVectors
from firth.cli import files


def test_words_are_printed_with_their_cosines(run, vectors):
    done = run("similar", vectors, "man")
    assert done == Done(0, "king   0.9848\nwoman  0.0000\nqueen  -0.1736\nstone  -0.9397\n", "")


def test_each_option_changes_the_query(run, vectors):
    done = run("similar", vectors, "king", "woman", "--negative", "man", "--topn", 1, "--json")
    [found] = json.loads(done.out)
    assert found == {"word": "queen", "cosine": pytest.approx(QUEEN, abs=1e-6)}
    assert run("similar", vectors, "--negative", "man", "-n", 1).out == "stone  0.9397\n"
    few = json.loads(run("similar", vectors, "woman", "--restrict-vocab", 2, "--json").out)
    assert [entry["word"] for entry in few] == ["king", "man"]


def test_near_spellings_of_an_unknown_word_are_shown(run, vectors):
    done = run("similar", vectors, "quen")
    assert (done.code, done.out) == (1, "")
    assert one_line(done.err) == "firth: 'quen' is not in the vocabulary; near spellings: queen\n"


def test_a_word_that_is_not_in_the_vocabulary_has_neighbours_in_a_model_with_subwords(run, corpus, tmp_path):
    flags = ["--subwords", "2-4", "--buckets", 200, "--vector-size", 8, "--workers", 1, "--epochs", 2, "-q"]
    assert run("train", corpus, "-o", tmp_path / "m.firth", *flags).code == 0
    done = run("similar", tmp_path / "m.firth", "cats", "-n", 3, "--json")
    assert done.code == 0
    assert len(json.loads(done.out)) == 3
    found = json.loads(run("info", tmp_path / "m.firth", "--json").out)
    assert found["options"]["subwords"] == [2, 4]
    assert found["problems"] == []
    assert run("convert", tmp_path / "m.firth", tmp_path / "m.bin", "--format", "fasttext-bin").code == 0
    assert run("similar", tmp_path / "m.bin", "cats", "-n", 3).code == 0
    lost = run("convert", tmp_path / "m.firth", tmp_path / "m.npz").out
    assert lost.endswith("not saved in this format: rows of n-grams, outside matrix, options, history\n")


def test_integer_keys_are_found(run, tmp_path):
    KeyedVectors([7, 70, 700], np.array([[1, 0], [1, 1], [0, 1]])).save(tmp_path / "v.firth")
    assert run("similar", tmp_path / "v.firth", "7", "-n", 1).out == "70  0.7071\n"
    assert [entry["word"] for entry in json.loads(run("similar", tmp_path / "v.firth", 7, "--json").out)] == [70, 700]
    assert run("similar", tmp_path / "v.firth", "king").err == "firth: 'king' is not in the vocabulary\n"


def test_a_dash_reads_words_from_standard_input(run, vectors):
    wanted = run("similar", vectors, "king", "woman", "--negative", "man")
    assert run("similar", vectors, "-", "--negative", "man", stdin="king\r\n\nwoman\n") == wanted
    assert run("similar", vectors, "king", "-", "--negative", "man", stdin="woman") == wanted
    assert run("similar", vectors, "king", "woman", "--negative", "-", stdin="\ufeffman\n") == wanted


def test_the_word_dash_is_given_on_standard_input(run, tmp_path):
    words = ["-", "--", "next\u0085line", "日本"]
    KeyedVectors(words, np.eye(4)[:, :3] + 0.1).save(tmp_path / "v.firth")
    for word in words:
        done = run("similar", tmp_path / "v.firth", "-", "--json", stdin=f"{word}\n")
        assert {entry["word"] for entry in json.loads(done.out)} == set(words) - {word}


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (["-", "--negative", "-"], "king", "- is given 2 times, but standard input is read only once"),
        (["-"], "\n", "give at least one WORD"),
        ([], "", "give at least one WORD"),
    ],
)
def test_a_query_needs_words_and_reads_standard_input_once(run, vectors, words, text, message):
    done = run("similar", vectors, *words, stdin=text)
    assert (done.code, done.out) == (2, "")
    assert message in one_line(done.err)


def test_a_closed_standard_input_is_reported(vectors):
    command = f"exec {sys.executable} -m firth similar {vectors} - <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input is closed: give the words as arguments" in one_line(done.stderr)


def test_a_large_file_is_memory_mapped_if_its_format_allows(run, vectors, tmp_path, monkeypatch):
    asked = run("similar", vectors, "man")
    assert not is_mapped(files.load_vectors(vectors))
    monkeypatch.setattr(files, "_MAPPED_BYTES", 0)
    assert is_mapped(files.load_vectors(vectors))
    assert run("similar", vectors, "man") == asked
    run("convert", vectors, tmp_path / "v.txt")
    assert run("similar", tmp_path / "v.txt", "man") == asked


def is_mapped(wv: KeyedVectors) -> bool:
    array = wv.vectors
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return array is not None
