"""How vectors are written down: one module per on-disk format, each opening with its byte layout.

`read_vectors` reads any of them, telling which it is; `write_vectors` writes any; `FORMATS` lists them; `diagnose`
says what is wrong with a file. Modules here take and return plain arrays and lists; they know nothing of models or
queries.
"""

from firth.formats.catalogue import COMPRESSIBLE, FORMATS, Format, descriptions, format_of_name
from firth.formats.detection import detect
from firth.formats.diagnose import Diagnosis, diagnose
from firth.formats.registry import VectorFile, read_vectors, write_vectors

__all__ = [
    "COMPRESSIBLE",
    "FORMATS",
    "Diagnosis",
    "Format",
    "VectorFile",
    "descriptions",
    "detect",
    "diagnose",
    "format_of_name",
    "read_vectors",
    "write_vectors",
]
