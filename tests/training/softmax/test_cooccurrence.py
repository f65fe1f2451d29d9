"""The counts n(c, o) against a count by hand, pair by pair."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training._by_hand import surviving_sentences

from firth.errors import CorpusError, OptionError
from firth.options import Options
from firth.text import read_corpus
from firth.training.draws import block_key
from firth.training.sampling import keep_thresholds
from firth.training.softmax import cooccurrence, kernels, reference
from firth.training.softmax.cooccurrence import DiskArray, count_pairs

SENTENCES = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=20), min_size=1, max_size=8)


def read(sentences, **options):
    return read_corpus(sentences, Options(min_count=1, **options))


def count(corpus, *, options=None, **kwargs):
    return count_pairs(corpus.tokens, corpus.vocabulary, options or Options(min_count=1), **kwargs)


def dense(counts):
    """Check the structure of the counts; return them as a (V, V) array."""
    V = len(counts.totals)
    assert counts.indptr[0] == 0
    assert counts.indptr[-1] == len(counts.columns) == len(counts.values)
    matrix = np.zeros((V, V))
    for c in range(V):
        row = slice(int(counts.indptr[c]), int(counts.indptr[c + 1]))
        columns = counts.columns[row]
        assert (np.diff(columns) > 0).all(), "a row's columns ascend and none comes twice"
        matrix[c, columns] = counts.values[row]
    return matrix


def by_hand(corpus, options):
    """Count with Python's integers: subsample, split into sentences, and take the words on both sides of every word."""
    tokens, keep = corpus.tokens, keep_thresholds(corpus.vocabulary.counts, options.sample)
    pairs = Counter()
    for block in range(len(tokens.block_starts) - 1):
        for sentence in surviving_sentences(tokens.read_block(block), keep, block_key(options.seed, 0, block)):
            pairs.update(sentence_pairs(sentence, options))
    matrix = np.zeros((len(corpus.vocabulary),) * 2)
    for (c, o), weight in pairs.items():
        matrix[c, o] = weight / options.window
    return matrix


def sentence_pairs(sentence, options):
    """Weigh each pair by how many of the window sizes 1..m reach it (all, if the window does not shrink)."""
    m, pairs = options.window, Counter()
    for i, c in enumerate(sentence):
        for j in range(max(0, i - m), min(len(sentence), i + m + 1)):
            if j != i:
                reaching = [size for size in range(1, m + 1) if size >= abs(j - i)]
                pairs[c, sentence[j]] += len(reaching) if options.shrink_windows else m
    return pairs


@settings(max_examples=80, derandomize=True)
@given(SENTENCES, st.integers(1, 7), st.booleans(), st.sampled_from([0.0, 0.05]))
def test_counts_equal_those_made_by_hand(sentences, window, shrink, sample):
    options = Options(min_count=1, window=window, shrink_windows=shrink, sample=sample, seed=7)
    corpus = read(sentences)
    expected = by_hand(corpus, options)
    if not expected.any():
        with pytest.raises(CorpusError, match="no pairs to train on"):
            count(corpus, options=options)
        return
    for module in (kernels, reference):
        counts = count(corpus, options=options, kernels=module)
        # The sums are whole numbers and exact; dividing and rounding to float32 errs by at most 2**-24 of the value.
        np.testing.assert_allclose(dense(counts), expected, rtol=1e-7)
        np.testing.assert_allclose(counts.totals, expected.sum(axis=1), rtol=1e-12)
        assert counts.pairs == pytest.approx(expected.sum(), rel=1e-12)


def long_corpus():
    rng = np.random.default_rng(3)
    words = (300 * rng.random(150_000) ** 3).astype(np.int64)  # a few frequent words, many rare ones
    return read(words.reshape(-1, 25))


def test_counts_do_not_depend_on_threads_tasks_or_storage(monkeypatch, tmp_path):
    corpus = long_corpus()
    options = Options(min_count=1, window=4, sample=1e-2)
    expected = count(corpus, options=options)
    monkeypatch.setattr(cooccurrence, "TASK_PAIRS", 1)
    monkeypatch.setattr(cooccurrence, "RANGE_CELLS", 10_000)
    for workers, memory_limit in [(1, 2**30), (3, 2**30), (1, 0), (3, 0), (2, 500_000)]:
        counts = count(corpus, options=options, workers=workers, memory_limit=memory_limit, folder=tmp_path)
        assert isinstance(counts.columns, DiskArray) == (memory_limit < 2**30)
        np.testing.assert_array_equal(counts.indptr, expected.indptr)
        np.testing.assert_array_equal(counts.columns[0 : len(counts.columns)], expected.columns)
        np.testing.assert_array_equal(counts.values[0 : len(counts.values)], expected.values)
        np.testing.assert_array_equal(counts.totals, expected.totals)
    assert list(tmp_path.iterdir()) == [], "temporary files have no name"


def test_rows_are_the_same_from_memory_and_from_disk(tmp_path):
    corpus, centers = long_corpus(), np.array([5, 0, 299, 5, 17])
    memory, disk = (count(corpus, memory_limit=limit, folder=tmp_path).rows(centers) for limit in (2**30, 0))
    for a, b in zip(memory, disk, strict=True):
        np.testing.assert_array_equal(a, b)


def test_progress_ends_at_all_words():
    corpus, seen = long_corpus(), []
    count(corpus, progress=seen.append)
    assert seen[-1] == corpus.tokens.n_words


def test_a_corpus_without_pairs_is_refused():
    with pytest.raises(CorpusError, match="no sentence has two words"):
        count(read([["a"], ["b"]]))


def test_no_workers_are_refused():
    with pytest.raises(OptionError, match="workers=0 is not allowed"):
        count(read([["a", "b"]]), workers=0)


def test_a_disk_array_grows_and_reads_any_slice(tmp_path):
    array = DiskArray(np.int64, tmp_path)
    array[0:5] = np.arange(5)
    array[5:12] = np.arange(5, 12) * 2**40
    assert len(array) == 12
    np.testing.assert_array_equal(array[3:7], [3, 4, 5 * 2**40, 6 * 2**40])
    assert array[11] == 11 * 2**40
    assert len(array[4:4]) == 0
    with pytest.raises(IndexError, match="12"):
        array[12]


def test_counts_of_windows_as_large_as_the_sentence_are_exact():
    """One cell sums 2,000 * 1,999 weights of 32,767, more than an int32 holds."""
    corpus = read([[0] * 2000, [1, 2, 3]], sample=0.0)
    options = Options(min_count=1, window=32_767, shrink_windows=False, sample=0.0)
    counts = count(corpus, options=options)
    np.testing.assert_array_equal(dense(counts), [[2000 * 1999, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]])


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 12))
def test_the_number_of_pairs_of_a_block_is_that_of_its_windows(tokens, window):
    tokens = np.array([token if token else -1 for token in tokens], np.int32)
    sentences = "".join("." if token == -1 else "w" for token in tokens.tolist()).split(".")
    expected = sum(min(len(s), i + window + 1) - max(0, i - window) - 1 for s in sentences for i in range(len(s)))
    assert cooccurrence.most_pairs(tokens, window) == expected
