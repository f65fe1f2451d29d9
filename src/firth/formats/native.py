"""firth's own file: one safetensors file that holds a model, or vectors alone, and no code.

Byte layout (https://github.com/huggingface/safetensors):

    8 bytes    N, the length of the header, little-endian
    N bytes    the header: a JSON object, padded with spaces so that the data begin at a multiple of 64
    the rest   the tensors, little-endian, one after the other without gaps, rows without padding

The header maps each tensor's name to its dtype, shape and offsets:

    center     (V, D) float32   v_c, the center vectors
    outside    (V, D) float32   u_o, the outside vectors              } one of these or both,
    nodes      (N, D) float32   q, the vectors of a tree's nodes      } or none where only vectors were saved
    words      (B,) uint8       the V words in UTF-8, one after the other             } either these two,
    word_ends  (V,) int64       where each word ends in `words`                       }
    ids        (V,) int64       the keys, where they are whole numbers                } or this one
    counts     (V,) int64       the count of each word; absent where unknown
    ngrams     (N, D) float32   rows of character n-grams (`firth.subwords`); absent in a model without subwords
    buckets    (N,) int64       the number of the n-gram of each row, ascending; absent if N is the number of buckets

Hierarchical softmax has `nodes`: N = V - 1 rows for the V words of training, to which words may have been added since.

`__metadata__` has strings: `format` ("firth"), `version`, `options` and `history` (JSON, "null" where absent), `extra`
(JSON, in models that `firth.gensim` saved: gensim's attributes), `subwords` (JSON: minn, maxn and the number of
buckets; absent without n-grams), `sha256` (of the bytes of center, outside, nodes and ngrams, which identifies
the result of a training run), `crc32` (JSON: the CRC-32 of each tensor's bytes) and `header_crc32` (that of the rest of
the header).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.atomic import atomic_write
from firth.errors import FormatError, OptionError
from firth.formats.format import Array, Format, Head, PathLike, Table
from firth.formats.helper_thread import helper
from firth.formats.sealed import KINDS, LONGEST_HEADER, NATIVE, SealedFile, open_sealed, write_hashed
from firth.formats.signatures import START_BYTES, known_kind
from firth.formats.streams import is_compressed, refuse_compression, refuse_devices
from firth.formats.tensors import is_safetensors
from firth.formats.word2vec import is_header
from firth.formats.words import FLOATS, are_distinct, check_shapes, key_tensors, split_words
from firth.messages import counted
from firth.options import shortened
from firth.packed_words import PackedWords
from firth.subwords import LONGEST_NGRAM, NgramScheme, SubwordVectors

MATRICES = ("center", "outside", "nodes", "ngrams")
_KINDS = {**dict.fromkeys(MATRICES, "F"), "words": "U8", "word_ends": "I64", "ids": "I64", "counts": "I64",
          "buckets": "I64"}  # fmt: skip


@dataclass(frozen=True)
class NativeFile:
    """The content of a native file; see the module's docstring for shapes and dtypes."""

    keys: list[str] | list[int] | PackedWords
    center: Array
    outside: Array | None
    counts: NDArray[np.int64] | None
    options: dict[str, Any] | None
    history: list[dict[str, Any]] | None
    sha256: str
    nodes: Array | None = None
    extra: dict[str, Any] | None = None
    subwords: SubwordVectors | None = None


class ComposedVectors(NamedTuple):
    """The (V, D) vectors of words, and the rows of n-grams that they are composed of, if they are."""

    vectors: Array
    subwords: SubwordVectors | None


def write_native(
    path: PathLike,
    *,
    keys: Sequence[str | int],
    center: "Array | ComposedVectors",
    outside: Array | None = None,
    nodes: Array | None = None,
    counts: Array | Sequence[int] | None = None,
    options: Mapping[str, Any] | None = None,
    **records: Any,
) -> None:
    """Write one native file, atomically.

    `center` and `outside`, (V, D), and `nodes`, (N, D), are arrays of float16, 32 or 64, not necessarily contiguous:
    they are written a few MiB at a time, without a copy of a matrix. `keys` are V strings or V whole numbers. `options`
    and the `records`, `history` and `extra`, can be written as JSON. With n-grams, `center` is a `ComposedVectors`.
    Raises `OptionError`, before anything is written, if shapes differ, a key is repeated, or the suffix is that of a
    compression.
    """
    refuse_compression(path, "native")
    vectors, subwords = center if isinstance(center, ComposedVectors) else (center, None)
    tensors = checked_tensors(keys, vectors, {"outside": outside, "nodes": nodes}, counts)
    known = strings_of(options, **records)
    if subwords is not None:
        tensors |= _subword_tensors(subwords, vectors.shape[1])
        known["subwords"] = json.dumps(subwords.scheme._asdict())
    with atomic_write(path) as file:
        write_hashed(file, NATIVE, tensors, known, [name for name in MATRICES if name in tensors])


def read_native(path: PathLike, *, outside: bool = True, mmap: bool = False, packed: bool = False) -> NativeFile:
    """Read a native file and check all of it, except the outside matrix or the nodes if `outside=False`.

    With `mmap` the matrices are read-only maps of the file. They are not read before they are used, so their
    checksums are not compared (those of the header, the keys and the counts are), and repeated keys are not
    looked for. If another program truncates a mapped file, the process ends; saving over it is safe, because
    `save` leaves the old bytes in place. With `packed` words stay packed, which takes less memory and, if mapped, less
    time.

    Raises `FormatError` for any other kind of file, a newer version, and one that is truncated or damaged.
    """
    path = Path(path)
    _refuse_other_kinds(path)
    with open_sealed(path, NATIVE) as file:
        _check_layout(file)
        read = partial(file.mapped, check=False) if mmap else file.tensor
        wanted = [name for name in MATRICES if name in file.layout and (outside or name not in ("outside", "nodes"))]
        with helper(0 if mmap else path.stat().st_size) as other:
            matrices = {name: other.submit(read, name) for name in wanted}  # while this thread decodes the keys
            keys = _packed_keys(file, unchecked=mmap) if packed else _keys(file, unchecked=mmap)
        return NativeFile(
            keys=keys,
            center=matrices["center"].result(),
            outside=matrices["outside"].result() if "outside" in matrices else None,
            counts=file.tensor("counts") if "counts" in file.layout else None,
            options=file.json("options", dict, optional=True),
            history=file.json("history", list, optional=True),
            sha256=file.string("sha256"),
            extra=file.json("extra", dict, optional=True) if "extra" in file.metadata else None,
            nodes=matrices["nodes"].result() if "nodes" in matrices else None,
            subwords=_subwords(file, matrices["ngrams"].result()) if "ngrams" in matrices else None,
        )


# --- writing


def strings_of(options: Mapping[str, Any] | None, **records: Any) -> dict[str, str]:
    """Return the strings of the header that hold the options and the `records`, `history` and `extra`."""
    documents = {"options": options, "history": None} | records
    return {name: json.dumps(document) for name, document in documents.items()}


def checked_tensors(
    keys: Sequence[str | int],
    center: Array,
    outputs: Mapping[str, Array | None],
    counts: Array | Sequence[int] | None,
) -> dict[str, Array]:
    """Return the tensors of a file by name, in their order in it; raise what `write_native` raises."""
    check_shapes(keys, center, counts)
    tensors = {"center": center, **{name: matrix for name, matrix in outputs.items() if matrix is not None}}
    for name, matrix in list(tensors.items())[1:]:
        rows = center.shape[0] if name == "outside" else matrix.shape[0]
        if matrix.shape != (rows, center.shape[1]) or matrix.dtype.name not in FLOATS:
            wanted = f"center's shape {center.shape}" if name == "outside" else f"{center.shape[1]} columns"
            raise OptionError(
                f"{name} has shape {matrix.shape} and dtype {matrix.dtype}: it must have {wanted} and one of "
                f"{', '.join(FLOATS)}"
            )
    if not are_distinct(keys):
        repeated = next(key for key, n in Counter(keys).items() if n > 1)
        raise OptionError(f"keys must differ: {repeated!r} occurs more than once")
    tensors |= key_tensors(keys)
    if counts is not None:
        tensors["counts"] = np.asarray(counts, dtype=np.int64)
    return tensors


def _subword_tensors(subwords: SubwordVectors, D: int) -> dict[str, Array]:
    if subwords.vector_size != D:
        raise OptionError(
            f"the rows of n-grams have {counted(subwords.vector_size, 'number')}: they must have {D}, as center does"
        )
    return {"ngrams": subwords.rows} | ({} if subwords.buckets is None else {"buckets": subwords.buckets})


# --- reading


def _check_layout(file: SealedFile) -> None:
    """Refuse tensors that do not fit together, before any is read."""
    layout = file.layout
    for name, (dtype, _) in layout.items():
        if not dtype.startswith(_KINDS.get(name, "-")):
            file.refuse(f"tensor {name!r} of dtype {dtype} is unexpected")
    keys = "ids" if "ids" in layout else "word_ends"
    needed = {"center", keys} if keys == "ids" else {"center", keys, "words"}
    if absent := sorted(needed - set(layout)):
        file.refuse(f"tensor {absent[0]!r} is absent")
    shape = layout["center"][1]
    if len(shape) != 2:
        file.refuse(f"center has shape {shape}, and rows and columns are needed")
    for name, expected in {"outside": shape, keys: shape[:1], "counts": shape[:1]}.items():
        if name in layout and layout[name][1] != expected:
            file.refuse(f"{name} has shape {layout[name][1]}, but center has {shape}")
    if "nodes" in layout and layout["nodes"][1][1:] != shape[1:]:
        file.refuse(f"nodes has shape {layout['nodes'][1]}, but center has {shape}")
    ngrams = layout.get("ngrams", ("", [0, shape[1]]))[1]
    if len(ngrams) != 2 or ngrams[1] != shape[1] or ("buckets" in layout and layout["buckets"][1] != ngrams[:1]):
        file.refuse(f"ngrams has shape {ngrams}, but center has {shape}")


def _subwords(file: SealedFile, rows: Array) -> SubwordVectors:
    """Return the rows of n-grams; refuse numbers that do not fit them."""
    found = file.json("subwords", dict)
    numbers = [found.get(name) for name in NgramScheme._fields]
    minn, maxn, buckets = (number if type(number) is int else -1 for number in numbers)
    if not (0 <= minn <= LONGEST_NGRAM and 0 <= maxn <= LONGEST_NGRAM and 0 < buckets < 2**31):
        file.refuse(f"subwords is {shortened(found)}")
    try:
        held = file.tensor("buckets") if "buckets" in file.layout else None
        return SubwordVectors(NgramScheme(minn, maxn, buckets), rows, held)
    except OptionError as error:
        file.refuse(str(error), error)


def _keys(file: SealedFile, unchecked: bool) -> list[str] | list[int]:
    keys: list[Any]
    if "ids" in file.layout:
        keys = file.tensor("ids").tolist()
    else:
        try:
            keys = split_words(file.tensor("words"), file.tensor("word_ends"))
        except ValueError as error:
            file.refuse(f"the words cannot be decoded: {error}", error)
    if not unchecked and not are_distinct(keys):
        file.refuse("a key occurs more than once")
    return keys


def _packed_keys(file: SealedFile, unchecked: bool) -> list[str] | list[int] | PackedWords:
    if "ids" in file.layout:
        return _keys(file, unchecked)
    try:
        words = PackedWords(file.tensor("words").tobytes(), file.tensor("word_ends"))
    except ValueError as error:
        file.refuse(f"the words cannot be decoded: {error}", error)
    if not unchecked and words.repeated() is not None:
        file.refuse("a key occurs more than once")
    return words


def _refuse_other_kinds(path: Path) -> None:
    if path.is_dir():
        raise FormatError(f"{path} is a folder: give the file that save wrote")
    refuse_devices(path)
    with path.open("rb") as file:
        start = file.read(START_BYTES)
    known = known_kind(start)
    if known and is_compressed(path):
        raise FormatError(
            f"{path} is {known[0]}, and a file that firth saved is never compressed: read vectors with "
            "KeyedVectors.load(path), or unpack it first"
        )
    if known:
        raise FormatError(f"{path} is {known[0]}, not a file that firth saved: {known[1]}")
    if is_header(start.partition(b"\n")[0]):
        raise FormatError(
            f"{path} looks like a word2vec file, not one that firth saved: read it with "
            "KeyedVectors.load_word2vec_format"
        )
    if start and not is_safetensors(start):
        raise FormatError(
            f"{path} is not a file that firth saved: it begins with {start[:12]!r}, which is not a safetensors header"
        )


# --- the format


def _is_native(head: Head) -> bool:
    if head.is_compressed or not is_safetensors(head.start):
        return False
    with head.path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(min(size, LONGEST_HEADER)))
            return header["__metadata__"]["format"] in [kind.format for kind in KINDS]
        except (ValueError, KeyError, TypeError, RecursionError):
            return head.path.suffix == ".firth"  # damaged: `read_native` reports how


def _read(path: PathLike, *, mmap: bool = False, packed: bool = False) -> Table:
    file = read_native(path, outside=False, mmap=mmap, packed=packed)
    return Table(file.keys, file.center, file.counts, file.subwords)


def _write(
    path: PathLike,
    keys: Sequence[str | int],
    vectors: Array,
    counts: Array | None,
    subwords: SubwordVectors | None = None,
) -> None:
    write_native(path, keys=keys, center=ComposedVectors(vectors, subwords), counts=counts)


FORMAT = Format(
    "native",
    "firth's own: exact vectors and counts, with checksums; can be memory-mapped",
    _read,
    _write,
    (".firth",),
    frozenset({"mmap"}),
    frozenset({"subwords"}),
    recognises_head=_is_native,
)
