"""What format a file of vectors is in, told by its bytes and never by its name alone."""

import json
import zipfile
from pathlib import Path

from firth.errors import FormatError
from firth.formats import sniff
from firth.formats.catalogue import COMPRESSIBLE, FORMATS, Format
from firth.formats.npz import DAMAGED_ZIP
from firth.formats.sealed import CHECKPOINT, LONGEST_HEADER, NATIVE
from firth.formats.streams import LONGEST_LINE, PathLike, is_compressed, reading

_LEAST_DIMENSIONS = 2  # a word and one number may be any text


def detect(path: PathLike) -> Format:
    """Return the format of a file or a folder, from its bytes; raises `FormatError` where it is none of them."""
    path = Path(path)
    name = _projector(path) or (_folder(path) if path.is_dir() else _file(path))
    return FORMATS[name]


def _projector(path: Path) -> str | None:
    """Return "projector" for the name of either of its two files, or for what both names begin with."""
    from firth.formats.projector import METADATA, TENSOR, projector_files

    if not path.name:
        return None
    named = path.name.removesuffix(path.suffix if is_compressed(path) else "").endswith((TENSOR, METADATA))
    both = all(file.is_file() for file in projector_files(path))
    return "projector" if both and (named or not path.exists()) else None


def _folder(path: Path) -> str:
    from firth.formats.huggingface import MODEL, is_huggingface

    if is_huggingface(path):
        return "huggingface"
    raise FormatError(f"{path} is a folder without {MODEL} in it: give a file of vectors")


def _file(path: Path) -> str:
    with reading(path) as file:
        head = file.readline(LONGEST_LINE)
        if not sniff.is_word2vec(head):
            # what begins with a number in binary may have a newline among its first bytes
            return _unpacked(path, _by_magic(path, head + file.read(sniff.HEAD_BYTES)) or _by_text(path, head))
        line = file.readline(LONGEST_LINE).rstrip()
    return "word2vec-text" if _is_numbers(line, int(head.split()[1])) or not line else "word2vec-binary"


def _unpacked(path: Path, name: str) -> str:
    """Return `name`, unless it is that of a format whose reader cannot look into a compressed file."""
    if is_compressed(path) and name not in (*COMPRESSIBLE, "fasttext-bin"):
        raise FormatError(f"{path} is a compressed file of format {name!r}: unpack it first")
    return name


def _by_magic(path: Path, head: bytes) -> str | None:
    if head.startswith(b"ARROW1"):
        return "arrow"
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(sniff.FASTTEXT):
        return "fasttext-bin"
    if sniff.is_safetensors(head):
        return "native" if not is_compressed(path) and _is_native(path) else "safetensors"
    if head.startswith(sniff.ZIP) and (is_compressed(path) or _is_npz(path)):
        return "npz"
    if known := sniff.known_kind(head, unpacked=is_compressed(path)):
        raise FormatError(f"{path} is {known[0]}: {known[1]}")
    return None


def _is_native(path: Path) -> bool:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(min(size, LONGEST_HEADER)))
            return header["__metadata__"]["format"] in (NATIVE.format, CHECKPOINT.format)
        except (ValueError, KeyError, TypeError, RecursionError):
            return path.suffix == ".firth"  # damaged: its own reader says how


def _is_npz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except DAMAGED_ZIP:
        return path.suffix == ".npz"  # damaged: its own reader says how


def _by_text(path: Path, head: bytes) -> str:
    """GloVe's text has no header: its first line is a word and numbers."""
    line = head.rstrip()
    if line.count(b" ") >= _LEAST_DIMENSIONS and _is_numbers(line, _LEAST_DIMENSIONS):
        return "glove"
    raise FormatError(
        f"{path} is in no format that firth knows: it begins with {head[:40]!r}. Known are {', '.join(FORMATS)}"
    )


def _is_numbers(line: bytes, D: int) -> bool:
    """Tell whether a line ends in D numbers, after a word."""
    fields = line.rsplit(b" ", D)
    try:
        return len([float(field) for field in fields[1:]]) == D
    except ValueError:
        return False
