"""KeyedVectors: keys, their vectors and all queries. A module imports only from those above it.

query_input.py     the arguments of queries: keys, vectors, weights
results.py         lists of neighbours
half_precision.py  float16 as float32
growing.py         an array to which rows are appended
attributes.py      values of each key, such as counts
table.py           keys and rows: arrays, norms, lookup
editing.py         adding, changing, sorting and selecting rows
cosines.py         the cosines of one vector with every row
means.py           weighted means, of one list of words or of many texts
search_kernels.py  the inner loops of the search, compiled by Numba
search.py          many queries at once, block by block
neighbourhoods.py  the nearest words of every word, and their overlap in two sets of vectors
queries.py         similarity, neighbours, ranks
approximate.py     approximate neighbours, with FAISS
alignment.py       two sets of vectors in one space
statistics.py      norms, duplicates, isotropy
evaluation.py      analogies and word similarity
keyed.py           KeyedVectors: all of the above, and files
"""

from firth.vectors.keyed import KeyedVectors
from firth.vectors.query_input import Key, Neighbours

__all__ = ["KeyedVectors", "Key", "Neighbours"]
