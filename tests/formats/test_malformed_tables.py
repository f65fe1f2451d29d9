"""Files of tables that are cut, damaged or made to do harm: each is refused, in one line that names it."""

import gzip
import io
import json
import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from contextlib import suppress
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from stress import damage
from stress._fuzz_tables import files_of
from stress.fuzz import TARGETS

from firth import KeyedVectors, Word2Vec
from firth.cli import main
from firth.errors import FormatError, NotEnoughMemoryError
from firth.evaluation import evaluate_word_analogies, evaluate_word_pairs
from firth.formats import FORMATS, arrow, detect, diagnose, read_vectors, write_vectors

VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)
KEYS = ["a", "b", "c"]


def refused(path, message, format=None, **options):  # noqa: A002
    """Check that reading is refused so, and that looking into the file finds a fault and raises nothing."""
    with pytest.raises(FormatError, match=message) as caught:
        read_vectors(path, format, **options)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert not diagnose(path).is_sound


# --- every cut and every flipped bit


@pytest.mark.timeout(120)
def test_whatever_is_cut_or_flipped_is_read_or_refused_within_bounds(tmp_path):
    counts = damage.run(0, tmp_path)
    assert counts["refused"] > 500
    assert counts["accepted"] > 200


@pytest.mark.filterwarnings("ignore:.* only the first is read")
@pytest.mark.parametrize("name", list(damage.PARTS))
def test_the_targets_of_the_fuzzer_take_their_own_seeds(tmp_path, name):
    target = TARGETS[name]
    for data in target.seeds():
        target.use(target.place(data, tmp_path))


def test_a_flipped_bit_of_an_npz_changes_no_vector_and_no_key(tmp_path):
    whole = files_of("npz", KEYS, None)["v"]
    sound = None
    for bit in range(-1, 8 * len(whole), 11):
        content = bytearray(whole)
        if bit >= 0:
            content[bit // 8] ^= 1 << bit % 8
        (tmp_path / "v.npz").write_bytes(content)
        try:
            found = read_vectors(tmp_path / "v.npz", "npz")
        except FormatError:
            continue
        sound = sound or found
        assert (found.keys, found.vectors.tobytes()) == (sound.keys, sound.vectors.tobytes())
    assert sound is not None


# --- .npz


def npy(descr, shape, data, text=None):
    text = text or b"{'descr': %r, 'fortran_order': False, 'shape': %r}" % (descr, shape)
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + data


def archive(vectors, keys=None, *, names=("vectors.npy", "keys.npy"), packing=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as packed:
        packed.writestr(names[0], vectors)
        packed.writestr(names[1], keys or npy("<U1", (3,), "abc".encode("utf-32-le")))
    return file.getvalue()


def matrix(shape=(3, 2), descr="<f4", data=None):
    return npy(descr, shape, VECTORS.tobytes() if data is None else data)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive(matrix((-1, 2))), "in a shape that is not negative"),
        (archive(matrix((-3, -2))), "in a shape that is not negative"),
        (archive(matrix((True, 2))), "in a shape that is not negative"),
        (archive(matrix((0, 1 << 62), data=b"")), "in a shape that is not negative"),
        (archive(matrix((1 << 31, 1 << 31))), "vectors declares 18,446,744,073,709,551,616 bytes and has 24"),
        (archive(matrix((3, 1))), "vectors declares 12 bytes and has 24"),
        (archive(matrix() + b"more"), "vectors declares 24 bytes and has 28"),
        (archive(matrix(), npy("<U0", (10**12,), b"")), "its keys are of shape"),
        (archive(matrix(), npy("<U1", (3,), struct.pack("<3I", 97, 0x110000, 98))), "0x110000, which is not a char"),
        (archive(matrix(), npy("<u8", (3,), bytes(16) + b"\xff" * 8)), "a key is 18446744073709551615"),
        (archive(matrix(), npy("|O", (3,), b"cos\nsystem\n(S'exit 7'\ntR.")), "which firth never opens"),
        (archive(matrix((3, 1), "<f16", bytes(48))), "do not fit together"),
        (archive(npy(0, 0, b"", b"(" * 9000)), "vectors is not a NumPy array"),
        (archive(npy(0, 0, b"", b"-" * 9000 + b"1")), "vectors is not a NumPy array"),
        (archive(npy(0, 0, b"", b"  1\n 2\n3")), "vectors is not a NumPy array"),
        (archive(npy(0, 0, b"", b"{'descr':('<f4',(2,)),'fortran_order':False,'shape':(3,)}")), "and dtype"),
        (archive(matrix(), packing=zipfile.ZIP_BZIP2), "packed by method 12; NumPy stores or deflates"),
        (archive(matrix(), packing=zipfile.ZIP_LZMA), "packed by method 14; NumPy stores or deflates"),
        (archive(matrix(), names=("../vectors.npy", "../keys.npy")), "has no vectors"),
    ],
)  # fmt: skip
def test_an_npz_that_lies_is_refused(tmp_path, content, message):
    (tmp_path / "v.npz").write_bytes(content)
    refused(tmp_path / "v.npz", message)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused(tmp_path):
    (tmp_path / "v.npz").write_bytes(archive(matrix(), matrix(), names=("vectors.npy",) * 2))
    refused(tmp_path / "v.npz", "two arrays of one name")


def test_an_npz_that_is_encrypted_or_claims_more_than_it_can_hold_is_refused(tmp_path):
    whole = archive(matrix())
    entry = whole.index(b"PK\1\2")
    encrypted, huge, liar = bytearray(whole), bytearray(whole), bytearray(archive(matrix((1 << 20, 1023))))
    encrypted[6] = encrypted[entry + 8] = 1
    huge[entry + 24 : entry + 28] = b"\xfe\xff\xff\xff"
    (tmp_path / "v.npz").write_bytes(encrypted)
    refused(tmp_path / "v.npz", "is encrypted")
    (tmp_path / "v.npz").write_bytes(huge)
    refused(tmp_path / "v.npz", "declares 24 bytes and has 4,294,9")
    at, header = liar.index(b"PK\1\2"), len(matrix((1 << 20, 1023), data=b""))
    liar[at + 24 : at + 28] = struct.pack("<I", header + (4 * 1023 << 20))
    (tmp_path / "v.npz").write_bytes(liar)
    refused(tmp_path / "v.npz", "declares 4,290,772,992 bytes and has 4,290,772,992")


def test_an_npz_that_names_an_array_twice_and_differently_is_refused_in_a_short_message(tmp_path):
    whole = bytearray(archive(matrix(), npy("<U1", (3,), "abc".encode("utf-32-le") + bytes(3000))))
    whole[26:28] = struct.pack("<H", 3000)
    (tmp_path / "v.npz").write_bytes(whole)
    refused(tmp_path / "v.npz", "is not a complete .npz file: File name in directory")


def test_an_npz_of_ten_thousand_arrays_is_refused_in_a_short_message(tmp_path):
    with zipfile.ZipFile(tmp_path / "v.npz", "w") as packed:
        for number in range(10_000):
            packed.writestr(f"{number}\n.npy", b"")
    refused(tmp_path / "v.npz", "has no vectors")


def test_numbers_in_the_other_byte_order_are_turned(tmp_path):
    (tmp_path / "v.npz").write_bytes(archive(matrix(descr=">f4", data=VECTORS.astype(">f4").tobytes())))
    found = read_vectors(tmp_path / "v.npz")
    assert found.vectors.dtype.isnative
    assert np.array_equal(found.vectors, VECTORS)


def test_a_single_empty_word_goes_into_an_npz_and_comes_back(tmp_path):
    write_vectors(tmp_path / "v.npz", None, [""], VECTORS[:1])
    assert read_vectors(tmp_path / "v.npz").keys == [""]


# --- Arrow and Parquet


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


def test_vectors_of_less_than_no_numbers_are_refused(tmp_path):
    schema = pa.schema({"word": pa.string(), "vector": pa.list_(pa.float32(), 305419896)})  # 0x12345678, to be found
    with pa.ipc.new_file(tmp_path / "v", schema):
        pass
    whole = (tmp_path / "v").read_bytes()
    assert whole.count(b"\x78\x56\x34\x12") == 2, "in the schema, and in the footer"
    (tmp_path / "v").write_bytes(whole.replace(b"\x78\x56\x34\x12", b"\x03\0\0\xff"))
    refused(tmp_path / "v", "column 'vector' has vectors of -16,777,213 numbers")


@pytest.mark.parametrize(
    ("columns", "names", "message"),
    [
        ([WORDS, WORDS, LISTS], ["word", "word", "vector"], "two columns of one name"),
        ([WORDS, LISTS, LISTS], ["word", "vector", "vector"], "two columns of one name"),
        ([WORDS, LISTS, pa.array([1 << 63, 1], pa.uint64())], ["word", "vector", "count"], "not in range"),
        ([pa.array([1 << 63, 1], pa.uint64()), LISTS], ["id", "vector"], "not in range"),
        ([WORDS, pa.array([[], []], pa.list_(pa.float32()))], ["word", "vector"], "vectors of 0 numbers"),
        ([NOT_UTF8, LISTS], ["word", "vector"], "Invalid UTF8"),
        ([WORDS.dictionary_encode(), LISTS], ["word", "vector"], "'word': 'dictionary<.*must be strings"),
        ([WORDS, pa.array([[[1.0]], [[2.0]]])], ["word", "vector"], "'vector' must be lists of floating-point numbers"),
        ([pa.array([1, 2])] * 3000, [f"c\n{i}" for i in range(3000)], "no column that is clearly that of the words"),
    ],
)
def test_columns_that_cannot_be_read_are_refused(tmp_path, columns, names, message):
    for path in tables(tmp_path, pa.Table.from_arrays(columns, names)):
        refused(path, message)


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


def test_vectors_without_numbers_are_no_column_of_lists(tmp_path):
    with pytest.raises(FormatError, match="vectors of 0 numbers cannot be a column"):
        write_vectors(tmp_path / "v.arrow", None, ["a"], VECTORS[:1, :0])


# --- safetensors


def safetensors(header, body, size=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + body


def entry(code, shape, start, end):
    return {"dtype": code, "shape": shape, "data_offsets": [start, end]}


BODY = VECTORS.tobytes() + b"abc" + np.array([1, 2, 3]).tobytes()
BESIDE = {"words": entry("U8", [3], 24, 27), "word_ends": entry("I64", [3], 27, 51)}
HEADER = {"embeddings": entry("F32", [3, 2], 0, 24), **BESIDE}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (safetensors(HEADER, BODY + b"x"), "cut or damaged"),
        (safetensors(HEADER, BODY[:-1]), "cut or damaged"),
        (safetensors({**HEADER, "x": entry("F32", [3, 2], 0, 24)}, BODY), "cut or damaged"),
        (safetensors({**HEADER, "x": entry("U8", [1], 52, 53)}, BODY + b"xx"), "cut or damaged"),
        (safetensors({**HEADER, "x": entry("U8", [9], 51, 60)}, BODY), "cut or damaged"),
        (safetensors({**BESIDE, "embeddings": entry("F32", [1 << 31, 1 << 31], 0, 24)}, BODY), "cut or damaged"),
        (safetensors({**BESIDE, "embeddings": entry("F32", [1 << 32, 1 << 32], 0, 24)}, BODY), "cut or damaged"),
        (safetensors(b'{"a": ' + b"[" * 100_000, b""), "cut or damaged"),
        (safetensors(b'{"a": ' + b"9" * 5000 + b"}", b""), "cut or damaged"),
        (safetensors(b'{"a": NaN}', b""), "cut or damaged"),
        (safetensors(b'{"a": 1e999}', b""), "cut or damaged"),
        (safetensors(HEADER, BODY, size=1 << 39), "has a header of 549,755,813,888 bytes"),
        (safetensors(HEADER, BODY, size=1 << 63), "in no format that firth knows"),
        (safetensors(json.dumps(HEADER).encode() + b" " * (1 << 20), BODY), "that of vectors has at most 1048576"),
        (safetensors({"weight": entry("F32", [0, 1 << 62], 0, 0), "ids": entry("I64", [0], 0, 0)}, b""), "not exactly one matrix"),
        (save({"embeddings": VECTORS, "ids": np.ones((3, 1), int)}), r"its ids are I64 of shape \[3, 1\]"),
        (save({"embeddings": VECTORS, "ids": np.ones(3)}), r"its ids are F64 of shape \[3\]"),
        (save({"embeddings": VECTORS, "ids": np.ones(3, np.uint64)}), "its ids are U64"),
        (save({"embeddings": VECTORS, "ids": np.arange(3), "counts": np.ones(3)}), "its counts are F64"),
        (safetensors({"weight": entry("F32", [3, 2], 0, 24), "ids": entry("BF16", [3], 24, 30)}, BODY[:30]), "BF16"),
        (save({"embeddings": VECTORS[:, :0], "ids": np.arange(3)}), "vectors of 0 numbers"),
        (save({f"{number}\n" * 99: VECTORS for number in range(50)}), "has not exactly one matrix"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mmap", [False, True])
def test_a_safetensors_file_that_lies_is_refused(tmp_path, content, message, mmap):
    (tmp_path / "v").write_bytes(content)
    mapped = {"format": "safetensors", "mmap": True} if mmap and content[7] == 0 else {}
    refused(tmp_path / "v", message, **mapped)


def test_a_hundred_thousand_tensors_are_refused_at_once(tmp_path):
    names = b",".join(b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % number for number in range(100_000))
    (tmp_path / "v").write_bytes(safetensors(b"{" + names + b"}", b""))
    refused(tmp_path / "v", "has a header of")


small_json = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 60) | st.sampled_from(["F32", "I64", "U8", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["dtype", "shape"]), inner, max_size=2),
    max_leaves=4,
)


@given(
    name=st.sampled_from(list(HEADER)),
    member=st.sampled_from(["dtype", "shape", "data_offsets", "more"]),
    value=small_json,
    trailing=st.integers(0, 1),
)
def test_what_is_accepted_of_safetensors_the_library_accepts_with_equal_arrays(
    tmp_path_factory, name, member, value, trailing
):
    header = json.loads(json.dumps(HEADER))
    header[name][member] = value
    path = tmp_path_factory.getbasetemp() / "changed.safetensors"
    path.write_bytes(safetensors(header, BODY + bytes(trailing)))
    try:
        with safe_open(path, framework="numpy") as file:
            expected = file.get_tensor("embeddings")
    except (SafetensorError, TypeError, AttributeError):
        expected = None
    for mmap in (False, True):
        try:
            found = read_vectors(path, "safetensors", mmap=mmap)
        except FormatError:
            continue
        assert expected is not None
        assert np.array_equal(found.vectors, expected)


# --- the Hugging Face folder


def folder(tmp_path, tokenizer, config=b"{}", **tensors):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.safetensors").write_bytes(save({"embeddings": VECTORS, **tensors}))
    (tmp_path / "m" / "tokenizer.json").write_bytes(tokenizer)
    (tmp_path / "m" / "config.json").write_bytes(config)
    return tmp_path / "m"


TOKENIZER = b'{"model": {"vocab": {"a": 0, "b": 1, "c": 2}}}'


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b'{"a": 0, "b": 1, "a": 2}', "'a' comes 2 times"),
        (b'[["a", 0], ["b", 0], ["a", 0]]', "'a' comes 2 times"),
        (b'{"a": 1e999}', r"\('a', inf\) is not a token and the number of its row"),
        (b'{"a": NaN}', r"\('a', nan\) is not"),
        (b'{"a": 1.5}', r"\('a', 1.5\) is not"),
        (b'{"a": true}', r"\('a', True\) is not"),
        (b'{"a": "0"}', r"\('a', '0'\) is not"),
        (b'{"a": -1}', r"\('a', -1\) is not"),
        (b'{"a": ' + b"9" * 300 + b"}", r"\('a', 999.*\) is not"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not a tokenizer.json with a vocabulary"),
        (b"[" * 100_000, "is not a tokenizer.json with a vocabulary"),
        (b'["abc"]', "is not a tokenizer.json with a vocabulary"),
        (b"[[5, 0]]", r"\(5, 0\) is not"),
        (b'{"a": 0}, "vocab": {"b": 0}', "'vocab' comes 2 times"),
        (b'{"a": 3}', "a key's row is 3, but the matrix has 3 rows"),
    ],
)
def test_a_tokenizer_without_a_row_for_each_token_is_refused(tmp_path, rows, message):
    refused(folder(tmp_path, b'{"model": {"vocab": ' + rows + b"}}"), message)


def test_rows_that_no_token_has_are_left_out(tmp_path):
    found = read_vectors(folder(tmp_path, b'{"model": {"vocab": {"c": 2, "a": 0}}}'))
    assert found.keys == ["a", "c"]
    assert np.array_equal(found.vectors, VECTORS[[0, 2]])


@pytest.mark.parametrize("config", [b"[" * 100_000, b"\xff", b"{", b"", b"9" * 5000])
def test_a_damaged_config_is_refused(tmp_path, config):
    refused(folder(tmp_path, TOKENIZER, config), "config.json is not JSON")


def test_a_config_that_names_a_token_that_is_not_there_is_refused(tmp_path):
    refused(
        folder(tmp_path, TOKENIZER, b'{"firth_added_unknown": true}'), r"declares \[UNK\] the last token, but that is \['c'\]"
    )


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (np.ones(3), "its mapping are F64"),
        (np.ones((3, 1), int), r"its mapping are I64 of shape \[3, 1\]"),
        (np.array([0, -1, 1]), "a key's row is"),
        (np.array([0]), "a key's row is 2, but the matrix has 1 row"),
    ],
)
def test_a_mapping_that_does_not_lead_to_rows_is_refused(tmp_path, mapping, message):
    refused(folder(tmp_path, TOKENIZER, mapping=mapping), message)


def test_links_are_followed_and_those_to_nowhere_refused(tmp_path):
    there = folder(tmp_path, TOKENIZER)
    link = tmp_path / "link"
    link.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (link / name).symlink_to(there / name)
    assert read_vectors(link).keys == KEYS
    (there / "model.safetensors").unlink()
    refused(link, "is a folder without model.safetensors")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OSError, match="loop"):
        detect(tmp_path / "loop")


# --- the projector


@pytest.mark.parametrize(
    ("tensor", "metadata", "message"),
    [
        (b"1\t2\n3\t4\n", b"word\tcount\na\t99999999999999999999\nb\t1\n", "its column of counts is not whole numbers"),
        (b"1\t2\n3\t4\n", b"word\tcount\na\t" + b"9" * 5000 + b"\nb\t1\n", "its column of counts is not whole numbers"),
        (b"1\t2\n3\t4\n", b"word\tcount\na\t1\n", "has 1 word, and the file beside it 2 vectors"),
        (b"1\t2\n3\t4\n", b"a\n" * 100, "has more than 2 words, and the file beside it 2 vectors"),
        (b"1\t2\n3\t4\n", b"\xff\nb\n", "word 1 is not utf8"),
        (b"1\t2\n\n3\t4\n", b"a\nb\n", "line 2 is not 2 numbers"),
        (b"1\t2\n3\t0x1\n", b"a\nb\n", "lines 1 to 2"),
        (b"1\t" * (3 << 20), b"a\n", "is not .* numbers"),
    ],
)
def test_files_of_a_projector_that_do_not_fit_are_refused(tmp_path, tensor, metadata, message):
    (tmp_path / "p_tensor.tsv").write_bytes(tensor)
    (tmp_path / "p_metadata.tsv").write_bytes(metadata)
    refused(tmp_path / "p", message)


def test_words_with_quotes_and_backslashes_are_taken_as_they_are(tmp_path):
    (tmp_path / "p[1]_tensor.tsv").write_bytes(b"1\t2\r\n3\t4\r\n")
    (tmp_path / "p[1]_metadata.tsv").write_bytes(b'"a\\t\r\nb"\r\n')
    assert read_vectors(tmp_path / "p[1]").keys == ['"a\\t', 'b"']
    assert diagnose(tmp_path / "p[1]").bytes == 20


def test_a_word_that_comes_twice_is_kept_once(tmp_path):
    (tmp_path / "p_tensor.tsv").write_bytes(b"1\t2\n3\tnan\n5\t6\n")
    (tmp_path / "p_metadata.tsv").write_bytes(b"a\nb\na\n")
    with (
        pytest.warns(UserWarning, match=r"1 of 3 rows .repeated words"),
        pytest.warns(UserWarning, match="numbers in 1 row"),
    ):
        assert read_vectors(tmp_path / "p").keys == ["a", "b"]
    assert not diagnose(tmp_path / "p").is_sound


# --- what a file is


@pytest.mark.parametrize("name", ["native", "safetensors"])
def test_a_header_of_any_length_is_told_for_what_it_is(tmp_path, name):
    write_vectors(tmp_path / "v", name, KEYS, VECTORS)
    content = (tmp_path / "v").read_bytes()
    size = int.from_bytes(content[:8], "little")
    for longer in (10, 522, 2616, 2826):  # among whose bytes is that of a newline
        padding = b" " * (longer - size)
        if longer > size:
            header = longer.to_bytes(8, "little") + content[8 : 8 + size] + padding
            (tmp_path / "v").write_bytes(header + content[8 + size :])
            assert detect(tmp_path / "v").name == name


BEGINNINGS = [b"", b"PAR1", b"ARROW1\0\0", b"PK\3\4", b"9 9\n", b'\x10\0\0\0\0\0\0\0{"', b"\xba\x16\x4f\x2f", b"\x80\4"]


@given(st.builds(lambda first, rest: first + rest, st.sampled_from(BEGINNINGS), st.binary(max_size=300)))
def test_any_bytes_are_a_known_format_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "anything"
    path.write_bytes(content)
    with suppress(FormatError):
        detect(path)
    json.dumps(diagnose(path).to_dict())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"9" * 5000 + b" 3\n", "in no format that firth knows: it begins with b'9{40}'"),
        (b"3 " + b"9" * 5000 + b"\n", "in no format that firth knows: it begins with b'3 9{38}'"),
        (b"3 " + b"9" * 60 + b"\nabc", "in no format that firth knows: it begins with b'3 9{38}'"),
        (b"3" + b" " * 200 + b"3\na 1 2 3\n", "in no format that firth knows: it begins with b'3 {39}'"),
        (b"0" * 120 + b"3 0002\na 1 2\n", "in no format that firth knows: it begins with b'0{40}'"),
        (b"3 999999999999999999\na 1 2 3\n", "declares vectors of 999,999,999,999,999,999 dimensions; from 1 to 65536"),
        (b"1000000000000 3\na 1 2 3\n", "declares 1,000,000,000,000 rows of 3 dimensions, which need at least"),
    ],
)
def test_a_first_line_of_absurd_numbers_is_refused(tmp_path, content, message):
    (tmp_path / "v").write_bytes(content)
    refused(tmp_path / "v", message)


@pytest.mark.parametrize("content", [*BEGINNINGS, b"3 2\na 1", b"x" * 100])
@pytest.mark.parametrize("name", ["v", "v.npz", "v.firth", "new\nline"])
def test_info_on_a_broken_file_exits_with_1_and_says_what_is_wrong(tmp_path, capsys, content, name):
    (tmp_path / name).write_bytes(content)
    assert main(["info", str(tmp_path / name)]) == 1
    said = "".join(capsys.readouterr())
    assert "Traceback" not in said
    assert str(tmp_path) in said


def test_converting_a_broken_file_exits_with_1_and_writes_nothing(tmp_path, capsys):
    (tmp_path / "v.npz").write_bytes(archive(matrix((-3, -2))))
    assert main(["convert", str(tmp_path / "v.npz"), str(tmp_path / "out.txt")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out.txt").exists()


@pytest.mark.timeout(20)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize(
    "read",
    [
        detect,
        Word2Vec.load,
        KeyedVectors.load_word2vec_format,
        *(partial(read_vectors, format=name) for name in [None, *FORMATS]),
    ],
)
@pytest.mark.parametrize("name", ["pipe", "pipe.gz"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, read, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(FormatError, match=f"{name} is a pipe, a socket or a device"):
        read(tmp_path / name)


@pytest.mark.timeout(20)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_beside_a_file_of_vectors_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "p_metadata.tsv")
    (tmp_path / "p_tensor.tsv").write_bytes(b"1\t2\n")
    (tmp_path / "v.txt").write_bytes(b"1 2\na 1 2\n")
    for path, options in [("p", {"format": "projector"}), ("v.txt", {"fvocab": tmp_path / "p_metadata.tsv"})]:
        with pytest.raises(FormatError, match=r"p_metadata\.tsv is a pipe, a socket or a device"):
            read_vectors(tmp_path / path, **options)


def test_a_compressed_table_is_said_to_be_one(tmp_path):
    (tmp_path / "v.npz.gz").write_bytes(gzip.compress(archive(matrix())))
    refused(tmp_path / "v.npz.gz", "is a compressed file of format 'npz': unpack it first")


DIAGNOSIS = """
import re, resource, sys
from pathlib import Path
from firth.formats import diagnose
found = diagnose(sys.argv[1])
status = Path("/proc/self/status")  # elsewhere Linux says that of a larger parent
if status.exists():
    peak = int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text())[1]) << 10
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(found.rows, found.dimensions, peak)
"""


def memory_of_diagnosis(*paths):
    """Return (rows, dimensions, most bytes ever held) of a process for each of the files."""
    for path in paths:
        yield tuple(map(int, subprocess.check_output([sys.executable, "-c", DIAGNOSIS, str(path)]).split()))


def test_long_lines_are_looked_through_a_few_at_a_time(tmp_path):
    (tmp_path / "small").write_bytes(b"w 0.25 0.25\n")
    (tmp_path / "v").write_bytes((b"w" + b" 0.25" * 60_000 + b"\n") * 300)
    (_, _, base), (rows, D, peak) = memory_of_diagnosis(tmp_path / "small", tmp_path / "v")
    assert (rows, D) == (300, 60_000)
    assert peak - base < (tmp_path / "v").stat().st_size


def test_a_parquet_file_that_promises_a_million_columns_takes_no_memory_for_them(tmp_path):
    pq.write_table(pa.table({"word": WORDS, "vector": LISTS}), tmp_path / "sound")
    lists = b"\x15\x02\x39\x1c\x19\xfc" + b"\x80\x80\x3c" + bytes(9)  # a row group of 983,040 columns
    (tmp_path / "v").write_bytes(b"PAR1" + lists + struct.pack("<I", len(lists)) + b"PAR1")
    refused(tmp_path / "v", "is not a complete Arrow or Parquet file")
    (_, _, base), (_, _, peak) = memory_of_diagnosis(tmp_path / "sound", tmp_path / "v")
    assert peak - base < 32 << 20


def test_a_packed_list_of_words_without_end_is_not_unpacked(tmp_path):
    (tmp_path / "p_tensor.tsv.gz").write_bytes(gzip.compress(b"1\t2\n"))
    (tmp_path / "p_metadata.tsv.gz").write_bytes(gzip.compress(b"word\n" * (1 << 20)))
    tracemalloc.start()
    refused(tmp_path / "p_tensor.tsv.gz", "has more than 1 word, and the file beside it 1 vector")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


# --- sets to judge by

MODEL = KeyedVectors(KEYS, VECTORS + 1)


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"", "utf8", "holds no pairs"),
        (b"a\tb\tnan\n", "utf8", "holds no pairs"),
        (b"a\tb\t1\n" + b"x" * (1 << 20) + b"\n", "utf8", "line 2 has 1048576 letters or more"),
        (b"a\tb\t\xff\n", "utf8", "is not utf8"),
        (b"a\tb\t1\n", "utf-16", "is not utf-16"),
    ],
)
def test_a_file_that_is_no_set_of_pairs_is_refused(tmp_path, content, encoding, message):
    (tmp_path / "set").write_bytes(content)
    with pytest.raises(FormatError, match=message):
        evaluate_word_pairs(MODEL, tmp_path / "set", encoding=encoding)


@given(st.binary(max_size=100) | st.text(": abc\t1.\n#", max_size=60).map(str.encode))
def test_any_bytes_are_a_set_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "set"
    path.write_bytes(content)
    for judge in (evaluate_word_pairs, evaluate_word_analogies):
        with suppress(FormatError):
            judge(MODEL, path, dummy4unknown=True)
