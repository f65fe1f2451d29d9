"""Dependencies in pyproject.toml: every imported library is declared, and broken versions are excluded."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from test_static_guards import imports

import firth

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def requirements(lines: list[str]) -> dict[str, Requirement]:
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in found if requirement.name != "firth"}


NEEDED = requirements(PROJECT["dependencies"])
FEATURES = ("eval", "ann", "wmd", "explore", "plot", "sklearn", "pandas", "polars", "hub")  # extras of users, and ray
OPTIONAL = requirements([line for extra in FEATURES for line in EXTRAS[extra]])
TESTED = NEEDED | OPTIONAL | requirements(EXTRAS["test"])


def test_every_library_that_the_source_imports_is_declared():
    distributions = packages_distributions()
    imported = {
        name.partition(".")[0]
        for path in Path(firth.__file__).parent.rglob("*.py")
        for _, name in imports(ast.parse(path.read_text(encoding="utf-8")))
    }
    # Numba pins the version of llvmlite; gensim is used by `firth convert --from-gensim` if it happens to be there
    others = imported - sys.stdlib_module_names - {"firth", "", "llvmlite", "gensim"}
    others -= {"ray"}  # the extra `ray`, which only `make test-cluster` installs
    declared = {canonicalize_name(name) for library in others for name in distributions[library]}
    assert declared == {*NEEDED, *OPTIONAL} - {"h11"}  # which uvicorn imports


def test_the_documentation_lists_the_extras():
    table = (ROOT / "docs/index.md").read_text(encoding="utf-8").partition("| extra |")[2]
    rows = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted([*FEATURES, "ray"])


@pytest.mark.parametrize("name", sorted(TESTED))
def test_every_dependency_has_only_a_lower_bound_which_the_installed_version_meets(name):
    assert [bound.operator for bound in TESTED[name].specifier] == [">="]
    if TESTED[name].marker is None or TESTED[name].marker.evaluate():
        assert TESTED[name].specifier.contains(version(name))


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("numpy", "1.26.4"),  # PyArrow 26 is not importable, and does not declare that it needs NumPy 2
        ("numpy", "2.1.3"),  # importing SciPy imports f2py, which fails when stderr is closed
        ("scipy", "1.14.1"),  # calls exec() to correlate, and the tests allow no exec() while a file is read
        ("numba", "0.61.2"),  # training needs less memory than its estimate, by more than the tests allow
        ("typer", "0.15.0"),  # fails with click 8.2
        ("typer", "0.25.1"),  # calls what click 9 removes
        ("matplotlib", "3.10.6"),  # calls what pyparsing 3.3 deprecates
    ],
)
def test_a_version_that_does_not_run_is_excluded(name, broken):
    assert not TESTED[name].specifier.contains(broken)


def test_every_extra_that_an_error_names_exists():
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(firth.__file__).parent.rglob("*.py"))
    named = re.findall(r'MissingExtraError\("[^"]+", "([a-z]+)"', sources)
    assert {"ann", "eval", "wmd"} <= set(named) <= set(EXTRAS)
