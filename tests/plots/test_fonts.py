"""Fonts that have the characters of words, and what is drawn if there is none."""

import matplotlib
import pytest
from matplotlib import font_manager

from firth.plots import fonts
from firth.plots.fonts import lettering


def test_latin_text_keeps_the_font_of_matplotlib_and_warns_of_nothing():
    found = lettering(["word", "naïve café", "Ελλάδα", "мир", 7])
    assert found.texts == ["word", "naïve café", "Ελλάδα", "мир", "7"]
    assert found.families == font_manager.FontProperties().get_family()


def test_a_font_is_found_for_characters_that_the_first_lacks():
    """The symbols of STIX lack letters."""
    with matplotlib.rc_context({"font.family": ["STIXSizeThreeSym"]}):
        found = lettering(["word"])
    first, second = found.families
    assert first == "STIXSizeThreeSym"
    path = font_manager.findfont(second)
    assert set(map(ord, "word")) <= set(font_manager.get_font(path).get_charmap())


def test_characters_without_a_font_are_boxes_with_one_warning(monkeypatch):
    monkeypatch.setattr(fonts, "_installed", list)
    monkeypatch.setattr(fonts, "_warned_of", set())
    with pytest.warns(RuntimeWarning) as caught:
        found = lettering(["한국어", "word", "日本"])
    assert found.texts == ["□□□", "word", "□□"]
    assert [str(each.message) for each in caught] == [
        "no installed font has '日本국어한' (CJK, HANGUL), drawn as boxes: install one, such as fonts-noto-cjk, and "
        "start Python again"
    ]


def test_a_character_is_warned_of_once(monkeypatch):
    monkeypatch.setattr(fonts, "_installed", list)
    monkeypatch.setattr(fonts, "_warned_of", set("한국어"))
    assert lettering(["한국"]).texts == ["□□"]
    with pytest.warns(RuntimeWarning, match="no installed font has '語'"):
        lettering(["한국語"])


def test_the_font_of_boxes_that_comes_with_matplotlib_does_not_count():
    assert all("Last Resort" not in family for family, _ in fonts._installed())


def test_words_in_a_font_that_was_found_are_never_bold():
    """Such a font may have one weight only, and Matplotlib logs a line if another is asked for."""
    with matplotlib.rc_context({"font.family": ["STIXSizeThreeSym"]}):
        assert lettering(["word"]).style["fontweight"] == "normal"
    assert "fontweight" not in lettering(["word"]).style


def test_a_font_that_cannot_be_read_has_no_characters(tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    assert fonts._characters(str(tmp_path / "broken.ttf")) == frozenset()
    assert fonts._characters(str(tmp_path / "missing.ttf")) == frozenset()


def test_long_words_are_cut():
    assert lettering(["x" * 100]).texts == ["x" * 23 + "…"]
    assert lettering(["x" * 100], 50).texts == ["x" * 49 + "…"]
