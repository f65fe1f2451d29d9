"""The text in which words of evaluation sets are missing or rare."""

import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
WORDS = [f"w{i}" for i in range(60)]


def hide(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, BENCHMARKS / "hide_words.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_third_of_the_words_is_left_out_and_a_third_is_rare(tmp_path):
    text, pairs, hidden = (tmp_path / name for name in ("text.txt", "pairs.tsv", "hidden.txt"))
    text.write_text((" ".join([*WORDS, "other"]) + "\n") * 25)
    pairs.write_text("".join(f"{a}\t{b.upper()}\t{i}\n" for i, (a, b) in enumerate(pairwise(WORDS))))
    done = hide(text, hidden, "--pairs", pairs)
    assert done.returncode == 0, done.stderr
    lines = hidden.read_text().splitlines()
    counts = Counter(" ".join(lines).split())
    thirds = {word: crc32(word.encode()) % 3 for word in WORDS}
    assert {word: counts[word] for word in WORDS} == {word: (0, 10, 25)[third] for word, third in thirds.items()}
    assert counts["other"] == len(lines) == 25
    left_out = 25 * list(thirds.values()).count(0) + 15 * list(thirds.values()).count(1)
    assert f"60 words of the sets; left out: {left_out} occurrences of" in done.stderr


@pytest.mark.parametrize("missing", ["text", "pairs", "folder"])
def test_wrong_arguments_are_refused(tmp_path, missing):
    text, pairs = tmp_path / "text", tmp_path / "pairs"
    text.write_text("a b\n")
    pairs.write_text("a\tb\t1\n")
    target = tmp_path / "folder" / "out" if missing == "folder" else tmp_path / "out"
    if missing != "folder":
        (tmp_path / missing).unlink()
    done = hide(text, target, "--pairs", pairs)
    assert done.returncode == 2
    assert str(target if missing == "folder" else tmp_path / missing) in done.stderr
    assert not target.exists()
