"""The command line: each command parses its arguments, calls the public API and prints the result.

One file per command; `app.py` lists them. The exit code is 0 for success, 1 for failure, 2 for a usage error, 130 after
Ctrl-C and 143 after SIGTERM. An error is one line on standard error; `--debug` shows the traceback.
"""

from firth.cli.app import main

__all__ = ["main"]
