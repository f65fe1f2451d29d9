"""The page in a real browser: every screen, the keyboard, words that attack, and no request to anywhere else.

`make test-browser` installs Debian's Chromium and runs these; without Chromium or Playwright they are skipped.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from explore._browser import Tab
from explore._models import ODD, PLAIN, SCRIPTS, WORDS
from explore._server import Server

MAP = "html[data-map=neighbours]"


@pytest.fixture
def tab(browser, server):
    tab = Tab(browser, server)
    yield tab
    tab.close()


def test_a_word_is_typed_and_its_neighbours_are_listed_and_marked(tab, subject):
    tab.ask("king")
    tab.page.wait_for_selector("#missed:not(:empty)")
    assert tab.heading() == "king"
    expected = [word for word, _ in subject.vectors.most_similar("king")]
    assert [name for name in tab.words() if name in PLAIN] == [name for name in expected if name in PLAIN]
    assert len(tab.words()) == 10
    assert re.search("The map (is right here|is flat)", tab.page.text_content("#missed"))
    assert "q=king" in tab.page.url


def test_an_example_is_clicked_and_an_equation_solved(tab):
    tab.page.click("text=king - man + woman")
    tab.page.wait_for_selector("#answer h2")
    assert tab.heading() == "king − man + woman ≈ queen"
    parts = tab.page.locator(".parts").first.text_content()
    assert re.fullmatch(r"[+−]\d\.\d\d king[+−]\d\.\d\d man[+−]\d\.\d\d woman", parts)
    assert tab.words(1)[0] == "queen"  # by products


def test_back_returns_to_the_last_view_and_an_address_opens_a_view(tab, browser, server):
    tab.ask("king")
    tab.page.wait_for_selector("h2 bdi:text-is('king')")
    tab.page.click(".word >> nth=0")
    tab.page.wait_for_selector("h2 bdi:not(:text-is('king'))")
    tab.page.go_back()
    tab.page.wait_for_selector("h2 bdi:text-is('king')")
    tab.page.go_back()
    tab.page.wait_for_selector("#start:not([hidden])")
    other = Tab(browser, server, "q=man+%3E+woman&among=50&colour=norm&map=pca")
    assert other.heading() == "man → woman"
    assert other.page.input_value("#among") == "50"
    assert other.page.locator("#tools select").evaluate_all("all => all.map(one => one.value)") == ["pca", "norm"]
    other.close()


def test_suggestions_are_chosen_with_the_keyboard_alone(tab):
    page = tab.page
    page.keyboard.press("/")
    page.keyboard.type("kin")
    page.wait_for_selector("#suggestions li:first-child bdi:text-is('kin')")  # not the list for "ki"
    assert page.locator("#suggestions li").all_text_contents()[:3] == ["kin", "king", "kingdom"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#question", "aria-activedescendant") == "suggestion-1"
    page.keyboard.press("Enter")
    page.wait_for_selector("h2 bdi:text-is('king')")
    page.keyboard.type(" - man + wom")
    page.wait_for_selector("#suggestions li")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("h2:has-text('≈ queen')")
    assert page.input_value("#question") == "king - man + woman"


def test_the_map_is_moved_and_a_word_chosen_with_the_keyboard(tab):
    page = tab.page
    page.focus("#map-labels")
    for key in ("+", "+", "ArrowLeft", "ArrowUp", "-", "0", "+"):
        page.keyboard.press(key)
    for _ in range(6):
        page.keyboard.press("+")
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer h2")
    assert tab.heading()


def test_the_wheel_zooms_and_the_place_is_in_the_address(tab):
    tab.page.mouse.move(800, 400)
    tab.page.mouse.wheel(0, -600)
    tab.page.wait_for_url(re.compile(r"at=0\.\d+%2C0\.\d+%2C\d"))


def test_points_are_drawn_by_webgl_and_by_canvas(browser, server):
    pictures = []
    for search in ("", "?canvas"):
        tab = Tab(browser, server, "map=pca", search)
        tab.page.wait_for_timeout(300)
        pictures.append(tab.page.screenshot())
        kind = tab.page.evaluate("() => document.getElementById('map-points').getContext('2d') ? 'canvas' : 'webgl'")
        assert kind == ("canvas" if search else "webgl")
        tab.close()
    assert all(len(picture) > 20_000 for picture in pictures)  # an empty map takes about 10 kB


@pytest.mark.parametrize("word", [*SCRIPTS, *ODD])
def test_words_that_attack_are_text(tab, word):
    if "\n" in word or "\0" in word or "\x1b" in word or not word.strip():
        row = WORDS.index(word)  # a search box holds no such characters: ask through the address
        tab.page.evaluate("word => { location.hash = new URLSearchParams({ q: word }) }", word)
        assert row
    else:
        tab.ask(word)
    tab.page.wait_for_selector("#answer h2")
    tab.page.wait_for_selector("#missed:not(:empty)")
    assert tab.page.locator("#answer script, #answer img, #answer svg, #answer b, #answer i").count() == 0
    assert tab.page.locator("#answer h2 bdi").count() == 1
    shown = tab.heading()
    assert not re.search(r"[\0-\x1f\x7f\u202a-\u202e]", shown)
    visible = re.sub(r"[\0-\x1f\u202e]", lambda character: f"\\u{ord(character[0]):04x}", word)
    assert shown == (visible if word.strip() else "␣")


def test_an_unknown_word_offers_near_ones(tab):
    tab.ask("qeen")
    tab.page.click("#answer .chip >> text=queen")
    tab.page.wait_for_selector("h2 bdi:text-is('queen')")


def test_a_phone_shows_map_and_answer_without_sideways_scrolling(browser, server):
    tab = Tab(browser, server, "q=" + "x" * 1024)
    tab.page.set_viewport_size({"width": 360, "height": 740})
    tab.page.wait_for_timeout(200)
    assert tab.page.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert tab.page.locator("#map-labels").bounding_box()["height"] > 300
    tab.close()


def test_the_map_by_neighbours_replaces_the_first_one(tab):
    tab.page.wait_for_selector(MAP, timeout=60_000)
    assert tab.page.text_content("#progress") == ""


def test_a_picture_is_saved(tab):
    tab.ask("king - man + woman")
    tab.page.wait_for_selector("#answer h2")
    with tab.page.expect_download() as download:
        tab.page.click("text=Save picture")
    svg = Path(download.value.path()).read_text()
    assert svg.startswith("<svg")
    assert ">queen</text>" in svg
    assert svg.count("<circle") > 100


def test_two_tabs_ask_at_once(browser, server):
    tabs = [Tab(browser, server, f"q={word}") for word in ("king", "queen", "man", "woman")]
    for tab, word in zip(tabs, ("king", "queen", "man", "woman"), strict=True):
        assert tab.heading() == word
        tab.close()


def test_colours_and_contrast_follow_the_system(browser, server):
    backgrounds = []
    for scheme in ("light", "dark"):
        tab = Tab(browser, server, color_scheme=scheme)
        script = "() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        colours = [re.findall(r"\d+", colour)[:3] for colour in tab.page.evaluate(script)]
        backgrounds.append([np.array(colour, int).mean() for colour in colours])
        tab.close()
    (light, light_text), (dark, dark_text) = backgrounds
    assert light - light_text > 150
    assert dark_text - dark > 150


def test_a_server_that_ended_is_reported(browser, model):
    server = Server(model)
    tab = Tab(browser, server)
    assert server.stop() < 2
    server.process.communicate()
    tab.ask("king")
    tab.page.wait_for_selector("#answer:has-text('the explorer has stopped')")
    tab.faults = [fault for fault in tab.faults if "ERR_CONNECTION_REFUSED" not in fault]
    tab.close()


def test_words_are_selected_by_a_line_around_them_and_copied(browser, server):
    tab = Tab(browser, server, "map=pca", permissions=["clipboard-read", "clipboard-write"])
    page = tab.page
    page.click("#tools >> text=Select")
    box = page.locator("#map-labels").bounding_box()
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.3)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()
    page.wait_for_selector("h2:has-text('selected')")
    n = int(tab.heading().split()[0])
    assert 10 < n < len(WORDS)
    rows = page.locator("#answer .chip").evaluate_all("all => all.map(one => Number(one.dataset.row))")
    assert rows == sorted(rows)
    inside = page.evaluate(
        "async () => { const r = await fetch('/api/points?map=pca');"
        " return Array.from(new Uint16Array(await r.arrayBuffer())) }"
    )
    xs, ys = np.array(inside).reshape(-1, 2).T / 65535
    left, top = np.array([xs[rows], ys[rows]])
    within = (xs >= left.min()) & (xs <= left.max()) & (ys >= top.min()) & (ys <= top.max())
    assert set(np.flatnonzero(within)) == set(rows)  # the line is a rectangle
    page.click("text=Copy words")
    page.wait_for_selector("#status:has-text('copied')")
    assert page.evaluate("() => navigator.clipboard.readText()").count("filler") > 5
    assert page.locator("#answer script, #answer img, #answer svg, #answer b").count() == 0
    page.reload()  # the area is in the address
    page.wait_for_selector(f"h2:has-text('{n} words selected')")
    tab.close()


def test_words_are_selected_with_the_keyboard_alone(tab):
    page = tab.page
    page.focus("#tools >> text=Select")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.locator("#lasso").is_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"h2:has-text('{len(WORDS)} words selected')")
    page.focus("#answer .chip >> nth=1")
    page.keyboard.press("Enter")
    page.wait_for_selector("h2 bdi:text-is('king')")


@pytest.mark.parametrize("area", ["0,0,1", "x", "0,0,1,1,NaN,0", ",".join("0" * 1000), "0.1,0.1,0.1,0.1,0.1,0.1"])
def test_an_area_that_is_none_selects_nothing(browser, server, area):
    tab = Tab(browser, server, f"area={area}")
    assert tab.heading() == "0 words selected"
    tab.close()


def test_each_property_has_a_legend_with_its_unit(tab):
    units = {"frequency": "rank", "norm": "length", "density": "mean cosine", "error": "put elsewhere"}
    for name, unit in units.items():
        tab.page.select_option("#tools select >> nth=1", name)
        tab.page.wait_for_selector(f"#legend:has-text('{unit}')")
    assert re.search("0 %.*100 %", tab.page.text_content("#legend"))
    tab.page.select_option("#tools select >> nth=0", "pca")
    tab.page.wait_for_url(re.compile("map=pca&colour=error"))
