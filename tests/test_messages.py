"""Messages: counts agree with their nouns, and options are written as the user writes them."""

import ast
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import firth
from firth.messages import advice, command_line, counted, option

SOURCES = sorted(Path(firth.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 words"), (1, "1 word"), (2, "2 words"), (-1, "-1 words"), (1_234_567, "1,234,567 words")],
)
def test_a_count_agrees_with_its_noun(number, text):
    assert counted(number, "word") == text
    assert counted(np.int64(number), "word") == text


def test_a_plural_may_be_irregular():
    assert [counted(n, "entry", "entries") for n in (1, 2)] == ["1 entry", "2 entries"]


def test_options_are_keywords_in_python_and_flags_on_the_command_line():
    def both() -> list[str]:
        return [
            option("min_count"), option("min_count", 5), option("resume", True), option("lowercase", False),
            advice("call fit", "see --help"), advice("call fit"),
        ]  # fmt: skip

    python = ["min_count", "min_count=5", "resume=True", "lowercase=False", "call fit", "call fit"]
    assert both() == python
    with command_line():
        assert both() == ["--min-count", "--min-count 5", "--resume", "--no-lowercase", "see --help", ""]
    assert both() == python
    with pytest.raises(KeyError), command_line():
        raise KeyError
    assert both() == python


PLURAL = re.compile(
    r" (words|names|times|rows|keys|lines|bytes|pairs|tokens|sentences|files|folders|numbers|epochs|vectors|blocks)\b"
    r"(?!/s)"  # a rate
)


def bare_plurals(tree: ast.AST) -> list[str]:
    """Return the parts of f-strings that put a number before a plural without `counted`."""
    strings = [node.values for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    pairs = [pair for parts in strings for pair in itertools.pairwise(parts)]
    return [
        f"line {value.lineno}: {ast.unparse(value.value)}{text.value}"
        for value, text in pairs
        if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant) and PLURAL.match(text.value)
        if not is_constant_or_text(value.value)
    ]


def is_constant_or_text(value: ast.expr) -> bool:
    """Return whether a value is a constant such as `LIMIT`, or the result of a function that returns text."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func) not in ("len", "sum", "int")
    return isinstance(value, ast.Name) and value.id.isupper()


def test_a_bare_plural_is_found():
    tree = ast.parse("f'{n} rows'; f'{len(x):,} files are'; f'{counted(n)} rows'; f'{MOST} rows'; f'rows {n}'")
    assert bare_plurals(tree) == ["line 1: n rows", "line 1: len(x) files are"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.parent.name + "/" + path.name)
def test_every_count_before_a_noun_is_written_with_counted(path):
    assert bare_plurals(ast.parse(path.read_text(encoding="utf-8"))) == []
