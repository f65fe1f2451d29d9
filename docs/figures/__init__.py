"""The figures of docs/derivation.md and docs/derivation.ko.md, which the docs build draws and puts into the pages.

A page names a figure in a line such as `<figure id="figure-network"></figure>`. Numbers come from firth's own functions
and from data generated here. A module imports only from those above it.

texts.py    captions, descriptions and labels in both languages
canvas.py   Axes, colours, and SVG for a page
network.py  the network, its gradients as products, and the forces on a center vector
noise.py    noise words, subsampling, and the noise of the block schedule
scores.py   learned scores and a factorised matrix against the shifted PMI
"""

import re
from collections.abc import Callable
from html import escape
from typing import Any

from figures import network, noise, scores
from figures.canvas import to_svg
from figures.texts import TEXTS

FIGURES: dict[str, Callable[[dict[str, str]], Any]] = {
    "network": network.draw_network,
    "products": network.draw_products,
    "forces": network.draw_forces,
    "powers": noise.draw_powers,
    "subsampling": noise.draw_subsampling,
    "blocks": noise.draw_blocks,
    "scores": scores.draw_scores,
}
"""Each takes the labels of a language and returns a Matplotlib figure."""

PLACEHOLDER = re.compile(r'<figure id="figure-(\w+)"></figure>')


def insert(page: str, language: str, mathematics: Callable[[str], str]) -> str:
    """Replace the placeholders in the HTML of a page by figures; `mathematics` converts LaTeX to MathML."""

    def drawn(match: re.Match[str]) -> str:
        name = match[1]
        texts = TEXTS[language][name]
        caption = re.sub(r"\$(.+?)\$", lambda latex: mathematics(latex[1]), texts["caption"])
        svg = to_svg(lambda: FIGURES[name](texts), name, escape(texts["description"]))
        return f'<figure id="figure-{name}" class="drawn">{svg}<figcaption>{caption}</figcaption></figure>'

    return PLACEHOLDER.sub(drawn, page)
