"""Advice on a planned run: how many machines it needs, how many are worth it, and how many blocks of rows."""

from collections.abc import Iterator
from dataclasses import fields, replace

from firth.messages import counted, option
from firth.options import Options
from firth.planning.forecast import Forecast, NodesForecast
from firth.planning.workload import Workload
from firth.terminal import duration, size

MIN_GAIN = 0.75  # twice as many machines, or more blocks, are worth it if an epoch takes at most this share of the time
MIN_BLOCK_WORDS = 4_000  # in a block; with 1,000, analogies were two points lower


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
    if not load.is_for_clusters:
        yield _no_nodes(load.options)
        return
    worth = fewest
    for more in fitting[1:]:
        if more.seconds.epoch > MIN_GAIN * worth.seconds.epoch:
            break
        worth = more
    before = "" if worth is fewest else f" instead of {duration(fewest.seconds.epoch)} on {fewest.nodes:,}"
    are_enough = f"{counted(worth.nodes, 'machine')} {'is' if worth.nodes == 1 else 'are'} enough"
    yield f"{are_enough}: an epoch takes {duration(worth.seconds.epoch)}{before}; {_of_more(forecast, worth)}"


def _no_nodes(options: Options) -> str:
    """Return why nothing is predicted for more machines."""
    if options.objective == "softmax":
        return (
            "several machines divide the work of the passes, and not the warm start: how long it takes is not predicted"
        )
    return "more machines are of no use: a cluster trains skip-gram with negative sampling in blocks"


def _of_more(forecast: Forecast, found: NodesForecast) -> str:
    """Return what twice as many machines would change."""
    if 2 * found.nodes > forecast.workload.most_nodes:
        return f"more cannot share {counted(forecast.workload.blocks, 'block')} of rows"
    more = forecast.on(2 * found.nodes)
    return f"on {more.nodes:,} it would take {duration(more.seconds.epoch)}, limited by the {more.seconds.limit}"


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
            "vectors differ, but have about the same quality"
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


def _powers(most: int) -> Iterator[int]:
    nodes = 1
    while nodes <= most:
        yield nodes
        nodes *= 2
