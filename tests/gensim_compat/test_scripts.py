"""The scripts of docs/coming-from-gensim.md run unchanged under firth and, if it is installed, under gensim."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/coming-from-gensim.md"
SECTION = PAGE.read_text(encoding="utf-8").partition("## Five scripts")[2].partition("\n## ")[0]
SCRIPTS = dict(re.findall(r"### (.+?)\n.*?```python\n(.*?)```", SECTION, re.DOTALL))


def run(script, folder):
    file = folder / "script.py"
    file.write_text(script, encoding="utf-8")
    return subprocess.run([sys.executable, file], cwd=folder, capture_output=True, text=True, timeout=200, check=False)


def test_there_are_five_scripts():
    assert len(SCRIPTS) == 5
    assert all("assert" in script and "from firth.gensim import" in script for script in SCRIPTS.values())


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_under_firth(name, tmp_path):
    done = run(SCRIPTS[name], tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(find_spec("gensim") is None, reason="gensim is not installed")
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_under_gensim(name, tmp_path):
    done = run(SCRIPTS[name].replace("firth.gensim", "gensim.models"), tmp_path)
    assert done.returncode == 0, done.stderr
