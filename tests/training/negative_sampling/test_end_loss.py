"""The loss that is comparable between epochs: a fixed sample of pairs and noise words, with both matrices frozen."""

import io

import numpy as np
import pytest
from training import test_blocks, test_kernels

from firth import Options, Word2Vec
from firth.text import BLOCK_WORDS, END, read_corpus
from firth.training import draws
from firth.training.loop import trainer
from firth.training.loop.progress import Lines, Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import EpochRecord, Trainer
from firth.training.negative_sampling import blocks, hogwild
from firth.training.sampling import alias_table
from firth.training.softmax import passes

ENGINES = {"blocks": blocks.Blocks, "hogwild": hogwild.Hogwild}
SMALL = {"vector_size": 12, "window": 3, "min_count": 1, "sample": 0.01, "epochs": 2, "blocks": 5}


def zipf_ids(n=60_000, V=200):
    weights = 1 / np.arange(1, V + 1)
    return np.random.default_rng(4).choice(V, (n // 20, 20), p=weights / weights.sum())


def trained(schedule, **options):
    """Return an engine that was trained, and the vocabulary's counts."""
    options = Options.from_dict(SMALL | {"schedule": schedule} | options)
    corpus = read_corpus(zipf_ids(), options)
    engine = ENGINES[schedule](corpus, options)
    list(Trainer(engine, options, 2, Reporter()).epochs())
    return engine, options, corpus.vocabulary.counts


def by_hand(engine, options, counts):
    """Return the mean loss of the engine's sample, in float64, pair by pair, by `objectives.negative_sampling`."""
    tokens, alias = engine._sample(), alias_table(counts, options.ns_exponent)
    key = draws.block_key(options.seed, 2**32 - 1)
    if options.schedule == "hogwild":
        *_, pairs, loss = test_kernels.oracle(
            engine.center, engine.outside, tokens, window=options.window, negative=options.negative,
            shrink=True, rate=0.0, keep=engine._keep, alias=alias, key=key,
        )  # fmt: skip
        return loss / pairs
    work = engine.workspace()
    pairs = engine._gather([engine._make_pairs(tokens, key, engine._one_block, work)], 0, work)
    *_, loss = test_blocks.oracle(engine.center, engine.outside, pairs, alias, key, options.negative, 0.0)
    return loss / len(pairs)


@pytest.mark.parametrize("schedule", ENGINES)
def test_the_end_loss_is_that_of_the_equations_and_changes_no_byte(schedule):
    engine, options, counts = trained(schedule)
    before = engine.center.tobytes(), engine.outside.tobytes()
    loss = engine.end_loss(engine.workspace())
    assert (engine.center.tobytes(), engine.outside.tobytes()) == before
    # Sums of some 8,000 float32 losses.
    assert loss == pytest.approx(by_hand(engine, options, counts), rel=1e-5)
    assert loss == engine.end_loss(engine.workspace())


def test_both_schedules_estimate_the_same_loss():
    losses = []
    first, *_ = trained("blocks")
    second, *_ = trained("hogwild")
    for engine in (first, second):
        second._padded_center[:], second._padded_outside[:] = first._padded_center, first._padded_outside
        losses.append(engine.end_loss(engine.workspace()))
    # The same 8,000 pairs, each with five of its own noise words: their losses vary by some 5 %.
    assert losses[0] == pytest.approx(losses[1], rel=0.01)


@pytest.mark.parametrize("schedule", ENGINES)
def test_the_end_loss_stays_where_nothing_is_learned(schedule):
    model = Word2Vec(**SMALL, schedule=schedule, alpha=1e-12, min_alpha=0).fit(zipf_ids(), progress=False)
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


def test_the_softmax_has_none_because_its_loss_is_exact():
    model = Word2Vec(**SMALL, objective="softmax", warm_epochs=0).fit(zipf_ids(4_000), progress=False)
    assert model.history[-1].end_loss is None


def test_a_model_keeps_its_end_losses(tmp_path):
    model = Word2Vec(**SMALL).fit(zipf_ids(), progress=False)
    model.save(tmp_path / "model.firth")
    kept = [record.end_loss for record in Word2Vec.load(tmp_path / "model.firth").history]
    assert kept == [record.end_loss for record in model.history]
    assert None not in kept


# --- what is shown


def record(loss, end_loss):
    return EpochRecord(epoch=1, loss=loss, pairs=10, words=10, alpha=0.01, seconds=1.0, end_loss=end_loss)


def test_the_summary_names_both_losses():
    assert "  loss 2.2000  end loss 2.1000  " in trainer.summary(record(2.2, 2.1), 5, exact=False)


@pytest.mark.parametrize(
    ("losses", "explained"),
    [
        ([(2.2, 2.3), (2.3, 2.2), (2.4, 2.1)], 1),  # once
        ([(2.2, 2.3), (2.1, 2.2)], 0),
        ([(2.2, 2.3), (2.3, 2.4)], 0),  # both rise: that is something else
        ([(2.2, None), (2.3, None)], 0),
    ],
)
def test_a_loss_that_rises_while_the_end_loss_falls_is_explained_once(losses, explained):
    stream = io.StringIO()
    options = Options.from_dict(SMALL)
    loop = Trainer(blocks.Blocks(read_corpus(zipf_ids(2_000), options), options), options, 1, Lines(stream))
    for each in losses:
        loop._explain(record(*each))
    assert stream.getvalue().count("the loss rose because a lower learning rate") == explained


# --- progress

RATES = [(999, "999 words/s"), (99_999, "99,999 words/s"), (100_000, "0.10 M words/s"), (2.5e6, "2.50 M words/s")]


@pytest.mark.parametrize(("words", "text"), RATES)
def test_a_rate_is_shown_in_millions_from_100_000_on(words, text):
    assert trainer.rate_of(2 * words, 2.0) == text


def test_the_time_left_of_a_resumed_run_counts_only_what_this_run_did(monkeypatch):
    clock, stream = [100.0], io.StringIO()
    monkeypatch.setattr("firth.training.loop.progress.time.monotonic", lambda: clock[0])
    lines = Lines(stream, interval=1.0)
    lines.stage("training", 1000)
    for done in (500, 600):  # half is from an earlier run
        lines.advance(done)
        clock[0] += 10
    lines.advance(700)
    assert stream.getvalue().splitlines()[-1] == "training 70% 0:00:30 left"


KINDS = {
    "blocks": {"schedule": "blocks"},
    "hogwild": {"schedule": "hogwild"},
    "cold": {"objective": "softmax", "warm_epochs": 0},
}


@pytest.fixture
def done(monkeypatch):
    """The results of all tasks done, as soon as each is."""
    results = []
    for engine in (blocks.Blocks, hogwild.Hogwild, passes.Passes):

        def train(self, task, rate, work, inner=engine.train):
            results.append(inner(self, task, rate, work))
            return results[-1]

        monkeypatch.setattr(engine, "train", train)
    return results


@pytest.mark.parametrize("kind", KINDS)
def test_the_shares_of_an_epochs_pieces_make_one_epoch(kind, done):
    Word2Vec(**SMALL | KINDS[kind] | {"epochs": 3}).fit(zipf_ids(), progress=False)
    assert sum(result.share for result in done) == pytest.approx(3)
    assert all((result.share > 0) == (result.pairs > 0) for result in done)


class Shown(Lines):
    """Notes what is shown of training, beside the share of the epochs that is done by then."""

    def __init__(self, stream, results):
        super().__init__(stream, interval=0.0)
        self.shown, self._results = [], results

    def advance(self, done, total=None, note=""):
        if self._name == "training":
            self.shown.append((done / self._total, sum(result.share for result in self._results), note))


@pytest.mark.parametrize("kind", KINDS)
def test_progress_shows_what_is_done_and_no_loss_before_there_is_one(kind, done, monkeypatch):
    monkeypatch.setattr(trainer, "POLL_SECONDS", 0.001)
    report = Shown(io.StringIO(), done)
    Word2Vec(**SMALL | KINDS[kind])._fit(zipf_ids(), report, Checkpointer())
    for shown, share, note in report.shown:
        # Words are rounded to whole ones.
        assert shown <= share / 2 + 1e-4
        assert "nan" not in note
        assert "0.00 M words/s" not in note
    assert report.shown[-1][0] == 1.0
