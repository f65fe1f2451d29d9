"""Makes the tables of a benchmark: medians with their range, and ratios of each pair of runs."""

import dataclasses
import math
import statistics
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from quality import Score
from runner import Run

Rows = list[list[str]]


class Measure(NamedTuple):
    """A quantity of a run: how to compute and format it, and whether more is better."""

    name: str
    of: Callable[[Run], float]
    shown: str
    faster: bool


MEASURES = [
    Measure("words/s in training", lambda run: run.words_per_second, "{:,.0f}", True),
    Measure("end to end, s", lambda run: run.wall_seconds, "{:.2f}", False),
    Measure("peak memory, MB", lambda run: run.peak_bytes / 1e6, "{:.0f}", False),
]
PARTS = [
    Measure("- training, s", lambda run: run.train_seconds, "{:.2f}", False),
    Measure("- importing, s", lambda run: run.import_seconds, "{:.2f}", False),
    Measure("- vocabulary, compiling, s", lambda run: run.prepare_seconds, "{:.2f}", False),
    Measure("- saving, s", lambda run: run.save_seconds, "{:.2f}", False),
    Measure("- process start and exit, s", lambda run: run.process_seconds, "{:.2f}", False),
]
"""Where the end-to-end time goes."""


class Spread(NamedTuple):
    """Median, least and greatest of some values."""

    median: float
    low: float
    high: float

    def show(self, shown: str) -> str:
        """Return `median (low..high)`, each formatted by `shown`."""
        if math.isnan(self.median):
            return "-"
        median, low, high = (shown.format(value) for value in self)
        return f"{median} ({low}..{high})"


def spread(values: Sequence[float]) -> Spread:
    """Return the median with the range; all NaN if one value is NaN."""
    if any(math.isnan(value) for value in values):
        return Spread(math.nan, math.nan, math.nan)
    return Spread(statistics.median(values), min(values), max(values))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return the ratio of each pair of runs; NaN where the second is zero."""
    return [a / b if b else math.nan for a, b in zip(ours, theirs, strict=True)]


def speed_rows(ours: list[Run], theirs: list[Run]) -> Rows:
    """Return the table of speed and memory: the gain is how many times better the first contestant is."""
    a, b = ours[0].name, theirs[0].name
    rows = [["", a, b, f"{a} / {b}", "gain"]]
    for measure in (*MEASURES[:2], *PARTS, *MEASURES[2:]):
        x, y = [measure.of(run) for run in ours], [measure.of(run) for run in theirs]
        gain = spread(ratios(x, y) if measure.faster else ratios(y, x)).median
        cells = [spread(x).show(measure.shown), spread(y).show(measure.shown)]
        rows.append([measure.name, *cells, spread(ratios(x, y)).show("{:.3g}"), f"{gain:.3g} x"])
    return rows


def pair_rows(ours: list[Run], theirs: list[Run]) -> Rows:
    """Return every pair of runs, with the ratio of each measure."""
    a, b = ours[0].name, theirs[0].name
    rows = [["run", "seed", *(cell for m in MEASURES for cell in (f"{m.name}: {a}", b, "ratio"))]]
    for number, (x, y) in enumerate(zip(ours, theirs, strict=True), start=1):
        rows.append([str(number), str(x.seed)])
        for m in MEASURES:
            rows[-1] += [m.shown.format(m.of(x)), m.shown.format(m.of(y)), f"{m.of(x) / m.of(y):.3g}"]
    return rows


def quality_rows(a: str, b: str, ours: list[dict[str, Score]], theirs: list[dict[str, Score]]) -> Rows:
    """Return the table of quality; the last column is the difference of the means, in points."""
    rows = [["", "covered", a, b, f"{a} / {b}", "difference of means"]]
    for name in ours[0]:
        x, y = [scores[name].value for scores in ours], [scores[name].value for scores in theirs]
        cells = [spread(x).show("{:.1f}"), spread(y).show("{:.1f}"), spread(ratios(x, y)).show("{:.3f}")]
        points = statistics.fmean(x) - statistics.fmean(y)
        covered = _covered([scores[name] for scores in (*ours, *theirs)])
        rows.append([name, covered, *cells, "-" if math.isnan(points) else f"{points:+.2f}"])
    return rows


def _covered(scores: list[Score]) -> str:
    """Return how much of a set was evaluated, which may differ if words of equal count are in another order."""
    numbers = sorted({score.covered for score in scores})
    shown = f"{numbers[0]:,}" if len(numbers) == 1 else f"{numbers[0]:,}..{numbers[-1]:,}"
    return f"{shown} of {scores[0].total:,}"


END_TO_END, TRAINING = MEASURES[1], Measure("training, s", lambda run: run.train_seconds, "{:.2f}", False)
STAGES = [
    Measure("start, s", lambda run: run.import_seconds + run.process_seconds, "{:.2f}", False),
    Measure("reading, s", lambda run: run.prepare_seconds, "{:.2f}", False),
    TRAINING,
    Measure("saving, s", lambda run: run.save_seconds, "{:.2f}", False),
    END_TO_END,
    MEASURES[2],
    MEASURES[0],
]
"""The measures of a whole process, in the order of time; reading includes preparing kernels and matrices."""


def program_rows(runs: list[list[Run]], baselines: Collection[str]) -> Rows:
    """Return a row for each program; the last columns are its times divided by those of each of `baselines`."""
    ours = [own for own in runs if own[0].name in baselines]
    factors = [f"{what} / {own[0].name}" for own in ours for what in ("end to end", "training")]
    rows = [["", *(measure.name for measure in STAGES), *factors]]
    for own in runs:
        rows.append([own[0].name, *(_median(own, m) for m in STAGES)])
        rows[-1][5] = spread([run.wall_seconds for run in own]).show(END_TO_END.shown)
        for base in ours:
            rows[-1] += [_factor(own, base, m) for m in (END_TO_END, TRAINING)]
    return rows


def overview_rows(results: list[tuple[str, list[list[Run]]]], baselines: Collection[str]) -> Rows:
    """Return a row for each text: the seconds end to end of each program, and divided by those of `baselines`."""
    names = list(dict.fromkeys(own[0].name for _, runs in results for own in runs))
    rows = [["end to end, s", *names]]
    for title, runs in results:
        ours = [own for own in runs if own[0].name in baselines]
        cells = {own[0].name: _overview_cell(own, ours) for own in runs}
        rows.append([title, *(cells.get(name, "-") for name in names)])
    return rows


def _median(own: list[Run], measure: Measure) -> str:
    median = statistics.median(measure.of(run) for run in own)
    return "-" if math.isnan(median) else measure.shown.format(median)


def _overview_cell(own: list[Run], ours: list[list[Run]]) -> str:
    seconds = _median(own, END_TO_END)
    if own in ours or not ours:
        return seconds
    return f"{seconds} ({', '.join(_factor(own, base, END_TO_END) for base in ours)})"


def _factor(own: list[Run], base: list[Run], measure: Measure) -> str:
    """Return how many times a measure of `base` that of `own` is: the median of the pairs of runs."""
    median = spread(ratios([measure.of(run) for run in own], [measure.of(run) for run in base])).median
    return "-" if math.isnan(median) else f"{median:.3g} x"


def memory_line(run: Run, vector_size: int) -> str:
    """Return the memory of the two matrices, which every program needs, to compare with the peak."""
    matrices = 2 * 4 * run.vocabulary * vector_size
    return (
        f"two float32 matrices of {run.vocabulary:,} x {vector_size}: {matrices / 1e6:.0f} MB; "
        f"1.5 times that and 400 MB: {(1.5 * matrices + 400e6) / 1e6:.0f} MB"
    )


def table(rows: Rows) -> str:
    """Return rows, the first the header, as an aligned Markdown table."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def as_json(run: Run, scores: dict[str, Score]) -> dict[str, Any]:
    """Return one run and its scores, ready for JSON; a missing score is null."""
    quality = {name: {**s._asdict(), "value": None if math.isnan(s.value) else s.value} for name, s in scores.items()}
    measured = dataclasses.asdict(run)
    del measured["vectors"]  # a temporary file, already deleted
    return {**measured, "quality": quality}
