"""`firth train`: options, output, usage errors, and interrupts."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import firth
from cli._program import Done, in_a_process, one_line
from firth import KeyedVectors, OptionError, Options
from firth.other_programs import FOREIGN_NAMES
from firth.training.softmax import passes

FIELDS = dataclasses.fields(Options)


@pytest.mark.parametrize("option", FIELDS, ids=lambda option: option.name)
def test_help_shows_the_meaning_range_and_default_of_each_option(run, option):
    text = " ".join(run("train", "--help").out.split())
    flag = "--" + option.name.replace("_", "-")
    part = text.partition(f" {flag} ")[2].partition("[default: ")
    assert option.metadata["meaning"][1:] in part[0]
    shown = part[2].partition("]")[0]
    if isinstance(option.default, bool):
        assert shown.replace(" ", "") == (flag[2:] if option.default else f"no-{flag[2:]}")
    else:
        absent = {"subwords": "(none)", "alpha": "(0.05 or 0.025)"}.get(option.name, "(no limit)")
        assert shown == (absent if option.default is None else str(option.default))
    for limit in (option.metadata["low"], option.metadata["high"]):
        shown = f"{limit:g}" if isinstance(limit, float) else str(limit)
        assert limit is None or limit > 2**31 or shown in part[0].partition("[")[2]


def other_value(option: "dataclasses.Field") -> object:
    """Return an allowed value that is not the default."""
    if isinstance(option.default, bool):
        return not option.default
    if option.metadata["choices"]:
        return option.metadata["choices"][-1]
    others = {"max_vocab": 9, "alpha": 0.05, "window": 3, "epochs": 1, "center_power": 0.25}
    return others.get(option.name, (option.default or 0) * 2)


def test_every_option_reaches_the_model(run, corpus, tmp_path):
    wanted = {option.name: other_value(option) for option in FIELDS}
    wanted |= {"architecture": "skip_gram", "subwords": None}  # the others have no exact softmax
    flags = []
    for name, value in wanted.items():
        if value is None:
            continue
        flag = name.replace("_", "-")
        flags += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", value]
    assert run("train", corpus, "-o", tmp_path / "m.firth", "--workers", 1, "-q", *flags) == Done(0, "", "")
    assert firth.load(tmp_path / "m.firth").options.to_dict() == wanted


def test_cbow_is_trained_and_saved(run, corpus, tmp_path):
    flags = ["--architecture", "cbow", "--no-cbow-mean", "--vector-size", 8, "--workers", 1, "-q"]
    assert run("train", corpus, "-o", tmp_path / "m.firth", *flags) == Done(0, "", "")
    model = firth.load(tmp_path / "m.firth")
    assert (model.options.architecture, model.options.cbow_mean, model.options.schedule) == ("cbow", False, "hogwild")
    again = firth.Word2Vec(**model.options.to_dict(), workers=1).fit(corpus, progress=False)
    np.testing.assert_array_equal(model.wv.vectors, again.wv.vectors)


def test_a_summary_is_printed_after_training(run, corpus, tmp_path):
    path = tmp_path / "m.firth"
    done = run("train", corpus, "-o", path, "--vector-size", 16, "--epochs", 3, "--workers", 1, "--no-progress")
    assert (done.code, done.err) == (0, "")
    history = firth.load(path).history
    assert "vocabulary  12 words, vectors of 16 numbers\n" in done.out
    assert "training    60,000 words in " in done.out
    assert f"pairs       {sum(record.pairs for record in history):,}\n" in done.out
    assert f"loss        {' '.join(f'{record.loss:.4f}' for record in history)} nats" in done.out
    assert f"saved       {path} (native, {path.stat().st_size / 1000:.1f} kB)\n" in done.out


def test_hierarchical_softmax_is_trained_and_described(run, corpus, tmp_path):
    path, flags = tmp_path / "m.firth", ["--vector-size", 8, "--epochs", 2, "--workers", 1, "--no-progress"]
    done = run("train", corpus, "-o", path, "--objective", "hierarchical_softmax", "--validation", corpus, *flags)
    assert (done.code, done.err) == (0, "")
    model = firth.Word2Vec.load(path)
    assert model.nodes.shape == (11, 8)
    losses = " ".join(f"{record.validation_loss:.4f}" for record in model.history)
    assert f"held out    {losses} nats per pair, hierarchical softmax" in done.out
    shown = run("info", path)
    assert shown.code == 0
    assert re.search(r"objective +hierarchical_softmax", shown.out)


def test_a_format_with_room_for_one_output_matrix_is_refused_before_training(run, corpus, tmp_path):
    both = ["--objective", "hierarchical_softmax+negative_sampling", "--no-progress"]
    done = run("train", corpus, "-o", tmp_path / "m.bin", "--format", "fasttext-bin", *both)
    assert (done.code, done.out) == (2, "")
    assert "this model has two: use another format" in done.err


def test_the_validation_loss_is_printed(run, corpus, tmp_path):
    flags = ["-o", tmp_path / "m.firth", "--vector-size", 8, "--epochs", 2, "--objective", "softmax", "--no-progress"]
    done = run("train", corpus, "--validation", corpus, *flags)
    history = firth.load(tmp_path / "m.firth").history
    assert f"held out    {' '.join(f'{record.validation_loss:.4f}' for record in history)} nats per pair" in done.out
    wrong = run("train", corpus, "--validation", "1.5", *flags)
    assert (wrong.code, wrong.out) == (2, "")
    assert "--validation 1.5 is not allowed" in one_line(wrong.err)


@pytest.mark.parametrize("suffix", [".firth", ".txt"])
def test_training_starts_from_a_file_of_vectors(run, corpus, model, tmp_path, suffix):
    given = tmp_path / f"given{suffix}"
    KeyedVectors.load(model).save(given, format="native" if suffix == ".firth" else "word2vec-text")
    flags = ("--vector-size", 16, "--workers", 1, "--epochs", 1, "--alpha", 1e-30, "--min-alpha", 0)
    done = run("train", corpus, "-o", tmp_path / "m.firth", "--init", given, *flags)
    assert done.code == 0
    assert "12 of 12 words start from existing vectors" in done.err
    assert (KeyedVectors.load(tmp_path / "m.firth").vectors == KeyedVectors.load(model).vectors).all()
    wrong = run("train", corpus, "-o", tmp_path / "n.firth", "--init", given, "--vector-size", 8)
    assert wrong.code == 2
    assert f"{given} holds vectors of 16 numbers, and --vector-size is 8: give --vector-size 16" in wrong.err


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


def test_parts_that_the_format_cannot_hold_are_reported(run, corpus, tmp_path):
    flags = ["--vector-size", 8, "--epochs", 1, "--no-progress", "-o"]
    done = run("train", corpus, *flags, tmp_path / "v_tensor.tsv")
    assert (done.code, done.err) == (0, "")
    assert f"saved       {tmp_path / 'v_tensor.tsv'} and {tmp_path / 'v_metadata.tsv'} (projector, " in done.out
    assert done.out.endswith("not saved   outside matrix, options, history: only the native format stores them\n")
    again = run("train", tmp_path / "v_metadata.tsv", *flags, tmp_path / "v.tsv")
    assert again.code == 2
    assert "v_metadata.tsv is part of the corpus" in one_line(again.err)
    assert "not saved" not in run("train", corpus, *flags, tmp_path / "m.firth").out


def test_standard_input_and_files_are_read_together(corpus, tmp_path):
    text = corpus.read_text()
    path = tmp_path / "m.firth"
    flags = ["--vector-size", "16", "--epochs", "1", "--no-progress"]
    done = in_a_process("train", "-", corpus, "-o", path, *flags, input=text)
    assert done.code == 0, done.err
    assert KeyedVectors.load(path).counts.sum() == 2 * len(text.split())


def test_words_of_a_topic_become_neighbours(run, model):
    done = run("similar", model, "cat", "--json", "-n", 5)
    assert {entry["word"] for entry in json.loads(done.out)} == {"dog", "cow", "hen", "pig", "fox"}


TYPED = ["0", "-1", "-5", "9223372036854775808", "1e30", "inf", "nan", "True", "None", "", "1_", "5x", "[]", "0x10",
         "9" * 5000, "\x1b[5m", "½"]  # fmt: skip


@pytest.mark.parametrize("option", [option for option in FIELDS if not isinstance(option.default, bool)])
def test_a_flag_allows_what_the_option_allows_and_is_checked_before_the_corpus(option, run, tmp_path):
    flag = f"--{option.name.replace('_', '-')}"
    for text in TYPED:
        done = run("train", "/absent/corpus.txt", "-o", tmp_path / "m.firth", flag, text)
        assert done.out == ""
        assert len(one_line(done.err)) < 2100
        assert "\x1b" not in done.err
        assert done.code == (1 if is_allowed(option.name, text) else 2)
        assert ("/absent/corpus.txt" if done.code == 1 else f"{flag} ") in done.err
    assert list(tmp_path.iterdir()) == []


def is_allowed(name: str, text: str) -> bool:
    """Return whether an option may have the value that a text stands for, as a number or as itself."""
    for kind in (int, float, str):
        with suppress(ValueError):
            value = kind(text)
            break
    try:
        Options(**{name: value})
    except OptionError:
        return False
    return True


FOREIGN = [
    (name.replace("_", "-"), dashes)
    for name in sorted(FOREIGN_NAMES)
    for dashes in ("-", "--")
    if name != "output" and (dashes, name) != ("--", "debug")
]
"""Flags of other programs that firth does not have, with one and with two dashes."""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--alpha", "0.01", "--min-alpha", "0.02"], "falls, so give a --min-alpha of at most 0.01"),
        (["--workers", "0", "-o", "absent/m.firth"], "--workers 0 is not allowed: give a whole number from 1 to 1024"),
        (["--window", "2.5"], r"--window '2.5' is not allowed: give a whole number from 1 to 32767"),
        (["--objective", "sofmax"], "give 'negative_sampling' or 'hierarchical_softmax' or 'hierarchical"),
        (["--subwords", "3"], "--subwords '3' is not allowed: give two whole numbers from 1 to 100, the second not"),
        (["--subwords", "6-3"], "--subwords 6-3 is not allowed: give two whole numbers from 1 to 100"),
        (["--minn", "3"], "give the shortest and the longest n-gram together, as in --subwords 3-6"),
        (["--bucket", "3"], "no such option --bucket: use --buckets"),
        (["--subwords", "3-6", "--schedule", "blocks"], "--schedule blocks is not available with --subwords 3-6"),
        (["--max-input-bytes", "2MB"], "--max-input-bytes '2MB' is not allowed: give a whole number of at"),
        (["--checkpoint", "run", "--checkpoint-minutes", "x"], "--checkpoint-minutes 'x' is not allowed: give a n"),
        (["--vectr-size", "10"], r"--vector-size"),
        (["--format", "csv"], r"'csv' is unknown: give one of 'native', 'word2vec-text', 'word2vec-binary', 'glove'"),
        *[([f"{dashes}{name}", "3"], f"no such option {dashes}{name}: ") for name, dashes in FOREIGN],
        (["-size", "100"], "no such option -size: use --vector-size (see firth train --help)"),
        (["--sg", "1"], "use --architecture: 'skip_gram', the default, is sg=1, and 'cbow' is sg=0"),
        (["-hs", "0"], "or give --objective 'hierarchical_softmax' for hs=1"),
        (["-window", "5"], "no such option -window: write it with two dashes, --window (see firth train --help)"),
        (["-output", "m.txt"], "no such option -output: write it with two dashes, --output"),
        (["-min-count", "5"], "no such option -min-count: write it with two dashes, --min-count"),
        (["--iter=3"], "no such option --iter: use --epochs"),
    ],
)
def test_wrong_options_are_refused_before_training(run, corpus, tmp_path, flags, message):
    done = run("train", corpus, "-o", tmp_path / "m.firth", *flags)
    assert (done.code, done.out) == (2, "")
    assert message in one_line(done.err)
    assert list(tmp_path.iterdir()) == []


def test_only_train_explains_flags_of_other_programs(run, vectors):
    assert "use --vector-size" not in run("similar", vectors, "king", "--size", 3).err


def test_words_after_two_dashes_are_not_flags(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert re.match("firth: '-size' ", run("train", "-o", "m.firth", "--", "-size").err)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing argument"),
        (["corpus.txt"], 2, "--output"),
        (["corpus.txt", "-o", "m.xyz"], 2, "'m.xyz' has no suffix"),
        (["absent.txt", "-o", "m.firth"], 1, "absent.txt"),
        (["empty.txt", "-o", "m.firth"], 1, "empty"),
        (["corpus.txt", "-o", "m.firth", "--min-count", "9999"], 1, "--min-count 1765"),
        (["corpus.txt", "-o", "absent/m.firth"], 1, "absent: this folder does not exist: create it, or name another"),
        (["corpus.txt", "-o", "folder.firth"], 1, "folder.firth: is a folder"),
        (["corpus.txt", "-o", "corpus.txt"], 2, "corpus.txt is part of the corpus"),
        ([".", "-o", "corpus.txt"], 2, "corpus.txt is part of the corpus"),
        (["corpus.txt", "-o", "folder.firth", "--format", "projector"], 1, "folder.firth: is a folder"),
        (["corpus.txt", "-o", "m.npz.gz"], 2, "m.npz.gz: the npz format"),
        (["corpus.txt", "-o", ".", "--format", "huggingface"], 1, "holds other files: give the name of a new"),
        (["corpus.txt", "-o", "empty.txt", "--format", "huggingface"], 1, "empty.txt: is a file, and this fo"),
    ],
)
def test_a_failure_is_one_line_and_changes_no_file(run, corpus, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus.txt").write_bytes(corpus.read_bytes())
    (tmp_path / "empty.txt").touch()
    (tmp_path / "folder.firth").mkdir()
    before = sorted(tmp_path.rglob("*"))
    done = run("train", *arguments, *(["--no-progress"] if "-o" in arguments else []))
    assert (done.code, done.out) == (code, "")
    assert message in one_line(done.err)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "corpus.txt").read_bytes() == corpus.read_bytes()


def test_a_folder_without_write_permission_is_refused_before_training(run, corpus, tmp_path):
    if os.geteuid() == 0:
        tmp_path = Path("/proc/self")  # where not even root may create a file
    else:
        tmp_path.chmod(0o500)
    done = run("train", corpus, "-o", tmp_path / "m.firth", "--no-progress")
    assert done.code == 1
    one_line(done.err)


@pytest.mark.usefixtures("buffering")
def test_training_continues_when_its_progress_is_not_read(corpus, tmp_path):
    ours, theirs = os.pipe()
    os.close(ours)
    command = [sys.executable, "-m", "firth", "train", corpus, "-o", tmp_path / "m.firth", "--min-count", "1"]
    done = subprocess.run([*command, "--epochs", "2"], stderr=theirs, stdout=subprocess.PIPE, text=True, check=False)
    os.close(theirs)
    assert done.returncode == 0
    assert "saved " in done.stdout
    assert len(firth.load(tmp_path / "m.firth").history) == 2


@pytest.mark.parametrize("closed", ["1", "2"])
def test_training_continues_with_a_closed_stream(closed, corpus, tmp_path):
    firth_train = [sys.executable, "-m", "firth", "train", corpus, "-o", tmp_path / "m.firth", "--min-count", "1"]
    command = ["sh", "-c", f'exec {closed}>&-; exec "$@"', "sh", *firth_train]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "Error" in done.stderr) == (0, False)
    assert len(firth.load(tmp_path / "m.firth").history) == 5


def test_quiet_training_still_prints_warnings(run, corpus, tmp_path):
    folder = tmp_path / "run"
    command = ["train", corpus, "-o", tmp_path / "m.firth", "--epochs", "1", "-q", "--checkpoint", folder]
    assert run(*command) == Done(0, "", "")
    (folder / "checkpoint-00000002.firth").write_bytes(b"cut")
    done = in_a_process(*command, "--resume")
    assert (done.code, done.out) == (0, "")
    assert re.fullmatch(r"firth: warning: skipped a checkpoint: .*00000002\.firth .*\n", done.err)


def test_an_interrupt_saves_the_vectors(corpus, tmp_path):
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
    assert "saved the vectors in " in last
    assert len(firth.load(path).history) >= 2  # the third is announced a moment before it is recorded
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("is_written", [False, True])
def test_an_interrupt_saves_the_vectors_unless_a_checkpoint_is_written(is_written, run, corpus, tmp_path, monkeypatch):
    def interrupted(model: firth.Word2Vec, *given: object, **named: object) -> None:
        fit(model, *given, **named | ({} if is_written else {"checkpoint": None}))
        raise KeyboardInterrupt

    fit = firth.Word2Vec.fit
    monkeypatch.setattr(firth.Word2Vec, "fit", interrupted)
    path, folder = tmp_path / "v.bin", tmp_path / "run"
    flags = ["--vector-size", 8, "--epochs", 1, "--no-progress", "--checkpoint", folder]
    done = run("train", corpus, "-o", path, *flags)
    assert (done.code, done.out, path.exists()) == (130, "", not is_written)
    if is_written:
        assert done.err.endswith(f"firth: interrupted after 1 of 1 epoch; --resume continues from {folder}\n")
    else:
        assert f"firth: interrupted after 1 of 1 epoch; saved the vectors in {path} (" in done.err
        assert done.err.endswith("), without counts, outside matrix, options, history\n")
        assert len(KeyedVectors.load(path)) == 12


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_before_training_saves_nothing(run, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(firth.Word2Vec, "fit", interrupted)
    done = run("train", corpus, "-o", tmp_path / "m.firth")
    assert done == Done(130, "", "firth: interrupted before training started; nothing was saved\n")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_on_a_cluster_before_the_first_checkpoint_says_what_to_do(run, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(firth.Word2Vec, "fit", interrupted)
    arguments = ["train", corpus, "-o", tmp_path / "m.firth", "--cluster", "auto"]
    nothing = "firth: interrupted; nothing was saved:"
    assert run(*arguments) == Done(130, "", f"{nothing} a cluster needs --checkpoint for that\n")
    folder = tmp_path / "run"
    assert run(*arguments, "--checkpoint", folder) == Done(130, "", f"{nothing} --resume starts again\n")


@pytest.mark.parametrize("warm_epochs", [0, 1])
def test_an_interrupt_while_pairs_are_counted_saves_nothing(warm_epochs, run, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(passes, "counts_of", interrupted)
    (tmp_path / "m.firth").write_bytes(b"old")
    done = run("train", corpus, "-o", tmp_path / "m.firth", "--objective", "softmax", "--warm-epochs", warm_epochs)
    assert done.code == 130
    assert done.err.endswith("firth: interrupted before training started; nothing was saved\n")
    assert (tmp_path / "m.firth").read_bytes() == b"old"


# --- tables and encodings


def test_a_column_of_a_table_trains_as_a_text_file_of_it(run, corpus, tmp_path):
    lines = Path(corpus).read_text(encoding="utf-8").splitlines()
    table = tmp_path / "table.jsonl"
    table.write_text("".join(json.dumps({"id": i, "text": line}) + "\n" for i, line in enumerate(lines)))
    flags = ("--vector-size", 4, "--epochs", 1, "--min-count", 1, "--workers", 1, "-q")
    for source, extra in ((corpus, ()), (table, ("--column", "text"))):
        assert run("train", source, *extra, "-o", tmp_path / f"{source.suffix}.firth", *flags) == Done(0, "", "")
    one, other = (KeyedVectors.load(tmp_path / f"{source.suffix}.firth") for source in (Path(corpus), table))
    assert one.index_to_key == other.index_to_key
    assert np.array_equal(one.vectors, other.vectors)


def test_a_table_without_a_column_and_other_kinds_of_file_are_refused(run, tmp_path):
    (tmp_path / "t.csv").write_text("id,text\n1,a b\n")
    done = run("train", tmp_path / "t.csv", "-o", tmp_path / "m.firth")
    assert done.code == 1
    assert "its columns are id (text), text (text): name the column" in one_line(done.err)
    assert done.err.endswith("as in --column 'text'\n")
    (tmp_path / "t.txt").write_bytes(b"%PDF-1.4")
    done = run("train", tmp_path / "t.txt", "-o", tmp_path / "m.firth")
    assert one_line(done.err).endswith(
        "is a PDF file, not a text: extract its text first, for example with pdftotext\n"
    )


def test_text_in_another_encoding_is_read(run, tmp_path):
    (tmp_path / "a.txt").write_text("un café\n" * 20, encoding="utf-16")
    flags = ("--vector-size", 4, "--epochs", 1, "--sample", 0, "--workers", 1, "-q")
    done = run("train", tmp_path / "a.txt", "-o", tmp_path / "m.firth", *flags)
    assert one_line(done.err).endswith("is text in UTF-16, not in UTF-8: give --encoding utf-16\n")
    assert run("train", tmp_path / "a.txt", "--encoding", "utf-16", "-o", tmp_path / "m.firth", *flags).code == 0
    assert "café" in KeyedVectors.load(tmp_path / "m.firth")
    done = run("train", tmp_path / "a.txt", "--encoding", "klingon", "-o", tmp_path / "m.firth")
    assert done.code == 2
    assert "--encoding 'klingon' is not an encoding of text that Python knows" in one_line(done.err)
