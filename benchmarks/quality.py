"""Evaluates the saved vectors of every contestant with gensim's evaluation; unseen words with gensim's vectors."""

import math
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

RESTRICTIONS = (30_000, 300_000)
"""Analogies are evaluated among this many of the most frequent words."""


RARE = 100
"""A word that occurs less often is rare."""


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


def evaluate(
    vectors: Path, analogies: Path | None, pairs: list[Pairs], folder: Path, has_subwords: bool = False
) -> dict[str, Score]:
    """Score the word2vec binary file `vectors` on every set; `folder` is for temporary files.

    has_subwords: whether `vectors` is fastText's `.bin` instead, which is also scored on rare and on unseen words.
    """
    # With more threads gensim's evaluation is several times slower, because one query is too little work to divide.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from gensim.models import KeyedVectors  # type: ignore[import-untyped]
    from gensim.models.fasttext import load_facebook_vectors  # type: ignore[import-untyped]

    wv = load_facebook_vectors(vectors) if has_subwords else KeyedVectors.load_word2vec_format(vectors, binary=True)
    scores = {}
    if analogies:
        for limit in RESTRICTIONS:
            scores[f"{analogies.stem}, {limit:,} words"] = _analogies(wv, analogies, limit)
        if has_subwords:
            scores[f"{analogies.stem}, unseen words"] = _unseen_analogies(wv, analogies)
    for each in pairs:
        scores[each.name] = _spearman(wv, each, folder / "pairs.tsv")
        if has_subwords:
            scores |= _rare_and_unseen(wv, each)
    return scores


def _rare_and_unseen(wv: Any, pairs: Pairs) -> dict[str, Score]:
    """Score the pairs whose rarer word is in the vocabulary but rare, and those with a word that is not."""
    from scipy.stats import spearmanr  # type: ignore[import-untyped]

    found: dict[str, list[tuple[float, float]]] = {"rare": [], "unseen": []}
    for line in pairs.lines:
        first, second, score = line.lower().split("\t")
        count = min(wv.get_vecattr(word, "count") if word in wv.key_to_index else 0 for word in (first, second))
        if count < RARE:
            found["rare" if count else "unseen"].append((float(wv.similarity(first, second)), float(score)))
    return {
        f"{pairs.name}, {name} words": Score(
            100 * float(spearmanr(*zip(*each, strict=True)).statistic) if len(each) > 2 else math.nan,
            len(each),
            len(pairs.lines),
        )
        for name, each in found.items()
    }


def _unseen_analogies(wv: Any, path: Path) -> Score:
    """Score the questions of three words, one of them or more unseen, whose answer is among the most frequent."""
    lines = [line.lower().split() for line in _lines(path) if not line.startswith(": ")]
    limit = RESTRICTIONS[0]
    asked = [
        line
        for line in lines
        if len(line) == 4
        and any(word not in wv.key_to_index for word in line[:3])
        and wv.key_to_index.get(line[3], limit) < limit
    ]
    right = 0
    for a, b, c, answer in asked:
        found = wv.most_similar(positive=[b, c], negative=[a], topn=1, restrict_vocab=limit)
        right += found[0][0] == answer
    return Score(100 * right / len(asked) if asked else math.nan, len(asked), count_questions(path))


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
