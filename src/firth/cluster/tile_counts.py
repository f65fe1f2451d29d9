"""Counts n(c, o) on a cluster: each member counts the pairs of its text, and keeps the columns o of its own words.

A task's run is divided by the owners of the outside words, and each gets its cells. Weights are whole numbers, so that
sums do not depend on how the text is divided.
"""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import NamedTuple

import numpy as np

from firth.cluster.exchange import Exchange
from firth.cluster.setup import Setup
from firth.cluster.tiles import TileShares
from firth.sorted_runs import SortedRun
from firth.text import TokenStore
from firth.threads import in_order
from firth.training.softmax.cooccurrence import (
    Cooccurrence,
    KeptRuns,
    PairCounter,
    RunMerger,
    blocks_per_task,
)
from firth.training.softmax.exact import Doubles


class CountedTask(NamedTuple):
    """The pairs of a task: a run for each member, and the sums of the weights of each center, (V,)."""

    runs: list[SortedRun]
    totals: Doubles


class PairCounting:
    """Counts the pairs of a corpus together with the other members; all call `count` at the same time.

    words  words of this member's text that are counted so far; any thread may read it
    """

    def __init__(self, setup: Setup, shares: TileShares, tokens: TokenStore, exchange: Exchange):
        self._setup, self._shares, self._exchange = setup, shares, exchange
        firsts, starts, me = setup.first_token_blocks, tokens.block_starts, exchange.number
        # The token blocks after these are held out.
        self._n_words = tokens.n_words * int(starts[setup.token_blocks[me]]) // max(1, int(starts[-1]))
        blocks = range(firsts[me], firsts[me + 1])
        self._counter = PairCounter(tokens, setup.counts, setup.options, setup.longest, blocks=blocks)
        self._halted = False
        self.words = 0

    def halt(self) -> None:
        """Make `count` end soon with an error."""
        self._halted = True

    def count(self, workers: int) -> Cooccurrence:
        """Return the columns of this member's words, with the totals of all columns."""
        runs, totals = KeptRuns(self._counter.V), np.zeros(self._counter.V)
        with ThreadPoolExecutor(workers, thread_name_prefix="firth-pairs") as pool:
            with closing(in_order(pool, self._count, self._counter.starts, workers)) as tasks:
                for step in range(max(map(self._tasks_of, range(self._setup.members)))):
                    self._send(step, tasks, totals)
                    self._keep(step, runs)
            totals = self._sum(totals) / self._counter.unit
            return dataclasses.replace(
                RunMerger(runs, self._counter).merge(pool, workers), totals=totals, outside_totals=totals
            )

    def _tasks_of(self, member: int) -> int:
        per_task = blocks_per_task(self._setup.longest, self._setup.options)
        return -(-self._setup.token_blocks[member] // per_task)

    def _count(self, first: int) -> CountedTask:
        run, _ = self._counter.count(first)
        shift = self._counter.shift
        owners = self._shares.owners(run.cells & ((1 << shift) - 1))
        runs = [SortedRun(run.cells[own], run.sums[own]) for own in (owners == m for m in range(self._setup.members))]
        return CountedTask(runs, np.bincount(run.cells >> shift, run.sums, self._counter.V).astype(np.float64))

    def _send(self, step: int, tasks: Iterator[CountedTask], totals: Doubles) -> None:
        """Send the pairs of a task of this member, if it has as many, and add to its totals."""
        if self._halted:
            raise InterruptedError("training was interrupted")
        me = self._exchange.number
        if step >= self._tasks_of(me):
            return
        task = next(tasks)
        totals += task.totals
        for member, run in enumerate(task.runs):
            self._exchange.send(member, ("cells", step, me), run.cells)
            self._exchange.send(member, ("sums", step, me), run.sums)
        self.words = self._n_words * (step + 1) // self._tasks_of(me)

    def _keep(self, step: int, runs: KeptRuns) -> None:
        """Take the pairs that this and other members sent."""
        for member in range(self._setup.members):
            if step < self._tasks_of(member):
                run = SortedRun(*(self._exchange.take((name, step, member)) for name in ("cells", "sums")))
                runs.add(run, np.bincount(run.cells >> self._counter.shift, minlength=self._counter.V))

    def _sum(self, totals: Doubles) -> Doubles:
        """Return the sum of an array of each member: whole numbers."""
        me, members = self._exchange.number, range(self._setup.members)
        for member in members:
            self._exchange.send(member, ("totals", me), totals)
        return np.asarray(sum(self._exchange.take(("totals", member)) for member in members))
