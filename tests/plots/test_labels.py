"""Labels of points: they are inside the picture, at their points, and rarely cover each other."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from firth.plots.labels import label_points


def drawn(points, n_letters=6, style=None):
    ax = plt.subplots(layout="constrained")[1]
    ax.set(xlim=(0, 1), ylim=(0, 1))
    words = [f"{i}".ljust(n_letters, "x") for i in range(len(points))]
    label_points(ax, points, words, [style or {}] * len(points))
    labels = [text for text in ax.texts if text.get_text()]
    return ax, [label.get_window_extent() for label in labels], labels


def overlap(one, other):
    width, height = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0.0, width) * max(0.0, height)


def covered(boxes):
    return sum(overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("seed", range(3))
def test_labels_of_scattered_points_do_not_overlap_and_stay_inside(seed):
    points = np.random.default_rng(seed).random((25, 2))
    ax, boxes, labels = drawn(points)
    assert covered(boxes) == 0
    outer = ax.get_window_extent()
    assert all(outer.x0 <= box.x0 and box.x1 <= outer.x1 and outer.y0 <= box.y0 and box.y1 <= outer.y1 for box in boxes)
    np.testing.assert_array_equal([label.xy for label in labels], points)


def test_labels_of_a_crowd_overlap_far_less_than_labels_at_the_right():
    points = 0.45 + 0.1 * np.random.default_rng(1).random((16, 2))
    ax, boxes, _ = drawn(points)
    pixels = ax.transData.transform(points)
    plain = [box.translated(x - box.x0 + 5, y - box.y0) for box, (x, y) in zip(boxes, pixels, strict=True)]
    assert covered(boxes) < covered(plain) / 3


def test_a_label_is_near_its_point():
    points = np.random.default_rng(2).random((20, 2))
    ax, boxes, _ = drawn(points)
    for (x, y), box in zip(ax.transData.transform(points), boxes, strict=True):
        gap = np.hypot(max(box.x0 - x, 0, x - box.x1), max(box.y0 - y, 0, y - box.y1))
        assert gap <= 20 * np.sqrt(2) * ax.get_figure().dpi / 72


def test_a_label_in_a_corner_turns_inwards():
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    _, _, labels = drawn(corners)
    assert [label.get_horizontalalignment() for label in labels] == ["left", "left", "right", "right"]
    assert [label.get_verticalalignment() for label in labels] == ["bottom", "top", "bottom", "top"]


def test_points_to_avoid_are_not_covered():
    ax = plt.subplots()[1]
    ax.set(xlim=(0, 1), ylim=(0, 1))
    label_points(ax, np.array([[0.5, 0.5]]), ["word"], [{}], np.array([[0.55, 0.5]]))
    assert ax.texts[0].get_horizontalalignment() == "right"
