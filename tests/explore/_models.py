"""Models to explore: words with known vectors, and words that attack."""

from pathlib import Path

import numpy as np

from firth import KeyedVectors
from firth.explore.explored import Explored
from firth.explore.maps import NEAREST_ON_MAP, Points
from firth.formats.native import write_native

SCRIPTS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</script><svg onload=alert(1)>", '"><b>bold</b>',
    "javascript:alert(1)", "' onmouseover='alert(1)", "{{7*7}}", "${alert(1)}", "&lt;i&gt;", "<!--", "]]>",
    "\\u003cscript",
]  # fmt: skip
ODD = [
    "a\0b",
    "שלום\u202eevil",
    "tab\there",
    "new\nline",
    "\x1b[31mred",
    "é",
    "日本語",
    "🏴‍☠️",
    "x" * 1024,
    "+",
    "-",
    " ",
    "a - b",
]
PLAIN = ["man", "king", "woman", "queen", "stone", "kong", "knig", "kin", "kingdom", "Kings"]
WORDS = [*PLAIN, *SCRIPTS, *ODD, *(f"filler{i}" for i in range(200))]
OPTIONS = {"objective": "negative_sampling", "ns_exponent": 0.75}


def matrices() -> tuple[np.ndarray, np.ndarray]:
    """Return center and outside vectors; the first five are at known angles in the first two dimensions."""
    rng = np.random.default_rng(1)
    center, outside = rng.normal(size=(2, len(WORDS), 8)).astype(np.float32)
    degrees = np.radians([0, 10, 90, 100, 200])
    center[:5] = 0
    center[:5, 0], center[:5, 1] = np.cos(degrees), np.sin(degrees)
    return center, outside


def counts() -> np.ndarray:
    return np.arange(len(WORDS), 0, -1, dtype=np.int64) * 10


def explored() -> Explored:
    """Return the model as the explorer holds it."""
    center, outside = matrices()
    keys = list(WORDS)
    return Explored("test", KeyedVectors(keys, center, counts()), KeyedVectors(keys, outside), OPTIONS)


def write_model(folder: Path) -> Path:
    """Write the same model, with a name that attacks too."""
    center, outside = matrices()
    path = folder / "<img src=x onerror=alert(1)>.firth"
    write_native(path, keys=WORDS, center=center, outside=outside, counts=counts(), options=OPTIONS, history=[])
    return path


def missed(points: Points, row: int, neighbours: list[int]) -> list[int]:
    """Return those of a word's true neighbours that are not among the 50 nearest points of the map.

    A point as near as the fiftieth counts as among them.
    """
    gaps = points.astype(np.float64) - points[row].astype(np.float64)  # squares are exact
    distances = np.einsum("vd,vd->v", gaps, gaps)
    distances[row] = np.inf
    last = min(NEAREST_ON_MAP, len(points)) - 1
    limit = np.partition(distances, last)[last]
    return [other for other in neighbours if distances[other] > limit]
