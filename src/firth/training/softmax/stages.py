"""The stages of a training run on the softmax, a warm start and then passes, and their checkpoints."""

import dataclasses

from firth.options import MOST_SUMMED_WINDOW, Options, shortened
from firth.training.loop.state import Checkpointer, State

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
