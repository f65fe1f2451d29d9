"""The structure of the package: import order, no circles, short parameter lists, unique class names."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import firth

ROOT = Path(firth.__file__).parent
CONTRIBUTING = Path(__file__).parents[1] / "CONTRIBUTING.md"
MOST_PARAMETERS = 8
PUBLIC_FACES = {
    "model.Word2Vec.__init__", "model.Word2Vec.fit", "model.Word2Vec.partial_fit", "cli.train.train",
    "phrases.detector.Phrases.__init__", "cli.phrases.phrases", "cli.node2vec.node2vec", "cli.item2vec.item2vec",
    "cli.stability.stability", "cli.plan.plan",
    "sklearn.Word2VecVectorizer.__init__", "graphs.walks.RandomWalks.__init__",
}  # fmt: skip
"""Functions whose parameters users type as options or flags; they may have more."""

COMPILED = re.compile(r"\b(helper|kernel|intrinsic)\b")
"""The decorators that compile: a kernel takes arrays and not objects."""

REFERENCE = re.compile(r"(.*)\.reference\.(\w+)")
"""A function of a module `reference`: one with the name of a kernel takes the kernel's arguments, to replace it."""


@cache
def trees() -> dict[str, ast.Module]:
    """Return the syntax tree of every module; the name of the package itself is ''."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports(tree: ast.AST, modules: set[str]) -> set[str]:
    """Return the modules of the package that `tree` imports anywhere; '' is the package itself."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            inside = {member for member in members if member.removeprefix("firth.") in modules}
            names |= inside | ({node.module} if members - inside else set())
    return {name.removeprefix("firth").removeprefix(".") for name in names if re.match(r"firth(\.|$)", name)}


@cache
def graph() -> dict[str, set[str]]:
    modules = set(trees())
    return {name: imports(tree, modules) - {name} for name, tree in trees().items()}


def circles(edges: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of modules that import each other, directly or through others."""

    @cache
    def reached(start: str) -> frozenset[str]:
        found, waiting = set(), [start]
        while waiting:
            new = edges.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return frozenset(found)

    together = {frozenset(other for other in reached(name) if name in reached(other)) for name in edges}
    return sorted((set(names) for names in together if names), key=min)


def layers() -> list[list[str]]:
    """Return the lines of CONTRIBUTING's list, each with its modules and packages."""
    text = CONTRIBUTING.read_text(encoding="utf-8").partition("imports only from those above it")[2]
    lines = re.findall(r"^    (\S+(?:, \S+)*)  +\S", text.partition("\n## ")[0], re.MULTILINE)
    return [[re.sub(r"\.py$|/$", "", name) for name in line.split(", ")] for line in lines]


def layer(name: str) -> str:
    """Return the name under which CONTRIBUTING lists a module."""
    return name.partition(".")[0] or "__init__"


def functions(tree: ast.AST, prefix: str, compiled: bool = False) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield each function that Numba does not compile, with its dotted name."""
    for node in ast.iter_child_nodes(tree):
        name = f"{prefix}.{getattr(node, 'name', '')}".strip(".")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own = compiled or any(COMPILED.search(ast.unparse(decorator)) for decorator in node.decorator_list)
            if not own:
                yield name, node
            yield from functions(node, name, own or node.name.startswith("compile_"))
        else:
            yield from functions(node, name if isinstance(node, ast.ClassDef) else prefix, compiled)


@cache
def kernels() -> set[tuple[str, str]]:
    """Return the package and the name of every function that Numba compiles."""
    return {
        (module.rpartition(".")[0], node.name)
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any(COMPILED.search(ast.unparse(d)) for d in node.decorator_list)
    }


def is_reference(name: str) -> bool:
    """Return whether a function of a module `reference` has the name of a kernel of the same package."""
    found = REFERENCE.fullmatch(name)
    return found is not None and found.groups() in kernels()


def has_gensims_names(name: str) -> bool:
    """Return whether a module or function stands in for one of gensim, with its names of classes and arguments."""
    return name.startswith("gensim.")


def n_parameters(function: ast.FunctionDef) -> int:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    starred = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    return len([argument for argument in named if argument.arg not in ("self", "cls")]) + len(starred)


def test_contributing_lists_every_module_once():
    listed = [name for line in layers() for name in line]
    assert Counter(listed) == Counter({layer(name) for name in trees()})


def test_a_module_imports_only_from_those_above_it():
    order = {name: number for number, line in enumerate(layers()) for name in line}
    wrong = [
        f"{name or 'firth'} imports {imported or 'firth'}"
        for name, targets in graph().items()
        for imported in sorted(targets)
        if layer(name) != layer(imported) and order.get(layer(imported), 99) >= order.get(layer(name), 99)
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle():
    assert circles(graph()) == []


def test_only_public_faces_have_more_than_eight_parameters():
    many = {
        name: n_parameters(function)
        for module, tree in trees().items()
        for name, function in functions(tree, module)
        if n_parameters(function) > MOST_PARAMETERS and not is_reference(name) and not has_gensims_names(name)
    }
    assert {name: number for name, number in many.items() if name not in PUBLIC_FACES} == {}
    assert set(many) >= PUBLIC_FACES


def test_no_two_classes_have_the_same_name():
    classes = [
        (node.name, module)
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not has_gensims_names(module)
    ]
    often = {name for name, number in Counter(name for name, _ in classes).items() if number > 1}
    assert [(name, module) for name, module in sorted(classes) if name in often] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import firth", {""}),
        ("from firth import Word2Vec", {""}),
        ("from firth import options", {"options"}),
        ("def f():\n    from firth.text import reading, Corpus", {"text", "text.reading"}),
        ("if TYPE_CHECKING:\n    import firth.options", {"options"}),
        ("import firthly, re", set()),
    ],
)
def test_every_kind_of_import_is_found(source, found):
    assert imports(ast.parse(source), {"", "options", "text", "text.reading"}) == found


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set()}) == [{"a", "b", "c"}]


def test_long_parameter_lists_are_found_outside_compiled_code():
    plain = "def f(a, *b, c): ...\nclass C:\n    def g(self, d): ...\n"
    compiled = "@helper()\ndef h(): ...\ndef compile_steps():\n    def i(): ...\n"
    found = {name: n_parameters(function) for name, function in functions(ast.parse(plain + compiled), "m")}
    assert found == {"m.f": 3, "m.C.g": 1, "m.compile_steps": 0}


def test_a_reference_is_known_by_the_name_of_its_kernel():
    assert is_reference("training.softmax.reference.adam")
    assert not is_reference("training.softmax.reference.another")
    assert not is_reference("training.softmax.exact.adam")
