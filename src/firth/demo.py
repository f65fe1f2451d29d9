"""Demonstration without a download: word vectors from the source code of Python's standard library."""

import platform
import random
import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from firth import reports, terminal
from firth.errors import CorpusError
from firth.messages import counted
from firth.model import Word2Vec
from firth.vectors import KeyedVectors
from firth.vectors.query_input import Neighbours

OPTIONS: dict[str, Any] = {"vector_size": 200, "window": 3, "epochs": 8, "lowercase": True}
"""The text has only a million words, so training takes more epochs; in code a small window is enough."""

WORDS = ("read", "append", "month", "red", "left", "compile")
ANALOGY = ("read", "write", "reader")

_SKIPPED = frozenset(
    {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
    | {"distutils", "ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo"}
)
"""Folders that some installations of Python lack; without them the text is nearly the same everywhere."""

_WORD = re.compile(r"[A-Za-z]+")


def source_files(folder: Path | None = None) -> list[Path]:
    """Return the Python files of the standard library (or of `folder`) in sorted order.

    Raises `CorpusError` if there are none, such as when the library is in a zip file.
    """
    root = Path(sysconfig.get_path("stdlib")) if folder is None else folder
    files = [path for path in sorted(root.rglob("*.py")) if _belongs(path.relative_to(root))]
    if not files:
        raise CorpusError(f"the folder {root} of Python's standard library holds no source files")
    return files


def _belongs(path: Path) -> bool:
    return _SKIPPED.isdisjoint(path.parts) and not path.name.startswith("_sysconfigdata")


def sentences(files: Iterable[Path]) -> Iterator[list[str]]:
    """Yield the words of each line, in shuffled order: `os.path.isdir(x)` becomes os, path, isdir, x.

    Neighbouring lines of code repeat each other. In file order each line could be predicted from the one before it,
    and a higher learning rate would seem to give a lower loss.
    """
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in files)
    lines = [line for text in texts for line in text.splitlines()]
    random.Random(0).shuffle(lines)
    return (words for line in lines if (words := _WORD.findall(line)))


def run(
    *,
    workers: int | None = None,
    seed: int = 1,
    files: Iterable[Path] | None = None,
    write: Callable[[str], object] = print,
) -> Word2Vec:
    """Train on `files` (None: the standard library), print the result with `write`, and return the model."""
    model = Word2Vec(**OPTIONS, seed=seed, workers=workers)
    found = source_files() if files is None else list(files)
    version = ".".join(platform.python_version_tuple()[:2])
    write(
        f"Training word vectors on the source of Python {version}'s standard library: {counted(len(found), 'file')}.\n"
        "Each line of code is a sentence; names are split into lower-case words.\n"
    )
    sys.stdout.flush()  # before the progress, which goes to another stream
    model.fit(sentences(found))
    write("\n" + reports.training_summary(model))
    write("\nNearest words, by cosine:\n" + _neighbours(model.wv))
    write("\n" + _analogy(model.wv))
    write("\nYour own text:  firth train corpus.txt -o model.firth;  firth similar model.firth WORD")
    return model


def _neighbours(wv: KeyedVectors) -> str:
    rows = [(f"  {word}", _listed(wv.most_similar(word, topn=5))) for word in WORDS if word in wv]
    return terminal.columns(rows) if rows else "  (this text has none of the example words)"


def _analogy(wv: KeyedVectors) -> str:
    a, b, c = ANALOGY
    if not all(word in wv for word in ANALOGY):
        return f"(no analogy: {a}, {b} and {c} are not all in this text)"
    return f"Analogy: {a} is to {b} as {c} is to ...  {_listed(wv.most_similar([b, c], [a], topn=3))}"


def _listed(neighbours: Neighbours) -> str:
    return ", ".join(f"{word} {cosine:.2f}" for word, cosine in neighbours)
