"""The table of docs/statements.md, from docs/statements.toml: where each statement is derived, computed and tested."""

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

_FOLDER = Path(__file__).parent


class Statement(NamedTuple):
    """A statement of a text, as docs/statements.toml describes it.

    `where` has titles of the derivation, `code` full names in Python, and `tests` paths with `::` and a name.
    """

    source: str
    says: str
    status: str
    how: str
    where: list[str]
    code: list[str]
    tests: list[str]
    figures: list[str]


def read_statements() -> list[Statement]:
    """Return all statements; a place that the derivation lacks raises `KeyError`."""
    rows = tomllib.loads((_FOLDER / "statements.toml").read_text(encoding="utf-8"))["statement"]
    titles = derivation_titles()
    return [
        Statement(
            row["source"], row["says"], row["status"], row.get("how", ""), [titles[place] for place in row["where"]],
            [f"firth.{name}" for name in row["code"]], [f"tests/{name}" for name in row["tests"]],
            row.get("figures", []),
        )
        for row in rows
    ]  # fmt: skip


def derivation_titles() -> dict[str, str]:
    """Return the titles of the derivation by number ("5", "R7"), and by name for sections that may get another one."""
    text = (_FOLDER / "derivation.md").read_text(encoding="utf-8")
    titles = {}
    for title in re.findall(r"^###? (.+)$", text, re.MULTILINE):
        kind, number, name = re.fullmatch(r"(Result )?(?:(\d+)\. )?(.*)", title).groups()
        titles |= {f"R{number}": title} if kind else {number or name: title, name: title}
    return titles


def to_markdown(statements: list[Statement], anchor: Any) -> str:
    """Return a table for each source; `anchor` returns the anchor of a title."""
    parts = []
    for source in dict.fromkeys(statement.source for statement in statements):
        rows = [_row(statement, anchor) for statement in statements if statement.source == source]
        header = ["| statement | status | in the derivation, with code, tests and figures |", "|---|---|---|"]
        parts.append("\n".join([f"## The {source}", "", *header, *rows]))
    return "\n\n".join(parts)


def _row(statement: Statement, anchor: Any) -> str:
    status = f"**{statement.status}**" + (f": {statement.how}" if statement.how else "")
    places = [f"[{_short(title)}](derivation.md#{anchor(title)})" for title in statement.where]
    figures = [f"[figure *{name}*](derivation.md#figure-{name})" for name in statement.figures]
    names = [f"`{name}`" for name in [*statement.code, *statement.tests]]
    says = statement.says.replace("|", "\\|")
    return f"| {says} | {status} | {', '.join([*places, *figures])}<br>{'<br>'.join(names)} |"


def _short(title: str) -> str:
    """Return "Result 7" or "section 5" for a title with a number, and the title without its number otherwise."""
    found = re.match(r"(Result \d+|\d+)\. ", title)
    return title if found is None else found[1] if found[1].startswith("Result") else f"section {found[1]}"
