"""The rows of millions of keys, looked up without waiting for a dictionary of all of them.

A dictionary of three million words takes over a second to make, and looking through the list for one word a few
hundredths: so the first few words that are asked for are looked for in the list.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from firth.vectors.items import Key

_MOST_SCANS = 16  # about as long as making the dictionary takes


class LazyIndex(dict[Key, int]):
    """The row of each of V keys that differ, a dictionary in every respect once it is asked for more than a few."""

    def __init__(self, keys: list[Key]):
        super().__init__()
        self._keys: list[Key] | None = keys
        self._scans = 0

    def _all(self) -> None:
        if self._keys is not None:
            keys, self._keys = self._keys, None
            super().clear()  # what was looked up first is not first in order
            super().update(zip(keys, range(len(keys)), strict=True))

    def _look(self, key: object) -> None:
        """See to it that `key` is here if it is one of the keys."""
        if self._keys is None or super().__contains__(key):
            return
        self._scans += 1
        if self._scans > _MOST_SCANS:
            self._all()
        elif isinstance(key, (str, int)) and key in self._keys:
            super().__setitem__(key, self._keys.index(key))

    def __getitem__(self, key: Key) -> int:
        self._look(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._look(key)
        return super().__contains__(key)

    def get(self, key: Key, default: Any = None) -> Any:
        """Return the row of `key`, or `default`."""
        self._look(key)
        return super().get(key, default)

    def __reduce__(self) -> tuple[type, tuple[dict[Key, int]]]:
        self._all()
        return dict, (dict(self.items()),)

    def __len__(self) -> int:
        return super().__len__() if self._keys is None else len(self._keys)


def _on_all_keys(name: str) -> Callable[..., Any]:
    """Return dict's method of that name, called once all keys are in."""
    method = getattr(dict, name)

    @wraps(method)
    def call(self: LazyIndex, *arguments: Any, **named: Any) -> Any:
        self._all()
        return method(self, *arguments, **named)

    return call


_OTHERS = (
    *("__iter__", "__reversed__", "__eq__", "__ne__", "__repr__", "__or__", "__ror__", "__ior__", "__setitem__"),
    *("__delitem__", "keys", "values", "items", "update", "pop", "popitem", "setdefault", "clear", "copy"),
)
for _name in _OTHERS:
    setattr(LazyIndex, _name, _on_all_keys(_name))
