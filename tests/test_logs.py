"""The logger "firth": what it holds, and that nothing is shown twice."""

import io
import logging
import subprocess
import sys

import pytest
from rich.console import Console
from rich.logging import RichHandler
from training.loop._runs import ids, model_of

from firth.logs import log, logs_to
from firth.training.loop.progress import LogReporter, Reporter, reporter

RUN = """
import logging, sys
from firth import Word2Vec
logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
Word2Vec(vector_size=8, min_count=1, epochs=2, sample=0).fit([["a", "b", "c", "d"]] * 50 + [["e"]])
"""


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def handler_on():
    """Return a function that lets the root logger write to a stream at level INFO."""
    root, added = logging.getLogger(), []
    level = root.level

    def add(handler):
        root.setLevel(logging.INFO)
        root.addHandler(handler)
        added.append(handler)

    yield add
    root.setLevel(level)
    for handler in added:
        root.removeHandler(handler)


def test_a_run_logs_its_stages_epochs_and_what_was_read(caplog):
    caplog.set_level(logging.DEBUG, "firth")
    model_of("blocks", epochs=2).fit(ids(), progress=False)
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert lines[0] == "reading"
    assert lines[1] == "read 12,000 words in 600 sentences; vocabulary 200"
    assert [line[:9] for line in lines[2:] if not line.startswith("compiled")] == [
        "compiling", "training", "epoch 1/2", "epoch 2/2",
    ]  # fmt: skip


def test_nothing_is_logged_to_the_screen_unless_the_program_asks():
    code = "import firth.logs; firth.logs.log.warning('unseen')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_lines_that_the_log_already_shows_are_shown_once():
    done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert all(line.startswith("INFO firth ") for line in lines)
    assert sum("epoch 2/2" in line for line in lines) == 1
    assert sum("read 201 words" in line for line in lines) == 1


def test_a_handler_is_found_by_its_stream(handler_on):
    stream, other = io.StringIO(), io.StringIO()
    assert not logs_to(stream)
    handler_on(logging.StreamHandler(stream))
    assert logs_to(stream)
    assert not logs_to(other)
    handler_on(RichHandler(console=Console(file=other)))
    assert logs_to(other)


def test_a_terminal_is_one_place_whichever_stream_leads_to_it(handler_on):
    handler_on(logging.StreamHandler(Terminal()))
    assert logs_to(Terminal())
    assert not logs_to(io.StringIO())
    assert type(reporter(None, Terminal())) is LogReporter


def test_handlers_that_do_not_show_the_lines_do_not_count(handler_on, tmp_path, monkeypatch):
    stream, closed = io.StringIO(), io.StringIO()
    errors = logging.StreamHandler(stream)
    errors.setLevel(logging.WARNING)
    closed.close()
    for handler in (errors, logging.NullHandler(), logging.StreamHandler(closed)):
        handler_on(handler)
    assert not logs_to(stream)
    handler_on(logging.StreamHandler(stream))
    assert logs_to(stream)
    monkeypatch.setattr(log, "propagate", False)
    assert not logs_to(stream)


def test_a_warning_without_a_display_is_logged_and_issued(caplog):
    with pytest.warns(RuntimeWarning, match="the disk is full"):
        Reporter().warn("the disk is full")
    LogReporter().warn("the disk is slow")  # the log is the display
    assert [record.getMessage() for record in caplog.records] == ["the disk is full", "the disk is slow"]
