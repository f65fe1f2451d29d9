"""Truncates small tables and folders of each format at every byte and flips every bit, in one child process.

Each file is read or refused, by the rules of `stress._fuzzing`. The reader runs no code and no program, opens no
connection, and writes no file.

    python -m stress.damage SEED FOLDER     the child: prints each change before it tests it, and its counts last
"""

import json
import os
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from firth.formats import FORMATS, diagnose, read_vectors
from stress import _fuzz_tables
from stress._child import json_of_child
from stress._fuzzing import ADDRESS_SPACE, REFUSALS, check

PARTS = [name for name in _fuzz_tables.TARGETS if name != "any-format"]
SEEDS = 32  # seeds among which the changes are divided
_PATIENCE = 600  # seconds
_FORBIDDEN = ("pickle.", "exec", "subprocess.", "os.system", "os.posix_spawn", "os.fork", "socket.", "shutil.")
_WRITES = os.O_WRONLY | os.O_RDWR


def run(seed: int, folder: Path) -> dict[str, int]:
    """Test every change whose number is `seed` mod `SEEDS`; raise AssertionError if a reader fails."""
    return json_of_child("stress.damage", seed % SEEDS, folder, seconds=_PATIENCE)


def changes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the file cut at each offset, with each bit flipped, and with an extra byte."""
    for size in range(len(data)):
        yield f"cut at {size}", data[:size]
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit}", bytes(flipped)
    yield "an extra byte", data + b"\0"


class _Watch:
    """Raises, while it is on, if a reader does something forbidden."""

    def __init__(self) -> None:
        self.on = False
        sys.addaudithook(self._hook)

    def over(self, use: Callable[[Path], Any]) -> Callable[[Path], None]:
        """Return `use`, with the watch on while it runs."""

        def watched(path: Path) -> None:
            self.on = True
            try:
                use(path)
            finally:
                self.on = False

        return watched

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and (event.startswith(_FORBIDDEN) or (event == "open" and (arguments[2] or 0) & _WRITES)):
            raise AssertionError(f"{event} {arguments}")


def _reader(name: str) -> Callable[[Path], Any]:
    """Return a function that reads the files of a target and writes none."""
    kind = name.partition("-")[0]
    if kind not in FORMATS:
        return _fuzz_tables.TARGETS[name].use

    def read(path: Path) -> None:
        for options in ({}, {"mmap": True}) if "mmap" in FORMATS[kind].reads_with else ({},):
            read_vectors(path, kind, **options)
        diagnose(path)

    return read


def main() -> None:
    """The child; see the module's docstring."""
    seed, folder = int(sys.argv[1]), Path(sys.argv[2])
    counts: Counter[str] = Counter({"accepted": 0, "refused": 0})
    watch = _Watch()
    for name in PARTS:
        target = _fuzz_tables.TARGETS[name]
        data = target.seeds()[0]
        watched = replace(target, use=watch.over(_reader(name)))
        for broken in (data, data[: len(data) // 2], b""):  # imports outside the limits of an input
            with suppress(*REFUSALS):
                _reader(name)(target.place(broken, folder))
        for label, changed in islice(changes(data), seed, None, SEEDS):
            print(name, label, flush=True)
            counts["accepted" if check(watched, changed, folder) else "refused"] += 1
    print(json.dumps(counts))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
