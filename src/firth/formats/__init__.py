"""File formats of vectors: one module for each, beginning with its byte layout.

`read_vectors` detects the format and reads it; `write_vectors` writes any; `FORMATS` lists them; `diagnose`
reports all errors in a file. Modules here take and return plain arrays and lists, without models or queries.
"""

from firth.formats.diagnose import Diagnosis, diagnose
from firth.formats.format import Format
from firth.formats.registry import (
    COMPRESSIBLE,
    FORMATS,
    VectorFile,
    detect,
    format_of_name,
    holds_subwords,
    read_packed,
    read_vectors,
    write_vectors,
)

__all__ = [
    "COMPRESSIBLE", "FORMATS", "Diagnosis", "Format", "VectorFile", "detect", "diagnose", "format_of_name",
    "holds_subwords", "read_packed", "read_vectors", "write_vectors",
]  # fmt: skip
