"""The options of reading: how a corpus becomes words."""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from firth.errors import OptionError
from firth.messages import option
from firth.options import checked, limits, shortened
from firth.text.opening import UTF8, checked_encoding
from firth.text.sentences import Tokenizer

_INPUT_BYTES = limits("bytes of text, decompressed; by default no limit", 1, optional=True)


@dataclass(frozen=True, eq=False)
class ReadOptions:
    """How to read a corpus.

      tokenizer  function from a text to its words; None splits at ASCII whitespace
      offsets    (n_sentences + 1,) integers: sentence i is corpus[offsets[i] : offsets[i + 1]]
      column     the column of a table that holds the sentences; None: the only one
      encoding   that of text files, which include CSV and JSON
      max_input_bytes  the most bytes, decompressed, of all files together (None: no limit)

    Raises `OptionError` for a value that is not allowed.
    """

    tokenizer: Tokenizer | None = None
    offsets: ArrayLike | None = None
    column: str | int | None = None
    encoding: str = UTF8
    max_input_bytes: int | None = None

    def __post_init__(self) -> None:
        checked("max_input_bytes", self.max_input_bytes, int, _INPUT_BYTES)
        object.__setattr__(self, "encoding", checked_encoding(self.encoding))
        if self.tokenizer is not None and not callable(self.tokenizer):
            raise OptionError(
                f"tokenizer={shortened(self.tokenizer)} is not allowed: give a function that returns the words of a "
                "line"
            )
        if not isinstance(self.column, (str, int, type(None))) or isinstance(self.column, bool):
            raise OptionError(f"{option('column', shortened(self.column))} is not allowed: give the name of one column")

    @property
    def given(self) -> list[str]:
        """The names of the options that do not have their default values."""
        names = [name for name in vars(self) if name != "encoding" and getattr(self, name) is not None]
        return names + ["encoding"] * (self.encoding != UTF8)

    @property
    def splitting_code(self) -> str:
        """The code that splits a text into words, for messages."""
        return "text.split()" if self.tokenizer is None else "tokenizer(text)"
