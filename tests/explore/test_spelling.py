"""The search by spelling, against plain definitions."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.explore.spelling import Spellings
from firth.packed_words import PackedWords

ALPHABET = "abcé日" + string.ascii_uppercase[:2]
TEXTS = st.text(ALPHABET, max_size=6)


def spellings_of(words) -> Spellings:
    return Spellings(PackedWords.of(words))


def edited(text: str, letters: str) -> set[str]:
    """Return every text that is one edit away."""
    splits = [(text[:i], text[i:]) for i in range(len(text) + 1)]
    added = {a + letter + b for a, b in splits for letter in letters}
    removed = {a + b[1:] for a, b in splits if b}
    replaced = {a + letter + b[1:] for a, b in splits if b for letter in letters}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
    return (added | removed | replaced | swapped) - {text}


@given(st.lists(TEXTS, max_size=40), TEXTS)
def test_words_that_begin_with_a_text_come_in_the_order_of_rows(words, text):
    expected = [row for row, word in enumerate(words) if word.lower().startswith(text.lower())]
    assert spellings_of(words).beginning_with(text, 1000) == expected
    assert spellings_of(words).beginning_with(text, 3) == expected[:3]


@given(st.lists(TEXTS, max_size=40), TEXTS)
def test_near_words_are_those_at_one_edit(words, text):
    near = edited(text.lower(), ALPHABET.lower())
    expected = [row for row, word in enumerate(words) if word.lower() in near]
    assert spellings_of(words).near(text, 1000) == expected
    assert spellings_of(words).near(text, 2) == expected[:2]


@given(TEXTS, st.data())
def test_every_edit_of_a_text_is_near_it(text, data):
    others = sorted(edited(text.lower(), ALPHABET.lower()))
    word = data.draw(st.sampled_from(others))
    assert spellings_of([word]).near(text, 1) == [0]


@pytest.mark.parametrize("text", ["", "a" * 2000, "\0", "\ud800", "🏴‍☠️"])
def test_any_text_can_be_searched_for(text):
    spellings = spellings_of(["", "a", "\0", "🏴", "\ud800"])
    assert all(0 <= row < 5 for row in [*spellings.near(text, 9), *spellings.beginning_with(text, 9)])


def test_an_empty_vocabulary_has_no_words():
    assert spellings_of([]).beginning_with("a", 5) == []
    assert spellings_of([]).near("a", 5) == []
