"""The speeds of a machine that does not exist, in round numbers."""

from firth import Options
from firth.planning import Speeds

SPEEDS = Speeds(
    processor="none",
    cores=4,
    options=Options().to_dict(),
    steps=1e6,
    steps_alone=1e6,
    making=0.2,
    read_words=4e6,
    written_bytes=1e9,
    sent_bytes=2e9,
    cpu_per_byte=1e-9,
    moved_bytes=1e9,
)
