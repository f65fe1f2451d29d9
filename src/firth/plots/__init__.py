"""Pictures of models and vectors, drawn with Matplotlib (`pip install 'firth[plot]'`).

Every function takes the Axes to draw on as `ax`, and returns it; without `ax` it makes a figure with pyplot, which a
notebook then shows. `save` writes the figure, and writes the same bytes for the same picture. A module imports only
from those above it.

canvas.py      Axes, colours, and saving
fonts.py       fonts that have the characters of the words
labels.py      words at points, placed so that they overlap as little as possible
projection.py  the two directions in which vectors differ most
runs.py        histories, and the gradient check
scores.py      similarities, norms, and evaluations
maps.py        words as points: neighbours, analogies, two models
"""

from firth.plots.canvas import check_picture, draw_in_memory, save
from firth.plots.maps import analogies, neighbours, two_models
from firth.plots.runs import gradients, history
from firth.plots.scores import evaluation, norms, similarities

__all__ = [
    "history", "neighbours", "analogies", "similarities", "norms", "gradients", "evaluation", "two_models", "save",
    "check_picture", "draw_in_memory",
]  # fmt: skip
