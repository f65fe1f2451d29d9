import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth import KeyedVectors, Word2Vec
from firth.errors import FormatError, OptionError
from firth.formats.native import write_native
from firth.formats.shards import MATRICES, open_shards, write_shard

V, D = 23, 7
KEYS = [f"word{i}" for i in range(V)]
RECORDS = {"counts": range(V, 0, -1), "options": {"vector_size": D}, "history": []}


def matrices(V=V, D=D):
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=(V, 16)).astype(np.float32)[:, :D] for name in MATRICES}


def opened(path, **changes):
    return open_shards(path, **({"keys": KEYS, "vector_size": D} | RECORDS | changes))


def write_all(target, cuts, rows, pool=None):
    """Write both matrices in shards that end at `cuts`, the last ones first."""
    run = map if pool is None else pool.map
    ranges = [(name, first, stop) for name in rows for first, stop in zip([0, *cuts], [*cuts, V], strict=True)]
    return list(
        run(lambda part: write_shard(target, part[0], part[1], [rows[part[0]][part[1] : part[2]]]), ranges[::-1])
    )


def write_whole(path):
    rows = matrices()
    write_native(path, keys=KEYS, center=rows["center"], outside=rows["outside"], **RECORDS)
    return path.read_bytes()


@settings(max_examples=8, deadline=None)  # each shard is synced to the disk
@given(st.lists(st.integers(0, V), max_size=3).map(sorted))
def test_shards_written_at_the_same_time_are_the_bytes_of_one_file(tmp_path_factory, cuts):
    folder = tmp_path_factory.mktemp("shards")
    with ThreadPoolExecutor(4) as pool, opened(folder / "m.firth") as shards:
        shards.finish(write_all(shards.target, cuts, matrices(), pool))
    assert (folder / "m.firth").read_bytes() == write_whole(folder / "whole.firth")


def test_a_shard_may_come_in_blocks_whose_rows_have_padding(tmp_path):
    rows = matrices()
    with opened(tmp_path / "m.firth") as shards:
        done = [write_shard(shards.target, name, 0, iter(np.split(rows[name], [3, 3, 20]))) for name in MATRICES]
        shards.finish(done)
    assert [(shard.first, shard.stop) for shard in done] == [(0, V), (0, V)]
    assert (tmp_path / "m.firth").read_bytes() == write_whole(tmp_path / "whole.firth")


def test_a_model_of_another_process_is_loaded_and_mapped_as_one_file(tmp_path):
    rows, path = matrices(), tmp_path / "m.firth"
    script = "import pickle, sys; from firth.formats.shards import write_shard; work = pickle.load(sys.stdin.buffer)\n"
    script += "sys.stdout.buffer.write(pickle.dumps([write_shard(*one) for one in work]))"
    with opened(path) as shards:
        here = [write_shard(shards.target, name, 0, [rows[name][:9]]) for name in MATRICES]
        there = [(shards.target, name, 9, [rows[name][9:]]) for name in MATRICES]
        answer = subprocess.run(
            [sys.executable, "-c", script], input=pickle.dumps(there), capture_output=True, check=True
        )
        shards.finish(here + pickle.loads(answer.stdout))
    model = Word2Vec.load(path)
    assert model.outside.tobytes() == rows["outside"].tobytes()
    mapped = KeyedVectors.load(path, mmap=True)
    assert not mapped.vectors.flags.writeable
    assert mapped.vectors.tobytes() == model.wv.vectors.tobytes() == rows["center"].tobytes()


def test_an_empty_model_has_no_shards(tmp_path):
    with opened(tmp_path / "m.firth", keys=[], counts=[]) as shards:
        shards.finish([])
    assert KeyedVectors.load(tmp_path / "m.firth").vectors.shape == (0, D)


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (lambda done: done[1:], "rows 11 to 22 of outside were not written"),
        (lambda done: [*done, done[3]], "rows 0 to 10 of center were written twice"),
        (lambda done: [shard for shard in done if shard.name != "center"], "rows 0 to 22 of center were not written"),
        (lambda done: [*done[:-1], done[-1]._replace(stop=12)], "rows 11 to 11 of center were written twice"),
        (lambda done: [*done[:-1], done[-1]._replace(crc32=7)], "rows 0 to 10 of center are not the bytes that were"),
    ],
)
def test_shards_that_are_missing_or_damaged_are_named_and_the_old_file_stays(tmp_path, lost, message):
    (tmp_path / "m.firth").write_bytes(b"old")
    with pytest.raises(FormatError, match=message), opened(tmp_path / "m.firth") as shards:
        shards.finish(lost(write_all(shards.target, [11], matrices())))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("m.firth", b"old")]


def test_bytes_that_change_on_the_disk_are_found(tmp_path):
    def damaged(shards):
        done = write_all(shards.target, [11], matrices())
        with Path(shards.target.path).open("r+b") as file:
            file.seek(shards.target.offset("outside", 15))
            file.write(b"\0")
        return done

    with pytest.raises(FormatError, match="rows 11 to 22 of outside are not"), opened(tmp_path / "m") as shards:
        shards.finish(damaged(shards))
    assert not list(tmp_path.iterdir())


def test_a_block_that_ends_without_finish_raises(tmp_path):
    with pytest.raises(FormatError, match="m was not written: finish was not called"), opened(tmp_path / "m"):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "first", "block", "message"),
    [
        ("middle", 0, np.zeros((1, D), "f4"), "no matrix 'middle': give one of center, outside"),
        ("center", 0, np.zeros((1, D + 1), "f4"), r"shape \(1, 8\) and dtype float32: it must have 7 columns"),
        ("center", 0, np.zeros((1, D)), "dtype float64: it must have 7 columns of float32"),
        ("outside", 20, np.zeros((4, D), "f4"), "outside has 23 rows, not rows 20 to 23"),
        ("outside", -1, np.zeros((1, D), "f4"), "outside has 23 rows, not rows -1 to -1"),
    ],
)
def test_wrong_rows_are_refused_before_they_are_written(tmp_path, name, first, block, message):
    with opened(tmp_path / "m.firth") as shards:
        done = write_all(shards.target, [], matrices())
        with pytest.raises(OptionError, match=message):
            write_shard(shards.target, name, first, [block])
        shards.finish(done)
    assert (tmp_path / "m.firth").read_bytes() == write_whole(tmp_path / "whole.firth")


def test_a_machine_that_does_not_see_the_file_says_so(tmp_path):
    with opened(tmp_path / "m.firth") as shards:
        elsewhere = shards.target._replace(path=str(tmp_path / "other"))
        with pytest.raises(FileNotFoundError, match=r"does not see the file .* of them share: '.*m\.firth'"):
            write_shard(elsewhere, "center", 0, [])
        (tmp_path / "other").write_bytes(b"")
        with pytest.raises(FormatError, match=r"has 0 bytes on this machine instead of"):
            write_shard(elsewhere, "center", 0, [])
        shards.finish(write_all(shards.target, [], matrices()))


@pytest.mark.parametrize(
    ("path", "changes", "message"),
    [
        ("m.gz", {}, "compress"),
        ("m", {"keys": ["a", "a"], "counts": None}, "'a' occurs more than once"),
        ("m", {"counts": [1]}, "one count for each of 23 keys"),
        ("/dev/null", {}, "is a device or a pipe: give the name of a regular file"),
    ],
)
def test_what_no_model_can_be_is_refused_before_anything_is_written(tmp_path, path, changes, message):
    with pytest.raises((OptionError, FormatError), match=message), opened(tmp_path / path, **changes):
        pass
    assert not list(tmp_path.iterdir())
