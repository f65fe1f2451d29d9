"""Checkpoints of a cluster: the rows of the members lie beside the file that makes them valid."""

from pathlib import Path

import numpy as np
import pytest

from firth import Options
from firth.cluster.checkpoints import ClusterCheckpointer
from firth.training.loop.progress import Reporter
from firth.training.loop.state import State


def checkpointer(folder, *, resume=False):
    return ClusterCheckpointer(folder, Options(), Reporter(), matrices=2, minutes=None, resume=resume)


def save(saver, value):
    """Save a state whose rows are one file, as a member writes it."""
    (Path(saver.new_folder()) / "member-0.firth").write_text(str(value))
    saver.save(State({"epoch": value}, {"losses": np.array([1.0, value])}), last=False)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


@pytest.fixture
def saved(tmp_path):
    """A folder in which three checkpoints were saved, and another was begun."""
    folder = tmp_path / "run"
    with checkpointer(folder) as saver:
        for value in range(3):
            save(saver, value)
        (Path(saver.new_folder()) / "member-0.firth").write_text("half")
    return folder


def test_the_last_two_checkpoints_and_their_rows_are_kept(saved):
    kept = ["checkpoint-00000002.firth", "checkpoint-00000003.firth", "rows-00000002", "rows-00000003"]
    assert names(saved) == [*kept, "rows-00000004"]
    with checkpointer(saved, resume=True) as saver:
        save(saver, 3)
    assert names(saved) == [name.replace("3", "4").replace("2", "3") for name in kept]
    assert (saved / "rows-00000004" / "member-0.firth").read_text() == "3"


def test_a_run_resumes_from_the_rows_of_the_newest_checkpoint(saved):
    with checkpointer(saved, resume=True) as saver:
        assert saver.resumed.position["epoch"] == 2
        assert saver.rows_folder(saver.resumed) == str(saved / "rows-00000003")


def test_if_the_newest_checkpoint_is_damaged_the_rows_of_the_other_are_used(saved):
    newest = saved / "checkpoint-00000003.firth"
    newest.write_bytes(newest.read_bytes()[:-1])
    saver = checkpointer(saved, resume=True)
    with pytest.warns(RuntimeWarning, match="skipped a checkpoint"):
        saver.__enter__()
    assert saver.resumed.position["epoch"] == 1
    assert saver.rows_folder(saver.resumed) == str(saved / "rows-00000002")
    saver.__exit__()


def test_after_a_failure_the_newest_checkpoint_is_found_again(tmp_path):
    with checkpointer(tmp_path / "run") as saver:
        saver.find_newest()
        assert saver.resumed is None
        assert not saver.has_advanced()
        save(saver, 7)
        saver.history.append({"never": "saved"})
        assert saver.has_advanced()
        assert not saver.has_advanced()
        saver.find_newest()
        assert saver.resumed.position["epoch"] == 7
        assert saver.history == []
