"""Errors can be caught as firth's own and as the built-in kind, and say what to do."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import errors
from firth.errors import (
    CheckpointError,
    CorpusError,
    DivergenceError,
    FirthError,
    FormatError,
    MissingExtraError,
    NotEnoughMemoryError,
    OptionError,
    UnknownWordError,
    near,
)

KINDS = {
    OptionError: ValueError,
    CorpusError: ValueError,
    FormatError: ValueError,
    CheckpointError: RuntimeError,
    DivergenceError: ArithmeticError,
    NotEnoughMemoryError: MemoryError,
    MissingExtraError: ImportError,
    UnknownWordError: KeyError,
}


@pytest.mark.parametrize(("kind", "built_in"), KINDS.items())
def test_an_error_is_a_firth_error_and_the_built_in_kind(kind, built_in):
    assert issubclass(kind, FirthError)
    assert issubclass(kind, built_in)
    assert kind.__doc__


def test_every_error_of_the_module_is_listed_here():
    defined = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FirthError)}
    assert defined == {FirthError, *KINDS}


@pytest.mark.parametrize("kind", [FirthError, *list(KINDS)[:6]])
def test_the_message_of_an_error_is_what_was_said(kind):
    assert str(kind("vectors.bin: 3 bytes short")) == "vectors.bin: 3 bytes short"


def test_a_missing_extra_names_the_library_and_the_command_that_installs_it():
    error = MissingExtraError("scipy", "eval", "rank correlation")
    assert str(error) == "rank correlation needs scipy: install it with  pip install 'firth[eval]'"


def test_an_unknown_word_offers_the_nearest_spellings_first():
    error = UnknownWordError("quen", ["king", "queens", "queen", "woman"])
    assert str(error) == "'quen' is not in the vocabulary; near spellings: queen, queens"


def test_an_unknown_word_unlike_any_other_offers_nothing():
    assert str(UnknownWordError("zzzz", ["king", "queen"])) == "'zzzz' is not in the vocabulary"
    assert str(UnknownWordError("king", [])) == "'king' is not in the vocabulary"


def test_an_unknown_word_is_shown_plainly_where_a_key_error_would_add_quotes():
    with pytest.raises(KeyError) as caught:
        raise UnknownWordError("naïve", iter(["naive"]))
    assert str(caught.value) == "'naïve' is not in the vocabulary; near spellings: naive"


@pytest.mark.parametrize("key", [7, 2.5, None, ("king", "queen"), b"king"])
def test_an_unknown_key_that_is_no_word_offers_nothing(key):
    assert str(UnknownWordError(key, ["king", 8, "7"])) == f"{key!r} is not in the vocabulary"


def test_keys_that_are_no_words_are_never_offered():
    assert str(UnknownWordError("kin", [1, None, "king"])).endswith("near spellings: king")


def test_at_most_three_spellings_are_offered():
    error = UnknownWordError("cat", ["cart", "cast", "chat", "coat", "cats"])
    assert len(str(error).split("near spellings: ")[1].split(", ")) == 3


def test_near_returns_candidates_in_order_of_likeness_and_no_more_than_asked():
    assert near("window", ["widow", "windows", "alpha"], n=1) == ["windows"]
    assert near("window", ["widow", "windows", "alpha"]) == ["windows", "widow"]
    assert near("window", []) == []


@given(st.text(max_size=8), st.lists(st.text(min_size=1, max_size=8), max_size=12))
def test_whatever_is_offered_is_in_the_vocabulary_and_of_nearly_the_same_length(word, vocabulary):
    close = [key for key in vocabulary if abs(len(key) - len(word)) <= 2]
    expected = f"; near spellings: {', '.join(near(word, close))}" if near(word, close) else ""
    assert set(near(word, close)) <= set(vocabulary)
    assert str(UnknownWordError(word, vocabulary)) == f"{word!r} is not in the vocabulary{expected}"


@pytest.mark.parametrize(
    "error",
    [
        UnknownWordError("quen", ["king", "queen"]),
        MissingExtraError("scipy", "eval", "rank correlation"),
        CorpusError("no words"),
    ],
)
def test_an_error_survives_the_way_between_processes(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
