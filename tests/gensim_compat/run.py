"""Runs gensim's own tests, from the installed package, with gensim's classes replaced by those of `firth.gensim`.

    python tests/gensim_compat/run.py word2vec              # also keyedvectors, phrases, fasttext
    python tests/gensim_compat/run.py phrases -k scoring    # further arguments go to pytest

Nothing of gensim is copied: its tests are found in the installed package. Models in the pickles among gensim's test
data are converted by `firth convert --from-gensim` first, as a user would; where a test asks for such a file, it gets
the converted one. Writes a JSON list of failed tests to the file that `--failures` names.
"""

import importlib
import json
import logging
import sys
import tempfile
import types
from contextlib import chdir
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from firth import cli

REPLACED = {
    "word2vec": ["Word2Vec", "LineSentence", "PathLineSentences", "Text8Corpus", "BrownCorpus", "KeyedVectors"],
    "fasttext": [
        "FastText",
        "FastTextKeyedVectors",
        "load_facebook_model",
        "load_facebook_vectors",
        "save_facebook_model",
    ],
    "phrases": ["Phrases", "Phraser", "FrozenPhrases", "original_scorer", "npmi_scorer", "ENGLISH_CONNECTOR_WORDS"],
    "keyedvectors": ["KeyedVectors"],
}
"""gensim's modules below `gensim.models`, and the names that are replaced in them."""

PICKLES = {
    "word2vec": [
        "model-from-gensim-3.8.0.w2v",
        "word2vec_old",
        "word2vec_old_sep",
        "word2vec_3.3",
        "old_w2v_models/w2v_[123]*.mdl",
    ],
    "fasttext": [],
    "keyedvectors": ["old_keyedvectors_320.dat"],
    "phrases": ["phrases-*.pkl", "phraser-*.pkl", "phrases-3.6.0.model", "phraser-3.6.0.model"],
}
"""Files of gensim's test data that hold pickles."""


class LogLines(logging.Handler):
    """Collects log messages, as the argument that `log_capture` of testfixtures passes to a test."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def __str__(self) -> str:
        return "\n".join(self.lines)


def log_capture() -> Any:
    """Return a decorator that passes the messages logged during a test to it."""

    def decorate(test: Any) -> Any:
        @wraps(test)
        def run(self: Any) -> Any:
            handler, logger = LogLines(), logging.getLogger()
            level = logger.level
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            try:
                return test(self, handler)
            finally:
                logger.removeHandler(handler)
                logger.setLevel(level)

        del run.__wrapped__  # or pytest would look for a fixture named as the second argument
        return run

    return decorate


def replace_classes() -> None:
    """Put the classes and functions of `firth.gensim` in the place of gensim's."""
    models = importlib.import_module("gensim.models")
    for name, members in REPLACED.items():
        if find_spec(f"firth.gensim.{name}") is None:
            continue
        theirs, ours = importlib.import_module(f"gensim.models.{name}"), importlib.import_module(f"firth.gensim.{name}")
        for member in members:
            if hasattr(ours, member):
                setattr(theirs, member, getattr(ours, member))
                if hasattr(models, member):
                    setattr(models, member, getattr(ours, member))


def convert_pickles(names: list[str], folder: Path) -> None:
    """Convert the pickled models among gensim's test data, as `firth convert --from-gensim` does.

    `datapath` then leads to a folder that has the converted files under the names of the pickles, and links to all
    others.
    """
    utils = importlib.import_module("gensim.test.utils")
    data = Path(utils.datapath("."))
    pickles = {file for name in names for file in data.glob(name) if not file.name.endswith(".npy")}
    for file in sorted(data.rglob("*")):
        place = folder / file.relative_to(data)
        if file.is_dir():
            place.mkdir()
        elif file in pickles:
            converted = place.with_name(f"{file.name}.firth")
            if cli.main(["convert", "--from-gensim", str(file), str(converted)]) == 0:
                converted.rename(place)
        else:
            place.symlink_to(file)
    utils.datapath = lambda name: str(folder / name)


class Failures:
    """Collects the names of tests that fail, and their number by outcome."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}
        self.passed = self.skipped = 0

    def pytest_runtest_logreport(self, report: Any) -> None:
        name = report.nodeid.partition("::")[2].replace("::", ".")
        if report.failed:
            message = getattr(getattr(report.longrepr, "reprcrash", None), "message", str(report.longrepr))
            self.failed[name] = message.splitlines()[0]
        elif report.skipped:
            self.skipped += 1
        elif report.when == "call":
            self.passed += 1


def main(name: str, *arguments: str, failures: str | None = None) -> int:
    """Run one file of gensim's tests; return 0 if the run was complete, whatever failed."""
    if find_spec("testfixtures") is None:
        module: Any = types.ModuleType("testfixtures")
        module.log_capture = log_capture
        sys.modules["testfixtures"] = module
    spec = find_spec(f"gensim.test.test_{name}")
    assert spec is not None
    assert spec.origin is not None
    outcome = Failures()
    with tempfile.TemporaryDirectory() as folder:
        convert_pickles(PICKLES[name], Path(folder))  # by gensim, before its classes are replaced
        replace_classes()
        if name == "fasttext":  # imports the tests of Word2Vec, which are run on their own
            arguments = ("-k", "not TestWord2VecModel", *arguments)
        settings = ["-c", "/dev/null", "--rootdir", folder, "-p", "no:cacheprovider", "-q"]
        with tempfile.TemporaryDirectory() as elsewhere, chdir(elsewhere):  # some tests write where they run
            pytest.main([*settings, spec.origin, *arguments], plugins=[outcome])
    sys.stdout.write(f"{name}: {outcome.passed} passed, {len(outcome.failed)} failed, {outcome.skipped} skipped\n")
    if failures is not None:
        found = {"passed": outcome.passed, "failed": outcome.failed, "skipped": outcome.skipped}
        Path(failures).write_text(json.dumps(found))
    return 0


if __name__ == "__main__":
    rest = sys.argv[1:]
    report = rest.pop(rest.index("--failures") + 1) if "--failures" in rest else None
    sys.exit(main(*[word for word in rest if word != "--failures"], failures=report))
