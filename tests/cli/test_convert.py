"""`firth convert`: every format, what it cannot hold, and failures."""

import json

import numpy as np
import pytest

import firth
from cli._program import WRITTEN, Done, in_a_process, one_line
from firth import KeyedVectors
from firth.formats import FORMATS, detect

DETECTED_AS = {"fasttext-vec": "word2vec-text", "spacy": "word2vec-text"}  # nearly the same bytes


@pytest.mark.parametrize("name", WRITTEN)
def test_vectors_survive_every_format_and_it_is_detected(run, model, tmp_path, name):
    wanted = KeyedVectors.load(model)
    done = run("convert", model, tmp_path / "v", "--format", name)
    assert (done.code, done.err) == (0, "")
    saved = f"12 words, vectors of 16 numbers: {tmp_path / 'v'}"
    assert done.out.startswith(f"{saved} ({name}, " if name != "projector" else f"{saved}_tensor.tsv and ")
    assert done.out.count(f" ({name}, ") == 1
    found = json.loads(run("info", tmp_path / "v", "--json").out)
    assert (found["format"], found["words"], found["vector_size"]) == (DETECTED_AS.get(name, name), 12, 16)
    assert (found["problems"], found["diagnosis"]["rows"]) == ([], 12)
    assert [entry["word"] for entry in found["first_words"]] == wanted.index_to_key[:10]
    assert f"format   {found['format']}, {found['kind']}\n" in run("info", tmp_path / "v").out
    assert run("similar", tmp_path / "v", "cat") == run("similar", model, "cat")
    assert run("convert", tmp_path / "v", tmp_path / "back.firth").code == 0
    back = KeyedVectors.load(tmp_path / "back.firth")
    assert back.index_to_key == wanted.index_to_key
    np.testing.assert_array_equal(back.vectors, wanted.vectors)
    kept = "counts" not in done.out
    assert (back.counts is not None) == kept
    assert found["total_count"] == (20_000 if kept else None)


@pytest.mark.parametrize("suffix", [suffix for name in WRITTEN for suffix in FORMATS[name].suffixes])
def test_the_suffix_chooses_the_format(run, vectors, tmp_path, suffix):
    [name] = [name for name in WRITTEN if suffix in FORMATS[name].suffixes]
    done = run("convert", vectors, tmp_path / f"v{suffix}")
    assert (done.code, done.err) == (0, "")
    assert f" ({name}, " in done.out
    assert detect(tmp_path / f"v{suffix}").name == DETECTED_AS.get(name, name)


def test_conversions_work_in_fresh_processes(vectors, tmp_path):
    steps = ["v.parquet", "v.tsv.gz", "v.glove.bz2", "v.safetensors", "v.bin.zst"]
    for source, target in zip([vectors, *(tmp_path / step for step in steps)], steps, strict=False):
        done = in_a_process("convert", source, tmp_path / target)
        assert (done.code, done.err) == (0, "")
    assert in_a_process("similar", tmp_path / steps[-1], "man", "-n", 1) == Done(0, "king  0.9848\n", "")


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_word2vec_files_may_be_compressed(run, vectors, tmp_path, suffix):
    done = run("convert", vectors, tmp_path / f"v.txt.{suffix}")
    assert (done.code, done.err) == (0, "")
    assert "(word2vec-text, " in done.out
    assert run("similar", tmp_path / f"v.txt.{suffix}", "man", "-n", 1).out == "king  0.9848\n"
    refused = run("convert", vectors, tmp_path / f"v.firth.{suffix}")
    assert refused.code == 2
    assert "the native format" in one_line(refused.err)


def test_parts_that_the_format_cannot_hold_are_reported(run, model, vectors, tmp_path):
    rest = "outside matrix, options, history\n"
    assert run("convert", model, tmp_path / "v.bin").out.endswith(f"\nnot saved in this format: counts, {rest}")
    assert run("convert", model, tmp_path / "v.npz").out.endswith(f"\nnot saved in this format: {rest}")
    assert "not saved in this" not in run("convert", vectors, tmp_path / "w.bin").out
    assert "not saved in this" not in run("convert", model, tmp_path / "whole.firth").out
    assert isinstance(firth.load(tmp_path / "whole.firth"), firth.Word2Vec)


def test_only_the_first_words_are_converted_on_request(run, model, tmp_path):
    for name in ("v.firth", "v.bin"):
        done = run("convert", model, tmp_path / name, "--limit", 3)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("3 words, ")
        assert "outside matrix, options, history\n" in done.out
    assert KeyedVectors.load(tmp_path / "v.firth").counts.tolist() == KeyedVectors.load(model).counts[:3].tolist()
    done = run("convert", tmp_path / "v.bin", tmp_path / "w.txt", "--limit", 2)
    assert (tmp_path / "w.txt").read_text().startswith("2 16\n")
    assert "not saved in this" not in done.out


def test_words_in_another_encoding_are_read(run, tmp_path):
    (tmp_path / "v.txt").write_bytes(b"1 2\nna\xefve 1 0\n")
    refused = run("convert", tmp_path / "v.txt", tmp_path / "v.npz")
    assert refused.code == 1
    assert "utf8" in one_line(refused.err)
    for flags, word in ((["--encoding", "latin-1"], "naïve"), (["--unicode-errors", "replace"], "na\ufffdve")):
        assert run("convert", tmp_path / "v.txt", tmp_path / "v.npz", *flags).code == 0
        assert KeyedVectors.load(tmp_path / "v.npz").index_to_key == [word]
    assert run("convert", tmp_path / "v.npz", tmp_path / "w.npz", "--encoding", "latin-1").code == 2


def test_a_folder_of_vectors_may_be_overwritten(run, vectors, tmp_path):
    for _ in range(2):
        assert run("convert", vectors, tmp_path / "folder", "--format", "huggingface").code == 0
    assert run("similar", tmp_path / "folder", "man", "-n", 1).out == "king  0.9848\n"
    assert run("convert", vectors, tmp_path / "folder").code == 1


def test_text_without_a_header_is_detected(run, tmp_path):
    (tmp_path / "glove.txt").write_text("king 1 0\nqueen 0 1\n")
    assert run("convert", tmp_path / "glove.txt", tmp_path / "v.firth").code == 0
    assert KeyedVectors.load(tmp_path / "v.firth").index_to_key == ["king", "queen"]
    assert json.loads(run("info", tmp_path / "glove.txt", "--json").out)["format"] == "glove"


def test_a_failed_conversion_keeps_the_old_file(run, tmp_path):
    KeyedVectors(["new york"], np.ones((1, 2))).save(tmp_path / "v.firth")
    (tmp_path / "old.txt").write_text("old")
    done = run("convert", tmp_path / "v.firth", tmp_path / "old.txt")
    assert done.code == 1
    assert "'new york'" in one_line(done.err)
    assert (tmp_path / "old.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_table_for_embedding_atlas_is_written_with_the_line_that_opens_it(run, vectors, tmp_path):
    target = tmp_path / "out.parquet"
    done = run("convert", vectors, target, "--map", "--limit", 3)
    assert done.code == 0
    assert f"open it: embedding-atlas {target} --text text --x x --y y --neighbors neighbors" in done.out
    assert target.read_bytes()[:4] == b"PAR1"
    missing = run("convert", vectors, tmp_path / "nowhere" / "out.parquet", "--map")
    assert missing.code == 1
    assert "this folder does not exist" in missing.err
    other = run("convert", vectors, tmp_path / "out.npz", "--map")
    assert other.code == 2
    assert "--map writes a Parquet file: give a name that ends in .parquet" in other.err
