"""Draws the pictures of the documentation: `make pictures` writes them to docs/images, and the docs build redraws them.

They show models of the source code of Python's standard library, as `firth demo` does, so nothing is downloaded.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from firth import Word2Vec, demo, plots

QUESTIONS = """: verb and noun
read reader write writer
read reader encode encoder
read reader parse parser
read reader handle handler
read reader build builder
read reader format formatter
: opposites
start end first last
start end min max
start end left right
start end open close
start end read write
start end before after
: plurals
key keys value values
key keys name names
key keys line lines
key keys file files
key keys module modules
key keys day days
"""


class Models:
    """The models that the pictures show, each trained when it is needed for the first time.

    files    the source files to train on
    options  those that differ from the demonstration's
    """

    def __init__(self, files: list[Path], **options: Any):
        self._files, self._options = files, demo.OPTIONS | options
        self._trained: dict[int, Word2Vec] = {}

    def one(self, share: int = 1) -> Word2Vec:
        """Return a model of the first n-th part of the lines, n = `share`, with other random numbers for each."""
        if share not in self._trained:
            lines = list(demo.sentences(self._files))
            model = Word2Vec(**self._options, seed=share)
            self._trained[share] = model.fit(lines[: len(lines) // share], progress=False)
        return self._trained[share]


def draw_history(models: Models, folder: Path) -> None:
    """Draw the losses of a model of all lines and of one of a quarter of them."""
    save(plots.history({"all lines": models.one(), "a quarter": models.one(4)}), folder / "history.svg")


def draw_neighbours(models: Models, folder: Path) -> None:
    """Draw words of the demonstration with their neighbours."""
    words = ["read", "append", "month", "red", "left", "sum"]
    save(plots.neighbours(models.one().wv, words, topn=5), folder / "neighbours.svg")


def draw_analogies(models: Models, folder: Path) -> None:
    """Draw verbs and the nouns made from them."""
    pairs = [("read", "reader"), ("write", "writer"), ("encode", "encoder")]
    save(plots.analogies(models.one().wv, pairs), folder / "analogies.svg")


def draw_similarities(models: Models, folder: Path) -> None:
    """Draw the cosines of words of three kinds."""
    words = ["day", "month", "year", "red", "green", "blue", "left", "right"]
    save(plots.similarities(models.one().wv, words), folder / "similarities.svg")


def draw_norms(models: Models, folder: Path) -> None:
    """Draw the lengths of all vectors."""
    save(plots.norms(models.one().wv), folder / "norms.svg")


def draw_gradients(models: Models, folder: Path) -> None:
    """Draw the gradient check."""
    save(plots.gradients(), folder / "gradients.svg")


def draw_evaluation(models: Models, folder: Path) -> None:
    """Draw the accuracy of both models on a few questions."""
    questions = folder / "questions.txt"
    questions.write_text(QUESTIONS, encoding="utf-8")
    try:
        named = {"all lines": models.one(), "a quarter": models.one(4)}
        results = {name: model.wv.evaluate_word_analogies(questions) for name, model in named.items()}
    finally:
        questions.unlink()
    save(plots.evaluation(results), folder / "evaluation.svg")


def draw_two_models(models: Models, folder: Path) -> None:
    """Draw the same words in both models."""
    words = ["read", "write", "day", "month", "red", "green", "left", "right", "append", "extend"]
    names = ("all lines", "a quarter of the lines")
    save(plots.two_models(models.one().wv, models.one(4).wv, words, names=names), folder / "two-models.svg")


PICTURES: list[Callable[[Models, Path], None]] = [
    draw_history, draw_neighbours, draw_analogies, draw_similarities, draw_norms, draw_gradients, draw_evaluation,
    draw_two_models,
]  # fmt: skip


def save(ax: Any, path: Path) -> None:
    """Write a picture, and forget its figure."""
    plots.save(ax, path)
    plt.close("all")


def draw_all(folder: Path, models: Models) -> None:
    """Draw every picture into `folder`."""
    plots.draw_in_memory()
    folder.mkdir(parents=True, exist_ok=True)
    for draw in PICTURES:
        draw(models, folder)


if __name__ == "__main__":
    draw_all(Path(sys.argv[1]), Models(demo.source_files()))
