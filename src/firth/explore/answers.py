"""Answers to questions about words, as dictionaries for JSON. Words are given with their rows."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from firth.explore.atlas import COLOURS, MAPS
from firth.explore.explored import Explored
from firth.explore.prediction import predicted
from firth.explore.questions import Question, Term, parse_question
from firth.vectors import Key
from firth.vectors.cosines import cosine, largest

Answer = dict[str, Any]


class Search(NamedTuple):
    """How many words to find, and among how many of the most frequent ones."""

    topn: int
    restrict_vocab: int | None

    def __str__(self) -> str:
        """Return the arguments of a query in Python."""
        among = "" if self.restrict_vocab is None else f", restrict_vocab={self.restrict_vocab}"
        return f"topn={self.topn}{among}"


_SUGGESTED = 8
_EXAMPLES = (
    "king - man + woman", "paris - france + italy", "better - good + bad", "swimming - swim + run",
    "Paris - France + Italy", "brother - man + woman", "walked - walk + see",
)  # fmt: skip
"""Shown at the start, if the vocabulary has all their words."""


class Answers:
    """Answers questions about one model."""

    def __init__(self, explored: Explored, compared_with: str = ""):
        self._explored, self._compared_with = explored, compared_with

    # --- the vocabulary

    def overview(self) -> Answer:
        """Return what the page shows at first: name, sizes, what is known, and questions to begin with."""
        explored, vectors = self._explored, self._explored.vectors
        return {
            "name": explored.name,
            "words": len(vectors),
            "dimensions": vectors.vector_size,
            "counts": vectors.counts is not None,
            "outside": explored.outside is not None,
            "compared_with": self._compared_with,
            "maps": MAPS,
            "colours": [
                "frequency",
                *(name for name in COLOURS if name != "stability" or explored.stability is not None),
            ],
            "examples": self._examples(),
        }

    def _examples(self) -> list[str]:
        """Return equations whose words all exist, or else the words in the middle ranks of the first thousand."""
        found = [text for text in _EXAMPLES if all(self._row(term.word) is not None for term in self._terms(text))]
        words = self._explored.words[:1000]
        return found[:3] or [words[len(words) * part // 4] for part in (1, 2, 3) if words]

    def _terms(self, text: str) -> list[Term]:
        return parse_question(text, lambda word: False).terms

    def suggest(self, text: str) -> list[Answer]:
        """Return the most frequent words that begin with a text, then words that differ from it by one edit."""
        if not text:
            return []
        spellings = self._explored.spellings
        exact = self._row(text)
        rows = [] if exact is None else [exact]
        rows += spellings.beginning_with(text, _SUGGESTED)
        rows += spellings.near(text, _SUGGESTED) if len(rows) < _SUGGESTED else []
        return [self._named(row) for row in dict.fromkeys(rows)][:_SUGGESTED]

    # --- questions

    def ask(self, text: str, search: Search) -> Answer:
        """Return the answer to a question; `firth.explore.questions` has its forms."""
        question = parse_question(text, lambda word: self._row(word) is not None)  # n-grams would match any text
        unknown = [term.word for term in question.terms if not self._is_word(term.word)]
        if unknown:
            return {"kind": "unknown", "text": text, "words": [self._unknown(word) for word in unknown]}
        answers = {"word": self._word, "equation": self._equation, "axis": self._axis}
        return {"kind": question.kind, "text": text, **answers[question.kind](question, search)}

    def _unknown(self, word: str) -> Answer:
        return {"word": word, "near": self.suggest(word)}

    def _word(self, question: Question, search: Search) -> Answer:
        key = self._key(question.terms[0].word)
        row = self._row(question.terms[0].word)
        vectors = self._explored.vectors
        found = vectors.most_similar([key], **search._asdict())
        return {
            **({"word": str(key), "row": None} if row is None else self._described(row)),
            "neighbours": self._listed(found),
            "outside": None if row is None else self._outside(row, search),
            "predicted": None if row is None else self._predicted(row, search.topn),
            "python": f"wv.most_similar({key!r}, {search})",
        }

    def _described(self, row: int) -> Answer:
        vectors = self._explored.vectors
        counts = vectors.counts
        count = None if counts is None else int(counts[row])
        total = 0 if counts is None else int(counts.sum())
        norm = number(vectors.norms[row])
        return {**self._named(row), "count": count, "share": count / total if count and total else None, "norm": norm}

    def _outside(self, row: int, search: Search) -> Answer | None:
        """Return the words with the nearest outside vectors, and the cosine of the word's own two vectors."""
        outside = self._explored.outside
        if outside is None:
            return None
        found = outside.most_similar([outside.stored_keys[row]], **search._asdict())
        both = cosine(self._explored.vectors.vectors[row], outside.vectors[row])
        return {"cosine": number(both), "neighbours": self._listed(found)}

    def _predicted(self, row: int, topn: int) -> list[Answer] | None:
        """Return the most probable outside words of a center word."""
        shares = predicted(self._explored, row)
        if shares is None:
            return None
        return [{**self._named(other), "score": number(shares[other])} for other in largest(shares, topn).tolist()]

    def _equation(self, question: Question, search: Search) -> Answer:
        """Return the nearest words to a sum of unit vectors by 3CosAdd, with each cosine in parts, and by 3CosMul.

        The cosine of x with s = sum_i w_i x_i is the sum of its parts w_i cos(x, x_i) / |s|.
        """
        vectors = self._explored.vectors
        positive, negative = ([self._key(t.word) for t in question.terms if t.weight == w] for w in (1, -1))
        units = np.array([vectors.get_vector(self._key(t.word), norm=True) for t in question.terms], dtype=np.float64)
        weights = np.array([term.weight for term in question.terms], dtype=np.float64)
        length = float(np.linalg.norm(weights @ units))
        added = self._listed(vectors.most_similar(positive, negative, **search._asdict()))
        for answer in added:
            unit = self._unit(answer["row"])
            answer["parts"] = [number(part) for part in weights * (units @ unit) / (length or 1.0)]
        multiplied = vectors.most_similar_cosmul(positive, negative, **search._asdict()) if positive else []
        arguments = f"positive={positive!r}" + (f", negative={negative!r}" if negative else "")
        return {
            "terms": [{**self._term(term), "weight": term.weight} for term in question.terms],
            "added": added,
            "multiplied": self._listed(multiplied),
            "python": f"wv.most_similar({arguments}, {search})",
        }

    def _axis(self, question: Question, search: Search) -> Answer:
        """Return the words whose cosines with the difference of two unit vectors are the smallest and the largest."""
        start, end = (self._key(term.word) for term in question.terms)
        vectors = self._explored.vectors
        return {
            "terms": [{**self._term(term), "weight": 1} for term in question.terms],
            "low": self._listed(vectors.most_similar([start], [end], **search._asdict())),
            "high": self._listed(vectors.most_similar([end], [start], **search._asdict())),
            "python": f"wv.most_similar(positive=[{end!r}], negative=[{start!r}], {search})",
        }

    # --- words and rows

    def _row(self, text: str) -> int | None:
        return self._explored.rows.get(text)

    def _is_word(self, text: str) -> bool:
        return self._row(text) is not None or (isinstance(self._key(text), str) and text in self._explored.vectors)

    def _key(self, text: str) -> Key:
        """Return the key with this text; a word without a row, of which subwords make a vector, is its own key."""
        row = self._row(text)
        return text if row is None else self._explored.vectors.stored_keys[row]

    def _unit(self, row: int) -> Any:
        return self._explored.vectors.unit_rows(np.array([row]))[0].astype(np.float64)

    def _named(self, row: int) -> Answer:
        return {"row": row, "word": self._explored.words[row]}

    def _term(self, term: Term) -> Answer:
        return {"row": self._row(term.word), "word": term.word}

    def _listed(self, found: Iterable[tuple[Key, float]]) -> list[Answer]:
        rows = self._explored.rows
        return [{**self._named(rows[str(key)]), "score": number(score)} for key, score in found]


def number(value: Any) -> float | None:
    """Return a number for JSON, which has no NaN."""
    return float(value) if value is not None and math.isfinite(value) else None
