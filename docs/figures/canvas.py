"""Axes, colours, and SVG that follows the colours and fonts of a page."""

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from firth.plots.canvas import COLOURS, GREY

BLUE, ORANGE, GREEN, PINK = COLOURS
INK = "#000000"
WIDTH = 5.0  # inches: 360 points, so that a point is a pixel of a phone
_VARIABLES = {BLUE: "--blue", ORANGE: "--orange", GREEN: "--green", PINK: "--pink", GREY: "--grey", INK: "--ink"}
"""The CSS variable of each colour; firth.css has its values for a light and a dark page."""

_STYLE = {
    "font.size": 10, "axes.titlesize": 10, "svg.fonttype": "none", "text.parse_math": False, "path.simplify": False,
    "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip


_UNNEEDED = re.compile(
    r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->| font-family: [^;]*;| transform=\"rotate\(-0 [^\"]*\"",
    re.DOTALL,
)
"""What would change the rest of the page, such as a style for all elements, or would differ from it."""


def axes(heights: list[float]) -> list[Any]:
    """Return Axes below each other in a new figure, of these heights in inches."""
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    return list(figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])


def draw_dots(ax: Any, x: ArrayLike, y: ArrayLike, colour: str, size: float = 2.0) -> None:
    """Draw points as one path of round dots: thousands of markers would make a page slow."""
    gaps = np.full(np.size(x), np.nan)
    columns = [np.column_stack([each, each, gaps]).ravel() for each in (np.ravel(x), np.ravel(y))]
    ax.plot(*columns, color=colour, linewidth=size, solid_capstyle="round")


def name_powers_of_ten(axis: Any) -> None:
    """Label the ticks of a logarithmic axis in the markup that `to_svg` reads."""
    axis.set_major_formatter(lambda value, _: f"10^{{{round(np.log10(value))}}}".replace("-", "−"))


def to_svg(draw: Callable[[], Any], name: str, description: str) -> str:
    """Return the figure that `draw` returns, as SVG for the text of a page, with its description as escaped HTML.

    Text stays text, in the font of the page: the site needs no font for Korean. Letters between dollar signs
    are italic, and `_c` and `^{-4}` are indices. Colours are CSS variables, and the names inside the SVG start with
    `name`, because one page has several figures.
    """
    written = io.StringIO()
    with mpl.rc_context(_STYLE | {"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)  # measured in a font without Korean
        draw().savefig(written, format="svg", transparent=True, metadata={"Date": None})
    svg = _UNNEEDED.sub("", written.getvalue())
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(id="|xlink:href="#|url\(#)', rf"\g<1>{name}-", svg)
    for colour, variable in _VARIABLES.items():
        svg = re.sub(colour, f"var({variable})", svg, flags=re.IGNORECASE)
    svg = re.sub(r"(\d\.\d\d)\d+", r"\1", svg)
    svg = re.sub(r"(?<=>)[^<>\n]+(?=</text>)", lambda text: _with_indices(text[0]), svg)
    size = re.search(r'viewBox="[^"]*"', svg)
    assert size is not None, "Matplotlib writes a viewBox"
    return re.sub(r"<svg[^>]*>", f'<svg {size[0]} role="img" aria-label="{description}">', svg, count=1)


def _with_indices(text: str) -> str:
    """Return the text of a label as SVG, with its symbols in italics and its indices shifted and smaller."""
    text = re.sub(r"\$([^$]+)\$", lambda symbols: re.sub(r"([^\W\d_]+)", r"<i>\1</i>", symbols[1]), text)
    text = re.sub(r"([_^])(?:\{([^}]*)\}|<i>(\w)</i>|(\w))", _index, text)
    return text.replace("<i>", '<tspan font-style="italic">').replace("</i>", "</tspan>")


def _index(match: re.Match[str]) -> str:
    """Return an index, followed by an invisible character that returns to the line: Firefox has no baseline-shift."""
    shift, content = (0.25 if match[1] == "_" else -0.45), match[2] or match[3] or match[4]
    return (
        f'<tspan font-size="75%" dy="{shift}em">{content}</tspan><tspan font-size="75%" dy="{-shift}em">\u200b</tspan>'
    )
