"""Arrow and Parquet, as other programs and malicious ones write them."""

import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from formats._files import memory_of_diagnosis, refused

from firth import KeyedVectors
from firth.errors import FormatError, NotEnoughMemoryError
from firth.formats import arrow, read_vectors, write_vectors

VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)

KEYS = ["a", "b", "c"]


def tables(tmp_path, table):
    with pa.ipc.new_file(tmp_path / "v.arrow", table.schema) as writer:
        writer.write_table(table)
    pq.write_table(table, tmp_path / "v.parquet")
    return [tmp_path / "v.arrow", tmp_path / "v.parquet"]


LISTS = pa.array([[1.0, 2.0], [3.0, 4.0]])

WORDS = pa.array(["a", "b"])

NOT_UTF8 = pa.Array.from_buffers(
    pa.string(), 2, [None, pa.py_buffer(struct.pack("<3i", 0, 1, 2)), pa.py_buffer(b"a\xff")]
)


def test_columns_are_found_by_their_types(tmp_path):
    table = pa.table({"title": ["a", "b", "c"], "features": VECTORS.astype(float).tolist(), "year": [1, 2, 3]})
    pq.write_table(table, tmp_path / "v.parquet")
    found = read_vectors(tmp_path / "v.parquet")
    assert found.keys == ["a", "b", "c"]
    assert found.vectors.dtype == np.float64
    assert np.array_equal(found.vectors, VECTORS.astype(float))
    assert found.counts is None


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_a_table_of_many_blocks(tmp_path, name):
    V = 20_000
    vectors = np.random.default_rng(1).random((V, 3), dtype=np.float32)
    write_vectors(tmp_path / "v", name, [f"w{i}" for i in range(V)], vectors, np.arange(V))
    found = read_vectors(tmp_path / "v", limit=17_000)
    assert found.keys[-1] == "w16999"
    assert np.array_equal(found.vectors, vectors[:17_000])
    assert found.counts.tolist() == list(range(17_000))


@pytest.mark.parametrize(
    ("columns", "names", "message"),
    [
        ([WORDS, pa.array([1.0, 2.0])], ["word", "x"], "has no unambiguous column of vectors"),
        ([WORDS, WORDS, LISTS], ["a", "b", "vector"], "has no unambiguous column of words"),
        ([WORDS, pa.array([[1.0], [1.0, 2.0]])], ["word", "vector"], "or differs in length from the others"),
        ([WORDS, pa.array([[1.0], None])], ["word", "vector"], "a vector is null"),
        ([WORDS, pa.array([[1.0], [None]])], ["word", "vector"], "a vector is null"),
        ([pa.array(["a", None]), LISTS], ["word", "vector"], "a row of column 'word' has no key"),
        ([WORDS, WORDS, LISTS], ["word", "word", "vector"], "two columns of the same name"),
        ([WORDS, LISTS, LISTS], ["word", "vector", "vector"], "two columns of the same name"),
        ([WORDS, LISTS, pa.array([1 << 63, 1], pa.uint64())], ["word", "vector", "count"], "not in range"),
        ([pa.array([1 << 63, 1], pa.uint64()), LISTS], ["id", "vector"], "not in range"),
        ([WORDS, pa.array([[], []], pa.list_(pa.float32()))], ["word", "vector"], "vectors of 0 numbers"),
        ([NOT_UTF8, LISTS], ["word", "vector"], "Invalid UTF8"),
        ([WORDS.dictionary_encode(), LISTS], ["word", "vector"], "'word': 'dictionary<.*must be strings"),
        ([WORDS, pa.array([[[1.0]], [[2.0]]])], ["word", "vector"], "'vector' must be lists of floating-point numbers"),
        ([pa.array([1, 2])] * 3000, [f"c\n{i}" for i in range(3000)], "no unambiguous column of words"),
    ],
)
def test_columns_that_cannot_be_read_are_refused(tmp_path, columns, names, message):
    for path in tables(tmp_path, pa.Table.from_arrays(columns, names)):
        refused(path, message)


def test_vectors_of_0_numbers_are_refused(tmp_path):
    with pytest.raises(FormatError, match="vectors of 0 numbers cannot be a column"):
        write_vectors(tmp_path / "v.arrow", None, ["a"], VECTORS[:1, :0])


def test_an_arrow_file_that_asks_for_petabytes_is_refused(tmp_path):
    """The length that a compressed buffer claims to unpack to is what Arrow allocates."""
    table = pa.table({"word": ["a"] * 100, "vector": [[1.0] * 8] * 100})
    with pa.ipc.new_file(tmp_path / "v", table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    whole = (tmp_path / "v").read_bytes()
    unpacked = (8 * 8 * 100).to_bytes(8, "little")  # of the buffer of numbers
    assert whole.count(unpacked + b"\x28\xb5\x2f\xfd") == 1
    (tmp_path / "v").write_bytes(whole.replace(unpacked + b"\x28", (1 << 56).to_bytes(8, "little") + b"\x28"))
    with pytest.raises(NotEnoughMemoryError, match=r"v: reading it needs more memory than is available \(malloc"):
        KeyedVectors.load(tmp_path / "v")


def test_a_block_too_large_for_a_python_buffer_is_refused(tmp_path, monkeypatch):
    """Old versions of PyArrow ask the Python file for as many bytes as a damaged footer claims."""

    def too_large(*_):
        raise MemoryError

    monkeypatch.setattr(arrow, "_opened", too_large)
    (tmp_path / "v").write_bytes(b"ARROW1")
    with pytest.raises(
        NotEnoughMemoryError, match=r"v: reading it needs more memory than is available \(out of memory"
    ):
        KeyedVectors.load(tmp_path / "v", "arrow")


def test_a_negative_vector_size_is_refused(tmp_path):
    schema = pa.schema({"word": pa.string(), "vector": pa.list_(pa.float32(), 305419896)})  # 0x12345678, to be found
    with pa.ipc.new_file(tmp_path / "v", schema):
        pass
    whole = (tmp_path / "v").read_bytes()
    assert whole.count(b"\x78\x56\x34\x12") == 2, "in the schema, and in the footer"
    (tmp_path / "v").write_bytes(whole.replace(b"\x78\x56\x34\x12", b"\x03\0\0\xff"))
    refused(tmp_path / "v", "column 'vector' has vectors of -16,777,213 numbers")


def test_a_table_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path):
    n = 1 << 14
    lists = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(256 * n, np.float32)), 256)
    table = pa.table({"word": pa.array(["a"] * n), "vector": lists})
    pq.write_table(table, tmp_path / "v.parquet")
    with pa.ipc.new_file(
        tmp_path / "v.arrow", table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")
    ) as writer:
        writer.write_table(table)
    for path in (tmp_path / "v.arrow", tmp_path / "v.parquet"):
        assert path.stat().st_size < 1 << 16
        refused(path, "made to exhaust memory")


def test_a_parquet_file_that_declares_a_million_columns_takes_no_memory_for_them(tmp_path):
    pq.write_table(pa.table({"word": WORDS, "vector": LISTS}), tmp_path / "sound")
    lists = b"\x15\x02\x39\x1c\x19\xfc" + b"\x80\x80\x3c" + bytes(9)  # a row group of 983,040 columns
    (tmp_path / "v").write_bytes(b"PAR1" + lists + struct.pack("<I", len(lists)) + b"PAR1")
    refused(tmp_path / "v", "is not a complete Arrow or Parquet file")
    (_, _, base), (_, _, peak) = memory_of_diagnosis(tmp_path / "sound", tmp_path / "v")
    assert peak - base < 32 << 20
