"""Tests token lists, and a caller's tokenizer."""

import tempfile

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stress._corpus import ALL, LINES, check, text_file

from firth.errors import CorpusError
from firth.options import Options
from firth.text import encoding, read_corpus, sentences, sources

TEXTS = ["the cat sat", "the dog ran"]


def test_sentences_may_be_lists_tuples_generators_or_arrays():
    check(read_corpus(LINES, ALL), LINES)
    check(read_corpus((tuple(line) for line in LINES), ALL), LINES)
    check(read_corpus([(word for word in line) for line in LINES], ALL), LINES)
    check(read_corpus([np.array(line) for line in LINES], ALL), LINES)
    check(read_corpus([[], ["a b", "c\nd"], [], ["c\nd"]], ALL), [["a b", "c\nd"], ["c\nd"]])


def test_integer_sentences_keep_their_ids():
    lines = [[7, -3, 7], [10**12], [-3, 2**63 - 1, -(2**63)]]
    check(read_corpus(lines, ALL), lines)
    corpus = read_corpus([np.array(line) for line in lines], ALL)
    check(corpus, lines)
    assert {type(key) for key in corpus.vocabulary.index_to_key} == {int}
    assert {type(k) for k in read_corpus([[np.int32(5), np.uint8(5)]], ALL).vocabulary.index_to_key} == {int}


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ([], "the corpus is empty: 0 words were read"),
        ([[], []], "the corpus is empty: 0 words were read"),
        (
            ["the cat", None],
            r"type list, holds strings .* sentence 0 is 'the cat'\. .*iter\(texts\).*\[text\.split\(\) for",
        ),
        (iter([b"the cat"]), r"sentence 0 is b'the cat'\. .*\[text\.decode\(\)\.split\(\) for text in texts\]"),
        ([["the"], "cat"], r"type list, holds strings instead of lists of words: sentence 1 is 'cat'"),
        ([[1, 2], 3], r"sentence 1 is 3, of type int.*\[\[1, 2, 3\]\].*offsets"),
        ([1, 2], "sentence 0 is 1, of type int"),
        ([["a", None]], "the token None is of type NoneType: tokens must be strings or integers"),
        ([[True]], "the token True is of type bool"),
        ([[np.True_]], "the token .*True.* is of type bool"),
        ([[1.5]], r"the token 1.5 is of type float"),
        ([np.array([1.0])], r"the token 1.0 is of type float"),
        ([[b"a"]], "the token b'a' is of type bytes"),
        ([["a", ["b"]]], r"the token \['b'\] is of type list"),
        ([["a", ("b", [])]], r"the token \('b', \[\]\) is of type tuple"),
        ([["a", 3]], r"both strings \('a'\) and integers \(3\)"),
        ([[3, "a"]], r"both strings \('a'\) and integers \(3\)"),
        ([["a\ud800b"]], r"the word .a\\ud800b. contains .\\ud800., half of a surrogate pair.*clean the text first"),
        ([[2**63]], r"the integer 9223372036854775808 is outside int64"),
        ([[0, -(2**63) - 1]], r"the integer -9223372036854775809 is outside int64"),
        ([np.zeros((2, 2), int)], r"sentence 0 is an array of shape \(2, 2\)"),
    ],
)
def test_wrong_sentences_and_tokens_are_refused(corpus, message):
    with pytest.raises(CorpusError, match=message):
        read_corpus(corpus, ALL)


def test_strings_and_integers_in_different_chunks_are_refused(monkeypatch):
    monkeypatch.setattr(sentences, "CHUNK_TOKENS", 1)
    for corpus in ([["a"], [3]], [[3], ["a"]]):
        with pytest.raises(CorpusError, match=r"both strings \('a'\) and integers \(3\)"):
            read_corpus(corpus, ALL)


class Series:
    """Like a column of an unknown library, neither a list nor a tuple."""

    def __iter__(self):
        return iter(TEXTS)


@pytest.mark.parametrize(
    "make",
    [
        Series,
        lambda: pytest.importorskip("pandas").Series(TEXTS),
        lambda: np.array(TEXTS),
        lambda: np.array(TEXTS, object),
        lambda: pa.array(TEXTS),
        lambda: pa.chunked_array([TEXTS]),
        lambda: (text for text in TEXTS),
        lambda: iter(TEXTS),
    ],
)
def test_texts_that_are_not_in_a_list_are_sentences(make):
    check(read_corpus(make(), ALL), [text.split() for text in TEXTS])
    check(read_corpus(make(), ALL, tokenizer=lambda text: text.split("a")), [text.split("a") for text in TEXTS])


def test_a_tokenizer_gets_each_line_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "CHUNK_BYTES", 9)
    path = text_file(tmp_path, b"\xef\xbb\xbfA-b-C\r\n\na-\xff-\xef\xbf\xbd\nx-\xef\xbf\xbd")
    seen = []

    def tokenizer(line):
        seen.append(line)
        return iter(line.split("-"))

    corpus = read_corpus(path, Options(min_count=1, lowercase=True), tokenizer=tokenizer)
    assert seen == ["A-b-C", "a-\ufffd-\ufffd", "x-\ufffd"]
    check(corpus, [["a", "b", "c"], ["a", "\ufffd", "\ufffd"], ["x", "\ufffd"]])
    assert corpus.replaced == 2  # in a line with invalid bytes, U+FFFD in the file looks like a replacement


def test_a_tokenizer_gets_a_long_line_in_parts_of_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "CHUNK_BYTES", 16)
    words = [f"w{i}" for i in range(100)]
    path = text_file(tmp_path, " ".join(words) + "\nend")
    check(read_corpus(path, ALL, tokenizer=str.split), [words, ["end"]])


@settings(max_examples=150, deadline=None)
@given(data=st.text(st.sampled_from("a \n\ré日😀\u0301"), max_size=80), chunk=st.integers(1, 20))
def test_a_tokenizer_gets_every_character_of_text_without_whitespace(tmp_path_factory, data, chunk):
    def letters(line):
        return [letter for letter in line if not letter.isspace()]

    path = text_file(tmp_path_factory.mktemp("text"), f"a\n{data}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "CHUNK_BYTES", chunk)
        patch.setattr(encoding, "LONGEST_WORD", 4)
        corpus = read_corpus(path, ALL, tokenizer=letters)
    check(corpus, [["a"], *map(letters, data.split("\n"))])
    assert corpus.replaced == 0


@pytest.mark.parametrize(("returned", "shown"), [("a b", "the string 'a b'"), (None, "None"), (3, "3, of type int")])
def test_a_tokenizer_must_return_words(tmp_path, returned, shown):
    with pytest.raises(CorpusError, match=f"the tokenizer returned {shown}: it must return the words of a line"):
        read_corpus(text_file(tmp_path, "the cat"), ALL, tokenizer=lambda line: returned)


def test_exceptions_of_the_callers_iterators_and_tokenizer_are_passed_on(tmp_path, monkeypatch):
    monkeypatch.setattr(sentences, "CHUNK_TOKENS", 10)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))

    def corpus():
        yield from [["a"] * 7] * 100
        raise LookupError("from inside")

    with pytest.raises(LookupError, match="from inside"):
        read_corpus(corpus(), ALL, memory_limit=0)
    assert list(folder.iterdir()) == []

    def sentence():
        yield "a"
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        read_corpus([sentence()], ALL)
    with pytest.raises(ZeroDivisionError):
        read_corpus(text_file(tmp_path, "the cat"), ALL, tokenizer=lambda line: [line, 1 // 0])
