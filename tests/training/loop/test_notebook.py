"""Notebooks: progress in one output that updates, and an interrupt in one line; some tests run a real kernel."""

import pickle
import re
import sys
import time
import types

import pytest
from jupyter_client.manager import start_new_kernel
from training.loop._runs import fit_reporting, ids, model_of

from firth import Phrases, Word2Vec
from firth.training.loop import progress
from firth.training.loop.progress import LineReporter, NotebookReporter, reporter
from firth.training.loop.signals import explained


class Outputs(list):
    """Stands in for `IPython.display.display`, and is the handle that it returns: the contents of one output."""

    def display(self, output, *, raw, display_id):
        assert raw
        assert display_id
        assert not self, "a second output"
        self.append(output)
        return self

    def update(self, output, *, raw):
        assert raw
        self.append(output)


@pytest.fixture
def outputs(monkeypatch):
    outputs = Outputs()
    monkeypatch.setattr("IPython.display.display", outputs.display)
    return outputs


def test_lines_and_progress_are_one_output_that_is_replaced(outputs):
    fit_reporting(model_of("blocks"), ids(), NotebookReporter(redraw_seconds=0.0))
    texts = [output["text/plain"] for output in outputs]
    assert texts[0] == "reading"
    assert any(re.search(r"\ntraining \d+%  loss \d\.\d{4}  alpha 0\.0\d{3}$", text) for text in texts)
    assert not any("nan" in text for text in texts)
    assert texts[-1].startswith("read 12,000 words")
    assert texts[-1].splitlines()[-1].startswith("epoch 3/3  loss ")
    assert any("<progress " in output["text/html"] for output in outputs)
    assert "<progress " not in outputs[-1]["text/html"]


def test_the_output_is_redrawn_a_few_times_a_second(outputs, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    report = NotebookReporter()
    report.stage("reading", 1000)
    for done in range(1000):
        clock[0] += 0.001
        report.advance(done)
    assert 1 + 3 <= len(outputs) <= 1 + 4


def test_words_are_shown_and_not_obeyed(outputs):
    report = NotebookReporter()
    report.warn("<script>alert(1)</script> & more")
    assert outputs[-1]["text/plain"] == "WARNING: <script>alert(1)</script> & more"
    assert "<script>" not in outputs[-1]["text/html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in outputs[-1]["text/html"]


def test_the_output_stays_short(outputs):
    report = NotebookReporter()
    for epoch in range(1, 1001):
        report.show(f"epoch {epoch}")
    assert outputs[-1]["text/plain"].splitlines()[:2] == ["... 970 earlier lines", "epoch 971"]


def test_the_progress_that_was_reached_stays_after_an_error(outputs):
    report = NotebookReporter()
    with pytest.raises(LookupError), report:  # noqa: PT012
        report.stage("training", 100)
        report.advance(30)
        raise LookupError
    assert outputs[-1]["text/plain"] == "training 30%"


def test_only_the_kernel_of_a_notebook_is_one(monkeypatch, outputs):
    for shell, expected in ((None, LineReporter), (object(), LineReporter), (types.SimpleNamespace(kernel=1), None)):
        ipython = types.SimpleNamespace(get_ipython=lambda shell=shell: shell, display=sys.modules["IPython"].display)
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        assert type(reporter(None)) is (expected or NotebookReporter)
    monkeypatch.delitem(sys.modules, "IPython")
    assert type(reporter(None)) is LineReporter


def test_an_explained_interrupt_is_a_plain_one_with_a_text():
    with pytest.raises(KeyboardInterrupt, match=r"^interrupted at noon$") as caught, explained(lambda: "at noon"):
        raise KeyboardInterrupt
    assert type(caught.value) is KeyboardInterrupt
    again = pickle.loads(pickle.dumps(caught.value))
    assert again._render_traceback_() == ["KeyboardInterrupt: interrupted at noon"]


def interrupted(call):
    with pytest.raises(KeyboardInterrupt) as caught:
        call()
    return str(caught.value)


def interrupt(*_):
    raise KeyboardInterrupt


def test_the_text_says_what_was_kept(tmp_path, monkeypatch):
    model = model_of("blocks")
    monkeypatch.setattr("firth.training.run.report_reading", interrupt)
    assert (
        interrupted(lambda: model.fit(ids(), progress=False)) == "interrupted before training: this model is unchanged"
    )
    monkeypatch.undo()
    text = interrupted(lambda: model.fit(ids(), progress=False, callbacks=lambda model: interrupt()))
    assert text == "interrupted in epoch 2 of 3: wv holds the vectors trained so far"
    checkpoint = {"progress": False, "checkpoint": tmp_path / "run"}
    again = model_of("blocks")
    text = interrupted(lambda: again.fit(ids(), callbacks=lambda model: interrupt(), **checkpoint))
    assert text.endswith("so far; to resume, repeat the call with resume=True")
    assert len(again.fit(ids(), resume=True, **checkpoint).history) == 3
    text = interrupted(lambda: again.partial_fit(ids(), 2, progress=False, callbacks=lambda model: interrupt()))
    assert text == "interrupted in epoch 2 of 2: wv holds the vectors trained so far"
    monkeypatch.setattr("firth.training.negative_sampling.blocks.Blocks.compile", interrupt)
    text = interrupted(lambda: Word2Vec(min_count=1).fit(ids(), progress=False))
    assert text == "interrupted before training: wv holds the vectors that training starts from"
    monkeypatch.setattr("firth.phrases.detector.report_reading", interrupt)
    text = interrupted(lambda: Phrases().fit([["new", "york"]] * 20, progress=False))
    assert text == "interrupted before the phrases were found: this object is unchanged"


LONG_RUN = """
import numpy as np
from firth import Word2Vec
ids = np.random.default_rng(1).integers(0, 300, (2_000, 20))
model = Word2Vec(vector_size=20, min_count=1, epochs=10_000, workers=2).fit(ids)
"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run_cell(kernel, code, *, interrupt_at=None):
    """Run a cell; return its messages. It is interrupted when an output contains the text `interrupt_at`."""
    manager, client = kernel
    # By default, a kernel also drops the requests that arrive just after an error.
    request, messages, deadline = client.execute(code, stop_on_error=False), [], time.monotonic() + 60
    ignored = ("status", "execute_input", "update_display_data")
    while time.monotonic() < deadline:
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != request:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            return messages
        if kind not in ignored:
            messages.append((kind, content))
        if interrupt_at and interrupt_at in content.get("data", {}).get("text/plain", ""):
            manager.interrupt_kernel()
            interrupt_at = None
    pytest.fail("the cell did not end within a minute")


def test_an_interrupted_cell_shows_one_output_and_one_line_and_keeps_the_vectors(kernel):
    messages = run_cell(kernel, LONG_RUN, interrupt_at="epoch 3/")
    assert [kind for kind, _ in messages] == ["display_data", "error"]
    error = messages[1][1]
    (line,) = error["traceback"]
    pattern = (
        r"KeyboardInterrupt: interrupted in epoch (\d+) of 10000: wv holds the vectors trained so far"
        r" \(the model: sys.last_value.model\)"
    )
    epoch = int(re.fullmatch(pattern, line)[1])
    assert epoch >= 3  # the line of epoch 3 appears just before that epoch is recorded
    kept = "import sys; model = sys.last_value.model; len(model.history), model.wv.vectors.shape"
    ((_, shown),) = run_cell(kernel, kept)
    assert shown["data"]["text/plain"] == f"({epoch - 1}, (300, 20))"


def test_the_log_takes_the_place_of_the_output_if_it_is_shown_in_the_cell(kernel):
    configured = "import logging; logging.basicConfig(level=logging.INFO, force=True)\n"
    messages = run_cell(kernel, configured + LONG_RUN.replace("10_000", "2"))
    assert {kind for kind, _ in messages} == {"stream"}
    shown = "".join(content["text"] for _, content in messages)
    assert shown.count("INFO:firth:epoch 2/2") == 1
    assert shown.count("epoch 2/2") == 1
