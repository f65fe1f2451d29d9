"""Plain safetensors files of vectors, as other programs write them: the matrix by its usual name, and the keys.

    embeddings   (V, D) float16, 32 or 64
    words        (B,) uint8, and word_ends (V,) int64: the words in UTF-8 and where each ends  } either these
    ids          (V,) int64, where the keys are whole numbers                                 } or this
    counts       (V,) int64; absent where unknown

Keys in a `tokenizer.json` beside the file (the Hugging Face folder) are read too. The layout of the bytes is in
`firth.formats.native`, firth's own file.
"""

import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from firth.atomic import atomic_write
from firth.errors import FormatError
from firth.formats.format import Array, Format, PathLike, Table
from firth.formats.npz import VECTOR_NAMES
from firth.formats.tensors import CODES, LONGEST_SIDE, TensorFile, is_safetensors, open_tensors, write_tensors
from firth.formats.tokenizer import TOKENIZER, read_vocabulary
from firth.formats.words import key_tensors, split_words, unique_rows
from firth.messages import counted

_FLOATS = tuple(code for name, code in CODES.items() if name.startswith("float"))
_WHOLE = ("I8", "U8", "I16", "U16", "I32", "U32", "I64")
_SMALL = {"words": ("U8",), "word_ends": _WHOLE, "ids": _WHOLE, "counts": _WHOLE, "mapping": _WHOLE, "weights": _FLOATS}


def write_safetensors(path: PathLike, keys: Sequence[str | int], vectors: Array, counts: Array | None = None) -> None:
    """Write one plain safetensors file, atomically; rows may be a view into padded ones."""
    tensors: dict[str, Array] = {"embeddings": vectors, **key_tensors(keys)}
    if counts is not None:
        tensors["counts"] = np.asarray(counts, np.int64)
    with atomic_write(path) as file:
        write_tensors(file, tensors, {})


def read_safetensors(path: PathLike, *, mmap: bool = False, vocabulary: Mapping[str, int] | None = None) -> Table:
    """Read the vectors and keys of a safetensors file; `vocabulary` maps keys to rows if the file holds no keys.

    With `mmap` the matrix is a read-only map of the file. A `mapping` from keys to rows and `weights` of the
    keys, as model2vec writes them, are applied. Raises `FormatError` if the file does not hold keys and exactly one
    matrix of vectors.
    """
    path = Path(path)
    with open_tensors(path) as opened:
        matrix, small = _read(TensorFile(path, opened), mmap)
    keys, rows = _keys(path, small, vocabulary)
    vectors = _selected(path, matrix, rows, small)
    if len(keys) != len(vectors):
        raise FormatError(f"{path}: {counted(len(keys), 'key')}, but {counted(len(vectors), 'vector')}")
    counts = small["counts"].astype(np.int64) if "counts" in small else None
    if counts is not None and counts.shape != (len(keys),):
        raise FormatError(f"{path}: {counted(len(keys), 'key')}, but counts of shape {counts.shape}")
    return unique_rows(path, Table(keys, vectors, counts), finite=not mmap)


def _read(file: TensorFile, mmap: bool) -> tuple[Array, dict[str, Array]]:
    """Return the (V, D) matrix, and the arrays beside it by their names."""
    name = _matrix_name(file)
    small = {beside: file.tensor(beside) for beside in _small_names(file, name)}
    return file.mapped(name) if mmap else file.tensor(name), small


def _matrix_name(file: TensorFile) -> str:
    """Return the name of the (V, D) matrix: a usual one, or that of the only matrix."""
    matrices = [
        name
        for name, (code, shape) in file.layout.items()
        if len(shape) == 2 and max(shape) <= LONGEST_SIDE and code in _FLOATS
    ]
    usual = [name for name in VECTOR_NAMES if name in matrices]
    if usual or len(matrices) == 1:
        return (usual or matrices)[0]
    raise FormatError(
        f"{file.path} does not hold exactly one matrix of vectors: it holds {reprlib.repr(file.layout)}; call the "
        f"matrix {VECTOR_NAMES[1]!r}, in float16, 32 or 64"
    )


def _small_names(file: TensorFile, matrix: str) -> list[str]:
    """Return the names of the arrays beside the matrix, which are one-dimensional."""
    names = [name for name in _SMALL if name in file.layout and name != matrix]
    if "weights" in names and len(file.layout["weights"][1]) != 1:  # another matrix, which is not read
        names.remove("weights")
    for name in names:
        code, shape = file.layout[name]
        if code not in _SMALL[name] or len(shape) != 1:
            raise FormatError(
                f"{file.path}: its {name} are {code} of shape {shape}, but should have one dimension and be one of "
                f"{', '.join(_SMALL[name])}"
            )
    return names


def _keys(
    path: Path, small: Mapping[str, Array], vocabulary: Mapping[str, int] | None
) -> tuple[list[str] | list[int], Array | None]:
    """Return the keys, and the row of each if they come from another file."""
    if "ids" in small:
        return cast(list[int], small["ids"].tolist()), None
    if "words" in small and "word_ends" in small:
        try:
            return split_words(small["words"], small["word_ends"]), None
        except ValueError as error:
            raise FormatError(f"{path} is truncated or damaged: {error}") from error
    if vocabulary is None and (beside := path.with_name(TOKENIZER)).is_file():
        vocabulary = read_vocabulary(beside)
    if vocabulary is None:
        raise FormatError(
            f"{path} holds vectors but no keys, and there is no {TOKENIZER} beside it: load its matrix with "
            "safetensors and pass it to KeyedVectors with the keys"
        )
    return list(vocabulary), np.fromiter(vocabulary.values(), np.intp, len(vocabulary))


def _selected(path: Path, matrix: Array, rows: Array | None, small: Mapping[str, Array]) -> Array:
    """Return the row of each key, with the file's `mapping` and `weights` applied."""
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


FORMAT = Format(
    "safetensors",
    "a plain safetensors file: embeddings, and the words beside them",
    read_safetensors,
    write_safetensors,
    (".safetensors",),
    frozenset({"mmap"}),
    recognises_head=lambda head: is_safetensors(head.start),  # native, which is one too, comes first
)
