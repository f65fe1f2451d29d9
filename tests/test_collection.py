"""The test suite: every process collects the same tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LATER = """
import sys, time
now = time.time
time.time = lambda: now() + 1e6
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.slow  # collects the whole suite again
def test_the_ids_of_tests_do_not_depend_on_time_or_hash_seed(request):
    """The workers of pytest-xdist do not start if they differ."""
    everything = ["--collect-only", "-q", "-p", "no:cacheprovider", "-m", "slow or not slow"]
    arguments = [*everything, str(ROOT / "tests")]
    environment = {**os.environ, "PYTHONHASHSEED": "4321", "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", LATER, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=True)
    collected = set(done.stdout.splitlines())
    ours = {item.nodeid for item in request.session.items}
    assert ours
    assert ours <= collected
