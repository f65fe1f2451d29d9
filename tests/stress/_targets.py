"""Fuzz targets: the formats of word2vec, of fastText, and firth's own."""

import json
import struct
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from firth import KeyedVectors
from firth.errors import FormatError
from firth.formats import read_vectors
from firth.formats.native import read_native, write_native
from firth.formats.streams import writing_set
from firth.formats.word2vec import write_word2vec
from stress._fuzzing import Target, named

WORDS = ["</s>", "the", "naïve", "日本", "1.5"]
VECTORS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
NUMBERS = (b"0", b"-1", b"2147483648", b"9999999999999", b"1" * 60, b"1e999", b"nan", b"-inf", b"1_0", b"0x1p4")


def written(write: Callable[..., None], *arguments: Any, name: str = "v", **options: Any) -> bytes:
    """Return the bytes of the one file that `write` writes."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name, *arguments, **options)
        return (Path(folder) / name).read_bytes()


def use_vectors(path: Path, kind: str | None = None, **options: Any) -> None:
    """Read vectors, check their types and shapes, compute neighbours, save them and read them again."""
    file = read_vectors(path, kind, **options)
    V = len(file.keys)
    assert (file.vectors.ndim, len(file.vectors), file.vectors.dtype.kind) == (2, V, "f")
    assert len(set(file.keys)) == V
    assert all(type(key) in (str, int) for key in file.keys)
    assert file.counts is None or (file.counts.shape == (V,) and file.counts.dtype == np.int64)
    wv = KeyedVectors(list(file.keys), file.vectors, file.counts)
    if V:
        assert len(wv.most_similar(wv.index_to_key[0], topn=3)) == min(3, V - 1)
    copy = path.with_name("copy")
    wv.save(copy)
    again = read_native(copy)
    assert again.keys == list(file.keys)
    assert again.center.tobytes() == np.ascontiguousarray(file.vectors).tobytes()
    with suppress(FormatError):  # words that text cannot hold
        wv.save(copy, "word2vec-text")


def _reads(kind: str | None, **options: Any) -> Callable[[Path], None]:
    return lambda path: use_vectors(path, kind, **options)


@cache
def _texts() -> list[bytes]:
    text = written(write_word2vec, WORDS, VECTORS)
    spaced = b"2 2\nnew york 1 -2e-3\n. . . 3 4 \r\n"
    return [text, written(write_word2vec, WORDS, VECTORS, line_end=b" \n"), spaced, b"1 1\na nan\n", b"0 4\n"]


def _binaries() -> list[bytes]:
    binary = written(write_word2vec, WORDS, VECTORS, binary=True)
    with_newlines = b"2 1\na \0\0\x80\x3f\nb \0\0\xc0\x7f\n"
    return [binary, with_newlines, b"0 4\n"]


def _gloves() -> list[bytes]:
    return [written(write_word2vec, WORDS, VECTORS, header=False), b". . . 1 2\na 3 4\nb 5 6\n", b"a 1\n"]


_TEXT_TOKENS = (*NUMBERS, b"\n", b"\r\n", b"  ", b"\t", b"\0", b"\xff", b"\xc2\xa0", b"1 1\n", b"a 1\n")

_SUFFIXES = (".gz", ".bz2", ".xz", ".zst")


def _place_compressed(data: bytes, folder: Path) -> Path:
    """The first byte selects the suffix, and whether the other bytes are to be compressed or already are."""
    choice = data[0] if data else 0
    path = folder / f"v{_SUFFIXES[choice % 4]}"
    if choice & 4:
        with writing_set(path) as (file,):
            file.write(data[1:])
    else:
        path.write_bytes(data[1:])
    return path


def _compressed() -> list[bytes]:
    plain = [bytes([choice | 4]) + _texts()[0] for choice in range(4)]
    streams = [
        bytes([choice]) + written(write_word2vec, WORDS, VECTORS, binary=True, name=f"v{suffix}")
        for choice, suffix in enumerate(_SUFFIXES)
    ]
    return plain + streams


def _place_with_counts(data: bytes, folder: Path) -> Path:
    (folder / "v").write_bytes(_texts()[0])
    (folder / "vocab").write_bytes(data)
    return folder / "v"


def _use_counts(path: Path) -> None:
    use_vectors(path, "word2vec-text", fvocab=path.with_name("vocab"))


def _vocabularies() -> list[bytes]:
    return ["".join(f"{word} {10 - i}\n" for i, word in enumerate(WORDS)).encode(), b"the 5\r\n"]


def _model(
    words: list[bytes], rows: int, D: int, *, bucket: int = 0, minn: int = 0, maxn: int = 0, labels: int = 0
) -> bytes:
    """Return the bytes of a fastText model up to its output matrix."""
    head = struct.pack("<2i12id", 793712314, 12, D, 5, 5, 1, 5, 1, 2, 2, bucket, minn, maxn, 100, 1e-4)
    head += struct.pack("<3i2q", len(words) + labels, len(words), labels, 1000, -1)
    entries = b"".join(word + b"\0" + struct.pack("<qb", 9, 0) for word in words)
    entries += b"".join(b"__label__%d\0" % i + struct.pack("<qb", 3, 1) for i in range(labels))
    matrix = np.random.default_rng(0).normal(size=(rows, D)).astype("<f4")
    return head + entries + struct.pack("<b2q", 0, rows, D) + matrix.tobytes()


def _models() -> list[bytes]:
    words = [word.encode() for word in WORDS]
    return [
        _model(words, 5, 2),
        _model(words, 5 + 7, 2, bucket=7, minn=2, maxn=4),
        _model(words[:2], 2, 3, labels=2),
        _model([], 3, 1, bucket=3, minn=1, maxn=2),
    ]


def _natives() -> list[bytes]:
    training = {"counts": range(5), "options": {"window": 5}, "history": [{"epoch": 1, "loss": 0.5}]}
    whole = written(write_native, keys=WORDS, center=VECTORS, outside=VECTORS[::-1], **training)
    ids = written(write_native, keys=[7, -1, 2**40], center=VECTORS[:3])
    return [whole, ids, written(write_native, keys=[], center=VECTORS[:0])]


def _sealed(header: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Return the header with valid checksums, as the native format defines them."""
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    checks = {name: f"{zlib.crc32(body[slice(*entry['data_offsets'])]):08x}" for name, entry in tensors.items()}
    metadata = {**header["__metadata__"], "crc32": json.dumps(checks)}
    metadata.pop("header_crc32", None)
    layout = {name: [entry["dtype"], entry["shape"]] for name, entry in tensors.items()}
    metadata["header_crc32"] = f"{zlib.crc32(json.dumps([metadata, layout], sort_keys=True).encode()):08x}"
    return {"__metadata__": metadata, **tensors}


def _use_native(path: Path) -> None:
    use_vectors(path, "native")
    read_native(path)
    read_native(path, mmap=True)


# --- mutations that keep to the grammar of the format

LIMITS = tuple(
    number.to_bytes(size, "little", signed=True)
    for size in (1, 4, 8)
    for number in (-1, 0, 1, 3, 127, 1 << 16, (1 << 31) - 1, -(1 << 31), 1 << 40)
    if -number <= 1 << (8 * size - 1) > number
)
_DTYPES = ("F16", "F32", "F64", "I64", "U8", "BF16", "F8_E4M3", "BOOL", "C64", "I32", "U64")
_SIZES = (0, 1, 2, 3, 5, 9, 1 << 31, 1 << 40, 1 << 62, (1 << 64) - 1, -1, 1.0, None)
_NAMES = ("center", "outside", "words", "word_ends", "ids", "counts", "embeddings", "weight", "weights", "mapping",
          "", "a\nb", "e" * 300)  # fmt: skip
_STRINGS = ("null", "{}", "[]", '""', "[" * 1500, "NaN", "1e999", '{"a": 1, "a": 2}', "\ud800", "firth", "1", "2")
_METADATA: tuple[Any, ...] = ({}, {"format": "firth"}, None, {"a": 1}, [])


def overwritten(data: bytes, random: Random) -> bytes:
    """Change up to three places: bytes, or numbers at their limits."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 3)):
        piece = random.choice(LIMITS) if random.randrange(2) else random.randbytes(random.randint(1, 4))
        start = random.randrange(max(1, len(changed) - len(piece) + 1))
        changed[start : start + len(piece)] = piece[: len(changed) - start]
    return bytes(changed)


def mutated_tensors(data: bytes, random: Random, finished: Callable[[Any, bytes], Any], align: int) -> bytes:
    """Change bytes of the tensors, or the header; `finished` returns the header to write for both."""
    size = int.from_bytes(data[:8], "little")
    try:
        header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
        for _ in range(random.randint(1, 2)):
            if random.randrange(3):
                _change_header(header, random)
            else:
                body = overwritten(body, random)
        text = json.dumps(finished(header, body)).encode()
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):  # libFuzzer has changed it
        return overwritten(data, random)
    text += b" " * (-len(text) % align)
    return len(text).to_bytes(8, "little") + text + body


def _change_header(header: dict[str, Any], random: Random) -> None:
    name, choice = random.choice([*header]), random.randrange(5)
    entry = header[name]
    if choice == 0:
        header[random.choice(_NAMES)] = header.pop(name)
    elif choice == 1:
        header["__metadata__"] = random.choice(_METADATA)
    elif name == "__metadata__":
        entry[random.choice([*entry])] = random.choice(_STRINGS)
    elif choice == 2:
        entry["dtype"] = random.choice(_DTYPES)
    else:
        numbers = entry[random.choice(("shape", "data_offsets"))]
        numbers[random.randrange(len(numbers)) :] = random.choices(_SIZES, k=random.randint(0, 2))


def _mutated_text(data: bytes, random: Random) -> bytes:
    """Change a field or a line; mostly, update the number of lines in the first line."""
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    fields = lines[at].split(b" ")
    choice = random.randrange(6)
    if choice == 0:
        lines[at:at] = [lines[at]] * random.randint(1, 3)
    elif choice == 1:
        del lines[at]
    elif choice == 2:
        fields.insert(random.randint(0, len(fields)), random.choice(_TEXT_TOKENS))
        lines[at : at + 1] = [b" ".join(fields)]
    else:
        fields[random.randrange(len(fields))] = _a_field(random)
        lines[at : at + 1] = [b" ".join(fields)]
    if random.randrange(4) and lines:
        lines[0] = b"%d %s" % (sum(map(bool, lines[1:])), lines[0].rpartition(b" ")[2])
    return b"\n".join(lines)


def _a_field(random: Random) -> bytes:
    if random.randrange(3) == 0:
        return random.choice(_TEXT_TOKENS)
    if random.randrange(2):
        return random.randbytes(random.randint(0, 6))
    return b"%.*g" % (random.randint(0, 20), random.uniform(-2, 2) * 10.0 ** random.randint(-50, 50))


def _mutated_compressed(data: bytes, random: Random) -> bytes:
    """Change the text before compression, or the compressed stream."""
    change = _mutated_text if data and data[0] & 4 else overwritten
    return data[:1] + change(data[1:], random)


TARGETS = {
    "word2vec-text": Target(_texts, named("v"), _reads("word2vec-text"), _TEXT_TOKENS, _mutated_text),
    "word2vec-binary": Target(_binaries, named("v"), _reads("word2vec-binary"), _TEXT_TOKENS, overwritten),
    "word2vec-either": Target(lambda: _texts() + _binaries(), named("v"), _reads(None), _TEXT_TOKENS, _mutated_text),
    "glove": Target(_gloves, named("v"), _reads("glove"), _TEXT_TOKENS, _mutated_text),
    "compressed": Target(_compressed, _place_compressed, _reads(None), _TEXT_TOKENS, _mutated_compressed),
    "vocabulary-counts": Target(_vocabularies, _place_with_counts, _use_counts, _TEXT_TOKENS, _mutated_text),
    "fasttext-bin": Target(_models, named("v.bin"), _reads("fasttext-bin"), LIMITS, overwritten),
    "native": Target(
        _natives, named("v.firth"), _use_native, LIMITS, partial(mutated_tensors, finished=_sealed, align=64)
    ),
}
