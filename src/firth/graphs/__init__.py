"""Random walks of graphs: DeepWalk and node2vec.

`inputs` turns a graph of any kind into `edges`: `edge_lists` reads files, `tables` tables, and `objects` graphs of
other libraries. `adjacency` sorts the edges by node. `walks` makes the walks, with the loops in `kernels`.
"""

from firth.graphs.walks import RandomWalks

__all__ = ["RandomWalks"]
