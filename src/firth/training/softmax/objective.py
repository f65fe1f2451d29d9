"""The exact softmax as an objective."""

from firth.training.loop.objective import Objective
from firth.training.softmax.memory import memory_needed
from firth.training.softmax.passes import SoftmaxTrainer

# The state has both matrices, and Adam's two moments of the outside matrix.
OBJECTIVE = Objective(state_matrices=4, memory_needed=memory_needed, make_trainer=SoftmaxTrainer)
