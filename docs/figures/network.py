"""The network, its gradients as products, and the forces on a center vector, for the page's worked example."""

from typing import Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from figures.canvas import BLUE, GREEN, GREY, INK, ORANGE, axes
from firth.objectives import one_hot, one_hot_network, sigmoid, softmax
from firth.worked_example import CENTER, CENTER_VECTORS, NOISE, OUTSIDE, OUTSIDE_VECTORS, WORDS

Array = NDArray[np.float64]

_CELL = 0.62  # height of a cell; its width is 1


def layers() -> dict[str, Array]:
    """Return the vectors of the forward pass: x, h, z and ŷ."""
    x, h = one_hot(CENTER, len(WORDS)), CENTER_VECTORS[CENTER]
    z = OUTSIDE_VECTORS @ h
    return {"x": x, "h": h, "z": z, "ŷ": softmax(z)}


def draw_network(labels: dict[str, str]) -> Any:
    """Draw the four layers, with their shapes below and the cost of each step between them."""
    (ax,) = axes([2.1])
    steps = [("", ""), ("$W_1$", labels["lookup"]), ("$W_2$", labels["products"]), ("softmax", labels["softmax"])]
    shapes = ["$V$ × 1", "$D$ × 1", "$V$ × 1", "$V$ × 1"]
    for i, ((name, values), (step, cost), shape) in enumerate(zip(layers().items(), steps, shapes, strict=True)):
        _draw_matrix(ax, (2.6 * i, 0), values[:, np.newaxis], digits=0 if name == "x" else 2)
        ax.text(2.6 * i + 0.5, 1.35, f"${name}$", ha="center", fontsize=12)
        ax.text(2.6 * i + 0.5, -1.3, shape, ha="center", va="top", color=GREY)
        if i:
            _draw_arrow(ax, (2.6 * i - 1.45, 0), (2.6 * i - 0.15, 0), INK)
            ax.text(2.6 * i - 0.8, 0.15, step, ha="center", va="bottom")
            ax.text(2.6 * i - 0.8, -0.2, cost, ha="center", va="top", color=GREY, fontsize=8)
    ax.set(xlim=(-0.2, 9), ylim=(-1.9, 1.9))
    ax.set_axis_off()
    return ax.figure


def products() -> list[tuple[str, Array, str, Array, str, Array]]:
    """Return the products that are gradients: (name, left factor, name, right factor, name, product)."""
    x, y = one_hot(CENTER, len(WORDS)), one_hot(OUTSIDE, len(WORDS))
    _, gradients = one_hot_network(x, y, CENTER_VECTORS.T, OUTSIDE_VECTORS)
    e, h, d_h = gradients.z[:, np.newaxis], CENTER_VECTORS[[CENTER]], gradients.h[:, np.newaxis]
    return [
        ("$e$", e, "$h$^{⊤}", h, "∂$L$/∂$W_2$", gradients.W_2),
        ("$W_2$^{⊤}", OUTSIDE_VECTORS.T, "$e$", e, "∂$L$/∂$h$", d_h),
        ("∂$L$/∂$h$", d_h, "$x$^{⊤}", x[np.newaxis], "∂$L$/∂$W_1$", gradients.W_1),
    ]


def draw_products(labels: dict[str, str]) -> Any:
    """Draw each product as its factors and its result, with the numbers in the cells."""
    rows = axes([1.35, 1.35, 1.15])
    kinds = [labels["outer"], labels["transposed"], labels["outer"]]
    for ax, kind, (left_name, left, right_name, right, name, product) in zip(rows, kinds, products(), strict=True):
        at = 0.0
        for text, matrix, sign in [(left_name, left, ""), (right_name, right, "×"), (name, product, "=")]:
            ax.text(at - 0.4, 0, sign, ha="center", va="center", fontsize=12)
            _draw_matrix(ax, (at, 0), matrix)
            ax.text(at + matrix.shape[1] / 2, _CELL * len(matrix) / 2 + 0.12, text, ha="center", va="bottom")
            at += matrix.shape[1] + 0.8
        ax.set_title(kind, loc="left", color=GREY, fontsize=9)
        ax.set(xlim=(-0.1, 8.8), ylim=(-1, 1.6 if len(left) > 2 or len(product) > 2 else 1.3))
        ax.set_axis_off()
    return rows[0].figure


def forces() -> dict[str, list[tuple[str, float, Array]]]:
    """Return the parts of the step -∂J/∂v_c of each loss: (word, weight, its outside vector).

    The outside word comes first. Its weight is positive, a pull; the weights of the other words are negative, pushes.
    """
    v_c, U = CENTER_VECTORS[CENTER], OUTSIDE_VECTORS
    others = [w for w in range(len(WORDS)) if w != OUTSIDE]
    y_hat = softmax(U @ v_c)
    softmax_weights = [(OUTSIDE, 1 - y_hat[OUTSIDE]), *((w, -y_hat[w]) for w in others)]
    sampling_weights = [(OUTSIDE, sigmoid(-U[OUTSIDE] @ v_c)), *((k, -sigmoid(U[k] @ v_c)) for k in NOISE)]
    return {
        loss: [(WORDS[w], float(weight), U[w]) for w, weight in weights]
        for loss, weights in (("softmax", softmax_weights), ("sampling", sampling_weights))
    }


def draw_forces(labels: dict[str, str]) -> Any:
    """Draw the parts of the step of v_c head to tail, and their sum, for both losses."""
    both = axes([2.7, 2.7])
    places = [(8, 4, "left"), (8, 6, "left"), (-8, -2, "right")]
    for ax, (loss, parts) in zip(both, forces().items(), strict=True):
        v_c = at = CENTER_VECTORS[CENTER]
        for (word, weight, u), (right, up, side) in zip(parts, places, strict=True):
            colour = GREEN if weight > 0 else ORANGE
            _draw_arrow(ax, at, at + weight * u, colour)
            name = labels["pull" if weight > 0 else "push"]
            ax.annotate(f"{name}: {weight:.2f} $u$ ({word})".replace("-", "−"), at + weight * u / 2, (right, up),
                        textcoords="offset points", ha=side, color=colour)  # fmt: skip
            at = at + weight * u
        _draw_arrow(ax, v_c, at, BLUE)
        ax.annotate("−∂$J$/∂$v_c$", (v_c + at) / 2, (-6, -12), textcoords="offset points", ha="right", color=BLUE)
        ax.annotate("$v_c$", v_c, (6, -6), textcoords="offset points")
        ax.plot(*v_c, "o", color=INK, markersize=4)
        ax.set_title(labels[loss], loc="left")
        ax.set(xlim=(-0.25, 0.8), ylim=(0.95, 1.54), aspect="equal")
        ax.set_axis_off()
    return both[0].figure


def _draw_matrix(ax: Any, at: tuple[float, float], values: Array, digits: int = 2) -> None:
    """Draw the cells of a matrix from `at`, the middle of its left side: blue is positive and orange negative."""
    for (i, j), value in np.ndenumerate(values):
        x, y = at[0] + j, at[1] + _CELL * (len(values) / 2 - 1 - i)
        strength = min(1.0, abs(value)) * 0.55
        ax.add_patch(_cell((x, y), BLUE if value > 0 else ORANGE, strength))
        ax.text(
            x + 0.5, y + _CELL / 2, f"{value + 0.0:.{digits}f}".replace("-", "−"), ha="center", va="center", fontsize=9
        )


def _cell(corner: tuple[float, float], colour: str, strength: float) -> Any:
    return Rectangle(corner, 1, _CELL, facecolor=to_rgba(colour, strength), edgecolor=GREY, linewidth=0.6)


def _draw_arrow(ax: Any, start: Any, end: Any, colour: str) -> None:
    arrow = {"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0, "linewidth": 1.3, "mutation_scale": 9}
    ax.annotate("", end, start, arrowprops=arrow)
