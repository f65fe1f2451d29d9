"""The table of whole runs: what is refused before the start, and the times of programs that sleep for known times."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FAKE = """#!{python}
import sys, time
flags = dict(zip(sys.argv[{first}::2], sys.argv[{first} + 1::2]))
words = len(open(flags["{corpus}"]).read().split())
time.sleep({reading})
print("Vocab size: 2")
for part in range(5):
    print("\\rAlpha: 0.02  Progress: %d.00%%" % (20 * part), end="", flush=True)
    time.sleep({training} / 5)
time.sleep({saving})
with open(flags["-output"] + "{suffix}", "w") as file:
    file.write("2 {size}\\n")
print(sorted(flags.items()), words, file=open("{log}", "w"))
sys.exit({status})
"""
DEFAULTS = {
    "first": 1, "corpus": "-train", "reading": 0.2, "training": 0.5, "saving": 0.1, "suffix": "", "size": 100,
    "status": 0,
}  # fmt: skip


@pytest.fixture
def text(tmp_path) -> Path:
    path = tmp_path / "english.txt"
    path.write_text("a b c d e\n" * 400)
    return path


@pytest.fixture
def fake(tmp_path):
    """Make a program that understands the flags of word2vec.c, sleeps instead of training, and logs what it got."""

    def make(name: str, **changes) -> Path:
        path = tmp_path / name
        path.write_text(FAKE.format(**{**DEFAULTS, **changes}, python=sys.executable, log=tmp_path / f"{name}.log"))
        path.chmod(0o755)
        return path

    return make


def run(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, BENCHMARKS / "end_to_end.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_time_of_a_program_is_split_by_its_progress(tmp_path, text, fake):
    results = tmp_path / "results.json"
    done = run(
        "--rows", "100k", "--words", 1000, "--english", text, "--programs", "word2vec.c", "pWord2Vec", "fastText",
        "--word2vec", fake("word2vec"), "--pword2vec", fake("pword2vec", saving=0.5),
        "--fasttext", fake("fasttext", first=2, corpus="-input", suffix=".vec"),
        "--runs", 2, "--json", results, "--markdown", tmp_path / "table.md",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "table.md").read_text() == done.stdout
    (row,) = json.loads(results.read_text())["results"]
    assert row["corpus"]["words"] == 1000
    assert [each["name"] for each in row["runs"]] == [
        name for name in ("word2vec.c", "pWord2Vec", "fastText") for _ in "ab"
    ]
    for each in row["runs"]:
        assert each["prepare_seconds"] > 0.2
        assert 0.2 < each["train_seconds"] < each["wall_seconds"] - each["prepare_seconds"]
        assert each["save_seconds"] > (0.4 if each["name"] == "pWord2Vec" else 0.05)
        assert each["words_per_second"] == pytest.approx(5 * 1000 / each["train_seconds"])
        assert each["vocabulary"] == 2
        assert each["peak_bytes"] > 1e6


def test_every_program_gets_the_options_under_its_own_names(tmp_path, text, fake):
    run(
        "--rows", "100k", "--words", 1000, "--english", text, "--workers", 3, "--runs", 1,
        "--programs", "word2vec.c", "fastText",
        "--word2vec", fake("word2vec"), "--fasttext", fake("fasttext", first=2, corpus="-input", suffix=".vec"),
    )  # fmt: skip
    word2vec, fasttext = ((tmp_path / f"{name}.log").read_text() for name in ("word2vec", "fasttext"))
    for flag in ("-size 100", "-window 5", "-negative 5", "-sample 0.001", "-min-count 5", "-alpha 0.025", "-iter 5",
                 "-threads 3", "-cbow 0", "-hs 0", "-binary 1"):  # fmt: skip
        assert str(tuple(flag.split())) in word2vec
    for flag in ("-dim 100", "-ws 5", "-neg 5", "-t 0.001", "-minCount 5", "-lr 0.025", "-epoch 5", "-thread 3",
                 "-minn 0", "-maxn 0", "-loss ns"):  # fmt: skip
        assert str(tuple(flag.split())) in fasttext
    assert word2vec.endswith(" 1000\n")
    assert fasttext.endswith(" 1000\n")


@pytest.mark.slow
def test_firth_is_run_by_its_command_and_from_python(tmp_path, text):
    done = run("--rows", "100k", "--words", 1000, "--english", text, "--programs", "firth-command", "firth-hogwild",
               "--runs", 1, "--json", tmp_path / "out.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "out.json").read_text())["results"]
    first, *_, kept = runs = row["runs"]
    assert [each["name"] for each in runs] == ["firth train", "firth hogwild, first start", "firth hogwild"]
    assert all(each["vocabulary"] == 5 for each in runs)
    assert 0 < first["train_seconds"] < first["wall_seconds"]
    assert kept["prepare_seconds"] < runs[1]["prepare_seconds"]
    table = done.stdout.splitlines()
    assert any(line.startswith("| firth train") and line.count(" x ") == 2 for line in table)


@pytest.mark.parametrize(("arguments", "message"), [
    (["--english", "none.txt"], "none.txt: not a file that can be read"),
    (["--word2vec", "none"], "--word2vec none: not a program that can be run"),
    (["--programs", "pWord2Vec"], "--programs pWord2Vec: give the binary with --pword2vec"),
    (["--words", "0"], "--words 0: give an integer of at least 1"),
    (["--folder", "none"], "--folder none: not a folder"),
    (["--json", "none/out.json"], "--json none/out.json: give a file name in a folder that exists"),
])  # fmt: skip
def test_wrong_arguments_are_refused_before_anything_starts(arguments, message):
    done = run("--rows", "100k", *arguments)
    assert done.returncode == 2
    assert done.stderr == f"end_to_end.py: {message}\n"


def test_a_text_that_is_too_short_is_refused(text):
    done = run("--rows", "100k", "--english", text)
    assert done.returncode == 2
    assert f"{text}: 2,000 words, but row 100k needs 100,000" in done.stderr


@pytest.mark.parametrize(("changes", "message"), [
    ({"status": 3}, "exit status 3 of"),
    ({"size": 7}, "vectors of 7 numbers instead of 100"),
    ({"suffix": ".other"}, "no vectors"),
])  # fmt: skip
def test_a_program_that_fails_ends_the_benchmark(text, fake, changes, message):
    done = run("--rows", "100k", "--words", 500, "--english", text, "--programs", "word2vec.c",
               "--word2vec", fake("word2vec", **changes))  # fmt: skip
    assert done.returncode == 1
    assert message in done.stderr


def test_a_program_that_shows_no_progress_is_an_error(text, tmp_path):
    silent = tmp_path / "word2vec"
    silent.write_text("#!/bin/sh\necho nothing to do\n")
    silent.chmod(0o755)
    done = run("--rows", "100k", "--words", 500, "--english", text, "--programs", "word2vec.c", "--word2vec", silent)
    assert done.returncode == 1
    assert "printed no progress" in done.stderr
    assert "nothing to do" in done.stderr
