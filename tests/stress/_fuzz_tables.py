"""Fuzz targets: .npz, Arrow, Parquet, safetensors, Hugging Face folders, the projector, and evaluation sets."""

import io
import json
import struct
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet as pq
from safetensors import safe_open
from safetensors.numpy import save

from firth import KeyedVectors
from firth.errors import FormatError
from firth.formats import diagnose, read_vectors, write_vectors
from stress._fuzzing import Target, named
from stress._targets import LIMITS, NUMBERS, VECTORS, WORDS, mutated_tensors, overwritten, use_vectors

COUNTS = np.arange(9, 4, -1)


def files_of(kind: str, keys: Any = WORDS, counts: Any = COUNTS) -> dict[str, bytes]:
    """Return the files of vectors in a format, each by its path below the folder."""
    with tempfile.TemporaryDirectory() as name:
        write_vectors(Path(name) / "v", kind, keys, VECTORS[: len(keys)], counts)
        paths = [path for path in sorted(Path(name).rglob("*")) if path.is_file()]
        return {str(path.relative_to(name)): path.read_bytes() for path in paths}


def _whole(kind: str) -> Callable[[], list[bytes]]:
    """Return a function that makes the seeds of a format of one file."""
    return lambda: [
        files_of(kind)["v"],
        files_of(kind, ["new york", ""], None)["v"],
        files_of(kind, [7, -1, 2**40], None)["v"],
        files_of(kind, [], None)["v"],
    ]


@cache
def _sound(kind: str) -> dict[str, bytes]:
    return files_of(kind)


def _part(
    kind: str, part: str, tokens: tuple[bytes, ...], more: Callable[[], list[bytes]] = list, mutate: Any = None
) -> Target:
    """Return the target of one file of a format, beside intact other files; `more` makes seeds beside the sound one."""

    def place(data: bytes, folder: Path) -> Path:
        for name, content in {**_sound(kind), part: data}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        return folder / "v"

    return Target(lambda: [_sound(kind)[part], *more()], place, _uses(kind), tokens, mutate)


def _use(path: Path, kind: str, **options: Any) -> None:
    """Read and use the vectors; a message must be one line of moderate length that names the file."""
    try:
        use_vectors(path, kind, **options)
    except OSError as error:
        raise AssertionError(f"an error of the system for a file that exists: {error!r}") from error
    except FormatError as error:
        text = str(error)
        if str(path.with_suffix("")) not in text or "\n" in text or len(text) >= 1000:
            raise AssertionError(f"the message is not clear: {error}") from error
        raise


def _uses(kind: str, **options: Any) -> Callable[[Path], None]:
    return lambda path: _use(path, kind, **options)


def _use_safetensors(path: Path) -> None:
    """Read, mapped and not, and compare with what the safetensors library reads."""
    _use(path, "safetensors")
    read, mapped = (read_vectors(path, "safetensors", mmap=mmap) for mmap in (False, True))
    assert read.keys == mapped.keys
    assert read.vectors.tobytes() == mapped.vectors.tobytes()
    with safe_open(path, framework="numpy") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        shapes = {name: part.get_shape() for name, part in slices.items()}
        alike = [name for name, shape in shapes.items() if shape[1:] == [read.vectors.shape[1]]]
        rows = [file.get_tensor(name) for name in alike if slices[name].get_dtype() in ("F16", "F32", "F64")]
    if len(read.keys) == len(rows[0]):  # otherwise repeated keys were dropped
        assert any(matrix.tobytes() == read.vectors.tobytes() for matrix in rows)


def _diagnose(path: Path) -> None:
    """Diagnose any file: a file without problems can be read, and each problem is described in one line."""
    found = diagnose(path)
    assert all("\n" not in problem and len(problem) < 1000 for problem in found.problems)
    json.dumps(found.to_dict())
    if found.is_sound:
        read_vectors(path)


# --- seeds


def _safetensors() -> list[bytes]:
    vectors = VECTORS[:2]
    other = save({"weight": vectors.astype(np.float16), "ids": np.array([3, 4], np.int32), "bias": np.ones(2)})
    return [*_whole("safetensors")(), other]


def _tables() -> list[Any]:
    lists = pa.array(VECTORS[:3].astype(float).tolist(), pa.large_list(pa.float64()))
    halves = pa.array(list(VECTORS[:2].astype(np.float16)), pa.list_(pa.float16()))
    return [
        pa.table({"text": pa.array(["a", "b", "c"], pa.large_string()), "embedding": lists, "year": [1, 2, 3]}),
        pa.table({"id": pa.array([4, 5], pa.uint8()), "vector": halves, "count": pa.array([None, 7])}),
    ]


def _arrows() -> list[bytes]:
    return [*_whole("arrow")(), *(_ipc(table, packing) for table in _tables() for packing in (None, "zstd", "lz4"))]


def _ipc(table: Any, packing: str | None) -> bytes:
    file = io.BytesIO()
    with pa.ipc.new_file(file, table.schema, options=pa.ipc.IpcWriteOptions(compression=packing)) as writer:
        writer.write_table(table)
    return file.getvalue()


def _parquets() -> list[bytes]:
    packings = ("none", "snappy", "gzip", "brotli")
    return [*_whole("parquet")(), *(_packed(table, packing) for table in _tables() for packing in packings)]


def _packed(table: Any, packing: str) -> bytes:
    file = io.BytesIO()
    options = {"column_encoding": "PLAIN", "use_dictionary": False} if packing == "snappy" else {}
    pq.write_table(table, file, compression=packing, **options)
    return file.getvalue()


def _npzs() -> list[bytes]:
    file = io.BytesIO()
    np.savez_compressed(file, words=np.array(["a", "b"]), embeddings=np.asfortranarray(VECTORS[:2]))
    return [*_whole("npz")(), file.getvalue()]


def _tokenizers() -> list[bytes]:
    lists = {"model": {"vocab": [[word, -row] for row, word in enumerate([*WORDS, "[UNK]"])]}}
    objects = {"model": {"vocab": dict(zip(WORDS, range(5), strict=True))}}
    added = {**objects, "added_tokens": [{"id": 5, "content": "[UNK]"}]}
    return [json.dumps(lists).encode(), json.dumps(added).encode()]


def _metadata() -> list[bytes]:
    rows = b"".join(b"%d\tx\n" % i for i in range(5))
    return [b"a\nb\nc\nd\ne\n", b"word\tcolour\n" + rows]


def _pairs() -> list[bytes]:
    return [
        b"# a set\nword1\tword2\tscore\nthe\tna\xc3\xafve\t7.5\n1.5\tthe\t-1\n",
        b"the-n na\xc3\xafve-n 3\n1.5-n the-j 4\n",
        b"the,1.5,x,9,1\nthe,na\xc3\xafve,y,8,2\n",
    ]


def _questions() -> list[bytes]:
    one = b": one\nthe 1.5 na\xc3\xafve the\n: two words\nthe the the the\nx\n"
    return [one, b"\xef\xbb\xbf: a\nthe 1.5 </s> the\n"]


@cache
def _vectors() -> KeyedVectors:
    return KeyedVectors(list(WORDS), VECTORS)


def _use_pairs(path: Path) -> None:
    for delimiter in (None, "\t"):
        with suppress(FormatError):
            result = _vectors().evaluate_word_pairs(path, delimiter, dummy4unknown=True)
            assert 0 <= result.covered <= result.total
    _vectors().evaluate_word_pairs(path, None)


def _use_questions(path: Path) -> None:
    result = _vectors().evaluate_word_analogies(path)
    assert 0 <= result.covered <= result.total


# --- mutations that keep to the grammar of the format

_TEXT = (*NUMBERS, b"\t", b"\n", b"\r\n", b",", b" ", b"#", b": ", b"\0", b"\xff", b"\xef\xbb\xbf", b"the",
         b"word\tcount\n")  # fmt: skip
_JSON = (*NUMBERS, b"NaN", b"true", b"null", b"[]", b"{}", b'""', b'"\\ud800"', b'"a":0,', b'["a",0],', b"[" * 1500,
         b'"id":')  # fmt: skip
_DESCRIPTIONS = (b"'<f4'", b"'>f8'", b"'|O'", b"'<U1'", b"'<U0'", b"'|S3'", b"'<u8'", b"'<f16'", b"[('a','|O')]",
                 b"('<f4',(2,))")  # fmt: skip
_SHAPES = (b"(5,)", b"(5, 3)", b"()", b"(-1, 3)", b"(True, 3)", b"(0, 4611686018427387904)", b"(5L, 3L)",
           b"(2147483648, 2147483648)")  # fmt: skip


def _mutated_npz(data: bytes, random: Random) -> bytes:
    """Change one array, and pack all arrays again with valid checksums."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        name = random.choice([*members])
    except Exception:  # libFuzzer has changed it, and it is not an archive
        return overwritten(data, random)
    choice = random.randrange(4)
    if choice == 0:
        members[name] = overwritten(members[name], random)
    elif choice == 1:
        members[f"{random.choice(('keys', 'counts', 'vectors', 'ids', '../keys'))}.npy"] = members.pop(name)
    else:
        members[name] = _with_header(members[name], random)
    file = io.BytesIO()
    method = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _with_header(array: bytes, random: Random) -> bytes:
    """Return a NumPy array with another dtype, order and shape in its header."""
    length = int.from_bytes(array[8:10], "little")
    drawn = (random.choice(_DESCRIPTIONS), random.choice((b"False", b"True", b"-1")), random.choice(_SHAPES))
    text = b"{'descr': %s, 'fortran_order': %s, 'shape': %s}" % drawn
    return array[:8] + struct.pack("<H", len(text)) + text + array[10 + length :]


_SAFETENSORS = partial(mutated_tensors, finished=lambda header, body: header, align=1)


def _either() -> list[bytes]:
    names = ("npz", "arrow", "parquet", "safetensors", "native", "word2vec-text", "word2vec-binary", "glove")
    return [files_of(name, WORDS, None)["v"] for name in names]


TARGETS = {
    "npz": Target(_npzs, named("v.npz"), _uses("npz"), (*_DESCRIPTIONS, *_SHAPES), _mutated_npz),
    "arrow": Target(_arrows, named("v.arrow"), _uses("arrow"), LIMITS, overwritten),
    "parquet": Target(_parquets, named("v.parquet"), _uses("parquet"), LIMITS, overwritten),
    "safetensors": Target(_safetensors, named("v.safetensors"), _use_safetensors, _JSON, _SAFETENSORS),
    "huggingface-model": _part("huggingface", "v/model.safetensors", _JSON, mutate=_SAFETENSORS),
    "huggingface-tokenizer": _part("huggingface", "v/tokenizer.json", _JSON, _tokenizers),
    "huggingface-config": _part("huggingface", "v/config.json", _JSON, lambda: [b"{}"]),
    "projector-tensor": _part("projector", "v_tensor.tsv", _TEXT),
    "projector-metadata": _part("projector", "v_metadata.tsv", _TEXT, _metadata),
    "any-format": Target(_either, named("v"), _diagnose, (*_TEXT, *LIMITS), overwritten),
    "word-pairs": Target(_pairs, named("pairs"), _use_pairs, _TEXT),
    "analogies": Target(_questions, named("questions"), _use_questions, _TEXT),
}
