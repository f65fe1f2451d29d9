"""Files of a member's rows, for checkpoints: a tensor for each block of each matrix, named by matrix and block.

The blocks do not depend on the number of members, so any number of members can resume from the files of others.
"""

from collections.abc import Iterable
from pathlib import Path

from firth.atomic import atomic_write
from firth.cluster.rows import Blocks
from firth.errors import CheckpointError, DivergenceError
from firth.formats.sealed import MEMBER_ROWS, open_sealed, write_sealed
from firth.messages import counted
from firth.training.loop.state import is_finite

_SUFFIX = ".firth"


def write_rows(folder: str, number: int, matrices: dict[str, Blocks]) -> None:
    """Write the blocks of a member's matrices into its file; raise `DivergenceError` if a number is not finite."""
    tensors = {f"{name}-{block}": rows for name, blocks in matrices.items() for block, rows in blocks.items()}
    for name, rows in tensors.items():
        if not is_finite(rows):
            raise DivergenceError(
                f"block {name} of the rows holds a number that is not finite: training has diverged; start again with "
                "a smaller alpha"
            )
    with atomic_write(Path(folder) / f"member-{number}{_SUFFIX}") as file:
        write_sealed(file, MEMBER_ROWS, tensors, {})


def read_rows(folder: str, matrices: dict[str, Blocks]) -> None:
    """Fill the blocks of matrices, in place, from the files that any number of members wrote.

    Raises `FormatError` for a damaged file, and `CheckpointError` if a block is absent or has another shape.
    """
    missing = {f"{name}-{block}": rows for name, blocks in matrices.items() for block, rows in blocks.items()}
    for path in sorted(Path(folder).glob(f"member-*{_SUFFIX}")):
        with open_sealed(path, MEMBER_ROWS) as file:
            for name in [name for name in file.layout if name in missing]:
                rows, saved = missing.pop(name), file.mapped(name)
                if saved.shape != rows.shape or saved.dtype != rows.dtype:
                    raise CheckpointError(
                        f"block {name} in {path} is {saved.dtype} {saved.shape}, and must be {rows.dtype} "
                        f"{rows.shape}. Use another checkpoint"
                    )
                rows[:] = saved
    if missing:
        raise CheckpointError(f"{folder} has no rows of {_listed(missing)}: a file was deleted. Use another checkpoint")


def _listed(names: Iterable[str]) -> str:
    some = sorted(names)
    return ", ".join(some[:3]) + (f" and {counted(len(some) - 3, 'more block')}" if len(some) > 3 else "")
