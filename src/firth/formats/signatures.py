"""The first bytes of kinds of file, so that an error can name what was found and what to do with it."""

from collections.abc import Iterable

from firth.formats.format import Signature

START_BYTES = 64
"""How many bytes the functions here need."""

_GENSIM = (
    "firth never unpickles, because a pickle can run any code. In gensim, call "
    "Word2Vec.load(...).wv.save_word2vec_format('vectors.bin', binary=True), or for vectors alone "
    "KeyedVectors.load(...).save_word2vec_format; firth reads that file. Or, if you trust the file, let gensim "
    "unpickle it: firth convert --from-gensim"
)
_COMPRESSED = (
    Signature(b"\x1f\x8b", "a gzip file", ".gz"),
    Signature(b"BZh91AY&SY", "a bzip2 file", ".bz2"),
    Signature(b"\xfd7zXZ", "an xz file", ".xz"),
    Signature(b"\x28\xb5\x2f\xfd", "a zstd file", ".zst"),
)
_known = [
    *(Signature(bytes([0x80, protocol]), "a Python pickle or a gensim model", _GENSIM) for protocol in range(2, 6)),
    Signature(
        b"\x93NUMPY",
        "a NumPy .npy array",
        "in Python, load it with numpy.load and pass the array to KeyedVectors(keys, vectors)",
    ),
]


def add_signatures(signatures: Iterable[Signature]) -> None:
    """Add the signatures of firth's formats, which the registry collects."""
    _known.extend(signatures)


def known_kind(start: bytes, *, is_compressed: bool = False) -> tuple[str, str] | None:
    """Return (title, remedy) for a file that begins with `start`, or None if no signature matches.

    `is_compressed` means that `start` is the content of a compressed file.
    """
    for magic, title, suffix in _COMPRESSED:
        if start.startswith(magic):
            if is_compressed:
                return f"{title} inside a compressed file", "unpack it first"
            return title, f"unpack it first, or give it a name ending in {suffix}"
    return next(((title, remedy) for magic, title, remedy in _known if start.startswith(magic)), None)
