"""The table of gensim's public names in docs/coming-from-gensim.md is complete, and what it calls available exists."""

import importlib
import inspect
import re

import pytest

from gensim_compat.test_scripts import PAGE

pytest.importorskip("gensim.models")

SECTION = PAGE.read_text(encoding="utf-8").partition("## Every public name")[2].partition("\n### ")[0]
MODULES = ("word2vec", "fasttext", "phrases", "keyedvectors", "callbacks")
ROWS = [line for line in SECTION.splitlines() if line.startswith("| `")]
ABSENT = ("not available", "internal", "deprecated in gensim", "removed from gensim")


def public_names(module):
    """Return the public classes and functions that a module of gensim defines, and the methods of its classes."""
    theirs = importlib.import_module(f"gensim.models.{module}")
    names = set()
    for name, thing in vars(theirs).items():
        if not name.startswith("_") and getattr(thing, "__module__", None) == theirs.__name__:
            names.add(name)
            if inspect.isclass(thing) and name not in ("Doc2VecKeyedVectors",):
                names |= {member for member in vars(thing) if not member.startswith("_")}
    return names


def named(text):
    return {name for quoted in re.findall(r"`([^`]+)`", text) for name in re.findall(r"[A-Za-z_]\w*", quoted)}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_in_the_table(module):
    assert public_names(module) - named(SECTION) - {"set_model", "set_parameters", "get_value"} == set()


@pytest.mark.parametrize("module", MODULES)
def test_a_name_is_available_unless_the_table_says_otherwise(module):
    ours = importlib.import_module(f"firth.gensim.{module}")
    classes = [thing for thing in vars(ours).values() if inspect.isclass(thing)]
    absent = {name for row in ROWS if any(word in row for word in ABSENT) for name in named(row.split("|")[1])}
    for name in public_names(module) - absent - {"set_model", "set_parameters", "get_value"}:
        assert hasattr(ours, name) or any(hasattr(each, name) for each in classes), name
