"""Tests files of tables: the same words as from a text file, the columns that messages show, and damaged files."""

import gzip
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv, feather
from stress._corpus import ALL, COMPRESS, LINES, check, text_bytes

from firth.errors import CorpusError
from firth.options import Options
from firth.text import columns, read_corpus, tables

TEXTS = [" ".join(line) for line in LINES]


def write_parquet(path, table):
    pq.write_table(table, path, row_group_size=2)


def write_arrow(path, table):
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def write_stream(path, table):
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def write_tsv(path, table):
    csv.write_csv(table, path, csv.WriteOptions(delimiter="\t"))


def write_jsonl(path, table):
    path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


WRITERS = {
    "t.parquet": write_parquet,
    "t.feather": lambda path, table: feather.write_feather(table, str(path)),
    "t.arrow": write_arrow,
    "stream.arrow": write_stream,
    "t.csv": lambda path, table: csv.write_csv(table, path),
    "t.tsv": write_tsv,
    "t.jsonl": write_jsonl,
    "t.json": write_jsonl,
}
WITH_LISTS = [name for name in WRITERS if not name.endswith(("csv", "tsv"))]


def table_of(texts, **others):
    return pa.table({"id": pa.array(range(len(texts)), pa.int64()), "text": pa.array(texts, pa.string()), **others})


def written(folder, name, table):
    WRITERS[name](folder / name, table)
    return folder / name


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("tokenizer", [None, lambda text: text.split("a")])
def test_each_kind_of_table_gives_the_words_of_its_column(tmp_path, name, tokenizer):
    corpus = read_corpus(written(tmp_path, name, table_of(TEXTS)), ALL, column="text", tokenizer=tokenizer)
    check(corpus, [(tokenizer or str.split)(text) for text in TEXTS])


@pytest.mark.parametrize("name", WITH_LISTS)
@pytest.mark.parametrize("rows", [LINES, [[3, -1], [2**62, 3]], [["two words", ""], ["\n"]]])
def test_each_kind_of_table_may_hold_lists_of_words_or_of_whole_numbers(tmp_path, name, rows):
    path = written(tmp_path, name, pa.table({"words": pa.array(rows)}))
    check(read_corpus(path, ALL, column="words"), rows)


texts_of_rows = st.lists(st.none() | text_bytes.map(lambda data: data.decode(errors="replace")), min_size=1, max_size=8)


@settings(max_examples=60)
@given(
    texts=texts_of_rows, name=st.sampled_from(list(WRITERS)), lowercase=st.booleans(), workers=st.integers(1, 3),
    block=st.integers(1, 40), rows=st.integers(1, 4),
)  # fmt: skip
def test_any_texts_give_the_same_ids_as_a_text_file_of_them(
    tmp_path_factory, texts, name, lowercase, workers, block, rows
):
    folder = tmp_path_factory.mktemp("table")
    if name.endswith(("csv", "tsv")):  # a null is an empty text there, and NUL and carriage returns are not kept
        texts = ["" if text is None else text.replace("\0", "").replace("\r", " ") for text in texts]
    path, options = written(folder, name, table_of(texts)), Options(min_count=1, lowercase=lowercase)
    lines = ["" if text is None else text.replace("\n", " ") for text in texts]
    (folder / "same.txt").write_text("".join(line + "\n" for line in ["", *lines]), newline="\n")  # no mark at first
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "BLOCK_BYTES", block)
        patch.setattr(columns, "TEXTS_AT_A_TIME", rows)
        patch.setattr(tables, "BLOCK_BYTES", 10 * block)
        if not any(line.encode().split() for line in lines):
            with pytest.raises(CorpusError, match="the corpus is empty"):
                read_corpus(path, options, column="text", workers=workers)
            return
        corpus = read_corpus(path, options, column="text", workers=workers)
    same = read_corpus(folder / "same.txt", options)
    assert corpus.vocabulary.index_to_key == same.vocabulary.index_to_key
    assert corpus.vocabulary.counts.tolist() == same.vocabulary.counts.tolist()
    assert corpus.tokens.fingerprint() == same.tokens.fingerprint()
    assert corpus.null_rows == texts.count(None)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "stream.arrow"])
@pytest.mark.parametrize("suffix", [suffix for suffix in COMPRESS if suffix != ".txt"])
def test_tables_may_be_compressed(tmp_path, name, suffix):
    path = written(tmp_path, name, table_of(TEXTS))
    packed = path.with_name(name + suffix)
    packed.write_bytes(COMPRESS[suffix](path.read_bytes()))
    seen = []
    check(read_corpus(packed, ALL, column="text", progress=lambda *at: seen.append(at)), LINES)
    assert seen[-1] == (packed.stat().st_size, packed.stat().st_size)


@pytest.mark.parametrize("name", ["t.parquet", "t.feather"])
def test_a_compressed_parquet_or_arrow_file_is_refused(tmp_path, name):
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(COMPRESS[".gz"](written(tmp_path, name, table_of(TEXTS)).read_bytes()))
    with pytest.raises(CorpusError, match=r"is compressed, but a .* file is read from its end: unpack it first"):
        read_corpus(packed, ALL, column="text")


@pytest.mark.parametrize("name", WRITERS)
def test_a_table_without_its_column_is_refused_with_its_columns(tmp_path, name):
    path = written(tmp_path, name, table_of(TEXTS))
    kind = "text" if name.endswith(("csv", "tsv")) else "string"
    with pytest.raises(CorpusError, match=rf"is a table, and its columns are id \(.*\), text \({kind}\): .* column='"):
        read_corpus(path, ALL)
    with pytest.raises(CorpusError, match=rf"{name} has no column 'words': its columns are id \(.*\), text"):
        read_corpus(path, ALL, column="words")


@pytest.mark.parametrize("name", ["t.parquet", "t.feather", "stream.arrow"])
def test_the_only_column_of_a_file_that_declares_its_columns_needs_no_name(tmp_path, name):
    check(read_corpus(written(tmp_path, name, pa.table({"text": TEXTS})), ALL), LINES)


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_the_only_column_of_other_tables_must_be_named(tmp_path, name):
    with pytest.raises(CorpusError, match=r"its columns are text \(.*column='text'$"):
        read_corpus(written(tmp_path, name, pa.table({"text": TEXTS})), ALL)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], r"column 'x' of .* holds int64 values, but its rows must be texts, lists of words or lists of whole"),
        ([[1.0, 2.0]], r"holds list<.*double> values.*\. Pandas makes whole numbers floats .*astype\(\"Int64\"\)"),
        ([b"a"], r"holds binary values.*Decode the bytes into strings first"),
        ([{"a": 1}], r"holds struct<a: int64> values"),
    ],
)
def test_columns_of_other_types_are_refused(tmp_path, values, message):
    path = written(tmp_path, "t.parquet", pa.table({"x": values, "text": ["a"] * len(values)}))
    with pytest.raises(CorpusError, match=message):
        read_corpus(path, ALL, column="x")


def test_several_tables_are_read_in_order_and_those_beginning_with_an_underscore_are_skipped(tmp_path):
    for i, (name, text) in enumerate(zip(["t.parquet", "t.csv", "t.jsonl"], TEXTS, strict=True)):
        folder = tmp_path / str(i)
        folder.mkdir()
        written(folder, name, table_of([text]))
    (tmp_path / "_SUCCESS").touch()
    check(read_corpus(tmp_path, ALL, column="text", workers=2), LINES)


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.csv", "t.jsonl", "t.csv.gz"])
def test_an_empty_file_is_refused_as_empty(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(b"") if name.endswith("gz") else b"")
    with pytest.raises(CorpusError, match=f"{name} is empty, so it has no columns"):
        read_corpus(tmp_path / name, ALL, column="text")


def test_the_table_in_a_message_is_one_by_its_name(tmp_path):
    written(tmp_path, "t.parquet", table_of(TEXTS))
    for name in ("README.md", "words.txt"):
        (tmp_path / name).write_text("a b")
    with pytest.raises(CorpusError, match=r"t.parquet is a table and .*words.txt is text"):
        read_corpus(tmp_path, ALL, column="text")


def test_texts_and_tables_cannot_be_mixed(tmp_path):
    written(tmp_path, "t.parquet", table_of(TEXTS))
    (tmp_path / "words.txt").write_text("a b")
    for column in (None, "text"):
        with pytest.raises(
            CorpusError, match=r"t.parquet is a table and .*words.txt is text: give files of one kind only"
        ):
            read_corpus(tmp_path, ALL, column=column)
    with pytest.raises(CorpusError, match=r"words.txt is text and has no columns: omit column"):
        read_corpus(tmp_path / "words.txt", ALL, column="text")


def test_lists_and_texts_in_different_files_cannot_be_mixed(tmp_path):
    pq.write_table(pa.table({"x": ["a b"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": [["a", "b"]]}), tmp_path / "b.parquet")
    with pytest.raises(CorpusError, match=r"holds string values at first and list<.*> values later"):
        read_corpus(tmp_path, ALL, column="x")


def test_a_tokenizer_for_lists_of_words_is_refused(tmp_path):
    path = written(tmp_path, "t.parquet", pa.table({"words": LINES}))
    with pytest.raises(CorpusError, match=r"tokenizer= splits texts, and column 'words' .* does not hold texts"):
        read_corpus(path, ALL, column="words", tokenizer=str.split)


def test_null_rows_are_counted_and_a_null_among_tokens_is_refused(tmp_path):
    path = written(tmp_path, "t.parquet", pa.table({"words": [["a"], None, ["b", "a"], None]}))
    corpus = read_corpus(path, ALL, column="words")
    check(corpus, [["a"], ["b", "a"]])
    assert corpus.null_rows == 2
    path = written(tmp_path, "t.parquet", pa.table({"words": [["a"], ["b", None, "c"]]}))
    with pytest.raises(CorpusError, match=r"missing value among the tokens of the row \['b', None, 'c'\]: drop the"):
        read_corpus(path, ALL, column="words")


def test_invalid_utf8_in_a_table_is_repaired_and_counted(tmp_path):
    words = pa.array([b"a\xff b", b"c"]).view(pa.string())
    for name in ("t.parquet", "t.arrow"):
        corpus = read_corpus(written(tmp_path, name, pa.table({"text": words})), ALL, column="text")
        check(corpus, [["a\ufffd", "b"], ["c"]])
        assert corpus.replaced == 1
    (tmp_path / "bad.csv").write_bytes(b"id,text\n1,a\xff b\n2,c\n")
    assert read_corpus(tmp_path / "bad.csv", ALL, column="text").replaced == 1


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_tables_are_an_error_with_their_name(tmp_path, name):
    path = written(tmp_path, name, table_of([f"{text} {i}" for i in range(300) for text in TEXTS]))
    whole = path.read_bytes()
    cut, with_zeros = whole[: len(whole) * 2 // 3], whole[:40] + bytes(400) + whole[440:]
    is_csv = name.endswith(("csv", "tsv"))  # in which zeros are text
    for data in [cut + b'\n{"id": "x\n1,2,3,4\t5\t6', *([] if is_csv else [with_zeros])]:
        path.write_bytes(data)
        with pytest.raises(CorpusError, match=re.escape(name)):
            read_corpus(path, ALL, column="text")


def test_csv_keeps_quotes_delimiters_and_line_breaks_inside_a_row(tmp_path):
    (tmp_path / "a.csv").write_text('n;text\n1;"say ""hi""; all\nof you"\n2;bye\n')
    check(read_corpus(tmp_path / "a.csv", ALL, column="text"), [["say", '"hi";', "all", "of", "you"], ["bye"]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"text": "a b"}]', r"line 1 of .* is not a JSON object: .*jq -c"),
        ('{"text": "a"}\n{"text": 5}\n', r"after line 0 \(.*changed from string to number in row 1\)"),
        ('{"text": "a"}\n{"text": \n', r"cannot be read as JSON Lines|line 2 of .* is not a JSON object"),
        ('{"other": "a"}\n', r"has no column 'text': its columns are other \(string\)"),
        ("", r"a.jsonl is empty"),
    ],
)
def test_malformed_json_is_refused(tmp_path, text, message):
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(CorpusError, match=message):
        read_corpus(tmp_path / "a.jsonl", ALL, column="text")


def test_a_key_that_some_objects_lack_is_a_null_row(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"n": 1}\n\n{"n": "x", "text": "2020-01-01"}\n{"text": null}\n{"text": "b"}')
    corpus = read_corpus(tmp_path / "a.jsonl", ALL, column="text")
    check(corpus, [["2020-01-01"], ["b"]])
    assert corpus.null_rows == 2


def test_max_input_bytes_limits_the_bytes_of_a_column(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(table_of(["a " * 1000] * 1000), path)
    assert path.stat().st_size < 50_000
    assert read_corpus(path, ALL, column="text", max_input_bytes=3 * 10**6).raw_words == 10**6
    with pytest.raises(CorpusError, match="the corpus is larger than max_input_bytes=1,000,000"):
        read_corpus(path, ALL, column="text", max_input_bytes=10**6)


def test_a_row_of_csv_longer_than_a_block_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("id,text\n" + "1,a b\n" * 5 + f"2,{'long ' * 100}\n" + "3,c\n" * 5)
    monkeypatch.setattr(tables, "CSV_BLOCK_BYTES", 64)
    with pytest.raises(CorpusError, match=r"a.csv cannot be read as a CSV file .*straddling object"):
        read_corpus(tmp_path / "a.csv", ALL, column="text")
