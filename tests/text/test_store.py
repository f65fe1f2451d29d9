"""Tests the token store: its blocks, its file, damage to it, and that nothing is left behind."""

import errno
import gc
import hashlib
import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stress import text
from stress._corpus import linux

from firth.errors import CorpusError
from firth.options import Options
from firth.text import END, read_corpus, store
from firth.text.ids import DROPPED
from firth.text.store import BLOCK_WORDS, DiskStorage, StoreBuilder


def build(entries, memory_limit=2**30, folder=None, step=7, new_ids=None):
    """Make a store of `entries`, appended `step` at a time."""
    builder = StoreBuilder(memory_limit, folder)
    same = np.arange(max(entries, default=0) + 1, dtype=np.int32)
    for start in range(0, len(entries), step):
        builder.append(np.array(entries[start : start + step], np.int32), same)
    ids = same if new_ids is None else new_ids
    return builder.finish(np.array(ids, np.int32))


def open_files():
    folder = Path("/proc/self/fd")
    return {int(file.name) for file in folder.iterdir()} if folder.exists() else set()


def blocks(tokens):
    return [tokens.read_block(b).tolist() for b in range(tokens.n_blocks)]


def joined(sentences):
    return [entry for sentence in sentences for entry in [*sentence, END]]


sentences_of_ids = st.lists(st.lists(st.integers(0, 9), max_size=25), max_size=25)


@settings(max_examples=200, deadline=None)
@given(
    sentences=sentences_of_ids,
    dropped=st.sets(st.integers(0, 9)),
    step=st.integers(1, 50),
    on_disk=st.booleans(),
    sizes=st.tuples(st.integers(2, 12), st.integers(1, 20)),
)
def test_blocks_hold_whole_sentences_and_together_the_corpus(sentences, dropped, step, on_disk, sizes):
    with pytest.MonkeyPatch.context() as patch:
        for name, size in zip(["BLOCK_WORDS", "ENTRIES_AT_A_TIME"], sizes, strict=True):
            patch.setattr(store, name, size)
        new_ids = [DROPPED if i in dropped else 9 - i for i in range(10)]
        tokens = build(joined(sentences), 0 if on_disk else 2**30, step=step, new_ids=new_ids)
        kept = [[9 - i for i in sentence if i not in dropped] for sentence in sentences]
        kept = [sentence for sentence in kept if sentence]
        found = blocks(tokens)
        tokens.close()
    limit = sizes[0]
    assert [entry for block in found for entry in block] == joined(kept)
    assert tokens.n_words == sum(map(len, kept))
    assert all(0 < len(block) <= limit for block in found)
    ends = np.cumsum([len(sentence) + 1 for sentence in kept])
    for sentence, end in zip(kept, ends, strict=True):
        cuts = [start for start in tokens.block_starts if end - len(sentence) - 1 < start < end]
        assert not cuts or len(sentence) + 1 > limit  # only a sentence too long for a block is cut
    for start, stop in itertools.pairwise(tokens.block_starts):
        assert not any(stop < end <= start + limit for end in ends)  # no further whole sentence would fit


@settings(max_examples=100, deadline=None)
@given(
    parts=st.lists(sentences_of_ids, min_size=1, max_size=4),
    on_disk=st.booleans(),
    sizes=st.tuples(st.integers(2, 12), st.integers(1, 5)),
)
def test_stores_cut_one_after_another_have_the_blocks_of_one_store(parts, on_disk, sizes):
    with pytest.MonkeyPatch.context() as patch:
        for name, size in zip(["BLOCK_WORDS", "_LOOKED_AT"], sizes, strict=True):
            patch.setattr(store, name, size)
        whole = build(joined(itertools.chain.from_iterable(parts)))
        same, left, found, longest, words = np.arange(10, dtype=np.int32), np.empty(0, np.int32), [], [], 0
        for number, part in enumerate(parts, 1):
            builder = StoreBuilder(0 if on_disk else 2**20)
            builder.append(np.array(joined(part), np.int32), same)
            renumbered = builder.renumber(same)
            tokens, left = renumbered.cut(left, is_last=number == len(parts))
            with tokens:
                found += blocks(tokens)
                longest.append(tokens.longest)
                words += tokens.n_words
        assert found == blocks(whole)
        assert len(left) == 0
        assert (max(longest), words) == (whole.longest, whole.n_words)


@pytest.mark.parametrize("memory_limit", [0, 2**30])
def test_a_sentence_of_a_million_words_is_cut_into_full_blocks(tmp_path, memory_limit):
    words = np.random.default_rng(1).integers(0, 50, 1_000_000)
    path = tmp_path / "corpus.txt"
    path.write_text("a b\n" + " ".join(map(str, words)) + "\na b\n")
    corpus = read_corpus(path, Options(min_count=1), workers=2, memory_limit=memory_limit)
    assert corpus.sentences == 3
    lengths = np.diff(corpus.tokens.block_starts)
    assert lengths.max() == BLOCK_WORDS
    assert lengths[0] == 3  # "a b" stands before the long sentence
    ids = np.concatenate([corpus.tokens.read_block(b) for b in range(corpus.tokens.n_blocks)])
    assert np.flatnonzero(ids == END).tolist() == [2, 1_000_003, 1_000_006]
    keys = np.array([int(key) if key.isdigit() else -1 for key in corpus.vocabulary.index_to_key])
    assert np.array_equal(keys[ids[3:1_000_003]], words)
    corpus.tokens.close()


def test_a_block_is_a_private_copy_or_in_out():
    tokens = build([0, 1, END, 2, END])
    first = tokens.read_block(0)
    first[:] = 7
    assert tokens.read_block(0).tolist() == [0, 1, END, 2, END]
    out = np.zeros(9, np.int32)
    block = tokens.read_block(0, out)
    assert np.shares_memory(block, out)
    assert block.tolist() == [0, 1, END, 2, END]


@pytest.mark.parametrize("out", [np.zeros(4, np.int32), np.zeros(9, np.int64), np.zeros(18, np.int32)[::2]])
def test_an_out_array_that_does_not_fit_is_refused(out):
    with pytest.raises(ValueError, match="contiguous int32 array of at least 5 entries"):
        build([0, 1, END, 2, END]).read_block(0, out)


def test_a_block_out_of_range_is_refused():
    for b in (-1, 1):
        with pytest.raises(IndexError, match=f"block {b} is out of range: the store has 1 block,"):
            build([0, END]).read_block(b)


def test_a_store_larger_than_the_limit_is_on_disk(tmp_path):
    assert not build([0, END] * 8, memory_limit=64, folder=tmp_path).on_disk
    tokens = build([0, END] * 9, memory_limit=64, folder=tmp_path)
    assert tokens.on_disk
    assert blocks(tokens) == [[0, END] * 9]
    tokens.close()


def test_a_closed_store_is_empty(tmp_path):
    before = open_files()
    for memory_limit in (0, 2**30):
        with build([0, END], memory_limit, tmp_path) as tokens:
            assert tokens.read_block(0).tolist() == [0, END]
        tokens.close()
        with pytest.raises(CorpusError, match="the token store is closed"):
            tokens.read_block(0)
        assert list(tmp_path.iterdir()) == []
        assert repr(tokens) == "<TokenStore of 1 word in 1 block, closed>"
    assert open_files() <= before


def test_garbage_collection_closes_a_store(tmp_path):
    before = open_files()
    tokens = build([0, END], 0, tmp_path)
    assert list(tmp_path.iterdir()) == []  # the file has no name from the start
    assert open_files() > before or not before
    del tokens
    gc.collect()
    assert open_files() <= before


def test_a_failed_build_closes_its_file():
    def corpus():
        yield ["a"] * 600_000  # more than one chunk, so that the file is there
        raise KeyError("stop")

    before = open_files()
    with pytest.raises(KeyError, match="stop") as caught:
        read_corpus(corpus(), Options(), memory_limit=0)
    assert open_files() <= before  # even while the traceback keeps everything alive
    assert caught.tb is not None


def test_many_threads_read_one_disk_store():
    rng = np.random.default_rng(1)
    entries = np.where(rng.random(300_000) < 0.1, END, rng.integers(0, 1000, 300_000)).tolist()
    tokens = build([*entries, END], 0, step=10_000)
    right = blocks(tokens)
    wrong = []

    def read():
        out = np.empty(BLOCK_WORDS, np.int32)
        wrong.extend(b for b in range(tokens.n_blocks) if tokens.read_block(b, out).tolist() != right[b])

    with ThreadPoolExecutor(4) as pool:
        for reading in [pool.submit(read) for _ in range(4)]:
            reading.result()
    assert not wrong
    assert tokens.n_blocks > 5
    tokens.close()


def test_a_file_that_was_cut_is_an_error_and_not_a_signal():
    tokens = build([0, END] * 10, 0)
    tokens._storage.truncate(3)
    with pytest.raises(CorpusError, match=r"block 0 of the token store is lost: .* cut at byte 12 while in use"):
        tokens.read_block(0)
    tokens.close()


def test_a_full_disk_is_an_error_with_advice(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "pwrite", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    message = f"cannot write .* in {tmp_path} after 0 bytes .No space left on device.: free some space, or set"
    with pytest.raises(CorpusError, match=message):
        build([0, END], 0, tmp_path)


def test_a_folder_without_write_access_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match=r"cannot create a temporary file in .*nowhere .*No such file"):
        build([0, END], 0, tmp_path / "nowhere")


@pytest.mark.parametrize("memory_limit", [2**20, 0], ids=["memory", "disk"])
def test_a_store_splits_in_two_between_blocks(tmp_path, memory_limit, monkeypatch):
    monkeypatch.setattr(store, "BLOCK_WORDS", 10)
    builder = StoreBuilder(memory_limit, tmp_path)
    entries = np.array([word for start in range(0, 60, 4) for word in [start, start + 1, start + 2, END]], np.int32)
    builder.append(entries, np.arange(60, dtype=np.int32))
    with builder.finish(np.arange(60, dtype=np.int32)) as whole:
        for cut in range(1, whole.n_blocks):
            head, tail = whole.split(cut)
            blocks = [part.read_block(b) for part in (head, tail) for b in range(part.n_blocks)]
            np.testing.assert_array_equal(np.concatenate(blocks), entries)
            assert (head.n_blocks, head.n_words + tail.n_words) == (cut, whole.n_words)
            assert tail.n_words == sum(int((tail.read_block(b) != END).sum()) for b in range(tail.n_blocks))
        for cut in (0, whole.n_blocks, -1):
            with pytest.raises(IndexError, match="does not split"):
                whole.split(cut)


def test_the_fingerprint_depends_on_the_entries_and_not_on_the_storage(monkeypatch):
    monkeypatch.setattr(store, "BLOCK_WORDS", 10)
    entries = [*range(9), END, 3, END, *range(20), END]
    in_memory, on_disk = build(entries), build(entries, memory_limit=0)
    little_endian = b"".join(entry.to_bytes(4, "little", signed=True) for entry in entries)
    assert in_memory.fingerprint() == hashlib.sha256((30).to_bytes(8, "little") + little_endian).hexdigest()
    assert on_disk.fingerprint() == in_memory.fingerprint()
    for place in range(len(entries)):
        other = [*entries[:place], 21, *entries[place + 1 :]]
        assert build(other, new_ids=range(22)).fingerprint() != in_memory.fingerprint()
    head, tail = in_memory.split(1)
    assert len({head.fingerprint(), tail.fingerprint(), in_memory.fingerprint()}) == 3
    on_disk.close()
    with pytest.raises(CorpusError, match="the token store is closed"):
        on_disk.fingerprint()


def store_of_three_blocks(folder):
    return build(np.tile([0, 1, 2, END], 8192 * 3), 0, folder, step=10**6)


@pytest.mark.parametrize("data", [b"\xff", b"\xff" * 4000, bytes(4000), b"\1"])
def test_a_store_overwritten_on_disk_is_an_error_that_names_the_block(tmp_path, data):
    with store_of_three_blocks(tmp_path) as tokens:
        head, tail = tokens.split(1)
        os.pwrite(tokens._storage._file, data, 4 * BLOCK_WORDS + 80)
        assert len(head.read_block(0)) == len(tokens.read_block(2)) == len(tail.read_block(1)) == BLOCK_WORDS
        for part, b in ((tokens, 1), (tail, 0)):
            with pytest.raises(
                CorpusError, match=rf"block {b} of the token store has a different.*read the corpus again"
            ):
                part.read_block(b)


def test_a_disk_that_cannot_be_read_is_an_error_that_names_the_block(tmp_path, monkeypatch):
    with store_of_three_blocks(tmp_path) as tokens:
        monkeypatch.setattr(os, "preadv", Mock(side_effect=OSError(errno.EIO, "Input/output error")))
        with pytest.raises(CorpusError, match=r"block 2 of the token store is lost: .*byte 262,144 \(Input/output"):
            tokens.read_block(2)


def test_the_file_of_a_store_never_has_a_name(tmp_path, monkeypatch):
    try:
        os.close(os.open(tmp_path, getattr(os, "O_TMPFILE", os.O_RDONLY) | os.O_WRONLY, 0o600))
    except OSError as error:
        pytest.skip(f"the system cannot create files without a name: {error}")
    monkeypatch.setattr(os, "unlink", lambda *_, **__: None)
    storage = DiskStorage(tmp_path)
    assert list(tmp_path.iterdir()) == []
    storage.close()


@linux
def test_a_store_overwritten_during_training_is_an_error(tmp_path):
    assert "of the token store has a different checksum" in text.damage_while_training("0xff", "hogwild", tmp_path)


@linux
def test_a_disk_that_becomes_full_is_an_error_that_names_the_folder(tmp_path):
    text.full_disks(np.random.default_rng(0), tmp_path, times=1)
