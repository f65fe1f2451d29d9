"""Fixtures for tests of the commands: a way to run them, vectors, a corpus and a model."""

import io
import random
import sys
from pathlib import Path

import numpy as np
import pytest

from cli._program import Done
from firth import KeyedVectors, cli


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command line in this process, with a text as its standard input."""

    def run(*arguments: object, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = cli.main([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def vectors(tmp_path) -> Path:
    """Five words at known angles on the unit circle."""
    degrees = np.radians([0, 10, 90, 100, 200])
    keys = ["man", "king", "woman", "queen", "stone"]
    wv = KeyedVectors(keys, np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32))
    wv.save(tmp_path / "vectors.firth")
    return tmp_path / "vectors.firth"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    """A text of 20,000 words, in sentences about animals or about metals."""
    rng = random.Random(1)
    topics = [["cat", "dog", "cow", "hen", "pig", "fox"], ["iron", "gold", "lead", "zinc", "tin", "copper"]]
    lines = [" ".join(rng.choices(topics[number % 2], k=10)) for number in range(2000)]
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def model(corpus) -> Path:
    """A model of that text, trained by the command line."""
    path = corpus.parent / "model.firth"
    assert cli.main(["train", str(corpus), "-o", str(path), "--vector-size", "16", "--workers", "1", "-q"]) == 0
    return path


@pytest.fixture(params=["", "1"])
def buffering(request, monkeypatch):
    """With and without buffers that Python flushes at exit."""
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)
