"""Tests open files, arrays of other libraries, encodings, null rows and validation texts."""

import bz2
import io
import os
import sys
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stress import text
from stress._corpus import ALL, LINES, check, text_file

from firth import Word2Vec
from firth.errors import CorpusError, OptionError
from firth.text import ReadOptions, check_corpus, read_corpus, sources

TEXTS = [" ".join(line) for line in LINES]
TEXT = "\n".join(TEXTS) + "\n"
SMALL = {"vector_size": 4, "min_count": 1, "sample": 0, "epochs": 1, "workers": 1}


# --- open files


@pytest.mark.parametrize("chunk", [3, 7, 2**20])
@pytest.mark.parametrize(
    "make",
    [
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: io.StringIO(path.read_text()),
        lambda path: path.open(encoding="utf-8"),
        lambda path: path.open("rb"),
        lambda path: bz2.BZ2File(io.BytesIO(bz2.compress(path.read_bytes()))),
    ],
)
def test_an_open_file_is_read_from_where_it_stands_and_left_open(tmp_path, monkeypatch, make, chunk):
    monkeypatch.setattr(sources, "CHUNK_BYTES", chunk)
    with make(text_file(tmp_path, "first line\n" + TEXT)) as file:
        assert file.readline()
        check(read_corpus(file, ALL), LINES)
        assert not file.closed
        assert not file.read()
    with make(text_file(tmp_path, TEXT)) as file:
        check(read_corpus(file, ALL, tokenizer=str.split, max_input_bytes=len(TEXT)), LINES)
    with make(text_file(tmp_path, TEXT)) as file, pytest.raises(CorpusError, match=r"larger than max_input_bytes=9: "):
        read_corpus(file, ALL, max_input_bytes=9)


def test_a_file_in_an_archive_and_an_open_table_are_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as archive:
        archive.writestr("a.txt", TEXT)
    with zipfile.ZipFile(tmp_path / "texts.zip") as archive, archive.open("a.txt") as file:
        check(read_corpus(file, ALL), LINES)
    table = "".join(f'{{"text": "{line}"}}\n' for line in TEXTS)
    check(read_corpus(io.StringIO(table), ALL, column="text"), LINES)
    table = "id,text\n" + "".join(f"1,{line}\n" for line in TEXTS)
    check(read_corpus(io.BytesIO(table.encode()), ALL, column="text"), LINES)


def test_a_parquet_file_must_have_a_path(tmp_path):
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "t.parquet")
    message = "t.parquet is not a regular file, but a Parquet file is read from its end: give its path"
    with (tmp_path / "t.parquet").open("rb") as file, pytest.raises(CorpusError, match=message):
        read_corpus(file, ALL, column="text")


def test_a_file_that_returns_something_else_is_refused():
    class Odd:
        def read(self, size):
            return size

    with pytest.raises(CorpusError, match=r"the open file \(Odd\) returned \d+ instead of text or bytes"):
        read_corpus(Odd(), ALL)


def test_standard_input_may_be_a_table(monkeypatch):
    for table in (
        "id\ttext\n" + "".join(f"1\t{line}\n" for line in TEXTS),
        "".join(f'{{"text":"{t}"}}\n' for t in TEXTS),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(table.encode())))
        check(read_corpus("-", ALL, column="text"), LINES)


# --- encodings


@pytest.mark.parametrize(
    "encoding", ["latin-1", "cp949", "utf-16", "utf-16-le", "shift_jis", "UTF8", "utf-8-sig", "ascii"]
)
@pytest.mark.parametrize("chunk", [1, 2, 5, 2**20])
def test_text_in_another_encoding_gives_the_same_words(tmp_path, monkeypatch, encoding, chunk):
    monkeypatch.setattr(sources, "CHUNK_BYTES", chunk)
    words = {"latin-1": "café é", "ascii": "cafe e"}.get(encoding, "日本 本")
    lines = [["a", *words.split()], ["b", words.split()[0]]]
    content = "".join(" ".join(line) + "\n" for line in lines)
    corpus = read_corpus(text_file(tmp_path, content.encode(encoding), ".gz"), ALL, encoding=encoding)
    check(corpus, lines)
    assert corpus.replaced == 0
    (tmp_path / "t.csv").write_bytes(
        ("id,text\n" + "".join(f"1,{' '.join(line)}\n" for line in lines)).encode(encoding)
    )
    check(read_corpus(tmp_path / "t.csv", ALL, encoding=encoding, column="text"), lines)


@given(
    data=st.binary(max_size=60),
    encoding=st.sampled_from(["ascii", "cp949", "utf-16-le", "shift_jis", "utf-7", "cp1252"]),
)
def test_bytes_that_an_encoding_does_not_allow_are_replaced_and_counted(tmp_path_factory, data, encoding):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes("x ".encode(encoding) + data)
    corpus = read_corpus(path, ALL, encoding=encoding)
    try:
        content = "x " + data.decode(encoding)
    except UnicodeDecodeError:
        assert corpus.replaced > 0
        return
    assert corpus.replaced == 0
    check(corpus, [[word.decode() for word in line.split()] for line in content.encode().split(b"\n")])


def test_utf_16_without_a_byte_order_mark_is_an_error_with_advice(tmp_path):
    (tmp_path / "a.txt").write_text("a b", encoding="utf-16-le")
    with pytest.raises(
        CorpusError, match=r"a\.txt is not text in utf-16 .* give another encoding, such as utf-16-le or"
    ):
        read_corpus(tmp_path / "a.txt", ALL, encoding="utf-16")
    assert read_corpus(tmp_path / "a.txt", ALL, encoding="utf-16-le").vocabulary.index_to_key == ["a", "b"]


@pytest.mark.parametrize("wrong", ["klingon", "hex", "rot13", "", 5, None, "utf-8\0"])
def test_an_unknown_encoding_is_refused_before_anything_is_read(wrong):
    with pytest.raises(
        OptionError, match=r"encoding=.* is not an encoding of text that Python knows: give one such as"
    ):
        Word2Vec(**SMALL).fit("absent.txt", encoding=wrong)


def test_encodings_of_binary_tables_are_refused(tmp_path):
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "t.parquet")
    with pytest.raises(CorpusError, match=r"t.parquet is a Parquet file, whose texts are UTF-8: omit encoding"):
        check_corpus(tmp_path / "t.parquet", ReadOptions(column="text", encoding="latin-1"))


# --- arrays of other libraries


class Tensor:
    """Like a tensor of PyTorch."""

    def __init__(self, values, error=None):
        self._values, self._error = values, error

    def __dlpack__(self, **_):
        return self._values.__dlpack__()

    def __array__(self, dtype=None, copy=None):
        if self._error is not None:
            raise self._error
        return np.asarray(self._values, dtype)


def test_tensors_are_arrays_and_lists_of_them_are_sentences():
    rows = [[3, 1, 2], [1, 1, 3]]
    check(read_corpus(Tensor(np.array(rows)), ALL), rows)
    check(read_corpus(Tensor(np.array([3, 1, 2, 1])), ALL, offsets=[0, 1, 4]), [[3], [1, 2, 1]])
    check(read_corpus([Tensor(np.array(row)) for row in rows], ALL), rows)
    with pytest.raises(CorpusError, match=r"the corpus is an array of float64, but ids must be integers"):
        read_corpus(Tensor(np.ones((2, 2))), ALL)
    with pytest.raises(CorpusError, match=r"cannot be read as a NumPy array \(use Tensor.cpu\(\) .*move it to the CPU"):
        read_corpus(Tensor(None, TypeError("use Tensor.cpu() first")), ALL)


def test_tensors_of_torch():
    torch = pytest.importorskip("torch")
    check(read_corpus(torch.tensor([[3, 1], [1, 2]]), ALL), [[3, 1], [1, 2]])
    check(read_corpus([torch.tensor([3, 1]), torch.tensor([2])], ALL), [[3, 1], [2]])


# --- nulls, and what fit does with a table


@pytest.mark.parametrize("null", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_null_rows_of_python_objects_are_skipped_and_counted(null):
    for rows, lines in (([["a"], null, ["b"]], [["a"], ["b"]]), ([null, null, ["a"]], [["a"]])):
        corpus = read_corpus(rows, ALL)
        check(corpus, lines)
        assert corpus.null_rows == rows.count(null) or null != null
    corpus = read_corpus(iter([null, "a b", null]), ALL)
    check(corpus, [["a", "b"]])
    assert corpus.null_rows == 2
    with pytest.raises(CorpusError, match="the corpus is empty: 0 words were read"):
        read_corpus(iter([null, null]), ALL)


def test_null_rows_are_reported(capsys):
    model = Word2Vec(**SMALL).fit(pd.DataFrame({"text": ["a b", None, "b a"]}), column="text", progress=True)
    assert "; 1 null row skipped" in capsys.readouterr().err
    assert model.corpus["null_rows"] == 1


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ({"a b", "c d"}, r"the corpus is of type set, whose order differs from run to run: give sorted\(corpus\)"),
        (frozenset([("a", "b")]), "the corpus is of type frozenset, whose order differs"),
        ([["a"], {"b", "c"}], r"sentence 1 is a set, \{.*\}, whose order differs from run to run: give sorted"),
        (iter([{1, 2}]), "sentence 0 is a set"),
    ],
)
def test_sets_are_refused_because_their_order_is_not_reproducible(corpus, message):
    with pytest.raises(CorpusError, match=message):
        read_corpus(corpus, ALL)


def test_views_of_dicts_have_an_order_and_are_read():
    check(read_corpus({tuple(line): 1 for line in LINES}.keys(), ALL), LINES)


def test_files_given_more_than_once_are_reported(tmp_path, capsys):
    path = text_file(tmp_path, TEXT)
    Word2Vec(**SMALL).fit([path, path.parent / "." / path.name, str(path)])
    assert "2 files given more than once, and read each time" in capsys.readouterr().err
    Word2Vec(**SMALL).fit([path])
    assert "more than once" not in capsys.readouterr().err


def test_a_table_and_a_text_file_train_the_same_vectors_on_any_number_of_workers(tmp_path):
    rng = np.random.default_rng(1)
    lines = [" ".join(f"w{i}" for i in rng.zipf(1.4, 20) % 300) for _ in range(3000)]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    pq.write_table(pa.table({"id": range(3000), "text": lines}), tmp_path / "t.parquet", row_group_size=700)
    frame = pd.DataFrame({"words": [line.split() for line in lines]})
    options = {"vector_size": 8, "epochs": 1}
    expected = Word2Vec(**options, workers=1).fit(tmp_path / "a.txt", progress=False)
    for workers in (1, 3):
        for corpus, column in ((tmp_path / "t.parquet", "text"), (frame, "words"), (frame["words"], None)):
            model = Word2Vec(**options, workers=workers).fit(corpus, column=column, progress=False)
            assert model.wv.index_to_key == expected.wv.index_to_key
            assert np.array_equal(model.wv.vectors, expected.wv.vectors)


def test_validation_texts_are_read_like_the_corpus_or_are_plain_text(tmp_path):
    lines = [f"a b c w{i % 7}" for i in range(300)]
    frame = pd.DataFrame({"id": range(300), "text": lines})
    frame.to_parquet(tmp_path / "t.parquet")
    (tmp_path / "v.txt").write_text("\n".join(lines))
    losses = {
        Word2Vec(**SMALL).fit(corpus, column="text", validation=other, progress=False).history[-1].validation_loss
        for corpus in (frame, tmp_path / "t.parquet")
        for other in (
            frame,
            tmp_path / "t.parquet",
            tmp_path / "v.txt",
            frame["text"],
            [line.split() for line in lines],
        )
    }
    assert len(losses) == 1
    with pytest.raises(CorpusError, match=r"its columns are id \(int64\), text"):
        Word2Vec(**SMALL).fit([["a", "b"]] * 9, validation=frame, progress=False)
    for wrong in (tmp_path / "t.parquet", frame[["id"]]):
        with pytest.raises(CorpusError, match="has no column 'texts'"):
            Word2Vec(**SMALL).fit(tmp_path / "v.txt", validation=wrong, column="texts", progress=False)


# --- files that change


@pytest.mark.parametrize("how", text.CHANGES)
@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.csv", "t.jsonl"])
def test_a_table_that_changes_while_it_is_read_is_an_error(tmp_path, how, name):
    table = pa.table({"text": [f"some words of a text {i}" for i in range(50_000)]})
    path = tmp_path / name
    if name == "t.parquet":
        pq.write_table(table, path, row_group_size=500)
    elif name == "t.arrow":
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=500)
    else:
        rows = table["text"].to_pylist()
        line = "{}" if name == "t.csv" else '{{"text": "{}"}}'
        path.write_text("".join(line.format(row) + "\n" for row in (["text"] if name == "t.csv" else []) + rows))
    os.utime(path, ns=(0, 0))  # a change within one tick of the clock would leave the same time
    text.change_table_while_read(path, *text.CHANGES[how])
