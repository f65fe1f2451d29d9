"""The Hugging Face folder: vectors that model2vec and sentence-transformers load as a model of texts.

    model.safetensors   `embeddings`, one row for each token; counts, if there are any, beside them
    tokenizer.json      splits at white space; the row of each token (`firth.formats.tokenizer`)
    config.json         what model2vec reads
    modules.json        what sentence-transformers reads: one StaticEmbedding, in this folder
    README.md           the model card, for the hub

A tokenizer must have a token for unknown words: where [UNK] is not among the keys, a last row of zeros is added
for it, noted in config.json, and left out when firth reads the folder. A text's vector is then the mean of its
words' vectors.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.atomic import atomic_folder, atomic_set
from firth.formats.plain_safetensors import read_safetensors
from firth.formats.streams import PathLike
from firth.formats.tensors import header, pieces
from firth.formats.tokenizer import TOKENIZER, UNKNOWN, read_vocabulary, tokenizer_json
from firth.formats.words import Table, check_shapes, utf8
from firth.version import __version__

Array = NDArray[Any]

MODEL, CONFIG, MODULES, CARD = "model.safetensors", "config.json", "modules.json", "README.md"
_ADDED = "firth_added_unknown"
_NESTED = "0_StaticEmbedding"  # where older sentence-transformers keep them
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
    """Write the folder, a new one whole or not at all; in one that is there, the files take their places together.

    Whole-number keys become their decimals. `language` (ISO 639) and `license_name` go to the model card.
    Raises `FormatError` if `path` is a file, or a word is no text.
    """
    check_shapes(keys, vectors, counts)
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise FormatError(f"{folder} is a file: this format is a folder, give another name")
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
        CARD: _card(len(words), vectors.shape[1], language, license_name).encode(),
        TOKENIZER: tokenizer_json(tokens),  # last, for without it no reader takes the others
    }
    with atomic_folder(folder) as home, atomic_set(*(home / name for name in (MODEL, *files))) as (model, *others):
        _write_model(model, vectors, counts, added)
        for file, content in zip(others, files.values(), strict=True):
            file.write(content)


def read_huggingface(path: PathLike, *, mmap: bool = False) -> Table:
    """Read such a folder, whoever wrote it: keys are the tokens, vectors what each token is given.

    Raises `FormatError` where the matrix or the tokenizer is absent.
    """
    folder = Path(path)
    home = next((place for place in (folder, folder / _NESTED) if (place / MODEL).is_file()), None)
    if home is None or not (home / TOKENIZER).is_file():
        raise FormatError(f"{folder} is no folder of vectors: it needs {MODEL} and {TOKENIZER} in it")
    table = read_safetensors(home / MODEL, mmap=mmap, vocabulary=read_vocabulary(home / TOKENIZER))
    if not _was_added(folder / CONFIG):
        return table
    if table.keys[-1:] != [UNKNOWN]:
        raise FormatError(f"{folder / CONFIG} says that the last token is {UNKNOWN}, but it is {table.keys[-1:]}")
    counts = None if table.counts is None else table.counts[:-1]
    return Table(table.keys[:-1], table.vectors[:-1], counts)


def is_huggingface(path: Path) -> bool:
    """Tell whether a folder looks like one of these."""
    return any((place / MODEL).is_file() for place in (path, path / _NESTED))


def _was_added(config: Path) -> bool:
    try:
        content = json.loads(config.read_bytes())
    except FileNotFoundError:
        return False  # other programs' folders may have none
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{config} is not JSON: {error}") from error
    return isinstance(content, dict) and content.get(_ADDED) is True


def _write_model(file: BinaryIO, vectors: Array, counts: Array | None, added: bool) -> None:
    """Write the matrix, and behind it, without copying it, the row of zeros."""
    V, D = vectors.shape
    shape = np.broadcast_to(np.zeros((), vectors.dtype), (V + added, D))
    tensors: dict[str, Array] = {"embeddings": shape}
    if counts is not None:
        tensors["counts"] = np.concatenate([np.asarray(counts, np.int64), np.zeros(int(added), np.int64)])
    file.write(header(tensors, {}))
    for piece in pieces(vectors):
        file.write(piece)
    file.write(bytes(added * D * vectors.itemsize))
    for piece in pieces(tensors["counts"]) if counts is not None else ():
        file.write(piece)


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=2).encode()


def _card(V: int, D: int, language: str, license_name: str | None) -> str:
    front = ["---", "library_name: model2vec", f"language: {language}"]
    front += [f"license: {license_name}"] if license_name else []
    front += ["tags:", "- word2vec", "- static-embeddings", "- sentence-transformers", "---"]
    body = f"""
# Word vectors

{V:,} word vectors of {D} dimensions, written by firth {__version__}.
A text is split at white space, and its vector is the mean of its words' vectors.

```python
from model2vec import StaticModel

model = StaticModel.from_pretrained("this-folder")
model.encode(["some words"])
```

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("this-folder")
```

```python
from firth import KeyedVectors

vectors = KeyedVectors.load("this-folder")
vectors.most_similar("word")
```
"""
    return "\n".join(front) + body
