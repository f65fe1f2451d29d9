"""Tables that notebooks show: well-formed HTML without scripts, whatever the words are."""

import copy
import json
import pickle
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import KeyedVectors, Word2Vec
from firth.markup import table
from firth.training.loop.history import History
from firth.training.loop.trainer import EpochRecord
from firth.vectors.results import NeighbourList

TAGS = {"table", "div", "thead", "tbody", "tr", "th", "td", "bdi"}
HOSTILE = "<script>alert('1')</script>"


class Cells(HTMLParser):
    """Reads the texts of the rows, and checks that every tag is known, has no attribute and is closed."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.rows, self.caption = [], [], ""

    def handle_starttag(self, tag, attributes):
        assert tag in TAGS
        assert not attributes
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "div" in self.open:
            self.caption += data
        else:
            self.rows[-1][-1] += data


def read(html):
    cells = Cells()
    cells.feed(html)
    cells.close()
    assert not cells.open
    return cells


@given(st.lists(st.lists(st.text(max_size=60), min_size=2, max_size=2)), st.text(min_size=1, max_size=60))
def test_every_text_is_shown_as_it_is(rows, caption):
    cells = read(table(rows, caption=caption, headings=("one", "two")))
    assert cells.rows == [["one", "two"], *rows]
    assert cells.caption == caption


def test_long_texts_are_cut_and_surrogates_escaped():
    html = table([("x" * 1000, "\ud800")])
    assert read(html).rows == [["x" * 60 + "…", "\\ud800"]]
    html.encode()


@pytest.fixture(scope="module")
def model():
    corpus = [[HOSTILE, "b", "c", "\u202edef"]] * 50
    return Word2Vec(vector_size=8, min_count=1, sample=0, epochs=2, workers=1).fit(corpus, progress=False)


def test_a_model_shows_its_size_its_loss_and_the_options_that_are_not_defaults(model):
    shown = read(model._repr_html_())
    assert shown.caption == "Word2Vec"
    assert shown.rows == [
        ["words", "4"], ["epochs trained", "2"], ["loss of the last epoch", f"{model.history[-1].loss:.4f}"],
        ["vector_size", "8"], ["sample", "0.0"], ["min_count", "1"], ["epochs", "2"],
    ]  # fmt: skip
    assert read(Word2Vec()._repr_html_()).caption == "Word2Vec: not fitted"


def test_vectors_show_their_first_keys_and_counts(model):
    shown = read(model.wv._repr_html_())
    assert shown.caption == "KeyedVectors: 4 keys, vectors of 8 numbers, float32"
    assert shown.rows == [["key", "count"], *([word, "50"] for word in model.wv.index_to_key)]
    assert [HOSTILE, "50"] in shown.rows
    numbers = read(KeyedVectors(list(range(100)), np.eye(100))._repr_html_())
    assert numbers.rows == [["key"], *([str(key)] for key in range(10)), ["…"]]
    assert read(KeyedVectors(3)._repr_html_()).rows == [["key"]]


def test_a_history_shows_the_columns_that_it_has(model):
    assert read(model.history._repr_html_()).rows[0] == ["epoch", "loss/pair", "end loss", "pairs", "words", "alpha"]
    shown = read(History([EpochRecord(1, 2.5, 1000, 300, 0.01)])._repr_html_())
    assert shown.rows == [
        ["epoch", "loss/pair", "pairs", "words", "alpha"], ["1", "2.5000", "1,000", "300", "0.01000"],
    ]  # fmt: skip
    assert shown.caption == "1 epoch"


def queries(wv):
    return [
        wv.most_similar("b"), wv.most_similar("b", topn=0), wv.most_similar_cosmul("b"), wv.similar_by_word("b"),
        wv.similar_by_vector(wv["b"]), *wv.most_similar_batch(["b", "c"]), *wv.most_similar_batch(["b"], topn=0),
    ]  # fmt: skip


def test_neighbours_are_shown_as_a_table(model):
    found = model.wv.most_similar("b")
    rows = read(found._repr_html_()).rows
    assert rows == [["key", "score"], *([key, f"{score:.4f}"] for key, score in found)]
    assert all(isinstance(each, NeighbourList) for each in queries(model.wv))


def test_neighbours_and_histories_are_lists_in_every_other_respect(model):
    for found in [*queries(model.wv), model.history]:
        plain = list(found)
        assert found == plain
        assert plain == found
        assert repr(found) == repr(plain)
        assert found + plain == plain + found
        for again in (pickle.loads(pickle.dumps(found)), copy.copy(found), copy.deepcopy(found)):
            assert type(again) is list
            assert again == plain
    found = model.wv.most_similar("b")
    assert json.loads(json.dumps(found)) == [[key, score] for key, score in found]


def test_the_history_of_a_copied_or_loaded_model_is_shown_too(model, tmp_path):
    model.save(tmp_path / "model")
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), Word2Vec.load(tmp_path / "model")):
        assert isinstance(again.history, History)
        assert [record.loss for record in again.history] == [record.loss for record in model.history]
