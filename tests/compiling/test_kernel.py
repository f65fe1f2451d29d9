"""Kernels: what they take and return, in memory, from disk and as plain Python, and without an import of Numba."""

import os
import struct
import subprocess
import sys
import threading
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.compiling.kernel import helper, kernel

FACTOR = 3


class Pair(NamedTuple):
    matrix: Any
    number: Any


class Nested(NamedTuple):
    pair: Any
    flag: Any
    row: Any


@helper()
def cell(matrix, i, j):
    return matrix[i, j]


@kernel()
def weighted_sum(nested, weight):
    total = 0.0
    for i in range(nested.pair.matrix.shape[0]):
        for j in range(nested.pair.matrix.shape[1]):
            total += cell(nested.pair.matrix, i, j) * nested.row[j]
    nested.row[0] = weight
    return total, nested.pair.number, nested.flag


@kernel()
def echo(number):
    return number


@kernel()
def fill(array):
    array[...] = FACTOR


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["C", "F", "strided", "read-only"]),
    st.sampled_from([np.float32, np.float64, np.int32, np.uint8]),
    st.tuples(st.integers(0, 4), st.integers(1, 4)),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
)
def test_nested_tuples_of_arrays_and_numbers_arrive_as_they_are(layout, dtype, shape, flag, number):
    matrix = np.arange(4 * shape[0] * shape[1]).reshape(2 * shape[0], 2 * shape[1]).astype(dtype)[::2, ::2]
    if layout != "strided":
        matrix = np.array(matrix, order="F" if layout == "F" else "C")
        matrix.flags.writeable = layout != "read-only"
    row = np.arange(shape[1], dtype=np.float32)
    expected = float((matrix.astype(np.float64) * row).sum())
    assert weighted_sum(Nested(Pair(matrix, number), flag, row), np.float32(7)) == (expected, number, flag)
    assert row[0] == 7


@pytest.mark.parametrize(
    "number",
    [True, False, -5, 2.5, *(kind(100) for kind in (np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64)),
     np.uint64(2**64 - 1), np.int32(-(2**31)), np.float32("inf")],
)  # fmt: skip
def test_numbers_of_every_type_come_back(number):
    result = echo(number)
    assert result == number
    assert isinstance(result, (bool, int, float))


def test_an_integer_that_does_not_fit_is_refused():
    with pytest.raises(struct.error):
        echo(2**63)


@pytest.mark.parametrize("first", [2**63, -(2**63), 2**62, 1])
def test_the_code_for_integers_does_not_depend_on_the_first_of_them(first, tmp_path, monkeypatch):
    monkeypatch.setenv("FIRTH_CACHE_DIR", str(tmp_path))

    @kernel()
    def same(pair, number):
        return pair.number, number

    try:
        same(Pair(np.zeros((1, 1)), first), first)
    except struct.error:
        assert first == 2**63
    assert same(Pair(np.zeros((1, 1)), -5), -7) == (-5, -7)


@pytest.mark.parametrize("value", [None, "text", [1], b"bytes", 1j, np.float16(1), np.zeros(3).view(np.recarray)])
def test_other_types_are_refused(value):
    with pytest.raises(TypeError, match=f"takes no {type(value).__name__}: give arrays, numbers and NamedTuples"):
        echo(value)


def test_a_kernel_that_returns_nothing_returns_none():
    array = np.zeros((2, 3))
    assert fill(array) is None
    assert (array == FACTOR).all()


def test_helpers_can_be_called_from_python():
    assert cell(np.eye(2), 1, 1) == 1


def test_threads_that_call_a_new_kernel_at_once_compile_it_once(monkeypatch, tmp_path):
    monkeypatch.setenv("FIRTH_CACHE_DIR", str(tmp_path / "cache"))

    @kernel()
    def doubled(x):
        return 2 * x

    results: list[int] = []
    threads = [threading.Thread(target=lambda i=i: results.append(doubled(i))) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [2 * i for i in range(8)]
    assert (doubled.compiled, doubled.loaded) == (1, 0)


SCRIPT = """
import os, sys
import numpy as np
from firth.training.softmax.kernels import sum_equal
entries = np.array([17, 18, 33], np.int64)
assert sum_equal(entries, 4, np.zeros_like(entries), np.zeros(3, np.int32)) == 2
print(sum_equal.loaded, sum_equal.compiled, "numba" in sys.modules)
"""


def run(folder, script=SCRIPT, **environment):
    variables = {**os.environ, "FIRTH_CACHE_DIR": str(folder), **environment}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_second_process_does_not_import_numba(tmp_path):
    assert run(tmp_path / "cache") == ["0", "1", "True"]
    assert run(tmp_path / "cache") == ["1", "0", "False"]


def test_kernels_run_as_plain_python_if_numba_must_not_compile(tmp_path):
    assert run(tmp_path / "cache", NUMBA_DISABLE_JIT="1") == ["0", "0", "False"]


def test_a_second_training_process_does_not_import_numba(tmp_path):
    script = """
import sys
from firth import Word2Vec
text = [["a", "b", "c", "d"]] * 50
for schedule in ("blocks", "hogwild"):
    model = Word2Vec(schedule=schedule, vector_size=8, min_count=1, epochs=1).fit(text, progress=False)
    model.wv.most_similar("a")
print("numba" in sys.modules)
"""
    assert run(tmp_path / "cache", script) == ["True"]
    assert run(tmp_path / "cache", script) == ["False"]


def test_a_child_that_is_forked_while_a_thread_compiles_can_use_kernels(tmp_path):
    script = """
import os, threading
from firth.compiling.kernel import kernel
@kernel()
def first(x):
    return x + 1
@kernel()
def second(x):
    return x + 2
thread = threading.Thread(target=first, args=(1,))
thread.start()
child = os.fork()
if child == 0:
    os._exit(0 if second(1) == 3 and first(1) == 2 else 1)
_, status = os.waitpid(child, 0)
thread.join()
print(status, first(1))
"""
    assert run(tmp_path / "cache", script) == ["0", "2"]
