import errno
import json
import os
import resource
import stat
import sys
import tempfile
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from _rights import modes_respected, needs_modes
from stress import saves
from stress._powerloss import Disk, recorded
from stress._saving import CHANGES, KINDS, LOOKS, Case, command, interposed, leftovers, run_child

from firth import KeyedVectors, atomic
from firth.atomic import atomic_folder, atomic_set, atomic_write
from firth.cli.files import output_format
from firth.errors import FormatError
from firth.formats import read_vectors, write_vectors

SETS = ["counts", "projector", "folder"]


class StopError(Exception):
    pass


def write(path, data):
    with atomic_write(path) as file:
        file.write(data)


def a_case(name, folder):
    return Case(name, folder.resolve())


@pytest.fixture
def quick_folder(tmp_path):
    """Yield a folder in memory, if there is such a place: a save waits for the disk more than once."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


# --- modes


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_the_umask_allows(tmp_path, umask, mode):
    old = os.umask(umask)
    try:
        write(tmp_path / "new", b"bytes")
    finally:
        os.umask(old)
    assert (tmp_path / "new").read_bytes() == b"bytes"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o666, 0o444])
def test_a_replaced_file_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "old"
    path.write_bytes(b"before")
    path.chmod(mode)
    write(path, b"after")
    assert path.read_bytes() == b"after"
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_the_replacement_of_a_private_file_is_never_readable_by_others(tmp_path):
    path = tmp_path / "old"
    path.write_bytes(b"before")
    path.chmod(0o600)
    with atomic_write(path):
        assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in leftovers(tmp_path)] == [0o600]


# --- failures in the process that saves


@pytest.mark.parametrize("failure", [StopError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_no_temporary_one(tmp_path, failure):
    path = tmp_path / "old"
    path.write_bytes(b"before")
    with pytest.raises(failure), atomic_write(path) as file:  # noqa: PT012 - both happen in the block
        file.write(b"half of what should")
        file.flush()
        assert path.read_bytes() == b"before"
        raise failure
    assert path.read_bytes() == b"before"
    assert leftovers(tmp_path) == []


def fail_at(number, error, hit):
    def before(name, called, argument):
        if called == number:
            hit.append(name)
            raise OSError(error, os.strerror(error), *([argument] if isinstance(argument, str | Path) else []))

    return before


def save_with(case, number, error):
    """Save with one call failing; return what was called, the error if one came, and the state of the folder."""
    case.prepare()
    hit, raised = [], None
    with interposed(CHANGES + LOOKS, fail_at(number, error, hit)):
        try:
            case.save()
        except OSError as caught:
            raised = caught
    return hit, raised, case.judge()


@pytest.mark.parametrize("name", ["keyed", "link", *SETS, "new-folder"])
def test_an_error_at_any_call_is_reported_with_the_file_that_it_leaves(quick_folder, name):
    case = a_case(name, quick_folder)
    errors, met = [errno.EIO, errno.ENOSPC, errno.EMFILE, errno.EINTR], Counter()
    for number in range(1, 1000):
        error = errors[number % len(errors)]
        hit, raised, state = save_with(case, number, error)
        if not hit:
            break
        met[hit[0]] += 1
        if raised is None:
            assert state == "new"
        else:
            assert raised.errno == error
            assert str(case.folder) in str(raised)
            assert ".firth-tmp" not in str(raised)
            assert state != "new" or "the new file is in place, but may not survive" in str(raised)
        assert leftovers(case.folder) == []
    assert not hit
    assert {"open", "fsync", "replace", "close", "scandir"} <= met.keys()
    case.save_again()


@contextmanager
def file_size_limited(size, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python 3.11 takes one cut by the limit for whole
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "convert"])  # which says so and exits
@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_a_file_that_reaches_the_size_limit_is_named_and_the_old_one_stays(quick_folder, monkeypatch, name, share):
    case = a_case(name, quick_folder)
    case.prepare()
    largest = max(map(len, case.new.values()))
    with file_size_limited(int(share * largest), monkeypatch), pytest.raises(OSError, match="File too large") as caught:
        case.save()
    assert str(case.target) in str(caught.value)
    assert ".firth-tmp" not in str(caught.value)
    assert case.judge() == "old"
    assert leftovers(case.folder) == []


def test_a_failing_fsync_is_fatal_and_never_tried_again(tmp_path, monkeypatch):
    path = tmp_path / "old"
    path.write_bytes(b"before")
    calls = []

    def fails(descriptor):
        calls.append(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match=r"Input/output error: '.*old'"):
        write(path, b"after")
    assert len(calls) == 1
    assert path.read_bytes() == b"before"
    assert leftovers(tmp_path) == []


def failing_for_folders(number):
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    return fsync


def test_a_file_system_that_cannot_sync_folders_can_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", failing_for_folders(errno.EINVAL))
    write(tmp_path / "v", b"after")
    assert (tmp_path / "v").read_bytes() == b"after"


def test_an_error_of_a_seek_names_the_file(tmp_path):
    with pytest.raises(OSError, match=r"Invalid argument: '.*/v'"), atomic_write(tmp_path / "v") as file:
        file.seek(-1)
    assert leftovers(tmp_path) == []
    read_end, write_end = os.pipe()
    with pytest.raises(OSError, match=r"Illegal seek: '/dev/fd/"), atomic_write(f"/dev/fd/{write_end}") as file:
        file.tell()
    os.close(read_end)
    os.close(write_end)


def test_the_command_line_names_the_file_and_the_reason(tmp_path):
    case = a_case("convert", tmp_path)
    case.prepare()
    done = run_child(command("save", "convert", case.target, case.source, 1, 100))
    assert done.returncode == 1
    assert done.stderr == f"firth: {case.target}: File too large\n"
    assert case.judge() == "old"


# --- kills


@pytest.mark.parametrize("name", ["keyed", "link", *SETS, "new-folder"])
def test_a_kill_at_any_call_leaves_the_old_or_the_new_file_and_the_next_save_cleans_up(quick_folder, name):
    done = run_child(command("kills", name, quick_folder.resolve()))
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["kills"] >= 10
    assert counts["old"] >= 5
    assert counts["new"] >= 2
    assert counts["leftovers"] >= 5  # so that there was something to remove
    assert ("cut" in counts) == (name in SETS)


needs_strace = pytest.mark.skipif(not saves.can_trace(), reason="needs strace, and leave to trace")


@needs_strace
def test_a_real_kill_at_some_system_calls(quick_folder):
    case = a_case("keyed", quick_folder)
    places = [call for call in saves.calls(case) if call[0] in ("fsync", "rename", "flock")]
    assert len(places) == 4
    counts = Counter()
    for name, number in places:
        saves.kill_at(case, name, number, counts)
    assert counts["kills"] == 4
    assert counts["old"] == 3
    assert counts["new"] == 1
    assert counts["stale_files"] == 0


@needs_strace
def test_real_errors_at_some_system_calls(quick_folder):
    case = a_case("keyed", quick_folder)
    places = {name: number for name, number in saves.calls(case) if name in ("write", "fsync", "rename", "close")}
    counts = Counter()
    for (name, number), error in zip(places.items(), saves.ERRORS, strict=True):
        saves.fail_at(case, name, number, error, counts)
    assert counts["errors"] == 4
    assert counts["stale_files"] == 0


def test_the_other_faults_of_the_campaign(quick_folder, monkeypatch):
    monkeypatch.setattr(saves, "LIMITS", 2)
    counts = Counter()
    for fault in (saves.limits, saves.full_disks, saves.races):
        folder = quick_folder / fault.__name__
        folder.mkdir()
        counts.update(saves.run(saves.CASES.index((fault, "keyed", 0)), folder))
    assert counts["limits"] == saves.LIMITS
    assert counts["races"] == 1
    assert not saves.can_mount() or counts["full_disks"] + counts["room_enough"] >= 1


# --- power failures


@pytest.mark.parametrize("name", [name for name in KINDS if name != "link"])
def test_a_power_failure_leaves_the_old_or_the_new_file(quick_folder, name):
    case = a_case(name, quick_folder)
    case.prepare()
    disk = Disk(case.folder)
    with recorded(disk):
        case.save()
    assert saves.judge_power_failures(case, disk, most=200, seed=0)["power_failures"] > 20


@pytest.mark.parametrize("name", ["keyed", *SETS])
@pytest.mark.parametrize("of_folders", [False, True])
def test_the_model_of_a_disk_detects_a_missing_sync(quick_folder, name, of_folders):
    case = a_case(name, quick_folder)
    case.prepare()
    disk = Disk(case.folder)
    with recorded(disk, ignored=lambda node: bool(disk.cache[node] or node == 0) == of_folders):
        case.save()
    with pytest.raises(AssertionError, match=r"neither old nor new|a mixture|a finished save is lost"):
        saves.judge_power_failures(case, disk, most=200, seed=0)


def test_the_model_of_a_disk_detects_writing_over_the_old_file(quick_folder):
    case = a_case("keyed", quick_folder)
    case.prepare()
    disk = Disk(case.folder)
    with recorded(disk):
        descriptor = os.open(case.target, os.O_WRONLY)
        with atomic._File(descriptor, case.target) as file:
            file.write(case.new["v.firth"])
            os.fsync(descriptor)
    with pytest.raises(AssertionError, match="neither old nor new"):
        saves.judge_power_failures(case, disk, most=200, seed=0)


# --- writers at once, and what dead ones left


def test_concurrent_writers_do_not_treat_each_other_as_dead(tmp_path):
    path = tmp_path / "v"
    with atomic_write(path) as slow:
        slow.write(b"slow")
        write(path, b"quick")
        assert path.read_bytes() == b"quick"
        assert len(leftovers(tmp_path)) == 1
    assert path.read_bytes() == b"slow"
    assert leftovers(tmp_path) == []


def test_concurrent_threads_leave_a_complete_file(tmp_path):
    contents = [bytes([number]) * 100_000 for number in range(8)]
    threads = [
        threading.Thread(target=lambda data=data: [write(tmp_path / "v", data) for _ in range(5)]) for data in contents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "v").read_bytes() in contents
    assert leftovers(tmp_path) == []


def test_a_temporary_file_removed_as_stale_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    real, removed = atomic.fcntl.flock, []

    def too_late(descriptor, operation):
        for name in leftovers(tmp_path) if not removed else ():
            (tmp_path / name).unlink()
            removed.append(name)
        real(descriptor, operation)

    monkeypatch.setattr(atomic.fcntl, "flock", too_late)
    write(tmp_path / "v", b"after")
    assert len(removed) == 1
    assert (tmp_path / "v").read_bytes() == b"after"
    assert leftovers(tmp_path) == []


def test_without_locks_files_are_written_and_none_is_treated_as_stale(tmp_path, monkeypatch):
    def none(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(atomic.fcntl, "flock", none)
    other = tmp_path / ".v.0123456789abcdef.firth-tmp"
    other.touch()
    write(tmp_path / "v", b"after")
    assert (tmp_path / "v").read_bytes() == b"after"
    assert other.exists()


def test_only_stale_files_of_the_same_target_are_removed(tmp_path):
    number = "0123456789abcdef"
    kept = [
        f".w.{number}.firth-tmp",
        ".v.1.firth-tmp",
        f".v.{number}.firth-tmp.txt",
        f"v.{number}.firth-tmp",
        f".v.w.{number}.firth-tmp",
    ]
    for name in [*kept, f".v.{number}.firth-tmp"]:
        (tmp_path / name).touch()
    folder = tmp_path / ".v.ffffffffffffffff.firth-tmp"
    (folder / "inside").mkdir(parents=True)
    write(tmp_path / "v", b"after")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, "v"])


def test_a_link_planted_at_a_temporary_name_is_not_followed(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / ".v.0123456789abcdef.firth-tmp").symlink_to(victim)
    (tmp_path / ".v.ffffffffffffffff.firth-tmp").symlink_to(tmp_path / "nothing")
    for number in ("0123456789abcdef", "ffffffffffffffff"):
        monkeypatch.setattr("secrets.token_hex", lambda size, number=number: number)
        with pytest.raises(FileExistsError, match=r"File exists: '.*/v'"):
            write(tmp_path / "v", b"after")
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "nothing").exists()


def test_a_pipe_planted_at_a_temporary_name_does_not_block_a_save(tmp_path):
    os.mkfifo(tmp_path / ".v.0123456789abcdef.firth-tmp")
    write(tmp_path / "v", b"after")
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


# --- what a name can lead to


def test_a_link_stays_and_the_file_it_points_to_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "file"
    target.write_bytes(b"before")
    (tmp_path / "link").symlink_to("there/file")
    (tmp_path / "link to it").symlink_to("link")
    write(tmp_path / "link to it", b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "link to it").is_symlink()
    assert target.read_bytes() == b"after"
    assert not target.is_symlink()


def test_the_file_that_a_dangling_link_points_to_is_made(tmp_path):
    (tmp_path / "link").symlink_to("nothing yet")
    write(tmp_path / "link", b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "nothing yet").read_bytes() == b"after"


def test_a_link_that_cannot_be_followed_is_an_error(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        write(tmp_path / "loop", b"after")
    (tmp_path / "away").symlink_to("no such folder/file")
    with pytest.raises(FileNotFoundError, match="away"):
        write(tmp_path / "away", b"after")


def test_a_device_is_written_to_and_not_replaced():
    write(os.devnull, b"gone")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_device_is_named():
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        write("/dev/full", b"gone")


def test_a_pipe_is_written_to_directly(tmp_path):
    read_end, write_end = os.pipe()
    write(f"/dev/fd/{write_end}", b"through")
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        assert pipe.read() == b"through"
    os.mkfifo(tmp_path / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write(tmp_path / "pipe", b"through it")
    reader.join()
    assert read == [b"through it"]
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("is_link", [False, True])
def test_a_folder_is_refused(tmp_path, is_link):
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(FormatError, match="is a folder: give the name of a file"):
        write(tmp_path / "link" if is_link else tmp_path, b"")


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError, match="none/file"):
        write(tmp_path / "none" / "file", b"")
    with pytest.raises(FileNotFoundError, match="none/folder"), atomic_folder(tmp_path / "none" / "folder"):
        pass


@needs_modes
def test_a_folder_that_may_not_be_written_in_is_an_error_and_the_old_file_stays(tmp_path):
    (tmp_path / "v").write_bytes(b"before")
    tmp_path.chmod(0o555)
    try:
        with modes_respected(), pytest.raises(PermissionError, match=r"Permission denied: '.*/v'"):
            write(tmp_path / "v", b"after")
    finally:
        tmp_path.chmod(0o755)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("v", b"before")]


LONG_NAMES = [
    b"x" * 255,
    "😀".encode() * 63,
    "é".encode() * 127,
    b"\xff" * 255,
    b"\xff\xfe",
    b"-o",
    b"--",
    b" ",
    b"a\nb",
    b"[a-z]*",
    b".v",
]


@pytest.mark.parametrize("name", LONG_NAMES)
def test_any_name_that_a_file_can_have_can_be_saved_to_and_cleared_of_stale_files(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = os.fsdecode(name)
    with monkeypatch.context() as patch, pytest.raises(StopError), atomic_write(path):  # noqa: PT012
        patch.setattr(atomic, "_remove", lambda temporary: None)
        raise StopError
    assert len(leftovers(tmp_path)) == 1
    write(path, b"1")
    write(path, b"2")
    assert [os.fsencode(found.name) for found in tmp_path.iterdir()] == [name]
    assert Path(path).read_bytes() == b"2"


# --- several files, and folders


def test_the_files_of_a_set_are_replaced_together(tmp_path):
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path in paths:
        path.write_bytes(b"before")
    with pytest.raises(StopError), atomic_set(*paths) as files:  # noqa: PT012
        for file in files:
            file.write(b"after")
            file.flush()
        raise StopError
    assert [path.read_bytes() for path in paths] == [b"before"] * 3
    with atomic_set(*paths) as files:
        for file, data in zip(files, (b"1", b"2", b"3"), strict=True):
            file.write(data)
    assert [path.read_bytes() for path in paths] == [b"1", b"2", b"3"]
    assert leftovers(tmp_path) == []


def test_one_of_a_set_may_be_a_device(tmp_path):
    with atomic_set(tmp_path / "a", os.devnull) as (file, nowhere):
        file.write(b"after")
        nowhere.write(b"gone")
    assert (tmp_path / "a").read_bytes() == b"after"


def test_a_folder_appears_when_it_is_complete(tmp_path):
    old = os.umask(0o027)
    try:
        with atomic_folder(tmp_path / "new") as folder:
            (folder / "file").write_bytes(b"inside")
            assert not (tmp_path / "new").exists()
    finally:
        os.umask(old)
    assert (tmp_path / "new" / "file").read_bytes() == b"inside"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o750
    with pytest.raises(StopError), atomic_folder(tmp_path / "other"):
        raise StopError
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_an_existing_folder_is_yielded_itself(tmp_path):
    with atomic_folder(tmp_path) as folder:
        assert folder == tmp_path


def test_of_two_concurrent_new_folders_the_first_stays(tmp_path):
    with pytest.raises(OSError, match=r"Directory not empty: '.*/new'"), atomic_folder(tmp_path / "new") as folder:  # noqa: PT012
        (folder / "file").write_bytes(b"second")
        with atomic_folder(tmp_path / "new") as other:
            (other / "file").write_bytes(b"first")
    assert (tmp_path / "new" / "file").read_bytes() == b"first"
    assert leftovers(tmp_path) == []


def test_the_command_line_ignores_temporary_files_of_dead_writers(tmp_path):
    (tmp_path / ".model.safetensors.0123456789abcdef.firth-tmp").touch()
    assert output_format(tmp_path, "huggingface").name == "huggingface"
    write_vectors(tmp_path, "huggingface", ["a"], np.ones((1, 2), np.float32))
    assert leftovers(tmp_path) == []
    assert read_vectors(tmp_path).keys == ["a"]


# --- all of the project's files


@pytest.mark.parametrize("name", ["native", "safetensors"])
def test_saving_over_the_file_that_is_mapped_gives_equal_content_and_keeps_the_map(tmp_path, name):
    path = tmp_path / "v"
    vectors = np.random.default_rng(0).normal(size=(500, 32)).astype(np.float32)
    KeyedVectors.trusted([f"w{row}" for row in range(500)], vectors.copy(), None).save(path, name)
    mapped = KeyedVectors.load(path, mmap=True)
    mapped.save(path, name)
    assert np.array_equal(KeyedVectors.load(path).vectors, vectors)
    changed = KeyedVectors.load(path, mmap=True)
    changed["w7"] = np.ones(32, np.float32)
    changed.save(path, name)
    assert np.array_equal(mapped.vectors, vectors)
    assert np.array_equal(KeyedVectors.load(path)["w7"], np.ones(32))
    assert np.array_equal(KeyedVectors.load(path)["w8"], vectors[8])
