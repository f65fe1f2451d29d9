"""Axes and files of pictures."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from firth import KeyedVectors, MissingExtraError, OptionError, plots
from firth.training.loop.trainer import EpochRecord

RECORDS = [EpochRecord(n, 3.0 / n, 1000, 500, 0.01, end_loss=2.9 / n) for n in (1, 2, 3)]
QUESTIONS = ": some\nword1 word2 word3 word4\nword5 word6 word7 word8\n"


@pytest.fixture
def result(wv, tmp_path):
    (tmp_path / "questions.txt").write_text(QUESTIONS)
    return wv.evaluate_word_analogies(tmp_path / "questions.txt")


@pytest.fixture(params=["history", "neighbours", "analogies", "similarities", "norms", "gradients", "evaluation"])
def picture(request, wv, result):
    """A function that draws one picture, of each kind with one Axes, on `ax`."""
    return {
        "history": lambda ax: plots.history(RECORDS, ax=ax),
        "neighbours": lambda ax: plots.neighbours(wv, ["word1", "word2"], ax=ax),
        "analogies": lambda ax: plots.analogies(wv, [("word1", "word2"), ("word3", "word4")], ax=ax),
        "similarities": lambda ax: plots.similarities(wv, ["word1", "word2"], ax=ax),
        "norms": lambda ax: plots.norms(wv, ax=ax),
        "gradients": lambda ax: plots.gradients(ax=ax),
        "evaluation": lambda ax: plots.evaluation(result, ax=ax),
    }[request.param]


def test_every_picture_is_drawn_on_the_axes_given_and_returns_them(picture):
    axes = Figure().subplots(1, 2)
    assert picture(axes[1]) is axes[1]
    assert axes[1].has_data()
    assert not axes[0].has_data()


def test_every_picture_makes_a_figure_that_a_notebook_shows(picture):
    ax = picture(None)
    assert plt.fignum_exists(ax.get_figure().number)


def test_the_same_picture_is_the_same_file(picture, tmp_path):
    for suffix in ("svg", "png"):
        files = [tmp_path / f"{name}.{suffix}" for name in ("one", "two")]
        for file in files:
            plots.save(picture(None), file)
        assert files[0].read_bytes() == files[1].read_bytes()
    svg = files[0].with_suffix(".svg").read_text()
    assert ET.fromstring(svg).tag.endswith("svg")
    assert "<dc:date>" not in svg
    assert files[0].read_bytes().startswith(b"\x89PNG")


def test_something_that_is_not_axes_is_refused(picture):
    with pytest.raises(OptionError, match=r"ax=3 is not allowed: give the Axes of a Matplotlib figure"):
        picture(3)


def test_two_models_need_two_axes(wv):
    both = Figure().subplots(1, 2)
    assert plots.two_models(wv, wv, ["word1", "word2"], ax=both) == tuple(both)
    with pytest.raises(OptionError, match="give two Axes"):
        plots.two_models(wv, wv, ["word1", "word2"], ax=both[0])


def test_pictures_are_saved_by_the_suffix(wv, tmp_path):
    both = plots.two_models(wv, wv, ["word1", "word2"])
    plots.save(both, tmp_path / "two.PDF")
    assert (tmp_path / "two.PDF").read_bytes().startswith(b"%PDF")
    for name in ("two", "two.gif", "two.svg.gz"):
        with pytest.raises(OptionError, match=r"no suffix of a picture: give a name that ends in .svg, .png, .pdf"):
            plots.save(both, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["two.PDF"]


def test_hostile_words_are_drawn_and_not_obeyed(tmp_path):
    words = ["<script>alert(1)</script>", "$\\frac{1}$", "a\nb", "\u202eabc", "x" * 5000, "_", "&amp;", "\\unknown"]
    wv = KeyedVectors(words, np.random.default_rng(1).normal(size=(8, 5)), counts=range(8, 0, -1))
    with plt.rc_context({"text.parse_math": True}):
        drawn = {
            "neighbours": plots.neighbours(wv, words, topn=1),
            "similarities": plots.similarities(wv, words),
            "norms": plots.norms(wv),
            "two": plots.two_models(wv, wv, words, names=("$a$", "<b>")),
        }
        for name, ax in drawn.items():
            plots.save(ax, tmp_path / f"{name}.svg")
            assert "<script" not in Path(tmp_path, f"{name}.svg").read_text()


def test_without_matplotlib_the_error_says_what_to_install(wv, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError) as caught:
        plots.norms(wv)
    assert str(caught.value) == "a picture needs Matplotlib: install it with  pip install 'firth[plot]'"
