"""`import firth` is fast, and its public names are complete."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import firth

PUBLIC = [
    "Word2Vec", "KeyedVectors", "Phrases", "RandomWalks", "Sequences", "sequences", "Pairs", "Options", "load",
    "stability", "Stability",
    "FirthError", "OptionError", "CorpusError", "FormatError", "CheckpointError", "ClusterError", "DivergenceError",
    "MissingExtraError", "NotAvailableError", "NotEnoughMemoryError", "NothingToTrainError", "UnknownWordError",
    "__version__",
]  # fmt: skip

HEAVY = ["numpy", "numba", "llvmlite", "pyarrow", "scipy", "safetensors", "typer", "rich", "gensim"]


def modules_after(statement: str) -> set[str]:
    """Return the modules that a new Python process has loaded after `statement`."""
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_vectors_do_not_need_modules_of_unix():
    modules_after(
        "import sys; sys.modules.update(fcntl=None, resource=None); sys.platform = 'win32'; import firth.vectors"
    )


@pytest.mark.parametrize(
    "statement", ["import firth", "import firth; firth.__version__; dir(firth)", "from firth import Options; Options()"]
)
def test_importing_firth_loads_no_other_library(statement: str):
    loaded = modules_after(statement)
    assert "firth" in loaded
    assert not loaded.intersection(HEAVY)
    assert "multiprocessing" not in loaded
    assert "asyncio" not in loaded


def test_importing_the_mathematics_loads_only_numpy():
    loaded = modules_after("import firth.gradcheck")
    assert loaded.intersection(HEAVY) == {"numpy"}


def test_importing_the_command_line_does_not_load_the_compiler():
    assert not modules_after("import firth.cli.app").intersection({"numba", "llvmlite", "pyarrow", "scipy"})


def test_the_public_names_are_these():
    assert firth.__all__ == PUBLIC
    assert dir(firth) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_documented(name: str):
    thing = getattr(firth, name)
    if name == "__version__":
        assert thing.count(".") == 2
        return
    assert thing.__name__ == name
    assert thing.__module__.startswith("firth.")
    assert thing.__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'firth' has no attribute 'word2vec'"):
        firth.word2vec  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Doc2Vec'"):
        from firth import Doc2Vec  # noqa: F401
    assert not hasattr(firth, "__wrapped__")


def test_type_checkers_see_the_names_that_users_see():
    """`__init__.py` imports each public name a second time, under TYPE_CHECKING."""
    tree = ast.parse(Path(firth.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert {*seen, "__version__"} == set(PUBLIC)
    assert all(getattr(firth, name) is getattr(import_module(module), name) for name, module in seen.items())


def test_the_package_is_marked_as_typed():
    assert (Path(firth.__file__).parent / "py.typed").is_file()
