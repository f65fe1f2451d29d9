"""The README: its Python and its commands run, and its links and `make` targets exist."""

import random
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from firth import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the fenced code blocks of a language, without the indentation of a list around them."""
    found = re.finditer(rf"^( *)```{language}\n(.*?)^\1```$", README, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{match[1]}", "", match[2], flags=re.MULTILINE) for match in found]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    rng = random.Random(1)
    words = ["king", "queen", "man", "woman", *(f"word{number}" for number in range(200))]
    lines = [" ".join(rng.choices(words, k=12)) for _ in range(500)]
    (tmp_path / "corpus.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "edges.txt").write_text("ann bob\nbob cid\ncid dan\ndan ann\nann cid\n")
    (tmp_path / "questions-words.txt").write_text(": family\nman king woman queen\n")
    (tmp_path / "wordsim353.txt").write_text("king\tqueen\t8.6\nman\twoman\t8.3\nking\tword1\t1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_blocks_run(folder, capsys):
    assert len(blocks("python")) >= 2
    namespace: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)
    assert {path.name for path in folder.iterdir()} >= {"model.firth", "vectors.bin"}


def test_the_commands_run(folder, capsys):
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) >= 6
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "firth"
        assert cli.main(arguments) == 0, f"{command}: {capsys.readouterr().err}"


def test_the_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    texts = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^    )make (?:PYTHON=\S+ )?([a-z-]+)", texts, re.MULTILINE)
    assert {"demo", "test", "lint", "bench"} <= set(named) <= targets


def test_the_python_versions_match_the_package_metadata():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tested = [name.rpartition(" ")[2] for name in project["classifiers"] if "3." in name]
    assert f"Python {tested[0]} to {tested[-1]}" in README
    assert project["requires-python"] == f">={tested[0]}"
