"""Counts of equal texts: the same as a dictionary of texts, for any words and delimiters."""

import pytest
from hypothesis import given

from firth.options import PhraseOptions
from firth.phrases import collisions
from firth.phrases.collisions import merge_same_texts
from firth.phrases.counting import count_candidates
from phrases._oracle import any_sentences, options, text_counts, text_of


def merged_texts(sentences, options: PhraseOptions) -> tuple[dict[str, int], int]:
    """Return the merged count of each text, and the number of texts."""
    text = count_candidates(text_of(sentences), options)
    merged = merge_same_texts(text, options.delimiter)
    texts = [options.delimiter.join(text.parts(i)) for i in range(len(text.counts))]
    words = zip(text.words, merged.words.tolist(), text.is_connector, strict=True)
    found = {word: count for word, count, is_connector in words if not is_connector}
    return found | dict(zip(texts, merged.candidates.tolist(), strict=True)), merged.vocab_size


@given(any_sentences, options)
def test_counts_are_those_of_a_dictionary_of_texts(sentences, options):
    expected = text_counts(sentences, options)
    assert merged_texts(sentences, options) == (expected, len(expected))


@pytest.mark.parametrize("primes", [(2, 2), (3, 7)])
def test_texts_with_equal_hashes_are_compared(monkeypatch, primes):
    monkeypatch.setattr(collisions, "_PRIMES", primes)
    sentences = [["new", "york"], ["new_york", "times"], ["new", "york_times"], ["the", "new", "car"]] * 3
    expected = text_counts(sentences, PhraseOptions())
    assert expected["new_york_times"] == 6
    assert merged_texts(sentences, PhraseOptions()) == (expected, len(expected))


def test_a_word_that_is_no_longer_in_the_text_is_not_counted():
    text = text_of([["a", "b", "gone"], ["a", "b_c"]])
    counts = text.counts.copy()
    counts[text.words.index("gone")] = 0
    counted = count_candidates(text._replace(counts=counts), PhraseOptions())
    assert merge_same_texts(counted, "_").vocab_size == 3 + 3


def test_a_text_of_connector_words_has_no_texts():
    options = PhraseOptions(connector_words=frozenset({"a_b"}))
    assert merged_texts([["a_b", "a_b"]], options) == ({}, 0)


def test_candidates_are_hashed_in_parts(monkeypatch):
    monkeypatch.setattr(collisions, "_CHUNK", 2)
    sentences = [["a_b", "c", "d"], ["a", "b_c", "d"], ["a", "b", "c_d"]]
    assert merged_texts(sentences, PhraseOptions())[0] == text_counts(sentences, PhraseOptions())
