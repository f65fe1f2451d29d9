"""Reports: results of the public API as lines of text."""

from typing import TYPE_CHECKING, Any

from firth import terminal
from firth.messages import counted
from firth.training.loop.history import history_table

if TYPE_CHECKING:
    from firth.gradcheck import Check
    from firth.model import Word2Vec
    from firth.objectives import Array
    from firth.phrases import PassSummary
    from firth.planning import Forecast, NodesForecast
    from firth.seed_comparison import FrequencyBand, Stability
    from firth.worked_example import Quantity


def _held_out_loss(model: "Word2Vec") -> str:
    return "hierarchical softmax" if model.options.has_nodes else "exact softmax"


def training_summary(model: "Word2Vec") -> str:
    """Return vocabulary, speed, pairs and the loss of every epoch, as lines of text."""
    history = model.history
    words, seconds = sum(record.words for record in history), sum(record.seconds or 0.0 for record in history)
    end = [record.end_loss for record in history if record.end_loss is not None]
    held_out = [record.validation_loss for record in history if record.validation_loss is not None]
    speed = f"{words / max(seconds, 1e-9):,.0f} per second"
    return "\n".join(
        [
            f"vocabulary  {counted(len(model.wv), 'word')}, vectors of {counted(model.wv.vector_size, 'number')}",
            f"training    {counted(words, 'word')} in {seconds:.1f} s, {speed}, {counted(model.workers, 'worker')}",
            f"pairs       {sum(record.pairs for record in history):,}",
            f"loss        {_losses([record.loss for record in history])} nats per pair, epoch by epoch",
            *([f"end loss    {_losses(end)} of a fixed sample of pairs, after each epoch"] if end else []),
            *([f"held out    {_losses(held_out)} nats per pair, {_held_out_loss(model)}"] if held_out else []),
        ]
    )


def _losses(losses: list[float]) -> str:
    """Return the losses in order; of more than eight, the first and last three."""
    texts = [f"{loss:.4f}" for loss in losses]
    return " ".join(texts if len(texts) <= 8 else [*texts[:3], "...", *texts[-3:]])


def phrase_summary(passes: "list[PassSummary]") -> str:
    """Return what each pass over a text found, as lines of text."""
    lines = []
    for number, done in enumerate(passes, 1):
        times = counted(done.joined, "time")
        lines.append(f"pass {number:<7}{counted(done.phrases, 'phrase')}, joined {times}; words left {done.n_words:,}")
        if done.highest:
            lines.append(f"highest     {', '.join(f'{text} {score:,.2f}' for text, score in done.highest)}")
    return "\n".join(lines)


def analogy_lines(result: dict[str, Any]) -> str:
    """Return one line for each section of a file of analogies."""
    rows = [
        (
            part["section"],
            f"{part['correct'] / part['answered']:.1%}" if part["answered"] else "-",
            f"{part['correct']:,} of {part['answered']:,}",
            f"{part['covered']:,} of {part['total']:,}",
        )
        for part in result["sections"]
    ]
    table = terminal.columns([("analogies", "accuracy", "correct", "covered"), *rows], right=(1, 2, 3))
    return f"{terminal.escaped(result['file'])}{_skipped(result)}\n{table}"


def pair_lines(results: list[dict[str, Any]]) -> str:
    """Return one line for each file of word pairs."""
    rows = [
        (
            result["file"] + _skipped(result),
            f"{result['pearson']['correlation']:.4f}",
            f"{result['spearman']['correlation']:.4f}",
            f"{result['covered']:,} of {result['total']:,}",
        )
        for result in results
    ]
    return terminal.columns([("pairs", "Pearson", "Spearman", "covered"), *rows], right=(1, 2, 3))


def _skipped(result: dict[str, Any]) -> str:
    n = len(result["skipped_lines"])
    return f" ({counted(n, 'line')} skipped, the first is line {result['skipped_lines'][0]})" if n else ""


def stability_lines(found: "Stability") -> str:
    """Return one line for each band of frequency."""
    heading = ("rank", "occurrences", f"overlap@{found.topn}", "95 % interval", "80 % of the words")
    table = terminal.columns([heading, *map(_band_cells, found.bands)], right=(0, 1, 2, 3, 4))
    compared = f"{counted(len(found.words), 'word')}, {len(found.seeds)} models with seeds {found.seeds[0]} to"
    return f"{compared} {found.seeds[-1]}\n{table}"


def _band_cells(band: "FrequencyBand") -> tuple[str, ...]:
    interval = "-" if band.low is None else f"{band.low:.3f} to {band.high:.3f}"
    words = f"{band.tenth:.2f} to {band.ninetieth:.2f}"
    counts = f"{band.most:,} to {band.least:,}"
    return f"{band.first:,} to {band.last:,}", counts, f"{band.overlap:.3f}", interval, words


def plan_lines(forecast: "Forecast", advice: list[str]) -> str:
    """Return the speeds of a machine, one line for each number of machines, the parts of the last, and the advice."""
    rows = forecast.rows()
    heading = ("machines", "an epoch", "the run", "memory of each", "sends an epoch", "limit")
    table = terminal.columns([heading, *map(_machine_cells, rows)], right=(0, 1, 2, 3, 4))
    parts = [_plan_parts("memory", rows[-1].memory), _plan_parts("disk", rows[-1].disk)]
    if rows[-1].nodes > 1:
        parts.append(_plan_parts("network", {name: round(size) for name, size in rows[-1].sent.items()}))
    lines = [*_workload_lines(forecast), "", table, "", *parts, "", *advice]
    return "\n".join(lines)


def _workload_lines(forecast: "Forecast") -> list[str]:
    load, machines, speeds = forecast.workload, forecast.machines, forecast.speeds
    options = load.options
    steps = "scores" if options.objective == "softmax" else "pairs"
    trained = speeds.steps_with(options)
    return [
        f"corpus   {counted(load.words, 'word')} (about {terminal.size(load.text_bytes)} of text), vocabulary "
        f"{load.vocabulary:,}, {load.steps:,.0f} {steps} an epoch, {counted(options.epochs, 'epoch')}",
        f"machine  {counted(machines.cores, 'core')}, {terminal.size(round(machines.memory_bytes))} of memory free, "
        f"{machines.network_gbits:g} Gb/s",
        f"speeds   {trained / 1e6:.1f} M {steps}/s and core with D = {options.vector_size}; reads "
        f"{speeds.read_words / 1e6:.1f} M words/s; writes {terminal.size(round(speeds.written_bytes))}/s; sends "
        f"{terminal.size(round(speeds.sent_bytes))}/s ({counted(speeds.cores, 'core')}, {speeds.processor})",
    ]


def _machine_cells(found: "NodesForecast") -> tuple[str, ...]:
    times = terminal.duration(found.seconds.epoch), terminal.duration(found.total_seconds)
    sent = terminal.size(round(sum(found.sent.values()))) if found.nodes > 1 else "-"
    return f"{found.nodes:,}", *times, terminal.size(found.memory_bytes), sent, found.limit


def _plan_parts(name: str, parts: dict[str, int]) -> str:
    listed = ", ".join(f"{part} {terminal.size(n)}" for part, n in parts.items() if n)
    return f"{name:<9}{listed}"


def info_lines(found: dict[str, Any]) -> str:
    """Return what a file holds, its options, history and statistics, and last the errors found."""
    lines = _sizes(found)
    if found["options"]:
        lines += ["", "options", terminal.columns([("", *pair) for pair in found["options"].items()])]
    if found["history"]:
        lines += ["", "history", _history_lines(found["history"])]
    if found["statistics"]:
        lines += ["", "statistics", terminal.columns([("", *pair) for pair in _measured(found["statistics"])])]
    if found["problems"]:
        lines += ["", "errors", *(f"  {terminal.escaped(problem)}" for problem in found["problems"])]
    return "\n".join(lines)


def _sizes(found: dict[str, Any]) -> list[str]:
    """Return one line for each known property of the file; a damaged file has few."""
    lines = [f"file     {terminal.escaped(found['file'])} ({terminal.size(found['bytes'])})"]
    if found["format"]:
        lines.append(f"format   {', '.join(filter(None, [found['format'], found['kind']]))}")
    if found["words"] or found["kind"]:
        total = "" if found["total_count"] is None else f", {counted(found['total_count'], 'occurrence')}"
        dtype = f", {found['dtype']}" if found["dtype"] else ""
        lines.append(f"words    {found['words']:,}{total}")
        lines.append(f"vectors  {counted(found['vector_size'], 'number')} each{dtype}")
    if found["subwords"]:
        n = found["subwords"]
        rows = f"{counted(n['rows'], 'row')} in {counted(n['buckets'], 'bucket')}"
        lines.append(f"n-grams  {rows}, of {n['minn']} to {n['maxn']} characters")
    if found["sha256"]:
        lines.append(f"sha256   {found['sha256']}")
    if found["first_words"]:
        lines.append(f"first    {_word_list(found['first_words'])}")
    return lines if found["problems"] else [*lines, "checked  the whole file, no errors found"]


def _measured(statistics: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the name and the value of each statistic of `KeyedVectors.info`."""
    names = ["min", "1%", "25%", "median", "75%", "99%", "max"]
    norms = ", ".join(f"{name} {value:.3g}" for name, value in zip(names, statistics["norms"], strict=True))
    even = 1 / max(1, statistics["vector_size"])
    return [
        ("norms", norms),
        ("mean cosine", f"{statistics['mean_cosine']:.4f} (0 if directions are uniform)"),
        ("isotropy", f"{statistics['isotropy']:.4f} (1 if no direction dominates)"),
        ("top direction", f"{statistics['top_direction']:.1%} of the variance ({even:.1%} if uniform)"),
        *((f"{kind.replace('_', '-')} rows", _odd_rows(statistics, kind)) for kind in statistics["examples"]),
    ]


def _odd_rows(statistics: dict[str, Any], kind: str) -> str:
    n, examples = statistics[f"{kind}_rows"], statistics["examples"][kind]
    more = ", ..." if n > len(examples) else ""
    return f"{n:,}: {', '.join(map(str, examples))}{more}" if n else "none"


def _word_list(words: list[dict[str, Any]]) -> str:
    counts = [f" ({entry['count']:,})" if "count" in entry else "" for entry in words]
    return ", ".join(terminal.escaped(entry["word"]) + count for entry, count in zip(words, counts, strict=True))


def _history_lines(records: list[dict[str, Any]]) -> str:
    """Return one line for each epoch."""
    headings, rows = history_table(records)
    return terminal.columns([[f"  {headings[0]}", *headings[1:]], *rows], right=range(len(headings)))


def check_lines(checks: "list[Check]") -> str:
    """Return the table of gradient checks and how many passed."""
    rows = [
        (check.name, f"{check.difference:.1e}", "right" if check.passed else "WRONG", check.equation)
        for check in checks
    ]
    right = sum(check.passed for check in checks)
    table = terminal.columns([("gradient", "difference", "", "equation"), *rows], right=(1,))
    return f"{table}\n\n{right} of {counted(len(checks), 'gradient')} agree with central differences"


def example_lines(softmax: "list[Quantity]", sampling: "list[Quantity]") -> str:
    """Return the worked example of one pair, for the naive softmax and for negative sampling."""
    return "\n".join(
        [
            'Words "I", "He", "We" (V = 3), vectors of D = 2 numbers, learning rate η = 0.5.',
            'The center word c is "I", the outside word o is "We".',
            "",
            "Naive softmax",
            _quantities(softmax),
            "",
            'Negative sampling with K = 2 noise words, k1 = "I" and k2 = "He"',
            _quantities(sampling),
        ]
    )


def _quantities(quantities: "list[Quantity]") -> str:
    rows = [
        (f"  {each.symbol}", _numbers(each.value), each.formula, f"({each.equation})" if each.equation else "")
        for each in quantities
    ]
    return terminal.columns(rows)


def _numbers(value: "Array") -> str:
    """Return a number, a vector in brackets, or the rows of a matrix, with four decimals."""
    if value.ndim == 0:
        return f"{value:.4f}"
    if value.ndim == 1:
        return f"[{' '.join(f'{number + 0.0:.4f}' for number in value)}]"
    return f"[{' '.join(map(_numbers, value))}]"
