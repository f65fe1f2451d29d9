"""The program `firth`: its commands, its exit code, and one line for every error."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from typer.main import get_command

from firth import terminal
from firth.cli.analogy import analogy
from firth.cli.convert import convert
from firth.cli.demo import demo
from firth.cli.evaluate import evaluate
from firth.cli.exits import FAILURE, USAGE_ERROR, UsageError, exit_code
from firth.cli.explore import explore
from firth.cli.flags import CommandWithFormats
from firth.cli.gradcheck import gradcheck
from firth.cli.info import info
from firth.cli.item2vec import item2vec
from firth.cli.node2vec import node2vec
from firth.cli.phrases import phrases
from firth.cli.plan import plan
from firth.cli.plot import plot
from firth.cli.similar import similar
from firth.cli.stability import stability
from firth.cli.train import TrainCommand, train
from firth.errors import OptionError
from firth.messages import command_line
from firth.training.loop.signals import terminate
from firth.version import __version__


def run(arguments: list[str] | None = None) -> int:
    """Run the command line `arguments` (None: those of the process) and return the exit code."""
    try:
        return _run(arguments)
    finally:
        if arguments is None:
            _discard_unwritten()


def _discard_unwritten() -> None:
    """Discard unwritten output: Python would retry at exit, and exit with 120 if that failed."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:  # closed before the process started
            continue
        try:
            stream.flush()
        except OSError:  # already reported
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(arguments: list[str] | None) -> int:
    words, debug = _without_debug(sys.argv[1:] if arguments is None else arguments)
    try:
        terminal.prepare_streams()
        with command_line(), _interrupts(is_program=arguments is None):
            _run_command(words or ["--help"])
        return 0
    except typer.Exit as finished:
        return finished.exit_code
    except BrokenPipeError:  # the reader, such as `head`, has stopped reading
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except (KeyboardInterrupt, SystemExit) as interrupt:
        terminal.write_error("interrupted")
        return exit_code(interrupt)
    except Exception as error:
        if debug:
            traceback.print_exc()
        terminal.write_error(_message(error))
        return USAGE_ERROR if isinstance(error, (UsageError, OptionError)) else FAILURE


def _run_command(words: list[str]) -> None:
    """Parse and run; typer's own `main` would handle interrupts and closed pipes differently in each version."""
    command = get_command(app)
    with command.make_context("firth", words) as context:
        command.invoke(context)


@contextmanager
def _interrupts(*, is_program: bool) -> Iterator[None]:
    """Raise an exception at SIGTERM, so that temporary files are removed; once a program is done, Ctrl-C kills it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if is_program:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Remove `--debug` from any position before `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [word for word in arguments[:end] if word != "--debug"]
    return options + arguments[end:], len(options) < end


def _message(error: Exception) -> str:
    if isinstance(error, UsageError):
        text = str(error.format_message()).rstrip(".")
        return f"{text} (see {error.ctx.command_path} --help)" if error.ctx else text
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if type(error).__module__.startswith("firth."):
        return str(error)
    if isinstance(error, MemoryError):
        return f"out of memory: {str(error) or 'an allocation failed'} (--debug shows where)"
    return f"{type(error).__name__}: {error} (--debug shows where)"


app = typer.Typer(
    help="Train word vectors, query and evaluate them, and convert them between file formats.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command(cls=TrainCommand)(train)
app.command(cls=CommandWithFormats)(node2vec)
app.command(cls=CommandWithFormats)(item2vec)
app.command()(phrases)
app.command()(similar)
app.command()(analogy)
app.command()(evaluate)
app.command()(stability)
app.command()(plan)
app.command()(plot)
app.command()(info)
app.command(cls=CommandWithFormats)(convert)
app.command()(explore)
app.command()(gradcheck)
app.command()(demo)


def _print_version(wanted: bool) -> None:
    if wanted:
        terminal.write(f"firth {__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Declare the global options; `run` has already removed `--debug`."""
