"""Words as points of a plane. What a plane cannot show is written or drawn on it, so that the picture is true.

The plane is that of the first two principal components of the unit vectors of the words drawn. Words that are close
on it may be far apart in all dimensions, so neighbours in all dimensions are joined by lines.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.options import shortened, whole
from firth.plots.canvas import COLOURS, GREY, axes, pair_of_axes
from firth.plots.fonts import lettering
from firth.plots.labels import label_points
from firth.plots.projection import Plane, check_vectors, plane_of, unit_vectors
from firth.vectors import Key, KeyedVectors
from firth.vectors.query_input import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_EXPECTED = "where an arrow equal to the first ends;\n(n): rank of the word among all answers"
_MARGIN = 0.12  # of the range, for labels
_CHOSEN = {"fontsize": 11, "fontweight": "bold", "color": COLOURS[0]}
_OTHER = {"fontsize": 8.5, "color": "#303030"}


def neighbours(wv: KeyedVectors, words: Iterable[Key], *, topn: int = 5, ax: "Axes | None" = None) -> "Axes":
    """Draw words and the `topn` nearest neighbours of each on a plane; return the Axes.

    A line joins a word with each of its neighbours in all D dimensions, by cosine. Each axis has the share of the
    variance that it shows. Raises `UnknownWordError` for an unknown word, and `OptionError` for fewer than two
    points.
    """
    check_vectors(wv)
    chosen = list(dict.fromkeys(listed(words)))
    topn = whole("topn", topn, "neighbours of each word", 0)
    found = {word: [key for key, _ in wv.most_similar(word, topn=topn)] for word in chosen}
    shown = list(dict.fromkeys([*chosen, *(key for keys in found.values() for key in keys)]))
    vectors = unit_vectors(wv, shown)
    plane = plane_of(vectors)
    points = dict(zip(shown, plane.points(vectors), strict=True))
    ax = axes(ax, (7.2, 5.4))
    for word, keys in found.items():
        for key in keys:
            ax.plot(*zip(points[word], points[key], strict=True), color=COLOURS[0], alpha=0.35, linewidth=1, zorder=1)
    others = [word for word in shown if word not in found]
    _draw_points(ax, [points[word] for word in others], GREY, 12)
    _draw_points(ax, [points[word] for word in chosen], COLOURS[0], 32)
    _frame(ax, plane, np.array(list(points.values())))
    styles = [_CHOSEN if word in found else _OTHER for word in shown]
    label_points(ax, np.array(list(points.values())), shown, styles)
    return ax


def analogies(wv: KeyedVectors, pairs: Iterable[tuple[Key, Key]], *, ax: "Axes | None" = None) -> "Axes":
    """Draw analogies: the first pair (a, b) asks "a is to b as c is to ?" of each other pair (c, d); return the Axes.

    An arrow leads from the first to the second word of each pair. A cross marks c + b - a, the fourth corner of the
    parallelogram of a, b and c, and a dotted line leads from it to d. The label of d has its rank among the answers of
    `most_similar([b, c], [a])` in all dimensions; 1 is right. Raises `UnknownWordError` for an unknown word, and
    `OptionError` for fewer than two pairs.
    """
    check_vectors(wv)
    given = [tuple(pair) for pair in pairs]
    if len(given) < 2 or any(len(pair) != 2 for pair in given):
        raise OptionError(f"{given!r} is not allowed: give at least two pairs of words, such as (man, king)")
    (a, b), *others = given
    shown = list(dict.fromkeys(word for pair in given for word in pair))
    vectors = unit_vectors(wv, shown)
    plane = plane_of(vectors)
    points = dict(zip(shown, plane.points(vectors), strict=True))
    ax = axes(ax, (7.2, 5.4))
    expected = np.array([points[c] + points[b] - points[a] for c, _ in others])
    _frame(ax, plane, np.array([*points.values(), *expected]))
    for first, second in given:
        _draw_arrow(ax, points[first], points[second])
    for (c, d), place in zip(others, expected, strict=True):
        ax.fill(*np.array([points[a], points[b], place, points[c]]).T, color=COLOURS[0], alpha=0.06, linewidth=0)
        ax.plot(*zip(place, points[d], strict=True), ":", color=COLOURS[1], linewidth=1)
    ax.plot(*expected.T, "x", color=COLOURS[1], markersize=7, label=_EXPECTED)
    ax.legend(loc="best", frameon=False, fontsize=8)
    _draw_points(ax, list(points.values()), COLOURS[0], 16)
    ranks = {d: f"{d} ({answer_rank(wv, (a, b), (c, d))})" for c, d in others}
    labels = [ranks.get(word, word) for word in shown]
    label_points(ax, np.array(list(points.values())), labels, [{"fontsize": 10}] * len(labels), expected)
    return ax


def answer_rank(wv: KeyedVectors, known: tuple[Key, Key], asked: tuple[Key, Key]) -> int:
    """Return the rank of d among the answers to "a is to b as c is to ?", by 3CosAdd; 1 is the best answer."""
    (a, b), (c, d) = known, asked
    scores = wv.most_similar([b, c], [a], topn=None)
    rivals = np.ones(len(scores), np.bool_)
    rivals[[wv.get_index(word) for word in (a, b, c)]] = False
    return 1 + int((scores[rivals] > scores[wv.get_index(d)]).sum())


def two_models(
    first: KeyedVectors,
    second: KeyedVectors,
    words: Iterable[Key],
    *,
    names: tuple[str, str] = ("first", "second"),
    ax: "Sequence[Axes] | None" = None,
) -> "tuple[Axes, Axes]":
    """Draw the same words in two models side by side, on one plane; return both Axes.

    The second model is rotated onto the first (`KeyedVectors.align`), and each side is centred. Each label of the
    second has the cosine of its word with the same word of the first: 1 if it did not move. A line joins each word
    with its nearest among the words drawn, in all dimensions. Raises `UnknownWordError` for a word that either lacks,
    and `OptionError` if the sizes of the vectors differ.
    """
    check_vectors(first, second)
    if isinstance(names, str) or len(names) != 2:
        raise OptionError(f"names={shortened(names)} is not allowed: give two names, one for each model")
    shown = list(dict.fromkeys(listed(words)))
    sides = [unit_vectors(first, shown), unit_vectors(second.align(first).vectors, shown)]
    centred = [vectors - vectors.mean(axis=0) for vectors in sides]
    plane = plane_of(np.concatenate(centred))
    places = [plane.points(vectors) for vectors in centred]
    labels = [list(map(str, shown)), _with_cosines(shown, np.einsum("nd,nd->n", *sides))]
    both = pair_of_axes(ax)
    for i, each in enumerate(both):
        for one, other in _nearest(sides[i]):
            each.plot(*places[i][[one, other]].T, color=COLOURS[i], alpha=0.4, linewidth=1, zorder=1)
        _draw_points(each, list(places[i]), COLOURS[i], 20)
        _frame(each, plane, np.concatenate(places))
        _fix_limits(each, np.concatenate(places))
        _title(each, names[i])
        label_points(each, places[i], labels[i], [{"fontsize": 9}] * len(shown))
    both[1].set_xlabel(f"{both[1].get_xlabel()}\n(number: cosine with the same word on the left)", color=GREY)
    return both


def _with_cosines(words: list[Key], cosines: NDArray[np.float64]) -> list[str]:
    return [f"{word} {cosine:.2f}" for word, cosine in zip(words, cosines, strict=True)]


def _nearest(units: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the row of each vector and that of the nearest other."""
    cosines = units @ units.T
    np.fill_diagonal(cosines, -np.inf)
    return list(enumerate(cosines.argmax(axis=1).tolist()))


def _draw_points(ax: Any, points: list[NDArray[np.float64]], colour: str, size: float) -> None:
    if points:
        ax.scatter(*np.array(points).T, s=size, color=colour, linewidths=0, zorder=2)


def _draw_arrow(ax: Any, start: NDArray[np.float64], end: NDArray[np.float64]) -> None:
    style = {"arrowstyle": "->", "color": COLOURS[0], "linewidth": 1.2, "shrinkA": 3, "shrinkB": 4}
    ax.annotate("", end, start, arrowprops=style, zorder=1)


def _frame(ax: Any, plane: Plane, points: NDArray[np.float64]) -> None:
    """Show all points with room for labels and equal units on both axes; name the share of the variance of each."""
    ax.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    ax.update_datalim(points)
    ax.margins(_MARGIN)
    ax.autoscale_view()
    for name, share in zip((ax.set_xlabel, ax.set_ylabel), plane.shares, strict=True):
        name(f"{share:.0%} of the variance", color=GREY)


def _fix_limits(ax: Any, points: NDArray[np.float64]) -> None:
    """Show a square around all points, so that two Axes show the same part of the plane."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = (low + high) / 2, max(float((high - low).max()) * (0.5 + _MARGIN), 1e-3)
    ax.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half), adjustable="box")


def _title(ax: Any, text: str) -> None:
    words = lettering([text])
    ax.set_title(words.texts[0], **words.style)
