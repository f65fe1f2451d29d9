"""One script made of the page's modules, for a page that is a single file.

The modules import each other by lines of one form, `import { a, b } from "./name.js";`, and export declarations. Each
becomes a function that returns its exports; the order is that of the imports.
"""

import re
from collections.abc import Mapping

from firth.errors import FormatError

_IMPORT = re.compile(r'^import \{ ([^}]+) \} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_UNKNOWN = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def bundled(modules: Mapping[str, str], main: str) -> str:
    """Return one module script that does what `main` does.

    modules  the text of each module by name, such as map.js

    Raises `FormatError` for modules that import each other in a circle, or in another form.
    """
    done: dict[str, str] = {}
    _add(modules, main, done, ())
    script = "\n".join(done.values())
    if "</script" in script or "<!--" in script:
        raise FormatError("a module contains text that would end the script in a page")
    return script


def _add(modules: Mapping[str, str], name: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    if name in above:
        raise FormatError(f"modules import each other in a circle: {' -> '.join([*above, name])}")
    for _, imported in _IMPORT.findall(modules[name]):
        if imported not in done:
            _add(modules, imported, done, (*above, name))
    done[name] = _as_function(name, modules[name], is_main=not above)


def _as_function(name: str, text: str, *, is_main: bool) -> str:
    exports = [found for _, found in _EXPORT.findall(text)]
    body = _EXPORT.sub(r"\1", _IMPORT.sub(lambda found: f"const {{ {found[1]} }} = {_variable(found[2])};\n", text))
    if unknown := _UNKNOWN.search(body):
        raise FormatError(f"{name} has a line that cannot be bundled: {unknown[0]}")
    if is_main:
        return body
    return f"const {_variable(name)} = await (async () => {{\n{body}\nreturn {{ {', '.join(exports)} }};\n}})();"


def _variable(name: str) -> str:
    return f"module_{name.removesuffix('.js')}"
