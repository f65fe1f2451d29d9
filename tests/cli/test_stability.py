"""`firth stability`: the table, JSON, the file of words, and refused arguments."""

import json

import pytest

from cli._program import one_line

pytest.importorskip("scipy", reason="intervals need firth[eval]")

FLAGS = ["--vector-size", 8, "--epochs", 1, "--workers", 1, "--no-progress"]


def test_the_table_the_json_and_the_file_of_words_agree(run, corpus, tmp_path):
    file = tmp_path / "words.json"
    done = run("stability", corpus, "--seeds", 3, "--topn", 4, "--words", file, *FLAGS)
    assert (done.code, done.err) == (0, "")
    title, heading, *rows = done.out.splitlines()
    assert title.endswith("words, 3 models with seeds 1 to 3")
    assert heading.split()[:3] == ["rank", "occurrences", "overlap@4"]
    words = json.loads(file.read_text())
    found = json.loads(run("stability", corpus, "--seeds", 3, "--topn", 4, "--json", *FLAGS).out)
    assert found["topn"] == 4
    assert len(found["bands"]) == len(rows)
    assert found["bands"][-1]["last"] == len(words["word"])
    mean = sum(words["stability"]) / len(words["stability"])
    bands = found["bands"]
    weighted = sum(band["overlap"] * (band["last"] - band["first"] + 1) for band in bands) / len(words["word"])
    assert mean == pytest.approx(weighted, abs=1e-4)  # shares in the file have four digits
    assert f"{bands[0]['overlap']:.3f}" in rows[0]


def test_wrong_arguments_are_refused_before_training(run, corpus, tmp_path):
    refused = {
        ("--seeds", 1): "firth: --seeds 1 is not allowed: give a whole number of at least 2 ",
        ("--seeds", 101): "firth: --seeds 101 is not allowed: give a whole number from 2 to 100 ",
        ("--words", tmp_path): f"firth: --words: {tmp_path} is a folder",
        ("--words", corpus): f"firth: {corpus} is part of the corpus",
        ("--words", tmp_path / "no" / "x"): f"firth: {tmp_path / 'no'}: this folder does not exist",
        ("--checkpoint", tmp_path): "firth: no such option",
    }
    for flags, message in refused.items():
        done = run("stability", corpus, *flags, *FLAGS)
        assert done.code != 0
        assert one_line(done.err).lower().startswith(message.lower())
    assert "read once for each seed" in run("stability", "-", *FLAGS, stdin="a b").err
