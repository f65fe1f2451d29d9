"""Checkpoints: a resumed run writes the same bytes as a run that was never interrupted."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from _rights import modes_respected, needs_modes
from stress import kills
from training._interrupts import KINDS, Interrupts, cut_into_many_pieces, ids, model_of, saved

import firth
from firth.errors import CheckpointError, CorpusError, DivergenceError, FormatError, OptionError
from firth.formats.sealed import CHECKPOINT, write_sealed
from firth.training.loop import checkpoint, trainer
from firth.training.loop.checkpoint import FolderCheckpointer, read_checkpoint
from firth.training.loop.progress import Reporter
from firth.training.loop.state import State, is_finite
from firth.training.negative_sampling import blocks
from firth.training.registry import OBJECTIVES

SILENT = {"progress": False}


@pytest.fixture
def interrupts(monkeypatch):
    return Interrupts(monkeypatch)


@pytest.fixture
def many_pieces(monkeypatch):
    cut_into_many_pieces(monkeypatch)


@pytest.fixture
def run(tmp_path):
    """The folder of the checkpoints."""
    return tmp_path / "run"


def made(folder, options, report, **more):
    """Return the checkpoints of a run with these options."""
    return FolderCheckpointer(folder, options, report, matrices=OBJECTIVES[options.objective].STATE_MATRICES, **more)


def fit(model, folder, *, corpus=None, resume=True, **more):
    return model.fit(ids() if corpus is None else corpus, progress=False, checkpoint=folder, resume=resume, **more)


def fit_in_parts(kind, folder, interrupts, places, **more):
    """Train with an interrupt at each of the places, counted from the resume; return the model and how many came."""
    came = 0
    for at in places:
        interrupts.after(at)
        try:
            fit(model_of(kind, workers=1 + came % 3), folder, **more)
        except KeyboardInterrupt:
            came += 1
    interrupts.after(None)
    return fit(model_of(kind, workers=1 + came % 3), folder, **more), came


def interrupted(kind, folder, interrupts, at=3, **more):
    """Leave a training that was interrupted at its `at`-th task in the folder."""
    interrupts.after(at)
    with pytest.raises(KeyboardInterrupt):
        fit(model_of(kind, workers=1), folder, **more)
    interrupts.after(None)


def checkpoints(folder):
    return sorted(path.name for path in folder.glob("*.firth"))


class Heard(Reporter):
    """Keeps what is said, and may raise when it is."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.say(f"WARNING: {text}")

    def warnings(self):
        return [line for line in self.lines if line.startswith("WARNING")]


def fit_heard(model, folder, *, minutes=10.0, resume=True, corpus=None, **more):
    """Train, and return what was said."""
    heard = Heard()
    checkpointer = made(folder, model.options, heard, minutes=minutes, resume=resume)
    model._fit(ids() if corpus is None else corpus, heard, checkpointer, **more)
    return heard


# --- the same bytes


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_interrupted_at_any_pieces_ends_with_the_same_file(kind, tmp_path, run, interrupts, many_pieces):
    whole = saved(model_of(kind).fit(ids(), **SILENT), tmp_path)
    model, came = fit_in_parts(kind, run, interrupts, (1, 2, 3, 5, 4, 7))
    assert came >= 3
    assert saved(model, tmp_path) == whole


@pytest.mark.parametrize("kind", ["blocks", "cold"])
def test_a_checkpoint_is_kept_at_every_piece_and_any_of_them_goes_on_to_the_same_file(
    kind, tmp_path, run, interrupts, many_pieces
):
    """One worker, so that tasks come one by one; each of the first is the last that was done."""
    whole = saved(model_of(kind).fit(ids(), **SILENT), tmp_path)
    for at in range(1, 40, 1 if kind == "cold" else 3):
        interrupts.after(at)
        try:
            fit(model_of(kind, workers=1), run)
        except KeyboardInterrupt:
            interrupts.after(None)
            fit(model_of(kind, workers=2), run)
        else:
            assert at > 15, "too few tasks to prove anything"
            break
        assert saved(fit(model_of(kind), run), tmp_path) == whole
        shutil.rmtree(run)


def test_a_block_training_ended_in_the_middle_of_a_chunk_goes_on_there(run, interrupts, many_pieces):
    interrupted("blocks", run, interrupts, at=30)
    done = read_checkpoint(run / checkpoints(run)[-1]).state.position["done"]
    assert sum(done) % (5 * 5) > 0, "neither the first bucket of the chunk nor the last"


@pytest.mark.parametrize("kind", ["blocks", "warm"])
@pytest.mark.parametrize("validation", ["fraction", "text"])
def test_a_training_with_validation_goes_on_to_the_same_file(kind, validation, tmp_path, run, interrupts, many_pieces):
    text = tmp_path / "other.txt"
    text.write_text("".join(" ".join(map(str, row)) + "\n" for row in ids(2000, seed=9)))
    corpus = [[str(number) for number in row] for row in ids().tolist()]
    more = {"validation": 0.3 if validation == "fraction" else text, "corpus": corpus}
    whole = saved(model_of(kind).fit(corpus, validation=more["validation"], **SILENT), tmp_path)
    model, came = fit_in_parts(kind, run, interrupts, (2, 4, 9), **more)
    assert came >= 2
    assert saved(model, tmp_path) == whole
    assert model.history[-1].validation_loss > 0


def test_checkpoints_by_the_clock_change_nothing(tmp_path, run, many_pieces, monkeypatch):
    whole = saved(model_of("blocks").fit(ids(), **SILENT), tmp_path)
    monkeypatch.setattr(trainer, "POLL_SECONDS", 0.001)
    kept = []
    write = FolderCheckpointer._write
    monkeypatch.setattr(FolderCheckpointer, "_write", lambda *given: (kept.append(1), write(*given)))
    model = model_of("blocks")
    fit_heard(model, run, minutes=1e-9)
    assert len(kept) > model.options.epochs, "some between the ends of epochs"
    assert saved(model, tmp_path) == whole
    assert saved(fit(model_of("blocks"), run), tmp_path) == whole


def test_two_generations_are_kept(run):
    fit(model_of("blocks", epochs=5), run)
    assert checkpoints(run) == ["checkpoint-00000004.firth", "checkpoint-00000005.firth"]
    assert sorted(path.name for path in run.iterdir()) == [*checkpoints(run), "lock"]


def test_resuming_where_there_is_nothing_begins(tmp_path, run):
    whole = saved(model_of("blocks").fit(ids(), **SILENT), tmp_path)
    assert saved(fit(model_of("blocks"), run / "new" / "folder"), tmp_path) == whole


@pytest.mark.parametrize("kind", KINDS)
def test_resuming_after_the_end_trains_nothing(kind, tmp_path, run, monkeypatch):
    whole = saved(fit(model_of(kind), run), tmp_path)
    for name in ("negative_sampling.blocks.Blocks", "negative_sampling.hogwild.Hogwild", "softmax.passes.Passes"):
        monkeypatch.setattr(f"firth.training.{name}.train", None)
    assert saved(fit(model_of(kind), run), tmp_path) == whole


def test_callbacks_hear_of_every_epoch_and_stop_early_after_a_resume(tmp_path, run, interrupts, many_pieces):
    heard = []

    def stop_at_two(model):
        heard.append(len(model.history))
        return len(model.history) == 2

    whole = saved(model_of("blocks").fit(ids(), callbacks=[stop_at_two], **SILENT), tmp_path)
    heard.clear()
    model, came = fit_in_parts("blocks", run, interrupts, (5, 40, 45), callbacks=[stop_at_two])
    assert came == 3
    assert heard == [1, 2]
    assert saved(model, tmp_path) == whole
    assert saved(fit(model_of("blocks"), run, callbacks=[stop_at_two]), tmp_path) == whole, "it stops again"


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, LookupError])
def test_what_a_callback_raises_ends_a_training_that_goes_on_to_the_same_file(raised, tmp_path, run):
    def fail(model):
        if len(model.history) == 2:
            raise raised

    whole = saved(model_of("blocks").fit(ids(), **SILENT), tmp_path)
    with pytest.raises(raised):
        fit(model_of("blocks"), run, callbacks=[fail])
    assert saved(fit(model_of("blocks"), run), tmp_path) == whole


# --- damaged checkpoints


def damage(path, how):
    data = bytearray(path.read_bytes())
    if how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        at = {"first byte": 0, "header": 40, "tensor": -100, "last byte": -1}[how]
        data[at] ^= 1
        path.write_bytes(data)


@pytest.mark.parametrize("how", ["cut", "empty", "first byte", "header", "tensor", "last byte"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(how, tmp_path, run, interrupts, many_pieces):
    whole = saved(model_of("blocks").fit(ids(), **SILENT), tmp_path)
    interrupted("blocks", run, interrupts, at=300)  # in the second epoch
    older, newest = checkpoints(run)
    damage(run / newest, how)
    model = model_of("blocks")
    heard = fit_heard(model, run)
    assert len(heard.warnings()) == 1
    assert newest in heard.warnings()[0]
    assert f"goes on from {run / older}" in heard.lines
    assert saved(model, tmp_path) == whole


def test_when_all_checkpoints_are_damaged_nothing_is_trained_nor_deleted(run):
    fit(model_of("blocks"), run)
    for name in checkpoints(run):
        damage(run / name, "tensor")
    before = {name: (run / name).read_bytes() for name in checkpoints(run)}
    with (
        pytest.warns(RuntimeWarning, match="skipped a checkpoint"),
        pytest.raises(CheckpointError, match=r"none of the 2 checkpoints in .* is sound: delete them"),
    ):
        fit(model_of("blocks"), run)
    assert {name: (run / name).read_bytes() for name in checkpoints(run)} == before


@pytest.fixture
def small_file(run):
    """A checkpoint of a few KB."""
    fit(model_of("cold", vector_size=1, epochs=1), run, corpus=[["a", "b", "c", "a"]] * 5)
    return run / checkpoints(run)[-1]


def test_a_checkpoint_cut_anywhere_is_an_error(small_file):
    data = small_file.read_bytes()
    for size in range(len(data)):
        small_file.write_bytes(data[:size])
        with pytest.raises(FormatError, match=re.escape(small_file.name)):
            read_checkpoint(small_file)


def test_a_checkpoint_with_a_flipped_bit_is_an_error(small_file):
    data, rng = small_file.read_bytes(), np.random.default_rng(1)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << int(rng.integers(8))
        small_file.write_bytes(changed)
        with pytest.raises(FormatError, match=re.escape(small_file.name)):
            read_checkpoint(small_file)


# --- checkpoints of something else


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"alpha": 0.03}, r"options alpha was 0\.025 and is 0\.03"),
        ({"seed": 2, "window": 4}, r"options seed was 1 and is 2; options window was 3 and is 4"),
        ({"epochs": 4}, r"options epochs was 3 and is 4"),
        ({"schedule": "hogwild"}, r"options schedule was 'blocks' and is 'hogwild'"),
    ],
)
def test_another_option_is_refused_with_the_difference(changed, shown, run):
    fit(model_of("blocks"), run)
    before = {path: path.read_bytes() for path in run.glob("*.firth")}
    with pytest.raises(CheckpointError, match=rf"00000003\.firth is of another training: {shown}\. Give"):
        fit(model_of("blocks", **changed), run)
    assert {path: path.read_bytes() for path in run.glob("*.firth")} == before


def test_another_version_is_refused_with_the_difference(run, monkeypatch):
    fit(model_of("blocks"), run)
    monkeypatch.setattr("firth.training.loop.identity.__version__", "99.0")
    with pytest.raises(CheckpointError, match=r"versions firth was '.*' and is '99\.0'\. Give"):
        fit(model_of("blocks"), run)


def test_a_checkpoint_is_told_from_a_model(run):
    fit(model_of("blocks"), run)
    for read in (firth.load, firth.KeyedVectors.load):
        with pytest.raises(FormatError, match=r"is a checkpoint of a training run, not a model: resume the run"):
            read(run / checkpoints(run)[-1])


def test_another_processor_is_no_reason_to_refuse_but_is_said(run, monkeypatch):
    fit(model_of("blocks"), run)
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: "abacus")
    (warning,) = fit_heard(model_of("blocks"), run).warnings()
    assert re.match(r"WARNING: the processor was \S+ and is abacus: .* last bits", warning)


def test_another_corpus_is_refused_with_the_difference(run):
    fit(model_of("blocks"), run)
    with pytest.raises(CheckpointError, match=r"corpus words was 12000 and is 11980"):
        fit(model_of("blocks"), run, corpus=ids()[:-1])
    with pytest.raises(CheckpointError, match=r"training: corpus text \(sha256\) was '\w+' and is '\w+'\. Give"):
        fit(model_of("blocks"), run, corpus=reordered(ids()))


def reordered(rows):
    """Return rows of which two in the middle have changed places: counts and order of first occurrence stay."""
    rows = rows.copy()
    rows[[300, 301]] = rows[[301, 300]]
    return rows


def test_another_validation_text_is_refused_with_the_difference(run):
    fit(model_of("blocks"), run, validation=ids(400, seed=3))
    for other in (None, ids(400, seed=4)):
        with pytest.raises(CheckpointError, match=r"corpus validation text \(sha256\) was '\w+' and is"):
            fit(model_of("blocks"), run, validation=other)


def test_a_folder_that_holds_a_training_is_not_trained_over(run):
    fit(model_of("blocks"), run)
    with pytest.raises(
        CheckpointError,
        match=r"checkpoint-00000003\.firth, of a training run .* resumed: give resume=True,",
    ):
        fit(model_of("blocks"), run, resume=False)


@pytest.mark.parametrize("given", [{"resume": True}, {"checkpoint_minutes": 5}, {"checkpoint_minutes": -5}])
def test_what_is_said_of_checkpoints_needs_a_folder(given):
    with pytest.raises(OptionError, match=f"{next(iter(given))}.* needs checkpoint, the folder"):
        model_of("blocks").fit(ids(), **given)


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf"), "10", True])
def test_minutes_are_positive_numbers(minutes, run):
    with pytest.raises(OptionError, match=r"checkpoint_minutes=.* is not allowed: give a number above 0"):
        fit(model_of("blocks"), run, checkpoint_minutes=minutes)
    assert not run.exists()


# --- checkpoints that somebody made up: all checksums are right


def forge(path, change):
    """Write a checkpoint again after `change` has been made to its place, its arrays and its history."""
    found = read_checkpoint(path)
    place, arrays = dict(found.state.position), {name: array.copy() for name, array in found.state.arrays.items()}
    values = {"position": place, "history": list(found.history), "identity": found.identity}
    change(place.get("passes", place), arrays, values)
    with path.open("wb") as file:
        strings = {name: checkpoint.json.dumps(value) for name, value in values.items()}
        write_sealed(file, CHECKPOINT, arrays, strings)


def put(**values):
    return lambda place, arrays, everything: place.update(values)


def without(name):
    return lambda place, arrays, everything: (place.pop(name, None), arrays.pop(name, None))


def array(name, make):
    return lambda place, arrays, everything: arrays.update({name: make(arrays[name])})


LIES = {
    "an epoch beyond the last": put(epoch=3),
    "an epoch before the first": put(epoch=-1),
    "an epoch that is no whole number": put(epoch=1.0),
    "an epoch that is true": put(epoch=True),
    "no epoch": without("epoch"),
    "more done than there is": put(done=[10**9]),
    "less than nothing done": put(done=[-1]),
    "done in another form": put(done={"0": 1}),
    "nothing done": put(done=None),
    "the done of more": put(done=[0] * 99),
    "pairs below zero": put(pairs=-1),
    "pairs beyond every integer": put(pairs=2**70),
    "seconds that are a word": put(seconds="1"),
    "seconds below zero": put(seconds=-1.0),
    "endless seconds": put(seconds=float("inf")),
    "no losses": without("losses"),
    "losses of another type": array("losses", lambda a: a.astype(np.float32)),
    "losses in a square": array("losses", lambda a: np.resize(a, (2, 2))),
    "losses without end": array("losses", lambda a: np.full_like(a, np.inf)),
    "no center": without("center"),
    "another V": array("center", lambda a: a[:-1]),
    "another D": array("outside", lambda a: a[:, 1:]),
    "one row for all": array("center", lambda a: a[:1]),
    "one row without a dimension": array("center", lambda a: a[0]),
    "another dtype": array("outside", lambda a: a.astype(np.float64)),
    "a number that is none": array("center", lambda a: np.where(np.arange(a.size).reshape(a.shape) == 7, np.nan, a)),
    "an infinite number": array("outside", lambda a: np.where(np.arange(a.size).reshape(a.shape) == 7, np.inf, a)),
    "a history of other things": lambda p, a, everything: everything.update(history=[1]),
    "a history of other names": lambda p, a, everything: everything.update(history=[{"epok": 1}]),
}
SOFTMAX_LIES = {
    "more steps than there are": put(steps=10**6),
    "steps below zero": put(steps=-1),
    "no moments": without("first_moment"),
    "moments of another shape": array("second_moment", lambda a: a[:, :1]),
    "curvature of another shape": array("inverse_curvature", lambda a: a[0]),
    "another stage": lambda p, a, everything: everything.update(position={"warmer": p}),
    "two stages": lambda p, a, everything: everything.update(position={"warm": p, "passes": p}),
    "a stage that is nothing": lambda p, a, everything: everything.update(position={"passes": None}),
}


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Folders with trainings that have ended, by kind; copy them."""
    folder = tmp_path_factory.mktemp("ended")
    for kind in KINDS:
        fit(model_of(kind), folder / kind)
    return folder


@pytest.mark.parametrize(
    ("kind", "lie"),
    [(kind, lie) for kind in ("blocks", "hogwild", "cold") for lie in LIES] + [("cold", lie) for lie in SOFTMAX_LIES],
)
def test_a_checkpoint_that_lies_is_an_error_before_anything_is_trained(kind, lie, run, ended, monkeypatch):
    shutil.copytree(ended / kind, run)
    for name in checkpoints(run):
        forge(run / name, (LIES | SOFTMAX_LIES)[lie])
    for name in ("negative_sampling.blocks.Blocks", "negative_sampling.hogwild.Hogwild", "softmax.passes.Passes"):
        monkeypatch.setattr(f"firth.training.{name}.train", None)
    heard, model = Heard(), model_of(kind)
    with pytest.raises(CheckpointError) as raised:
        model._fit(ids(), heard, made(run, model.options, heard, minutes=10, resume=True))
    named = [str(raised.value), *heard.warnings()]
    assert any("checkpoint-00000003.firth" in line for line in named)


def test_a_warm_start_of_more_than_there_is_is_an_error(run, interrupts, many_pieces):
    interrupted("warm", run, interrupts, at=2)
    newest = run / checkpoints(run)[-1]
    assert "warm" in read_checkpoint(newest).state.position
    forge(newest, lambda place, arrays, everything: place["warm"].update(done=[99]))
    with pytest.raises(CheckpointError, match=r"checkpoint-00000001\.firth .* done is \[99\].* up to \d+"):
        fit(model_of("warm"), run)


# --- two trainings, one folder

HOLDER = """
import sys, time
from firth import Options
from firth.training.loop.checkpoint import FolderCheckpointer
from firth.training.loop.progress import Reporter
from firth.training.loop.state import is_finite
with FolderCheckpointer(sys.argv[1], Options(), Reporter(), matrices=2, minutes=10, resume=True):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_training_stops_and_names_the_process_of_the_first(run):
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(run)], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(CheckpointError, match=rf"another training uses .*run: process {first.pid} on .+, since 20"):
            fit(model_of("blocks"), run)
        first.send_signal(signal.SIGKILL)
        first.wait()
        fit(model_of("blocks"), run)


def test_a_second_training_in_another_thread_stops_too(run):
    begun, go_on = threading.Event(), threading.Event()

    def wait(model):
        begun.set()
        go_on.wait(30)

    first = threading.Thread(target=fit, args=(model_of("blocks"), run), kwargs={"callbacks": [wait]})
    first.start()
    assert begun.wait(30)
    try:
        with pytest.raises(CheckpointError, match=f"another training uses .*run: process {os.getpid()} on"):
            fit(model_of("blocks"), run)
    finally:
        go_on.set()
        first.join()
    fit(model_of("blocks"), run)


# --- disks that refuse


def test_a_folder_that_cannot_be_made_is_an_error(run):
    run.write_text("a file")
    with pytest.raises(CheckpointError, match=r"checkpoint='.*run' exists but is not a folder"):
        fit(model_of("blocks"), run)


@needs_modes
def test_a_folder_that_cannot_be_written_in_is_an_error(run):
    run.mkdir()
    run.chmod(0o555)
    try:
        for folder, refused in [(run, run / "lock"), (run / "new", run / "new")]:
            with (
                modes_respected(),
                pytest.raises(PermissionError, match=f"Permission denied: '{re.escape(str(refused))}'"),
            ):
                fit(model_of("blocks"), folder)
    finally:
        run.chmod(0o755)
    assert list(run.iterdir()) == []


@pytest.mark.parametrize("failing", ["fsync", "replace", "unlink", "open"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_checkpoint_the_disk_refuses_is_a_warning_and_no_end(failing, number, tmp_path, run, monkeypatch):
    whole = saved(model_of("blocks", epochs=4).fit(ids(), **SILENT), tmp_path)
    fail_now, writes, write = [], [], FolderCheckpointer._write
    refuse_while(fail_now, failing, number, run, monkeypatch)
    model = model_of("blocks", epochs=4)

    def fail_from_the_third(*given):
        writes.append(1)
        fail_now[:] = [1] if len(writes) >= 3 else []
        write(*given)

    with monkeypatch.context() as patched:
        patched.setattr(FolderCheckpointer, "_write", fail_from_the_third)
        heard = fit_heard(model, run)
    fail_now.clear()
    assert saved(model, tmp_path) == whole
    assert len(heard.warnings()) == 2
    assert os.strerror(number) in heard.warnings()[0]
    assert "checkpoint-0000000" in heard.warnings()[0]
    assert not [path for path in run.iterdir() if path.name.endswith(".firth-tmp")]
    names = checkpoints(run)
    assert {"checkpoint-00000001.firth", "checkpoint-00000002.firth"} <= set(names), "the older ones are kept"
    assert all(read_checkpoint(run / name) for name in names)
    assert saved(fit(model_of("blocks", epochs=4), run), tmp_path) == whole


def refuse_while(fail_now, name, number, run, monkeypatch):
    """Have a system call that touches the folder `run` fail while the list `fail_now` holds anything."""
    owner = Path if name == "unlink" else os
    real = getattr(owner, name)

    def call(*given, **more):
        where = f"/proc/self/fd/{given[0]}" if name == "fsync" else given[0]
        if fail_now and str(run) in os.path.realpath(where):
            raise OSError(number, os.strerror(number), str(given[0]))
        return real(*given, **more)

    monkeypatch.setattr(owner, name, call)


def test_a_full_disk_that_cuts_what_is_written_is_a_warning(tmp_path, run, monkeypatch):
    whole = saved(model_of("blocks").fit(ids(), **SILENT), tmp_path)

    def cut(file, *given):
        file.write(b"the beginning")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint, "write_sealed", cut)
    model = model_of("blocks")
    heard = fit_heard(model, run)
    assert len(heard.warnings()) == 3
    assert [path.name for path in run.iterdir()] == ["lock"]
    assert saved(model, tmp_path) == whole


@pytest.mark.parametrize(("kind", "matrices"), [("blocks", 2), ("cold", 4)])
def test_too_little_room_is_refused_with_the_arithmetic(kind, matrices, run, monkeypatch):
    needed = 3 * matrices * 4 * 200 * 12
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(needed - 1))
    with pytest.raises(CheckpointError, match=rf"checkpoints of {matrices} matrices of shape \(200, 12\) need 0.1 MB"):
        fit(model_of(kind), run)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(needed))
    fit(model_of(kind), run)


# --- numbers that are none, and no memory


@pytest.mark.parametrize("kind", ["blocks", "hogwild"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_never_kept(kind, number, run, monkeypatch):
    """Not even where the loss does not show it."""

    def spoil(model):
        if len(model.history) == 2:
            model.outside[199, 11] = number

    monkeypatch.setattr(trainer.Trainer, "_check_loss", lambda *given: None)
    with pytest.raises(
        DivergenceError, match=r"'\w+' holds a number that is not finite: .*good checkpoint is .*2\.firth"
    ):
        fit(model_of(kind), run, callbacks=[spoil])
    assert checkpoints(run) == ["checkpoint-00000001.firth", "checkpoint-00000002.firth"]
    for name in checkpoints(run):
        for array in read_checkpoint(run / name).state.arrays.values():
            assert np.isfinite(array).all()


@pytest.mark.parametrize("name", ["center", "second_moment"])
def test_of_every_array_all_numbers_are_looked_at(name, run, ended):
    state = read_checkpoint(ended / "cold" / checkpoints(ended / "cold")[-1]).state
    arrays = {key: array.copy() for key, array in state.arrays.items()}
    arrays[name][-1, -1] = -np.inf
    with made(run, model_of("cold").options, Reporter(), minutes=1, resume=True) as checkpointer:
        with pytest.raises(DivergenceError, match=rf"'{name}' holds a number that is not finite: .* no checkpoint yet"):
            checkpointer.keep(state._replace(arrays=arrays), last=True)
        assert checkpoints(run) == []


def test_without_memory_for_a_copy_the_state_itself_is_written(tmp_path, run, monkeypatch):
    whole = saved(model_of("blocks").fit(ids(), **SILENT), tmp_path)

    def fail(*given):
        raise MemoryError("no more")

    monkeypatch.setattr(FolderCheckpointer, "_copied", fail)
    assert saved(fit(model_of("blocks"), run), tmp_path) == whole
    assert len(checkpoints(run)) == 2


def test_without_more_threads_no_checkpoint_is_of_two_states(run, ended, monkeypatch):
    state = read_checkpoint(ended / "blocks" / checkpoints(ended / "blocks")[-1]).state
    with made(run, model_of("blocks").options, Reporter(), minutes=1, resume=True) as checkpointer:
        monkeypatch.setattr(threading.Thread, "start", raising(RuntimeError("can't start new thread")))
        for n in (1, 2, 3):
            numbered = state._replace(position={"n": n}, arrays={"center": np.full((2, 2), n, np.float32)})
            checkpointer.keep(numbered, last=False)
            checkpointer.wait()
        for n, path in zip((2, 3), checkpoints(run), strict=True):
            found = read_checkpoint(run / path).state
            assert (found.position["n"], found.arrays["center"].max()) == (n, n)


def test_without_any_thread_the_folder_is_free_again(run, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", raising(RuntimeError("can't start new thread")))
        with pytest.raises(RuntimeError, match="new thread"):
            fit(model_of("blocks"), run)
    fit(model_of("blocks"), run)


def raising(error):
    def fail(*_):
        raise error

    return fail


def test_an_error_of_who_reports_leaves_a_checkpoint(tmp_path, run, many_pieces):
    whole = saved(model_of("blocks").fit(ids(), **SILENT), tmp_path)

    class Failing(Heard):
        def advance(self, done, total=None, note=""):
            if note:
                raise LookupError("its own")

    checkpointer = made(run, model_of("blocks").options, Reporter(), minutes=10, resume=False)
    with pytest.raises(LookupError, match="its own"):
        model_of("blocks")._fit(ids(), Failing(), checkpointer)
    assert checkpoints(run)
    assert saved(fit(model_of("blocks"), run), tmp_path) == whole


def small_state(n):
    return State({"n": n}, {"center": np.full((2, 2), n, np.float32)})


def opened(run):
    return made(run, model_of("blocks").options, Reporter(), minutes=1, resume=True)


def test_an_interrupt_while_the_folder_is_locked_leaves_it_free(run, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint.time, "strftime", raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            fit(model_of("blocks"), run)
    fit(model_of("blocks"), run)


def interrupt_soon():
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_who_is_interrupted_while_a_checkpoint_is_written_gives_it_up(run, monkeypatch):
    written = []

    def slow(file, *_):
        for _ in range(200):
            written.append(file.write(b"some bytes"))
            time.sleep(0.05)

    monkeypatch.setattr(checkpoint, "write_sealed", slow)
    with pytest.raises(KeyboardInterrupt), opened(run) as checkpointer:  # noqa: PT012
        checkpointer.keep(small_state(1), last=False)
        interrupt_soon()
        checkpointer.wait()
        pytest.fail("the interrupt was not raised")
    assert len(written) < 200
    assert [path.name for path in run.iterdir()] == ["lock"]


def test_the_folder_stays_locked_while_anything_is_written_in_it(run, monkeypatch):
    go_on, write, shutdown = threading.Event(), checkpoint.write_sealed, ThreadPoolExecutor.shutdown

    def stuck(file, *given):
        go_on.wait(60)
        write(file, *given)

    def interrupted_after_it(pool, wait=True):
        shutdown(pool, wait)
        interrupt_soon()

    monkeypatch.setattr(checkpoint, "write_sealed", stuck)
    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", interrupted_after_it)
    with pytest.raises(KeyboardInterrupt), opened(run) as checkpointer:  # noqa: PT012
        checkpointer.keep(small_state(1), last=False)
        interrupt_soon()
        checkpointer.wait()
    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", shutdown)
    with pytest.raises(CheckpointError, match="another training uses"), opened(run):
        pytest.fail("the folder was free")
    go_on.set()
    checkpointer._writer.shutdown()  # and its thread has ended
    with opened(run) as checkpointer:
        assert checkpointer.resumed is None


def test_what_cannot_be_read_is_skipped_and_never_counts_as_kept(run, monkeypatch):
    with opened(run) as checkpointer:
        for n in (1, 2):
            checkpointer.keep(small_state(n), last=True)
    bad = run / "checkpoint-00000009.firth"
    bad.write_bytes((run / checkpoints(run)[0]).read_bytes()[:-1])
    (run / "checkpoint-00000008.firth").mkdir()
    denied, read = run / "checkpoint-00000002.firth", checkpoint.read_checkpoint

    def fail_at_one(path):
        if path == denied:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(checkpoint, "read_checkpoint", fail_at_one)
    heard = Heard()
    with made(run, model_of("blocks").options, heard, minutes=1, resume=True) as checkpointer:
        assert [re.search(r"0000000\d", line)[0] for line in heard.warnings()] == ["00000009", "00000002"]
        assert checkpointer.resumed.position == {"n": 1}
        checkpointer.keep(small_state(3), last=True)
    assert [path.name[-7] for path in checkpoint._files(run)] == ["0", "1"]
    assert not bad.exists()


def test_a_callback_may_change_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    fit(model_of("blocks"), "run", callbacks=[lambda _: os.chdir(tmp_path / "elsewhere")])
    assert checkpoints(tmp_path / "run") == ["checkpoint-00000002.firth", "checkpoint-00000003.firth"]


@pytest.mark.parametrize("folder", [3, b"run", "", "a\0b"])
def test_what_is_no_name_of_a_folder_is_refused(folder):
    with pytest.raises(OptionError, match=r"checkpoint=.* is not allowed: give the path of a folder"):
        model_of("blocks").fit(ids(), checkpoint=folder)


@pytest.mark.parametrize("corpus", ["texts", "texts/**", ["other.txt", "texts"]])
def test_checkpoints_in_a_folder_of_the_corpus_are_refused(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    for name in ("other.txt", "texts/a.txt"):
        (tmp_path / name).write_text("some words of text\n" * 100)
    for texts in ({"corpus": corpus}, {"corpus": "other.txt", "validation": corpus}):
        with pytest.raises(OptionError, match=r"the folder 'texts/run' lies in the corpus"):
            model_of("blocks").fit(**texts, checkpoint="texts/run", progress=False)
    assert not (tmp_path / "texts/run").exists()
    model_of("blocks").fit("texts/*.txt", checkpoint="texts/run", progress=False)


@pytest.mark.parametrize(
    "wrong", [{"corpus": "nowhere"}, {"validation": "nowhere"}, {"max_input_bytes": 0}, {"checkpoint_minutes": 0}]
)
def test_what_is_refused_at_once_makes_no_folder(wrong, tmp_path, run):
    text = tmp_path / "text.txt"
    text.write_text("some words of text\n" * 100)
    with pytest.raises((CorpusError, OptionError), match=r"nowhere.* is not there|=0\.?0? is not allowed"):
        model_of("blocks").fit(**{"corpus": text} | wrong, checkpoint=run, progress=False)
    assert not run.exists()


def test_silence_is_not_for_what_goes_wrong(run):
    gone = run.with_name("gone")
    with pytest.warns(RuntimeWarning, match="no checkpoint could be written"):
        fit(model_of("blocks"), run, callbacks=[lambda _: run.exists() and run.rename(gone)])


def test_a_refused_training_leaves_the_model_as_it_was(run):
    model = model_of("blocks").fit(ids(), progress=False, checkpoint=run)
    vectors, history = model.wv.vectors.copy(), list(model.history)
    with pytest.raises(CheckpointError, match="resume"):
        model.fit(ids(), progress=False, checkpoint=run)
    np.testing.assert_array_equal(model.wv.vectors, vectors)
    assert model.history == history
    assert model.corpus["raw_words"] == 12_000


def test_large_numbers_are_finite():
    assert is_finite(np.full(2, 2e38, np.float32))
    assert not is_finite(np.array([1, np.inf], np.float32))


@pytest.mark.parametrize("where", ["a task", "the write"])
def test_no_memory_leaves_the_checkpoints(where, tmp_path, run, monkeypatch, many_pieces):
    whole = saved(model_of("blocks").fit(ids(), **SILENT), tmp_path)
    real, calls = (blocks.Blocks._make_pairs, []) if where == "a task" else (FolderCheckpointer._write, [])

    def fail(*given):
        calls.append(1)
        if len(calls) > (12 if where == "a task" else 1):
            raise MemoryError("no more")
        return real(*given)

    with monkeypatch.context() as patched:
        owner, name = (blocks.Blocks, "_make_pairs") if where == "a task" else (FolderCheckpointer, "_write")
        patched.setattr(owner, name, fail)
        with pytest.raises(MemoryError, match="no more"):
            fit(model_of("blocks"), run)
    assert checkpoints(run) == ["checkpoint-00000001.firth"]
    assert saved(fit(model_of("blocks"), run), tmp_path) == whole


@pytest.mark.parametrize("seed", [0, 1, 3, 6])
def test_a_program_that_is_killed_goes_on_to_the_same_file(seed, tmp_path):
    assert kills.run(seed, tmp_path)["identical"] == 1
