"""The table of statements: every section, function, test and figure that it names exists."""

import ast
import functools
import importlib
from pathlib import Path

import figures
import pytest
import statements

from firth import Word2Vec

ROOT = Path(__file__).parents[1]
STATEMENTS = statements.read_statements()  # raises KeyError for a section or result that does not exist
PLACED = set(figures.PLACEHOLDER.findall((ROOT / "docs" / "derivation.md").read_text("utf-8")))


@functools.cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def attribute(name: str):
    """Return what a dotted name stands for: a module and one or two names in it."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return functools.reduce(getattr, parts[length:], module)
    raise AttributeError(name)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: f"{statement.source}: {statement.says[:40]}")
def test_everything_that_a_statement_names_exists(statement):
    assert statement.status in ("as is", "corrected", "completed")
    assert statement.how or statement.status == "as is"
    assert statement.where
    assert statement.code
    assert statement.tests
    assert all(attribute(name) is not None for name in statement.code)
    for name in statement.tests:
        path, _, function = name.partition("::")
        assert function in functions_of(path), name
    assert set(statement.figures) <= PLACED


def test_a_name_that_does_not_exist_is_found():
    with pytest.raises(AttributeError):
        attribute("firth.objectives.naive_softmin")


def test_both_texts_have_statements_of_every_status_and_none_twice():
    assert {(each.source, each.status) for each in STATEMENTS} == {
        (source, status) for source in ("Korean note", "blog post") for status in ("as is", "corrected", "completed")
    }
    assert len({(each.source, each.says) for each in STATEMENTS}) == len(STATEMENTS)


def test_the_table_has_a_row_for_each_statement_with_all_its_names():
    table = statements.to_markdown(STATEMENTS, str.lower)
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| statement")]
    assert len(rows) == len(STATEMENTS)
    for row, statement in zip(rows, STATEMENTS, strict=True):
        assert all(f"`{name}`" in row for name in [*statement.code, *statement.tests])
        assert all(f"(derivation.md#{title.lower()})" in row for title in statement.where)
        assert all(f"(derivation.md#figure-{name})" in row for name in statement.figures)


def test_a_model_has_two_vectors_of_d_numbers_for_each_word():
    model = Word2Vec(vector_size=6, min_count=1, sample=0, epochs=1, workers=1, schedule="hogwild")
    model.fit([["I", "am", "here"], ["He", "is", "here"]], kernels="reference", progress=False)
    V, D = len(model.wv), 6
    assert model.wv.vectors.shape == model.outside.shape == (V, D)
    assert model.wv.vectors.size + model.outside.size == 2 * D * V
