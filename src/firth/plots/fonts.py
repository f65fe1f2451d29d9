"""Fonts for words: Matplotlib's font, and installed fonts for the characters that it lacks."""

import unicodedata
import warnings
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from firth import terminal
from firth.plots.canvas import matplotlib_module

_LONGEST = 24  # characters of a label
_MISSING = "\u25a1"  # a box, which Matplotlib's own font has
_PLACEHOLDERS = "Last Resort"  # a font that comes with Matplotlib: it has a box for every character
_ADVICE = {
    "HANGUL": "fonts-noto-cjk",
    "CJK": "fonts-noto-cjk",
    "HIRAGANA": "fonts-noto-cjk",
    "KATAKANA": "fonts-noto-cjk",
}

_warned_of: set[str] = set()


class Lettering(NamedTuple):
    """Texts that can be drawn, and the font families that have their characters.

    is_default  whether these are the families that Matplotlib is set to
    """

    texts: list[str]
    families: list[str]
    is_default: bool

    @property
    def style(self) -> dict[str, Any]:
        """Arguments for a text of Matplotlib: words are not mathematics, although they may contain dollar signs.

        Fonts that were found for a script may have one weight only, and Matplotlib would complain about another.
        """
        weight = {} if self.is_default else {"fontweight": "normal"}
        return {"fontfamily": self.families, "parse_math": False, "usetex": False, **weight}


def lettering(words: Iterable[object], longest: int = _LONGEST) -> Lettering:
    """Return texts for words, of at most `longest` characters, and fonts for them.

    A character that no installed font has is drawn as a box; the first time, a `RuntimeWarning` names it.
    """
    texts = [_short(terminal.escaped(word), longest) for word in words]
    default, covered = _default()
    families = default
    missing = {character for text in texts for character in text} - covered - {" "}
    for family, path in _installed() if missing else ():
        if found := missing & _characters(path):
            families, missing = [*families, family], missing - found
        if not missing:
            break
    if missing:
        _warn_once(missing)
        texts = ["".join(_MISSING if character in missing else character for character in text) for text in texts]
    return Lettering(texts, families, families == default)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _default() -> tuple[list[str], frozenset[str]]:
    """Return the families that Matplotlib is set to, and the characters of the first that is installed."""
    fonts: Any = matplotlib_module("font_manager")
    properties = fonts.FontProperties()
    return list(properties.get_family()), _characters(fonts.findfont(properties))


def _installed() -> list[tuple[str, str]]:
    """Return family and path of each upright font of normal weight; sans-serif and Noto fonts come first."""
    entries = matplotlib_module("font_manager").fontManager.ttflist
    upright = {
        (entry.name, entry.fname)
        for entry in entries
        if entry.style == "normal" and entry.weight in (400, "normal", "regular") and _PLACEHOLDERS not in entry.name
    }
    return sorted(upright, key=lambda font: ("Sans" not in font[0], "Noto" not in font[0], *font))


@cache
def _characters(path: str) -> frozenset[str]:
    """Return the characters that a font has; none for a font of bitmaps, which Matplotlib cannot scale."""
    try:
        font = matplotlib_module("font_manager").get_font(path)
        return frozenset(map(chr, font.get_charmap())) if font.scalable else frozenset()
    except (OSError, RuntimeError):  # the file is gone, or FreeType cannot read it
        return frozenset()


def _warn_once(missing: set[str]) -> None:
    if new := sorted(missing - _warned_of):
        _warned_of.update(new)
        warnings.warn(_no_font(new), RuntimeWarning, stacklevel=4)


def _no_font(missing: list[str]) -> str:
    scripts = sorted({unicodedata.name(character, "UNKNOWN").split()[0] for character in missing})
    packages = sorted({_ADVICE.get(script, f"the Noto font for {script.capitalize()}") for script in scripts})
    return (
        f"no installed font has {''.join(missing[:10])!r} ({', '.join(scripts)}), drawn as boxes: install one, such as "
        f"{', '.join(packages)}, and start Python again"
    )
