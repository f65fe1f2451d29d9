"""Progress reporters: lines, the bar, and silence."""

import io
import os
import subprocess
import sys

import pytest
from training.loop._runs import fit_reporting, ids, model_of

from firth import OptionError
from firth.training.loop import progress
from firth.training.loop.progress import BarReporter, LineReporter, Reporter, reporter


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_is_for_terminals_only():
    assert isinstance(reporter(None, Terminal()), BarReporter)
    assert isinstance(reporter(None, io.StringIO()), LineReporter)
    assert type(reporter(False, Terminal())) is Reporter


READING = ("read 12,000 words in 600 sentences; vocabulary 200", "epoch 3/3  loss ")


@pytest.mark.parametrize(
    ("show", "stream", "parts"),
    [
        (lambda stream: LineReporter(stream, interval=0.0), io.StringIO(), READING),
        (BarReporter, Terminal(), ("training", "0:00:00")),
    ],
)
def test_a_run_is_reported_with_speed_loss_and_rate(show, stream, parts):
    fit_reporting(model_of("blocks"), ids(), show(stream))
    for part in (*parts, "words/s", "loss", "alpha"):
        assert part in stream.getvalue()


def test_only_a_run_that_compiles_reports_the_time(tmp_path):
    script = """
from firth import Word2Vec
for _ in range(2):
    Word2Vec(vector_size=8, min_count=1, epochs=1).fit([["a", "b", "c", "d"]] * 50)
"""
    variables = {**os.environ, "FIRTH_CACHE_DIR": str(tmp_path / "cache")}
    shown = [
        subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True).stderr
        for _ in range(2)
    ]
    assert [text.count("compiled in ") for text in shown] == [1, 0]


def test_the_time_left_of_a_resumed_run_counts_only_what_this_run_did(monkeypatch):
    clock, stream = [100.0], io.StringIO()
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    lines = LineReporter(stream, interval=1.0)
    lines.stage("training", 1000)
    for done in (500, 600):  # half is from an earlier run
        lines.advance(done)
        clock[0] += 10
    lines.advance(700)
    assert stream.getvalue().splitlines()[-1] == "training 70% 0:00:30 left"


def test_progress_false_shows_nothing(capfd):
    model_of("blocks").fit(ids(), progress=False)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("progress", ["bar", 1, 0.5, []])
def test_a_progress_that_is_not_true_false_or_none_is_refused_before_reading(progress):
    def never_read():
        pytest.fail("the corpus was read")
        yield

    with pytest.raises(OptionError, match=r"progress=.* is not allowed: give"):
        model_of("blocks").fit(never_read(), progress=progress)
