"""The files of the page, read once: no address that a request names ever becomes a path."""

from importlib.resources import files
from typing import NamedTuple

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Asset(NamedTuple):
    """The content of a file and its media type."""

    content: bytes
    media_type: str


def read_assets() -> dict[str, Asset]:
    """Return the files in `static` by name."""
    folder = files("firth.explore") / "static"
    return {
        file.name: Asset(file.read_bytes(), media_type)
        for file in folder.iterdir()
        for suffix, media_type in _TYPES.items()
        if file.name.endswith(suffix)
    }
