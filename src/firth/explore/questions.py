"""The text that a person types: a word, an equation such as king - man + woman, or an axis, man > woman."""

import re
from collections.abc import Callable
from typing import NamedTuple

from firth.errors import OptionError

LONGEST = 1024
"""Characters of a question."""

MOST_TERMS = 20
_SIGNS = re.compile(r"(?:^|(?<=\s))([+\-−–])(?=\s|$)")
_TIGHT_SIGNS = re.compile(r"([+\-−–])")
_AXIS = re.compile(r"\s*[>→]\s*")


class Term(NamedTuple):
    """A word and its weight: 1 or -1."""

    word: str
    weight: int


class Question(NamedTuple):
    """A word, an equation or an axis, and its terms."""

    kind: str
    terms: list[Term]


def parse_question(text: str, is_word: Callable[[str], bool]) -> Question:
    """Return what a text asks.

    A text that is a word as it stands is a word. Signs of an equation have spaces around them; without spaces they
    count only if the parts between them are words. Raises `OptionError` for a text that is empty, too long, or has a
    sign without a word.
    """
    if len(text) > LONGEST:
        raise OptionError(f"a question has at most {LONGEST:,} characters: found {len(text):,}")
    stripped = text.strip()
    if is_word(text) or is_word(stripped):
        return Question("word", [Term(text if is_word(text) else stripped, 1)])
    if not stripped:
        raise OptionError("type a word, or an equation such as  king - man + woman")
    ends = _AXIS.split(stripped)
    if len(ends) == 2 and all(ends):
        return Question("axis", [Term(word, 1) for word in ends])
    terms = _terms(_SIGNS.split(stripped))
    tight = [] if len(terms) > 1 else _terms(_TIGHT_SIGNS.split(stripped))
    terms = tight if tight and all(is_word(term.word) for term in tight) else terms
    if len(terms) > MOST_TERMS:
        raise OptionError(f"an equation has at most {MOST_TERMS} words: found {len(terms)}")
    return Question("word" if len(terms) == 1 and terms[0].weight == 1 else "equation", terms)


def _terms(parts: list[str]) -> list[Term]:
    """Return the terms of words and signs in turn; before the first word the sign may be absent."""
    words, signs = [part.strip() for part in parts[::2]], parts[1::2]
    if not words[0] and signs:
        words = words[1:]
    else:
        signs = ["+", *signs]
    for sign, word in zip(signs, words, strict=True):
        if not word:
            raise OptionError(f"the sign {sign} has no word after it")
    return [Term(word, 1 if sign == "+" else -1) for sign, word in zip(signs, words, strict=True)]
