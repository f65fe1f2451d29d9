"""The files of the page, read once: no address that a request names ever becomes a path."""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import NamedTuple

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_MAIN = re.compile(r'<script type="module" src="/static/([\w.]+)"></script>\n')
_IMPORT = re.compile(r'^import .* from "\./([\w.]+)";$', re.MULTILINE)


class Asset(NamedTuple):
    """The content of a file and its media type."""

    content: bytes
    media_type: str

    @property
    def text(self) -> str:
        """The content of a file of text."""
        return self.content.decode()


def read_assets() -> dict[str, Asset]:
    """Return the files in `static` by name."""
    folder = files("firth.explore") / "static"
    return {
        file.name: Asset(file.read_bytes(), media_type)
        for file in folder.iterdir()
        for suffix, media_type in _TYPES.items()
        if file.name.endswith(suffix)
    }


def whole_page(assets: Mapping[str, Asset], name: str) -> Asset:
    """Return a page in the frame that all pages share, with a head that asks for all its modules at once.

    Without `modulepreload` a browser learns of a module only when it has read the one that imports it.
    """
    page = assets[name].text
    modules = sorted({module for main in _MAIN.findall(page) for module in _imported(assets, main)})
    preloads = "".join(f'<link rel="modulepreload" href="/static/{module}">\n' for module in modules)
    frame = assets["frame.html"]
    return Asset(frame.text.replace("<!-- the page -->\n", preloads + page).encode(), frame.media_type)


def _imported(assets: Mapping[str, Asset], name: str) -> set[str]:
    """Return the modules that a module needs: its own imports, and theirs, which are in no circle."""
    own = _IMPORT.findall(assets[name].text)
    return set(own).union(*(_imported(assets, module) for module in own))
