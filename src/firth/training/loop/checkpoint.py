"""FolderCheckpointer: saves the last two states of a training run in a folder, and resumes from the newest.

    run/checkpoint-00000007.firth    sealed files (`firth.formats.sealed`); the greatest number is the newest
    run/checkpoint-00000006.firth
    run/start.firth                  the model that `partial_fit` trains further, as it was before the call
    run/lock                         locked (flock) by the run in progress; names its process

A checkpoint's tensors are the arrays of its `State`. Its metadata are the state's `position`, the `history` of the
epochs done, and the `identity`: what a resumed run must share with the run it continues. Random draws depend on the
seed and the position alone, so a resumed run gives the same bytes as one that was never interrupted.
"""

import fcntl
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self, cast

import numpy as np
from numpy.typing import NDArray

from firth.atomic import atomic_write
from firth.errors import CheckpointError, DivergenceError, FormatError, OptionError
from firth.formats.sealed import CHECKPOINT, open_sealed, write_sealed
from firth.messages import counted, option
from firth.options import Options, checked, limits, shortened
from firth.text import Corpus, TokenStore
from firth.training.loop.engine import Kernels
from firth.training.loop.identity import contents, differences, software
from firth.training.loop.progress import Reporter
from firth.training.loop.start import Start
from firth.training.loop.state import Checkpointer, State, is_finite
from firth.training.loop.trainer import records

KEPT = 2  # checkpoints
START = "start.firth"
COPIED_BYTES = 2**28  # a state up to this size is copied, so that training need not wait for the disk
_MINUTES = limits("minutes from one checkpoint to the next", 0, open_low=True)


class Checkpoint(NamedTuple):
    """The contents of a file: a state, the records of the epochs done, and the identity of the run."""

    state: State
    history: list[dict[str, Any]]
    identity: dict[str, Any]


class FolderCheckpointer(Checkpointer):
    """The checkpoints of one training run, in a folder that is created if needed; use it in a `with` statement.

      matrices number of (V, D) float32 matrices in a state
      rows     corpus -> number of rows of D float32 besides them
      minutes  from one checkpoint to the next, None for 10; every epoch also ends with one
      resume   resume from the newest sound checkpoint in the folder, if there is one

    On entry the folder is locked, and the newest checkpoint compared with `options` and the versions of the software;
    `resumed` becomes its state, `history` its records. Raises the errors that `Word2Vec.fit` documents.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        options: Options,
        report: Reporter,
        *,
        matrices: int,
        rows: Callable[[Corpus], int] = lambda corpus: 0,
        minutes: float | None,
        resume: bool,
        kernels: Kernels = "compiled",
    ):
        super().__init__()
        self.folder = _checked_folder(folder)
        self._seconds: float = 60 * checked("checkpoint_minutes", 10.0 if minutes is None else minutes, float, _MINUTES)
        self._report, self._resume = report, resume
        self._matrices, self._vector_size = matrices, options.vector_size
        self._rows_of, self._rows = rows, 0
        self._identity = software(options, kernels)
        self._written = time.monotonic()
        self._number = 0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="firth-checkpoint")
        self._writing: Future[None] = Future()
        self._writing.set_result(None)
        self._cancelled = threading.Event()
        self._copies: dict[str, NDArray[Any]] = {}
        self._unsound: set[Path] = set()
        self._found: tuple[str, dict[str, Any]] | None = None

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            name = option("checkpoint", repr(os.fspath(self.folder)))
            raise CheckpointError(f"{name} exists but is not a folder: name a folder") from error
        self._lock = _locked(self.folder)
        try:
            self._find()
            self._writer.submit(int).result()  # starts its thread now, so that a later submit cannot fail halfway
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            self._writer.shutdown(wait=False)
            self.wait()
            self._writer.shutdown()
        finally:
            self._writing.add_done_callback(lambda _: self._lock.close())

    @property
    def has_checkpoints(self) -> bool:
        """Whether the folder holds a checkpoint; entering then loads it or raises `CheckpointError`."""
        return bool(_files(self.folder))

    def check_corpus(self, corpus: Corpus, held_out: TokenStore | None, start: Start | None = None) -> None:
        """Raise `CheckpointError` if corpus or start are not those of the checkpoint, or if the disk is too full."""
        self._identity["corpus"] = contents(corpus, held_out, None if start is None else start.digest())
        if self._found is not None:
            self._compare(*self._found)
            self._report.show(f"resumed from {self._found[0]}")
            old, new = self._found[1].get("processor"), self._identity["processor"]
            if old != new:  # no error, because a long run may move to another machine
                self._report.warn(f"the processor was {old} and is {new}: the result may differ in the last bits")
        self._rows = self._rows_of(corpus)
        keeps_start = start is not None and start.known is not None
        self._check_room(len(corpus.vocabulary), KEPT + 1 + keeps_start)
        self._written = time.monotonic()

    def keep_start(self, save: Callable[[Path], None]) -> None:
        if self._found is None or not (self.folder / START).exists():
            save(self.folder / START)

    def due(self) -> bool:
        return time.monotonic() - self._written >= self._seconds

    def save(self, state: State, *, last: bool) -> None:
        """Write a checkpoint and delete the one before the last; if writing fails, warn and continue.

        Unless it is the last, a small state is copied and written in the background; `__exit__` waits for that.
        Raises `DivergenceError` if a number is not finite; the earlier checkpoints stay.
        """
        self.wait()
        self._check_finite(state)
        values = {"position": state.position, "history": self.history, "identity": self._identity}
        metadata = {name: json.dumps(value) for name, value in values.items()}
        if not last and sum(array.nbytes for array in state.arrays.values()) <= COPIED_BYTES:
            try:
                copies = {name: self._copied(name, array) for name, array in state.arrays.items()}
                self._writing = self._writer.submit(self._write, copies, metadata)
            except (MemoryError, RuntimeError):  # no memory for the copy, or the program is ending
                self._write(state.arrays, metadata)
        else:
            self._write(state.arrays, metadata)
        self._written = time.monotonic()

    def wait(self) -> None:
        """Wait until the last state is on the disk; an interrupt during the wait cancels the write.

        Raises any error of the write other than `OSError`.
        """
        try:
            self._writing.result()
        except BaseException:
            self._cancelled.set()
            raise

    def _copied(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """Return a copy; it reuses the memory of the previous copy, because first access to new memory is slow."""
        copy = self._copies.get(name)
        if copy is None or copy.shape != array.shape:
            copy = self._copies[name] = np.empty(array.shape, array.dtype)
        copy[:] = array
        return copy

    def _write(self, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
        path = self.folder / f"checkpoint-{self._number + 1:08}.firth"
        try:
            with atomic_write(path) as file:
                write_sealed(cast(BinaryIO, _Cancellable(file, self._cancelled)), CHECKPOINT, arrays, metadata)
            self._number += 1
            sound = [old for old in _files(self.folder) if old not in self._unsound]
            for old in [*self._unsound, *sound[KEPT:]]:
                old.unlink(missing_ok=True)
        except _CancelledError:
            pass  # no file is left behind, and training is ending
        except OSError as error:
            self._report.warn(f"no checkpoint could be written, and training continues without it: {error}")

    def _find(self) -> None:
        """Read the newest sound checkpoint, if there is one."""
        files = _files(self.folder)
        if files and not self._resume:
            raise CheckpointError(
                f"{self.folder} holds {files[0].name}, from which training can be resumed: give "
                f"{option('resume', True)}, or name another folder"
            )
        self._number = int(files[0].stem.partition("-")[2]) if files else 0
        newest = self._newest_sound(files)
        if newest is not None:
            self._found = newest.state.origin, newest.identity
            self._compare(*self._found)
            self.resumed, self.history = newest.state, newest.history

    def _newest_sound(self, files: list[Path]) -> Checkpoint | None:
        for path in files:
            try:
                return read_checkpoint(path)
            except (FormatError, OSError) as error:
                self._report.warn(f"skipped a checkpoint: {error}")
                self._unsound.add(path)
        if files:
            raise CheckpointError(
                f"none of the {len(files)} checkpoints in {self.folder} is sound: delete them to start again"
            )
        return None

    def _compare(self, path: str, identity: dict[str, Any]) -> None:
        """Raise `CheckpointError` if the run to resume differs from this one, as far as this one is known."""
        ours = {name: value for name, value in self._identity.items() if name != "processor"}
        differing = list(differences({name: identity.get(name) for name in ours}, ours))
        if differing:
            raise CheckpointError(
                f"{path} belongs to another training run: {'; '.join(differing)}. Give the same as for that "
                "run, or name another folder to start again"
            )

    def _check_room(self, V: int, states: int) -> None:
        """Raise `CheckpointError` if the disk has no room for so many states.

        These are two checkpoints, the one being written, and the model that the run trains further, if it does.
        """
        needed = states * self._state_bytes(V)
        room = shutil.disk_usage(self.folder).free + sum(path.stat().st_size for path in _files(self.folder))
        if needed > room:
            more = f" and {counted(self._rows, 'row')} of n-grams" if self._rows else ""
            raise CheckpointError(
                f"{states} checkpoints of {self._matrices} matrices of shape ({V:,}, {self._vector_size:,}){more} "
                f"need {needed / 1e6:,.1f} MB, and {self.folder} has room for {room / 1e6:,.1f} MB: free some, or name "
                "another folder"
            )

    def memory_needed(self, V: int) -> dict[str, int]:
        size = self._state_bytes(V)
        return {"copy for checkpoints": size} if size <= COPIED_BYTES else {}

    def _state_bytes(self, V: int) -> int:
        """Return the size of a state's matrices; its other arrays are small."""
        return 4 * (self._matrices * V + self._rows) * self._vector_size

    def _check_finite(self, state: State) -> None:
        for name, array in state.arrays.items():
            if not is_finite(array):
                last = _files(self.folder)
                kept = f"the last good checkpoint is {last[0]}" if last else "there is no checkpoint yet"
                raise DivergenceError(
                    f"the array {name!r} holds a number that is not finite: training has diverged, and {kept}; "
                    "start again with a smaller alpha"
                )


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint and check all of it; its arrays are read-only maps of the file.

    Raises `FormatError` if it is truncated or damaged, or of another kind or version.
    """
    with open_sealed(path, CHECKPOINT) as file:
        state = State(file.json("position", dict), {name: file.mapped(name) for name in file.layout}, str(path))
        history = file.json("history", list)
        records(history, state.origin)
        return Checkpoint(state, history, file.json("identity", dict))


def _files(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, the newest first."""
    named = folder.glob("checkpoint-" + 8 * "[0-9]" + ".firth")
    return sorted((path for path in named if path.is_file()), reverse=True)


def _locked(folder: Path) -> BinaryIO:
    """Lock a folder until the returned file is closed or the process ends; write the process's name to the file."""
    path = folder / "lock"
    with ExitStack() as stack:
        file = stack.enter_context(path.open("a+b", buffering=0))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.truncate(0)
            file.write(f"process {os.getpid()} on {os.uname().nodename}, since {time.strftime('%F %T')}\n".encode())
        except BlockingIOError:
            holder = os.pread(file.fileno(), 1000, 0).decode(errors="replace").strip()
            raise CheckpointError(
                f"another training run uses {folder}: {holder or 'its process is not known'}. Wait for its end, or "
                "name another folder"
            ) from None
        except OSError as error:
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        stack.pop_all()
    return file


def _checked_folder(folder: Any) -> Path:
    """Return the folder's absolute path, because a callback may change the working folder; raise `OptionError`."""
    name = os.fspath(folder) if isinstance(folder, (str, os.PathLike)) else folder
    if not isinstance(name, str) or not name or "\0" in name:
        raise OptionError(f"{option('checkpoint', shortened(folder))} is not allowed: give the path of a folder")
    return Path(name).absolute()


class _CancelledError(Exception):
    """An interrupt cancelled the write."""


class _Cancellable:
    """A file whose writes raise `_CancelledError` once an event is set."""

    def __init__(self, file: BinaryIO, cancelled: threading.Event):
        self._file, self._cancelled = file, cancelled

    def write(self, data: Any) -> int:
        if self._cancelled.is_set():
            raise _CancelledError
        return self._file.write(data)
