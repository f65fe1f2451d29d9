"""Speeds: how fast a machine trains, reads, writes and sends, as `measure` found it; kept in a JSON file."""

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from firth.atomic import atomic_write
from firth.errors import FormatError
from firth.messages import option
from firth.options import Options, shortened
from firth.training.windows import layout

FORMAT = "firth-speeds"
_MOST_BYTES = 1 << 20  # of a file
_SAME = ("architecture", "objective", "schedule")  # options that a step's time depends on in other ways


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """The measured speeds of a machine; all from `steps` on are per second, except for `cpu_per_byte`.

    processor      its name
    cores          how many cores were measured together
    options        the options of the training run that was measured
    steps          pairs trained in a second of processor time while all cores train (for the exact softmax: scores of
                   two words)
    steps_alone    the same while one core trains
    making         the share of this time that making pairs takes, if the schedule has blocks
    read_words     words of text read by all cores: split, counted, encoded
    written_bytes  bytes written to the disk and flushed
    sent_bytes     bytes that one member of a cluster sends to another on the same machine, over Arrow Flight
    cpu_per_byte   seconds of processor time to send a byte and to receive one
    moved_bytes    bytes of its own rows that a member sorts and exchanges when the vocabulary is cut anew
    """

    processor: str
    cores: int
    options: dict[str, Any]
    steps: float
    steps_alone: float
    making: float
    read_words: float
    written_bytes: float
    sent_bytes: float
    cpu_per_byte: float
    moved_bytes: float

    def steps_with(self, options: Options) -> float:
        """Return the steps per second and core with other options: in inverse proportion to the arithmetic of a step.

        A step multiplies and adds (1 + K) D numbers twice; D counts as padded to whole strips of 16. Raises
        `FormatError` if another objective, architecture or schedule was measured.
        """
        measured = Options(**self.options)
        for name in _SAME:
            if getattr(measured, name) != getattr(options, name):
                given, found = (option(name, repr(getattr(each, name))) for each in (options, measured))
                raise FormatError(f"the speeds were measured with {found}, but the run has {given}: measure again")
        return self.steps * _arithmetic(measured) / _arithmetic(options)

    def save(self, path: Path | str) -> None:
        """Write a JSON file, atomically."""
        with atomic_write(path) as file:
            file.write(json.dumps({"format": FORMAT, **asdict(self)}, indent=2).encode() + b"\n")

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a file that `save` wrote; raise `FormatError` if it is not one."""
        with Path(path).open("rb") as file:
            text = file.read(_MOST_BYTES)
        try:
            return cls._from_dict(json.loads(text))
        except (ValueError, TypeError, KeyError) as error:
            raise FormatError(
                f"{path} is not a file of speeds ({error}): write one with  firth plan --write-speeds FILE"
            ) from error

    @classmethod
    def _from_dict(cls, values: Any) -> Self:
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise ValueError(f'"format" is not "{FORMAT}"')
        found = cls(**values)
        if not isinstance(found.options, dict):
            raise ValueError(f"options is {shortened(found.options)}, and must be names and values")
        Options.from_dict(found.options)
        for field in fields(found):
            value = getattr(found, field.name)
            is_number = isinstance(value, int | float) and 0 < value < math.inf
            if field.type is float and not is_number and (field.name, value) != ("making", 0):
                raise ValueError(f"{field.name} is {shortened(value)}, and must be a number above 0")
        if found.making >= 1:
            raise ValueError(f"making is {shortened(found.making)}, and must be below 1")
        if not isinstance(found.cores, int) or found.cores < 1:
            raise ValueError(f"cores is {shortened(found.cores)}, and must be a whole number of at least 1")
        return found


def _arithmetic(options: Options) -> int:
    is_sampled = options.has_outside and options.objective != "softmax"
    outputs = 1 + options.negative if is_sampled else 1
    return outputs * layout.strips(options.vector_size)
