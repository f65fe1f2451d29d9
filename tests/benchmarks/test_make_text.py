"""The artificial texts of the benchmarks: sizes are what the text holds, and words follow the language."""

import collections
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def modules(monkeypatch):
    """Import the modules as the scripts do, from their folder."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import languages
    import make_text

    return languages, make_text


@pytest.fixture
def small(modules):
    """Return a language of few stems: three nouns, one verb, each with two endings."""
    languages, _ = modules
    return languages.Language(
        stems=languages._strings(["가", "나다", "ab", "한"]),
        stem_law=languages.Zipf(4, 1.2, 1.0),
        endings=languages._strings(["", "는", "다", "고"]),
        ending_law=languages.Zipf(2, 1.5, 1.0),
        kinds=np.array([0, 0, 0, 1]),
        marks=languages._strings([" ", ", ", ".\n"]),
        mark_shares=[0.8, 0.2],
        line_words=6,
    )


def test_the_sizes_returned_are_those_of_the_text(modules, small, tmp_path, monkeypatch):
    _, make_text = modules
    monkeypatch.setattr(make_text, "PIECE", 300)
    size = make_text.write(small, tmp_path / "text", 1000, 1)
    text = (tmp_path / "text").read_bytes()
    counts = collections.Counter(text.split())
    kept = sum(count >= 5 for count in counts.values())
    assert size == (1000, len(text.splitlines()), len(text), len(counts), kept)
    assert counts.total() == 1000
    assert text.endswith(b"\n")


def test_every_word_is_a_stem_with_an_ending_of_its_kind_and_a_mark(modules, small, tmp_path):
    _, make_text = modules
    make_text.write(small, tmp_path / "text", 3000, 1)
    nouns = {stem + ending for stem in ("가", "나다", "ab") for ending in ("", "는")}
    words = nouns | {"한다", "한고"}
    text = (tmp_path / "text").read_text()
    assert {word.rstrip(",.") for word in text.split()} == words
    assert all(line.endswith(".") and line.count(".") == 1 for line in text.splitlines())
    assert 4 < 3000 / text.count("\n") < 8


def test_hashes_of_parts_make_the_hash_of_the_whole(modules):
    languages, make_text = modules
    first, second, whole = (make_text.hash_strings(languages._strings([text])) for text in ("한국", "어는", "한국어는"))
    assert first.hashes * second.powers + second.hashes == whole.hashes


def test_ranks_follow_the_law(modules):
    languages, _ = modules
    law = languages.Zipf(50, 1.3, 2.0)
    drawn = np.bincount(law.draw(np.random.default_rng(1), 200_000), minlength=50)
    edges = (np.arange(51) + law.shift) ** (1 - law.power)  # the continuous law, between whole numbers
    expected = 200_000 * np.diff(edges) / (edges[-1] - edges[0])
    assert (np.abs(drawn - expected) < 5 * np.sqrt(expected)).all()


def test_spelled_words_are_distinct_and_lengthen_with_rank(modules):
    languages, _ = modules
    words = languages._spelled(np.random.default_rng(1), [list("bcdfg"), list("aeiou")], 400, {1: 3.0, 1000: 8.0})
    texts = [bytes(row[row != 0]) for row in words]
    assert len(set(texts)) == 400
    assert np.mean([len(text) for text in texts[:40]]) < np.mean([len(text) for text in texts[-40:]])


def test_the_same_seed_gives_the_same_text(modules, small, tmp_path):
    _, make_text = modules
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_text.write(small, tmp_path / name, 2000, seed)
    texts = [(tmp_path / name).read_bytes() for name in "abc"]
    assert texts[0] == texts[1] != texts[2]


def test_the_command_makes_a_text_and_prints_its_size(tmp_path):
    command = [sys.executable, BENCHMARKS / "make_text.py", "english", tmp_path / "text", "--words", "20000"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    words = (tmp_path / "text").read_text(encoding="ascii").split()
    assert done.stdout.startswith("20,000 words in ")
    assert f"{len(set(words)):,} distinct words" in done.stdout
    assert 4.5 < np.mean([len(word) for word in words]) < 5.3


@pytest.mark.parametrize(("arguments", "status", "message"), [
    (["--words", "0"], 2, "--words 0: give an integer of at least 1"),
    (["--words", "5", "--seed", "-1"], 2, "--seed -1: give an integer of at least 0"),
])  # fmt: skip
def test_wrong_arguments_are_refused(tmp_path, arguments, status, message):
    command = [sys.executable, BENCHMARKS / "make_text.py", "english", tmp_path / "text", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == status
    assert message in done.stderr
    assert not (tmp_path / "text").exists()
