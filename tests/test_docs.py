"""The documentation: its code runs, its references exist, and both derivations have the same equations."""

import ast
import importlib
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from firth.cli import main
from firth.gradcheck import EQUATIONS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
MARKDOWN = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in (".", "docs", "docs/reference", "benchmarks")
    for path in (ROOT / folder).glob("*.md")
)
LONGEST_LINE = 120
RECIPES = "recipes.md"  # each of its sections runs by itself: tests/test_recipes.py
CLUSTER = "cluster.md"  # starts Ray: tests/cluster/test_on_ray.py
DERIVATIONS = ["derivation.md", "derivation.ko.md"]

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
DISPLAYED = re.compile(r"^\$\$\n(.*?)\n\$\$$", re.DOTALL | re.MULTILINE)
RESULT = re.compile(r"^### (?:Result|정리) (\d+)\. ", re.MULTILINE)
REFERENCES = {
    "derivation.md": ("Code", "Tests", "Gradient check"),
    "derivation.ko.md": ("코드", "테스트", "기울기 검사"),
}


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def commands(page: str) -> list[list[str]]:
    """Return the arguments of each `firth` command on a page."""
    shell = "".join(re.findall(r"^```sh\n(.*?)^```$", text_of(page), re.DOTALL | re.MULTILINE))
    return [shlex.split(line)[1:] for line in shell.splitlines() if line.startswith("firth ")]


def blocks(page: str) -> list[tuple[int, str]]:
    """Return (line number, code) of each Python block on a page."""
    text = text_of(page)
    return [(text.count("\n", 0, match.start(1)) + 1, match[1]) for match in BLOCK.finditer(text)]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page) and page not in (RECIPES, CLUSTER)])
def test_the_code_of_a_page_runs_from_top_to_bottom(page: str, tmp_path, monkeypatch):
    """The Python blocks of a page share one namespace and a temporary folder. Its commands run after them."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "docs"}
    for line, code in blocks(page):
        exec(compile("\n" * (line - 1) + code, str(DOCS / page), "exec"), names)
    for command in commands(page):
        assert main(command) == 0, command


def test_every_flag_named_on_a_page_exists(capsys):
    """Checks flags in the prose: commands in code blocks are run, and `--first` belongs to `make stress`."""
    for command in (
        "train",
        "node2vec",
        "item2vec",
        "phrases",
        "similar",
        "analogy",
        "evaluate",
        "stability",
        "plan",
        "info",
        "convert",
        "explore",
        "gradcheck",
        "demo",
    ):
        assert main([command, "--help"]) == 0
    flags = {*re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out), "--first"}
    for page in PAGES:
        named = set(re.findall(r"`(--[a-z][a-z-]*)", text_of(page)))
        assert named <= flags, f"{page}: {named - flags}"


def test_every_python_block_is_run():
    """No page has Python in a kind of fence that `blocks` does not find."""
    for page in PAGES:
        fences = re.findall(r"^\s*(?:```|~~~)\s*\{?\.?(?:py|python|python3|pycon)\b.*$", text_of(page), re.MULTILINE)
        assert len(fences) == len(blocks(page)), page


def results(page: str) -> dict[int, dict[str, list[str]]]:
    """Return the references of each numbered result, as a dictionary from kind to names.

    References are a block quote of one or more lines: `> Code: ... — Tests: ... — Gradient check: ...`.
    """
    parts = RESULT.split(text_of(page))[1:]
    found = {}
    for number, body in zip(parts[::2], parts[1::2], strict=True):
        quotes = re.findall(rf"^> {REFERENCES[page][0]}: .*(?:\n> .*)*", body, re.MULTILINE)
        assert len(quotes) == 1, f"{page}, result {number}: {len(quotes)} blocks of references"
        kinds = [part.split(": ", 1) for part in re.sub(r"\n?> ", " ", quotes[0]).strip().split(" — ")]
        assert all(kind in REFERENCES[page] for kind, _ in kinds), f"{page}, result {number}: {kinds}"
        found[int(number)] = {
            english: re.findall(r"`([^`]+)`", listed)
            for kind, listed in kinds
            for english, local in zip(REFERENCES["derivation.md"], REFERENCES[page], strict=True)
            if kind == local
        }
    return found


def displayed(page: str) -> list[str]:
    """Return the displayed equations of a page, without its line breaks."""
    return [" ".join(equation.split()) for equation in DISPLAYED.findall(text_of(page))]


@pytest.mark.parametrize("page", DERIVATIONS)
def test_results_are_numbered_in_order_and_name_their_code_and_tests(page: str):
    found = results(page)
    assert list(found) == list(range(1, len(found) + 1))
    assert all(references["Code"] and references["Tests"] for references in found.values())


@pytest.mark.parametrize("page", DERIVATIONS)
def test_every_equation_of_a_result_has_its_number(page: str):
    parts = RESULT.split(text_of(page))[1:]
    for number, body in zip(parts[::2], parts[1::2], strict=True):
        tags = re.findall(r"\\tag\{(.*?)\}", body)
        own = [tag for tag in tags if re.fullmatch(rf"{number}[a-z]?", tag)]
        assert own == tags, f"{page}, result {number}: {tags}"
    tags = re.findall(r"\\tag\{(.*?)\}", text_of(page))
    assert len(set(tags)) == len(tags)
    prose = re.sub(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$", "", text_of(page), flags=re.DOTALL)
    named = set(re.findall(r"\((\d{1,3}[a-z]?)\)", prose))  # four digits are a year
    assert named <= set(tags), f"{page} refers to missing equations: {named - set(tags)}"


def test_every_function_named_in_the_derivation_exists():
    for references in results("derivation.md").values():
        for name in references["Code"]:
            module, _, attribute = name.rpartition(".")
            assert callable(getattr(importlib.import_module(module), attribute)), name


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_test_named_in_the_derivation_exists():
    for references in results("derivation.md").values():
        for name in references["Tests"]:
            path, _, function = name.partition("::")
            assert function in functions_of(path), name


def test_every_equation_of_the_gradient_check_belongs_to_a_result():
    named = [name for references in results("derivation.md").values() for name in references.get("Gradient check", [])]
    assert sorted(named) == sorted(equation.name for equation in EQUATIONS)


def test_both_languages_have_the_same_results_equations_and_code():
    english, korean = DERIVATIONS
    assert results(english) == results(korean)
    assert displayed(english) == displayed(korean)
    assert [code for _, code in blocks(english)] == [code for _, code in blocks(korean)]


def tables(page: str) -> list[int]:
    """Return the number of rows of each table of a page."""
    return [len(rows.splitlines()) for rows in re.findall(r"(?:^\| .*\|\n)+", text_of(page), re.MULTILINE)]


@pytest.mark.parametrize("page", ["derivation", "derivation-summary", "derivation-exercises"])
def test_both_languages_of_a_page_have_the_same_parts(page: str):
    english, korean = f"{page}.md", f"{page}.ko.md"
    assert displayed(english) == displayed(korean)
    assert [code for _, code in blocks(english)] == [code for _, code in blocks(korean)]
    assert tables(english) == tables(korean)
    for part in (r"^#+ ", r"^<details ", r"^<figure "):
        counts = [len(re.findall(part, text_of(language), re.MULTILINE)) for language in (english, korean)]
        assert counts[0] == counts[1], (part, counts)


def test_every_symbol_of_the_derivation_has_one_meaning():
    """Letters that stood for a second thing: bold V, J, C and M, the number a, the gradients g, and rows z_g."""
    for page in DERIVATIONS:
        mathematics = " ".join(re.findall(r"\$[^$]+\$", text_of(page).split("\n## 22. ")[0].replace("$$", "$")))
        for second in (r"\\mathbf\{[JCM]\}", r"(?<![a-zA-Z\\{])a_c", r"z_g", r"S_t(?![a-z])", r"\ba \\, r_w"):
            assert not re.search(second, mathematics), f"{page}: {second}"


def test_the_steps_of_a_page_are_in_boxes_that_are_closed_again():
    for page in PAGES:
        assert text_of(page).count("<details") == text_of(page).count("</details>"), page


def test_every_linked_page_exists():
    for page in MARKDOWN:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text(encoding="utf-8")):
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page: of its headings, as `slugify` in mkdocs.yml makes them, and its ids."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}
    return slugs | set(re.findall(r'\bid="([^"]+)"', text))


def test_every_linked_anchor_exists():
    """`make docs` checks this too, but is not part of every test run; sections are renumbered now and then."""
    for page in (DOCS / name for name in PAGES):
        for target, anchor in re.findall(
            r"\]\(([^)#:]*)#([^)]+)\)", re.sub(r"\s", "", page.read_text(encoding="utf-8"))
        ):
            assert anchor in anchors(page.parent / target if target else page), f"{page} links to {target}#{anchor}"


@pytest.mark.parametrize("path", MARKDOWN)
def test_markdown_lines_are_short(path: str):
    """Only a line with a URL may be longer. There is no exception for table rows, equations or references."""
    lines = enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1)
    assert [number for number, line in lines if len(line) > LONGEST_LINE and "://" not in line] == []
