"""A demonstration that needs no download: vectors from the source text of Python's own standard library."""

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

OPTIONS: dict[str, Any] = {"vector_size": 200, "window": 3, "epochs": 8, "lowercase": True}
"""A million words are few: code says much in three words to either side, and eight passes make up for more."""

WORDS = ("read", "append", "month", "red", "left", "compile")
ANALOGY = ("read", "write", "reader")

ELSEWHERE = frozenset(
    {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
    | {"distutils", "ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo"}
)
"""Folders that some Pythons have and others pack apart; without them the text is about the same everywhere."""

_WORD = re.compile(r"[A-Za-z]+")


def source_files(folder: Path | None = None) -> list[Path]:
    """Return the Python files of the standard library (or of `folder`) in sorted order.

    Raises `CorpusError` where there are none, as in a Python whose library is packed into a zip file.
    """
    root = Path(sysconfig.get_path("stdlib")) if folder is None else folder
    files = [path for path in sorted(root.rglob("*.py")) if _belongs(path.relative_to(root))]
    if not files:
        raise CorpusError(f"the folder {root} of Python's standard library holds no source files")
    return files


def _belongs(path: Path) -> bool:
    return ELSEWHERE.isdisjoint(path.parts) and not path.name.startswith("_sysconfigdata")


def sentences(files: Iterable[Path]) -> Iterator[list[str]]:
    """Yield the words of every line in a shuffled order: `os.path.isdir(x)` is os, path, isdir, x.

    Lines of code that stand together repeat each other. Read in their order, each would be known from the
    last one, and the loss would look the lower the higher the learning rate is.
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
    say: Callable[[str], object] = print,
) -> Word2Vec:
    """Train on `files` (None: the standard library), show with `say` what was learnt, and return the model."""
    model = Word2Vec(**OPTIONS, seed=seed, workers=workers)
    found = source_files() if files is None else list(files)
    _flushed(say, _introduction(len(found)))
    model.fit(sentences(found))
    say("\n" + reports.training_summary(model))
    say("\nNearest words, by cosine:\n" + _neighbours(model.wv))
    say("\n" + _analogy(model.wv))
    say("\nYour own text:  firth train corpus.txt -o model.firth;  firth similar model.firth WORD")
    return model


def _flushed(say: Callable[[str], object], text: str) -> None:
    """Say `text` before the progress, which goes to another stream, begins."""
    say(text)
    sys.stdout.flush()


def _introduction(n_files: int) -> str:
    version = ".".join(platform.python_version_tuple()[:2])
    return (
        f"Learning word vectors from the source of Python {version}'s standard library: {counted(n_files, 'file')},\n"
        "a line of code a sentence, its names cut into lower-case words.\n"
    )


def _neighbours(wv: KeyedVectors) -> str:
    rows = []
    for word in WORDS:
        if word in wv:
            near = [f"{other} {cosine:.2f}" for other, cosine in wv.most_similar(word, topn=5)]
            rows.append((f"  {word}", ", ".join(near)))
    return terminal.columns(rows) if rows else "  (none of the demonstration's words is in this text)"


def _analogy(wv: KeyedVectors) -> str:
    a, b, c = ANALOGY
    if not all(word in wv for word in ANALOGY):
        return f"(no analogy: {a}, {b} and {c} are not all in this text)"
    answers = [f"{word} {cosine:.2f}" for word, cosine in wv.most_similar([b, c], [a], topn=3)]
    return f"Analogy: {a} is to {b} as {c} is to ...  {', '.join(answers)}"
