"""`tokenizer.json`, the file of Hugging Face's tokenizers: writes one for a list of words, reads its vocabulary.

    {"version": "1.0", "added_tokens": [...], "pre_tokenizer": {"type": "WhitespaceSplit"},
     "model": {"type": "WordLevel", "vocab": {word: row, ...}, "unk_token": "[UNK]"}, ...}

In a Unigram model `vocab` is a list of [token, score] instead, in the order of the rows.
"""

import json
import reprlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

from firth.errors import FormatError
from firth.messages import counted

TOKENIZER = "tokenizer.json"
UNKNOWN = "[UNK]"
_MOST_ROWS = 1 << 62


def tokenizer_json(words: Sequence[str]) -> bytes:
    """Return a tokenizer that splits text at whitespace; `UNKNOWN` must be among the words."""
    content: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {word: row for row, word in enumerate(words)}, "unk_token": UNKNOWN},
    }
    return json.dumps(content, ensure_ascii=False).encode()


def read_vocabulary(path: Path) -> dict[str, int]:
    """Return the row of each token, in the order of the rows; raises `FormatError` for any other JSON."""
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=_without_repeats)
        vocabulary = content["model"]["vocab"]
        if isinstance(vocabulary, list):
            vocabulary = _without_repeats([(token, row) for row, (token, _) in enumerate(vocabulary)])
        added = {entry["content"]: entry["id"] for entry in content.get("added_tokens", ())}
        rows: dict[str, int] = {**vocabulary, **added}
        bad = next((pair for pair in rows.items() if not _is_entry(*pair)), None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path} is not a tokenizer.json with a vocabulary: {shorten(repr(error), 200)}") from error
    if bad is not None:
        raise FormatError(f"{path}: {reprlib.repr(bad)} is not a token and the number of its row")
    return dict(sorted(rows.items(), key=lambda pair: pair[1]))


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of these members; raise `ValueError` for a repeated name, of which JSON would keep the last."""
    content = dict(pairs)
    if len(content) != len(pairs):
        name, times = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"{reprlib.repr(name)} comes {counted(times, 'time')}")
    return content


def _is_entry(token: object, row: object) -> bool:
    return isinstance(token, str) and type(row) is int and 0 <= row < _MOST_ROWS
