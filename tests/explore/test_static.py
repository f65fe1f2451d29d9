"""The files of the page: plain modules that cannot turn words into markup, small enough to read."""

import re
from pathlib import Path

import pytest

import firth
from firth.explore import server
from firth.explore.assets import read_assets, whole_page

STATIC = Path(firth.__file__).parent / "explore/static"
ASSETS = read_assets()
PAGES = sorted({*server.PAGES.values(), "training.html"})
MODULES = sorted(name for name in ASSETS if name.endswith(".js"))
MARKUP = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setHTML|DOMParser"
    r"|createContextualFragment"
)


def test_every_file_is_served():
    assert set(ASSETS) == {path.name for path in STATIC.iterdir()}
    assert {"index.html", "main.js", "style.css"} < set(ASSETS)


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_no_file_makes_markup_of_text_or_asks_another_server(name):
    text = ASSETS[name].content.decode()
    assert re.findall(MARKUP, text) == []
    known = {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r"(?:https?:)?//[\w.]+\.\w[^\s\"'`]*", text)) <= known
    assert not re.search(r"\bon\w+=|style=\"|javascript:", text)  # what the policy refuses


@pytest.mark.parametrize("name", MODULES)
def test_every_module_begins_with_its_idea_and_imports_only_neighbours(name):
    text = ASSETS[name].content.decode()
    assert text.startswith("// ")
    assert set(re.findall(r'(?:from|import\()\s*"\./([\w.]+)"', text)) <= set(MODULES)
    assert not re.search(r'from "(?!\./)', text)


def imported(name):
    """Return the modules that a module needs: its own imports, and theirs."""
    found, waiting = set(), [name]
    while waiting:
        text = ASSETS[waiting.pop()].content.decode()
        new = set(re.findall(r'from "\./([\w.]+)"', text)) - found
        found |= new
        waiting += new
    return sorted(found)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_for_all_its_modules_at_once(page):
    text = whole_page(ASSETS, page).text
    (main,) = re.findall(r'<script type="module" src="/static/([\w.]+)"', text)
    assert re.findall(r'rel="modulepreload" href="/static/([\w.]+)"', text) == imported(main)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_small(page):
    text = whole_page(ASSETS, page).text
    named = set(re.findall(r"/static/([\w.]+)", text))
    assert len(text) + sum(len(ASSETS[name].content) for name in named) < 120_000


def test_the_page_is_small():
    assert sum(asset.content.count(b"\n") for asset in ASSETS.values()) <= 3000
