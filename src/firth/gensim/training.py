"""One call of gensim's `train`: epochs of firth's `partial_fit`, with gensim's callbacks and loss."""

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from firth.errors import NothingToTrainError
from firth.gensim.callbacks import call_all
from firth.gensim.corpora import logger, word_lists
from firth.gensim.settings import frozen_words
from firth.model import Word2Vec as Model


class Rates(NamedTuple):
    """The learning rate of a call: it falls linearly from `start` to `end` in `epochs` epochs."""

    start: float
    end: float
    epochs: int

    def at(self, done: int) -> float:
        """Return the rate after `done` epochs."""
        return self.start - (self.start - self.end) * done / self.epochs


class TrainingCall:
    """Trains a firth model, epoch by epoch as seen from outside.

    owner     the model of `firth.gensim`, whose `take_over` copies the matrices of the firth model
    model     an untrained or trained firth model
    callbacks objects with gensim's four methods
    """

    def __init__(self, owner: Any, model: Model, rates: Rates, callbacks: Iterable[Any]):
        self._owner, self._model, self._rates, self._callbacks = owner, model, rates, list(callbacks)
        self._frozen = frozen_words(owner.wv)
        self.done = self.pairs = self.raw_words = 0

    def run(self, corpus: Any) -> None:
        """Train on a corpus, as `readable` returned it."""
        started = time.perf_counter()
        call_all(self._callbacks, "on_train_begin", self._owner)
        call_all(self._callbacks, "on_epoch_begin", self._owner)
        try:
            while self.done < self._rates.epochs:
                self._train_rest(corpus)
        finally:
            self._owner.take_over(self._model)
            self._owner.total_train_time += time.perf_counter() - started
        self._owner.train_count += 1
        call_all(self._callbacks, "on_train_end", self._owner)

    def _train_rest(self, corpus: Any) -> None:
        """Train for the epochs left; an epoch in which subsampling leaves no pair is skipped, as in gensim."""
        rates, left = self._rates, self._rates.epochs - self.done
        try:
            self._model.partial_fit(
                word_lists(corpus), left, alpha=rates.at(self.done), min_alpha=rates.end,
                update_counts=False, average=False, freeze=self._frozen, callbacks=self._after_epoch, progress=False,
            )  # fmt: skip
        except NothingToTrainError as error:
            logger.warning("epoch %d had nothing to train on: %s", self.done + 1, error)
            self._epoch_is_done()

    def _after_epoch(self, model: Model) -> None:
        record = model.history[-1]
        logger.info("epoch %d: loss %.4f nats per pair, %d pairs", self.done + 1, record.loss, record.pairs)
        self._owner.running_training_loss += record.loss * record.pairs
        self.pairs += record.pairs
        self.raw_words += record.words
        if self._callbacks:
            self._owner.take_over(model)
        self._epoch_is_done()

    def _epoch_is_done(self) -> None:
        self.done += 1
        call_all(self._callbacks, "on_epoch_end", self._owner)
        if self.done < self._rates.epochs:
            call_all(self._callbacks, "on_epoch_begin", self._owner)
