"""Runs the command line, in this process or in one of its own."""

import subprocess
import sys
from typing import NamedTuple

import numpy as np

from firth.formats import FORMATS

WRITTEN = [name for name, known in FORMATS.items() if known.write]

KING, WOMAN = np.radians(10), np.radians(90)
MEAN = np.arctan2(np.sin(KING) + np.sin(WOMAN), np.cos(KING) + np.cos(WOMAN) - 1)
QUEEN = np.cos(np.radians(100) - MEAN)
"""The cosine of queen with king + woman - man, for the fixture `vectors`; firth computes it in float32."""


class Done(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


def in_a_process(*arguments: object, **settings: object) -> Done:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "firth", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=120, **{"text": True, **settings})
    return Done(done.returncode, done.stdout, done.stderr)


def one_line(err: str) -> str:
    """Check that an error is one line that starts with the name of the program; return it."""
    assert err.startswith("firth: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    return err
