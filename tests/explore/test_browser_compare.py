"""The page that compares two models, in a real browser."""

import re

import numpy as np
import pytest

from explore._browser import Tab
from explore._models import ODD, OPTIONS, SCRIPTS, WORDS, counts, matrices
from explore._server import Server
from firth.formats.native import write_native

MAP = "html[data-map=neighbours]"


@pytest.fixture(scope="module")
def two(model, tmp_path_factory):
    center, outside = matrices()
    changed = center[:, ::-1].copy()
    changed[:40] = np.random.default_rng(5).normal(size=(40, 8))
    path = tmp_path_factory.mktemp("other") / "<b>other.firth"
    write_native(path, keys=WORDS, center=changed, outside=outside, counts=counts(), options=OPTIONS, history=[])
    running = Server(model, "--with", str(path))
    yield running
    assert running.stop() < 2
    assert running.process.stderr.read() == ""
    running.process.stdout.close()
    running.process.stderr.close()


@pytest.fixture
def tab(browser, two):
    tab = Tab(browser, two, path="compare")
    yield tab
    tab.close()


def test_words_are_sorted_by_how_much_they_changed(tab):
    shares = [int(text.split()[0]) for text in tab.page.locator(".score").all_text_contents()]
    assert shares == sorted(shares, reverse=True)
    assert set(tab.words()) <= set(tab.page.locator(".word bdi").all_text_contents())
    assert f"{len(WORDS)} words in both" in tab.page.text_content(".facts")
    assert tab.page.locator("#answer b, .pane b, #answer img, .pane img").count() == 0
    assert tab.page.locator(".pane h3").nth(1).text_content() == "<b>other.firth"


def test_a_changed_word_is_chosen_and_back_returns(tab):
    tab.page.click(".word >> nth=0")
    tab.page.wait_for_selector("h3:has-text('Gained')")
    assert re.search(r"\d+ of 10 nearest words kept", tab.page.text_content(".facts"))
    assert len(tab.words(0)) == len(tab.words(1))  # lost and gained
    tab.page.click("text=All changes")
    tab.page.wait_for_selector("h3:has-text('Words that changed most')")
    tab.page.go_back()
    tab.page.wait_for_selector("h3:has-text('Lost')")


def test_a_word_is_asked_and_the_maps_move_together_with_the_keyboard_alone(tab):
    page = tab.page
    page.wait_for_selector(MAP, timeout=60_000)
    page.keyboard.press("/")
    page.keyboard.type("queen")
    page.keyboard.press("Enter")
    page.wait_for_selector("h2 bdi:text-is('queen')")
    page.wait_for_timeout(800)
    before = [pane.screenshot() for pane in page.locator(".pane").all()]
    page.focus("#one-labels")
    for key in ("0", "+", "+", "ArrowLeft"):
        page.keyboard.press(key)
    page.wait_for_timeout(400)
    after = [pane.screenshot() for pane in page.locator(".pane").all()]
    assert all(old != new for old, new in zip(before, after, strict=True))
    page.keyboard.press("Enter")
    page.wait_for_selector("h2 bdi:not(:text-is('queen'))")


@pytest.mark.parametrize("word", [*SCRIPTS[:6], *ODD])
def test_words_that_attack_are_text(tab, word):
    tab.page.evaluate("word => { location.hash = new URLSearchParams({ q: word }) }", word)
    tab.page.wait_for_selector("h3:has-text('Lost')")
    assert tab.page.locator("#answer script, #answer img, #answer svg, #answer b").count() == 0
    assert not re.search(r"[\0-\x1f\x7f\u202a-\u202e]", tab.heading())


def test_an_unknown_word_has_a_reason(tab):
    tab.ask("qeen")
    tab.page.wait_for_selector("text=neither model has this word")


def test_a_phone_shows_both_maps_without_sideways_scrolling(browser, two):
    tab = Tab(browser, two, "q=" + "x" * 1024, "compare")
    tab.page.set_viewport_size({"width": 360, "height": 740})
    tab.page.wait_for_timeout(200)
    assert tab.page.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert all(pane.bounding_box()["height"] > 200 for pane in tab.page.locator(".pane").all())
    tab.close()


def test_the_first_page_has_a_link_to_it(browser, two):
    tab = Tab(browser, two)
    tab.page.click("text=Compare with")
    tab.page.wait_for_selector("h3:has-text('Words that changed most')")
    tab.close()


def test_without_a_second_model_the_page_says_how_to_start_it(browser, server):
    tab = Tab(browser, server)
    tab.page.goto(f"{tab.home}compare")
    tab.page.wait_for_selector("text=start firth explore with --with")
    tab.faults.clear()  # the refused request is an error on the console
    tab.close()
