"""Checks on malformed files that the tests of several formats share."""

import subprocess
import sys

import pytest

from firth.errors import FormatError
from firth.formats import diagnose, read_vectors

DIAGNOSIS = """
import re, resource, sys
from pathlib import Path
from firth.formats import diagnose
found = diagnose(sys.argv[1])
status = Path("/proc/self/status")  # the other source counts the memory of a larger parent on Linux
if status.exists():
    peak = int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text())[1]) << 10
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(found.rows, found.dimensions, peak)
"""


def refused(path, message, format=None, **options):  # noqa: A002
    """Check that a reader raises one line with `message`, and that a diagnosis finds an error."""
    with pytest.raises(FormatError, match=message) as caught:
        read_vectors(path, format, **options)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert not diagnose(path).is_sound


def memory_of_diagnosis(*paths):
    """Return (rows, dimensions, peak memory) of a process for each of the files."""
    for path in paths:
        yield tuple(map(int, subprocess.check_output([sys.executable, "-c", DIAGNOSIS, str(path)]).split()))
