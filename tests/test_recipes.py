"""docs/recipes.md: every recipe runs by itself, in an empty folder, as a reader would copy it."""

import ast
import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from _hub_server import TOKEN, running

from firth.cli import main

PAGE = Path(__file__).parents[1] / "docs" / "recipes.md"
SLOW = {"keras", "spacy", "torch"}
"""Libraries that take long to install or to import: their recipes run with `make test-slow`."""

FENCE = re.compile(r"^```(python|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def recipes() -> dict[str, tuple[int, str]]:
    """Return the line number and the text of each section, by its heading."""
    text = PAGE.read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    lines = [part.count("\n") for part in parts]
    return {
        heading: (sum(lines[: 2 * number + 2]) + number + 1, parts[2 * number + 2])
        for number, heading in enumerate(parts[1::2])
    }


def code_of(recipe: str) -> list[tuple[int, str]]:
    """Return the Python blocks of a section, each with the number of its first line in the section."""
    return [
        (recipe.count("\n", 0, match.start(2)), match[2]) for match in FENCE.finditer(recipe) if match[1] == "python"
    ]


def libraries(recipe: str) -> set[str]:
    """Return the libraries that a section imports, besides the standard library and firth."""
    found = set()
    for _, code in code_of(recipe):
        for node in ast.walk(ast.parse(code)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {name.partition(".")[0] for name in names}
    found |= {"torch"} if "keras" in found else set()  # the backend that the recipe names
    return found - sys.stdlib_module_names - {"firth"}


def connects(recipe: str) -> bool:
    return any(re.search(r"^from firth import .*\bhub\b", code, re.MULTILINE) for _, code in code_of(recipe))


def cases(connecting: bool) -> list:
    return [
        pytest.param(heading, marks=pytest.mark.slow if connecting or libraries(recipe) & SLOW else (), id=heading)
        for heading, (_, recipe) in recipes().items()
        if FENCE.search(recipe) and connects(recipe) is connecting
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of other libraries, in older or newer versions
@pytest.mark.parametrize("heading", cases(connecting=False))
def test_a_recipe_runs_by_itself(heading, tmp_path, monkeypatch):
    """A recipe for a library that is not installed is skipped, and the reason names the library."""
    first_line, recipe = recipes()[heading]
    for library in sorted(libraries(recipe)):
        if find_spec(library) is None:  # not imported here: the recipe may have to set a variable first
            pytest.skip(f"{library} is not installed")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "recipe"}
    for match in FENCE.finditer(recipe):
        if match[1] == "python":
            line = first_line + recipe.count("\n", 0, match.start(2)) - 1
            exec(compile("\n" * line + match[2], str(PAGE), "exec"), names)
            continue
        for command in match[2].splitlines():
            program, *arguments = shlex.split(command)
            assert program == "firth", command
            assert main(arguments) == 0, command


@pytest.mark.parametrize("heading", cases(connecting=True))
def test_a_recipe_for_the_hub_runs_against_the_stand_in(heading, tmp_path):
    pytest.importorskip("huggingface_hub")
    code = "".join(code for _, code in code_of(recipes()[heading][1]))
    with running() as server:
        variables = {"HF_ENDPOINT": server.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | variables, cwd=tmp_path, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        assert len(server.repositories) == 2


def test_every_recipe_is_in_the_list_at_the_top():
    introduction = PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    linked = re.findall(r"\]\(#([^)]+)\)", introduction)
    slugs = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in recipes()]
    assert linked == slugs


def test_libraries_are_found():
    assert libraries("```python\nimport json, torch.nn\nfrom sklearn.base import clone\nimport firth\n```\n") == {
        "torch",
        "sklearn",
    }
