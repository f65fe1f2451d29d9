"""The stages of a training run on the softmax, a warm start and then passes, and their checkpoints."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.options import MOST_SUMMED_WINDOW, Options, shortened
from firth.subwords import SubwordVectors
from firth.training.loop.engine import Engine, Matrix
from firth.training.loop.progress import Reporter
from firth.training.loop.start import StartRows
from firth.training.loop.state import Checkpointer, State
from firth.training.loop.trainer import Trainer
from firth.training.windows.frozen import NONE_FROZEN

WARM, PASSES = "warm", "passes"


def warm_options(options: Options) -> Options:
    """Return the options of the warm start."""
    window = min(options.window, MOST_SUMMED_WINDOW)
    return dataclasses.replace(options, epochs=options.warm_epochs, window=window)


def first_stage(checkpointer: Checkpointer, options: Options, *, has_outside: bool = False) -> str:
    """Return the stage to start or resume with; `has_outside` if outside vectors to start from are given.

    Raises `CheckpointError` if the stage of the checkpoint is unknown.
    """
    stages = [WARM, PASSES] if options.warm_epochs else [PASSES]
    resumed = checkpointer.resumed
    if resumed is None:
        return PASSES if has_outside else stages[0]
    for stage in stages:
        if list(resumed.position) == [stage] and isinstance(resumed.position[stage], dict):
            return stage
    raise resumed.wrong(f"the position is {shortened(resumed.position)}, and must be one of {stages}")


class StageCheckpointer(Checkpointer):
    """Saves the states of one stage through the checkpointer of the run, under the stage's name."""

    def __init__(self, checkpointer: Checkpointer, stage: str):
        super().__init__()
        self._checkpointer, self._stage = checkpointer, stage
        kept, checkpointer.resumed = checkpointer.resumed, None
        self.resumed = kept._replace(position=kept.position[stage]) if kept is not None else None

    def due(self) -> bool:
        return self._checkpointer.due()

    def save(self, state: State, *, last: bool) -> None:
        self._checkpointer.save(State({self._stage: state.position}, state.arrays), last=last)


class StagedTrainer:
    """What trainers of the softmax share, on one machine and on a cluster: each stage has a `Trainer` of its own."""

    nodes: Matrix | None = None
    subwords: SubwordVectors | None = None

    def __init__(self, reporter: Reporter, checkpointer: Checkpointer | None):
        self._reporter, self._checkpointer = reporter, checkpointer or Checkpointer()
        self._current: Trainer | None = None
        self._stopped = False
        self._start: StartRows | None = None
        self._frozen = NONE_FROZEN

    def start_from(self, rows: StartRows) -> None:
        """Replace initial values. If these include outside vectors, there is no warm start."""
        self._start = rows

    def freeze(self, frozen: NDArray[np.bool_]) -> None:
        """Keep center rows as they are: those of the words where `frozen`, (V,), is True."""
        self._frozen = frozen

    def stop(self) -> None:
        """Make `epochs` stop in the middle of a task."""
        self._stopped = True
        if self._current is not None:
            self._current.stop()

    @property
    def _starts_with_outside(self) -> bool:
        """Whether outside vectors to start from are given."""
        return self._start is not None and self._start.outside is not None

    def _stage_trainer(
        self, stage: str, engine: Engine[Any, Any], options: Options, start: StartRows | None
    ) -> Trainer:
        """Return the trainer of a stage, from the vectors `start` if given; it is stopped if `stop` was called."""
        kept = StageCheckpointer(self._checkpointer, stage)
        self._current = Trainer(engine, options, 1, self._reporter, kept)
        self._current.freeze(self._frozen)
        if start is not None:
            self._current.start_from(start)
        if self._stopped:
            self._current.stop()
        return self._current
