"""Plans: the memory, disk, network and time of a training run, estimated before it starts.

`measure` finds out how fast this machine is; `plan` computes what a run needs on one machine and on several.
"""

from firth.planning.advice import advice
from firth.planning.forecast import Forecast, NodesForecast, Phase, Seconds, plan
from firth.planning.machines import Machines
from firth.planning.measuring import measure
from firth.planning.measuring_training import Shape
from firth.planning.sized_corpus import words_of_text
from firth.planning.speeds import Speeds
from firth.planning.workload import Workload

__all__ = [
    "Forecast", "Machines", "NodesForecast", "Phase", "Seconds", "Shape", "Speeds", "Workload", "advice", "measure",
    "plan", "words_of_text",
]  # fmt: skip
