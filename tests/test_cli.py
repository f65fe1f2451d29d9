"""The commands as a user meets them: what they print, what they write, and how they fail."""

import dataclasses
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import firth
from firth import KeyedVectors, Options, cli
from firth.cli import files
from firth.errors import FormatError
from firth.formats import FORMATS, detect, write_vectors
from firth.formats.native import write_native
from firth.other_programs import FOREIGN_NAMES
from firth.training.softmax import passes

COMMANDS = ["train", "similar", "analogy", "evaluate", "info", "convert", "gradcheck", "demo"]
FIELDS = dataclasses.fields(Options)
WRITTEN = [name for name, known in FORMATS.items() if known.write]


FOREIGN = [
    (name.replace("_", "-"), dashes)
    for name in sorted(FOREIGN_NAMES)
    for dashes in ("-", "--")
    if name != "output" and (dashes, name) != ("--", "debug")
]
"""Flags of other programs that are none of ours, and how many dashes they may have."""


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys):
    """Run the command line in this process."""

    def run(*arguments: object) -> Done:
        code = cli.main([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return run


def process(*arguments: object, **settings: object) -> Done:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "firth", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=120, **{"text": True, **settings})
    return Done(done.returncode, done.stdout, done.stderr)


def one_line(err: str) -> str:
    """Check that an error is one line that names the program; return it."""
    assert err.startswith("firth: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    return err


@pytest.fixture
def vectors(tmp_path) -> Path:
    """Five words on known places of the circle."""
    degrees = np.radians([0, 10, 90, 100, 200])
    keys = ["man", "king", "woman", "queen", "stone"]
    wv = KeyedVectors(keys, np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32))
    wv.save(tmp_path / "vectors.firth")
    return tmp_path / "vectors.firth"


KING, WOMAN = np.radians(10), np.radians(90)
MEAN = np.arctan2(np.sin(KING) + np.sin(WOMAN), np.cos(KING) + np.cos(WOMAN) - 1)
QUEEN = np.cos(np.radians(100) - MEAN)
"""The cosine of queen with king + woman - man; what is printed comes from float32."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """A text of 20,000 words: a sentence is about animals or about metals."""
    rng = random.Random(1)
    topics = [["cat", "dog", "cow", "hen", "pig", "fox"], ["iron", "gold", "lead", "zinc", "tin", "copper"]]
    lines = [" ".join(rng.choices(topics[number % 2], k=10)) for number in range(2000)]
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def model(corpus) -> Path:
    """A model of that text, made by the command line."""
    path = corpus.parent / "model.firth"
    assert cli.main(["train", str(corpus), "-o", str(path), "--vector-size", "16", "--workers", "1", "-q"]) == 0
    return path


# --- help


def words_of_help(out: str) -> str:
    return " ".join(out.split())


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


@pytest.mark.parametrize("option", FIELDS, ids=lambda option: option.name)
def test_help_of_train_shows_each_option_with_meaning_range_and_default(run, option):
    text = words_of_help(run("train", "--help").out)
    flag = "--" + option.name.replace("_", "-")
    part = text.partition(f" {flag} ")[2].partition("[default: ")
    assert option.metadata["meaning"][1:] in part[0]
    shown = part[2].partition("]")[0]
    if isinstance(option.default, bool):
        assert shown == (flag[2:] if option.default else f"no-{flag[2:]}")
    else:
        assert shown == ("(no limit)" if option.default is None else str(option.default))
    for limit in (option.metadata["low"], option.metadata["high"]):
        assert limit is None or limit > 2**31 or f"{limit:g}" in part[0].partition("[")[2]


@pytest.mark.parametrize("command", ["train", "convert"])
def test_help_lists_every_format_that_can_be_written(run, command):
    formats = words_of_help(run(command, "--help").out.partition("Formats:")[2])
    for name in WRITTEN:
        assert f"{name} {FORMATS[name].description} [" in formats
        assert all(suffix in formats for suffix in FORMATS[name].suffixes)
    assert "fasttext-bin" not in formats


def test_version(run):
    assert run("--version") == Done(0, f"firth {firth.__version__}\n", "")


# --- train


def other_value(option: "dataclasses.Field") -> object:
    """Return an allowed value that is not the default."""
    if isinstance(option.default, bool):
        return not option.default
    if option.metadata["choices"]:
        return option.metadata["choices"][-1]
    return {"max_vocab": 9, "window": 3, "epochs": 1, "center_power": 0.25}.get(option.name, (option.default or 0) * 2)


def test_every_option_reaches_the_model(run, corpus, tmp_path):
    wanted = {option.name: other_value(option) for option in FIELDS}
    flags = []
    for name, value in wanted.items():
        flag = name.replace("_", "-")
        flags += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", value]
    assert run("train", corpus, "-o", tmp_path / "m.firth", "--workers", 1, "-q", *flags) == Done(0, "", "")
    assert firth.load(tmp_path / "m.firth").options.to_dict() == wanted


def test_train_shows_the_loss_of_what_was_held_out(run, corpus, tmp_path):
    flags = ["-o", tmp_path / "m.firth", "--vector-size", 8, "--epochs", 2, "--objective", "softmax", "--no-progress"]
    done = run("train", corpus, "--validation", corpus, *flags)
    history = firth.load(tmp_path / "m.firth").history
    assert f"held out    {' '.join(f'{record.validation_loss:.4f}' for record in history)} nats per pair" in done.out
    wrong = run("train", corpus, "--validation", "1.5", *flags)
    assert (wrong.code, wrong.out) == (2, "")
    assert "--validation 1.5 is not allowed: give a fraction between 0 and 1, or a text" in one_line(wrong.err)


def test_train_sums_up_what_it_did(run, corpus, tmp_path):
    path = tmp_path / "m.firth"
    done = run("train", corpus, "-o", path, "--vector-size", 16, "--epochs", 3, "--workers", 1, "--no-progress")
    assert (done.code, done.err) == (0, "")
    history = firth.load(path).history
    assert "vocabulary  12 words, vectors of 16 numbers\n" in done.out
    assert "training    60,000 words in " in done.out
    assert f"pairs       {sum(record.pairs for record in history):,}\n" in done.out
    assert f"loss        {' '.join(f'{record.loss:.4f}' for record in history)} nats" in done.out
    assert f"saved       {path} (native, {path.stat().st_size / 1000:.1f} kB)\n" in done.out


def test_progress_goes_to_standard_error(run, corpus, tmp_path):
    done = run("train", corpus, "-o", tmp_path / "m.firth", "--vector-size", 16, "--epochs", 1)
    assert "epoch 1/1" in done.err
    assert "epoch 1/1" not in done.out


@pytest.mark.parametrize(
    ("name", "flags", "start"),
    [
        ("v.vec", [], b"12 16\n"),
        ("v.txt", ["--format", "native"], None),
        ("v.bin", [], b"12 16\n"),
        ("v.other", ["--format", "word2vec-text"], b"12 16\n"),
        ("v.txt.gz", [], b"\x1f\x8b"),
    ],
)
def test_the_format_is_chosen_by_suffix_or_by_flag(run, corpus, tmp_path, name, flags, start):
    path = tmp_path / name
    done = run("train", corpus, "-o", path, "--vector-size", 16, "--epochs", 1, "-q", *flags)
    assert done == Done(0, "", "")
    if start is None:
        assert isinstance(firth.load(path), firth.Word2Vec)
    else:
        assert path.read_bytes().startswith(start)
        assert len(KeyedVectors.load_word2vec_format(path)) == 12


def test_training_finds_what_belongs_together(run, model):
    done = run("similar", model, "cat", "--json", "-n", 5)
    assert {entry["word"] for entry in json.loads(done.out)} == {"dog", "cow", "hen", "pig", "fox"}


def test_standard_input_and_several_inputs_are_read(corpus, tmp_path):
    text = corpus.read_text()
    path = tmp_path / "m.firth"
    flags = ["--vector-size", "16", "--epochs", "1", "--no-progress"]
    done = process("train", "-", corpus, "-o", path, *flags, input=text)
    assert done.code == 0, done.err
    assert KeyedVectors.load(path).counts.sum() == 2 * len(text.split())


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--vector-size", "0"], r"--vector-size 0 is not allowed: give a whole number from 1 to 2048"),
        (["--alpha", "nan"], r"--alpha nan is not allowed"),
        (
            ["--alpha", "0.01", "--min-alpha", "0.02"],
            "falls, so give a --min-alpha of at most 0.01",
        ),
        (
            ["--workers", "0"],
            "--workers 0 is not allowed: give a whole number from 1 to 1024 (threads",
        ),
        (["--workers", "0", "-o", "absent/m.firth"], r"--workers 0 is not allowed"),
        (["--window", "2.5"], r"--window '2.5' is not allowed: give a whole number from 1 to 100"),
        (["--objective", "sofmax"], "--objective 'sofmax' is not allowed: give 'negative_sampling' or 'softmax'"),
        (
            ["--max-input-bytes", "2MB"],
            "--max-input-bytes '2MB' is not allowed: give a whole number of at",
        ),
        (
            ["--checkpoint", "run", "--checkpoint-minutes", "x"],
            "--checkpoint-minutes 'x' is not allowed: give a n",
        ),
        (["--vectr-size", "10"], r"--vector-size"),
        (["--format", "csv"], r"'csv' is unknown: give one of 'native', 'word2vec-text', 'word2vec-binary', 'glove'"),
        (["--format", "fasttext-bin"], r"'fasttext-bin' is only read: give one of 'native'"),
        *[([f"{dashes}{name}", "3"], f"no such option {dashes}{name}: ") for name, dashes in FOREIGN],
        (["-size", "100"], "no such option -size: use --vector-size (see firth train --help)"),
        (["--sg", "1"], "skip-gram (sg=1) is the only architecture, and CBOW (sg=0) is not available: leave it out"),
        (["-hs", "0"], "give --objective 'softmax' for the exact softmax"),
        (["-window", "5"], "no such option -window: write it with two dashes, --window (see firth train --help)"),
        (["-output", "m.txt"], "no such option -output: write it with two dashes, --output"),
        (["-min-count", "5"], "no such option -min-count: write it with two dashes, --min-count"),
        (["--iter=3"], "no such option --iter: use --epochs"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_done(run, corpus, tmp_path, flags, message):
    done = run("train", corpus, "-o", tmp_path / "m.firth", *flags)
    assert (done.code, done.out) == (2, "")
    assert message in one_line(done.err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train"], 2, "Missing argument"),
        (["train", "corpus.txt"], 2, "--output"),
        (["train", "corpus.txt", "-o", "m.xyz"], 2, "the name 'm.xyz' has no suffix of a known format"),
        (["train", "absent.txt", "-o", "m.firth"], 1, "absent.txt"),
        (["train", "empty.txt", "-o", "m.firth"], 1, "the corpus is empty: 0 words"),
        (["train", "corpus.txt", "-o", "m.firth", "--min-count", "9999"], 1, "give --min-count 1765 or less"),
        (["train", "corpus.txt", "-o", "absent/m.firth"], 1, "absent: no such folder to write in"),
        (["train", "corpus.txt", "-o", "folder.firth"], 1, "folder.firth: is a folder"),
        (["train", "corpus.txt", "-o", "corpus.txt"], 2, "corpus.txt is part of the corpus"),
        (["train", ".", "-o", "corpus.txt"], 2, "corpus.txt is part of the corpus"),
        (["similar"], 2, "Missing argument"),
        (["similar", "absent.firth", "word"], 1, "absent.firth: No such file or directory"),
        (["train", "corpus.txt", "-o", "folder.firth", "--format", "projector"], 1, "folder.firth: is a folder"),
        (["train", "corpus.txt", "-o", "m.npz.gz"], 2, "m.npz.gz: the npz format is never compressed: remove .gz from"),
        (["train", "corpus.txt", "-o", ".", "--format", "huggingface"], 1, "holds other files: give the name of a new"),
        (["train", "corpus.txt", "-o", "empty.txt", "--format", "huggingface"], 1, "empty.txt: is a file, and this fo"),
        (["similar", "corpus.txt", "word"], 1, "corpus.txt is in no format that firth knows"),
        (["similar", "folder.firth", "word"], 1, "folder.firth is a folder without model.safetensors"),
        (["similar", "corpus.txt", "word", "--no-header"], 2, "--no-header"),
        (["info", "absent.firth"], 1, "absent.firth: No such file or directory"),
        (["convert", "corpus.txt", "m.xyz"], 2, "has no suffix of a known format"),
        (["frobnicate"], 2, "No such command 'frobnicate'"),
        (["--frobnicate"], 2, "--frobnicate"),
    ],
)
def test_failures_are_one_line_and_leave_no_file(run, corpus, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus.txt").write_bytes(corpus.read_bytes())
    (tmp_path / "empty.txt").touch()
    (tmp_path / "folder.firth").mkdir()
    before = sorted(tmp_path.rglob("*"))
    done = run(*arguments, *(["--no-progress"] if len(arguments) > 3 and arguments[0] == "train" else []))
    assert (done.code, done.out) == (code, "")
    assert message in one_line(done.err)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "corpus.txt").read_bytes() == corpus.read_bytes()


def test_a_folder_that_may_not_be_written_in_is_noticed_before_training(run, corpus, tmp_path):
    if os.geteuid() == 0:
        tmp_path = Path("/proc/self")  # where not even root may create a file
    else:
        tmp_path.chmod(0o500)
    done = run("train", corpus, "-o", tmp_path / "m.firth", "--no-progress")
    assert done.code == 1
    one_line(done.err)


PYTHON = re.compile(r"[a-z_]+=|[a-z_]\(|\[[a-z]|KeyedVectors|Word2Vec|None|True")
"""What advice on the command line has no use for: keywords, calls, lists and classes of Python."""


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "absent.txt", "-o", "m.firth"],
        ["train", "absent.txt", "none.txt", "-o", "m.firth"],
        ["train", "empty.txt", "-o", "m.firth"],
        ["train", "folder", "-o", "m.firth"],
        ["train", "*.none", "-o", "m.firth"],
        ["train", "corpus.txt", "-o", "m.firth", "--min-count", "9999"],
        ["train", "corpus.txt", "-o", "m.firth", "--max-input-bytes", "9"],
        ["train", "corpus.txt", "-o", "m.firth", "--max-input-bytes", "0"],
        ["train", "corpus.txt", "-o", "m.firth", "--max-vocab", "0"],
        ["train", "corpus.txt", "-o", "m.firth", "--min-alpha", "1"],
        ["train", "corpus.txt", "-o", "m.firth", "--resume"],
        ["train", "corpus.txt", "-o", "m.firth", "--checkpoint-minutes", "1"],
        ["train", "corpus.txt", "-o", "m.firth", "--validation", "0.5"],
        ["train", "corpus.txt", "-o", "m.firth", "--validation", "2"],
        ["train", "corpus.txt", "-o", "m.firth", "--validation", "absent.txt"],
        ["train", "corpus.txt", "-o", "m"],
        ["train", "long.txt", "-o", "m.firth"],
        ["convert", "latin.txt", "m.npz"],
        ["convert", "latin.txt", "m.npz", "--encoding", "nonsense"],
        ["convert", "latin.txt", "m.npz", "--unicode-errors", "nonsense"],
        ["convert", "v.npz", "w.npz", "--encoding", "latin-1"],
        ["convert", "latin.txt", "m.txt.gz", "--format", "npz"],
        ["similar", "latin.txt", "a"],
        ["similar", "corpus.txt", "a"],
        ["similar", "model.pickle", "a"],
        ["evaluate", "v.npz", "--analogies", "latin.txt"],
        ["evaluate", "v.npz", "--pairs", "empty.txt"],
    ],
)
def test_advice_on_the_command_line_is_for_the_command_line(run, corpus, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "corpus.txt").write_bytes(corpus.read_bytes())
    (tmp_path / "empty.txt").touch()
    (tmp_path / "long.txt").write_text("x" * 2000)
    (tmp_path / "latin.txt").write_bytes(b"1 2\nna\xefve 1 0\n")
    (tmp_path / "model.pickle").write_bytes(b"\x80\x04\x95")
    KeyedVectors(["a", "b"], np.eye(2)).save(tmp_path / "v.npz", "npz")
    done = run(*arguments, *(["-q"] if arguments[0] == "train" else []))
    assert done.code in (1, 2)
    advice = one_line(done.err).partition("In gensim, call")[0]  # what to do in gensim is Python
    assert not PYTHON.search(advice)


def test_info_advises_flags(run, tmp_path):
    (tmp_path / "v.txt").write_bytes(b"1 2\nna\xefve 1 0\n")
    assert "not UTF-8: 1 of 1 word; read it with --unicode-errors replace" in run("info", tmp_path / "v.txt").out


# --- stopping


@pytest.fixture(params=["", "1"])
def buffering(request, monkeypatch):
    """With and without buffers that Python flushes when it ends."""
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)


@pytest.mark.usefixtures("buffering")
def test_a_training_outlives_whoever_reads_its_progress(corpus, tmp_path):
    ours, theirs = os.pipe()
    os.close(ours)
    command = [sys.executable, "-m", "firth", "train", corpus, "-o", tmp_path / "m.firth", "--min-count", "1"]
    done = subprocess.run([*command, "--epochs", "2"], stderr=theirs, stdout=subprocess.PIPE, text=True, check=False)
    os.close(theirs)
    assert done.returncode == 0
    assert "saved " in done.stdout
    assert len(firth.load(tmp_path / "m.firth").history) == 2


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
def test_a_full_disk_behind_a_stream_keeps_the_exit_code(stream, arguments, code, vectors, corpus, tmp_path):
    shutil.copy(corpus, tmp_path / "corpus.txt")
    command = [sys.executable, "-m", "firth", *arguments]
    with open("/dev/full", "wb") as full:  # noqa: PTH123 a device
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        done = subprocess.run(command, cwd=vectors.parent, timeout=120, check=False, text=True, **streams)
    assert done.returncode == code
    if stream == "stdout":
        assert done.stderr == "firth: No space left on device\n"


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_closed_stream_stops_no_training(closed, corpus, tmp_path):
    firth_train = [sys.executable, "-m", "firth", "train", corpus, "-o", tmp_path / "m.firth", "--min-count", "1"]
    command = ["sh", "-c", f'exec {closed}>&-; exec "$@"', "sh", *firth_train]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "Error" in done.stderr) == (0, False)
    assert len(firth.load(tmp_path / "m.firth").history) == 5


def test_an_interrupt_without_a_checkpoint_yet_saves_what_was_learnt(run, corpus, tmp_path, monkeypatch):
    def interrupted(model: firth.Word2Vec, *_: object, **given: object) -> None:
        fit(model, *_, **given | {"checkpoint": None, "checkpoint_minutes": None})
        raise KeyboardInterrupt

    fit = firth.Word2Vec.fit
    monkeypatch.setattr(firth.Word2Vec, "fit", interrupted)
    done = run("train", corpus, "-o", tmp_path / "m.firth", "--min-count", 1, "-q", "--checkpoint", tmp_path / "run")
    assert done.code == 130
    assert "interrupted after 5 of 5 epochs; saved what was learnt" in done.err
    assert len(firth.load(tmp_path / "m.firth").history) == 5


def test_a_quiet_training_says_what_goes_wrong(corpus, tmp_path):
    run = tmp_path / "run"
    options = ["--min-count", "1", "--epochs", "1", "-q", "--checkpoint", run]
    assert process("train", corpus, "-o", tmp_path / "m.firth", *options).code == 0
    (run / "checkpoint-00000002.firth").write_bytes(b"cut")
    done = process("train", corpus, "-o", tmp_path / "m.firth", *options, "--resume")
    assert (done.code, done.out) == (0, "")
    assert re.fullmatch(r"firth: warning: skipped a checkpoint: .*00000002\.firth .*\n", done.err)


def test_a_file_whose_history_is_none_is_no_model(run, tmp_path):
    keys, center = ["a", "b"], np.ones((2, 3), np.float32)
    for history in ([{"epoch": 1}], [{"epoch": 1, "loss": "x", "pairs": 1, "words": 1, "alpha": 0.1}], ["x"]):
        path = tmp_path / "m.firth"
        write_native(path, keys=keys, center=center, outside=center, options={}, history=history)
        done = run("info", path)
        assert done.code == 1
        assert "the history of epochs in" in done.out + done.err
        with pytest.raises(FormatError, match="the history of epochs in"):
            firth.load(path)


def test_an_interrupt_saves_what_was_learnt(corpus, tmp_path):
    path = tmp_path / "m.firth"
    flags = ["--vector-size", "16", "--epochs", "10000", "-o", str(path)]
    command = [sys.executable, "-m", "firth", "train", str(corpus), *flags]
    training = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "epoch 3/" not in (line := training.stderr.readline()):
        assert line, "training ended before its third epoch"
    training.send_signal(signal.SIGINT)
    out, err = training.communicate(timeout=20)
    assert training.returncode == 130
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("firth: interrupted after ")
    assert "saved what was learnt in " in last
    assert len(firth.load(path).history) >= 2  # the third is announced a moment before it is recorded
    assert sorted(tmp_path.iterdir()) == [path]


def test_an_interrupt_says_what_the_format_cannot_hold(run, corpus, tmp_path, monkeypatch):
    fit = firth.Word2Vec.fit

    def interrupted(model: firth.Word2Vec, *given: object, **named: object) -> None:
        fit(model, *given, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(firth.Word2Vec, "fit", interrupted)
    done = run("train", corpus, "-o", tmp_path / "v.bin", "--vector-size", 8, "--epochs", 1, "--no-progress")
    assert (done.code, done.out) == (130, "")
    assert "firth: interrupted after 1 of 1 epoch; saved what was learnt in " in done.err
    assert done.err.endswith("), without counts, outside matrix, options, history\n")
    assert len(KeyedVectors.load(tmp_path / "v.bin")) == 12


def test_an_interrupt_before_training_saves_nothing(run, corpus, tmp_path, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(firth.Word2Vec, "fit", interrupted)
    done = run("train", corpus, "-o", tmp_path / "m.firth")
    assert done == Done(130, "", "firth: interrupted before anything was learnt; nothing was saved\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("warm_epochs", [0, 1])
def test_an_interrupt_while_pairs_are_counted_saves_nothing(warm_epochs, run, corpus, tmp_path, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(passes, "count_pairs", interrupted)
    (tmp_path / "m.firth").write_bytes(b"the old one")
    done = run("train", corpus, "-o", tmp_path / "m.firth", "--objective", "softmax", "--warm-epochs", warm_epochs)
    assert done.code == 130
    assert done.err.endswith("firth: interrupted before anything was learnt; nothing was saved\n")
    assert (tmp_path / "m.firth").read_bytes() == b"the old one"


def test_an_interrupt_of_a_query_is_one_line(run, vectors, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(KeyedVectors, "most_similar", interrupted)
    assert run("similar", vectors, "king") == Done(130, "", "firth: interrupted\n")


# --- queries


def test_similar_prints_words_and_cosines(run, vectors):
    done = run("similar", vectors, "man")
    assert done == Done(0, "king   0.9848\nwoman  0.0000\nqueen  -0.1736\nstone  -0.9397\n", "")


def test_similar_as_json_with_its_options(run, vectors):
    done = run("similar", vectors, "king", "woman", "--negative", "man", "--topn", 1, "--json")
    [found] = json.loads(done.out)
    assert found == {"word": "queen", "cosine": pytest.approx(QUEEN, abs=1e-6)}
    few = json.loads(run("similar", vectors, "woman", "--restrict-vocab", 2, "--json").out)
    assert [entry["word"] for entry in few] == ["king", "man"]


def test_analogy_completes_the_sentence(run, vectors):
    done = run("analogy", vectors, "man", "king", "woman", "--json")
    assert json.loads(done.out)[0] == {"word": "queen", "cosine": pytest.approx(QUEEN, abs=1e-6)}
    assert run("analogy", vectors, "man", "king", "woman", "-n", 1).out == f"queen  {QUEEN:.4f}\n"


def test_a_word_that_is_not_there_comes_with_near_spellings(run, vectors):
    done = run("similar", vectors, "quen")
    assert (done.code, done.out) == (1, "")
    assert one_line(done.err) == "firth: 'quen' is not in the vocabulary; near spellings: queen\n"


def test_a_dash_stands_for_the_words_on_standard_input(vectors):
    wanted = process("similar", vectors, "king", "woman", "--negative", "man")
    assert process("similar", vectors, "-", "--negative", "man", input="king\r\n\nwoman\n") == wanted
    assert process("similar", vectors, "king", "-", "--negative", "man", input="woman") == wanted
    assert process("similar", vectors, "king", "woman", "--negative", "-", input="\ufeffman\n") == wanted
    wanted = process("analogy", vectors, "man", "king", "woman")
    assert process("analogy", vectors, "man", "-", "woman", input="king\n") == wanted
    assert process("analogy", vectors, "-", input="man\nking\nwoman\n") == wanted


def test_the_word_that_is_a_dash_is_found_on_standard_input(tmp_path):
    words = ["-", "--", "next\u0085line", "日本"]
    KeyedVectors(words, np.eye(4)[:, :3] + 0.1).save(tmp_path / "v.firth")
    for word in words:
        done = process("similar", tmp_path / "v.firth", "-", "--json", input=f"{word}\n", encoding="utf-8")
        assert {entry["word"] for entry in json.loads(done.out)} == set(words) - {word}


@pytest.mark.parametrize(
    ("arguments", "text", "message"),
    [
        (
            ["similar", "-", "--negative", "-"],
            "king",
            "- stands for standard input, which is read once, and is given 2 t",
        ),
        (["similar", "-"], "\n", "give at least one WORD"),
        (
            ["analogy", "man", "-", "woman"],
            "king\nqueen\n",
            "an analogy has three words, A, B and C: found",
        ),
        (["analogy", "man", "-", "woman"], "", "an analogy has three words, A, B and C: found 2 words (with those on"),
        (["analogy", "-"], "king\n", "an analogy has three words, A, B and C: found 1 word (with those on"),
        (["analogy", "man", "king"], "", "an analogy has three words, A, B and C: found 2 words"),
    ],
)
def test_words_on_standard_input_are_counted(vectors, arguments, text, message):
    command, *others = arguments
    done = process(command, vectors, *others, input=text)
    assert (done.code, done.out) == (2, "")
    assert message in one_line(done.err)


def test_a_closed_standard_input_has_no_words(vectors):
    command = f"exec {sys.executable} -m firth similar {vectors} - <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input is closed: give the words as arguments" in one_line(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "corpus.txt", "-o", "-"],
            "vectors cannot be written to standard output: give the name of a file (./-",
        ),
        (["train", "corpus.txt", "-o", "-", "--format", "native"], "vectors cannot be written to standard output"),
        (
            ["train", "corpus.txt", "-o", "m.firth", "--checkpoint", "-"],
            "checkpoints cannot be written to standard out",
        ),
        (["train", "-", "-o", "m.firth", "--validation", "-"], "- is both the corpus and --validation"),
        (["convert", "v.txt", "-", "--format", "glove"], "vectors cannot be written to standard output"),
        (["convert", "-", "m.firth"], "vectors cannot be read from standard input: give the name of a file"),
        (["similar", "-", "king"], "vectors cannot be read from standard input"),
        (["analogy", "-", "man", "king", "woman"], "vectors cannot be read from standard input"),
        (["evaluate", "-"], "vectors cannot be read from standard input"),
        (["info", "-"], "vectors cannot be read from standard input"),
        (["evaluate", "v.txt", "--analogies", "-"], "questions cannot be read from standard input"),
        (["evaluate", "v.txt", "--pairs", "-"], "pairs of words cannot be read from standard input"),
    ],
)
def test_a_dash_is_refused_where_a_file_is_needed(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus.txt").write_text("a b c\n" * 10)
    (tmp_path / "v.txt").write_text("1 2\na 1 0\n")
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in one_line(done.err)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "corpus.txt", tmp_path / "v.txt"]


def test_a_file_named_dash_is_reached_by_its_folder(run, vectors, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("convert", vectors, "./-", "--format", "glove").code == 0
    assert (tmp_path / "-").is_file()
    assert run("similar", "./-", "man", "-n", 1).out == "king  0.9848\n"


def test_flags_of_other_programs_are_answered_by_train_alone(run, vectors):
    assert "use --vector-size" not in run("similar", vectors, "king", "--size", 3).err


def test_words_behind_two_dashes_are_not_flags(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "'-size' is not there" in run("train", "-o", "m.firth", "--", "-size").err


def test_a_query_without_words_is_wrong_use(run, vectors):
    assert run("similar", vectors).code == 2
    assert run("similar", vectors, "--negative", "man").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["similar", "king", "-n", "0"], "--topn 0 is not allowed: give a whole number of at least 1"),
        (["similar", "king", "-n", "ten"], "--topn 'ten' is not allowed: give a whole number of at least 1"),
        (["similar", "king", "--restrict-vocab", "1.5"], "--restrict-vocab '1.5' is not allowed"),
        (["evaluate", "--restrict-vocab", "0"], "--restrict-vocab 0 is not allowed"),
        (
            ["evaluate", "--similarity-function", "cosmul"],
            "'cosmul' is not allowed: give 'most_similar' or 'most",
        ),
        (["info", "--topn", "0"], "--topn 0 is not allowed"),
        (["convert", "out.npz", "--limit", "0"], "--limit 0 is not allowed"),
    ],
)
def test_a_value_out_of_range_is_named_with_what_is_allowed(run, vectors, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    command, *others = arguments
    done = run(command, vectors, *others)
    assert (done.code, done.out) == (2, "")
    assert message in one_line(done.err)
    assert list(tmp_path.iterdir()) == [vectors]


def test_keys_that_are_whole_numbers_are_found(run, tmp_path):
    KeyedVectors([7, 70, 700], np.array([[1, 0], [1, 1], [0, 1]])).save(tmp_path / "v.firth")
    assert run("similar", tmp_path / "v.firth", "7", "-n", 1).out == "70  0.7071\n"
    assert [entry["word"] for entry in json.loads(run("similar", tmp_path / "v.firth", 7, "--json").out)] == [70, 700]
    assert run("similar", tmp_path / "v.firth", "king").err == "firth: 'king' is not in the vocabulary\n"


def test_what_an_error_says_to_install_is_an_extra():
    root = Path(__file__).parents[1]
    sources = "".join(path.read_text(encoding="utf-8") for path in (root / "src").rglob("*.py"))
    named = re.findall(r'MissingExtraError\("[^"]+", "([a-z]+)"', sources)
    extras = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {"ann", "eval", "wmd"} <= set(named) <= set(extras)


def test_debug_shows_the_traceback_wherever_it_stands(run, vectors):
    for arguments in (["--debug", "similar", vectors, "quen"], ["similar", vectors, "quen", "--debug"]):
        done = run(*arguments)
        assert done.code == 1
        assert done.err.startswith("Traceback (most recent call last):\n")
        assert done.err.endswith("firth: 'quen' is not in the vocabulary; near spellings: queen\n")
    assert "'--debug' is not in the vocabulary" in run("similar", vectors, "--", "--debug").err


def test_an_error_nobody_foresaw_is_one_line_too(run, vectors, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a\nsurprise")

    monkeypatch.setattr(KeyedVectors, "most_similar", broken)
    assert run("similar", vectors, "king").err == "firth: RuntimeError: a surprise (--debug shows where)\n"


# --- terminals and pipes

HOSTILE = ["\x1b]0;owned\x07", "two\nlines", "\u202eabc", "日本語", "naïve", "क\u200dष", "\ud800"]


def test_control_characters_of_words_do_not_reach_the_terminal(run, tmp_path):
    wv = KeyedVectors(["word", *HOSTILE], np.ones((8, 2)), counts=range(8))
    wv.save(tmp_path / "v.firth")
    similar = run("similar", tmp_path / "v.firth", "word").out
    for printed in (similar, run("info", tmp_path / "v.firth").out):
        assert not any(character in printed for character in "\x1b\x07\u202e\ud800")
        for word in ("\\x1b]0;owned\\x07", "two\\nlines", "\\u202eabc", "日本語", "naïve", "क\u200dष", "\\ud800"):
            assert word in printed
    assert len(similar.splitlines()) == 7
    found = json.loads(run("similar", tmp_path / "v.firth", "word", "--json").out)
    assert {entry["word"] for entry in found} == set(HOSTILE)


def test_a_stream_of_ascii_takes_every_word(tmp_path):
    KeyedVectors(["word", "naïve", "日本"], np.ones((3, 2))).save(tmp_path / "v.firth")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = process("similar", tmp_path / "v.firth", "word", env=environment)
    assert (done.code, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines()] == [["na\\xefve", "1.0000"], ["\\u65e5\\u672c", "1.0000"]]
    done = process("gradcheck", env=environment)
    assert (done.code, done.err) == (0, "")
    found = process("similar", tmp_path / "v.firth", "word", "--json", env=environment)
    assert {entry["word"] for entry in json.loads(found.out)} == {"naïve", "日本"}


@pytest.mark.parametrize("arguments", [["similar", "vectors.firth", "king"], ["gradcheck"], ["--help"]])
def test_a_closed_pipe_is_no_error(vectors, arguments):
    command = [sys.executable, "-m", "firth", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=vectors.parent, stdout=pipe, stderr=pipe) as printing:
        printing.stdout.close()
        assert printing.stderr.read() == b""
        assert printing.wait() == 1


def test_a_warning_is_one_line(tmp_path):
    (tmp_path / "v.txt").write_text("3 2\na 1 0\nb 0 1\na 1 1\n")
    done = process("similar", tmp_path / "v.txt", "a")
    assert done.out == "b  0.0000\n"
    assert "warning: " in one_line(done.err)
    assert "dropped 1 of 3 rows (repeated words)" in done.err


def test_the_program_is_installed_under_its_name():
    done = subprocess.run([Path(sys.executable).with_name("firth"), "--version"], capture_output=True, text=True)
    assert done.stdout == f"firth {firth.__version__}\n"


# --- evaluate

QUESTIONS = ": royals\nman king woman queen\nman king woman stone\n: others\nman king woman emperor\nnot a question\n"
COSMUL = "most_similar_cosmul"
PAIRS = "man\tking\t9\nman\twoman\t5\nman\tstone\t1\nman\temperor\t8\n"


@pytest.fixture
def questions(tmp_path) -> Path:
    (tmp_path / "questions.txt").write_text(QUESTIONS)
    return tmp_path / "questions.txt"


@pytest.fixture
def pairs(tmp_path) -> Path:
    (tmp_path / "pairs.tsv").write_text(PAIRS)
    return tmp_path / "pairs.tsv"


def test_evaluate_says_how_much_was_covered(run, vectors, questions, pairs):
    done = run("evaluate", vectors, "--analogies", questions, "--pairs", pairs)
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert ["royals", "50.0%", "1", "of", "2", "2", "of", "2"] in lines
    assert ["others", "-", "0", "of", "0", "0", "of", "1"] in lines
    assert ["Total", "accuracy", "50.0%", "1", "of", "2", "2", "of", "3"] in lines
    assert "(1 line skipped, the first is line 6)" in done.out
    last = done.out.splitlines()[-1]
    assert last.startswith(f"{pairs} ")
    pearson = f"{np.corrcoef([9, 5, 1], np.cos(np.radians([10, 90, 200])))[0, 1]:.4f}"
    assert last.removeprefix(str(pairs)).split() == [pearson, "1.0000", "3", "of", "4"]


def test_evaluate_as_json(run, vectors, questions, pairs):
    done = run("evaluate", vectors, "--analogies", questions, "--pairs", pairs, "--pairs", pairs, "--json")
    found = json.loads(done.out)
    [analogies] = found["analogies"]
    assert analogies["score"] == 0.5
    assert analogies["skipped_lines"] == [6]
    assert analogies["sections"][-1] == {
        "section": "Total accuracy", "correct": 1, "answered": 2, "covered": 2, "total": 3,
    }  # fmt: skip
    assert len(found["pairs"]) == 2
    assert found["pairs"][0]["spearman"]["correlation"] == pytest.approx(1.0)
    assert (found["pairs"][0]["covered"], found["pairs"][0]["total"]) == (3, 4)


def test_unknown_words_can_count_as_wrong(run, vectors, questions):
    done = run("evaluate", vectors, "--analogies", questions, "--dummy4unknown", "--json")
    assert json.loads(done.out)["analogies"][0]["sections"][-1]["answered"] == 3


def test_analogies_can_be_answered_by_a_product_of_cosines(run, tmp_path):
    """A question to which the sum of cosines and their product give two answers."""
    wv = KeyedVectors([f"w{i}" for i in range(30)], np.random.default_rng(1).normal(size=(30, 3)).astype(np.float32))
    wv.save(tmp_path / "v.firth")
    pairs = [(["w1", f"w{i}"], [f"w{j}"]) for i in range(2, 20) for j in range(20, 30)]
    by = {name: [getattr(wv, name)(*pair, topn=1)[0][0] for pair in pairs] for name in ("most_similar", COSMUL)}
    at = next(i for i, (added, multiplied) in enumerate(zip(*by.values(), strict=True)) if added != multiplied)
    (b, c), (a,) = pairs[at]
    (tmp_path / "q.txt").write_text(f": one\n{a} {b} {c} {by[COSMUL][at]}\n")
    asked = ["evaluate", tmp_path / "v.firth", "--analogies", tmp_path / "q.txt", "--json"]
    scores = [
        json.loads(run(*asked, *flags).out)["analogies"][0]["score"]
        for flags in ([], ["--similarity-function", "most_similar"], ["--similarity-function", COSMUL])
    ]
    assert scores == [0, 0, 1]
    assert run(*asked, "--similarity-function", "cosmul").code == 2


def test_evaluate_needs_a_file_that_is_there(run, vectors, tmp_path):
    assert run("evaluate", vectors).code == 2
    done = run("evaluate", vectors, "--pairs", tmp_path / "absent.tsv")
    assert (done.code, done.err) == (1, f"firth: {tmp_path / 'absent.tsv'}: No such file or directory\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PAIRS, r"needs SciPy: .* 'firth\[eval\]'"),
        ("no pair\n", "first 1,000 .* between them$"),
    ],
)
def test_no_analogy_is_answered_where_the_pairs_cannot_be_judged(
    run, vectors, questions, pairs, monkeypatch, content, message
):
    pairs.write_text(content)
    monkeypatch.setattr(KeyedVectors, "evaluate_word_analogies", lambda *_, **__: pytest.fail("answered"))
    if content == PAIRS:
        monkeypatch.setitem(sys.modules, "scipy.stats", None)
        monkeypatch.setattr("firth.cli.judging.load_vectors", lambda _: pytest.fail("read"))
    done = run("evaluate", vectors, "--analogies", questions, "--pairs", pairs)
    assert (done.code, done.out) == (1, "")
    assert re.search(message, one_line(done.err).rstrip())


# --- info, convert


def test_info_tells_all_about_a_model(run, model, corpus):
    found = json.loads(run("info", model, "--json").out)
    assert (found["kind"], found["format"]) == ("model", "native")
    assert (found["words"], found["vector_size"], found["dtype"]) == (12, 16, "float32")
    assert (found["bytes"], found["total_count"]) == (model.stat().st_size, len(corpus.read_text().split()))
    assert found["options"] == Options(vector_size=16).to_dict()
    loaded = firth.load(model)
    matrices = loaded.wv.vectors.tobytes() + loaded.outside.tobytes()
    assert found["sha256"] == hashlib.sha256(matrices).hexdigest()
    assert [record["epoch"] for record in found["history"]] == [1, 2, 3, 4, 5]
    assert len(found["first_words"]) == 10
    counts = [entry["count"] for entry in found["first_words"]]
    assert counts == sorted(counts, reverse=True)

    out = run("info", model, "-n", 1).out
    assert "words    12, seen 20,000 times in all\n" in out
    assert f"sha256   {found['sha256']}\n" in out
    assert f"first    {found['first_words'][0]['word']} ({counts[0]:,})\n" in out
    assert re.search(r"^ *vector_size +16$", out, re.MULTILINE)
    assert f"{found['history'][-1]['loss']:.4f}" in out


TOLD_AS = {"fasttext-vec": "word2vec-text", "spacy": "word2vec-text"}  # the same bytes but for white space


@pytest.mark.parametrize("name", WRITTEN)
def test_vectors_survive_every_format_which_is_found_out(run, model, tmp_path, name):
    wanted = KeyedVectors.load(model)
    done = run("convert", model, tmp_path / "v", "--format", name)
    assert (done.code, done.err) == (0, "")
    saved = f"12 words, vectors of 16 numbers: {tmp_path / 'v'}"
    assert done.out.startswith(f"{saved} ({name}, " if name != "projector" else f"{saved}_tensor.tsv and ")
    assert done.out.count(f" ({name}, ") == 1
    found = json.loads(run("info", tmp_path / "v", "--json").out)
    assert (found["format"], found["words"], found["vector_size"]) == (TOLD_AS.get(name, name), 12, 16)
    assert (found["problems"], found["diagnosis"]["rows"]) == ([], 12)
    assert [entry["word"] for entry in found["first_words"]] == wanted.index_to_key[:10]
    assert f"format   {found['format']}, {found['kind']}\n" in run("info", tmp_path / "v").out
    assert run("similar", tmp_path / "v", "cat") == run("similar", model, "cat")
    assert run("convert", tmp_path / "v", tmp_path / "back.firth").code == 0
    back = KeyedVectors.load(tmp_path / "back.firth")
    assert back.index_to_key == wanted.index_to_key
    np.testing.assert_array_equal(back.vectors, wanted.vectors)
    kept = "counts" not in done.out
    assert (back.counts is not None) == kept
    assert found["total_count"] == (20_000 if kept else None)


@pytest.mark.parametrize("suffix", [suffix for name in WRITTEN for suffix in FORMATS[name].suffixes])
def test_the_suffix_tells_the_format_of_the_catalogue(run, vectors, tmp_path, suffix):
    [name] = [name for name in WRITTEN if suffix in FORMATS[name].suffixes]
    done = run("convert", vectors, tmp_path / f"v{suffix}")
    assert (done.code, done.err) == (0, "")
    assert f" ({name}, " in done.out
    assert detect(tmp_path / f"v{suffix}").name == TOLD_AS.get(name, name)


def test_a_process_of_its_own_converts_asks_and_diagnoses(vectors, tmp_path):
    steps = ["v.parquet", "v.tsv.gz", "v.glove.bz2", "v.safetensors", "v.bin.zst"]
    for source, target in zip([vectors, *(tmp_path / step for step in steps)], steps, strict=False):
        done = process("convert", source, tmp_path / target)
        assert (done.code, done.err) == (0, "")
    assert process("similar", tmp_path / steps[-1], "man", "-n", 1) == Done(0, "king  0.9848\n", "")
    (tmp_path / "cut.txt").write_text("3 2\na 1 0\nb 0 1\n")
    done = process("info", tmp_path / "cut.txt")
    assert (done.code, done.err) == (1, "")
    assert "  the header declares 3 rows, but 2 can be read: it is wrong, or the file is cut\n" in done.out


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_word2vec_files_may_be_compressed(run, vectors, tmp_path, suffix):
    done = run("convert", vectors, tmp_path / f"v.txt.{suffix}")
    assert (done.code, done.err) == (0, "")
    assert "(word2vec-text, " in done.out
    assert run("similar", tmp_path / f"v.txt.{suffix}", "man", "-n", 1).out == "king  0.9848\n"
    refused = run("convert", vectors, tmp_path / f"v.firth.{suffix}")
    assert refused.code == 2
    assert f"the native format is never compressed: remove .{suffix} from" in one_line(refused.err)


def test_convert_says_what_a_format_cannot_hold(run, model, vectors, tmp_path):
    rest = "outside matrix, options, history\n"
    assert run("convert", model, tmp_path / "v.bin").out.endswith(f"\nnot in this format: counts, {rest}")
    assert run("convert", model, tmp_path / "v.npz").out.endswith(f"\nnot in this format: {rest}")
    assert "not in this" not in run("convert", vectors, tmp_path / "w.bin").out
    assert "not in this" not in run("convert", model, tmp_path / "whole.firth").out
    assert isinstance(firth.load(tmp_path / "whole.firth"), firth.Word2Vec)


def test_train_says_what_a_format_cannot_hold(run, corpus, tmp_path):
    flags = ["--vector-size", 8, "--epochs", 1, "--no-progress", "-o"]
    done = run("train", corpus, *flags, tmp_path / "v_tensor.tsv")
    assert (done.code, done.err) == (0, "")
    assert f"saved       {tmp_path / 'v_tensor.tsv'} and {tmp_path / 'v_metadata.tsv'} (projector, " in done.out
    assert done.out.endswith("left out    outside matrix, options, history: only the native format holds them\n")
    again = run("train", tmp_path / "v_metadata.tsv", *flags, tmp_path / "v.tsv")
    assert again.code == 2
    assert "v_metadata.tsv is part of the corpus" in one_line(again.err)
    assert "left out" not in run("train", corpus, *flags, tmp_path / "m.firth").out


def test_a_folder_of_vectors_may_be_written_again(run, vectors, tmp_path):
    for _ in range(2):
        assert run("convert", vectors, tmp_path / "folder", "--format", "huggingface").code == 0
    assert run("similar", tmp_path / "folder", "man", "-n", 1).out == "king  0.9848\n"
    assert run("convert", vectors, tmp_path / "folder").code == 1


def test_text_without_a_header_is_found_out(run, tmp_path):
    (tmp_path / "glove.txt").write_text("king 1 0\nqueen 0 1\n")
    assert run("convert", tmp_path / "glove.txt", tmp_path / "v.firth").code == 0
    assert KeyedVectors.load(tmp_path / "v.firth").index_to_key == ["king", "queen"]
    assert json.loads(run("info", tmp_path / "glove.txt", "--json").out)["format"] == "glove"


def test_convert_may_take_the_first_words_only(run, model, tmp_path):
    for name in ("v.firth", "v.bin"):
        done = run("convert", model, tmp_path / name, "--limit", 3)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("3 words, ")
        assert "outside matrix, options, history\n" in done.out
    assert KeyedVectors.load(tmp_path / "v.firth").counts.tolist() == KeyedVectors.load(model).counts[:3].tolist()
    done = run("convert", tmp_path / "v.bin", tmp_path / "w.txt", "--limit", 2)
    assert (tmp_path / "w.txt").read_text().startswith("2 16\n")
    assert "not in this" not in done.out


def test_convert_reads_words_in_another_encoding(run, tmp_path):
    (tmp_path / "v.txt").write_bytes(b"1 2\nna\xefve 1 0\n")
    refused = run("convert", tmp_path / "v.txt", tmp_path / "v.npz")
    assert refused.code == 1
    assert "word 1 is not utf8" in one_line(refused.err)
    for flags, word in ((["--encoding", "latin-1"], "naïve"), (["--unicode-errors", "replace"], "na\ufffdve")):
        assert run("convert", tmp_path / "v.txt", tmp_path / "v.npz", *flags).code == 0
        assert KeyedVectors.load(tmp_path / "v.npz").index_to_key == [word]
    assert run("convert", tmp_path / "v.npz", tmp_path / "w.npz", "--encoding", "latin-1").code == 2


def test_a_large_file_is_mapped_where_it_can_be(run, vectors, tmp_path, monkeypatch):
    asked = run("similar", vectors, "man")
    assert not is_mapped(files.load_vectors(vectors))
    monkeypatch.setattr(files, "_MAPPED_BYTES", 0)
    assert is_mapped(files.load_vectors(vectors))
    assert run("similar", vectors, "man") == asked
    run("convert", vectors, tmp_path / "v.txt")
    assert run("similar", tmp_path / "v.txt", "man") == asked


def is_mapped(wv: KeyedVectors) -> bool:
    array = wv.vectors
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return array is not None


# --- info on what is broken


def test_info_says_that_nothing_is_wrong(run, model):
    assert "\nchecked  read to its end, nothing is wrong\n" in run("info", model).out


@pytest.mark.parametrize("place", ["end", "outside", "name"])
def test_info_finds_out_a_model_that_is_damaged(run, model, tmp_path, place):
    content = bytearray(model.read_bytes())
    if place == "end":
        content = content[:-5]
    elif place == "outside":
        at = content.index(firth.load(model).outside.tobytes())
        content[at] ^= 1
    else:
        content[content.index(b"cat")] ^= 1
    (tmp_path / "bad.firth").write_bytes(content)
    found = run("info", tmp_path / "bad.firth", "--json")
    assert (found.code, found.err) == (1, "")
    [problem] = json.loads(found.out)["problems"]
    assert "bad.firth" in problem
    done = run("info", tmp_path / "bad.firth")
    assert (done.code, done.err) == (1, "")
    assert done.out.endswith(f"\nwrong\n  {problem}\n")
    assert "format   native\n" in done.out


def test_info_says_all_that_is_wrong_at_once(run, tmp_path):
    (tmp_path / "v.txt").write_bytes(b"6 2\na 1 0\na 2 0\nb 0 0\ncaf\xc3 1 nan\nnew york 1 1\n")
    done = run("info", tmp_path / "v.txt", "--json")
    assert (done.code, done.err) == (1, "")
    found = json.loads(done.out)
    assert len(found["problems"]) == 6
    assert found["diagnosis"] == {
        "rows": 5, "promised_rows": 6, "duplicates": 1, "undecodable": 1, "spaced": 1, "broken_rows": 1,
        "zero_rows": 1, "bad_lines": 0,
    }  # fmt: skip
    assert found["words"] == 4
    out = run("info", tmp_path / "v.txt").out
    assert all(f"\n  {problem}\n" in out for problem in found["problems"])


@pytest.mark.parametrize("suffix", [".txt", ".bin", ".firth"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "in no format that firth knows"),
        (b"\x80\x04\x95 a pickle", "a Python pickle or a gensim model: firth never unpickles"),
        (b"no vectors at all\x1b[2J\n", "in no format that firth knows"),
    ],
)
def test_info_says_what_is_no_file_of_vectors(run, tmp_path, content, message, suffix):
    (tmp_path / f"v{suffix}").write_bytes(content)
    done = run("info", tmp_path / f"v{suffix}", "--full")
    assert (done.code, done.err) == (1, "")
    assert message in done.out
    assert "\x1b" not in done.out
    assert json.loads(run("info", tmp_path / f"v{suffix}", "--json").out)["format"] is None


def test_info_of_a_folder_of_other_things(run, tmp_path):
    assert run("info", tmp_path).code == 1


def test_info_measures_the_vectors_when_asked(run, vectors, tmp_path):
    found = json.loads(run("info", vectors, "--full", "--json").out)["statistics"]
    assert found["norms"] == pytest.approx([1] * 7)  # of float32
    assert (found["zero_rows"], found["duplicate_rows"]) == (0, 0)
    assert json.loads(run("info", vectors, "--json").out)["statistics"] is None
    rows = np.array([[2, 0], [2, 0], [0, 0], [0, 1]], np.float32)
    write_vectors(tmp_path / "v.txt", None, ["a", "b", "c", "d"], rows)
    done = run("info", tmp_path / "v.txt", "--full", "-n", 1)
    assert done.code == 1
    assert re.search(r"^ *zero rows +1: c$", done.out, re.MULTILINE)
    assert re.search(r"^ *duplicate rows +1: b$", done.out, re.MULTILINE)
    assert re.search(r"^ *non-finite rows +none$", done.out, re.MULTILINE)
    assert re.search(r"^ *lengths +least 1, .*median 2, .*largest 2$", done.out, re.MULTILINE)


def test_a_conversion_that_fails_leaves_the_old_file(run, tmp_path):
    KeyedVectors(["new york"], np.ones((1, 2))).save(tmp_path / "v.firth")
    (tmp_path / "old.txt").write_text("old")
    done = run("convert", tmp_path / "v.firth", tmp_path / "old.txt")
    assert done.code == 1
    assert "'new york'" in one_line(done.err)
    assert (tmp_path / "old.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


# --- gradcheck


def test_gradcheck_shows_that_every_gradient_is_right(run):
    done = run("gradcheck", "--json")
    checks = json.loads(done.out)
    assert done.code == 0
    assert all(check["passed"] and check["difference"] <= check["tolerance"] for check in checks)
    out = run("gradcheck", "--seed", 2).out
    assert out.endswith(f"{len(checks)} of {len(checks)} gradients agree with central differences\n")
    assert all(check["name"] in out for check in checks)


def test_gradcheck_fails_for_a_wrong_gradient(run, monkeypatch):
    from firth import objectives

    monkeypatch.setattr(objectives, "sigmoid_derivative", lambda x: 1.01 * objectives.sigmoid(x))
    done = run("gradcheck")
    assert done.code == 1
    assert "WRONG" in done.out
    assert run("gradcheck", "--seed", "-1").code == 2


# --- what any error and any name looks like

RAW = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
STRANGE = ["\x1b]52;c;aGk=\x07", "tab\there", "two\nlines", "\u202eabc", "\x9b31m", "\u2066x", "plain"]


@pytest.fixture
def strange(tmp_path) -> Path:
    """Vectors of words that a terminal would obey, in a file and a folder of such names."""
    folder = tmp_path / "f\x1b[31m\u202e"
    folder.mkdir()
    KeyedVectors(STRANGE, np.eye(7) + 0.1, counts=range(7)).save(folder / "v\x1b[5m.firth")
    (folder / "questions\x9b.txt").write_text(": \x1b]0;title\x07\nplain plain plain plain\nbad\n", encoding="utf-8")
    (folder / "pairs\x07.txt").write_text("plain\tplain\t1\nplain\tother\t2\n")
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
def test_no_control_character_of_a_word_or_a_name_reaches_the_screen(run, strange, monkeypatch, code, arguments):
    monkeypatch.chdir(strange)
    names = {"VECTORS": strange / "v\x1b[5m.firth", "QUESTIONS": strange / "questions\x9b.txt"}
    done = run(*(names.get(argument, argument) for argument in arguments))
    assert done.code == code, done.err
    assert RAW.findall(done.out + done.err) == []


def test_json_keeps_every_character_as_it_is(run, strange):
    found = json.loads(run("similar", strange / "v\x1b[5m.firth", "plain", "--json").out)
    assert {entry["word"] for entry in found} == set(STRANGE[:-1])
    found = json.loads(run("info", strange / "v\x1b[5m.firth", "--json").out)
    assert found["file"] == str(strange / "v\x1b[5m.firth")


def test_what_a_hostile_file_says_of_itself_is_harmless_too(run, model, monkeypatch):
    real = firth.cli.inspection._read
    sealed = lambda *arguments: real(*arguments)._replace(sha256="\x1b]0;owned\x07")  # noqa: E731
    monkeypatch.setattr(firth.cli.inspection, "_read", sealed)
    assert "sha256   \\x1b]0;owned\\x07" in run("info", model).out


def test_names_that_are_not_utf_8_are_names_like_any_other(corpus, tmp_path):
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


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 7.45 GiB"),
        OSError(28, "No space left on device", "model.firth"),
        OSError("an error without a number"),
        BlockingIOError(11, "Resource temporarily unavailable"),
        RecursionError("maximum recursion depth exceeded"),
        UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        RuntimeError("can't start new thread"),
        ValueError("x" * 10**6),
        KeyError("\x1b"),
    ],
)
def test_an_error_of_any_kind_is_one_line_without_a_traceback(run, vectors, monkeypatch, error):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(KeyedVectors, "most_similar", fail)
    done = run("similar", vectors, "king")
    assert (done.code, done.out) == (1, "")
    assert len(one_line(done.err)) < 2100
    assert "Traceback" not in done.err
    assert RAW.findall(done.err) == []
