"""ClusterCheckpointer: saves the states of a run on a cluster in a folder that all nodes see, and resumes from them.

    run/checkpoint-00000007.firth    position, losses, history and identity (`training.loop.checkpoint`)
    run/rows-00000007/               the rows of both matrices: a file of each member
    run/checkpoint-00000006.firth
    run/rows-00000006/
    run/lock

The members write their files first. The file of the checkpoint is written last, so rows without such a file do not
belong to a checkpoint and are removed.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from firth.training.loop.checkpoint import FolderCheckpointer
from firth.training.loop.state import State

_ROWS = re.compile(r"rows-([0-9]{8})")


class ClusterCheckpointer(FolderCheckpointer):
    """The checkpoints of a run on a cluster; the arguments are those of `FolderCheckpointer`.

    Before `save`, all members write their rows to `new_folder()`.
    """

    _seen = 0

    def new_folder(self) -> str:
        """Create and return an empty folder for the rows of the next checkpoint."""
        folder = self._rows_folder(self._number + 1)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return str(folder)

    def rows_folder(self, state: State) -> str:
        """Return the folder with the rows of a state that was read from a checkpoint."""
        return str(self._rows_folder(int(Path(state.origin).stem.partition("-")[2])))

    def has_advanced(self) -> bool:
        """Return whether a checkpoint was written since the last call."""
        before, self._seen = self._seen, self._number
        return self._number > before

    def find_newest(self) -> None:
        """Set `resumed` and `history` to those of the newest checkpoint, after a failure; to none if there is none."""
        self.resumed, self.history = None, []
        self._resume = True
        self._find()

    def save(self, state: State, *, last: bool) -> None:
        """Make the rows in `new_folder()` a checkpoint, and delete the one before the last with its rows."""
        super().save(state, last=True)  # nothing to copy: the arrays are small

    def _write(self, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
        super()._write(arrays, metadata)
        kept = {path.stem.partition("-")[2] for path in self.folder.glob("checkpoint-*.firth")}
        for folder in self.folder.glob("rows-*"):
            found = _ROWS.fullmatch(folder.name)
            if found is not None and found[1] not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _rows_folder(self, number: int) -> Path:
        return self.folder / f"rows-{number:08}"
