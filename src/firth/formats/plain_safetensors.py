"""A plain safetensors file of vectors, as other programs keep them: the matrix by its usual name, and the keys.

    embeddings   (V, D) float16, 32 or 64
    words        (B,) uint8, and word_ends (V,) int64: the words in UTF-8 and where each ends  } either these
    ids          (V,) int64, where the keys are whole numbers                                 } or this
    counts       (V,) int64; absent where unknown

Others keep the keys in a `tokenizer.json` beside the file (the Hugging Face folder), which is read too. The
layout of the bytes is in `firth.formats.tensors`; firth's own file is `firth.formats.native`.
"""

import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.atomic import atomic_write
from firth.formats.npz import VECTOR_NAMES
from firth.formats.streams import PathLike, map_it, room_for
from firth.formats.tensors import CODES, LONGEST_SIDE, dtype_of, mapped_tensor, refuse_long_header, write_tensors
from firth.formats.tokenizer import TOKENIZER, read_vocabulary
from firth.formats.words import Table, check_shapes, from_blob, key_tensors, whole
from firth.messages import counted

Array = NDArray[Any]

_FLOATS = tuple(code for name, code in CODES.items() if name.startswith("float"))
_WHOLE = ("I8", "U8", "I16", "U16", "I32", "U32", "I64")
_SMALL = {"words": ("U8",), "word_ends": _WHOLE, "ids": _WHOLE, "counts": _WHOLE, "mapping": _WHOLE, "weights": _FLOATS}


def write_safetensors(path: PathLike, keys: Sequence[str | int], vectors: Array, counts: Array | None = None) -> None:
    """Write one plain safetensors file, atomically; rows may be a view into padded ones."""
    check_shapes(keys, vectors, counts)
    tensors: dict[str, Array] = {"embeddings": vectors, **key_tensors(keys)}
    if counts is not None:
        tensors["counts"] = np.asarray(counts, np.int64)
    with atomic_write(path) as file:
        write_tensors(file, tensors, {})


def read_safetensors(path: PathLike, *, mmap: bool = False, vocabulary: Mapping[str, int] | None = None) -> Table:
    """Read the vectors and keys of a safetensors file; `vocabulary` gives each key's row where it holds none.

    With `mmap` the matrix is a read-only map of the file. A `mapping` from keys to rows and `weights` of the
    keys, as model2vec keeps them, are applied. Raises `FormatError` where there is no one matrix, or no keys.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    refuse_long_header(path)
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is not a dict
            shapes = {name: (part.get_dtype(), part.get_shape()) for name, part in tensors.items()}
            matrix_name = _matrix_name(path, shapes)
            small = {name: cast(Array, file.get_tensor(name)) for name in _small_names(path, shapes, matrix_name)}
            if not mmap:
                room_for(shapes[matrix_name][1], dtype_of(shapes[matrix_name][0]), path, map_it())
            matrix = mapped_tensor(path, matrix_name) if mmap else cast(Array, file.get_tensor(matrix_name))
    except SafetensorError as error:
        raise FormatError(
            f"{path} is cut or damaged ({counted(path.stat().st_size, 'byte')}): {shorten(str(error), 200)}"
        ) from error
    keys, rows = _keys(path, small, vocabulary)
    vectors = _selected(path, matrix, rows, small)
    if len(keys) != len(vectors):
        raise FormatError(f"{path}: {counted(len(keys), 'key')}, but {counted(len(vectors), 'vector')}")
    counts = small["counts"].astype(np.int64) if "counts" in small else None
    if counts is not None and counts.shape != (len(keys),):
        raise FormatError(f"{path}: {counted(len(keys), 'key')}, but counts of shape {counts.shape}")
    return whole(path, Table(keys, vectors, counts), finite=not mmap)


def _small_names(path: Path, shapes: Mapping[str, tuple[str, list[int]]], matrix: str) -> list[str]:
    """Return the names of the arrays beside the matrix, all of which are of one dimension."""
    names = [name for name in _SMALL if name in shapes and name != matrix]
    if "weights" in names and len(shapes["weights"][1]) != 1:  # another matrix, which is not looked at
        names.remove("weights")
    for name in names:
        code, shape = shapes[name]
        if code not in _SMALL[name] or len(shape) != 1:
            raise FormatError(
                f"{path}: its {name} are {code} of shape {shape}; one dimension of {', '.join(_SMALL[name])} is read"
            )
    return names


def _matrix_name(path: Path, shapes: Mapping[str, tuple[str, list[int]]]) -> str:
    """Return the name of the (V, D) matrix: a usual one, or that of the only matrix there is."""
    matrices = [
        name
        for name, (code, shape) in shapes.items()
        if len(shape) == 2 and max(shape) <= LONGEST_SIDE and code in _FLOATS
    ]
    usual = [name for name in VECTOR_NAMES if name in matrices]
    if usual or len(matrices) == 1:
        return (usual or matrices)[0]
    held = reprlib.repr(dict(shapes))
    raise FormatError(
        f"{path} has no matrix of vectors that can be told from the others: it holds {held}; call it "
        f"{VECTOR_NAMES[1]!r}, in float16, 32 or 64"
    )


def _keys(
    path: Path, small: Mapping[str, Array], vocabulary: Mapping[str, int] | None
) -> tuple[list[str] | list[int], Array | None]:
    """Return the keys, and the row of each where they come from elsewhere."""
    if "ids" in small:
        return cast(list[int], small["ids"].tolist()), None
    if "words" in small and "word_ends" in small:
        try:
            return from_blob(small["words"], small["word_ends"]), None
        except ValueError as error:
            raise FormatError(f"{path} is cut or damaged: {error}") from error
    if vocabulary is None and (beside := path.with_name(TOKENIZER)).is_file():
        vocabulary = read_vocabulary(beside)
    if vocabulary is None:
        raise FormatError(
            f"{path} holds vectors but no keys, and no {TOKENIZER} is beside it: load its matrix with "
            "safetensors and give it to KeyedVectors with the keys"
        )
    return list(vocabulary), np.fromiter(vocabulary.values(), np.intp, len(vocabulary))


def _selected(path: Path, matrix: Array, rows: Array | None, small: Mapping[str, Array]) -> Array:
    if rows is None:
        return matrix
    if "mapping" in small:
        rows = small["mapping"][_in_range(path, rows, len(small["mapping"]))]
    in_order = len(rows) == len(matrix) and bool((rows == np.arange(len(rows))).all())
    vectors = matrix if in_order else matrix[_in_range(path, rows, len(matrix))]
    weights = small.get("weights")
    if weights is None:
        return vectors
    if len(weights) != len(vectors):
        raise FormatError(f"{path}: {counted(len(weights), 'weight')}, but {counted(len(vectors), 'key')}")
    return cast(Array, vectors * weights[:, None].astype(vectors.dtype))


def _in_range(path: Path, rows: Array, V: int) -> Array:
    if len(rows) and not (rows.min() >= 0 and rows.max() < V):
        raise FormatError(f"{path}: a key's row is {int(rows.max())}, but the matrix has {counted(V, 'row')}")
    return rows
