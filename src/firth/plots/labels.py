"""Labels of points, placed so that they overlap as little as possible."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.plots.fonts import lettering

Points = NDArray[np.float64]  # (n, 2)
Boxes = NDArray[np.float64]  # (n, 4): left, bottom, right, top, in pixels

_DISTANCES = (4.0, 11.0, 20.0)  # of a label from its point, in typographic points
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
_POINT_SIZE = 7.0  # of a marker
_DISTANCE_COST = 0.02  # of a typographic point, as a share of the label's area
_OUTSIDE_COST = 3.0


def label_points(
    ax: Any, points: Points, words: Sequence[object], styles: Sequence[Mapping[str, Any]], avoid: Points | None = None
) -> None:
    """Write a word next to each of the (n, 2) `points`, in data coordinates; earlier words choose their place first.

    Of 24 places around its point a word takes the one that covers the least of other labels, of the points, and of
    other points to `avoid`. The limits of the Axes must be set. A word that is moved away from its point gets a thin
    line. `styles` has the arguments of each text.
    """
    ax.get_figure(root=True).draw_without_rendering()  # the layout determines where points lie
    text = lettering(words)
    scale = ax.get_figure(root=True).dpi / 72
    pixels = ax.transData.transform(points)
    marks = pixels if avoid is None else np.concatenate([pixels, ax.transData.transform(avoid)])
    taken = np.hstack([marks - _POINT_SIZE / 2 * scale, marks + _POINT_SIZE / 2 * scale])
    limits = np.array(ax.get_window_extent().extents)
    for point, pixel, word, style in zip(points, pixels, text.texts, styles, strict=True):
        look = {**style, **text.style, **_backed(ax)}
        label = ax.annotate(word, point, (0, 0), textcoords="offset points", **look)
        extent = label.get_window_extent()
        places = [_Place(side, distance) for distance, side in product(_DISTANCES, _SIDES)]
        boxes = np.array([place.box(pixel, (extent.width, extent.height), scale) for place in places])
        best = int(np.argmin(_costs(boxes, taken, limits) + [_DISTANCE_COST * place.distance for place in places]))
        places[best].move(label)
        taken = np.vstack([taken, boxes[best]])


def _backed(ax: Any) -> dict[str, Any]:
    """Return the style of a text that stays readable on lines; outlined letters would make files ten times larger."""
    return {"bbox": {"boxstyle": "square,pad=0", "facecolor": ax.get_facecolor(), "alpha": 0.65, "linewidth": 0}}


class _Place:
    """A place of a label: on a side of its point, at a distance in typographic points."""

    def __init__(self, side: tuple[int, int], distance: float):
        self.side, self.distance = side, distance

    def box(self, pixel: NDArray[np.float64], size: tuple[float, float], scale: float) -> list[float]:
        """Return left, bottom, right and top of a label of this size, in pixels."""
        low = [
            at + side * self.distance * scale - length * (1 - side) / 2
            for at, side, length in zip(pixel, self.side, size, strict=True)
        ]
        return [*low, *(at + length for at, length in zip(low, size, strict=True))]

    def move(self, label: Any) -> None:
        """Move a label to this place."""
        x, y = self.side
        label.set_position((x * self.distance, y * self.distance))
        label.set_horizontalalignment({1: "left", 0: "center", -1: "right"}[x])
        label.set_verticalalignment({1: "bottom", 0: "center", -1: "top"}[y])
        if self.distance > _DISTANCES[0]:
            label.axes.annotate(
                "", label.xy, label.get_position(), textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": "#a0a0a0", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2},
            )  # fmt: skip


def _costs(boxes: Boxes, taken: Boxes, limits: Boxes) -> NDArray[np.float64]:
    """Return the share of each box that covers the `taken` boxes, and that lies outside `limits`, which costs more."""
    areas = np.maximum(1.0, (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    inside = _overlaps(boxes, limits[None])[:, 0]
    covered: NDArray[np.float64] = _overlaps(boxes, taken).sum(axis=1)
    return (covered + _OUTSIDE_COST * (areas - inside)) / areas


def _overlaps(one: Boxes, other: Boxes) -> NDArray[np.float64]:
    """Return the (n, m) areas that n boxes share with m others."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    areas: NDArray[np.float64] = np.prod(np.maximum(0.0, high - low), axis=2)
    return areas
