"""MkDocs hooks: draw pictures and figures, convert equations to MathML, insert tables, and set each page's language.

Browsers render MathML, so pages need no script and no network. An equation that cannot be converted stops the build.
"""

import dataclasses
import html
import re
import runpy
import sys
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from math_core import LatexError, LatexToMathML
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from pymdownx.slugs import slugify

from firth.demo import source_files
from firth.options import Options, PhraseOptions, range_text

sys.path.insert(0, str(Path(__file__).parents[1]))  # docs/figures is not a package of firth
import figures
import statements

_CONVERTER = LatexToMathML(fancy_error=False)
_MATHEMATICS = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\s*\\[(\[](?P<latex>.*?)\\[)\]]\s*</(?P=tag)>', re.DOTALL
)
_NUMBER = re.compile(r"\\tag\{(.*?)\}")
_TABLES = {"<!-- table of options -->": Options, "<!-- table of phrase options -->": PhraseOptions}
_STATEMENTS = "<!-- table of statements -->"
_FONT = "STIXTwoMath-Regular.ttf"


def on_files(files: Any, config: Any) -> Any:
    """Add a font for mathematics, because not every computer has one, bundle the script, and draw the pictures."""
    font = Path(str(distribution("ziamath").locate_file(f"ziamath/fonts/{_FONT}")))
    files.append(File.generated(config, f"theme/{_FONT}", content=font.read_bytes()))
    _replace(files, config, "theme/interactive.js", _bundled(Path(config.docs_dir, "theme", "interactive.js")))
    _redraw(files, config)
    return files


def _bundled(script: Path) -> str:
    """Return a script together with the modules that it imports: from a folder, browsers load no modules."""
    text = script.read_text(encoding="utf-8")
    modules = [script.parent / name for name in re.findall(r'^import .* from "(.*)";$', text, re.MULTILINE)]
    parts = [module.read_text(encoding="utf-8") for module in modules] + [re.sub(r"^import .*\n", "", text, flags=re.M)]
    return "(() => {\n" + re.sub(r"^export ", "", "\n".join(parts), flags=re.MULTILINE) + "})();\n"


def _replace(files: Any, config: Any, name: str, content: str | bytes) -> None:
    files.remove(files.get_file_from_path(name))
    files.append(File.generated(config, name, content=content))


def _redraw(files: Any, config: Any) -> None:
    """Replace the pictures of the repository by those that this version of firth draws."""
    script = runpy.run_path(str(Path(config.docs_dir, "pictures.py")))
    with TemporaryDirectory() as folder:
        script["draw_all"](Path(folder), script["Models"](source_files()))
        for picture in sorted(Path(folder).iterdir()):
            _replace(files, config, f"images/{picture.name}", picture.read_bytes())


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the placeholders of tables, such as `<!-- table of options -->`."""
    for placeholder, options in _TABLES.items():
        if placeholder in markdown:
            markdown = markdown.replace(placeholder, _table(options))
    if _STATEMENTS in markdown:
        table = statements.to_markdown(statements.read_statements(), lambda title: slugify(case="lower")(title, "-"))
        markdown = markdown.replace(_STATEMENTS, table)
    return markdown


def on_page_content(content: str, page: Any, **_: Any) -> str:
    """Convert each equation that the arithmatex extension has marked to MathML, and draw the figures of the page."""

    def convert(match: re.Match[str]) -> str:
        latex = html.unescape(match["latex"])
        try:
            return _inline(latex) if match["tag"] == "span" else _displayed(latex)
        except LatexError as error:
            raise PluginError(f"{page.file.src_uri}: {latex.strip()!r}: {error}") from error

    return figures.insert(_MATHEMATICS.sub(convert, content), page.meta.get("lang", "en"), _inline)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Set the language from a page's front matter (`lang: ko`), for fonts and screen readers."""
    language = page.meta.get("lang", "en")
    return output.replace('<html lang="en"', f'<html lang="{language}"', 1)


def _table(options: Any) -> str:
    """Return a table of all fields of a dataclass of options."""
    rows = [
        f"| `{option.name}` | `{option.default!r}` | {_limits(option.metadata)} | {option.metadata['meaning']} |"
        for option in dataclasses.fields(options)
    ]
    return "\n".join(["| option | default | allowed | meaning |", "|---|---|---|---|", *rows])


def _limits(metadata: Any) -> str:
    return range_text(metadata) + (", or `None`" if metadata["optional"] else "")


def _inline(latex: str) -> str:
    return str(_CONVERTER.convert_with_local_state(latex, displaystyle=False))


def _displayed(latex: str) -> str:
    r"""Return a displayed equation with its `\tag` number at the right."""
    number = _NUMBER.search(latex)
    mathml = _CONVERTER.convert_with_local_state(_NUMBER.sub("", latex), displaystyle=True)
    label = f'<span class="equation-number">({number[1]})</span>' if number else ""
    return f'<div class="equation">{mathml}{label}</div>'
