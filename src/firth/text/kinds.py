"""Detects from its name and its first bytes whether a file is text, a table, or something that cannot be a corpus."""

from pathlib import Path

from firth.errors import CorpusError
from firth.formats.format import Signature
from firth.formats.signatures import known_kind
from firth.messages import advice, option

START_BYTES = 512
"""How many bytes the functions here need."""

TEXT, PARQUET, ARROW, ARROW_STREAM, CSV, JSONL = (
    "text",
    "Parquet",
    "Arrow (Feather)",
    "Arrow stream",
    "CSV",
    "JSON Lines",
)

_SUFFIXES = {
    ".csv": CSV, ".tsv": CSV, ".tab": CSV, ".jsonl": JSONL, ".ndjson": JSONL, ".json": JSONL,
    ".parquet": PARQUET, ".arrow": ARROW, ".feather": ARROW,
}  # fmt: skip
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
_MAGIC = {b"PAR1\x15": PARQUET, b"ARROW1\0\0": ARROW}
_CONTINUATION = b"\xff\xff\xff\xff"  # before each message of an Arrow stream
_LONGEST_SCHEMA = 2**24  # bytes

_UTF16 = "text in UTF-16, not in UTF-8"
_UNPACK = "unpack it, and give the files in it"
_NOT_TEXT = "a corpus is text, a table or token lists: check that it is the right file"
_EXPORT = "export the table as Parquet or CSV, and name its column"
_NEVER_UNPICKLED = (
    "firth never unpickles, because a pickle can run any code. Load it in the program that wrote it, and write the "
    "texts to a text file or the table to Parquet"
)
_OFFICE = "save its text as a plain text file, or its table as CSV"
_PDF = "extract its text first, for example with pdftotext"
_KINDS = (
    Signature(b"%PDF-", "a PDF file", _PDF),
    Signature(b"{\\rtf", "a rich text (RTF) file", _OFFICE),
    Signature(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of an office program (.doc, .xls or .ppt)", _OFFICE),
    Signature(b"PK\x05\x06", "an empty zip archive", _UNPACK),
    Signature(b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    Signature(b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    Signature(b"\x89PNG\r\n\x1a\n", "a PNG image", _NOT_TEXT),
    Signature(b"\xff\xd8\xff", "a JPEG image", _NOT_TEXT),
    Signature(b"GIF87a", "a GIF image", _NOT_TEXT),
    Signature(b"GIF89a", "a GIF image", _NOT_TEXT),
    Signature(b"II*\0", "a TIFF image", _NOT_TEXT),
    Signature(b"MM\0*", "a TIFF image", _NOT_TEXT),
    Signature(b"OggS\0", "an Ogg file (sound or video)", _NOT_TEXT),
    Signature(b"fLaC\0", "a FLAC sound file", _NOT_TEXT),
    Signature(b"ID3\3", "an MP3 sound file", _NOT_TEXT),
    Signature(b"ID3\4", "an MP3 sound file", _NOT_TEXT),
    Signature(b"\x7fELF", "a program", _NOT_TEXT),
    Signature(b"SQLite format 3\0", "an SQLite database", _EXPORT),
    Signature(b"\x89HDF\r\n\x1a\n", "an HDF5 file", _EXPORT),
    Signature(
        b"FEA1\0", "a Feather file of version 1", "write it again: pyarrow.feather.write_feather writes version 2"
    ),
    Signature(b"Obj\1", "an Avro file", _EXPORT),
    Signature(b"\x93NUMPY", "a NumPy .npy array", "in Python, load it with numpy.load and pass the array"),
    *(Signature(bytes([0x80, protocol]), "a Python pickle", _NEVER_UNPICKLED) for protocol in range(2, 6)),
)
_ZIPPED = {
    b"[Content_Types].xml": ("an office document (.docx, .xlsx or .pptx)", _OFFICE),
    b"mimetypeapplication/vnd.oasis": ("an office document (.odt, .ods or .odp)", _OFFICE),
    b"mimetypeapplication/epub+zip": ("an e-book (EPUB)", "extract its text first"),
    b".npy": ("a NumPy .npz archive", "in Python, load it with numpy.load and pass an array"),
}


def table_kind(name: str, start: bytes) -> str | None:
    """Return the kind of table that a file holds, from its name and its first bytes; None if it is not a table.

    `start` may be empty if it is not known. Files of JSON Lines are known by their names alone.
    """
    if _is_arrow_stream(start):
        return ARROW_STREAM
    found = (kind for magic, kind in _MAGIC.items() if start.startswith(magic))
    return next(found, _SUFFIXES.get(plain_suffix(name)))


def _is_arrow_stream(start: bytes) -> bool:
    size = int.from_bytes(start[4:8], "little")
    return start.startswith(_CONTINUATION) and len(start) > 8 and 0 < size < _LONGEST_SCHEMA and size % 8 == 0


def plain_suffix(name: str) -> str:
    """Return the suffix of a file's name, in lower case, without that of a compression."""
    path = Path(name)
    return (path.with_suffix("") if path.suffix.lower() in _COMPRESSIONS else path).suffix.lower()


def guessed_kind(start: bytes) -> str:
    """Return the kind of table in a file that was given as a table, if its name and signature do not show it."""
    return JSONL if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")) else CSV


def refuse_other_kinds(name: str, start: bytes, *, is_compressed: bool = False, is_utf8: bool = True) -> None:
    """Raise `CorpusError` for a file that is neither text nor a table.

    start          its first `START_BYTES` bytes
    is_compressed  whether they are the content of a compressed file
    is_utf8        whether text is read as UTF-8
    """
    found = _other_kind(start, is_utf8) or _vectors_or_compressed(start, is_compressed)
    if found is not None:
        rather = "" if found[0] == _UTF16 else ", not a text"
        raise CorpusError(f"{name} is {found[0]}{rather}: {found[1]}")


def _other_kind(start: bytes, is_utf8: bool) -> tuple[str, str] | None:
    if start.startswith(b"PK\3\4"):
        found = (kind for mark, kind in _ZIPPED.items() if mark in start)
        return next(found, ("a zip archive", _UNPACK))
    if start[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    if start[8:10] == b'{"' and int.from_bytes(start[:8], "little") < 2**32:
        init = option("init")
        return "a safetensors file", f"it holds vectors or a model. To start training from them, give {init}"
    if (start[:1] == b"\0" and start[4:8] == b"ftyp") or (
        start.startswith(b"RIFF") and start[8:12] in (b"WAVE", b"WEBP", b"AVI ")
    ):
        return "a sound, a video or an image (MP4, HEIC, WAV, WEBP ...)", _NOT_TEXT
    if is_utf8 and start.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = advice("encoding='utf-16'", "--encoding utf-16")
        return _UTF16, f"give {encoding}"
    return next(((title, remedy) for magic, title, remedy in _KINDS if start.startswith(magic)), None)


def _vectors_or_compressed(start: bytes, is_compressed: bool) -> tuple[str, str] | None:
    """Return the kind of file that `firth.formats` knows by its first bytes, and what to do with it."""
    is_table = start.startswith((b"PAR1", b"ARROW1"))  # or a text that begins with these letters
    return None if is_table else known_kind(start, is_compressed=is_compressed)
