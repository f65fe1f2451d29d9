"""The explorer in the output of a notebook's cell: an exported page in a frame, so that no server is needed.

The frame may run scripts, take text and save files, and has no access to the notebook. It works offline, in a notebook
of another machine, and after the kernel has ended.
"""

import html
from dataclasses import dataclass, field

from firth.explore.explored import Explored
from firth.explore.export import export
from firth.messages import counted
from firth.options import whole
from firth.vectors import KeyedVectors


@dataclass(frozen=True)
class NotebookPage:
    """A page that a notebook shows inline.

    html    the page, which may also be written to a file
    words   how many words it has
    height  pixels
    """

    html: str = field(repr=False)
    words: int
    height: int

    def __str__(self) -> str:
        return f"the explorer with {counted(self.words, 'word')}: a notebook shows it"

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts allow-forms allow-downloads" '
            f'width="100%" height="{self.height}" style="border: 1px solid #8884"></iframe>'
        )


def notebook_page(vectors: KeyedVectors, words: int, height: int) -> NotebookPage:
    """Return the page of the most frequent words; see `KeyedVectors.explore`."""
    whole("height", height, "the height of the page in pixels", 100)
    page = export(Explored("vectors", vectors), words)
    return NotebookPage(page.html, page.words, height)
