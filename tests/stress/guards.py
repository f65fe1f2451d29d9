"""Runs every kernel between inaccessible pages, and passes bad numbers to every function that calls a kernel.

Each array of a kernel ends exactly before an inaccessible page, and in a second run begins exactly after one: an access
outside kills the child process with SIGSEGV. Both runs must give the same bytes. Seed 0 is different: it runs the test
suite with Numba's own bounds checks, and the kernels as plain Python.

    python -m stress.guards SEED CASES BAD     the child: CASES of each kernel, BAD bad numbers; prints its counts
"""

import ast
import json
import os
import re
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

import firth
from stress import _bad_numbers
from stress._child import TESTS, json_of_child, run_python
from stress._kernels import GUARDED, PLAIN, Fence, vector_code

SEEDS = 41
CASES = 30  # of each kernel, in a seed
BAD = 2500  # bad numbers, in a seed
SECONDS = 600
SUITE_SECONDS = 7200
ADDRESS_SPACE = 16 << 30  # bytes
SOURCE = Path(firth.__file__).parent
COMPILERS = {"kernel", "helper", "njit", "jit", "vectorize", "guvectorize", "cfunc", "stencil", "overload", "intrinsic"}


def run(seed: int, folder: Path) -> dict[str, int]:
    """Run one case, in a child process."""
    if seed == 0:
        return suite_with_bounds_checks(folder) | child(0, CASES, 0, NUMBA_DISABLE_JIT="1")
    return child(seed, CASES, BAD)


child = partial(json_of_child, "stress.guards", seconds=SECONDS)


def suite_with_bounds_checks(folder: Path) -> dict[str, int]:
    """Run all tests, with an exception for every index out of bounds."""
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={folder / 'tests'}")
    found = run_python(*words, seconds=SUITE_SECONDS, cwd=TESTS.parent, NUMBA_BOUNDSCHECK="1")
    assert found.returncode == 0, found.stdout[-6000:]
    return {"tests with bounds checks": int(re.findall(r"(\d+) passed", found.stdout)[-1])}


def main() -> None:
    """The child: run every kernel between guard pages, then pass bad numbers."""
    seed, n_cases, n_bad = map(int, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    as_python = "NUMBA_DISABLE_JIT" in os.environ
    kernels = PLAIN if as_python else PLAIN | vector_code(np.random.default_rng(seed))
    for number, (name, case) in enumerate(kernels.items()):
        for i in range(n_cases):
            print(f"kernel {name}, case {i}", file=sys.stderr)
            ends, begins = (case(np.random.default_rng((seed, number, i)), Fence(at_end)) for at_end in (True, False))
            for a, b in zip(ends, begins, strict=True):
                np.testing.assert_array_equal(a, b)
    counts = Counter({"cases between guard pages": 2 * n_cases * len(kernels)})
    if not as_python:
        assert set(kernels) == GUARDED
    print(json.dumps(counts | _bad_numbers.attempt(np.random.default_rng(seed), n_bad)))


# --- the manifest


def unguarded(source: Path) -> set[str]:
    """Return the compiled functions of a package that are neither in `GUARDED` nor called by one that is."""
    calls = dict(compiled(source))
    missing = GUARDED - set(calls)
    assert not missing, f"in `GUARDED`, but not compiled: {sorted(missing)}"
    reached, todo = set(), list(GUARDED)
    while todo:
        name = todo.pop()
        if name in calls and name not in reached:
            reached.add(name)
            todo.extend(calls[name])
    return set(calls) - reached


def compiled(source: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield every compiled function, as module.name, and the functions that it calls."""
    for path in sorted(source.rglob("*.py")):
        module = ".".join(path.relative_to(source).with_suffix("").parts)
        tree = ast.parse(path.read_text("utf-8"))
        nodes = list(ast.walk(tree))
        imported = {
            alias.asname or alias.name: f"{node.module}.{alias.name}".removeprefix(f"{source.name}.")
            for node in nodes if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }  # fmt: skip
        imported |= dict(_returned(nodes, imported))
        compilers = {name for name in COMPILERS if imported.get(name) != f"typing.{name}"}  # typing has an overload too
        handed_over = {name for node in nodes if isinstance(node, ast.Call) for name in _compiles(node)}
        for node in nodes:
            if isinstance(node, ast.Assign) and _names(node.value) == {"Intrinsic"}:
                defined_in, name = (argument.value for argument in node.value.args)
                yield f"{module}.{node.targets[0].id}", {f"{defined_in}.{name}".removeprefix(f"{source.name}.")}
            if isinstance(node, ast.FunctionDef) and (
                node.name in handed_over or any(_names(decorator) & compilers for decorator in node.decorator_list)
            ):
                functions = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
                called = {function.id for function in functions if isinstance(function, ast.Name)}
                yield f"{module}.{node.name}", {imported.get(name, f"{module}.{name}") for name in called}


def _returned(nodes: list[ast.AST], imported: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield f and module.f for each f = compile_f(...) with `compile_f` from another module, which returns its f."""
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name):
            module, _, factory = imported.get(node.value.func.id, "").rpartition(".")
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if factory.startswith("compile_"):
                yield from ((name, f"{module}.{name}") for name in names)


def _compiles(call: ast.Call) -> set[str]:
    """Return f of a call such as numba.njit(...)(f) or njit(f)."""
    return {a.id for a in call.args if isinstance(a, ast.Name)} if _names(call.func) & COMPILERS else set()


def _names(node: ast.AST) -> set[str]:
    """Return the names in an expression without its arguments: numba.njit(nogil=True) has numba and njit."""
    if isinstance(node, ast.Call):
        return _names(node.func)
    if isinstance(node, ast.Attribute):
        return {node.attr} | _names(node.value)
    return {node.id} if isinstance(node, ast.Name) else set()


if __name__ == "__main__":
    main()
