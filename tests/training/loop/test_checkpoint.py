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
from unittest.mock import Mock

import numpy as np
import pytest
from _rights import modes_respected, needs_modes
from stress import kills
from training.loop._runs import ENGINES, KINDS, Interrupts, Log, fit_reporting, ids, model_of, saved, uninterrupted

from firth.errors import CheckpointError, CorpusError, DivergenceError, FormatError, OptionError
from firth.formats.sealed import CHECKPOINT, write_sealed
from firth.training.loop import checkpoint, trainer
from firth.training.loop.checkpoint import FolderCheckpointer, read_checkpoint
from firth.training.loop.progress import Reporter
from firth.training.loop.state import State, is_finite
from firth.training.negative_sampling import blocks
from firth.training.run import make_checkpointer


@pytest.fixture
def interrupts(monkeypatch):
    return Interrupts(monkeypatch)


@pytest.fixture
def run(tmp_path):
    return tmp_path / "run"


def opened(folder, kind="blocks", report=None, minutes=1.0, **options):
    given = model_of(kind, **options).options
    return make_checkpointer(folder, given, report or Reporter(), minutes=minutes, resume=True)


def fit(model, folder, *, corpus=None, resume=True, **more):
    return model.fit(ids() if corpus is None else corpus, progress=False, checkpoint=folder, resume=resume, **more)


def fit_logged(kind, folder, minutes=10.0, **options):
    log, model = Log(), model_of(kind, **options)
    fit_reporting(model, ids(), log, opened(folder, kind, log, minutes, **options))
    return model, log


def fit_in_parts(kind, folder, interrupts, numbers, **more):
    """Train with interrupts, each at a number of tasks after the resume; return the model and how many came."""
    came = 0
    for at in numbers:
        interrupts.after(at)
        try:
            fit(model_of(kind, workers=1 + came % 3), folder, **more)
        except KeyboardInterrupt:
            came += 1
    interrupts.after(None)
    return fit(model_of(kind, workers=1 + came % 3), folder, **more), came


def interrupted(kind, folder, interrupts, at=3, **more):
    """Leave a run in the folder that was interrupted at its `at`-th task."""
    interrupts.after(at)
    with pytest.raises(KeyboardInterrupt):
        fit(model_of(kind, workers=1), folder, **more)
    interrupts.after(None)


def checkpoints(folder):
    return sorted(path.name for path in folder.glob("*.firth"))


def contents(folder):
    return {path: path.read_bytes() for path in folder.glob("*.firth")}


# --- the same bytes


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_interrupted_at_any_tasks_ends_with_the_same_file(kind, run, interrupts, many_tasks):
    model, came = fit_in_parts(kind, run, interrupts, (1, 2, 3, 5, 4, 7))
    assert came >= 3
    assert saved(model) == uninterrupted(kind)


@pytest.mark.parametrize("kind", ["blocks", "cold"])
def test_a_run_can_be_resumed_after_each_of_its_tasks(kind, run, interrupts, many_tasks):
    """One worker, so that tasks come one by one."""
    whole = uninterrupted(kind)
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
        assert saved(fit(model_of(kind), run)) == whole
        shutil.rmtree(run)


def test_a_run_interrupted_in_the_middle_of_a_chunk_is_resumed_there(run, interrupts, many_tasks):
    interrupted("blocks", run, interrupts, at=30)
    done = read_checkpoint(run / checkpoints(run)[-1]).state.position["done"]
    assert sum(done) % (5 * 5) > 0, "neither the first bucket of the chunk nor the last"


@pytest.mark.parametrize("kind", ["blocks", "path blocks", "cbow", "warm"])
@pytest.mark.parametrize("validation", ["fraction", "text"])
def test_a_run_with_validation_is_resumed_to_the_same_file(kind, validation, tmp_path, run, interrupts, many_tasks):
    text = tmp_path / "other.txt"
    text.write_text("".join(" ".join(map(str, row)) + "\n" for row in ids(2000, seed=9)))
    corpus = [[str(number) for number in row] for row in ids().tolist()]
    more = {"validation": 0.3 if validation == "fraction" else text, "corpus": corpus}
    model, came = fit_in_parts(kind, run, interrupts, (2, 4, 9), **more)
    assert came >= 2
    assert saved(model) == uninterrupted(kind, **more)
    assert model.history[-1].validation_loss > 0


def test_checkpoints_between_the_ends_of_epochs_change_nothing(run, many_tasks, monkeypatch):
    whole = uninterrupted("blocks")
    monkeypatch.setattr(trainer, "POLL_SECONDS", 0.001)
    writes = []
    write = FolderCheckpointer._write
    monkeypatch.setattr(FolderCheckpointer, "_write", lambda *given: (writes.append(1), write(*given)))
    model, _ = fit_logged("blocks", run, minutes=1e-9)
    assert len(writes) > model.options.epochs
    assert saved(model) == saved(fit(model_of("blocks"), run)) == whole


def test_resuming_without_a_checkpoint_starts_afresh(run):
    assert saved(fit(model_of("blocks"), run / "new" / "folder")) == uninterrupted("blocks")


@pytest.mark.parametrize("kind", KINDS)
def test_resuming_a_finished_run_trains_nothing(kind, run, monkeypatch):
    whole = saved(fit(model_of(kind), run))
    for engine in ENGINES:
        monkeypatch.setattr(engine, "train", None)
    assert saved(fit(model_of(kind), run)) == whole


def test_callbacks_run_once_for_every_epoch_and_stop_a_resumed_run(run, interrupts, many_tasks):
    epochs = []

    def stop_at_two(model):
        epochs.append(len(model.history))
        return len(model.history) == 2

    whole = uninterrupted("blocks", callbacks=[stop_at_two])
    epochs.clear()
    model, came = fit_in_parts("blocks", run, interrupts, (5, 40, 45), callbacks=[stop_at_two])
    assert came == 3
    assert epochs == [1, 2]
    assert saved(model) == whole
    assert saved(fit(model_of("blocks"), run, callbacks=[stop_at_two])) == whole, "it stops again"


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, LookupError])
def test_a_run_ended_by_an_exception_of_a_callback_can_be_resumed(raised, run):
    def fail(model):
        if len(model.history) == 2:
            raise raised

    with pytest.raises(raised):
        fit(model_of("blocks"), run, callbacks=[fail])
    assert saved(fit(model_of("blocks"), run)) == uninterrupted("blocks")


# --- damaged checkpoints


def damage(path):
    """Flip one bit of a tensor."""
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def test_a_damaged_checkpoint_is_skipped_with_a_warning(run, interrupts, many_tasks):
    interrupted("blocks", run, interrupts, at=300)  # in the second epoch
    older, newest = checkpoints(run)
    damage(run / newest)
    model, log = fit_logged("blocks", run)
    (warning,) = log.warnings
    assert newest in warning
    assert f"resumed from {run / older}" in log.lines
    assert saved(model) == uninterrupted("blocks")


def test_if_all_checkpoints_are_damaged_nothing_is_trained_or_deleted(run):
    fit(model_of("blocks"), run)
    for name in checkpoints(run):
        damage(run / name)
    before, message = contents(run), r"none of the 2 checkpoints in .* is sound: delete them"
    with pytest.warns(RuntimeWarning, match="skipped a"), pytest.raises(CheckpointError, match=message):
        fit(model_of("blocks"), run)
    assert contents(run) == before


@pytest.mark.parametrize("damaged", ["truncated", "one bit flipped"])
def test_damage_at_any_byte_of_a_checkpoint_is_an_error(damaged, run):
    fit(model_of("cold", vector_size=1, epochs=1), run, corpus=[["a", "b", "c", "a"]] * 5)
    path, rng = run / checkpoints(run)[-1], np.random.default_rng(1)
    data = path.read_bytes()
    for at in range(len(data)):
        changed = bytearray(data[:at] if damaged == "truncated" else data)
        if damaged != "truncated":
            changed[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        with pytest.raises(FormatError, match=re.escape(path.name)):
            read_checkpoint(path)


# --- checkpoints of another run


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"alpha": 0.03}, r"options alpha was 0\.025 and is now 0\.03"),
        ({"seed": 2, "window": 4}, r"options seed was 1 and is now 2; options window was 3 and is now 4"),
        ({"epochs": 4}, r"options epochs was 3 and is now 4"),
        ({"schedule": "hogwild"}, r"options schedule was 'blocks' and is now 'hogwild'"),
    ],
)
def test_a_checkpoint_with_other_options_is_refused_and_the_difference_shown(changed, shown, run):
    fit(model_of("blocks"), run)
    before = contents(run)
    with pytest.raises(CheckpointError, match=rf"00000003\.firth belongs to another training run: {shown}\. Give"):
        fit(model_of("blocks", **changed), run)
    assert contents(run) == before


def test_a_checkpoint_of_another_version_is_refused_and_the_difference_shown(run, monkeypatch):
    fit(model_of("blocks"), run)
    monkeypatch.setattr("firth.training.loop.identity.__version__", "99.0")
    with pytest.raises(CheckpointError, match=r"versions firth was '.*' and is now '99\.0'\. Give"):
        fit(model_of("blocks"), run)


def test_a_checkpoint_of_another_processor_is_resumed_with_a_warning(run, monkeypatch):
    fit(model_of("blocks"), run)
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: "abacus")
    (warning,) = fit_logged("blocks", run)[1].warnings
    assert re.match(r"the processor was \S+ and is abacus: .* last bits", warning)


def test_a_checkpoint_of_another_corpus_is_refused_and_the_difference_shown(run):
    fit(model_of("blocks"), run, validation=ids(400, seed=3))
    reordered = ids()
    reordered[[300, 301]] = reordered[[301, 300]]  # counts and the order of first occurrences stay the same
    for corpus, seed, shown in [
        (ids()[:-1], 3, r"corpus words was 12000 and is now 11980"),
        (reordered, 3, r"run: corpus text \(sha256\) was '\w+' and is now '\w+'\. Give"),
        (ids(), None, r"corpus validation text \(sha256\) was '\w+' and is now None"),
        (ids(), 4, r"corpus validation text \(sha256\) was '\w+' and is now '\w+'"),
    ]:
        with pytest.raises(CheckpointError, match=shown):
            fit(model_of("blocks"), run, corpus=corpus, validation=None if seed is None else ids(400, seed=seed))


def test_a_folder_with_checkpoints_is_refused_without_resume_and_the_model_is_unchanged(run):
    model = fit(model_of("blocks"), run)
    before = saved(model), dict(model.corpus)
    with pytest.raises(CheckpointError, match=r"-00000003\.firth, from which training can be resumed: give resume"):
        fit(model, run, resume=False)
    assert (saved(model), model.corpus) == before


@pytest.mark.parametrize("given", [{"resume": True}, {"checkpoint_minutes": 5}, {"checkpoint_minutes": -5}])
def test_arguments_for_checkpoints_need_a_folder(given):
    with pytest.raises(OptionError, match=f"{next(iter(given))}.* needs checkpoint, the folder"):
        model_of("blocks").fit(ids(), **given)


# --- manipulated checkpoints: all checksums are right


def forge(path, change):
    """Write a checkpoint again with its position, arrays and other values changed."""
    found = read_checkpoint(path)
    position, arrays = dict(found.state.position), {name: array.copy() for name, array in found.state.arrays.items()}
    values = {"position": position, "history": list(found.history), "identity": found.identity}
    change(position.get("passes", position), arrays, values)
    with path.open("wb") as file:
        strings = {name: checkpoint.json.dumps(value) for name, value in values.items()}
        write_sealed(file, CHECKPOINT, arrays, strings)


def put(**new):
    return lambda position, arrays, values: position.update(new)


def put_beside(**new):
    return lambda position, arrays, values: values.update(new)


def without(name):
    return lambda position, arrays, values: (position.pop(name, None), arrays.pop(name, None))


def array(name, make):
    return lambda position, arrays, values: arrays.update({name: make(arrays[name])})


def with_one(number):
    return lambda a: np.where(np.arange(a.size).reshape(a.shape) == 7, number, a)


FORGERIES = {
    "an epoch after the last": put(epoch=3),
    "an epoch before the first": put(epoch=-1),
    "an epoch that is a float": put(epoch=1.0),
    "an epoch that is a bool": put(epoch=True),
    "epoch absent": without("epoch"),
    "more done than there is": put(done=[10**9]),
    "done below zero": put(done=[-1]),
    "done in another form": put(done={"0": 1}),
    "done is null": put(done=None),
    "done too long": put(done=[0] * 99),
    "pairs below zero": put(pairs=-1),
    "pairs above 64 bits": put(pairs=2**70),
    "seconds that are a string": put(seconds="1"),
    "seconds below zero": put(seconds=-1.0),
    "infinite seconds": put(seconds=float("inf")),
    "losses absent": without("losses"),
    "losses of another dtype": array("losses", lambda a: a.astype(np.float32)),
    "losses in two dimensions": array("losses", lambda a: np.resize(a, (2, 2))),
    "infinite losses": array("losses", lambda a: np.full_like(a, np.inf)),
    "center absent": without("center"),
    "another V": array("center", lambda a: a[:-1]),
    "another D": array("outside", lambda a: a[:, 1:]),
    "one row": array("center", lambda a: a[:1]),
    "one dimension": array("center", lambda a: a[0]),
    "another dtype": array("outside", lambda a: a.astype(np.float64)),
    "a NaN": array("center", with_one(np.nan)),
    "an infinity": array("outside", with_one(np.inf)),
    "a history of numbers": put_beside(history=[1]),
    "a history with unknown names": put_beside(history=[{"epok": 1}]),
}
SOFTMAX_FORGERIES = {
    "more steps than there are": put(steps=10**6),
    "steps below zero": put(steps=-1),
    "moments absent": without("first_moment"),
    "moments of another shape": array("second_moment", lambda a: a[:, :1]),
    "curvature of another shape": array("inverse_curvature", lambda a: a[0]),
    "an unknown stage": lambda position, arrays, values: values.update(position={"warmer": position}),
    "two stages": lambda position, arrays, values: values.update(position={"warm": position, "passes": position}),
    "a stage that is null": put_beside(position={"passes": None}),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folders with finished runs, by kind; copy them."""
    folder = tmp_path_factory.mktemp("finished")
    for kind in KINDS:
        fit(model_of(kind), folder / kind)
    return folder


@pytest.mark.parametrize(
    ("kind", "forgery"),
    [(kind, forgery) for kind in ("blocks", "hogwild", "cbow", "cold") for forgery in FORGERIES]
    + [("cold", forgery) for forgery in SOFTMAX_FORGERIES],
)
def test_a_manipulated_checkpoint_is_an_error_before_anything_is_trained(kind, forgery, run, finished, monkeypatch):
    shutil.copytree(finished / kind, run)
    for name in checkpoints(run):
        forge(run / name, (FORGERIES | SOFTMAX_FORGERIES)[forgery])
    for engine in ENGINES:
        monkeypatch.setattr(engine, "train", None)
    log = Log()
    with pytest.raises(CheckpointError) as raised:
        fit_reporting(model_of(kind), ids(), log, opened(run, kind, log))
    assert any("checkpoint-00000003.firth" in line for line in [str(raised.value), *log.warnings])


def test_a_manipulated_warm_start_is_an_error(run, interrupts, many_tasks):
    interrupted("warm", run, interrupts, at=2)
    newest = run / checkpoints(run)[-1]
    assert "warm" in read_checkpoint(newest).state.position
    forge(newest, lambda position, arrays, values: position["warm"].update(done=[99]))
    with pytest.raises(CheckpointError, match=r"checkpoint-00000001\.firth .* done is \[99\].* up to \d+"):
        fit(model_of("warm"), run)


HOLDER = """
import sys, time
from firth import Options
from firth.training.loop.checkpoint import FolderCheckpointer
from firth.training.loop.progress import Reporter
with FolderCheckpointer(sys.argv[1], Options(), Reporter(), matrices=2, minutes=10, resume=True):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_second_run_in_a_folder_is_refused_with_the_process_of_the_first(run):
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(run)], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "locked\n"
        message = rf"another training run uses .*run: process {first.pid} on .+, since 20"
        with pytest.raises(CheckpointError, match=message):
            fit(model_of("blocks"), run)
        first.send_signal(signal.SIGKILL)
        first.wait()
        fit(model_of("blocks"), run)


# --- errors of the disk


def test_a_file_in_place_of_the_folder_is_an_error(run):
    run.write_text("a file")
    with pytest.raises(CheckpointError, match=r"checkpoint='.*run' exists but is not a folder"):
        fit(model_of("blocks"), run)


@needs_modes
def test_a_folder_without_write_permission_is_an_error(run):
    run.mkdir()
    run.chmod(0o555)
    try:
        for folder, refused in [(run, run / "lock"), (run / "new", run / "new")]:
            message = f"Permission denied: '{re.escape(str(refused))}'"
            with modes_respected(), pytest.raises(PermissionError, match=message):
                fit(model_of("blocks"), folder)
    finally:
        run.chmod(0o755)
    assert list(run.iterdir()) == []


@pytest.mark.parametrize("failing", ["fsync", "replace", "unlink", "open", "write"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_an_error_of_the_disk_is_a_warning_and_training_continues(failing, number, run, monkeypatch):
    whole = uninterrupted("blocks", epochs=4)
    failing_now, writes, write = [], [], FolderCheckpointer._write

    def fail_from_the_third(*given):
        writes.append(1)
        failing_now[:] = [1] if len(writes) >= 3 else []
        write(*given)

    fail_while(failing_now, failing, number, run, monkeypatch)
    with monkeypatch.context() as patched:
        patched.setattr(FolderCheckpointer, "_write", fail_from_the_third)
        model, log = fit_logged("blocks", run, epochs=4)
    failing_now.clear()
    assert saved(model) == whole
    assert len(log.warnings) == 2
    assert os.strerror(number) in log.warnings[0]
    assert "checkpoint-0000000" in log.warnings[0]
    assert not [path for path in run.iterdir() if path.name.endswith(".firth-tmp")]
    names = checkpoints(run)
    assert {"checkpoint-00000001.firth", "checkpoint-00000002.firth"} <= set(names), "the older ones are kept"
    assert all(read_checkpoint(run / name) for name in names)
    assert saved(fit(model_of("blocks", epochs=4), run)) == whole


def fail_while(failing_now, name, number, run, monkeypatch):
    """Make a call that touches the folder `run` fail while the list `failing_now` holds anything."""
    owner, name = {"unlink": (Path, name), "write": (checkpoint, "write_sealed")}.get(name, (os, name))
    real = getattr(owner, name)

    def call(*given, **more):
        if failing_now and owner is checkpoint:
            given[0].write(b"the beginning")
        where = {"fsync": f"/proc/self/fd/{given[0]}", "write_sealed": run}.get(name, given[0])
        if failing_now and str(run) in os.path.realpath(where):
            raise OSError(number, os.strerror(number), str(run / "checkpoint-0000000n.firth"))
        return real(*given, **more)

    monkeypatch.setattr(owner, name, call)


def test_a_warning_is_issued_without_a_display(run):
    gone = run.with_name("gone")
    with pytest.warns(RuntimeWarning, match="no checkpoint could be written"):
        fit(model_of("blocks"), run, callbacks=[lambda _: run.exists() and run.rename(gone)])


@pytest.mark.parametrize(("kind", "matrices"), [("blocks", 2), ("cold", 4)])
def test_a_disk_without_room_is_refused_with_the_sizes(kind, matrices, run, monkeypatch):
    needed = 3 * matrices * 4 * 200 * 12
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(needed - 1))
    with pytest.raises(CheckpointError, match=rf"checkpoints of {matrices} matrices of shape \(200, 12\) need 0.1 MB"):
        fit(model_of(kind), run)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(needed))
    fit(model_of(kind), run)


def test_an_unreadable_checkpoint_is_skipped_and_not_counted_as_kept(run, monkeypatch):
    with opened(run) as checkpointer:
        for n in (1, 2):
            checkpointer.save(small_state(n), last=True)
    bad = run / "checkpoint-00000009.firth"
    bad.write_bytes((run / checkpoints(run)[0]).read_bytes()[:-1])
    (run / "checkpoint-00000008.firth").mkdir()
    denied, read = run / "checkpoint-00000002.firth", checkpoint.read_checkpoint

    def fail_at_one(path):
        if path == denied:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(checkpoint, "read_checkpoint", fail_at_one)
    log = Log()
    with opened(run, report=log) as checkpointer:
        assert [re.search(r"0000000\d", line)[0] for line in log.warnings] == ["00000009", "00000002"]
        assert checkpointer.resumed.position == {"n": 1}
        checkpointer.save(small_state(3), last=True)
    assert [path.name[-7] for path in checkpoint._files(run)] == ["0", "1"]
    assert not bad.exists()


@pytest.mark.parametrize(("kind", "number"), [("blocks", np.nan), ("hogwild", np.inf)])
def test_a_state_with_a_number_that_is_not_finite_is_not_saved(kind, number, run, monkeypatch):
    """Not even if the loss is finite."""

    def spoil(model):
        if len(model.history) == 2:
            model.outside[199, 11] = number

    monkeypatch.setattr(trainer.Trainer, "_check_loss", lambda *given: None)
    with pytest.raises(DivergenceError, match=r"'\w+' holds a number .* not finite: .*good checkpoint is .*2\.firth"):
        fit(model_of(kind), run, callbacks=[spoil])
    assert checkpoints(run) == ["checkpoint-00000001.firth", "checkpoint-00000002.firth"]
    for name in checkpoints(run):
        for array in read_checkpoint(run / name).state.arrays.values():
            assert np.isfinite(array).all()


@pytest.mark.parametrize("name", ["center", "second_moment"])
def test_all_numbers_of_every_array_are_checked(name, run, finished):
    state = read_checkpoint(finished / "cold" / checkpoints(finished / "cold")[-1]).state
    arrays = {key: array.copy() for key, array in state.arrays.items()}
    arrays[name][-1, -1] = -np.inf
    with opened(run, "cold") as checkpointer:
        with pytest.raises(DivergenceError, match=rf"'{name}' holds a number that is not finite: .* no checkpoint yet"):
            checkpointer.save(state._replace(arrays=arrays), last=True)
        assert checkpoints(run) == []


def test_large_numbers_are_finite():
    assert is_finite(np.full(2, 2e38, np.float32))
    assert not is_finite(np.array([1, np.inf], np.float32))


# --- too little memory, too few threads, interrupts


def small_state(n):
    return State({"n": n}, {"center": np.full((2, 2), n, np.float32)})


def test_without_memory_for_a_copy_the_state_itself_is_written(run, monkeypatch):
    monkeypatch.setattr(FolderCheckpointer, "_copied", Mock(side_effect=MemoryError("no more")))
    assert saved(fit(model_of("blocks"), run)) == uninterrupted("blocks")
    assert len(checkpoints(run)) == 2


def test_without_another_thread_every_checkpoint_holds_one_state(run, monkeypatch):
    with opened(run) as checkpointer:
        monkeypatch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
        for n in (1, 2, 3):
            checkpointer.save(small_state(n), last=False)
            checkpointer.wait()
        for n, path in zip((2, 3), checkpoints(run), strict=True):
            found = read_checkpoint(run / path).state
            assert (found.position["n"], found.arrays["center"].max()) == (n, n)


@pytest.mark.parametrize(("owner", "name"), [(threading.Thread, "start"), (checkpoint.time, "strftime")])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_while_the_folder_is_locked_unlocks_it(owner, name, error, run, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, Mock(side_effect=error))
        with pytest.raises(error):
            fit(model_of("blocks"), run)
    fit(model_of("blocks"), run)


@pytest.mark.parametrize("where", ["a task", "the write"])
def test_an_out_of_memory_error_leaves_the_checkpoints(where, run, monkeypatch, many_tasks):
    owner, name = (blocks.Blocks, "_prepare") if where == "a task" else (FolderCheckpointer, "_write")
    real, calls = getattr(owner, name), []

    def fail(*given):
        calls.append(1)
        if len(calls) > (12 if where == "a task" else 1):
            raise MemoryError("no more")
        return real(*given)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, fail)
        with pytest.raises(MemoryError, match="no more"):
            fit(model_of("blocks"), run)
    assert checkpoints(run) == ["checkpoint-00000001.firth"]
    assert saved(fit(model_of("blocks"), run)) == uninterrupted("blocks")


def test_an_error_of_the_reporter_leaves_a_checkpoint(run, many_tasks):
    class Failing(Log):
        def advance(self, done, total=None, note=""):
            if note:
                raise LookupError("its own")

    with pytest.raises(LookupError, match="its own"):
        fit_reporting(model_of("blocks"), ids(), Failing(), opened(run))
    assert checkpoints(run)
    assert saved(fit(model_of("blocks"), run)) == uninterrupted("blocks")


def interrupt_soon():
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_an_interrupt_while_waiting_for_a_write_cancels_it(run, monkeypatch):
    written = []

    def slow(file, *_):
        for _ in range(200):
            written.append(file.write(b"some bytes"))
            time.sleep(0.05)

    monkeypatch.setattr(checkpoint, "write_sealed", slow)
    with pytest.raises(KeyboardInterrupt), opened(run) as checkpointer:  # noqa: PT012
        checkpointer.save(small_state(1), last=False)
        interrupt_soon()
        checkpointer.wait()
        pytest.fail("the interrupt was not raised")
    assert len(written) < 200
    assert [path.name for path in run.iterdir()] == ["lock"]


def test_the_folder_stays_locked_until_the_write_ends(run, monkeypatch):
    proceed, write, shutdown = threading.Event(), checkpoint.write_sealed, ThreadPoolExecutor.shutdown

    def stuck(file, *given):
        proceed.wait(60)
        write(file, *given)

    def interrupted_after_it(pool, wait=True):
        shutdown(pool, wait)
        interrupt_soon()

    monkeypatch.setattr(checkpoint, "write_sealed", stuck)
    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", interrupted_after_it)
    with pytest.raises(KeyboardInterrupt), opened(run) as checkpointer:  # noqa: PT012
        checkpointer.save(small_state(1), last=False)
        interrupt_soon()
        checkpointer.wait()
    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", shutdown)
    with pytest.raises(CheckpointError, match="another training run uses"), opened(run):
        pytest.fail("the folder was not locked")
    proceed.set()
    checkpointer._writer.shutdown()  # waits for its thread
    with opened(run) as checkpointer:
        assert checkpointer.resumed is None


@pytest.mark.parametrize("seed", [0, 1, 3, 6])
def test_a_killed_program_can_be_resumed_to_the_same_file(seed, tmp_path):
    assert kills.run(seed, tmp_path)["identical"] == 1


@pytest.mark.parametrize("folder", [3, b"run", "", "a\0b"])
def test_a_folder_that_is_not_a_path_is_refused(folder):
    with pytest.raises(OptionError, match=r"checkpoint=.* is not allowed: give the path of a folder"):
        model_of("blocks").fit(ids(), checkpoint=folder)


def test_a_callback_may_change_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    fit(model_of("blocks"), "run", callbacks=[lambda _: os.chdir(tmp_path / "elsewhere")])
    assert checkpoints(tmp_path / "run") == ["checkpoint-00000002.firth", "checkpoint-00000003.firth"]


@pytest.mark.parametrize("corpus", ["texts", "texts/**", ["other.txt", "texts"]])
def test_checkpoints_in_a_folder_of_the_corpus_are_refused(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    for name in ("other.txt", "texts/a.txt"):
        (tmp_path / name).write_text("some words of text\n" * 100)
    for texts in ({"corpus": corpus}, {"corpus": "other.txt", "validation": corpus}):
        with pytest.raises(OptionError, match=r"the folder 'texts/run' is inside the corpus"):
            model_of("blocks").fit(**texts, checkpoint="texts/run", progress=False)
    assert not (tmp_path / "texts/run").exists()
    model_of("blocks").fit("texts/*.txt", checkpoint="texts/run", progress=False)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"corpus": "nowhere"}, "nowhere.* does not exist"),
        ({"validation": "nowhere"}, "nowhere.* does not exist"),
        ({"max_input_bytes": 0}, r"max_input_bytes=0 is not allowed"),
        *(
            ({"checkpoint_minutes": minutes}, "checkpoint_minutes=.* is not allowed: give a number above 0")
            for minutes in (0, -1, float("nan"), float("inf"), "10", True)
        ),
    ],
)
def test_an_argument_that_is_refused_creates_no_folder(wrong, message, tmp_path, run):
    text = tmp_path / "text.txt"
    text.write_text("some words of text\n" * 100)
    with pytest.raises((CorpusError, OptionError), match=message):
        model_of("blocks").fit(**{"corpus": text} | wrong, checkpoint=run, progress=False)
    assert not run.exists()
