"""Forecast: memory, disk, network and time of a training run, on one machine and on several."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from firth.cluster import expected
from firth.cluster.setup import Setup
from firth.compiling.kernel import COMPILER_BYTES, compiler_memory
from firth.options import Options
from firth.planning.machines import Machines
from firth.planning.measuring import measure
from firth.planning.sized_corpus import SENTENCE_WORDS
from firth.planning.speeds import Speeds
from firth.planning.workload import Workload
from firth.text.store import MEMORY_LIMIT
from firth.training.loop.checkpoint import KEPT
from firth.training.registry import objective_of

_LIBRARIES = 120 * 2**20  # Python, NumPy and PyArrow
_WORD_BYTES = 200  # of a word of the vocabulary: its text, its places in a list and in a dictionary, its count
_EPOCH = 1  # an epoch like most: the first one begins with small chunks


class Phase(NamedTuple):
    """The seconds of a part of each chunk, summed over an epoch, by what takes them at the same time."""

    processor: float = 0.0
    network: float = 0.0
    hottest_word: float = 0.0  # the block of rows with most work: its buckets are trained one after the other

    @property
    def limit(self) -> str:
        """What takes longest."""
        return self._fields[self.index(max(self))].replace("_", " ")


class Seconds(NamedTuple):
    """The time of an epoch. Members of a cluster finish one phase of a chunk before the next."""

    making: Phase  # pairs are made, and sent to the owners of their centers
    sorting: Phase  # rows are sorted by their new blocks
    moving: Phase  # and sent to their new owners
    training: Phase  # buckets are trained, and outside blocks pass to the next member

    @property
    def epoch(self) -> float:
        """The time of the epoch."""
        return sum(map(max, self))

    @property
    def limit(self) -> str:
        """What limits the phases that take longest together."""
        times: dict[str, float] = {}
        for phase in self:
            times[phase.limit] = times.get(phase.limit, 0.0) + max(phase)
        return max(times, key=times.__getitem__)


@dataclass(frozen=True)
class NodesForecast:
    """What a run needs on a number of machines.

    nodes            how many machines
    memory           bytes of each part of the memory of a machine
    disk             bytes of each file
    sent             bytes that a machine sends in an epoch, by what they are
    seconds          of an epoch
    reading_seconds  to read the text, once
    total_seconds    to read the text and to train all epochs
    limit            what limits the run: "memory", "processor", "hottest word" or "network"
    """

    nodes: int
    memory: dict[str, int]
    disk: dict[str, int]
    sent: dict[str, float]
    seconds: Seconds
    reading_seconds: float
    total_seconds: float
    limit: str

    @property
    def memory_bytes(self) -> int:
        """The memory of a machine."""
        return sum(self.memory.values())

    def to_dict(self) -> dict[str, Any]:
        """Return names and values, ready for JSON."""
        phases = {name: phase._asdict() for name, phase in self.seconds._asdict().items()}
        seconds = {**phases, "epoch": self.seconds.epoch}
        return asdict(self) | {"seconds": seconds, "memory_bytes": self.memory_bytes}


@dataclass(frozen=True)
class Forecast:
    """What a training run needs, as `plan` estimates it.

    workload  the size of the run, and its options
    machines  those that it shall run on
    speeds    of each of them
    """

    workload: Workload
    machines: Machines
    speeds: Speeds

    def rows(self) -> list[NodesForecast]:
        """Return the forecast for 1, 2, 4 ... machines, and last for as many as were asked for."""
        return [self.on(nodes) for nodes in _doubled(self.machines.nodes)]

    def on(self, nodes: int) -> NodesForecast:
        """Return what the run needs on `nodes` machines; raise `OptionError` if it cannot run on so many."""
        if nodes > 1:
            self.workload.check_nodes()
            self.workload.on(nodes).check()
        memory, seconds = self._memory(nodes), self.seconds(nodes)
        sent = expected.sent_bytes(self.workload.on(nodes), self.workload.steps, _EPOCH)
        read_words = self.speeds.read_words / self.speeds.cores * self.machines.cores * nodes
        reading = self.workload.words / read_words
        total = reading + self.workload.options.epochs * seconds.epoch
        fits = sum(memory.values()) <= self.machines.memory_bytes
        limit = seconds.limit if fits else "memory"
        return NodesForecast(nodes, memory, self._disk(nodes), sent._asdict(), seconds, reading, total, limit)

    def seconds(self, nodes: int) -> Seconds:
        """Return the time of an epoch on `nodes` machines."""
        load, cores, speeds = self.workload, self.machines.cores, self.speeds
        alone = load.steps / speeds.steps_with(load.options)
        if load.options.schedule != "blocks":
            return _alone(Phase(alone / cores))
        hottest = alone * float(load.block_loads.max())
        if nodes == 1:  # pairs of the next chunk are made while this one is trained
            return _alone(Phase(alone / min(cores, load.blocks), 0.0, hottest))
        return self._seconds_of_members(load.on(nodes), alone)

    def _seconds_of_members(self, setup: Setup, alone: float) -> Seconds:
        """Return the time of an epoch that takes one core `alone` seconds."""
        load, cores, speeds = self.workload, self.machines.cores, self.speeds
        making, training = alone * speeds.making, alone * (1 - speeds.making)
        sent = expected.sent_bytes(setup, load.steps, _EPOCH)
        bandwidth = min(self.machines.network_gbits * 1e9 / 8, speeds.sent_bytes)
        busy, share = min(cores, len(setup.blocks_of(0))), expected.largest_share(setup, load.block_loads)
        return Seconds(
            Phase((making / setup.members + sent.pairs * speeds.cpu_per_byte) / cores, sent.pairs / bandwidth),
            Phase(expected.moved_bytes(setup, _EPOCH) / speeds.moved_bytes),
            Phase(0.0, sent.moves / bandwidth),
            Phase(
                training * share / busy + sent.ring * speeds.cpu_per_byte / cores,
                sent.ring / bandwidth,
                training * float(load.block_loads.max()),
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return names and values, ready for JSON."""
        load = self.workload
        return {
            "words": load.words,
            "vocabulary": load.vocabulary,
            "steps": load.steps,
            "blocks": load.blocks,
            "options": load.options.to_dict(),
            "machines": asdict(self.machines),
            "speeds": asdict(self.speeds),
            "forecasts": [row.to_dict() for row in self.rows()],
        }

    def _memory(self, nodes: int) -> dict[str, int]:
        load, workers = self.workload, self.machines.cores
        read = {
            "Python and libraries": _LIBRARIES + COMPILER_BYTES - compiler_memory(),
            "words of the vocabulary": _WORD_BYTES * load.vocabulary,
            "text": min(MEMORY_LIMIT, self._token_bytes(nodes)),
        }
        if nodes > 1:
            return read | expected.memory_needed(load.corpus, load.on(nodes), workers)
        return read | objective_of(load.options).memory_needed(load.corpus, load.options, workers)

    def _token_bytes(self, nodes: int) -> int:
        corpus = self.workload.corpus
        return 4 * (corpus.tokens.n_words + corpus.sentences) // nodes

    def _disk(self, nodes: int) -> dict[str, int]:
        load, tokens = self.workload, self._token_bytes(nodes)
        matrix = 4 * load.vocabulary * load.options.vector_size
        return {
            "model": 2 * matrix,
            "checkpoints": (KEPT + 1) * objective_of(load.options).state_matrices * matrix,
            "temporary file of the text": tokens if tokens > MEMORY_LIMIT else 0,
        }


def _alone(training: Phase) -> Seconds:
    """Return the time of an epoch on one machine."""
    return Seconds(Phase(), Phase(), Phase(), training)


def _doubled(most: int) -> Iterator[int]:
    nodes = 1
    while nodes < most:
        yield nodes
        nodes *= 2
    yield most


def plan(
    words: int,
    vocabulary: int,
    options: Options | None = None,
    machines: Machines | None = None,
    speeds: Speeds | None = None,
    *,
    sentence_words: int = SENTENCE_WORDS,
) -> Forecast:
    """Return what a training run needs: memory, disk, network and time.

      words           words of the corpus
      vocabulary      V, the number of different words after `min_count` and `max_vocab`
      options         of the run; None: the defaults
      machines        that it shall run on; None: this one
      speeds          of each machine, from `measure` or `Speeds.load`; None: measure this one, which takes some seconds
      sentence_words  words of a sentence, on average

    How often each word occurs follows from Zipf's law. Raises `OptionError` for an argument that is not allowed.
    """
    load = Workload(words, vocabulary, options or Options(), sentence_words)
    machines = machines or Machines()
    if machines.nodes > 1:
        load.on(machines.nodes).check()
    return Forecast(load, machines, speeds or measure(load.options, load.shape))
