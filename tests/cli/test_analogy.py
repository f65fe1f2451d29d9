"""`firth analogy`: the fourth word, and words from standard input."""

import json

import pytest

from cli._program import QUEEN, one_line


def test_the_fourth_word_is_printed(run, vectors):
    done = run("analogy", vectors, "man", "king", "woman", "--json")
    assert json.loads(done.out)[0] == {"word": "queen", "cosine": pytest.approx(QUEEN, abs=1e-6)}
    assert run("analogy", vectors, "man", "king", "woman", "-n", 1).out == f"queen  {QUEEN:.4f}\n"


def test_a_dash_reads_words_from_standard_input(run, vectors):
    wanted = run("analogy", vectors, "man", "king", "woman")
    assert run("analogy", vectors, "man", "-", "woman", stdin="king\n") == wanted
    assert run("analogy", vectors, "-", stdin="man\nking\nwoman\n") == wanted


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        (["man", "-", "woman"], "king\nqueen\n", "4 words (with those on standard input)"),
        (["man", "-", "woman"], "", "2 words (with those on standard input)"),
        (["-"], "king\n", "1 word (with those on standard input)"),
        (["man", "king"], "", "2 words"),
    ],
)
def test_an_analogy_needs_three_words(run, vectors, words, text, found):
    done = run("analogy", vectors, *words, stdin=text)
    assert (done.code, done.out) == (2, "")
    assert f"an analogy has three words, A, B and C: found {found}" in one_line(done.err)
