"""It says no first: options before files, memory before arrays; and what runs out of memory ends with one line."""

import json
import math
import os
import resource
import subprocess
import sys
import time
import tracemalloc
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stress import limits

from firth import KeyedVectors, OptionError, Options, Word2Vec, cli, resources
from firth.errors import NotEnoughMemoryError

FIELDS = limits.FIELDS
ABSENT = "/absent/corpus.txt"
MIB = 2**20


def child(code: str, *arguments: object, **environment: str) -> str:
    """Run Python code in a process of its own; return what it printed."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


# --- options before files

HUGE = "x" * 10**7
HOSTILE = [
    0, -1, 2**63, 1e30, math.inf, -math.inf, math.nan, True, False, None, "5", b"5", [], {}, np.int8(5), np.int64(5),
    np.uint64(5), np.float16(0.025), np.float32(0.025), np.float64(0.025), np.longdouble(0.025), np.complex128(1),
    np.bool_(1), np.str_("5"), np.timedelta64(5, "D"), np.array(5), Fraction(1, 40), Decimal("0.025"), 1j, HUGE,
    10**10000, object(), ...,
]  # fmt: skip


def is_allowed(name: str, value: Any) -> bool:
    """Tell whether an option may have a value, by its kind and its limits."""
    default, limit = FIELDS[name].default, FIELDS[name].metadata
    if isinstance(default, bool):
        return isinstance(value, (bool, np.bool_))
    if isinstance(default, str):
        return isinstance(value, str) and str(value) in limit["choices"]
    if value is None:
        return default is None
    kinds = (float, Fraction, np.floating, int, np.integer) if isinstance(default, float) else (int, np.integer)
    if not isinstance(value, kinds) or isinstance(value, (bool, np.timedelta64)) or value != value:
        return False
    try:
        number = float(value) if isinstance(default, float) else int(value)
    except OverflowError:
        return False
    above = number > limit["low"] if limit["open_low"] else number >= limit["low"]
    falls = (name != "min_alpha" or number <= Options.alpha) and (name != "alpha" or number >= Options.min_alpha)
    return above and falls and abs(number) < math.inf and (limit["high"] is None or number <= limit["high"])


@pytest.mark.parametrize("make", [Options, Word2Vec])
def test_every_hostile_value_of_every_option_is_kept_or_refused_at_once(make):
    tracemalloc.start()
    for name in FIELDS:
        for value in HOSTILE:
            started = time.thread_time()  # which others on the machine do not lengthen
            if is_allowed(name, value):
                made = make(**{name: value})
                kept = getattr(made if make is Options else made.options, name)
                assert kept is value or kept == type(kept)(value)
                assert type(kept) in (bool, int, float, str, type(None))
            else:
                with pytest.raises(OptionError, match=rf"^{name}=.* is (not allowed: give|above|below)") as error:
                    make(**{name: value})
                assert len(str(error.value)) < 500
            assert time.thread_time() - started < 0.5
    assert tracemalloc.get_traced_memory()[1] < 50 * MIB
    tracemalloc.stop()


@pytest.mark.parametrize("value", [0, -1, 1025, 2**63, 2.0, math.nan, True, "5", b"5", [], np.float64(2), HUGE, 1j])
def test_hostile_numbers_of_workers_are_refused(value):
    with pytest.raises(OptionError, match=r"^workers=.* is not allowed: give a whole number from 1 to 1024 or None"):
        Word2Vec(workers=value)


def test_workers_may_be_a_number_of_numpy():
    assert Word2Vec(workers=np.int64(5)).workers == 5
    assert type(Word2Vec(workers=np.uint8(5)).workers) is int


TYPED = ["0", "-1", "-5", "9223372036854775808", "1e30", "inf", "nan", "True", "None", "", "1_", "5x", "[]", "0x10",
         "9" * 5000, "\x1b[5m", "½"]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in FIELDS if not isinstance(FIELDS[name].default, bool)])
def test_every_hostile_value_typed_for_an_option_is_refused_before_the_corpus_is_opened(name, tmp_path, capsys):
    flag = f"--{name.replace('_', '-')}"
    for text in TYPED:
        code = cli.main(["train", ABSENT, "-o", str(tmp_path / "m.firth"), flag, text])
        out, err = capsys.readouterr()
        assert (out, err.count("\n"), err.startswith("firth: ")) == ("", 1, True)
        assert "\x1b" not in err
        assert len(err) < 2100
        if code == 2:
            assert f"{flag} " in err
            assert ABSENT not in err
        else:  # the value is allowed, and it is the corpus that is wanting
            assert code == 1
            assert ABSENT in err
            assert is_allowed(name, typed(text))
    assert list(tmp_path.iterdir()) == []


def typed(text: str) -> Any:
    """Return what a text means as a number, or as itself."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def test_a_bad_option_is_refused_before_any_file_is_opened():
    code = """
import sys
from firth import OptionError, Word2Vec, Options
Word2Vec(), Options()
opened = []
sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)
try:
    Word2Vec(window=0).fit("corpus.txt")
except OptionError as error:
    print(error, opened)
"""
    assert child(code).endswith("(words m to either side of the center) []\n")


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=20),
    st.complex_numbers(), st.fractions(), st.decimals(), st.lists(st.integers(), max_size=3), st.just(...),
    st.sampled_from([np.int8, np.uint64, np.float16, np.float32, np.bool_, np.str_]).map(lambda kind: kind(1)),
    st.integers(-(2**70), 2**70).map(float), st.integers(0, 100), st.floats(0, 1),
    st.sampled_from(["blocks", "hogwild", "softmax", "negative_sampling"]),
)  # fmt: skip


@given(st.sampled_from(sorted(FIELDS)), anything)
def test_any_value_of_any_option_is_kept_and_survives_json_or_is_refused(name: str, value: Any):
    try:
        options = Options(**{name: value})
    except OptionError as error:
        message = str(error)
        assert name in message
        assert not is_allowed(name, value)
    else:
        assert is_allowed(name, value)
        assert Options.from_dict(json.loads(json.dumps(options.to_dict(), allow_nan=False))) == options


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), anything, max_size=4))
def test_any_values_together_are_kept_or_refused(values: dict[str, Any]):
    try:
        options = Options(**values)
    except OptionError as error:
        assert any(name in str(error) for name in values)  # noqa: PT017
    else:
        assert Options.from_dict(options.to_dict()) == options


# --- memory before arrays


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A system of our own making: write its files with `machine(path, text)`."""

    def write(path: str, text: str) -> None:
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    monkeypatch.setattr(resources, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(resources, "_CGROUP", tmp_path / "cgroup")
    write("proc/meminfo", "MemTotal: 9000 kB\nMemFree: 10 kB\nMemAvailable:   8000 kB\nSwapFree: 100000 kB\n")
    return write


def available_memory():
    return min((room for _, room in resources.memory_rooms()), default=None)


def test_memory_is_what_the_machine_calls_available_without_swap(machine):
    assert available_memory() == 8000 * 1024


def test_a_system_that_says_nothing_forbids_nothing(machine):
    machine("proc/meminfo", "")
    assert available_memory() is None
    resources.require_memory({"a matrix": 2**60})


@pytest.mark.parametrize("root", ["cgroup", "cgroup/unified"])
@pytest.mark.parametrize("limited", ["", "user/", "user/job/"])
def test_every_control_group_of_version_2_up_to_the_root_counts(machine, root, limited):
    machine("proc/self/cgroup", "0::/user/job\n")
    for group in ("", "user/", "user/job/"):
        machine(f"{root}/{group}memory.max", "2000000\n" if group == limited else "max\n")
        machine(f"{root}/{group}memory.current", "500000\n")
    assert available_memory() == 1_500_000


@pytest.mark.parametrize("limited", ["", "docker/", "docker/job/"])
def test_every_control_group_of_version_1_up_to_the_root_counts(machine, limited):
    machine("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/docker/job\n3:cpuset:/\n0::/\n")
    for group in ("", "docker/", "docker/job/"):
        most = "2000000\n" if group == limited else "9223372036854771712\n"
        machine(f"cgroup/memory/{group}memory.limit_in_bytes", most)
        machine(f"cgroup/memory/{group}memory.usage_in_bytes", "500000\n")
    assert available_memory() == 1_500_000


def test_a_container_sees_its_group_as_the_root(machine):
    machine("proc/self/cgroup", "4:memory:/docker/0123\n")
    machine("cgroup/memory/memory.limit_in_bytes", "2000000\n")
    machine("cgroup/memory/memory.usage_in_bytes", "500000\n")
    assert available_memory() == 1_500_000


@pytest.mark.parametrize(
    ("line", "folder", "most", "used", "prefix"),
    [
        ("0::/job", "cgroup/job", "memory.max", "memory.current", ""),
        ("4:memory:/job", "cgroup/memory/job", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    ],
)
def test_files_that_a_control_group_keeps_in_memory_are_room(machine, line, folder, most, used, prefix):
    machine("proc/self/cgroup", f"{line}\n")
    machine(f"{folder}/{most}", "2000000\n")
    machine(f"{folder}/{used}", "1900000\n")
    machine(f"{folder}/memory.stat", f"anon 400000\n{prefix}inactive_file 1000000\n{prefix}active_file 500000\nodd\n")
    assert available_memory() == 1_600_000


LIMITED = """
import resource, sys
from firth import resources
kind, limit, unused = getattr(resource, sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(kind, (limit, limit))
try:
    resources.require_memory({"a matrix": 300 << 20, "tables": 30 << 20}, "a test", "use less", unused=unused)
    print("enough")
except MemoryError as error:
    print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="how much is in use is read from /proc")
@pytest.mark.parametrize(("kind", "name"), [("RLIMIT_AS", "ulimit -v"), ("RLIMIT_DATA", "ulimit -d")])
def test_the_limits_of_the_process_count(kind, name):
    assert child(LIMITED, kind, 2 << 30, 0) == "enough\n"
    assert child(LIMITED, kind, 300 << 20, 0).startswith(
        "a test needs 330 MiB of memory (a matrix 300 MiB + tables 30 MiB) and "
    )
    refused = child(LIMITED, kind, 600 << 20, 600 << 20)
    assert refused.endswith(f"and 0 MiB is available ({kind}, {name}): use less\n")


def test_what_does_not_fit_is_refused_with_the_arithmetic(machine):
    with pytest.raises(
        NotEnoughMemoryError,
        match=r"^training needs 1,024 MiB of memory \(a matrix 1,000 MiB \+ tables 24 MiB\) and 8 MiB is available "
        r"\(MemAvailable of this machine\): use a smaller vector_size",
    ):
        resources.require_memory({"a matrix": 1000 * MIB, "tables": 24 * MIB})
    resources.require_memory({"a matrix": 7 * MIB})


GROWTH = """
import sys
from pathlib import Path
import numpy as np
from firth import Word2Vec
from firth.training import registry

def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

def measured(corpus, options, workers, *rest, make=registry.make_trainer, **keywords):
    estimates.append(sum(registry.OBJECTIVES[options.objective].memory_needed(corpus, options, workers).values()))
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    estimates.append(status("VmRSS"))
    return make(corpus, options, workers, *rest, **keywords)

V, words, options = int(sys.argv[1]), int(sys.argv[2]), eval(sys.argv[3])
estimates, registry.make_trainer = [], measured
chances = 1 / np.arange(1, V + 1)
ids = np.random.default_rng(0).choice(V, size=words, p=chances / chances.sum())
ids = np.concatenate([np.arange(V), ids]).astype(np.int32)
del chances
corpus = np.random.default_rng(1).permutation(ids)[: len(ids) // 20 * 20].reshape(-1, 20)
Word2Vec(**{"min_count": 1, "epochs": 1, "workers": 2} | options).fit(corpus, progress=False)
print(estimates[0] / (status("VmHWM") - estimates[1]))
"""


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="only Linux can measure a peak from now on")
@pytest.mark.parametrize(
    ("V", "words", "options", "most"),
    [
        (100_000, 50_000, {"schedule": "hogwild"}, 1.15),
        pytest.param(300_000, 700_000, {"schedule": "hogwild"}, 1.15, marks=pytest.mark.slow),
        pytest.param(300_000, 700_000, {"schedule": "blocks"}, 1.15, marks=pytest.mark.slow),
        (3_000, 1_000_000, {"schedule": "blocks", "sample": 0}, 1.15),
        pytest.param(20_000, 6_000_000, {"schedule": "blocks", "vector_size": 300}, 1.15, marks=pytest.mark.slow),
        pytest.param(30_000, 60_000, {"objective": "softmax", "warm_epochs": 0}, 1.25, marks=pytest.mark.slow),
        pytest.param(30_000, 1_000_000, {"objective": "softmax", "warm_epochs": 1}, 1.25, marks=pytest.mark.slow),
        pytest.param(100_000, 300_000, {"objective": "softmax", "warm_epochs": 1}, 1.25, marks=pytest.mark.slow),
    ],
)
def test_the_estimate_is_near_what_training_takes(V, words, options, most):
    ratio = float(child(GROWTH, V, words, options))
    assert 1 / most < ratio < most


@pytest.mark.parametrize("name", limits.WRITTEN)
def test_vectors_that_do_not_fit_are_refused_before_they_are_read(name, tmp_path, monkeypatch):
    KeyedVectors([f"w{i}" for i in range(3000)], np.ones((3000, 100), np.float32)).save(tmp_path / "v", name)
    tracemalloc.start()
    monkeypatch.setattr(resources, "memory_rooms", lambda unused=0: [("a limit", MIB // 8)])
    with pytest.raises(NotEnoughMemoryError, match=r"^reading .* and 0 MiB is available \(a limit\): "):
        KeyedVectors.load(tmp_path / "v", name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * MIB


@pytest.mark.parametrize("name", ["native", "safetensors"])
def test_vectors_that_do_not_fit_can_be_mapped(name, tmp_path, monkeypatch):
    KeyedVectors([f"w{i}" for i in range(300)], np.ones((300, 100), np.float32)).save(tmp_path / "v", name)
    monkeypatch.setattr(resources, "memory_rooms", lambda unused=0: [("a limit", MIB // 16)])
    assert KeyedVectors.load(tmp_path / "v", name, mmap=True).vectors.shape == (300, 100)


# --- when memory runs out all the same


@pytest.mark.parametrize("seed", range(2))
def test_random_options_and_a_command_under_a_limit_end_well(seed, tmp_path):
    assert sum(limits.run(2 * seed, tmp_path).values()) == limits.OPTIONS_A_SEED + 1


def test_training_without_memory_for_the_corpus_is_refused(tmp_path):
    assert limits.training_under(10 * MIB, ["--schedule", "blocks"], tmp_path) == "trainings refused"


NARROW = """
import resource
from firth import Word2Vec, resources
from firth.errors import NotEnoughMemoryError
from firth.training import registry

def narrowed(*arguments, make=registry.make_trainer, **keywords):
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (150 << 20),) * 2)
    return make(*arguments, **keywords)

registry.make_trainer = narrowed
try:
    Word2Vec(min_count=1, workers=1).fit([["a", "b"]] * 100, progress=False)
except NotEnoughMemoryError as error:
    print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="how much is in use is read from /proc")
def test_training_without_room_for_the_compiler_is_refused():
    """Where it begins to compile and runs out, LLVM ends the process."""
    assert "(compiled kernels 100 MiB + 2 matrices of 2 x 100 floats" in child(NARROW)


# --- neither the network nor a cache on disk is used

ALONE = """
import hashlib, sys
from pathlib import Path
from firth import KeyedVectors, Word2Vec
bad = ("socket.", "urllib.", "http.", "ftplib.", "smtplib.", "subprocess.", "os.system", "pickle.find_class")
def hook(event, arguments):
    if event.startswith(bad):
        raise RuntimeError(f"{event} {arguments}")
sys.addaudithook(hook)
folder = Path(sys.argv[1])
model = Word2Vec(vector_size=8, min_count=1, epochs=1, workers=1)
model.fit([["a", "b", "c"] * 5] * 50, progress=False)
model.save(folder / "m.firth")
for name in ("native", "word2vec-text", "npz", "arrow", "parquet", "safetensors"):
    model.wv.save(folder / "v", name)
    KeyedVectors.load(folder / "v", name).most_similar("a")
print(hashlib.sha256(model.wv.vectors.tobytes()).hexdigest())
"""


def test_training_and_files_need_no_network_and_trust_no_compiled_cache(tmp_path):
    folders = [tmp_path / name for name in ("work", "again", "cache")]
    for folder in folders:
        folder.mkdir()
    clean = child(ALONE, folders[0], NUMBA_CACHE_DIR=str(folders[2]))
    assert list(folders[2].iterdir()) == []
    poison = Random(0)
    for number, suffix in enumerate(["nbi", "1.nbc", "pyc"] * 3):
        place = folders[2] / f"training_{number}" / f"kernels.train_block-{number}.py311.{suffix}"
        place.parent.mkdir()
        place.write_bytes(poison.randbytes(1000))
    before = {path: path.read_bytes() for path in folders[2].rglob("*.*")}
    assert child(ALONE, folders[1], NUMBA_CACHE_DIR=str(folders[2])) == clean
    assert {path: path.read_bytes() for path in folders[2].rglob("*") if path.is_file()} == before


def test_this_process_has_limits_to_read():
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    names = [name for name, _ in resources.memory_rooms()]
    assert ("RLIMIT_AS, ulimit -v" in names) == (soft != resource.RLIM_INFINITY)
