"""The explorer as one file: what it holds, and that its words cannot become markup."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from explore._models import WORDS, matrices
from firth import FormatError, KeyedVectors, OptionError
from firth.explore import export as export_module
from firth.explore.bundle import bundled
from firth.explore.explored import Explored
from firth.explore.export import equal_neighbours, export, quantised_rows


@pytest.fixture(scope="module")
def page(subject):
    return export(subject)


def block(html: str, name: str) -> bytes:
    (found,) = re.findall(rf'<script type="application/octet-stream" id="data-{name}">([\w+/=]*)</script>', html)
    return base64.b64decode(found)


def test_the_page_holds_words_counts_maps_and_small_vectors(page, subject):
    V, D = subject.vectors.vectors.shape
    assert page.words == V
    lengths = np.frombuffer(block(page.html, "words")[: 4 * V], "<u4")
    texts = block(page.html, "words")[4 * V :]
    ends = np.cumsum(lengths)
    assert [texts[end - length : end].decode() for end, length in zip(ends, lengths, strict=True)] == WORDS
    small = np.frombuffer(block(page.html, "vectors"), np.int8).reshape(V, D)
    assert small.tobytes() == quantised_rows(subject.vectors).tobytes()
    assert len(block(page.html, "pca")) == len(block(page.html, "neighbours")) == 4 * V
    np.testing.assert_array_equal(np.frombuffer(block(page.html, "counts")), subject.vectors.counts)


def test_whole_numbers_keep_directions():
    vectors = KeyedVectors(["a", "b", "zero"], np.array([[3.0, 4.0, 0.0], [1e-20, -1e-20, 0.0], [0, 0, 0]], np.float32))
    np.testing.assert_array_equal(quantised_rows(vectors), [[95, 127, 0], [127, -127, 0], [0, 0, 0]])


def test_the_share_of_equal_neighbours_is_measured(subject):
    vectors = subject.vectors
    exact = np.round(vectors.unit_rows(np.arange(len(vectors))) * 1e6)  # as good as the vectors
    assert equal_neighbours(vectors, exact) == 1.0
    shuffled = np.random.default_rng(2).normal(size=exact.shape)
    assert equal_neighbours(vectors, shuffled) < 0.2


def test_only_the_hashes_of_its_own_script_and_style_may_run(page):
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page.html)
    script = re.search(r'<script type="module">(.*?)</script>', page.html, re.DOTALL)[1]
    style = re.search(r"<style>(.*?)</style>", page.html, re.DOTALL)[1]
    for kind, text in (("script", script), ("style", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; ")


def test_hostile_words_and_names_appear_in_no_markup(subject):
    center, _ = matrices()
    named = Explored("</script><img src=x onerror=alert(1)>", KeyedVectors(list(WORDS), center))
    html = export(named).html
    outside = re.sub(r"<script.*?</script>|<style>.*?</style>", "", html, flags=re.DOTALL)
    assert re.findall(r"onerror|alert|<img|<svg|</b>", outside) == []
    assert json.loads(block(html, "meta"))["overview"]["name"] == "</script><img src=x onerror=alert(1)>"
    assert not re.search(r"(?:src|href)=[\"'](?!data:)", outside)  # nothing is loaded


def test_a_page_of_fewer_words_says_so(subject):
    page = export(subject, words=50)
    note = json.loads(block(page.html, "meta"))["overview"]["note"]
    assert page.words == 50
    assert note.startswith(f"the 50 most frequent of {len(WORDS)} words · vectors of 8 bits: ")
    assert f"{100 * page.equal:.1f} % of the ten nearest words" in note
    with pytest.raises(OptionError, match="words"):
        export(subject, words=0)


def test_without_a_number_of_words_a_page_is_as_large_as_allowed(subject, monkeypatch):
    assert export_module.LARGEST == 15_000_000
    rows = np.random.default_rng(1).normal(size=(3000, 8)).astype(np.float32)
    many = Explored("many", KeyedVectors([f"{i:0300}" for i in range(3000)], rows))
    monkeypatch.setattr(export_module, "LARGEST", 600_000)
    page = export(many)
    assert 500 < page.words < 3000
    assert 450_000 < len(page.html.encode()) <= 600_000
    assert export(subject).words == len(WORDS)


def test_modules_become_one_script():
    modules = {
        "main.js": '// Main.\nimport { two } from "./b.js";\nconst one = await two();\nglobalThis.out = one;\n',
        "b.js": '// B.\nimport { ONE } from "./c.js";\nexport async function two() {\n  return ONE;\n}\n',
        "c.js": "// C.\nexport const ONE = 1;\nexport class Three {}\n",
    }
    script = bundled(modules, "main.js")
    assert script.index("// C.") < script.index("// B.") < script.index("// Main.")
    assert "return { ONE, Three };" in script
    assert "const { two } = module_b;" in script
    assert not re.search(r"^(import|export)", script, re.MULTILINE)


@pytest.mark.parametrize(("modules", "error"), [
    ({"main.js": 'import { a } from "./a.js";\n', "a.js": 'import { b } from "./main.js";\n'}, "main.js -> a.js"),
    ({"main.js": 'import * as all from "./a.js";\n'}, "main.js has a line that cannot be bundled: import"),
    ({"main.js": "const a = '</script>';\n"}, "would end the script"),
])  # fmt: skip
def test_modules_that_cannot_be_one_script_are_refused(modules, error):
    with pytest.raises(FormatError, match=error):
        bundled(modules, "main.js")


def test_a_notebook_shows_the_page_in_a_frame_without_rights(subject):
    page = subject.vectors.explore(words=30, height=400)
    shown = page._repr_html_()
    assert page.words == 30
    assert shown.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert 'sandbox="allow-scripts allow-forms allow-downloads"' in shown
    assert 'height="400"' in shown
    assert "<script" not in shown
    assert str(page) == "the explorer with 30 words: a notebook shows it"
    with pytest.raises(OptionError, match="height"):
        subject.vectors.explore(height=0)


@pytest.mark.parametrize("V", [0, 1, 2])
def test_a_few_words_can_be_exported(V):
    vectors = KeyedVectors([f"w{i}" for i in range(V)], np.ones((V, 3), np.float32))
    assert export(Explored("few", vectors)).words == V
