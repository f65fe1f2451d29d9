"""The program: help, exit codes, errors in one line, streams, and safe output on terminals."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import firth
from cli._program import Done, in_a_process, one_line
from firth import KeyedVectors

UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
COMMANDS = [
    "train",
    "node2vec",
    "item2vec",
    "phrases",
    "similar",
    "analogy",
    "evaluate",
    "plot",
    "info",
    "convert",
    "explore",
    "gradcheck",
    "demo",
]


def test_help_lists_the_commands(run):
    done = run("--help")
    assert done.code == 0
    assert all(f"\n  {command} " in done.out for command in COMMANDS)
    assert run() == done


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command):
    done = run(command, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: firth {command} ")
    assert done.err == ""


def test_version(run):
    assert run("--version") == Done(0, f"firth {firth.__version__}\n", "")


GARBAGE = """
import gc, sys
from firth.cli import main
before = gc.get_threshold()
main({arguments})
print(before == gc.get_threshold(), gc.get_freeze_count() == 0)
"""


@pytest.mark.parametrize(("arguments", "expected"), [("['--version']", "True True"), ("", "False False")])
def test_only_the_program_changes_the_garbage_collection_of_its_process(arguments, expected):
    command = [sys.executable, "-c", GARBAGE.format(arguments=arguments), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == expected


def test_the_program_is_installed_under_its_name():
    done = subprocess.run([Path(sys.executable).with_name("firth"), "--version"], capture_output=True, text=True)
    assert done.stdout == f"firth {firth.__version__}\n"


def test_debug_shows_the_traceback_from_any_position(run, vectors):
    for arguments in (["--debug", "similar", vectors, "quen"], ["similar", vectors, "quen", "--debug"]):
        done = run(*arguments)
        assert done.code == 1
        assert done.err.startswith("Traceback (most recent call last):\n")
        assert done.err.endswith("firth: 'quen' is not in the vocabulary; near spellings: queen\n")
    assert "'--debug' is not in the vocabulary" in run("similar", vectors, "--", "--debug").err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["similar"], 2, "Missing argument"),
        (["similar", "absent.firth", "word"], 1, "absent.firth: No such file or directory"),
        (["similar", "corpus.txt", "word"], 1, "corpus.txt"),
        (["similar", "folder.firth", "word"], 1, "folder.firth"),
        (["similar", "corpus.txt", "word", "--no-header"], 2, "--no-header"),
        (["info", "absent.firth"], 1, "absent.firth: No such file or directory"),
        (["convert", "corpus.txt", "m.xyz"], 2, "'m.xyz' has no suffix"),
        (["frobnicate"], 2, "No such command 'frobnicate'"),
        (["--frobnicate"], 2, "--frobnicate"),
    ],
)
def test_a_wrong_command_line_is_one_line(run, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus.txt").write_text("some text\n")
    (tmp_path / "folder.firth").mkdir()
    done = run(*arguments)
    assert (done.code, done.out) == (code, "")
    assert message in one_line(done.err)
    assert len(list(tmp_path.iterdir())) == 2


LONG = "x" * 10**6


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "out of memory: an allocation failed (--debug shows where)"),
        (MemoryError("Unable to allocate 7.45 GiB"), "out of memory: Unable to allocate 7.45 GiB (--debug"),
        (OSError(28, "No space left on device", "model.firth"), "model.firth: No space left on device"),
        (OSError("an error without a number"), "OSError: an error without a number (--debug shows where)"),
        (BlockingIOError(11, "Resource temporarily unavailable"), "Resource temporarily unavailable"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), "UnicodeDecodeError: 'utf-8' codec can't decode"),
        (RuntimeError("a\nsurprise"), "RuntimeError: a surprise (--debug shows where)"),
        (KeyError("\x1b"), "KeyError: '\\x1b' (--debug shows where)"),
        (ValueError(LONG), f"{LONG[:500]} ... {LONG[:500]}"),
    ],
)
def test_any_error_is_one_line_without_a_traceback(run, vectors, monkeypatch, error, message):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(KeyedVectors, "most_similar", fail)
    done = run("similar", vectors, "king")
    assert (done.code, done.out) == (1, "")
    assert message in one_line(done.err)
    assert len(done.err) < 2100
    assert UNSAFE.findall(done.err) == []


def test_an_interrupt_of_a_query_is_one_line(run, vectors, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(KeyedVectors, "most_similar", interrupted)
    assert run("similar", vectors, "king") == Done(130, "", "firth: interrupted\n")


def test_a_warning_is_one_line(tmp_path):
    (tmp_path / "v.txt").write_text("3 2\na 1 0\nb 0 1\na 1 1\n")
    done = in_a_process("similar", tmp_path / "v.txt", "a")
    assert done.out == "b  0.0000\n"
    assert "warning: " in one_line(done.err)
    assert "1 of 3 rows" in done.err


@pytest.mark.parametrize("arguments", [["similar", "vectors.firth", "king"], ["gradcheck"], ["--help"]])
def test_a_closed_pipe_is_not_reported(vectors, arguments):
    command = [sys.executable, "-m", "firth", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=vectors.parent, stdout=pipe, stderr=pipe) as printing:
        printing.stdout.close()
        assert printing.stderr.read() == b""
        assert printing.wait() == 1


@pytest.mark.usefixtures("buffering")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("stream", "arguments", "code"),
    [
        ("stdout", ["similar", "vectors.firth", "king"], 1),
        ("stdout", ["--help"], 1),
        ("stderr", ["similar", "missing.firth", "king"], 1),
        ("stderr", ["similar", "vectors.firth", "king", "--topn", "x"], 2),
        ("stderr", ["train", "corpus.txt", "-o", "m.firth", "--min-count", "1", "--epochs", "1"], 0),
    ],
)
def test_a_stream_to_a_full_disk_does_not_change_the_exit_code(stream, arguments, code, vectors, corpus, tmp_path):
    shutil.copy(corpus, tmp_path / "corpus.txt")
    command = [sys.executable, "-m", "firth", *arguments]
    with open("/dev/full", "wb") as full:  # noqa: PTH123 a device
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        done = subprocess.run(command, cwd=vectors.parent, timeout=120, check=False, text=True, **streams)
    assert done.returncode == code
    if stream == "stdout":
        assert done.stderr == "firth: No space left on device\n"


def test_an_ascii_stream_shows_other_characters_as_escapes(tmp_path):
    KeyedVectors(["word", "naïve", "日本"], np.ones((3, 2))).save(tmp_path / "v.firth")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = in_a_process("similar", tmp_path / "v.firth", "word", env=environment)
    assert (done.code, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines()] == [["na\\xefve", "1.0000"], ["\\u65e5\\u672c", "1.0000"]]
    done = in_a_process("gradcheck", env=environment)
    assert (done.code, done.err) == (0, "")
    found = in_a_process("similar", tmp_path / "v.firth", "word", "--json", env=environment)
    assert {entry["word"] for entry in json.loads(found.out)} == {"naïve", "日本"}


CONTROL = ["\x1b]52;c;aGk=\x07", "tab\there", "two\nlines", "\u202eabc", "\x9b31m", "\u2066x", "\ud800"]
STRANGE = [*CONTROL, "日本語", "naïve", "क\u200dष", "plain"]


@pytest.fixture
def strange(tmp_path) -> Path:
    """Vectors whose words, file and folder have names with control characters."""
    folder = tmp_path / "f\x1b[31m\u202e"
    folder.mkdir()
    KeyedVectors(STRANGE, np.eye(11) + 0.1, counts=range(11)).save(folder / "v\x1b[5m.firth")
    (folder / "questions\x9b.txt").write_text(": \x1b]0;title\x07\nplain plain plain plain\nbad\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ["similar", "VECTORS", "plain"]),
        (0, ["similar", "VECTORS", STRANGE[0]]),
        (1, ["similar", "VECTORS", f"{STRANGE[0]}x"]),
        (0, ["analogy", "VECTORS", "plain", STRANGE[1], STRANGE[3]]),
        (0, ["info", "VECTORS"]),
        (0, ["info", "VECTORS", "--full"]),
        (0, ["evaluate", "VECTORS", "--analogies", "QUESTIONS"]),
        (0, ["convert", "VECTORS", "w\x1b[1m.npz"]),
        (1, ["convert", "VECTORS", "w\x1b[1m.txt"]),
        (1, ["info", "absent\x1b[1m"]),
        (2, ["\x1b[5m"]),
        (2, ["train", "\x1b[5m", "-o", "\x1b.firth", "--window", "\x1b[5m"]),
        (2, ["train", "\x1b[5m", "-o", "\x1b.firth", "--wind\x1bow", "5"]),
        (1, ["train", "\x1b[5m", "-o", "\x1b.firth"]),
    ],
)
def test_control_characters_in_words_and_names_are_escaped(run, strange, monkeypatch, code, arguments):
    monkeypatch.chdir(strange)
    names = {"VECTORS": strange / "v\x1b[5m.firth", "QUESTIONS": strange / "questions\x9b.txt"}
    done = run(*(names.get(argument, argument) for argument in arguments))
    assert done.code == code, done.err
    assert UNSAFE.findall(done.out + done.err) == []


def test_each_escape_is_readable_and_other_characters_are_kept(run, strange):
    out = run("similar", strange / "v\x1b[5m.firth", "plain").out
    escapes = ["\\x1b]52;c;aGk=\\x07", "tab\\there", "two\\nlines", "\\u202eabc", "\\x9b31m", "\\u2066x", "\\ud800"]
    assert {line.partition("  ")[0] for line in out.splitlines()} == {*escapes, "日本語", "naïve", "क\u200dष"}


def test_json_keeps_every_character(run, strange):
    found = json.loads(run("similar", strange / "v\x1b[5m.firth", "plain", "--json").out)
    assert {entry["word"] for entry in found} == set(STRANGE[:-1])
    found = json.loads(run("info", strange / "v\x1b[5m.firth", "--json").out)
    assert found["file"] == str(strange / "v\x1b[5m.firth")


def test_file_names_that_are_not_utf_8_are_accepted(corpus, tmp_path):
    name = b"caf\xe9\xff.firth"
    settings = {"cwd": tmp_path, "capture_output": True, "timeout": 120}
    flags = ["--vector-size", "4", "--epochs", "1", "--no-progress"]
    command = [sys.executable, "-m", "firth"]
    done = subprocess.run([*command, "train", corpus, "-o", name, *flags], **settings)
    assert (done.returncode, done.stderr.count(b"\n")) == (0, 0), done.stderr
    assert b"caf\\udce9\\udcff.firth" in done.stdout
    done = subprocess.run([*command, "info", name, "--json"], **settings)
    assert os.fsencode(json.loads(done.stdout)["file"]) == name
    done = subprocess.run([*command, "info", name + b"\xfe"], **settings)
    assert (done.returncode, done.stderr.count(b"\n"), done.stderr[:7]) == (1, 1, b"firth: ")
    done.stderr.decode("ascii")
