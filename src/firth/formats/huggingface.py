"""The Hugging Face folder: vectors that model2vec and sentence-transformers load as a model of texts.

    model.safetensors   `embeddings`, one row for each token; counts, if there are any, beside them
    tokenizer.json      splits at whitespace; the row of each token (`firth.formats.tokenizer`)
    config.json         what model2vec reads
    modules.json        what sentence-transformers reads: one StaticEmbedding, in this folder
    README.md           the model card, for the hub

A tokenizer must have a token for unknown words: if [UNK] is not among the keys, a last row of zeros is added for
it and noted in config.json, and firth leaves it out when it reads the folder. The vector of a text is the mean of
its words' vectors.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from firth.atomic import atomic_folder, atomic_set
from firth.errors import FormatError
from firth.formats.format import Array, Format, PathLike, Table
from firth.formats.plain_safetensors import read_safetensors
from firth.formats.tensors import header, parts
from firth.formats.tokenizer import TOKENIZER, UNKNOWN, read_vocabulary, tokenizer_json
from firth.formats.words import utf8
from firth.version import __version__

MODEL, CONFIG, MODULES, CARD = "model.safetensors", "config.json", "modules.json", "README.md"
FILES = (MODEL, CONFIG, MODULES, CARD, TOKENIZER)
_ADDED = "firth_added_unknown"
NESTED = "0_StaticEmbedding"  # the subfolder that older sentence-transformers write
_LANGUAGE_UNKNOWN = "und"


def write_huggingface(
    path: PathLike,
    keys: Sequence[str | int],
    vectors: Array,
    counts: Array | None = None,
    *,
    language: str = _LANGUAGE_UNKNOWN,
    license_name: str | None = None,
) -> None:
    """Write the folder: a new one completely or not at all; in an existing one, all files are replaced together.

    Whole-number keys are written in decimal. `language` (ISO 639) and `license_name` go to the model card.
    Raises `FormatError` if `path` is a file, or a word cannot be written in UTF-8.
    """
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise FormatError(f"{folder} is a file, but this format is a folder: give another name")
    words = [str(key) for key in keys]
    for word in words:
        utf8(word)
    added = UNKNOWN not in words
    tokens = [*words, UNKNOWN] if added else words
    files = {
        CONFIG: _json(
            {"model_type": "model2vec", "normalize": False, "embedding_dtype": str(vectors.dtype), _ADDED: added}
        ),
        MODULES: _json([{"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"}]),
        CARD: card(len(words), vectors.shape[1], language, license_name).encode(),
        TOKENIZER: tokenizer_json(tokens),  # last: without it no reader accepts the others
    }
    with atomic_folder(folder) as home, atomic_set(*(home / name for name in (MODEL, *files))) as (model, *others):
        _write_model(model, vectors, counts, added)
        for file, content in zip(others, files.values(), strict=True):
            file.write(content)


def read_huggingface(path: PathLike, *, mmap: bool = False) -> Table:
    """Read such a folder of firth or another program: the keys are the tokens.

    Raises `FormatError` if the matrix or the tokenizer is absent.
    """
    folder = Path(path)
    home = next((place for place in (folder, folder / NESTED) if (place / MODEL).is_file()), None)
    if home is None or not (home / TOKENIZER).is_file():
        raise FormatError(f"{folder} is not a folder of vectors: {MODEL} and {TOKENIZER} must be in it")
    table = read_safetensors(home / MODEL, mmap=mmap, vocabulary=read_vocabulary(home / TOKENIZER))
    if not _was_added(folder / CONFIG):
        return table
    if table.keys[-1:] != [UNKNOWN]:
        raise FormatError(f"{folder / CONFIG} declares {UNKNOWN} the last token, but that is {table.keys[-1:]}")
    counts = None if table.counts is None else table.counts[:-1]
    return Table(table.keys[:-1], table.vectors[:-1], counts)


def is_huggingface(path: Path) -> bool:
    """Return whether `path` is a folder with a model file in it."""
    return any((place / MODEL).is_file() for place in (path, path / NESTED))


def _was_added(config: Path) -> bool:
    try:
        content = json.loads(config.read_bytes())
    except FileNotFoundError:
        return False  # folders of other programs may lack it
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{config} is not JSON: {error}") from error
    return isinstance(content, dict) and content.get(_ADDED) is True


def _write_model(file: BinaryIO, vectors: Array, counts: Array | None, added: bool) -> None:
    """Write the matrix, without a copy, and after it the row of zeros if one is `added`."""
    V, D = vectors.shape
    shape = np.broadcast_to(np.zeros((), vectors.dtype), (V + added, D))
    tensors: dict[str, Array] = {"embeddings": shape}
    if counts is not None:
        tensors["counts"] = np.concatenate([np.asarray(counts, np.int64), np.zeros(int(added), np.int64)])
    file.write(header(tensors, {}))
    for part in parts(vectors):
        file.write(part)
    file.write(bytes(added * D * vectors.itemsize))
    for part in parts(tensors["counts"]) if counts is not None else ():
        file.write(part)


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=2).encode()


def card(
    V: int, D: int, language: str | None, license_name: str | None, name: str = "this-folder",
    loading: str = 'from firth import KeyedVectors\n\nvectors = KeyedVectors.load("this-folder")',
) -> str:  # fmt: skip
    """Return the model card of such a folder; `name` is its path or its name on the hub, `loading` firth's code."""
    front = card_header("model2vec", language, license_name, ("word2vec", "static-embeddings", "sentence-transformers"))
    return (
        front
        + f"""
# Word vectors

{V:,} word vectors of {D} dimensions, written by firth {__version__}.
A text is split at whitespace, and its vector is the mean of its words' vectors.

```python
from model2vec import StaticModel

model = StaticModel.from_pretrained("{name}")
model.encode(["some words"])
```

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{name}")
```

```python
{loading}
vectors.most_similar("word")
```
"""
    )


def card_header(library: str, language: str | None, license_name: str | None, tags: Sequence[str]) -> str:
    """Return the YAML header of a model card; the values are written as they are."""
    front = ["---", f"library_name: {library}"]
    front += [f"language: {language}"] if language else []
    front += [f"license: {license_name}"] if license_name else []
    return "\n".join([*front, "tags:", *(f"- {tag}" for tag in tags), "---"])


FORMAT = Format(
    "huggingface",
    "a folder that model2vec and sentence-transformers load",
    read_huggingface,
    write_huggingface,
    reads_with=frozenset({"mmap"}),
    writes_with=frozenset({"language", "license_name"}),
    recognises_path=is_huggingface,
)
