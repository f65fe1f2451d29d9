"""The trainer: the loss, threads, stopping, errors, memory, progress and the lines that report an epoch."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numba
import numpy as np
import pytest
from stress._child import output_of
from training.loop._runs import ENGINES, Log, fit_reporting, ids, model_of

import firth
from firth import CorpusError, DivergenceError, OptionError, Options, Word2Vec, resources
from firth.errors import NotEnoughMemoryError
from firth.text import read_corpus
from firth.training.loop import trainer
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import EpochRecord
from firth.training.negative_sampling import hogwild

SMALL = {"schedule": "hogwild", "vector_size": 16, "window": 3, "negative": 5, "min_count": 1, "sample": 0, "epochs": 2}


def sentences(n=4000, seed=1):
    """Two topics of ten words each: words of one topic stand together."""
    rng = np.random.default_rng(seed)
    topics = [[f"{name}{i}" for i in range(10)] for name in ("cat", "car")]
    return [list(rng.choice(topics[i % 2], 8)) for i in range(n)]


@pytest.fixture(scope="module")
def corpus():
    return sentences()


@pytest.fixture(scope="module")
def model(corpus):
    return Word2Vec(**SMALL, workers=2).fit(corpus, progress=False)


def test_words_of_one_topic_become_similar(model):
    wv = model.wv
    assert all(word.startswith("cat") for word, _ in wv.most_similar("cat3", topn=9))
    assert wv.similarity("cat1", "cat2") > 0.5 > wv.similarity("cat1", "car2")


def test_history_counts_every_pair_and_word(model, corpus):
    assert [record.epoch for record in model.history] == [1, 2]
    for record in model.history:
        assert record.words == 8 * len(corpus)
        assert record.seconds > 0
    # A window of 1, 2 or 3 to either side, each a third of the time, in sentences of 8.
    expected = sum(min(reach, i) + min(reach, 7 - i) for reach in (1, 2, 3) for i in range(8)) / 3 * len(corpus)
    assert model.history[0].pairs == pytest.approx(expected, rel=0.01)
    assert model.history[-1].alpha == pytest.approx(model.options.min_alpha)


def test_a_fixed_window_makes_every_pair(corpus):
    model = Word2Vec(**SMALL | {"shrink_windows": False, "epochs": 1}, workers=1).fit(corpus, progress=False)
    assert model.history[0].pairs == sum(min(3, i) + min(3, 7 - i) for i in range(8)) * len(corpus)


def test_the_loss_does_not_depend_on_the_number_of_workers(corpus):
    losses = [
        [record.loss for record in Word2Vec(**SMALL, workers=workers).fit(corpus, progress=False).history]
        for workers in (1, 2, 5)
    ]
    # The order of updates differs; over 100,000 pairs of a loss near 3 that is well under 1 %.
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.01)
    np.testing.assert_allclose(losses[2], losses[0], rtol=0.01)


def test_the_loss_starts_at_log_2_for_each_score(corpus):
    """With u = 0 every score is 0, so a pair costs (1 + K) log 2, less the noise words left out."""
    options = SMALL | {"alpha": 1e-12, "min_alpha": 0, "epochs": 1, "negative": 3}
    loss = Word2Vec(**options, workers=2).fit(corpus, progress=False).history[0].loss
    share_left_out = 1 / 20  # 20 words, equally frequent
    assert loss == pytest.approx((1 + 3 * (1 - share_left_out)) * np.log(2), rel=0.005)


TRAIN_AND_HASH = r"""
import hashlib, sys
from firth import Word2Vec
lines = ["the cat sat on the mat", "a na\u00efve caf\u00e9", "the dog sat on the cat"] * 300
model = Word2Vec(vector_size=20, min_count=1, epochs=2, seed=3, workers=int(sys.argv[1]))
model.fit((line.split() for line in lines), progress=False)
print(hashlib.sha256(model.wv.vectors.tobytes() + model.outside.tobytes()).hexdigest())
"""


def test_hash_seed_locale_folder_and_workers_change_no_byte(tmp_path):
    # The locale C decodes no non-ASCII path of an editable install; it does decode one in the environment.
    environment = {"PYTHONUTF8": "0", "PYTHONPATH": str(Path(firth.__file__).parents[1])}
    digests = {
        output_of(TRAIN_AND_HASH, workers, cwd=folder, PYTHONHASHSEED=seed, LC_ALL=locale, **environment)
        for workers, folder, seed, locale in ((1, tmp_path, "0", "C.UTF-8"), (3, tmp_path.parent, "12345", "C"))
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64


@pytest.mark.parametrize("kind", ["blocks", "hogwild", "cbow", "cold"])
def test_another_seed_gives_other_vectors(kind):
    one, other = (model_of(kind, seed=seed).fit(ids(), progress=False).wv.vectors for seed in (3, 4))
    assert not np.allclose(one, other)


@pytest.mark.parametrize(("vector_size", "negative", "window"), [(1, 1, 1), (2048, 1, 2), (5, 64, 2), (17, 5, 100)])
@pytest.mark.parametrize("kind", [{"schedule": "hogwild"}, {"schedule": "blocks"}, {"architecture": "cbow"}])
def test_the_ends_of_every_range_train(vector_size, negative, window, kind):
    options = {"vector_size": vector_size, "negative": negative, "window": window, "min_count": 1, "sample": 0}
    model = Word2Vec(**options, **kind, epochs=1).fit(sentences(50), progress=False)
    assert model.wv.vectors.shape == (20, vector_size)
    assert np.isfinite(model.wv.vectors).all()
    assert 0 < model.history[0].loss < (1 + negative) * np.log(2) * 1.01


@pytest.mark.parametrize("kind", [{"schedule": "hogwild"}, {"schedule": "blocks"}, {"architecture": "cbow"}])
def test_divergence_stops_at_once_with_advice(corpus, kind):
    options = SMALL | {"alpha": 1e30, "schedule": "auto"} | kind
    with pytest.raises(DivergenceError, match=r"loss became (inf|nan) in epoch 1, .* smaller alpha"):
        Word2Vec(**options).fit(corpus, progress=False)


@pytest.mark.parametrize("kind", [{}, {"schedule": "auto", "architecture": "cbow"}])
def test_a_corpus_without_pairs_is_refused(kind):
    with pytest.raises(CorpusError, match=r"2 words .* no two of them in one sentence"):
        Word2Vec(**SMALL | kind).fit([["one"], ["two"]], progress=False)


def test_too_little_memory_is_refused_with_the_sizes(corpus, monkeypatch):
    monkeypatch.setattr(resources, "memory_rooms", lambda unused: [("a limit", 10**6)])
    message = r"needs .* \(compiled .* matrices of 20 x 2048 .* and 1 MiB is available \(a limit\): use a smaller"
    with pytest.raises(NotEnoughMemoryError, match=message):
        Word2Vec(**SMALL | {"vector_size": 2048}).fit(corpus, progress=False)


INTERRUPTED = """
import sys, time
import numpy as np
from firth import Word2Vec
rng = np.random.default_rng(1)
options = {"vector_size": 512, "window": 50, "negative": 64, "min_count": 1, "sample": 0, "epochs": 1000}
model = Word2Vec(**options, shrink_windows=False, schedule=sys.argv[1])
try:
    model.fit(rng.integers(0, int(sys.argv[2]), (300, 1000)), progress=None)
except KeyboardInterrupt:
    print("usable", np.isfinite(model.wv.vectors).all(), len(model.wv.most_similar(5)), flush=True)
"""


@pytest.mark.parametrize(("schedule", "words"), [("hogwild", 1000), ("blocks", 1000), ("blocks", 20)])
def test_an_interrupt_stops_within_two_seconds_and_leaves_a_usable_model(schedule, words):
    command = [sys.executable, "-c", INTERRUPTED, schedule, str(words)]
    without_cache = {**os.environ, "FIRTH_CACHE_DIR": ""}
    with subprocess.Popen(
        command, env=without_cache, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        for line in process.stderr:  # until training starts
            if line.startswith("compiled"):
                break
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        assert process.stdout.readline() == "usable True 10\n"
        assert time.monotonic() - sent < 2.0
    assert process.returncode == 0


def test_a_numba_that_must_not_compile_is_refused(corpus, monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    with pytest.raises(OptionError, match="NUMBA_DISABLE_JIT is set"):
        Word2Vec(**SMALL).fit(corpus[:50], progress=False)


# --- the lines that report an epoch


def record(loss, end_loss):
    return EpochRecord(epoch=2, loss=loss, pairs=1000, words=500_000, alpha=0.01, seconds=0.25, end_loss=end_loss)


def test_the_summary_of_an_epoch_is_one_line():
    expected = "epoch 2/5  loss 1.5000{}  2.00 M words/s  0.2 s  1,000 pairs  alpha 0.0100"
    assert trainer.summary(record(1.5, None), 5, exact=False) == expected.format("")
    assert trainer.summary(record(1.5, 1.25), 5, exact=False) == expected.format("  end loss 1.2500")


@pytest.mark.parametrize(
    ("losses", "explained"),
    [
        ([(2.2, 2.3), (2.3, 2.2), (2.4, 2.1)], 1),  # once
        ([(2.2, 2.3), (2.1, 2.2)], 0),
        ([(2.2, 2.3), (2.3, 2.4)], 0),  # both rise: another problem
        ([(2.2, None), (2.3, None)], 0),
    ],
)
def test_a_loss_that_rises_while_the_end_loss_falls_is_explained_once(losses, explained, corpus):
    log, options = Log(), Options.from_dict(SMALL)
    loop = trainer.Trainer(hogwild.Hogwild(read_corpus(corpus, options), options), options, 1, log)
    for each in losses:
        loop._explain(record(*each))
    assert "\n".join(log.lines).count("the loss rose because a lower learning rate") == explained


@pytest.mark.parametrize(
    ("words", "text"),
    [(999, "999 words/s"), (99_999, "99,999 words/s"), (100_000, "0.10 M words/s"), (2.5e6, "2.50 M words/s")],
)
def test_a_speed_is_shown_in_millions_from_100_000_on(words, text):
    assert trainer.rate_of(2 * words, 2.0) == text


@pytest.fixture
def results(monkeypatch):
    """The results of all tasks, each added when it is done."""
    done = []
    for engine in ENGINES:

        def train(self, task, rate, work, inner=engine.train):
            done.append(inner(self, task, rate, work))
            return done[-1]

        monkeypatch.setattr(engine, "train", train)
    return done


class Progress(Reporter):
    """Records the progress of training, beside the share of the epochs that is done by then."""

    def __init__(self, results):
        self.shown, self._results = [], results

    def stage(self, name, total):
        self._total = total if name == "training" else None

    def advance(self, done, total=None, note=""):
        if self._total is not None:
            self.shown.append((done / self._total, sum(result.share for result in self._results), note))


@pytest.mark.parametrize("kind", ["blocks", "hogwild", "cbow", "cold"])
def test_progress_is_the_share_of_tasks_done_and_shows_no_loss_before_the_first(kind, results, monkeypatch):
    monkeypatch.setattr(trainer, "POLL_SECONDS", 0.001)
    report = Progress(results)
    fit_reporting(model_of(kind), ids(), report)
    assert sum(result.share for result in results) == pytest.approx(3)
    assert all((result.share > 0) == (result.pairs > 0) for result in results)
    for shown, share, note in report.shown:
        # Words are rounded to whole ones.
        assert shown <= share / 3 + 1e-4
        assert "nan" not in note
        assert " 0.00 M words/s" not in f" {note}"
    assert report.shown[-1][0] == 1.0


class Notes(Reporter):
    """Keeps the notes of the training stage."""

    def __init__(self):
        self.notes = []

    def advance(self, done, total=None, note=""):
        self.notes.append(note)


class OneThousandWords:
    """An engine of 1,000 words an epoch, for what the trainer reports of them."""

    center = outside = nodes = subwords = None
    n_words, raw_words = 900, 1000

    def workspace(self):
        return None

    def rate(self, done):
        return 0.025

    def restore(self, state):
        pass

    def all_done(self, epoch):
        return [9]


def notes_at(*tallies, resumed=None):
    """Return what is shown at each (epoch, progress, seconds, losses), in a new run or one that is resumed."""
    kept, notes = Checkpointer(), Notes()
    if resumed is not None:
        kept.resumed = trainer.Tally(*resumed).to_state()
    run = trainer.Trainer(OneThousandWords(), Options(), 1, notes, kept)
    for epoch, progress, seconds, losses in tallies:
        if epoch > run._tally.epoch:
            run._seconds_of_epochs += run._tally.seconds
        run._tally = trainer.Tally(epoch, None, 10 * len(losses), seconds, progress, losses)
        run._show()
    return notes.notes


def test_there_is_no_loss_before_the_first_pair_and_no_speed_before_half_a_second():
    shown = notes_at((0, 0.0, 0.1, []), (0, 0.1, 0.2, [30.0]), (0, 0.5, 2.0, [30.0, 20.0]))
    assert shown == ["", "loss 3.0000  alpha 0.0250", "250 words/s  loss 2.5000  alpha 0.0250"]


def test_the_speed_is_the_mean_of_the_run():
    """Epochs begin with tasks that train nothing; a speed of each epoch would begin near zero every time."""
    shown = notes_at((0, 1.0, 4.0, [30.0]), (1, 0.01, 0.4, [30.0]), (1, 0.5, 2.0, [30.0]))
    assert [note.split("  ")[0] for note in shown] == ["250 words/s", "230 words/s", "250 words/s"]


def test_the_speed_of_a_resumed_run_counts_only_what_this_run_did():
    earlier = (2, [5], 100, 50.0, 0.5, [300.0])  # epoch 2, half of it done in 50 seconds
    shown = notes_at((2, 0.5, 50.0, [300.0]), (2, 0.75, 51.0, [300.0]), resumed=earlier)
    assert [note.split("  ")[0] for note in shown] == ["loss 30.0000", "250 words/s"]
