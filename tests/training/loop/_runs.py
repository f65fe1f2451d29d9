"""Short training runs, interrupts at chosen tasks, and a reporter that records."""

import signal
import tempfile
import threading
from pathlib import Path

import numpy as np

from firth import Word2Vec
from firth.training.arguments import Callbacks
from firth.training.cbow.hogwild import CbowPaths, CbowSampling
from firth.training.hierarchical_softmax.blocks import PathBlocks
from firth.training.hierarchical_softmax.hogwild import HogwildPaths
from firth.training.joint.hogwild import JointCbow, JointWindows
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.negative_sampling import blocks, hogwild
from firth.training.run import Plan, Texts
from firth.training.softmax import passes
from firth.training.subwords.hogwild import SubwordCbow, SubwordCbowPaths, SubwordPaths, SubwordSampling

SMALL = {"vector_size": 12, "window": 3, "min_count": 1, "sample": 0.01, "epochs": 3, "blocks": 5}
KINDS = {
    "blocks": {"schedule": "blocks"},
    "hogwild": {"schedule": "hogwild"},
    "paths": {"objective": "hierarchical_softmax", "schedule": "hogwild"},
    "path blocks": {"objective": "hierarchical_softmax", "schedule": "blocks"},
    "cbow": {"architecture": "cbow"},
    "cbow paths": {"architecture": "cbow", "objective": "hierarchical_softmax"},
    "both": {"objective": "hierarchical_softmax+negative_sampling"},
    "warm": {"objective": "softmax", "warm_epochs": 2},
    "cold": {"objective": "softmax", "warm_epochs": 0},
}
ONE_WORKER = ("hogwild", "paths", "cbow", "cbow paths", "both")
"""Kinds that give the same bytes with one worker only."""
ENGINES = (
    blocks.Blocks, hogwild.Hogwild, HogwildPaths, CbowSampling, CbowPaths, passes.Passes, SubwordSampling, SubwordCbow,
    SubwordPaths, SubwordCbowPaths, PathBlocks, JointWindows, JointCbow,
)  # fmt: skip


def ids(n=12_000, V=200, seed=5):
    """Rows of 20 ids whose frequencies follow Zipf's law."""
    weights = 1 / np.arange(1, V + 1)
    return np.random.default_rng(seed).choice(V, (n // 20, 20), p=weights / weights.sum())


def model_of(kind, workers=2, **options):
    return Word2Vec(**SMALL | KINDS[kind] | options, workers=1 if kind in ONE_WORKER else workers)


def saved(model):
    """Return the bytes of the model's file."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder, "model"))
        return Path(folder, "model").read_bytes()


def uninterrupted(kind, corpus=None, validation=None, callbacks=(), **options):
    """Return the bytes of a model that was trained in one go."""
    corpus = ids() if corpus is None else corpus
    return saved(model_of(kind, **options).fit(corpus, validation=validation, callbacks=callbacks, progress=False))


def fit_reporting(model, corpus, report, checkpointer=None):
    """Fit with a reporter and a checkpointer that the caller has made."""
    plan = Plan(Texts(corpus), model.options, model.workers, report, checkpointer or Checkpointer())
    return model._fit(plan, Callbacks(()))


class Log(Reporter):
    def __init__(self):
        self.lines, self.warnings = [], []

    def show(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.warnings.append(text)


class Interrupts:
    """Sends a signal when the n-th task begins, and lets that task end only when the workers are to pause."""

    def __init__(self, monkeypatch, number=signal.SIGINT):
        self.at, self.begun = None, 0
        self._number, self._lock, self._paused = number, threading.Lock(), None
        for engine in ENGINES:
            monkeypatch.setattr(engine, "tasks", self._wrapped_tasks(engine.tasks))
            monkeypatch.setattr(engine, "train", self._wrapped_train(engine.train))

    def after(self, n):
        """Interrupt the next run at its n-th task; None: do not interrupt it."""
        self.at, self.begun = n, 0

    def _wrapped_tasks(self, tasks):
        def wrapped(engine, epoch, done, paused):
            self._paused = paused
            return tasks(engine, epoch, done, paused)

        return wrapped

    def _wrapped_train(self, train):
        def wrapped(engine, task, rate, work):
            with self._lock:
                self.begun += 1
                is_it = self.begun == self.at
            result = train(engine, task, rate, work)
            if is_it:
                signal.raise_signal(self._number)
                assert self._paused.wait(20)
            return result

        return wrapped
