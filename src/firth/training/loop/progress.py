"""Progress reporters: a bar on a terminal, a line every few seconds elsewhere, or nothing."""

import sys
import time
import warnings
from contextlib import AbstractContextManager, suppress
from typing import Any, Self, TextIO


class Reporter(AbstractContextManager["Reporter"]):
    """The silent reporter, and the base class of the others."""

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage of `total` units (None: unknown), such as bytes to read or words to train on."""

    def advance(self, done: int, total: int | None = None, note: str = "") -> None:
        """Report that `done` units of the stage are done, and its `total` once it is known."""

    def show(self, text: str) -> None:
        """Show a line."""

    def warn(self, text: str) -> None:
        """Show a problem that does not stop training; without a display, issue a `RuntimeWarning`."""
        warnings.warn(text, RuntimeWarning, stacklevel=2)

    def __exit__(self, *exc_info: object) -> None:
        return None


class LineReporter(Reporter):
    """Writes a line every `interval` seconds, for files, pipes and notebooks."""

    def __init__(self, stream: TextIO, interval: float = 10.0):
        self._stream, self._interval = stream, interval
        self.stage("", None)

    def stage(self, name: str, total: int | None) -> None:
        self._name, self._total = name, total
        self._started = self._shown = time.monotonic()
        self._first: int | None = None  # units already done at the stage's first report: an earlier run did them

    def advance(self, done: int, total: int | None = None, note: str = "") -> None:
        self._total = total or self._total
        now = time.monotonic()
        if self._first is None:
            self._first, self._started = done, now
        if now - self._shown < self._interval:
            return
        self._shown = now
        share = f" {done / self._total:.0%}" if self._total else f" {done:,}"
        new = done - self._first
        left = f" {_clock((now - self._started) * (self._total - done) / new)} left" if self._total and new > 0 else ""
        self.show(f"{self._name}{share}{left}  {note}".rstrip())

    def show(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a broken pipe, a full disk or a closed stream must not stop training
            self._stream.write(f"{text}\n")  # in one call, so that an interrupt cannot split the line
            self._stream.flush()

    def warn(self, text: str) -> None:
        self.show(f"WARNING: {text}")


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
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(name, total=total, note="")

    def advance(self, done: int, total: int | None = None, note: str = "") -> None:
        self._progress.update(self._task, completed=done, total=total, note=note)

    def show(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        self.show(f"WARNING: {text}")


def reporter(progress: bool | None, stream: TextIO | None = None) -> Reporter:
    """Return the reporter for `fit(progress=...)`: silent for False or without a stream, else a bar or lines."""
    stream = sys.stderr if stream is None else stream
    if progress is False or stream is None or stream.closed:
        return Reporter()
    return BarReporter(stream) if stream.isatty() else LineReporter(stream)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
