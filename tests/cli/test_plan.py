"""`firth plan`: the table, JSON, the file of speeds, and refused arguments."""

import json

import pytest
from planning._speeds import SPEEDS

from cli._program import one_line

MACHINES = ["--cores", 4, "--memory-gb", 64]


@pytest.fixture
def speeds(tmp_path):
    path = tmp_path / "speeds.json"
    SPEEDS.save(path)
    return path


def test_the_table_and_the_json_agree(run, speeds):
    arguments = ["plan", "1G", "200k", 200, "--nodes", 4, "--speeds", speeds, *MACHINES]
    done = run(*arguments)
    assert (done.code, done.err) == (0, "")
    found = json.loads(run(*arguments, "--json").out)
    assert found["words"] == 10**9
    assert found["vocabulary"] == 200_000
    assert found["options"]["vector_size"] == 200
    corpus, machine, measured, _, heading, *rows = done.out.splitlines()
    assert corpus.startswith("corpus   1,000,000,000 words (about 5.9 GB of text), vocabulary 200,000, ")
    assert machine == "machine  4 cores, 64.0 GB of memory free, 10 Gb/s"
    assert measured.startswith("speeds   0.5 M pairs/s and core with D = 200; reads 4.0 M words/s; ")
    assert heading.split()[:2] == ["machines", "an"]
    assert [row.split()[0] for row in rows[:3]] == ["1", "2", "4"]
    for row, values in zip(rows, found["forecasts"], strict=False):
        assert f"{values['memory_bytes'] / 1e6:.1f} MB" in row or f"{values['memory_bytes'] / 1e9:.1f} GB" in row
        assert row.endswith(values["limit"])
    assert done.out.splitlines()[-len(found["advice"]) :] == found["advice"]


@pytest.mark.parametrize(
    ("size", "words"), [("2500", 2500), ("2,500", 2500), ("1.5M", 1_500_000), ("3g", 3 * 10**9), ("5.9GB", 10**9)]
)
def test_sizes_are_words_or_bytes_of_text(run, speeds, size, words):
    found = json.loads(run("plan", size, "100", "--speeds", speeds, *MACHINES, "--json").out)
    assert found["words"] == words


def test_wrong_arguments_are_refused(run, speeds, tmp_path):
    refused = {
        ("many", "70k"): "SIZE 'many' is not a size: give a number such as 17M, 100G, or 600GB of text",
        ("-5", "70k"): "no such option",
        ("100B", "70k"): "SIZE '100B' is not a size: write 100G for 10^9 words, or 100GB for bytes of text",
        ("17M", "70kB"): "V '70kB' is a number of bytes: give a number of words, such as 70k or 5M",
        ("10M", "17M"): "a vocabulary of 17,000,000 is not possible for 10,000,000 words",
        ("17M", "70M"): "V 70000000 is not allowed: give a whole number from 2 to 20000000",
        ("0", "70k"): "SIZE 0 is not allowed: give a whole number from 1 to 10000000000000",
        ("17M", "70k", "--sentence-words", "1"): "--sentence-words 1 is not allowed",
        ("17M", "70k", "0"): "--vector-size 0 is not allowed",
        ("17M", "70k", "--nodes", "0"): "--nodes 0 is not allowed: give a whole number from 1 to 1024",
        ("17M", "70k", "--nodes", "20"): "20 nodes cannot share 16 blocks",
        ("17M", "70k", "--cores", "x"): "--cores 'x' is not allowed",
        ("17M", "70k", "--network-gbits", "0"): "--network-gbits 0.0 is not allowed: give a number above 0",
        ("17M", "70k", "--window", "0"): "--window 0 is not allowed",
        ("17M", "70k", "--schedule", "hogwild", "--nodes", "2"): "--schedule 'hogwild' does not run on a cluster",
        ("17M", "70k", "--min-count", "2"): "no such option",
        ("17M", "70k", "--write-speeds", tmp_path / "no" / "x"): f"{tmp_path / 'no'}: this folder does not exist",
    }
    for arguments, message in refused.items():
        done = run("plan", *arguments, "--speeds", speeds)
        assert done.code != 0
        assert message.lower() in one_line(done.err).lower(), arguments


def test_a_file_that_has_no_speeds_is_refused(run, tmp_path):
    (tmp_path / "other.json").write_text("{}")
    done = run("plan", "17M", "70k", "--speeds", tmp_path / "other.json")
    assert done.code == 1
    assert "other.json is not a file of speeds" in one_line(done.err)
    assert "No such file" in run("plan", "17M", "70k", "--speeds", tmp_path / "none.json").err


def test_speeds_are_written(run, speeds, tmp_path):
    assert run("plan", "1M", "1k", "--speeds", speeds, "--write-speeds", tmp_path / "copy.json").code == 0
    assert (tmp_path / "copy.json").read_text() == speeds.read_text()
