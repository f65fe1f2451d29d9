"""The Hogwild schedule: all workers update both matrices without locks, one block of tokens at a time.

Niu, Recht, Ré and Wright (2011, arXiv:1106.5730) show that lost updates do little harm if each update changes few rows.
"""

import threading

from firth.training.draws import block_key
from firth.training.guards import checked_ids
from firth.training.loop.engine import TaskResult, WorkspaceT
from firth.training.windows.engine import WindowEngine
from firth.training.windows.token_blocks import TokenBlockQueue, TokenBlockTask


class HogwildEngine(WindowEngine[TokenBlockTask, WorkspaceT]):
    """The base class of the engines of this schedule; with one worker the result is deterministic."""

    def all_done(self, epoch: int) -> list[int]:
        return [self._tokens.n_blocks]

    def tasks(self, epoch: int, done: list[int] | None, paused: threading.Event) -> TokenBlockQueue:
        return TokenBlockQueue(epoch, done[0] if done else 0, self._tokens.n_blocks, paused)

    def train(self, task: TokenBlockTask, rate: float, work: WorkspaceT) -> TaskResult:
        tokens = checked_ids(self._tokens.read_epoch(task.epoch, task.block), len(self._keep), task.block)
        result = self._train_alone(tokens, block_key(self._options.seed, task.epoch, task.block), rate, work)
        return result._replace(share=1 / self._tokens.n_blocks)
