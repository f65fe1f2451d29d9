"""The figures of the derivation: both pages show each of them, and the numbers drawn are those of the equations."""

import re
import xml.etree.ElementTree as ET
from html import escape
from pathlib import Path
from string import Formatter

import figures
import matplotlib as mpl
import numpy as np
import pytest
from figures import network, noise, scores
from figures.canvas import BLUE, GREY, ORANGE, to_svg
from figures.texts import TEXTS

from firth.objectives import naive_softmax, negative_sampling
from firth.training.negative_sampling.partition import draw_partition, words_of
from firth.worked_example import CENTER, CENTER_VECTORS, NOISE, OUTSIDE, OUTSIDE_VECTORS, softmax_example

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {"en": DOCS / "derivation.md", "ko": DOCS / "derivation.ko.md"}
LABELS = TEXTS["en"]


def axes_of(name: str) -> list:
    return figures.FIGURES[name](LABELS[name]).axes


def numbers(ax) -> list[str]:
    """Return the texts of Axes that are numbers: the cells of matrices."""
    return [text.get_text() for text in ax.texts if re.fullmatch(r"−?\d+(\.\d+)?", text.get_text())]


def shown(values, digits: int = 2) -> list[str]:
    return [f"{value + 0.0:.{digits}f}".replace("-", "−") for value in np.ravel(values)]


def dots(line) -> np.ndarray:
    """Return the points of `draw_dots`, (n, 2): each is drawn as two equal points and a gap."""
    return line.get_xydata()[::3]


def lines_by_colour(ax) -> dict:
    return {line.get_color(): line for line in ax.lines}


def test_both_pages_show_every_figure_once_and_in_the_same_order():
    named = {language: figures.PLACEHOLDER.findall(page.read_text("utf-8")) for language, page in PAGES.items()}
    assert named["en"] == named["ko"]
    assert sorted(named["en"]) == sorted(figures.FIGURES)


def test_both_languages_have_the_same_labels():
    def fields(text: str) -> list:
        return sorted(re.findall(r"\$[^$]+\$", text)), [
            name for _, name, _, _ in Formatter().parse(text) if name is not None
        ]

    english, korean = TEXTS["en"], TEXTS["ko"]
    assert english.keys() == korean.keys() == figures.FIGURES.keys()
    for name, texts in english.items():
        assert texts.keys() == korean[name].keys()
        assert not re.search("[가-힣]", "".join(texts.values()))
        for key in texts.keys() - {"caption", "description"}:
            assert fields(texts[key]) == fields(korean[name][key]), (name, key)
        assert sorted(fields(texts["caption"])[0]) == sorted(fields(korean[name]["caption"])[0]), name


SLOW = pytest.mark.slow  # training compiles a kernel
NAMES = [pytest.param(name, marks=SLOW) if name == "scores" else name for name in figures.FIGURES]


@pytest.mark.parametrize("language", ["ko", pytest.param("en", marks=SLOW)])
@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_svg_with_text_that_follows_the_page(name: str, language: str):
    """Text needs no font of ours, colours are variables, and no name in the SVG can be that of another figure."""
    page = f'<p>…</p><figure id="figure-{name}"></figure>'
    html = figures.insert(page, language, lambda latex: f"<math>{escape(latex)}</math>")
    figure = ET.fromstring(html.removeprefix("<p>…</p>").replace("xlink:href", "href"))
    svg, caption = figure
    assert figure.get("id") == f"figure-{name}"
    assert svg.get("aria-label") == TEXTS[language][name]["description"]
    assert len("".join(caption.itertext())) > 50
    texts = ["".join(element.itertext()) for element in svg.iter() if element.tag.endswith("text")]
    assert not any("$" in text or "_" in text or "^" in text for text in texts)
    assert any(re.search("[가-힣]", text) for text in texts) == (language == "ko")
    styles = " ".join(element.get("style", "") for element in svg.iter())
    assert not re.search(r"#[0-9a-f]{6}", styles.replace("#ffffff", ""))
    assert "font-family" not in html
    assert "<style" not in html  # it would be one for the whole page
    assert all(element.get("id", name).startswith(name) for element in svg.iter())
    assert len(html) < 150_000


def test_labels_are_italic_symbols_with_indices_in_svg():
    ax = network.axes([1.0])[0]
    with mpl.rc_context({"text.parse_math": False}):
        ax.text(0, 0, "−$u_w$ · 10^{−4} <")
        svg = to_svg(lambda: ax.figure, "name", "a text")
    (text,) = re.findall("(?<=>)[^>]*<tspan.*(?=</text>)", svg)
    assert re.sub("<.*?>|\u200b", "", text) == "−uw · 10−4 &lt;"
    assert re.findall(r"(\S*)</tspan>", text.replace(">", "> ")) == ["u", "w", "\u200b", "−4", "\u200b"]


def test_the_network_shows_the_forward_pass_of_the_worked_example():
    (ax,) = axes_of("network")
    forward = {quantity.symbol: quantity.value for quantity in softmax_example() if quantity.symbol in "xhzŷ"}
    assert numbers(ax) == [*shown(forward["x"], 0), *shown(forward["h"]), *shown(forward["z"]), *shown(forward["ŷ"])]


def test_the_products_are_the_gradients_of_the_worked_example():
    gradients = {quantity.symbol: quantity.value for quantity in softmax_example() if "∂" in quantity.symbol}
    expected = [gradients["∂L/∂W_2"], gradients["∂L/∂h"][:, np.newaxis], gradients["∂L/∂W_1"]]
    for ax, product, (_, left, _, right, _, drawn) in zip(
        axes_of("products"), expected, network.products(), strict=True
    ):
        np.testing.assert_allclose(left @ right, product, rtol=1e-12)
        np.testing.assert_array_equal(drawn, product)
        assert numbers(ax) == shown(left) + shown(right) + shown(product)


def test_the_forces_add_up_to_the_negative_gradient():
    """The arrows are drawn head to tail, and then their sum."""
    v_c = CENTER_VECTORS[CENTER]
    steps = [
        -naive_softmax(v_c, OUTSIDE, OUTSIDE_VECTORS)[1],
        -negative_sampling(v_c, OUTSIDE, NOISE, OUTSIDE_VECTORS)[1],
    ]
    for ax, step in zip(axes_of("forces"), steps, strict=True):
        arrows = [np.array([text.xyann, text.xy]) for text in ax.texts if text.arrow_patch is not None]
        *parts, total = arrows
        np.testing.assert_allclose(total, [v_c, v_c + step], rtol=1e-12)
        np.testing.assert_allclose(sum(end - start for start, end in parts), step, rtol=1e-12)
        weights = [float(text.get_text().split()[-3].replace("−", "-")) for text in ax.texts if ": " in text.get_text()]
        order = [OUTSIDE, *NOISE]
        for (start, end), weight, word in zip(parts, weights, order, strict=True):
            np.testing.assert_allclose(end - start, weight * OUTSIDE_VECTORS[word], atol=0.005)


def test_noise_is_in_proportion_to_a_power_of_the_counts():
    (ax,) = axes_of("powers")
    counts = noise.zipf_counts(1_000)
    assert len(ax.lines) == 3
    for line, power in zip(ax.lines, (0, 0.75, 1), strict=True):
        P_n = line.get_ydata()
        assert P_n.sum() == pytest.approx(1, rel=1e-12)
        np.testing.assert_allclose(P_n / P_n[0], (counts / counts[0]) ** power, rtol=1e-9)


def test_the_probability_that_a_word_is_kept_is_that_of_word2vec():
    """Frequencies are multiples of 1e-9, and probabilities of 2**-32."""
    (ax,) = axes_of("subsampling")
    for line, sample in zip(ax.lines, (1e-3, 1e-4, 1e-5), strict=True):
        f, kept = line.get_xydata().T
        np.testing.assert_allclose(kept, np.minimum(1, np.sqrt(sample / f) + sample / f), rtol=1e-3)


def test_the_noise_counts_of_a_partition_are_those_of_equation_39():
    P_n, ratios = noise.block_noise()
    counts, options = noise.zipf_counts(noise.V), noise.Options()
    words = words_of(counts, options)
    n = noise.center_counts(words)
    block_of = draw_partition(words, noise.BLOCKS, 1, 1, 0).block_of
    for w in (0, 7, 5_000):
        block, others = block_of == block_of[w], np.arange(noise.V) != w
        drawn = n[block & others].sum() * P_n[w] / P_n[block].sum()
        assert ratios[0, w] == pytest.approx(drawn / (P_n[w] * n[others].sum()), rel=1e-9)


def test_the_mean_noise_count_is_near_equation_40a():
    (ax,) = axes_of("blocks")
    P_n, ratios = noise.block_noise()
    found = lines_by_colour(ax)
    x, formula = found[ORANGE].get_xydata().T
    np.testing.assert_array_equal(x, P_n[noise.SHOWN])
    np.testing.assert_allclose(formula, 1 / (1 + (noise.BLOCKS - 1) * x), rtol=1e-12)
    mean, one = dots(found[BLUE]), dots(found[GREY])
    np.testing.assert_array_equal(mean[:, 1], ratios.mean(axis=0)[noise.SHOWN])
    np.testing.assert_array_equal(one[:, 1], ratios[0, noise.SHOWN])
    assert np.abs(mean[:, 1] / formula - 1).max() < 0.05  # it is a quotient of means, and blocks differ in size


@SLOW
def test_learned_scores_are_near_the_shifted_pmi_and_the_factorisation_is_its_positive_part():
    learned, factorised = axes_of("scores")
    text = scores.sentences()
    pairs = [(a, b) for row in text[:500].tolist() for i, a in enumerate(row) for b in row[max(0, i - 2) : i + 3]]
    n = np.zeros((scores.V, scores.V))
    np.add.at(n, tuple(np.array(pairs).T), 1)
    n -= np.diag(np.bincount(text[:500].ravel(), minlength=scores.V))  # a word is not in its own window
    np.testing.assert_array_equal(n, scores.pair_counts(text[:500]))

    target = scores.scores().shifted_pmi
    full = scores.pair_counts(text)
    P_n = np.bincount(text.ravel()) / text.size
    np.testing.assert_allclose(
        target, np.log(full / np.outer(full.sum(axis=1), P_n)) - np.log(scores.K), rtol=1e-9, atol=1e-12
    )
    x, y = dots(lines_by_colour(learned)[BLUE]).T
    np.testing.assert_array_equal(x, target.ravel())
    assert np.sqrt(np.mean((y - x) ** 2)) < 0.2  # of a range of 4
    assert np.corrcoef(x, y)[0, 1] > 0.98

    positive, singular = np.maximum(target, 0), np.linalg.svd(np.maximum(target, 0), compute_uv=False)
    exact, low_rank = (
        dots(lines_by_colour(factorised)[colour])[:, 1].reshape(target.shape) for colour in (BLUE, ORANGE)
    )
    np.testing.assert_allclose(exact, positive, atol=1e-12)
    assert np.linalg.matrix_rank(low_rank) == scores.SMALL_D
    assert ((low_rank - positive) ** 2).sum() == pytest.approx((singular[scores.SMALL_D :] ** 2).sum(), rel=1e-9)
