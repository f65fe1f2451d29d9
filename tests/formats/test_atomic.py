import os
import stat
from pathlib import Path

import pytest

from firth.errors import FormatError
from firth.formats.atomic import atomic_write


class StopError(Exception):
    pass


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".firth-tmp"))


def test_writes_a_new_file_with_the_mode_the_umask_allows(tmp_path):
    old = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "new") as file:
            file.write(b"bytes")
    finally:
        os.umask(old)
    assert (tmp_path / "new").read_bytes() == b"bytes"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert leftovers(tmp_path) == []


def test_a_replaced_file_keeps_its_mode(tmp_path):
    path = tmp_path / "old"
    path.write_bytes(b"before")
    path.chmod(0o604)
    with atomic_write(path) as file:
        file.write(b"after")
    assert path.read_bytes() == b"after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


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


def test_a_failing_fsync_is_fatal(tmp_path, monkeypatch):
    path = tmp_path / "old"
    path.write_bytes(b"before")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"), atomic_write(path) as file:
        file.write(b"after")
    assert path.read_bytes() == b"before"
    assert leftovers(tmp_path) == []


def test_a_link_stays_and_the_file_it_points_to_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "file"
    target.write_bytes(b"before")
    link = tmp_path / "link"
    link.symlink_to(target)
    with atomic_write(link) as file:
        file.write(b"after")
    assert link.is_symlink()
    assert target.read_bytes() == b"after"


def test_a_device_is_written_to_and_not_replaced():
    with atomic_write(os.devnull) as file:
        file.write(b"gone")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_pipe_is_written_to_directly():
    read_end, write_end = os.pipe()
    with atomic_write(f"/dev/fd/{write_end}") as file:
        file.write(b"through")
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        assert pipe.read() == b"through"


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(FormatError, match="is a folder: give the name of a file"), atomic_write(tmp_path):
        pass


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "none" / "file"):
        pass


def test_a_name_of_the_longest_length_can_be_written(tmp_path):
    path = tmp_path / ("x" * 255)
    with atomic_write(path) as file:
        file.write(b"1")
    assert path.read_bytes() == b"1"
