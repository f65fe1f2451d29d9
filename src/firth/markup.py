"""Tables as HTML, for `_repr_html_`: without scripts, styles or colours, so that light and dark pages show them alike.

Words come from untrusted text: they are escaped, cut if they are long, and each is isolated from the writing direction
of the text around it.
"""

import html
from collections.abc import Iterable, Sequence

_LONGEST = 60  # characters of a cell


def table(rows: Iterable[Sequence[object]], *, caption: str = "", headings: Sequence[str] = ()) -> str:
    """Return a table, below a caption if there is one; without `headings` the first cell of each row is a heading."""
    title = f"<div>{_escaped(caption)}</div>" if caption else ""  # <caption> would be as narrow as the table
    head = f"<thead>{_row(headings, len(headings))}</thead>" if headings else ""
    body = "".join(_row(row, 0 if headings else 1) for row in rows)
    return f"{title}<table>{head}<tbody>{body}</tbody></table>"


def _row(cells: Sequence[object], n_headings: int) -> str:
    tags = ["th" if column < n_headings else "td" for column in range(len(cells))]
    return f"<tr>{''.join(f'<{tag}>{_escaped(cell)}</{tag}>' for tag, cell in zip(tags, cells, strict=True))}</tr>"


def _escaped(value: object) -> str:
    text = str(value)
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"<bdi>{html.escape(text.encode('utf-8', 'backslashreplace').decode())}</bdi>"
