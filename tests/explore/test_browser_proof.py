"""The proof in a real browser: its numbers are those of `firth.objectives` and `firth.gradcheck`."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from explore._browser import Tab
from firth import objectives
from firth.gradcheck import check_gradients
from firth.worked_example import NOISE, OUTSIDE, sampling_example, softmax_example

CLOSE = {"rtol": 0, "atol": 1e-6}
COMPUTED = "html[data-pair=computed]"


@pytest.fixture
def tab(browser, server):
    tab = Tab(browser, server, path="proof")
    yield tab
    tab.close()


def shown(tab: Tab) -> list[tuple[str, np.ndarray]]:
    """Return the symbols and values of the table, when the server has computed it."""
    tab.page.wait_for_selector(COMPUTED)
    rows = tab.page.locator("#numbers tr")
    symbols = rows.locator("th").all_text_contents()
    values = rows.locator(".value").evaluate_all("all => all.map(one => one.dataset.value)")
    return [(symbol, np.array(json.loads(value))) for symbol, value in zip(symbols, values, strict=True)]


def check_pair(tab: Tab, loss: str, center: list[float], U: list[list[float]], rate: float) -> None:
    """Compare every number in the page with `firth.objectives`."""
    scores = np.array(U) @ center
    function = {
        "softmax": lambda v, U: objectives.naive_softmax(v, OUTSIDE, U),
        "sampling": lambda v, U: objectives.negative_sampling(v, OUTSIDE, NOISE, U),
    }[loss]
    J, d_center, d_U = function(center, U)
    after = np.array(center) - rate * d_center, np.array(U) - rate * d_U
    drawn = scores[[OUTSIDE, *NOISE]]
    first = {
        "softmax": [("z", scores), ("ŷ", objectives.softmax(scores)), ("y", [0, 0, 1]), ("J", J),
                    ("e", objectives.softmax(scores) - [0, 0, 1]), ("∂J/∂U", d_U), ("∂J/∂v_c", d_center)],
        "sampling": [("s", drawn), ("σ(s)", objectives.sigmoid(drawn)), ("J", J),
                     ("e", objectives.sigmoid(drawn) - [1, 0, 0]), ("∂J/∂v_c", d_center), ("∂J/∂U", d_U)],
    }[loss]  # fmt: skip
    expected = [*first, ("v_c", after[0]), ("U", after[1]), ("J", function(*after)[0])]
    found = shown(tab)
    assert [symbol for symbol, _ in found] == [symbol for symbol, _ in expected]
    for (_, value), (_, right) in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, right, **CLOSE)


def test_the_example_has_the_numbers_of_the_derivation(tab):
    def value(lines, symbol, place=0):
        return [line.value for line in lines if line.symbol == symbol][place]

    found = shown(tab)
    example = softmax_example()
    for symbol in ("z", "ŷ", "y", "e"):
        np.testing.assert_allclose(dict(found)[symbol], value(example, symbol), **CLOSE)
    np.testing.assert_allclose(found[3][1], value(example, "L"), **CLOSE)
    np.testing.assert_allclose(found[-1][1], value(example, "L", 1), **CLOSE)
    tab.page.select_option("#loss", "sampling")
    found = shown(tab)
    for symbol in ("s", "σ(s)", "e", "∂J/∂v_c", "v_c", "U"):
        np.testing.assert_allclose(dict(found)[symbol], value(sampling_example(), symbol), **CLOSE)


@pytest.mark.parametrize("loss", ["softmax", "sampling"])
def test_typed_and_dragged_vectors_change_every_number(tab, loss):
    tab.page.select_option("#loss", loss)
    boxes = tab.page.locator("#vectors input")
    numbers = [-0.7, 1.2, 0.9, -1.1, 0, 0.25, 30, -50, 0.125]  # the scores of the last word saturate
    for i, number in enumerate(numbers):
        boxes.nth(i).fill(str(number))
    check_pair(tab, loss, numbers[:2], np.reshape(numbers[2:8], (3, 2)).tolist(), numbers[8])
    tab.page.click("text=Back to the example")
    tab.page.wait_for_selector(COMPUTED)
    tab.page.locator("#plane circle").first.hover()
    tab.page.mouse.down()
    tab.page.mouse.move(*[tab.page.locator("#plane svg").bounding_box()[side] + 90 for side in ("x", "y")], steps=4)
    tab.page.mouse.up()
    tab.page.wait_for_selector(COMPUTED)
    center = [float(boxes.nth(i).input_value()) for i in (0, 1)]
    assert center[0] < -0.5
    assert center[1] > 0.5
    check_pair(tab, loss, center, [[0.4, -0.2], [0.1, 0.3], [-0.3, 0.6]], 0.5)


def test_steps_lower_the_loss_and_the_address_keeps_the_pair(tab, browser, server):
    losses = []
    for _ in range(4):
        losses.append(float(dict(shown(tab)[:4])["J"]))
        tab.page.click("text=Take the step")
    tab.page.wait_for_selector(COMPUTED)
    assert losses == sorted(set(losses), reverse=True)
    other = Tab(browser, server, tab.page.url.partition("#")[2], path="proof")
    for (symbol, value), (same, expected) in zip(shown(other), shown(tab), strict=True):
        assert symbol == same
        np.testing.assert_allclose(value, expected, rtol=1e-12)
    other.close()


def test_the_picture_has_every_line_of_gradcheck(tab):
    checks = check_gradients(seed=3)
    tab.page.fill("#seed", "3")
    tab.page.press("#seed", "Enter")
    tab.page.wait_for_url(re.compile("seed=3"))
    names = tab.page.locator("#equation option").all_text_contents()
    assert names == ["all equations", *(check.name for check in checks)]
    assert (
        tab.page.text_content("#verdict") == f"{len(checks)} of {len(checks)} gradients agree with central differences"
    )
    with tab.page.expect_download() as download:
        tab.page.click("#gradients >> text=Save picture")
    svg = Path(download.value.path()).read_text()
    assert all(f">{check.name}<" in svg for check in checks)


def test_an_equation_is_chosen_with_the_keyboard(tab):
    tab.page.focus("#equation")
    tab.page.keyboard.type("naive softmax by u_o")
    check = next(each for each in check_gradients() if each.name == "naive softmax by u_o")
    difference = f"{check.difference:.1e}".replace("e-0", "e-")
    tab.page.wait_for_selector(f"#verdict:has-text('difference {difference}')")
    assert tab.page.text_content("#verdict").startswith(check.equation)
    assert "naive+softmax+by+u_o" in tab.page.url


@pytest.mark.parametrize(
    "fragment",
    ["at=1,2", "at=NaN,1,1,1,1,1,1,1,1", "at=1e7,1,1,1,1,1,1,1,1", "seed=-1&loss=%3Cscript%3E", "equation=<b>"],
)
def test_an_address_that_makes_no_sense_shows_the_example(browser, server, fragment):
    tab = Tab(browser, server, fragment, path="proof")
    assert tab.page.locator("#vectors input").first.input_value() == "0.5"
    assert tab.page.input_value("#seed") == "1"
    tab.close()


def test_a_phone_shows_it_without_sideways_scrolling(tab):
    tab.page.set_viewport_size({"width": 360, "height": 740})
    assert tab.page.evaluate("() => document.documentElement.scrollWidth") <= 360
