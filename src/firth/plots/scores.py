"""Pictures of numbers about words: similarities, norms, and evaluations."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.options import shortened
from firth.plots.canvas import COLOURS, DIVERGING, GREY, axes
from firth.plots.fonts import lettering
from firth.plots.labels import label_points
from firth.plots.projection import check_vectors, unit_vectors
from firth.vectors import Key, KeyedVectors
from firth.vectors.evaluation import AnalogyResult
from firth.vectors.query_input import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NUMBERS = 15  # rows or columns of a heat map in whose cells the numbers fit
_MOST_VECTOR_POINTS = 3000  # in an SVG file; more points are stored as one image
_LABELLED = 12
_MARGIN = 0.08  # of the width, for the label of the most frequent word
_LONGEST_NAME = 48  # characters
_Z = 1.959964  # of a 95 % interval


def similarities(
    wv: KeyedVectors, rows: Iterable[Key], columns: Iterable[Key] | None = None, *, ax: "Axes | None" = None
) -> "Axes":
    """Draw the cosines of words with each other, or of `rows` with `columns`, as a heat map; return the Axes.

    Red is 1, white 0 and blue -1. Small maps have the numbers too. Raises `UnknownWordError` for an unknown word, and
    `OptionError` for none.
    """
    check_vectors(wv)
    down = _some(rows)
    across = down if columns is None else _some(columns)
    cosines = unit_vectors(wv, down) @ unit_vectors(wv, across).T
    size = (1.8 + 0.45 * min(40, len(across)), 1.2 + 0.4 * min(40, len(down)))
    ax = axes(ax, size)
    image = ax.imshow(cosines, cmap=DIVERGING, vmin=-1, vmax=1, aspect="auto")
    _name_ticks(ax.xaxis, across, rotation=45, ha="right", rotation_mode="anchor")
    _name_ticks(ax.yaxis, down)
    if max(cosines.shape) <= _MOST_NUMBERS:
        _write_numbers(ax, cosines)
    figure: Any = ax.get_figure(root=True)
    figure.colorbar(image, ax=ax, label="cosine")
    return ax


def _some(words: Iterable[Key]) -> list[Key]:
    found = listed(words)
    if not found:
        raise OptionError("there are no words to draw: give at least one")
    return found


def _name_ticks(axis: Any, words: Sequence[object], **style: Any) -> None:
    text = lettering(words, _LONGEST_NAME)
    axis.set_ticks(range(len(words)), text.texts, **text.style, **style)


def _write_numbers(ax: Any, cosines: NDArray[np.float64]) -> None:
    for (row, column), value in np.ndenumerate(cosines):
        colour = "white" if abs(value) > 0.6 else "black"
        ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=colour)


def norms(wv: KeyedVectors, words: Iterable[Key] | None = None, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the length of every vector against the count of its word, and name some words; return the Axes.

    `words` are the words to name, by default twelve from the most frequent to the rarest. Raises `OptionError` if the
    vectors have no counts, and `UnknownWordError` for an unknown word.
    """
    check_vectors(wv)
    if wv.counts is None or not len(wv):
        raise OptionError("these vectors have no counts: use those of a model, or assign wv.counts")
    named = _spread(wv) if words is None else listed(words)
    rows = np.array([wv.get_index(word) for word in named], np.intp)
    ax = axes(ax)
    seen = np.isfinite(wv.norms) & (wv.counts > 0)
    is_image = bool(seen.sum() > _MOST_VECTOR_POINTS)
    ax.scatter(wv.counts[seen], wv.norms[seen], s=4, color=GREY, alpha=0.35, linewidths=0, rasterized=is_image)
    ax.scatter(wv.counts[rows], wv.norms[rows], s=16, color=COLOURS[1], zorder=3)
    ax.set(xscale="log", xlabel="occurrences in the corpus", ylabel="length of the vector")
    ax.margins(x=_MARGIN)
    ax.autoscale_view()
    points = np.stack([wv.counts[rows], wv.norms[rows]], axis=1).astype(np.float64)
    label_points(ax, points, named, [{"fontsize": 9}] * len(named))
    return ax


def _spread(wv: KeyedVectors) -> list[Key]:
    """Return words from the most frequent to the rarest, evenly spread over the logarithm of the rank."""
    order = np.argsort(-np.asarray(wv.counts), kind="stable")
    ranks = np.unique(np.geomspace(1, len(order), min(_LABELLED, len(order))).round().astype(int)) - 1
    return [wv.index_to_key[row] for row in order[ranks].tolist()]


class Accuracy(NamedTuple):
    """The share of correct answers in a section, with its 95 % interval; NaN if nothing was answered."""

    section: str
    share: float
    low: float
    high: float
    answered: int


def evaluation(results: AnalogyResult | Mapping[str, AnalogyResult], *, ax: "Axes | None" = None) -> "Axes":
    """Draw the accuracy in each section of `evaluate_word_analogies`, with 95 % intervals; return the Axes.

      results   one result, or a dict from names of models to results on the same file

    The interval of a share p of n answers is Wilson's (1927), (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)
    with z = 1.96. n is given with each section. Raises `OptionError` for results of different sections.
    """
    named = results if isinstance(results, Mapping) else {"": results}
    for result in named.values():
        if not isinstance(result, AnalogyResult):
            raise OptionError(
                f"{shortened(result)} is not a result of evaluate_word_analogies: give one, or several by name"
            )
    tables = {name: accuracies(result) for name, result in named.items()}
    if not tables or len({tuple(row.section for row in table) for table in tables.values()}) > 1:
        raise OptionError("the results have different sections: give results on the same file of questions")
    n_sections = len(next(iter(tables.values())))
    ax = axes(ax, (6.4, 1.2 + 0.3 * n_sections * max(1, 0.6 * len(tables))))
    text = lettering(tables)
    for i, (label, table) in enumerate(zip(text.texts, tables.values(), strict=True)):
        _draw_accuracies(ax, table, (i - (len(tables) - 1) / 2) * 0.6 / len(tables), label, COLOURS[i % len(COLOURS)])
    _name_ticks(ax.yaxis, [_section_with_numbers(rows) for rows in zip(*tables.values(), strict=True)])
    most = max(row.high for table in tables.values() for row in table if row.answered)
    ax.set(xlabel="correct answers, with 95 % intervals", xlim=(0, min(1.0, 1.1 * most)), ylim=(n_sections - 0.4, -0.6))
    ax.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    ax.grid(axis="x", color="#e0e0e0", linewidth=0.6)
    ax.axhline(n_sections - 1.5, color=GREY, linewidth=0.6)  # above the total
    ax.set_axisbelow(True)
    if len(tables) > 1:
        for each in ax.legend(frameon=False).get_texts():
            each.set(**text.style)
    return ax


def _section_with_numbers(rows: "Sequence[Accuracy]") -> str:
    """Return the name of a section with the number of answers of each model, or of all if they are equal."""
    return f"{rows[0].section} ({' / '.join(dict.fromkeys(f'{row.answered:,}' for row in rows))})"


def accuracies(result: AnalogyResult) -> list[Accuracy]:
    """Return the accuracy of each section of a result; the last one is that of all questions."""
    counts = [(part["section"], len(part["correct"]), len(part["incorrect"])) for part in result.sections]
    return [
        Accuracy(
            section, correct / max(1, correct + wrong), *wilson_interval(correct, correct + wrong), correct + wrong
        )
        for section, correct, wrong in counts
    ]


def wilson_interval(correct: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, `correct` of `n` (Wilson 1927); from 0 to 1 for no answers."""
    if n == 0:
        return 0.0, 1.0
    p, extra = correct / n, _Z**2 / n
    middle, half = p + extra / 2, _Z * np.sqrt(p * (1 - p) / n + extra / n / 4)
    return max(0.0, float((middle - half) / (1 + extra))), min(1.0, float((middle + half) / (1 + extra)))


def _draw_accuracies(ax: Any, table: list[Accuracy], offset: float, label: str, colour: str) -> None:
    drawn = [(row + offset, each) for row, each in enumerate(table) if each.answered]
    if not drawn:
        raise OptionError("no question was answered, because its words are unknown: there is nothing to draw")
    shares = np.array([each.share for _, each in drawn])
    gaps = np.array([(each.share - each.low, each.high - each.share) for _, each in drawn]).T
    ax.errorbar(
        shares, [y for y, _ in drawn], xerr=np.maximum(0.0, gaps), fmt="o", color=colour, capsize=3, clip_on=False,
        label=label or None,
    )  # fmt: skip
