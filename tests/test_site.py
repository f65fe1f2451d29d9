"""The site that `make docs` builds, in a real browser: it needs no network and fits a phone, and its links are whole.

`make test-site` installs what this needs: MkDocs, Playwright, Chromium and a Korean font.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from firth.objectives import naive_softmax, negative_sampling, sigmoid, softmax
from firth.training.sampling import noise_distribution
from firth.worked_example import CENTER_VECTORS, NOISE, OUTSIDE, OUTSIDE_VECTORS

pytestmark = pytest.mark.slow

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: run make test-site")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
if CHROMIUM is None or not importlib.util.find_spec("mkdocs"):
    pytest.skip("Chromium or MkDocs is not installed: run make test-site", allow_module_level=True)
ROOT = Path(__file__).parents[1]
PHONE = {"width": 390, "height": 844}
NAMES = [
    path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))
]
KOREAN = [name for name in NAMES if name.endswith(".ko.html")]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    settings = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Tab:
    """A page of the site, opened from its folder; it notes errors, and requests to anywhere else."""

    def __init__(self, browser, site: Path, name: str, **settings):
        self.faults: list[str] = []
        self.context = browser.new_context(**{"viewport": PHONE, **settings})
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda message: self.faults.extend([message.text] * (message.type == "error")))
        self.page.on("request", lambda request: self._check(request.url, site.as_uri()))
        self.page.goto((site / name).as_uri())

    def _check(self, url: str, own: str) -> None:
        if not url.startswith((own, "data:", "blob:")):
            self.faults.append(url)

    def close(self) -> None:
        assert self.faults == []
        self.context.close()


class References(HTMLParser):
    """The ids of a page, and the addresses that it names."""

    def __init__(self, html: str):
        super().__init__()
        self.ids: set[str] = {""}
        self.targets: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids.add(values.get("id") or values.get("name") or "")
        self.targets += [values[name] for name in ("href", "src") if values.get(name)]


def test_every_link_leads_to_a_page_and_an_anchor_of_the_site(site):
    pages = {path: References(path.read_text("utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}
    assert len(pages) == len(NAMES)
    broken = defaultdict(list)
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if parts.scheme in ("http", "https", "data"):
                continue
            if not file.exists() or (file in pages and unquote(parts.fragment) not in pages[file].ids):
                broken[path.relative_to(site).as_posix()].append(target)
    assert not broken, json.dumps(broken, indent=2)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_fits_a_phone_and_loads_nothing_from_elsewhere(browser, site, name: str):
    """What is wider, such as code and tables, scrolls by itself."""
    tab = Tab(browser, site, name)
    tab.page.evaluate("() => document.fonts.ready")
    assert tab.page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    figures = tab.page.locator("figure.drawn svg")
    for i in range(figures.count()):
        box = figures.nth(i).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        assert box["width"] > 300
    tab.close()


@pytest.mark.parametrize("name", ["derivation.html", "derivation.ko.html"])
def test_mathematics_renders_without_a_script(browser, site, name: str):
    """Each fraction has its numerator above its denominator, and the font of the site is used."""
    tab = Tab(browser, site, name, java_script_enabled=False)
    fractions = """() => [...document.querySelectorAll("mfrac")].map(({ children: [top, bottom] }) =>
        bottom.getBoundingClientRect().top - top.getBoundingClientRect().bottom)"""
    gaps = tab.page.evaluate(fractions)
    assert len(gaps) > 50
    assert min(gaps) > -2  # pixels; boxes of glyphs may touch
    assert tab.page.evaluate("() => [...document.querySelectorAll('math')].every(each => each.offsetWidth !== 0)")
    assert tab.page.evaluate("() => document.fonts.load('16px \"Firth Math\"').then(found => found.length)") == 1
    assert "$" not in re.sub(r"(?s)<(pre|code|script|style).*?</\1>", "", tab.page.content())
    tab.close()


@pytest.mark.parametrize("name", KOREAN)
def test_korean_glyphs_are_present(browser, site, name: str):
    """Each syllable of a page is drawn otherwise than a code point that no font has."""
    if not subprocess.run(["fc-list", ":lang=ko"], capture_output=True, text=True).stdout:
        pytest.skip("no Korean font is installed: run make test-site")
    tab = Tab(browser, site, name)
    missing = tab.page.evaluate("""() => {
        const paper = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        const drawn = character => {
            paper.clearRect(0, 0, 40, 40);
            paper.font = `24px ${getComputedStyle(document.body).fontFamily}`;
            paper.fillText(character, 5, 30);
            return paper.getImageData(0, 0, 40, 40).data.join();
        };
        const none = drawn(String.fromCodePoint(0xd7a4));
        const syllables = new Set(document.body.textContent.match(/[가-힣]/g));
        return { number: syllables.size, missing: [...syllables].filter(each => drawn(each) === none) };
    }""")
    assert missing["number"] > 50
    assert missing["missing"] == []
    assert tab.page.get_attribute("html", "lang") == "ko"
    tab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_text_of_figures_contrasts_with_the_page(browser, site, scheme: str):
    """The contrast of WCAG 2.2 for small text is 4.5."""
    tab = Tab(browser, site, "derivation.html", color_scheme=scheme)
    colours = tab.page.evaluate("""() => {
        const behind = getComputedStyle(document.body).backgroundColor;
        const texts = [...document.querySelectorAll("figure.drawn text")];
        return [behind, ...new Set(texts.map(each => getComputedStyle(each).fill))];
    }""")
    background, *texts = [luminance(colour) for colour in colours]
    assert len(texts) >= 4
    assert min((max(background, text) + 0.05) / (min(background, text) + 0.05) for text in texts) >= 4.5
    tab.close()


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour such as "rgb(0, 114, 178)" (WCAG 2.2)."""
    shares = np.array([float(each) for each in re.findall(r"[\d.]+", colour)[:3]]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


# The interactive page


class Sliders(Tab):
    """The interactive page."""

    def move(self, **values: float) -> None:
        for name, value in values.items():
            self.page.eval_on_selector(
                f"#{name.replace('_', '-')}",
                "(input, value) => { input.value = value; input.dispatchEvent(new Event(input.tagName === 'SELECT' ? "
                "'change' : 'input')); }",
                str(value),
            )

    def state(self) -> dict:
        return json.loads(self.page.get_attribute(".interactive", "data-state"))

    def values(self, loss: str) -> dict:
        return json.loads(self.page.get_attribute(f"#{loss}", "data-values"))

    def rows(self, table: str) -> list[list[str]]:
        lines = self.page.locator(f"#{table} tr").all()
        return [[cell.replace("−", "-") for cell in line.locator("th, td").all_text_contents()] for line in lines]

    def check(self) -> None:
        """Compare every number of the page with `firth.objectives`."""
        state = self.state()
        v_c, U, o = np.array(state["center"]), np.array(state["U"]), state["outside"]
        np.testing.assert_allclose(state["P_n"], noise_distribution(np.array([8, 3, 1]), state["power"]), rtol=1e-12)
        shares = np.cumsum(state["P_n"])[:-1]
        assert state["noise"] == np.searchsorted(shares, state["draws"][: state["K"]], side="right").tolist()
        scores = U @ v_c
        words = [[float(cell) for cell in row[2:]] for row in self.rows("words")]
        drawn = np.bincount(state["noise"], minlength=3)
        columns = np.column_stack([state["P_n"], drawn, scores, softmax(scores), sigmoid(scores)])
        np.testing.assert_allclose(words, columns, atol=0.00051)  # three digits are shown
        expected = {"softmax": naive_softmax(v_c, o, U), "sampling": negative_sampling(v_c, o, state["noise"], U)}
        for loss, (J, d_center, d_U) in expected.items():
            found, gradient = self.values(loss), np.concatenate([d_center, d_U.ravel()])
            assert found["loss"] == pytest.approx(J, rel=1e-12)
            np.testing.assert_allclose(found["formula"], gradient, rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(found["measured"], gradient, atol=1e-8)
            assert found["measured"] != found["formula"]
            assert found["error"] == pytest.approx(self.errors(loss, v_c, U, state), rel=1e-12, abs=1e-14)
            rows = self.rows(f"{loss}-gradients")
            assert [row[1] for row in rows] == [f"{value:.6f}" for value in found["formula"]]
            assert [row[2] for row in rows] == [f"{value:.6f}" for value in found["measured"]]
            shown = self.page.text_content(f"#{loss} .loss").replace("−", "-")
            errors = ", ".join(f"{each:.4f}" for each in found["error"])
            assert shown == f"J = {J:.6f}, e = ({errors})"

    def errors(self, loss: str, v_c: np.ndarray, U: np.ndarray, state: dict) -> np.ndarray:
        o, noise = state["outside"], state["noise"]
        if loss == "softmax":
            return softmax(U @ v_c) - np.eye(len(U))[o]
        return sigmoid(U[[o, *noise]] @ v_c) - np.eye(1, 1 + len(noise))[0]


@pytest.mark.parametrize("name", ["interactive.html", "interactive.ko.html"])
def test_the_numbers_of_the_interactive_page_are_those_of_objectives(browser, site, name: str):
    tab = Sliders(browser, site, name)
    state = tab.state()
    assert state["center"] == CENTER_VECTORS[0].tolist()
    assert state["U"] == OUTSIDE_VECTORS.tolist()
    assert (state["outside"], state["noise"]) == (OUTSIDE, list(NOISE))
    tab.check()
    rng = np.random.default_rng(1)
    for K, power, outside in [(0, 0.75, 0), (10, 0, 1), (5, 1, 2)]:
        vectors = {f"number_{i}": round(value, 2) for i, value in enumerate(rng.uniform(-2, 2, 8))}
        tab.move(K=K, power=power, outside=outside, **vectors)
        state = tab.state()
        assert [*state["center"], *np.ravel(state["U"])] == list(vectors.values())
        assert (state["K"], state["power"], state["outside"]) == (K, power, outside)
        tab.check()
    tab.page.click("#again")
    assert tab.state()["draws"] != state["draws"]
    tab.check()
    tab.page.click("#reset")
    assert tab.state()["center"] == CENTER_VECTORS[0].tolist()
    tab.page.focus("#number-0")
    tab.page.keyboard.press("ArrowRight")
    assert tab.state()["center"][0] == 0.51
    tab.check()
    tab.close()


def test_the_interactive_page_speaks_the_language_of_its_text(browser, site):
    headings = {}
    for name in ("interactive.html", "interactive.ko.html"):
        tab = Sliders(browser, site, name)
        headings[name] = tab.page.locator(".interactive caption, .interactive legend").all_text_contents()
        tab.close()
    english, korean = headings.values()
    assert len(english) == len(korean) == 5
    assert not re.search("[가-힣]", "".join(english))
    assert all(re.search("[가-힣]", text) for text in korean)
