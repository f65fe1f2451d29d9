"""The page of a training run in a real browser, while it trains and afterwards."""

import re
from pathlib import Path

import pytest

import explore._browser  # noqa: F401 - skips these tests where there is no browser
from explore._models import ODD, SCRIPTS
from explore.test_watching import OPTIONS, rng
from firth import Word2Vec
from firth.explore.watching import watched

WORDS = [*(word for word in [*SCRIPTS, *ODD] if word.strip()), *(f"w{i}" for i in range(150))]
SENTENCES = [[WORDS[i] for i in rng.integers(len(WORDS), size=20)] for _ in range(300)]


class Watched:
    """A run whose epochs the test lets pass, one by one, and a tab that notes what must not happen."""

    def __init__(self, browser, address: str):
        self.faults: list[str] = []
        self.page = browser.new_context(viewport={"width": 1200, "height": 900}).new_page()
        self.home = address.partition("enter")[0]
        self.page.on("console", lambda message: self._note(message.type in ("error", "warning"), message.text))
        self.page.on("pageerror", lambda error: self._note(True, str(error)))
        self.page.on("dialog", lambda dialog: self._note(True, f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self._note(not request.url.startswith(self.home), request.url))
        self.page.goto(address)
        self.page.wait_for_url(self.home)
        self.page.wait_for_selector("html[data-ready=true]")

    def _note(self, is_fault: bool, text: str) -> None:
        if is_fault and not text.startswith("blob:"):
            self.faults.append(text)

    def wait(self, selector: str) -> None:
        self.page.wait_for_selector(selector)


@pytest.fixture(scope="module")
def seen(browser):
    """Return a run of four epochs, watched to its end, and what was seen on the way."""
    notes: dict[str, str] = {}
    addresses: list[str] = []
    with watched("<b>run</b>", 0, lambda access: addresses.append(access.address)) as feed:
        tab = Watched(browser, addresses[0])
        other = Watched(browser, addresses[0])
        notes["before"] = tab.page.text_content("#run")
        tab.page.focus("#word")
        tab.page.keyboard.type(SCRIPTS[0])
        tab.page.keyboard.press("Enter")
        tab.wait("#pins h3")

        def after_epoch(model):
            tab.wait(f"html[data-epochs='{len(model.history)}']")
            if len(model.history) == 2:
                other.page.close()
                tab.page.fill("#word", "w7")
                tab.page.press("#word", "Enter")
                tab.wait("#pins li")

        Word2Vec(**OPTIONS | {"epochs": 4}).fit(SENTENCES, progress=False, callbacks=[feed, after_epoch])
    tab.wait("html[data-ended=done]")
    yield tab, notes
    assert [fault for fault in tab.faults if "ERR_CONNECTION_REFUSED" not in fault] == []  # the icon, after the end
    assert other.faults == []


def test_the_page_waits_for_the_first_epoch(seen):
    assert "The first epoch has not ended" in seen[1]["before"]


def test_losses_words_and_neighbours_stay_when_the_server_has_gone(seen):
    tab, _ = seen
    assert tab.page.text_content("#name") == "<b>run</b>"
    assert re.search(r"Epoch 4 of 4 · [\d,]+ words a second · Training has ended", tab.page.text_content("#run"))
    assert tab.page.locator("#losses circle").count() == 8  # the loss and the end loss of four epochs
    assert tab.page.locator("#moving circle").count() == len(WORDS)
    assert tab.page.locator("#pins section").count() == 2
    assert tab.page.locator("#pins section").nth(1).locator("li").count() == 8
    assert tab.page.locator("#pins script, #pins img, #moving script").count() == 0
    assert tab.page.locator("#pins h3 bdi").first.text_content() == SCRIPTS[0]


def test_the_slider_replays_with_the_keyboard(seen):
    tab, _ = seen
    frames = int(tab.page.get_attribute("#epoch", "max")) + 1
    assert frames >= 2
    last = tab.page.text_content("#frame")
    assert last == "epoch 4"
    tab.page.focus("#epoch")
    tab.page.keyboard.press("Home")
    assert tab.page.text_content("#frame") == "epoch 1"
    assert "frame=0" in tab.page.url
    tab.page.keyboard.press("End")
    assert tab.page.text_content("#frame") == last
    tab.page.click("#play")
    assert tab.page.text_content("#frame") == "epoch 1"
    tab.page.wait_for_selector("#frame:has-text('epoch 4')")


def test_both_pictures_are_saved(seen):
    tab, _ = seen
    for text in ("Save picture", "Save losses"):
        with tab.page.expect_download() as download:
            tab.page.click(f"text={text}")
        assert Path(download.value.path()).read_text().startswith("<svg")


def test_a_phone_shows_it_without_sideways_scrolling(seen):
    tab, _ = seen
    tab.page.set_viewport_size({"width": 360, "height": 740})
    assert tab.page.evaluate("() => document.documentElement.scrollWidth") <= 360
