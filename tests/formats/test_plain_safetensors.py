"""Plain safetensors files, as other programs and malicious ones write them."""

import json
import struct

import numpy as np
import pytest
from formats._files import refused
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from firth.errors import FormatError
from firth.formats import read_vectors

VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)

KEYS = ["a", "b", "c"]


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
        (safetensors(HEADER, BODY + b"x"), "truncated or damaged"),
        (safetensors(HEADER, BODY[:-1]), "truncated or damaged"),
        (safetensors({**HEADER, "x": entry("F32", [3, 2], 0, 24)}, BODY), "truncated or damaged"),
        (safetensors({**HEADER, "x": entry("U8", [1], 52, 53)}, BODY + b"xx"), "truncated or damaged"),
        (safetensors({**HEADER, "x": entry("U8", [9], 51, 60)}, BODY), "truncated or damaged"),
        (safetensors({**BESIDE, "embeddings": entry("F32", [1 << 31, 1 << 31], 0, 24)}, BODY), "truncated or damaged"),
        (safetensors({**BESIDE, "embeddings": entry("F32", [1 << 32, 1 << 32], 0, 24)}, BODY), "truncated or damaged"),
        (safetensors(b'{"a": ' + b"[" * 100_000, b""), "truncated or damaged"),
        (safetensors(b'{"a": ' + b"9" * 5000 + b"}", b""), "truncated or damaged"),
        (safetensors(b'{"a": NaN}', b""), "truncated or damaged"),
        (safetensors(b'{"a": 1e999}', b""), "truncated or damaged"),
        (safetensors(HEADER, BODY, size=1 << 39), "has a header of 549,755,813,888 bytes"),
        (safetensors(HEADER, BODY, size=1 << 63), "not in a format that firth reads"),
        (safetensors(json.dumps(HEADER).encode() + b" " * (1 << 20), BODY), "that of vectors has at most 1048576"),
        (safetensors({"x": entry("F32", [0, 1 << 62], 0, 0), "ids": entry("I64", [0], 0, 0)}, b""), "exactly one"),
        (save({"embeddings": VECTORS, "ids": np.ones((3, 1), int)}), r"its ids are I64 of shape \[3, 1\]"),
        (save({"embeddings": VECTORS, "ids": np.ones(3)}), r"its ids are F64 of shape \[3\]"),
        (save({"embeddings": VECTORS, "ids": np.ones(3, np.uint64)}), "its ids are U64"),
        (save({"embeddings": VECTORS, "ids": np.arange(3), "counts": np.ones(3)}), "its counts are F64"),
        (safetensors({"weight": entry("F32", [3, 2], 0, 24), "ids": entry("BF16", [3], 24, 30)}, BODY[:30]), "BF16"),
        (save({"embeddings": VECTORS[:, :0], "ids": np.arange(3)}), "vectors of 0 numbers"),
        (save({f"{number}\n" * 99: VECTORS for number in range(50)}), "does not hold exactly one matrix"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mmap", [False, True])
def test_a_malformed_safetensors_file_is_refused(tmp_path, content, message, mmap):
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
def test_an_accepted_file_gives_the_same_arrays_as_the_library(tmp_path_factory, name, member, value, trailing):
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
