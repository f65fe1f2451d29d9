"""What a typed text asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import OptionError
from firth.explore.questions import Term, parse_question

WORDS = {"king", "man", "woman", "e-mail", "new york", "-", "a - b", "x+y", "c++", " ", "king "}


def parsed(text: str) -> tuple[str, list[tuple[str, int]]]:
    question = parse_question(text, WORDS.__contains__)
    return question.kind, [tuple(term) for term in question.terms]


@pytest.mark.parametrize(
    ("text", "kind", "terms"),
    [
        ("king", "word", [("king", 1)]),
        ("  king\n", "word", [("king", 1)]),
        ("king ", "word", [("king ", 1)]),
        ("unknown", "word", [("unknown", 1)]),
        ("king - man + woman", "equation", [("king", 1), ("man", -1), ("woman", 1)]),
        ("king − man – woman", "equation", [("king", 1), ("man", -1), ("woman", -1)]),
        ("king  -  man", "equation", [("king", 1), ("man", -1)]),
        ("king-man+woman", "equation", [("king", 1), ("man", -1), ("woman", 1)]),
        ("king-man+wom", "word", [("king-man+wom", 1)]),
        ("- man", "equation", [("man", -1)]),
        ("+ man", "word", [("man", 1)]),
        ("-man + king", "equation", [("-man", 1), ("king", 1)]),
        ("e-mail + king", "equation", [("e-mail", 1), ("king", 1)]),
        ("e-mail", "word", [("e-mail", 1)]),
        ("x+y", "word", [("x+y", 1)]),
        ("c++ - king", "equation", [("c++", 1), ("king", -1)]),
        ("a - b", "word", [("a - b", 1)]),
        ("-", "word", [("-", 1)]),
        (" ", "word", [(" ", 1)]),
        ("new york + king", "equation", [("new york", 1), ("king", 1)]),
        ("man > woman", "axis", [("man", 1), ("woman", 1)]),
        ("man→woman", "axis", [("man", 1), ("woman", 1)]),
        ("> woman", "word", [("> woman", 1)]),
        ("king + king", "equation", [("king", 1), ("king", 1)]),
    ],
)
def test_the_forms_of_a_question(text, kind, terms):
    assert parsed(text) == (kind, terms)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "type a word, or an equation such as  king - man \\+ woman"),
        (" \n ", "type a word"),
        ("king -", "the sign - has no word after it"),
        ("king - + man", "the sign - has no word after it"),
        ("+", "the sign \\+ has no word after it"),
        ("a" * 1025, "a question has at most 1,024 characters: found 1,025"),
        (" + ".join(["king"] * 21), "an equation has at most 20 words: found 21"),
    ],
)
def test_a_text_without_sense_is_an_error(text, message):
    with pytest.raises(OptionError, match=message):
        parsed(text)


@given(st.text(max_size=40))
def test_any_text_is_a_question_or_an_error(text):
    try:
        question = parse_question(text, WORDS.__contains__)
    except OptionError:
        return
    assert question.kind in ("word", "equation", "axis")
    assert question.terms
    assert all(isinstance(term, Term) and term.word and term.weight in (1, -1) for term in question.terms)


@given(st.lists(st.tuples(st.sampled_from("+-"), st.sampled_from(["king", "man", "e-mail"])), min_size=2, max_size=9))
def test_an_equation_reads_as_it_was_written(terms):
    text = " ".join(f"{sign} {word}" for sign, word in terms)
    assert parsed(text) == ("equation", [(word, 1 if sign == "+" else -1) for sign, word in terms])
