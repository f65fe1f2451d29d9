"""Progress reporters: a bar on a terminal, an output that updates in a notebook, lines elsewhere, or nothing.

Every reporter also writes its lines to the logger "firth", and a line of progress every ten seconds.
"""

import html
import sys
import time
import warnings
from contextlib import AbstractContextManager, suppress
from typing import Any, Self, TextIO

from firth.logs import log, logs_to
from firth.options import checked, limits

_SETTLED_SECONDS = 1.0  # of a stage, before the time left is estimated
_PROGRESS = limits("whether to show progress", optional=True, kind=bool)
_STYLE = "margin: 0; white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere"
_MOST_LINES = 30  # in the output of a notebook; a model's history has the older epochs


class Stage:
    """A stage under way: what is done of it, and how long the rest will take."""

    def __init__(self, name: str, total: int | None):
        self.name, self.total, self.done = name, total, 0
        self._started = time.monotonic()
        self._first: int | None = None  # units already done at the first report: an earlier run did them

    def advance(self, done: int, total: int | None) -> None:
        """Record that `done` units are done, of `total` if it is known by now."""
        self.done, self.total = done, total or self.total
        if self._first is None:
            self._first, self._started = done, time.monotonic()

    def text(self, note: str = "") -> str:
        """Return the name, the share or number of units done, the time left once it can be estimated, and a note."""
        if self._first is None:
            return self.name
        share = f" {self.done / self.total:.0%}" if self.total else f" {self.done:,}"
        return f"{self.name}{share}{self._left(self._first)}  {note}".rstrip()

    def _left(self, first: int) -> str:
        seconds, new = time.monotonic() - self._started, self.done - first
        if not self.total or new <= 0 or seconds < _SETTLED_SECONDS:
            return ""
        return f" {_clock(seconds * (self.total - self.done) / new)} left"


class Reporter(AbstractContextManager["Reporter"]):
    """The silent reporter, which only logs, and the base class of the others."""

    _interval = 10.0  # seconds between two lines of progress
    _stage: Stage | None = None
    _shown = 0.0

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage of `total` units (None: unknown), such as bytes to read or words to train on."""
        self._stage, self._shown = Stage(name, total), time.monotonic()
        log.info("%s", name)

    def advance(self, done: int, total: int | None = None, note: str = "") -> None:
        """Report that `done` units of the stage are done, and its `total` once it is known."""
        if self._stage is None:
            return
        self._stage.advance(done, total)
        now = time.monotonic()
        if now - self._shown >= self._interval:
            self._shown = now
            self.periodic(self._stage.text(note))

    def periodic(self, text: str) -> None:
        """Show a line of progress; called once in an interval."""
        log.info("%s", text)

    def show(self, text: str) -> None:
        """Show a line."""
        log.info("%s", text)

    def warn(self, text: str) -> None:
        """Show a problem that does not stop training; without a display, issue a `RuntimeWarning`."""
        log.warning("%s", text)
        warnings.warn(text, RuntimeWarning, stacklevel=2)

    def __exit__(self, *exc_info: object) -> None:
        return None


class LogReporter(Reporter):
    """Only logs, because the log is already shown where this reporter would write."""

    def warn(self, text: str) -> None:
        log.warning("%s", text)


class LineReporter(Reporter):
    """Writes a line every `interval` seconds, for files and pipes."""

    def __init__(self, stream: TextIO, interval: float = 10.0):
        self._stream, self._interval = stream, interval

    def periodic(self, text: str) -> None:
        self.show(text)

    def show(self, text: str) -> None:
        log.info("%s", text)
        self._write(text)

    def warn(self, text: str) -> None:
        log.warning("%s", text)
        self._write(f"WARNING: {text}")

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a broken pipe, a full disk or a closed stream must not stop training
            self._stream.write(f"{text}\n")  # in one call, so that an interrupt cannot split the line
            self._stream.flush()


class BarReporter(Reporter):
    """Draws a bar with the time left, on a terminal, by the library rich."""

    def __init__(self, stream: TextIO):
        # rich takes long to import, and only a terminal needs it
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description:<9}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
                   TextColumn("{task.fields[note]}"))  # fmt: skip
        self._progress = Progress(*columns, console=Console(file=stream), refresh_per_second=8)
        self._task: Any = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._progress.stop()

    def stage(self, name: str, total: int | None) -> None:
        super().stage(name, total)
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(name, total=total, note="")

    def advance(self, done: int, total: int | None = None, note: str = "") -> None:
        super().advance(done, total, note)
        self._progress.update(self._task, completed=done, total=total, note=note)

    def show(self, text: str) -> None:
        log.info("%s", text)
        self._print(text)

    def warn(self, text: str) -> None:
        log.warning("%s", text)
        self._print(f"WARNING: {text}")

    def _print(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)


class NotebookReporter(Reporter):
    """Shows lines, and below them the progress, in one output of a notebook's cell, which is replaced as it changes.

    The output is plain HTML and text, so that a saved notebook keeps it; rich would need ipywidgets.
    """

    def __init__(self, redraw_seconds: float = 0.25):
        self._redraw_seconds, self._drawn = redraw_seconds, 0.0
        self._lines: list[str] = []
        self._n_lines, self._note, self._is_done = 0, "", False
        self._handle: Any = None

    def stage(self, name: str, total: int | None) -> None:
        super().stage(name, total)
        self._note = ""
        self._draw()

    def advance(self, done: int, total: int | None = None, note: str = "") -> None:
        super().advance(done, total, note)
        self._note = note
        if time.monotonic() - self._drawn >= self._redraw_seconds:
            self._draw()

    def show(self, text: str) -> None:
        log.info("%s", text)
        self._add(text)

    def warn(self, text: str) -> None:
        log.warning("%s", text)
        self._add(f"WARNING: {text}")

    def __exit__(self, *exc_info: object) -> None:
        self._is_done = exc_info[0] is None  # otherwise the output keeps the progress that was reached
        self._draw()

    def _add(self, line: str) -> None:
        self._lines = [*self._lines, line][-_MOST_LINES:]
        self._n_lines += 1
        self._draw()

    def _draw(self) -> None:
        display: Any = sys.modules["IPython.display"]  # a notebook has imported it
        self._drawn = time.monotonic()
        output = {"text/plain": self._text(), "text/html": self._html()}
        if self._handle is None:
            self._handle = display.display(output, raw=True, display_id=True)
        else:
            self._handle.update(output, raw=True)

    def _text(self) -> str:
        hidden = self._n_lines - len(self._lines)
        left_out = [f"... {hidden:,} earlier lines"] if hidden else []
        progress = [] if self._stage is None or self._is_done else [self._stage.text(self._note)]
        return "\n".join([*left_out, *self._lines, *progress])

    def _html(self) -> str:
        bar, stage = "", self._stage
        if stage is not None and stage.total and not self._is_done:
            bar = f' <progress value="{stage.done}" max="{stage.total}"></progress>'
        return f'<pre style="{_STYLE}">{html.escape(self._text())}{bar}</pre>'


def reporter(progress: bool | None, stream: TextIO | None = None) -> Reporter:
    """Return the reporter for `fit(progress=...)`: silent for False, else the one that suits the place of the output.

    If the logger "firth" already writes there, all lines go through it. Raises `OptionError` for a `progress` that is
    not True, False or None.
    """
    shown = checked("progress", progress, bool, _PROGRESS)
    is_notebook = stream is None and _in_notebook()
    stream = sys.stderr if stream is None else stream
    if shown is False or stream is None or stream.closed:
        return Reporter()
    if logs_to(stream) or (is_notebook and logs_to(sys.stdout)):
        return LogReporter()
    if is_notebook:
        return NotebookReporter()
    return BarReporter(stream) if stream.isatty() else LineReporter(stream)


def _in_notebook() -> bool:
    """Return whether this is the kernel of a notebook; IPython is not imported to find out."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
