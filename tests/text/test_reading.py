"""Tests `read_corpus` as a whole: any bytes, any number of workers, what it counts, refuses and leaves behind."""

import signal
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from stress import text
from stress._corpus import ALL, ANY_BYTES, LINES, check, check_any_bytes, linux, text_file

import firth
from firth.errors import CorpusError, OptionError
from firth.options import Options
from firth.text import read_corpus, sources


@settings(max_examples=300, deadline=None)
@given(**ANY_BYTES)
def test_any_bytes_are_read_as_plain_python_reads_them(tmp_path_factory, data, **how):
    check_any_bytes(tmp_path_factory.mktemp("text"), data, **how)


def test_any_token_lists_are_read_as_given(tmp_path):
    text.token_lists(np.random.default_rng(7), tmp_path, examples=100)


@pytest.mark.parametrize("case", [text.damaged, text.changing])
def test_a_seed_of_the_campaign(tmp_path, case):
    assert all(case(np.random.default_rng(7), tmp_path).values())


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_the_result_does_not_depend_on_workers(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(sources, "CHUNK_BYTES", 500)
    rng = np.random.default_rng(1)
    lines = [[f"w{i}" for i in rng.zipf(1.5, rng.integers(0, 30)) % 500] for _ in range(500)]
    path = text_file(tmp_path, "\n".join(map(" ".join, lines)))
    check(read_corpus(path, Options(min_count=2), workers=workers), lines, Options(min_count=2))


def test_reading_in_threads_and_in_processes_gives_the_same(tmp_path):
    text.everywhere(np.random.default_rng(0), tmp_path)


def test_the_vocabulary_is_in_order_of_count_and_dropped_words_are_counted():
    corpus = read_corpus([["d", "b", "c", "b", "a", "c"]], Options(min_count=1, max_vocab=3))
    assert corpus.vocabulary.index_to_key == ["b", "c", "d"]
    assert corpus.vocabulary.key_to_index == {"b": 0, "c": 1, "d": 2}
    assert (corpus.beyond_max_vocab, corpus.below_min_count, corpus.tokens.n_words) == (1, 0, 5)

    options = Options(min_count=2, max_vocab=2)
    corpus = read_corpus(LINES, options)
    check(corpus, LINES, options)
    assert (corpus.distinct_words, corpus.below_min_count, corpus.beyond_max_vocab) == (6, 3, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("a", "only 1 word, 'a'; give more text$"),
        ("ab", "the most frequent, 'a', occurs 1 time; give min_count=1, or more text$"),
        (
            "abcbbdea",
            "8 words, 5 of them distinct; the most frequent, 'b', occurs 3 times; give min_count=3 or less",
        ),
    ],
)
def test_a_min_count_that_no_word_reaches_is_an_error_with_the_numbers(words, message):
    with pytest.raises(CorpusError, match=rf"no word occurs at least min_count=5 times: the corpus has .*{message}"):
        read_corpus([list(words)], Options(min_count=5))


@pytest.mark.parametrize("tokenizer", [None, str.split])
@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (b"the cat", r"the corpus is of type bytes: .*\[{split}\]"),
        (7, r"the corpus is of type int: give a path.*\[{split}\]"),
        (None, "the corpus is of type NoneType: give a path"),
        ({"text": ["the cat"]}, r"of type dict, is a table, and its columns are text \(list\): .* in column='text'$"),
        (
            pa.table({"id": [1], "text": ["the cat"]}),
            r"Table, is a table, and its columns are id \(int64\), text \(str",
        ),
        ([], "the corpus is empty: 0 words were read"),
    ],
)
def test_wrong_types_are_refused_with_advice(corpus, message, tokenizer):
    split = r"text\.split\(\)" if tokenizer is None else r"tokenizer\(text\)"
    with pytest.raises(CorpusError, match=message.replace("{split}", split)):
        read_corpus(corpus, ALL, tokenizer=tokenizer)


def test_wrong_arguments_are_refused(tmp_path):
    for corpus, offsets in ((LINES, None), (np.arange(4), [0, 4])):
        with pytest.raises(CorpusError, match=r"tokenizer= splits .*if it holds lists of words, omit tokenizer"):
            read_corpus(corpus, ALL, tokenizer=str.split, offsets=offsets)
    with pytest.raises(OptionError, match=r"tokenizer='spacy' is not allowed: give a function that returns the words"):
        read_corpus(tmp_path, ALL, tokenizer="spacy")
    with pytest.raises(OptionError, match="workers=0 is not allowed"):
        read_corpus(LINES, ALL, workers=0)


def test_an_exception_of_progress_stops_reading(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        read_corpus(text_file(tmp_path, "a"), ALL, progress=Mock(side_effect=KeyboardInterrupt), workers=2)


@linux
@pytest.mark.parametrize("kind", text.READS)
def test_an_interrupt_reaches_the_caller_and_leaves_nothing(tmp_path, kind):
    text.interrupt(kind, tmp_path, 0.3, 2)


@linux
@pytest.mark.parametrize("kind", ["words", "generator"])
def test_a_kill_leaves_no_file(tmp_path, kind):
    text.interrupt(kind, tmp_path, 0.4, 2, signal.SIGKILL)


def test_hostile_words_are_the_same_in_a_saved_model(tmp_path):
    words = ["a b", "\n", "", "\0", "</s>", "NaN", " ", "\u2028", "\ufeffx", "Z" + "\u0301" * 300, "x" * 10**6,
             "\ufffd"]  # fmt: skip
    model = firth.Word2Vec(vector_size=4, epochs=1, min_count=1, sample=0, workers=1)
    model.fit([words, words[::-1]], progress=False)
    model.save(tmp_path / "model.firth")
    again = firth.load(tmp_path / "model.firth")
    assert again.wv.index_to_key == model.wv.index_to_key
    assert sorted(again.wv.index_to_key) == sorted(words)
    assert np.array_equal(again.wv.vectors, model.wv.vectors)
