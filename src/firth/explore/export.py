"""The explorer as one file that needs neither a server nor a network: map, search, neighbours and equations.

The page holds each unit vector as D whole numbers of 8 bits, so its neighbours differ a little from those of the
model; the share of equal ones is measured and shown. All data are base64 in blocks that are not scripts, so no word
can become markup, and the page's policy allows its one script and its one style by their hashes.
"""

import base64
import hashlib
import json
import re
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.explore import maps
from firth.explore.answers import Answers
from firth.explore.assets import read_assets, whole_page
from firth.explore.atlas import MAPS, Atlas, scaled
from firth.explore.bundle import bundled
from firth.explore.explored import Explored, word_bytes
from firth.options import whole
from firth.packed_words import PackedWords
from firth.vectors import KeyedVectors

LARGEST = 15_000_000
"""Bytes of a page, unless the number of words is given."""

_SEED, _MEASURED = 1, 1000  # words whose neighbours are compared
_TOPN = 10
_POLL_SECONDS = 0.05
_COLOURS = ("frequency", "norm")
_BYTES_OF_PAGE = 150_000  # without words: its script and style
_BYTES_OF_WORD = 25  # without text and vector: length of the text, points of two maps, count, norm, colour
_LARGEST_WHOLE = 127


class Page(NamedTuple):
    """A page as text, how many words it has, and the share of equal neighbours, or NaN for no words."""

    html: str
    words: int
    equal: float


def export(explored: Explored, words: int | None = None) -> Page:
    """Return the page of the `words` most frequent words; None: of as many as 15 MB hold.

    The map by neighbours is computed if it was not before. Raises `OptionError` for a number of words below 1.
    """
    V, D = explored.vectors.vectors.shape
    if words is not None:
        whole("words", words, "how many of the most frequent words the page holds", 1)
    n = min(V, words) if words is not None else _fitting(explored.words, D)
    part = explored.first(n)
    small = quantised_rows(part.vectors)
    equal = equal_neighbours(part.vectors, small)
    points = finished_maps(part)
    blocks = {
        "meta": json.dumps(_meta(part, V, equal)).encode(),
        "words": word_bytes(part.words, slice(None)),
        "vectors": small.tobytes(),
        **{name: points[name].astype("<u2").tobytes() for name in MAPS},
        "norm": scaled(part.vectors.norms).values.tobytes(),
        "counts": (np.zeros(0) if part.vectors.counts is None else part.vectors.counts).astype("<f8").tobytes(),
        "norms": part.vectors.norms.astype("<f4").tobytes(),
    }
    return Page(_html(blocks), n, equal)


def finished_maps(explored: Explored) -> dict[str, maps.Points]:
    """Return the points of each map by name, when all are computed."""
    atlas, found = Atlas(explored), {}
    try:
        for name in MAPS:
            while isinstance(points := atlas.points(name), float):
                time.sleep(_POLL_SECONDS)
            found[name] = points
    finally:
        atlas.close()
    return found


def _fitting(words: PackedWords, D: int) -> int:
    """Return how many of the first words a page of 15 MB holds, at least one if there is one."""
    sizes = words.ends + (_BYTES_OF_WORD + D) * np.arange(1, len(words) + 1)
    n = int(np.searchsorted(sizes * 4 / 3, LARGEST - _BYTES_OF_PAGE, side="right"))  # base64 takes 4 bytes for 3
    return min(len(words), max(1, n))


def quantised_rows(vectors: KeyedVectors) -> NDArray[np.int8]:
    """Return each row, scaled so that its largest number is 127, as whole numbers; only directions are kept."""
    rows = np.nan_to_num(vectors.unit_rows(np.arange(len(vectors))), copy=False, nan=0, posinf=0, neginf=0)
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=1e-30)
    small: NDArray[np.int8] = np.round(rows * (_LARGEST_WHOLE / largest)).astype(np.int8)
    return small


def equal_neighbours(vectors: KeyedVectors, small: NDArray[np.int8]) -> float:
    """Return the mean share of the ten nearest words that are the same by the small vectors, of up to 1,000 words."""
    if len(vectors) < 2:
        return float("nan")
    other = KeyedVectors.trusted(vectors.index_to_key, small.astype(np.float32))
    rows = np.random.default_rng(_SEED).permutation(len(vectors))[:_MEASURED]
    keys = [vectors.index_to_key[row] for row in rows.tolist()]
    pairs = zip(vectors.most_similar_batch(keys, _TOPN), other.most_similar_batch(keys, _TOPN), strict=True)
    shares = [len({k for k, _ in one} & {k for k, _ in two}) / len(one) for one, two in pairs if one]
    return float(np.mean(shares)) if shares else float("nan")


def _meta(part: Explored, V: int, equal: float) -> dict[str, Any]:
    n = len(part.vectors)
    share = "" if np.isnan(equal) else f": {100 * equal:.1f} % of the ten nearest words are those of the model"
    among = "" if n == V else f"the {n:,} most frequent of {V:,} words · "
    scale = scaled(part.vectors.norms)
    note = f"{among}vectors of 8 bits{share}"
    overview = Answers(part).overview() | {"note": note, "maps": MAPS, "colours": _COLOURS}
    return {"whole": V, "overview": overview, "normRange": f"{scale.low:.6g} {scale.high:.6g} {scale.known}"}


def _html(blocks: dict[str, bytes]) -> str:
    assets = read_assets()
    modules = {name: asset.text for name, asset in assets.items()} | {"api.js": assets["offline.js"].text}
    script, style = bundled(modules, "main.js"), assets["style.css"].text
    icon = base64.b64encode(assets["icon.svg"].content).decode()
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script, style)}">\n'
        f'<link rel="icon" href="data:image/svg+xml;base64,{icon}">\n<style>{style}</style>\n<body>'
    )
    data = "\n".join(
        f'<script type="application/octet-stream" id="data-{name}">{base64.b64encode(content).decode()}</script>'
        for name, content in blocks.items()
    )
    index = whole_page(assets, "index.html").text
    page = re.sub(r"<(?:link|script)\b[^>]*>(?:</script>)?\n|\s*<nav>.*?</nav>", "", index)
    return page.replace("<body>", head) + f'{data}\n<script type="module">{script}</script>\n'


def _policy(script: str, style: str) -> str:
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style)]
    return (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
