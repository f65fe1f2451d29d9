"""`tokenizer.json`, the file of Hugging Face's tokenizers: written for a list of words, read for its vocabulary.

    {"version": "1.0", "added_tokens": [...], "pre_tokenizer": {"type": "WhitespaceSplit"},
     "model": {"type": "WordLevel", "vocab": {word: row, ...}, "unk_token": "[UNK]"}, ...}

A Unigram model keeps `vocab` as a list of [token, score] instead, in the order of the rows.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firth.errors import FormatError

TOKENIZER = "tokenizer.json"
UNKNOWN = "[UNK]"


def tokenizer_json(words: Sequence[str]) -> bytes:
    """Return the file that splits text at white space and looks the words up; `UNKNOWN` is one of them."""
    content: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {word: row for row, word in enumerate(words)},
            "unk_token": UNKNOWN,
        },
    }
    return json.dumps(content, ensure_ascii=False).encode()


def read_vocabulary(path: Path) -> dict[str, int]:
    """Return the row of each token, in the order of the rows; raises `FormatError` for any other JSON."""
    try:
        content = json.loads(path.read_bytes())
        vocabulary = content["model"]["vocab"]
        if isinstance(vocabulary, list):
            vocabulary = {entry[0]: row for row, entry in enumerate(vocabulary)}
        added = {entry["content"]: entry["id"] for entry in content.get("added_tokens", ())}
        rows = {str(token): int(row) for token, row in {**vocabulary, **added}.items()}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path} is no tokenizer.json with a vocabulary: {error!r}") from error
    return dict(sorted(rows.items(), key=lambda pair: pair[1]))
