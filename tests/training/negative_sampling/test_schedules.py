"""What both schedules share: the starting vectors, and the end loss of a fixed sample with the matrices fixed."""

import numpy as np
import pytest
from training.loop._runs import ids

from firth import Options, Word2Vec
from firth.text import BLOCK_WORDS, END, read_corpus
from firth.training.loop.progress import Reporter
from firth.training.loop.trainer import Trainer
from firth.training.negative_sampling import blocks, hogwild
from firth.training.windows import engine

ENGINES = {"blocks": blocks.Blocks, "hogwild": hogwild.Hogwild}
SMALL = {"vector_size": 12, "window": 3, "min_count": 1, "sample": 0.01, "epochs": 2, "blocks": 5}


def start_vectors(V, D, seed):
    return np.concatenate([rows for _, rows in engine.start_rows(V, D, seed)])


def test_the_starting_vectors_depend_on_the_seed_alone():
    first, second, other = (start_vectors(300, 7, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert np.abs(first).max() <= 0.5 / 7
    assert np.abs(first).mean() == pytest.approx(0.25 / 7, rel=0.05)


def test_the_starting_vectors_do_not_depend_on_how_many_are_drawn_at_a_time(monkeypatch):
    whole = start_vectors(100, 5, 1)
    monkeypatch.setattr(engine, "_INIT_NUMBERS", 35)
    np.testing.assert_array_equal(start_vectors(100, 5, 1), whole)


def trained(schedule, **options):
    options = Options.from_dict(SMALL | {"schedule": schedule} | options)
    corpus = read_corpus(ids(60_000, seed=4), options)
    engine = ENGINES[schedule](corpus, options)
    list(Trainer(engine, options, 2, Reporter()).epochs())
    return engine, corpus, options


@pytest.mark.parametrize("schedule", ENGINES)
def test_the_end_loss_is_that_of_the_reference_and_changes_no_byte(schedule):
    engine, corpus, options = trained(schedule)
    before = engine.center.tobytes(), engine.outside.tobytes()
    loss = engine.end_loss(engine.workspace())
    assert (engine.center.tobytes(), engine.outside.tobytes()) == before
    reference = ENGINES[schedule](corpus, options, "reference")
    reference.center[:], reference.outside[:] = engine.center, engine.outside
    assert loss == pytest.approx(reference.end_loss(reference.workspace()), rel=1e-5)  # sums of 8,000 float32 losses
    assert loss == engine.end_loss(engine.workspace())


def test_both_schedules_estimate_the_same_loss():
    losses = []
    first, *_ = trained("blocks")
    second, *_ = trained("hogwild")
    for each in (first, second):
        second._padded_center[:], second._padded_outside[:] = first._padded_center, first._padded_outside
        losses.append(each.end_loss(each.workspace()))
    # The same 8,000 pairs, each with five of its own noise words: their losses vary by some 5 %.
    assert losses[0] == pytest.approx(losses[1], rel=0.01)


@pytest.mark.parametrize("schedule", ENGINES)
def test_the_end_loss_is_constant_at_a_rate_of_zero(schedule):
    model = Word2Vec(**SMALL, schedule=schedule, alpha=1e-12, min_alpha=0).fit(ids(60_000, seed=4), progress=False)
    first, second = (record.end_loss for record in model.history)
    assert first == pytest.approx(second, rel=1e-6)
    # Every score is 0: a pair costs log 2, and so does each of its noise words that is not its outside word.
    assert 3 * np.log(2) < first < 6 * np.log(2)


def test_the_sample_comes_from_the_whole_corpus_and_fits_a_token_block():
    options = Options(min_count=1)
    corpus = read_corpus(np.arange(4_000_000).reshape(-1, 20) // 1_000, options)  # ids rise through the corpus
    tokens = blocks.Blocks(corpus, options)._sample()
    assert 0.9 * BLOCK_WORDS < len(tokens) <= BLOCK_WORDS
    words = tokens[tokens != END]
    seen = np.array(corpus.vocabulary.index_to_key)[words]
    assert len(np.unique(seen // 250)) == 16, "16 places, from the first to the last"


def test_the_sample_of_a_corpus_of_one_token_block_comes_from_all_of_it():
    options = Options(min_count=1)
    corpus = read_corpus(np.arange(20_000).reshape(-1, 20), options)
    seen = np.array(corpus.vocabulary.index_to_key)[blocks.Blocks(corpus, options)._sample().clip(0)]
    assert len(np.unique(seen // 1_250)) == 16


def test_a_corpus_of_a_few_words_is_its_own_sample():
    options = Options(min_count=1)
    corpus = read_corpus([["a", "b"], ["c", "a"]], options)
    tokens = hogwild.Hogwild(corpus, options)._sample().tolist()
    assert tokens[:6] == [0, 1, END, 2, 0, END]


def test_a_sample_without_pairs_has_no_loss():
    options = Options(min_count=1)
    engine = hogwild.Hogwild(read_corpus([["a"]] * 3_000 + [["a", "b"]], options), options)
    assert engine.end_loss(engine.workspace()) is None


def test_the_softmax_has_no_end_loss_because_its_loss_is_exact():
    model = Word2Vec(**SMALL, objective="softmax", warm_epochs=0).fit(ids(4_000, seed=4), progress=False)
    assert model.history[-1].end_loss is None
