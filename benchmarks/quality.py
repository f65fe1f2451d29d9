"""Evaluates the saved vectors of every contestant with gensim's evaluation."""

import math
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

RESTRICTIONS = (30_000, 300_000)
"""Analogies are evaluated among this many of the most frequent words."""


class SetError(ValueError):
    """An evaluation set has the wrong format."""


class Score(NamedTuple):
    """A result in percent (analogies) or Spearman x 100 (pairs), on `covered` of `total` lines of the set."""

    value: float
    covered: int
    total: int


class Pairs(NamedTuple):
    """A set of word pairs: (word, word, score) lines, tab-separated, and how many other lines there were."""

    name: str
    lines: list[str]
    skipped: int


def read_pairs(path: Path) -> Pairs:
    """Read word pairs: two words, and the first number after them, separated by tab, comma, semicolon or space.

    MEN's part-of-speech suffixes (`sun-n`) are removed; a line starting with # is a comment; a line without a
    number, such as a header, is counted as skipped. Raises `SetError` if no line is a pair.
    """
    text = [line for line in _lines(path) if not line.startswith("#")]
    pairs = [pair for line in text if (pair := _pair(line))]
    if not pairs:
        raise SetError(f"{path}: no line holds two words and a number; give a file of word pairs")
    return Pairs(path.stem, pairs, len(text) - len(pairs))


def count_questions(path: Path) -> int:
    """Return the number of analogies in `path`; raise `SetError` if gensim could not read it."""
    lines = _lines(path)
    questions = sum(len(line.split()) == 4 for line in lines if not line.startswith(": "))
    if not questions or not lines[0].startswith(": "):
        raise SetError(f"{path}: not an analogy file: give a ': name' line, then lines of four words")
    return questions


def evaluate(vectors: Path, analogies: Path | None, pairs: list[Pairs], folder: Path) -> dict[str, Score]:
    """Score the word2vec binary file `vectors` on every set; `folder` is for temporary files."""
    # With more threads gensim's evaluation is several times slower, because one query is too little work to divide.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from gensim.models import KeyedVectors  # type: ignore[import-untyped]

    wv = KeyedVectors.load_word2vec_format(vectors, binary=True)
    scores = {}
    if analogies:
        for limit in RESTRICTIONS:
            scores[f"{analogies.stem}, {limit:,} words"] = _analogies(wv, analogies, limit)
    for each in pairs:
        scores[each.name] = _spearman(wv, each, folder / "pairs.tsv")
    return scores


def _analogies(wv: Any, path: Path, limit: int) -> Score:
    accuracy, sections = wv.evaluate_word_analogies(str(path), restrict_vocab=limit)
    covered = len(sections[-1]["correct"]) + len(sections[-1]["incorrect"])
    return Score(100 * accuracy if covered else math.nan, covered, count_questions(path))


def _spearman(wv: Any, pairs: Pairs, file: Path) -> Score:
    file.write_text("".join(pairs.lines), encoding="utf-8")
    total = len(pairs.lines)
    try:
        _, spearman, unknown = wv.evaluate_word_pairs(str(file), restrict_vocab=None)
    except ValueError:  # raised by gensim if no pair is covered
        return Score(math.nan, 0, total)
    return Score(100 * float(spearman[0]), total - round(unknown / 100 * total), total)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SetError(f"{path}: not UTF-8: {error}; give a UTF-8 text file") from error
    return [line for line in text.splitlines() if line.strip()]


def _pair(line: str) -> str | None:
    separator = next((mark for mark in "\t,;" if mark in line), None)
    first, second, *rest = [*(field.strip() for field in line.split(separator)), "", ""]
    score = next((field for field in rest if re.fullmatch(r"[-+]?\d*\.?\d+(e[-+]?\d+)?", field, re.I)), None)
    if not (first and second and score):
        return None
    return "\t".join((_untagged(first), _untagged(second), score)) + "\n"


def _untagged(word: str) -> str:
    return re.sub(r"(?<=.)-[nvjar]$", "", word)
