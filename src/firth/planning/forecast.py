"""Forecast: memory, disk, network and time of a training run, on one machine and on several."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from firth.cluster import expected
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


class Seconds(NamedTuple):
    """The time of an epoch, by what takes it; rows move between chunks, and all else is done at the same time."""

    processor: float  # all cores train
    hottest_block: float  # the buckets of the block of rows with most work, which are trained one after the other
    network: float  # outside blocks and pairs are sent
    moving: float  # rows are sorted and sent to their new owners

    @property
    def epoch(self) -> float:
        """The time of the epoch."""
        return max(self.processor, self.hottest_block, self.network) + self.moving

    @property
    def limit(self) -> str:
        """What takes most of it."""
        times = {
            "processor": self.processor,
            "hottest word": self.hottest_block,
            "network": max(self.network, self.moving),
        }
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
        seconds = {**self.seconds._asdict(), "epoch": self.seconds.epoch}
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
            return Seconds(alone / cores, 0.0, 0.0, 0.0)
        setup = load.on(nodes)
        sent = expected.sent_bytes(setup, load.steps, _EPOCH)
        bandwidth = min(self.machines.network_gbits * 1e9 / 8, speeds.sent_bytes)
        training = alone * expected.largest_share(setup, load.block_loads) / min(cores, len(setup.blocks_of(0)))
        sending = (sent.ring + sent.pairs) * speeds.cpu_per_byte / cores
        return Seconds(
            processor=training + sending,
            hottest_block=alone * float(load.block_loads.max()),
            network=(sent.ring + sent.pairs) / bandwidth,
            moving=max(sent.moves / bandwidth, expected.moved_bytes(setup, _EPOCH) / speeds.moved_bytes),
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
