"""Malformed and malicious files of every format; `make stress` fuzzes the same targets for longer."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import re
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from stress import _fuzzing, damage, fuzz
from stress._fuzzing import FaultError, Target, check, named
from stress._targets import TARGETS

from firth.errors import FormatError, NotEnoughMemoryError
from firth.formats import read_vectors
from firth.formats.word2vec import read_word2vec


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Compile the readers before they are timed and their memory is traced."""
    folder = tmp_path_factory.mktemp("compiled")
    for seed in TARGETS["fasttext-bin"].seeds():
        TARGETS["fasttext-bin"].use(named("v.bin")(seed, folder))
    read_word2vec(named("v")(b"1 2\na 1 2\n", folder))


@pytest.fixture
def traced(compiled):
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.fixture
def unsynced(monkeypatch, compiled):
    """Skip syncing to the disk: accepted files are saved again."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def reads(**options):
    return Target(lambda: [], named("v"), lambda path: read_word2vec(path, **options))


TEXT, BINARY, GLOVE, EITHER = reads(binary=False), reads(binary=True), reads(no_header=True), reads()

FASTTEXT = Target(lambda: [], named("v.bin"), lambda path: read_vectors(path, "fasttext-bin"))


@pytest.mark.usefixtures("unsynced")
@pytest.mark.parametrize("name", list(TARGETS))
def test_a_file_cut_anywhere_is_refused_or_read_in_bounds(tmp_path, name):
    for seed in TARGETS[name].seeds():
        assert check(TARGETS[name], seed, tmp_path)
        for size in range(len(seed)):
            check(TARGETS[name], seed[:size], tmp_path)


@pytest.mark.usefixtures("unsynced")
@pytest.mark.parametrize("name", list(TARGETS))
def test_any_flipped_bit_is_refused_or_read_in_bounds(tmp_path, name):
    seed = min((seed for seed in TARGETS[name].seeds() if b"a" in seed), key=len)
    for bit in range(8 * len(seed)):
        flipped = bytearray(seed)
        flipped[bit // 8] ^= 1 << bit % 8
        check(TARGETS[name], bytes(flipped), tmp_path)


HUGE = [b"1000000000000", b"2147483648", b"65536", b"-5", b"9" * 40, b"9" * 5000, b"1e3", b"0x10", b"+1", b"\xd9\xa3"]


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("target", [TEXT, BINARY, EITHER])
@pytest.mark.parametrize("number", HUGE)
def test_a_header_with_wrong_sizes_is_refused_before_memory_is_allocated(tmp_path, target, number):
    rows = b"a 1 2 3\nb 4 5 6\n"
    for first in (number + b" 3", b"2 " + number, number + b" " + number):
        assert not check(target, first + b"\n" + rows, tmp_path)


@pytest.mark.usefixtures("traced")
def test_a_compressed_file_larger_than_memory_is_refused_before_any_is_allocated(tmp_path):
    (tmp_path / "v.gz").write_bytes(gzip.compress(b"1000000000000 60000\na 1 2 3\n"))
    with pytest.raises(NotEnoughMemoryError, match=r"reading .*v\.gz needs .* give limit= to read fewer rows"):
        read_word2vec(tmp_path / "v.gz")
    assert tracemalloc.get_traced_memory()[1] < 16 << 20


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("number", [-(1 << 31), -1, 0, 1 << 16, (1 << 31) - 1])
def test_a_fasttext_model_with_wrong_sizes_takes_no_memory(tmp_path, number):
    plain, with_parts = TARGETS["fasttext-bin"].seeds()[:2]
    for seed in (plain, with_parts):
        matrix_sizes = len(seed) - 4 * 2 * (5 if seed is plain else 12) - 16
        fields = [*((at, 4) for at in range(8, 56, 4)), *((at, 4) for at in range(64, 76, 4))]
        for at, size in [*fields, (76, 8), (84, 8), (matrix_sizes, 8), (matrix_sizes + 8, 8)]:
            lying = seed[:at] + number.to_bytes(size, "little", signed=True) + seed[at + size :]
            check(FASTTEXT, lying, tmp_path)


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("target", [TEXT, BINARY, EITHER, GLOVE])
@pytest.mark.parametrize("line", [b"%s 1 2 3", b"a 1 %s 3", b"a 1 2 3 %s"])
def test_a_token_of_ten_megabytes_takes_bounded_memory(tmp_path, target, line):
    header = b"" if target is GLOVE else b"2 3\n"
    check(target, header + line.replace(b"%s", b"7" * (10 << 20)) + b"\na 1 2 3\n", tmp_path)


@pytest.mark.usefixtures("traced")
def test_a_fasttext_word_without_an_end_is_refused_with_its_position(tmp_path):
    seed = TARGETS["fasttext-bin"].seeds()[0]
    endless = seed[:92] + b"a" * (10 << 20)
    assert not check(FASTTEXT, endless, tmp_path)
    with pytest.raises(FormatError, match=r"v\.bin is truncated .* the word at byte 92 of it is longer than 65536"):
        read_vectors(tmp_path / "v.bin")
    (tmp_path / "v.bin").write_bytes(endless[:60_000])  # here gensim's reader never ends, and fastText's grows
    with pytest.raises(FormatError, match="it ends at byte 60000, within its dictionary"):
        read_vectors(tmp_path / "v.bin")


BOMBS = {".gz": lambda data: gzip.compress(data, 1), ".bz2": bz2.compress, ".xz": lambda data: lzma.compress(data)}


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize(
    ("suffix", "content", "filling"),
    [
        *((".gz", content, filling) for content in (b"2 3\n", b"2 3\nb", b"") for filling in (b"a", b"\n", b" ")),
        (".bz2", b"2 3\nb", b"a"),
        (".xz", b"2 3\na 1 2 3\n", b" "),
    ],
)
def test_a_compressed_file_that_unpacks_to_a_thousand_times_its_size_takes_bounded_memory(
    tmp_path, monkeypatch, suffix, content, filling
):
    monkeypatch.setattr(_fuzzing, "SECONDS", 60)  # a busy machine is not a fault
    bomb = BOMBS[suffix](content + filling * (80 << 20))
    for options in ({"binary": False}, {"binary": True}, {}):
        target = Target(lambda: [], named(f"v{suffix}"), lambda path, options=options: read_word2vec(path, **options))
        assert not check(target, bomb, tmp_path)


SPY = r"""
import json, pathlib, sys, warnings
import numpy as np
from firth import KeyedVectors, Word2Vec
from firth.formats import FORMATS, diagnose, read_vectors

warnings.simplefilter("ignore")
ran = []
FORBIDDEN = ("pickle.", "marshal.load", "os.system", "os.mkdir", "subprocess.", "socket.")
active = False
sys.addaudithook(lambda event, arguments: ran.append(event) if active and event.startswith(FORBIDDEN) else None)
refused = read = 0
readers = [lambda path, name=name: read_vectors(path, name) for name in [None, *FORMATS]]
readers += [KeyedVectors.load, KeyedVectors.load_word2vec_format, Word2Vec.load, diagnose]
for active in (False, True):  # the first time modules are imported, which runs code
    for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        for reader in readers:
            try:
                reader(path)
                read += 1
            except (ValueError, OSError):
                refused += 1
active = False
print(json.dumps([read, refused, ran]))
"""


class Bomb:
    def __reduce__(self):
        import os

        return os.mkdir, ("exploded",)


def payloads():
    """Return files that run code when they are unpickled."""

    objects, archive = io.BytesIO(), io.BytesIO()
    np.save(objects, np.array([Bomb()], object), allow_pickle=True)
    np.savez(archive, keys=np.array([Bomb()], object), vectors=np.array([[Bomb()]], object))
    pickles = {f"pickle{protocol}": pickle.dumps(Bomb(), protocol) for protocol in range(6)}
    return {**pickles, "npy": objects.getvalue(), "npz": archive.getvalue()}


def test_no_reader_runs_code_from_a_file(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in payloads().items():
        for suffix in ("", ".bin", ".txt", ".firth", ".npz", ".safetensors", ".model"):
            (folder / f"{name}{suffix}").write_bytes(content)
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    command = [sys.executable, "-c", SPY, str(folder)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    read, refused, ran = json.loads(done.stdout)
    assert refused > 1000
    assert read <= 2 * 64  # diagnose reads any file
    assert ran == []
    assert not (tmp_path / "exploded").exists()


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda path: [][1], "IndexError"),
        (lambda path: np.empty(200 << 20, np.uint8), "took 2.* bytes for an input of 5"),
        (lambda path: (_ for _ in ()).throw(FormatError("this is nothing")), "names no file"),
        (lambda path: (_ for _ in ()).throw(AssertionError("wrong")), "AssertionError: wrong"),
    ],
)
def test_the_fuzzer_detects_a_fault(tmp_path, use, message):
    with pytest.raises(FaultError, match=re.compile(message)):
        check(Target(lambda: [], named("v"), use), b"bytes", tmp_path)


def test_the_fuzzer_detects_a_slow_reader(tmp_path, monkeypatch):
    monkeypatch.setattr(_fuzzing, "SECONDS", -1)
    with pytest.raises(FaultError, match=r"took 0\.\d s"):
        check(GLOVE, b"a 1\n", tmp_path)


@pytest.mark.parametrize("name", ["word2vec-text", "fasttext-bin"])
def test_readers_withstand_some_fuzzing(tmp_path, name):
    pytest.importorskip("atheris", reason="the fuzzer is in the extra `stress`")
    counts = fuzz.fuzz(name, 0, tmp_path, 500)
    assert counts["inputs"] == counts["accepted"] + counts["refused"] == 500
    assert min(counts.values()) > 0


# --- tables and folders


@pytest.mark.timeout(120)
def test_cut_and_flipped_files_are_read_or_refused_within_bounds(tmp_path):
    counts = damage.run(0, tmp_path)
    assert counts["refused"] > 500
    assert counts["accepted"] > 200


@pytest.mark.filterwarnings("ignore:.* only the first is read")
@pytest.mark.parametrize("name", list(damage.PARTS))
def test_the_targets_of_the_fuzzer_accept_their_own_seeds(tmp_path, name):
    target = fuzz.TARGETS[name]
    for data in target.seeds():
        target.use(target.place(data, tmp_path))
