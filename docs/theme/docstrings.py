"""Convert docstrings to Markdown: prose is reflowed, and tables and equations keep their line breaks."""

import re
import textwrap
from itertools import groupby
from typing import Any

import griffe

_PREFORMATTED = re.compile(r"^ {2,}\S|\S {2,}\S")
"""Matches a line that is indented or has columns."""


class DocstringConverter(griffe.Extension):
    """Converts every docstring when it is loaded."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Convert the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)


def to_markdown(docstring: str) -> str:
    """Put examples and preformatted lines into code blocks, and leave other lines unchanged."""
    lines = docstring.splitlines()
    kinds = [_kind(line) for line in lines]
    for i, kind in enumerate(kinds):  # the output of an example ends at the next blank line
        if kind == "text" and i and kinds[i - 1] == "pycon" and lines[i].strip():
            kinds[i] = "pycon"
    numbered = groupby(zip(kinds, lines, strict=True), key=lambda pair: pair[0])
    return "\n".join(_block(kind, [line for _, line in group]) for kind, group in numbered)


def _kind(line: str) -> str:
    if line.lstrip().startswith((">>>", "...")):
        return "pycon"
    return "preformatted" if _PREFORMATTED.search(line) else "text"


def _block(kind: str, lines: list[str]) -> str:
    text = "\n".join(lines)
    if kind == "text":
        return text
    return f"\n```{'pycon' if kind == 'pycon' else 'text'}\n{textwrap.dedent(text)}\n```\n"
