"""Answers about two models, as dictionaries for JSON."""

from typing import Any

import numpy as np

from firth.explore.answers import Answer, number
from firth.explore.comparison import Comparison, Neighbours
from firth.vectors.search import TopRows


def summary(comparison: Comparison, neighbours: Neighbours) -> Answer:
    """Return the names, how many words both have, the alignment, and the mean share of neighbours in common."""
    one, other, alignment = comparison.one, comparison.other, comparison.alignment
    return {
        "names": [one.name, other.name],
        "dimensions": [one.vectors.vector_size, other.vectors.vector_size],
        "words": len(comparison.words),
        "shared": comparison.shared,
        "only": [len(one.words) - comparison.shared, len(other.words) - comparison.shared],
        "alignment": None if alignment is None else {"before": alignment.before, "after": alignment.after},
        "kept": float(neighbours.kept.mean()),
    }


def change_of(comparison: Comparison, neighbours: Neighbours, word: str) -> Answer:
    """Return the neighbours of a word that both models have, and those that only one has."""
    row = comparison.rows.get(word)
    if row is None:
        return {"word": word, "row": None, "reason": _reason(comparison, word)}
    ours, theirs = set(neighbours.one.rows[row].tolist()), set(neighbours.other.rows[row].tolist())
    return {
        "word": word,
        "row": row,
        "kept": _listed(comparison, neighbours.one, row, ours & theirs),
        "lost": _listed(comparison, neighbours.one, row, ours - theirs),
        "gained": _listed(comparison, neighbours.other, row, theirs - ours),
        "similarity": number(comparison.similarity(row)),
    }


def _listed(comparison: Comparison, of: TopRows, row: int, wanted: set[int]) -> list[Answer]:
    pairs = zip(of.rows[row].tolist(), of.scores[row].tolist(), strict=True)
    return [
        {"row": other, "word": comparison.words[other], "score": number(score)}
        for other, score in pairs
        if other in wanted and other >= 0
    ]


def _reason(comparison: Comparison, word: str) -> str:
    """Return why a word is not compared."""
    have = [explored.name for explored in (comparison.one, comparison.other) if word in explored.rows]
    if len(have) == 2:
        return f"only the {len(comparison.words):,} most frequent words that both models have are compared"
    return f"only {have[0]} has this word" if have else "neither model has this word"


def kept_bytes(neighbours: Neighbours) -> Any:
    """Return the (n,) shares of neighbours in common, as bytes from 0 to 255."""
    return np.round(neighbours.kept * 255).astype(np.uint8)
