"""`firth info`: contents, statistics and every error of a file."""

import dataclasses
import hashlib
import json
import re

import numpy as np
import pytest

import firth
from firth import Options
from firth.cli import info
from firth.errors import FormatError
from firth.formats import write_vectors
from firth.formats.native import write_native


def test_a_model_is_described(run, model, corpus):
    found = json.loads(run("info", model, "--json").out)
    assert (found["kind"], found["format"]) == ("model", "native")
    assert (found["words"], found["vector_size"], found["dtype"]) == (12, 16, "float32")
    assert (found["bytes"], found["total_count"]) == (model.stat().st_size, len(corpus.read_text().split()))
    assert found["options"] == Options(vector_size=16).to_dict()
    loaded = firth.load(model)
    matrices = loaded.wv.vectors.tobytes() + loaded.outside.tobytes()
    assert found["sha256"] == hashlib.sha256(matrices).hexdigest()
    assert [record["epoch"] for record in found["history"]] == [1, 2, 3, 4, 5]
    assert len(found["first_words"]) == 10
    counts = [entry["count"] for entry in found["first_words"]]
    assert counts == sorted(counts, reverse=True)

    out = run("info", model, "-n", 1).out
    assert "words    12, 20,000 occurrences\n" in out
    assert f"sha256   {found['sha256']}\n" in out
    assert f"first    {found['first_words'][0]['word']} ({counts[0]:,})\n" in out
    assert re.search(r"^ *vector_size +16$", out, re.MULTILINE)
    last = found["history"][-1]
    assert re.search(rf"^ *5 +{last['loss']:.4f} +{last['end_loss']:.4f} ", out, re.MULTILINE)
    assert "end loss" in out
    assert "held out" not in out  # a column for each loss that the model has
    assert "\nchecked  the whole file, no errors found\n" in out


def test_statistics_are_printed_on_request(run, vectors, tmp_path):
    found = json.loads(run("info", vectors, "--full", "--json").out)["statistics"]
    assert found["norms"] == pytest.approx([1] * 7)  # of float32
    assert (found["zero_rows"], found["duplicate_rows"]) == (0, 0)
    assert json.loads(run("info", vectors, "--json").out)["statistics"] is None
    rows = np.array([[2, 0], [2, 0], [0, 0], [0, 1]], np.float32)
    write_vectors(tmp_path / "v.txt", None, ["a", "b", "c", "d"], rows)
    done = run("info", tmp_path / "v.txt", "--full", "-n", 1)
    assert done.code == 1
    assert re.search(r"^ *zero rows +1: c$", done.out, re.MULTILINE)
    assert re.search(r"^ *duplicate rows +1: b$", done.out, re.MULTILINE)
    assert re.search(r"^ *non-finite rows +none$", done.out, re.MULTILINE)
    assert re.search(r"^ *norms +min 1, .*median 2, .*max 2$", done.out, re.MULTILINE)


@pytest.mark.parametrize("place", ["end", "outside", "name"])
def test_a_damaged_model_is_reported(run, model, tmp_path, place):
    content = bytearray(model.read_bytes())
    if place == "end":
        content = content[:-5]
    elif place == "outside":
        at = content.index(firth.load(model).outside.tobytes())
        content[at] ^= 1
    else:
        content[content.index(b"cat")] ^= 1
    (tmp_path / "bad.firth").write_bytes(content)
    found = run("info", tmp_path / "bad.firth", "--json")
    assert (found.code, found.err) == (1, "")
    [problem] = json.loads(found.out)["problems"]
    assert "bad.firth" in problem
    done = run("info", tmp_path / "bad.firth")
    assert (done.code, done.err) == (1, "")
    assert done.out.endswith(f"\nerrors\n  {problem}\n")
    assert "format   native\n" in done.out


def test_a_damaged_history_is_reported(run, tmp_path):
    keys, center = ["a", "b"], np.ones((2, 3), np.float32)
    for history in ([{"epoch": 1}], [{"epoch": 1, "loss": "x", "pairs": 1, "words": 1, "alpha": 0.1}], ["x"]):
        path = tmp_path / "m.firth"
        write_native(path, keys=keys, center=center, outside=center, options={}, history=history)
        done = run("info", path)
        assert done.code == 1
        assert "history" in done.out
        with pytest.raises(FormatError, match="history"):
            firth.load(path)


def test_all_errors_are_reported_at_once(run, tmp_path):
    (tmp_path / "v.txt").write_bytes(b"6 2\na 1 0\na 2 0\nb 0 0\ncaf\xc3 1 nan\nnew york 1 1\n")
    done = run("info", tmp_path / "v.txt", "--json")
    assert (done.code, done.err) == (1, "")
    found = json.loads(done.out)
    assert len(found["problems"]) == 6
    assert found["diagnosis"] == {
        "rows": 5, "promised_rows": 6, "duplicates": 1, "undecodable": 1, "spaced": 1, "broken_rows": 1,
        "zero_rows": 1, "bad_lines": 0,
    }  # fmt: skip
    assert found["words"] == 4
    out = run("info", tmp_path / "v.txt").out
    assert all(f"\n  {problem}\n" in out for problem in found["problems"])
    assert "--unicode-errors replace" in out


@pytest.mark.parametrize("suffix", [".txt", ".bin", ".firth"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "format"),
        (b"\x80\x04\x95 a pickle", "a Python pickle or a gensim model"),
        (b"no vectors at all\x1b[2J\n", "format"),
    ],
)
def test_a_file_of_another_kind_is_an_error(run, tmp_path, content, message, suffix):
    (tmp_path / f"v{suffix}").write_bytes(content)
    done = run("info", tmp_path / f"v{suffix}", "--full")
    assert (done.code, done.err) == (1, "")
    assert message in done.out
    assert "\x1b" not in done.out
    assert json.loads(run("info", tmp_path / f"v{suffix}", "--json").out)["format"] is None


def test_a_folder_of_other_files_is_an_error(run, tmp_path):
    assert run("info", tmp_path).code == 1


def test_the_checksum_in_a_file_is_escaped(run, model, monkeypatch):
    real = info.read_native
    monkeypatch.setattr(info, "read_native", lambda path: dataclasses.replace(real(path), sha256="\x1b]0;owned\x07"))
    assert "sha256   \\x1b]0;owned\\x07" in run("info", model).out
