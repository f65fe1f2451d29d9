"""Files of a member's rows, for checkpoints: a tensor for each block of each matrix, named by matrix and block.

The blocks do not depend on the number of members, so any number of members can resume from the files of others.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

from firth.atomic import atomic_write
from firth.errors import CheckpointError, DivergenceError
from firth.formats.sealed import MEMBER_ROWS, open_sealed, write_sealed
from firth.messages import counted, option
from firth.training.loop.engine import Matrix
from firth.training.loop.state import is_finite

MATRICES = ("center", "outside")
_SUFFIX = ".firth"

Shape: TypeAlias = tuple[int, int]


class SavedRows(NamedTuple):
    """The rows of one block of a matrix, as a map of the file."""

    matrix: str
    block: int
    rows: Matrix


def write_rows(
    folder: str,
    number: int,
    matrices: Mapping[str, Mapping[int, Matrix]],
    advice: str = f"start again with a smaller {option('alpha')}",
) -> None:
    """Write the blocks of a member's matrices into its file.

    Raises `DivergenceError`, with `advice`, if a number is not finite.
    """
    tensors = _Tensors(matrices)
    for name in tensors:  # not with its rows, which would be kept while the next are copied
        if not is_finite(tensors[name]):
            raise DivergenceError(
                f"block {name} of the rows holds a number that is not finite: training has diverged; {advice}"
            )
    with atomic_write(Path(folder) / f"member-{number}{_SUFFIX}") as file:
        write_sealed(file, MEMBER_ROWS, tensors, {})


class _Tensors(Mapping[str, Matrix]):
    """The blocks of matrices by name; each is taken when it is needed, because some are copies."""

    def __init__(self, matrices: Mapping[str, Mapping[int, Matrix]]):
        self._matrices = matrices
        self._places = {_name(matrix, block): (matrix, block) for matrix in matrices for block in matrices[matrix]}

    def __getitem__(self, name: str) -> Matrix:
        matrix, block = self._places[name]
        return self._matrices[matrix][block]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def saved_rows(folder: str, shapes: Mapping[str, Mapping[int, Shape]], *, check: bool = True) -> Iterator[SavedRows]:
    """Yield blocks of matrices, those of `shapes`, from the files that any number of members wrote.

    Raises `FormatError` for a damaged file, and `CheckpointError` if a block is absent or has another shape. Unless
    `check`, the blocks are not read to compare their checksums.
    """
    missing = {_name(matrix, block): (matrix, block) for matrix in shapes for block in shapes[matrix]}
    for path in sorted(Path(folder).glob(f"member-*{_SUFFIX}")):
        with open_sealed(path, MEMBER_ROWS) as file:
            for name in [name for name in file.layout if name in missing]:
                (matrix, block), saved = missing.pop(name), file.mapped(name, check=check)
                if saved.shape != shapes[matrix][block] or saved.dtype != "float32":
                    raise CheckpointError(
                        f"block {name} in {path} is {saved.dtype} {saved.shape}, and must be float32 "
                        f"{shapes[matrix][block]}. Use another checkpoint"
                    )
                yield SavedRows(matrix, block, saved)
    if missing:
        raise CheckpointError(f"{folder} has no rows of {_listed(missing)}: a file was deleted. Use another checkpoint")


def _name(matrix: str, block: int) -> str:
    return f"{matrix}-{block}"


def _listed(names: Iterable[str]) -> str:
    some = sorted(names)
    return ", ".join(some[:3]) + (f" and {counted(len(some) - 3, 'more block')}" if len(some) > 3 else "")
