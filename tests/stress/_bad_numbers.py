"""Passes bad ids, row numbers, offsets and sizes to every function that calls a kernel."""

import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firth import KeyedVectors, Options
from firth.errors import CorpusError, FirthError
from firth.text import END, read_corpus
from firth.text.store import MemoryStorage, TokenStore
from firth.training.negative_sampling import blocks, buckets, hogwild, rotation
from firth.training.sampling import alias_table
from firth.training.softmax.cooccurrence import Cooccurrence, count_pairs
from firth.training.softmax.exact import exact_loss
from firth.training.windows import layout, simd
from firth.training.windows.token_blocks import TokenBlockTask

V, D, K = 60, 5, 5
EXTREMES = (2**31 - 1, -(2**31), 2**30, -3)

Attempt = Callable[[np.random.Generator], None]


def attempt(rng: np.random.Generator, n: int) -> dict[str, int]:
    """Pass n bad numbers; raise AssertionError unless each is refused with an error that shows it."""
    attempts = [*ids(), centers, bounds, columns, layouts, pair, noise_word, alias, sizes, rows_searched]
    for i in range(n):
        attempts[i % len(attempts)](rng)
    return {"bad numbers": n}


def refused(kind: type[Exception], shown: object, act: Callable[[], object]) -> None:
    """Assert that `act` raises an error of firth, of this kind, with the value in its message."""
    with pytest.raises(kind, match=re.escape(str(shown))) as caught:
        act()
    assert isinstance(caught.value, FirthError)


def bad(rng: np.random.Generator, limit: int) -> int:
    """Return a 32-bit number that is neither in [0, limit) nor END."""
    near = [limit, limit + 1, END - 1, limit + int(rng.integers(1 << 20)), END - 1 - int(rng.integers(1 << 20))]
    return int(rng.choice([*near, *EXTREMES]))


def ids() -> list[Attempt]:
    """Return attempts at both engines and the counting of pairs, each with a bad id among its tokens."""
    options = Options(min_count=1, vector_size=D, negative=K, window=2)
    corpus = read_corpus([[f"w{i}" for i in range(V)]], options)

    def store(rng: np.random.Generator) -> tuple[TokenStore, int]:
        tokens = rng.integers(0, V, 30).astype(np.int32)
        tokens[rng.random(30) < 0.2] = END
        tokens[rng.integers(30)] = number = bad(rng, V)
        storage = MemoryStorage()
        storage.write(0, tokens)
        return TokenStore(storage, np.array([0, 30]), 24), number

    lock_free = hogwild.Hogwild(corpus, options)
    work = lock_free.workspace()

    def train(rng: np.random.Generator) -> None:
        lock_free._tokens, number = store(rng)
        refused(CorpusError, number, lambda: lock_free.train(TokenBlockTask(0, 0, 0.0), 0.01, work))

    in_blocks = blocks.Blocks(corpus, options)
    worker = in_blocks.workspace()
    in_blocks.tasks(0, None, threading.Event())

    def make_pairs(rng: np.random.Generator) -> None:
        in_blocks._tokens, number = store(rng)
        task = rotation.ChunkTask(0, 0, rotation.PREPARE, 0, 0.0)
        refused(CorpusError, number, lambda: in_blocks.train(task, 0.01, worker))

    def count(rng: np.random.Generator) -> None:
        tokens, number = store(rng)
        refused(CorpusError, number, lambda: count_pairs(tokens, corpus.vocabulary, options))

    return [train, make_pairs, count]


def counts(rng: np.random.Generator) -> dict[str, Any]:
    chosen = rng.random((V, V)) < 0.2
    indptr = np.append(0, np.cumsum(chosen.sum(axis=1)))
    columns = np.nonzero(chosen)[1].astype(np.int32)
    sums = [np.maximum(chosen.sum(axis=axis), 1.0) for axis in (1, 0)]
    return {
        "indptr": indptr,
        "columns": columns,
        "values": np.ones(len(columns), np.float32),
        "totals": sums[0],
        "outside_totals": sums[1],
    }


def loss(arrays: dict[str, Any]) -> Callable[[], object]:
    matrix = np.zeros((V, D), np.float32)
    return lambda: exact_loss(matrix, matrix, Cooccurrence(**arrays))


def centers(rng: np.random.Generator) -> None:
    number = bad(rng, V)
    some = np.array([3, number, 5])
    made = Cooccurrence(**counts(rng))
    refused(FirthError, number, lambda: made.rows(some))


def bounds(rng: np.random.Generator) -> None:
    arrays = counts(rng)
    at, number = int(rng.integers(V + 1)), bad(rng, len(arrays["columns"]) + 1)
    arrays["indptr"][at] = number
    refused(CorpusError, number, loss(arrays))


def columns(rng: np.random.Generator) -> None:
    arrays = counts(rng)
    at, number = int(rng.integers(len(arrays["columns"]))), min(bad(rng, V), -1) if rng.random() < 0.5 else bad(rng, V)
    arrays["columns"][at] = number
    refused(CorpusError, number, loss(arrays))


def layouts(rng: np.random.Generator) -> None:
    arrays = counts(rng)
    name = str(rng.choice(["indptr", "columns", "values"]))
    changed: Any = arrays[name][:-1] if rng.random() < 0.5 else arrays[name].astype(np.int8)
    shown = "int8" if changed.dtype == np.int8 else "(" if name == "values" else len(changed)
    refused(FirthError, shown, loss(arrays | {name: changed}))


# --- buckets of pairs, as other processes may send them


def bucket(rng: np.random.Generator) -> blocks.Bucket:
    n_center, n_outside = (int(n) for n in rng.integers(1, 20, 2))
    pairs = rng.integers(0, (n_center, n_outside), (int(rng.integers(1, 30)), 2), np.int32)
    width = simd.LANES * layout.strips(D)
    center, outside = layout.aligned_zeros((n_center, width)), layout.aligned_zeros((n_outside, width))
    words, table = np.arange(n_outside, dtype=np.int32), alias_table(rng.integers(1, 50, n_outside), 0.75)
    return blocks.Bucket(center, outside, pairs, words, table, np.uint64(1), np.float32(0.01), K, D)


def pair(rng: np.random.Generator) -> None:
    sent = bucket(rng)
    column = int(rng.integers(2))
    number = bad(rng, len(sent[column]))
    sent.pairs[rng.integers(len(sent.pairs)), column] = number
    refused(CorpusError, number, lambda: blocks.run_bucket(sent))


def noise_word(rng: np.random.Generator) -> None:
    sent = bucket(rng)
    number = bad(rng, len(sent.outside))
    sent.noise_words[rng.integers(len(sent.noise_words))] = number
    refused(CorpusError, number, lambda: blocks.run_bucket(sent))


def alias(rng: np.random.Generator) -> None:
    sent = bucket(rng)
    number = int(rng.integers(len(sent.outside), 1 << 32))
    sent.alias[rng.integers(len(sent.alias))] = np.uint64(number)
    refused(CorpusError, number, lambda: blocks.run_bucket(sent))


def sizes(rng: np.random.Generator) -> None:
    sent = bucket(rng)
    width = sent.center.shape[1]
    changes: list[tuple[dict[str, Any], object]] = [
        ({"negative": int(rng.choice([0, -1, 1025, 2**40]))}, "negative"),
        ({"vector_size": int(rng.choice([0, -1, 8193, 2**40]))}, "vector_size"),
        ({"vector_size": width + 1}, width),
        ({"center": sent.center[:, :-1]}, width - 1),
        ({"outside": layout.aligned_zeros((len(sent.outside), 2 * width))}, 2 * width),
        ({"pairs": sent.pairs.astype(np.int64)}, "int64"),
        ({"pairs": sent.pairs[:, :1]}, "1)"),
        ({"center": sent.center[:0]}, f"pairs hold the center {sent.pairs[:, 0].max()}"),
        ({"alias": sent.alias[:-1]}, len(sent.alias) - 1),
        ({"alias": sent.alias[:0], "noise_words": sent.noise_words[:0]}, "where 0 to -1 are allowed"),
        ({"noise_words": sent.noise_words.astype(np.int64)}, "int64"),
        ({"alias": sent.alias.astype(np.float64)}, "float64"),
    ]
    change, shown = changes[rng.integers(len(changes))]
    refused(FirthError, shown, lambda: blocks.run_bucket(sent._replace(**change)))
    other = buckets.make_group_workspace(*((D + 16, K) if rng.random() < 0.5 else (D, K + 16)))
    refused(FirthError, "of a bucket", lambda: blocks.run_bucket(sent, other))


VECTORS = KeyedVectors(range(V), np.random.default_rng(0).normal(size=(V, D)).astype(np.float32))


def rows_searched(rng: np.random.Generator) -> None:
    """Limits of a search work like those of a slice, however large; an unknown key is refused."""
    numbers = [0, 1, V - 1, V, V + 1, -1, -V - 1, 2**31, 2**63, -(2**70), int(rng.integers(-V, 2 * V))]
    topn, first, last = (int(rng.choice(np.array(numbers, object))) for _ in range(3))
    if topn < 0:
        refused(FirthError, f"topn={topn}", lambda: VECTORS.most_similar_batch([7], topn, first, last))
        return
    (found,) = VECTORS.most_similar_batch([7], topn, first, last)
    allowed = set(range(V)[first : last or V]) - {7}
    assert len({key for key, _ in found}) == len(found) == min(topn, len(allowed))
    assert {key for key, _ in found} <= allowed
    number = bad(rng, V)
    refused(FirthError, number, lambda: VECTORS.most_similar_batch([7, number]))
