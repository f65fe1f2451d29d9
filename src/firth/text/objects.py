"""Rows that are Python objects: texts, dicts, or token lists, some of them missing."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from firth.errors import CorpusError
from firth.options import shortened
from firth.text.columns import RowCounts, choose_column, joined, longest_text
from firth.text.sentences import is_missing, surrogate_error


def with_first(rows: Iterable[Any]) -> tuple[Any, Iterable[Any]]:
    """Return the first row that is not missing, None if there is none, and all rows."""
    if not isinstance(rows, Iterator):
        return next((row for row in rows if not is_missing(row)), None), rows
    before: list[Any] = []
    for row in rows:
        before.append(row)
        if not is_missing(row):
            return row, chain(before, rows)
    return None, before


def column_of_records(records: Iterable[Any], first: Mapping[Any, Any], column: Any, what: str) -> Iterator[Any]:
    """Return the values of one key of dicts, None where it is missing; raise `CorpusError` if no key was named."""
    kinds = {str(name): type(value).__name__ for name, value in first.items()}
    likeliest = longest_text({str(name): value for name, value in first.items()})
    name = choose_column(f"{what.removesuffix(',')}, whose rows are dicts,", kinds, column, likeliest)
    key = next(key for key in first if str(key) == name)
    return (_value(record, key, number) for number, record in enumerate(records))


def _value(record: Any, key: Any, number: int) -> Any:
    if is_missing(record):
        return None
    if not isinstance(record, Mapping):
        raise CorpusError(f"row {number} is {shortened(record)}, of type {type(record).__name__}, instead of a dict")
    return record.get(key)


def text_blocks_of(texts: Iterable[Any], counts: RowCounts, what: str) -> Iterator[bytes]:
    """Yield texts as lines, in blocks; line breaks inside a text become spaces, and missing texts are counted."""
    return joined(_lines(texts, counts, what))


def _lines(texts: Iterable[Any], counts: RowCounts, what: str) -> Iterator[bytes]:
    for number, text in enumerate(texts):
        if isinstance(text, str):
            try:
                yield (text.replace("\n", " ") + "\n").encode()
            except UnicodeEncodeError as error:
                raise surrogate_error(f"row {number}, {shortened(text)},", error) from None
        elif is_missing(text):
            counts.nulls += 1
        else:
            raise CorpusError(
                f"{what} holds texts, but row {number} is {shortened(text)}, of type {type(text).__name__}: give texts "
                "alone, or lists of words alone"
            )
