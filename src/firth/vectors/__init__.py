"""Vectors and the keys they belong to: every query.

items.py         what a query may be given: keys, vectors, weights
growing.py       an array to which rows are appended
table.py         keys and rows: the arrays, looking up
editing.py       adding, changing, sorting, taking a part
precision.py     half precision made single
products.py      one vector against every row
search.py        many queries at once, in blocks; search_kernels.py its loops, compiled by Numba
queries.py       similarity, neighbours, ranks
alignment.py     vectors of two eras in one space
diagnosis.py     what is wrong, or odd, with vectors
approximate.py   neighbours faster and not quite all of them
retired.py       names that gensim had once, and what to use
keyed.py         KeyedVectors: all of that, and files
"""

from firth.vectors.items import Item, Items, Key, Vector
from firth.vectors.keyed import KeyedVectors

__all__ = ["KeyedVectors", "Key", "Vector", "Item", "Items"]
