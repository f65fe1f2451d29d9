"""Errors: their base classes and their messages."""

import pickle
from difflib import get_close_matches

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import errors
from firth.errors import CorpusError, FirthError, MissingExtraError, UnknownWordError

KINDS = {
    errors.OptionError: ValueError,
    CorpusError: ValueError,
    errors.NothingToTrainError: ValueError,
    errors.NotAvailableError: NotImplementedError,
    errors.FormatError: ValueError,
    errors.CheckpointError: RuntimeError,
    errors.ClusterError: RuntimeError,
    errors.MemberLostError: errors.ClusterError,
    errors.DivergenceError: ArithmeticError,
    errors.NotEnoughMemoryError: MemoryError,
    errors.NothingToTrainError: ValueError,
    errors.NotAvailableError: NotImplementedError,
    MissingExtraError: ImportError,
    UnknownWordError: KeyError,
}


@pytest.mark.parametrize(("kind", "built_in"), KINDS.items())
def test_an_error_is_a_firth_error_and_a_built_in_error(kind, built_in):
    assert issubclass(kind, FirthError)
    assert issubclass(kind, built_in)
    assert kind.__doc__


def test_every_error_is_tested_here():
    defined = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FirthError)}
    assert defined == {FirthError, *KINDS}


@pytest.mark.parametrize("kind", [FirthError, *list(KINDS)[:8]])
def test_a_message_is_shown_unchanged(kind):
    assert str(kind("vectors.bin: 3 bytes short")) == "vectors.bin: 3 bytes short"


def test_a_missing_extra_names_the_library_and_the_install_command():
    error = MissingExtraError("scipy", "eval", "rank correlation")
    assert str(error) == "rank correlation needs scipy: install it with  pip install 'firth[eval]'"


@pytest.mark.parametrize(
    ("word", "vocabulary", "offered"),
    [
        ("quen", ["king", "queens", "queen", "woman"], "; near spellings: queen, queens"),
        ("naïve", iter(["naive"]), "; near spellings: naive"),
        ("cat", ["cart", "cast", "chat", "coat", "cats"], "; near spellings: coat, chat, cats"),
        ("kin", [1, None, "king"], "; near spellings: king"),
        ("zzzz", ["king", "queen"], ""),
        ("king", [], ""),
        *((key, ["king", 8, "7"], "") for key in (7, 2.5, None, ("king", "queen"), b"king")),
    ],
)
def test_an_unknown_word_offers_at_most_three_near_spellings(word, vocabulary, offered):
    assert str(UnknownWordError(word, vocabulary)) == f"{word!r} is not in the vocabulary{offered}"


@given(st.text(max_size=8), st.lists(st.text(min_size=1, max_size=8), max_size=12))
def test_offered_words_are_in_the_vocabulary_and_of_similar_length(word, vocabulary):
    close = [key for key in vocabulary if abs(len(key) - len(word)) <= 2]
    near = get_close_matches(word, close)
    expected = f"; near spellings: {', '.join(near)}" if near else ""
    assert set(near) <= set(vocabulary)
    assert str(UnknownWordError(word, vocabulary)) == f"{word!r} is not in the vocabulary{expected}"


@pytest.mark.parametrize(
    "error",
    [UnknownWordError("quen", ["queen"]), MissingExtraError("scipy", "eval", "correlation"), CorpusError("no words")],
)
def test_an_error_survives_pickling(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
