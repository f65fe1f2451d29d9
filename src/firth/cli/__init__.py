"""The command line: each command parses its arguments, calls the public API and prints the result.

One file per command; `app.py` lists them. The exit code is 0 for success, 1 for failure, 2 for a usage error, 130 after
Ctrl-C and 143 after SIGTERM. An error is one line on standard error; `--debug` shows the traceback.
"""

import gc

_RARELY = 100_000  # objects allocated between two garbage collections; imports allocate many and leave no garbage


def main(arguments: list[str] | None = None) -> int:
    """Run the command line `arguments` (None: those of the process) and return the exit code."""
    is_program = arguments is None
    if is_program:
        gc.set_threshold(_RARELY)
    from firth.cli.app import run  # here, after the line above

    try:
        return run(arguments)
    finally:
        if is_program:
            gc.freeze()  # otherwise Python looks through all objects again at its exit


__all__ = ["main"]
