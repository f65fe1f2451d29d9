"""The exported page in a real browser, from a file and in the frame of a notebook."""

import re
from pathlib import Path

import numpy as np
import pytest

import explore._browser  # noqa: F401 - skips these tests where there is no browser
from explore._models import ODD, PLAIN, SCRIPTS, WORDS
from firth import KeyedVectors
from firth.explore.export import export, quantised_rows


class Offline:
    """A tab without a network that notes what must not happen."""

    def __init__(self, browser, path: Path):
        self.faults: list[str] = []
        self.address = path.as_uri()
        context = browser.new_context(viewport={"width": 1200, "height": 800}, offline=True)
        self.page = context.new_page()
        self.page.on("console", lambda message: self._note(message.type in ("error", "warning"), message.text))
        self.page.on("pageerror", lambda error: self._note(True, str(error)))
        self.page.on("dialog", lambda dialog: self._note(True, f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self._note(not request.url.startswith(self.address), request.url))
        self.page.goto(self.address)

    def _note(self, is_fault: bool, text: str) -> None:
        if is_fault and "GPU stall" not in text and not text.startswith(("data:image/svg+xml", "blob:")):
            self.faults.append(text)

    def ask(self, text: str) -> None:
        self.page.evaluate("word => { location.hash = new URLSearchParams({ q: word, among: 9999 }) }", text)
        self.page.wait_for_function("q => document.getElementById('question').value === q", arg=text)

    def words(self, section: int = 0) -> list[tuple[str, float]]:
        items = self.page.locator("#answer section").nth(section).locator("li")
        names, scores = items.locator(".word"), items.locator(".score")
        return [(n, float(s)) for n, s in zip(names.all_text_contents(), scores.all_text_contents(), strict=True)]


@pytest.fixture(scope="module")
def exported(subject, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "page.html"
    path.write_text(export(subject).html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def small(subject):
    """The vectors that the page holds."""
    return KeyedVectors(list(WORDS), quantised_rows(subject.vectors).astype(np.float32))


@pytest.fixture(scope="module")
def offline(browser, exported):
    tab = Offline(browser, exported)
    tab.page.wait_for_selector("html[data-ready=true]")
    yield tab
    assert tab.faults == []


def test_the_page_says_what_it_holds_and_both_maps_are_there(offline):
    assert re.search(r"vectors of 8 bits: [\d.]+ % of the ten nearest words", offline.page.text_content("#sizes"))
    offline.page.wait_for_selector("html[data-map=neighbours]")
    offline.page.locator("#tools select").first.select_option("pca")
    offline.page.wait_for_selector("html[data-map=pca]")
    offline.page.locator("#tools select").nth(1).select_option("norm")


def test_neighbours_and_equations_are_those_of_the_small_vectors(offline, small):
    offline.ask("king")
    found = [(word, score) for word, score in offline.words() if word in PLAIN or word.startswith("filler")]
    expected = dict(small.most_similar("king"))
    assert found
    assert all(score == pytest.approx(expected[word], abs=6e-4) for word, score in found)
    offline.ask("king - man + woman")
    offline.page.wait_for_selector("h2:has-text('queen')")
    sums = small.most_similar(["king", "woman"], ["man"], topn=1)
    products = small.most_similar_cosmul(["king", "woman"], ["man"], topn=1)
    assert offline.words()[0] == (sums[0][0], pytest.approx(sums[0][1], abs=6e-4))
    assert offline.words(1)[0] == (products[0][0], pytest.approx(products[0][1], abs=6e-4))
    offline.ask("man > woman")
    offline.page.wait_for_selector("h2:has-text('→')")
    axis = small.most_similar(["woman"], ["man"], topn=1)
    assert offline.words()[0][1] == pytest.approx(axis[0][1], abs=6e-4)


@pytest.mark.parametrize("word", [*SCRIPTS, *ODD])
def test_words_that_attack_are_text(offline, word):
    offline.ask(word) if not re.search(r"[\n\0]", word) else offline.page.evaluate(
        "word => { location.hash = new URLSearchParams({ q: word }) }", word
    )
    offline.page.wait_for_selector("#answer h2")
    assert offline.page.locator("#answer script, #answer img, #answer svg, #answer b, #answer i").count() == 0


def test_a_word_is_typed_with_the_keyboard_and_a_near_one_offered(offline):
    page = offline.page
    page.focus("#map-labels")
    page.keyboard.press("/")
    page.keyboard.type("qeen")
    page.keyboard.press("Enter")
    page.click("#answer .chip >> text=queen")
    page.wait_for_selector("h2 bdi:text-is('queen')")
    page.fill("#question", "")
    page.focus("#question")
    page.keyboard.type("kin")
    page.wait_for_selector("#suggestions li")
    assert page.locator("#suggestions li").all_text_contents()[:3] == ["kin", "king", "kingdom"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("h2 bdi:text-is('king')")


def test_a_notebook_frame_shows_the_page_and_cannot_reach_the_notebook(browser, subject, tmp_path):
    path = tmp_path / "notebook.html"
    path.write_text(
        f"<!doctype html><title>notebook</title>{subject.vectors.explore()._repr_html_()}", encoding="utf-8"
    )
    tab = Offline(browser, path)
    frame = tab.page.frame_locator("iframe")
    frame.locator("html[data-ready=true]").wait_for()
    frame.locator("#question").fill("king - man + woman")
    frame.locator("#question").press("Enter")
    frame.locator("h2:has-text('queen')").wait_for()
    inside = tab.page.frames[1]
    assert inside.evaluate("() => { try { return parent.document.title } catch { return 'refused' } }") == "refused"
    assert [fault for fault in tab.faults if "about:srcdoc" not in fault] == []
