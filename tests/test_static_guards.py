"""The source does not run code from files, open connections, write in place or swallow errors."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import firth

ROOT = Path(firth.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

BANNED_MODULES = {
    "pickle", "_pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "skops",  # run code from files
    "socket", "socketserver", "ssl", "urllib", "http", "ftplib", "smtplib", "xmlrpc", "telnetlib",  # the network
    "requests", "httpx", "aiohttp", "urllib3", "asyncio", "webbrowser", "huggingface_hub",
    "subprocess", "multiprocessing.connection", "pty", "code", "codeop", "runpy",  # other programs
}  # fmt: skip
BANNED_CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp", "np.fromregex",
    "os.execv", "os.execve", "os.spawnv", "os.startfile",
}  # fmt: skip
BANNED_KEYWORDS = {("shell", True), ("allow_pickle", True), ("cache", True), ("parallel", True)}
WRITERS = {
    ("atomic.py", "os.open"): "the temporary file",
    ("formats/npz.py", "archive.open"): "a member of an archive, which is an atomic file itself",
    ("text/store.py", "tempfile.TemporaryFile"): "ids of tokens, in a file without a name",
    ("planning/measuring.py", "tempfile.TemporaryFile"): "bytes that measure the disk, in a file without a name",
    ("planning/measuring.py", "tempfile.NamedTemporaryFile"): "text that measures reading, and is removed",
    ("training/loop/checkpoint.py", "path.open"): "the file that locks the folder",
    ("gensim/old_fasttext.py", "copy.open"): "a copy in a temporary folder, which is read and removed",
    ("cluster/local.py", "os.open"): "a new token for Ray, which nobody else may read",
    ("cluster/on_ray.py", "NamedTemporaryFile"): "an empty file, which all nodes must see",
    ("cli/app.py", "os.open"): "the null device, for output after a closed pipe",
}
"""Every call that may open a file for writing, and what it writes; all others go through `atomic_write`."""

SERVERS = {
    ("explore/server.py", "socket"): "listens on the loopback interface",
    ("explore/connections.py", "asyncio"): "the type of a connection",
    ("explore/workers.py", "asyncio"): "waits for threads",
    ("explore/watching.py", "asyncio"): "waits between two looks at the run",
    ("explore/guard.py", "urllib"): "parses a query",
    ("explore/access.py", "http"): "parses a cookie",
    ("cli/explore.py", "webbrowser"): "opens the page of the explorer",
    ("cluster/probe.py", "subprocess"): "asks a Ray cluster with a wrong token, in a process of its own",
    ("hub.py", "huggingface_hub"): "asks the Hub, in `upload` and `download`",
}
"""Every module that may import one of the network's or start a program, and what for; most are of `firth explore`."""


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in MODULES:
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def dotted(node: ast.expr) -> str:
    """Return the dotted name of a called function: "os.system", or ".write_text" for a method of an expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{name.name}") for name in node.names)
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("import_module") and node.args:
            name = node.args[0]
            yield node.lineno, name.value if isinstance(name, ast.Constant) else ""


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def banned_imports(tree: ast.AST) -> list[str]:
    return [
        f"line {line}: imports {name}"
        for line, name in imports(tree)
        if any(name == module or name.startswith(f"{module}.") for module in BANNED_MODULES)
    ]


def banned_calls(tree: ast.AST) -> list[str]:
    found = [f"line {call.lineno}: {dotted(call.func)}" for call in calls(tree) if dotted(call.func) in BANNED_CALLS]
    for call in calls(tree):
        for keyword in call.keywords:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if (keyword.arg, value) in BANNED_KEYWORDS:
                found.append(f"line {call.lineno}: {keyword.arg}={value}")
    return found


def written_files(tree: ast.AST) -> list[str]:
    """Return the name of every call that may open a file for writing, or write one whole."""
    return [dotted(call.func) for call in calls(tree) if _writes(call)]


WHOLE_FILES = {"NamedTemporaryFile", "TemporaryFile", "mkstemp", "write_text", "write_bytes", "tofile", "savetxt",
               "save_file"}  # fmt: skip
BY_MODE = {"open", "memmap", "OSFile", "FileIO"}


def _writes(call: ast.Call) -> bool:
    name = dotted(call.func)
    last = name.rpartition(".")[2]
    if name == "os.open":
        flags = {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
        return "O_RDONLY" not in flags or bool(flags & {"O_WRONLY", "O_RDWR"})
    if name in {"os.fdopen", "np.save", "np.savez", "np.savez_compressed"} or last in WHOLE_FILES:
        return True
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return last in BY_MODE and any(isinstance(v, ast.Constant) and _is_writing_mode(v.value) for v in values)


def _is_writing_mode(mode: object) -> bool:
    return isinstance(mode, str) and bool(re.fullmatch(r"(?=.*[wax+c])[rwaxbt+c]{1,4}", mode))


EVERYTHING = {"Exception", "BaseException"}


def swallowed(tree: ast.AST) -> list[str]:
    """Return the handlers that catch every error and do nothing."""
    handlers = (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler))
    found = [
        f"line {handler.lineno}: swallows every error"
        for handler in handlers
        if (handler.type is None or dotted(handler.type) in EVERYTHING) and all(map(_does_nothing, handler.body))
    ]
    suppressed = (call for call in calls(tree) if dotted(call.func).endswith("suppress"))
    return found + [f"line {call.lineno}: suppresses" for call in suppressed if {*map(dotted, call.args)} & EVERYTHING]


def _does_nothing(step: ast.stmt) -> bool:
    return isinstance(step, (ast.Pass, ast.Continue)) or (
        isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant)
    )


@pytest.mark.parametrize("check", [banned_imports, banned_calls, swallowed])
def test_no_module_runs_code_opens_connections_or_swallows_errors(check):
    found = [f"{name}, {violation}" for name, tree in trees() for violation in check(tree)]
    assert [violation for violation in found if not is_of_the_server(violation)] == []
    assert check is not banned_imports or len(list(filter(is_of_the_server, found))) >= len(SERVERS)


def is_of_the_server(violation: str) -> bool:
    return any(re.match(rf"{re.escape(file)}, line \d+: imports {name}\b", violation) for file, name in SERVERS)


def test_every_file_is_written_atomically():
    found = {(name, call) for name, tree in trees() for call in written_files(tree)}
    assert found - set(WRITERS) == set()
    assert {("atomic.py", "os.open"), ("text/store.py", "tempfile.TemporaryFile")} < found


def test_every_module_is_checked():
    assert len(MODULES) > 60
    assert {"model.py", "formats/native.py", "training/draws.py"} < {name for name, _ in trees()}


VIOLATIONS = {
    banned_imports: ["import pickle", "from urllib.request import urlopen", "from urllib import request",
                     "import os, socket", "def f():\n    import joblib.hashing", "importlib.import_module('dill')"],
    banned_calls: ["eval('1')", "os.system('ls')", "run('ls', shell=True)", "np.load(path, allow_pickle=True)",
                   "@njit(nogil=True, cache=True)\ndef f(): ...", "tempfile.mktemp()"],
    written_files: ["open(path, 'w')", "path.open('wb')", "path.open(mode='a')", "open(path, 'r+b')",
                    "path.write_text('x')", "np.memmap(path, mode='w+')", "os.open(path, os.O_WRONLY | os.O_CREAT)",
                    "np.save(path, array)"],
    swallowed: ["try:\n    f()\nexcept Exception:\n    pass", "try:\n    f()\nexcept:\n    ...",
                "with contextlib.suppress(Exception):\n    f()"],
}  # fmt: skip
OTHER_CODE = {
    banned_imports: "import re, os.path",
    banned_calls: "re.compile('a'); model.compile(); np.load(path, allow_pickle=False)",
    written_files: "path.open('rb'); open(path); np.memmap(path, mode='r'); os.open(path, os.O_RDONLY)",
    swallowed: "try:\n    f()\nexcept OSError:\n    pass",
}


@pytest.mark.parametrize("check", VIOLATIONS)
def test_each_guard_finds_violations_and_accepts_other_code(check):
    assert [source for source in VIOLATIONS[check] if not check(ast.parse(source))] == []
    assert check(ast.parse(OTHER_CODE[check])) == []
