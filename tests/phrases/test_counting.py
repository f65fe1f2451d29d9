"""Counting: the same as a plain loop, for any text, tasks, threads and runs of connector words; bounded memory."""

import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given

from firth import resources
from firth.errors import CorpusError, NotEnoughMemoryError, OptionError
from firth.options import PhraseOptions
from firth.phrases import counting
from firth.phrases.counting import count_candidates
from phrases._oracle import any_sentences, candidates, options, random_sentences, text_of


def expected(sentences, connector_words=frozenset()) -> Counter:
    return Counter(tuple(some[a:b]) for some in sentences for a, b in candidates(some, connector_words))


DEFAULT = PhraseOptions()


def counts_of(sentences, options=DEFAULT, **how) -> dict[tuple[str, ...], int]:
    text = count_candidates(text_of(sentences), options, **how)
    return {text.parts(i): int(count) for i, count in enumerate(text.counts)}


@given(any_sentences, options)
def test_candidates_are_counted_as_a_plain_loop_counts_them(sentences, options):
    assert counts_of(sentences, options) == expected(sentences, options.connector_words)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("task_entries", [1, 70_000, 2**20])
def test_counts_do_not_depend_on_tasks_and_workers(monkeypatch, workers, task_entries):
    monkeypatch.setattr(counting, "TASK_ENTRIES", task_entries)
    sentences = random_sentences(1, 300, 3000, 50)  # five blocks
    connector_words = frozenset({"w1", "w2", "w3"})
    found = counts_of(sentences, PhraseOptions(connector_words=connector_words), workers=workers)
    assert found == expected(sentences, connector_words)


def test_a_sentence_longer_than_a_block_is_counted_whole():
    sentences = random_sentences(2, 20, 2, 100_000)
    connector_words = frozenset({"w1", "w2", "w3"})
    assert counts_of(sentences, PhraseOptions(connector_words=connector_words)) == expected(sentences, connector_words)


def test_there_may_be_many_runs_of_connector_words():
    rng = np.random.default_rng(3)
    runs = [[f"c{i}" for i in rng.integers(10, size=rng.integers(1, 9))] for _ in range(5000)]
    sentences = [["a", *run, "b", *runs[0], "a"] for run in runs]
    connector_words = frozenset(f"c{i}" for i in range(10))
    found = counts_of(sentences, PhraseOptions(connector_words=connector_words))
    assert len(found) > 3000
    assert found == expected(sentences, connector_words)


def test_a_run_of_connector_words_may_be_long():
    sentence = ["a", *["of", "the", "of"] * 50_000, "b", "of", "a"]
    options = PhraseOptions(connector_words=frozenset({"of", "the"}))
    found = counts_of([sentence] * 2, options)
    assert found == {tuple(sentence[:-2]): 2, ("b", "of", "a"): 2}


def test_a_text_without_pairs_has_no_candidates():
    assert counts_of([["a"], ["b"]]) == {}
    assert counts_of([["of", "of", "a", "of"]], PhraseOptions(connector_words=frozenset({"of"}))) == {}


def test_more_than_max_vocab_drops_the_rarest_and_keeps_memory_bounded(monkeypatch):
    monkeypatch.setattr(counting, "TASK_ENTRIES", 1)
    words, rng = [f"w{i}" for i in range(2000)], np.random.default_rng(4)
    frequent = [["new", "york"]] * 10
    sentences = [frequent[0] + [words[i] for i in rng.integers(2000, size=30)] for _ in range(20_000)]
    text = text_of(sentences)  # more than 400,000 distinct pairs
    tracemalloc.start()
    counted = count_candidates(text, PhraseOptions(max_vocab=5000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 2**20
    everything = expected(sentences)
    kept = {counted.parts(i): int(count) for i, count in enumerate(counted.counts)}
    assert len(kept) <= 5000 - 2002
    assert all(count <= everything[parts] for parts, count in kept.items())
    assert kept[("new", "york")] == everything[("new", "york")] >= 20_000
    assert counted.dropped > 300_000


def test_nothing_is_dropped_below_max_vocab(monkeypatch):
    monkeypatch.setattr(counting, "TASK_ENTRIES", 1)
    sentences = random_sentences(5, 50, 4000, 20)
    everything = expected(sentences)
    n_words = len({word for sentence in sentences for word in sentence})
    exact = count_candidates(text_of(sentences), PhraseOptions(max_vocab=n_words + len(everything)))
    assert (len(exact.counts), exact.dropped) == (len(everything), 0)
    short = count_candidates(text_of(sentences), PhraseOptions(max_vocab=n_words + len(everything) - 1))
    assert len(short.counts) < len(everything)
    assert short.dropped >= 1


def test_progress_ends_with_all_words():
    seen = []
    count_candidates(text_of(random_sentences(6, 50, 2000, 40)), PhraseOptions(), progress=lambda *at: seen.append(at))
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == (80_000, 80_000)


def test_an_id_outside_the_words_is_refused():
    text = text_of([["a", "b", "c"]])
    with pytest.raises(CorpusError, match="holds ids from -1 to 2 where -1 to 1 are allowed"):
        count_candidates(text._replace(words=["a", "b"], counts=text.counts[:2]), PhraseOptions())


def test_counts_that_do_not_fit_in_memory_are_refused(monkeypatch):
    monkeypatch.setattr(counting, "TASK_ENTRIES", 1)
    monkeypatch.setattr(resources, "memory_rooms", lambda unused=0: [("a test", 100)])
    with pytest.raises(NotEnoughMemoryError, match=r"counting pairs needs .*: give a smaller max_vocab$"):
        count_candidates(text_of(random_sentences(7, 50, 2000, 40)), PhraseOptions())


def test_too_many_runs_for_the_bits_of_a_number_are_refused(monkeypatch):
    monkeypatch.setattr(counting, "CELL_BITS", 6)
    sentences = [["a", "c", "d", "b"], ["a", "d", "c", "b"]]
    assert len(counts_of(sentences)) == 6
    with pytest.raises(OptionError, match=r"4 words and 4 runs of connector words need .*: give fewer connector_words"):
        counts_of(sentences, PhraseOptions(connector_words=frozenset({"c", "d"})))
