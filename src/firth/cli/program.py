"""The program as a whole: arguments in, an exit code out, and every error one line."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import firth
from firth import terminal
from firth.errors import OptionError
from firth.messages import command_line
from firth.training.loop.signals import terminate

FAILURE, WRONG_USE, INTERRUPTED, TERMINATED = 1, 2, 128 + signal.SIGINT, 128 + signal.SIGTERM

UsageError: Any = typer.BadParameter.__bases__[0]
"""What the parser raises for wrong use; typer gives no public name to it."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line `arguments` (None: those of the process) and return the exit code."""
    try:
        return _run(arguments)
    finally:
        if arguments is None:
            _discard_unwritten()


def _discard_unwritten() -> None:
    """Discard what a stream could not write: Python would try again at the end, and exit with 120 if that failed."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:  # the process was started with it closed
            continue
        try:
            stream.flush()
        except OSError:  # already reported, where there was a stream to report it on
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(arguments: list[str] | None) -> int:
    words, debug = _without_debug(sys.argv[1:] if arguments is None else arguments)
    try:
        terminal.prepare_streams()
        with command_line(), _interrupts(is_program=arguments is None):
            code = app(args=words or ["--help"], prog_name="firth", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, SystemExit, typer.Abort) as interrupt:  # before a command had begun
        if isinstance(interrupt, SystemExit) and interrupt.code != TERMINATED:
            raise  # the parser's, when whoever read its output has seen enough
        terminal.complain("interrupted")
        return exit_code(interrupt)
    except Exception as error:
        if debug:
            traceback.print_exc()
        terminal.complain(_message(error))
        return WRONG_USE if isinstance(error, (UsageError, OptionError)) else FAILURE


@contextmanager
def _interrupts(*, is_program: bool) -> Iterator[None]:
    """Raise at SIGTERM, so that what is half written is taken away; afterwards a program has nothing left to end."""
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


def exit_code(interrupt: BaseException) -> int:
    """Return the exit code after Ctrl-C, 130, or after SIGTERM, 143."""
    return TERMINATED if isinstance(interrupt, SystemExit) else INTERRUPTED


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Take `--debug` out, wherever it stands before a `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [word for word in arguments[:end] if word != "--debug"]
    return options + arguments[end:], len(options) < end


def _message(error: Exception) -> str:
    if isinstance(error, UsageError):
        return _usage_message(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if type(error).__module__.startswith("firth."):
        return str(error)
    if isinstance(error, MemoryError):
        return f"out of memory: {str(error) or 'a small piece was refused'} (--debug shows where)"
    return f"{type(error).__name__}: {error} (--debug shows where)"


def _usage_message(error: Any) -> str:
    text = str(error.format_message()).rstrip(".")
    return f"{text} (see {error.ctx.command_path} --help)" if error.ctx else text


class _Commands(TyperGroup):
    """The commands, with an interrupt and a closed pipe treated alike in every version of typer."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILURE) from None
        except (KeyboardInterrupt, SystemExit) as interrupt:
            terminal.complain("interrupted")
            raise typer.Exit(exit_code(interrupt)) from None


app = typer.Typer(
    cls=_Commands,
    help="Train word vectors, ask them questions, and turn their files into one another.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        terminal.say(f"firth {firth.__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Declare the global options; `main` has taken `--debug` out."""
