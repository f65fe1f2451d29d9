"""Advice on a planned run: how many machines it needs, how many are worth it, and how many blocks of rows."""

from collections.abc import Iterator
from dataclasses import fields, replace

from firth.messages import counted, option
from firth.options import Options
from firth.planning.forecast import Forecast, NodesForecast
from firth.planning.workload import Workload
from firth.terminal import duration, size

MIN_EFFICIENCY = 0.5  # of machines that are worth it: a machine does at least this share of what it does in the fewest
MIN_GAIN = 0.9  # more blocks are worth a line if an epoch takes less than this share of the time
MIN_BLOCK_WORDS = 4_000  # in a block; with fewer, analogies got worse


def advice(forecast: Forecast) -> list[str]:
    """Return how many machines a run needs and how many are worth it, and whether to use more blocks, as sentences."""
    found = [forecast.on(nodes) for nodes in _powers(forecast.workload.most_nodes)]
    fitting = [each for each in found if each.limit != "memory"]
    if not fitting:
        return [_too_large(forecast, found[-1])]
    return [*_on_nodes(forecast, fitting), *_on_blocks(forecast)]


def _too_large(forecast: Forecast, largest: NodesForecast) -> str:
    free = size(round(forecast.machines.memory_bytes))
    machines = "it" if largest.nodes == 1 else f"each of {largest.nodes:,} machines"
    return (
        f"the run needs {size(largest.memory_bytes)} of memory on {machines}, and {free} is free: use machines with "
        f"more memory, a smaller vocabulary, or a smaller {option('vector_size')}"
    )


def _on_nodes(forecast: Forecast, fitting: list[NodesForecast]) -> Iterator[str]:
    fewest, load = fitting[0], forecast.workload
    if fewest.nodes > 1:
        yield f"the run needs the memory of {counted(fewest.nodes, 'machine')} at least"
    worth = [each for each in fitting if _efficiency(fewest, each) >= MIN_EFFICIENCY][-1]
    if load.most_nodes == 1:
        yield "more machines are of no use: a cluster trains skip-gram with negative sampling in blocks"
    elif worth is fewest:
        than = f" than {fewest.nodes:,}" if fewest.nodes > 1 else ""
        yield f"more machines{than} are not worth it: {_reason(forecast, fewest)}"
    else:
        yield (
            f"up to {counted(worth.nodes, 'machine')} are worth it: an epoch takes {duration(worth.seconds.epoch)} "
            f"instead of {duration(fewest.seconds.epoch)}, and then {_reason(forecast, worth)}"
        )


def _reason(forecast: Forecast, found: NodesForecast) -> str:
    if 2 * found.nodes > forecast.workload.most_nodes:
        return f"there are only {counted(forecast.workload.blocks, 'block')} of rows"
    limit = forecast.on(2 * found.nodes).limit
    return f"the {limit} limits the run"


def _on_blocks(forecast: Forecast) -> Iterator[str]:
    """Yield advice to use more blocks if an epoch would take less time."""
    load, nodes = forecast.workload, forecast.machines.nodes
    if load.options.schedule != "blocks" or load.options.objective == "softmax":
        return
    now = forecast.seconds(nodes).epoch
    more = [replace(forecast, workload=each) for each in _with_more_blocks(load)]
    times = [(each.seconds(nodes).epoch, each.workload.blocks) for each in more]
    best, blocks = min(times, default=(now, 0))
    if best < MIN_GAIN * now:
        yield (
            f"with {option('blocks', str(blocks))} an epoch takes {duration(best)} instead of {duration(now)}; the "
            "vectors are then other ones, of about the same quality"
        )


def _with_more_blocks(load: Workload) -> Iterator[Workload]:
    """Yield the workload with 2, 4 ... times as many blocks, as long as these are large enough."""
    blocks, most = 2 * load.blocks, min(_MOST_BLOCKS, load.vocabulary // MIN_BLOCK_WORDS)
    while blocks <= most:
        more = replace(load, options=replace(load.options, blocks=blocks))
        if more.blocks < blocks:  # the corpus is too small
            return
        yield more
        blocks *= 2


_MOST_BLOCKS = next(field.metadata["high"] for field in fields(Options) if field.name == "blocks")


def _efficiency(fewest: NodesForecast, more: NodesForecast) -> float:
    return fewest.seconds.epoch * fewest.nodes / (more.seconds.epoch * more.nodes)


def _powers(most: int) -> Iterator[int]:
    nodes = 1
    while nodes <= most:
        yield nodes
        nodes *= 2
