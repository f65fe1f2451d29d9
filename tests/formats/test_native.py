import hashlib
import json
import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from firth import KeyedVectors
from firth.errors import FormatError, OptionError
from firth.formats import words
from firth.formats.native import ComposedVectors, read_native, write_native
from firth.formats.sealed import CHECKPOINT, NATIVE, open_sealed, write_sealed
from firth.formats.words import are_distinct, key_tensors, split_words
from firth.subwords import NgramScheme, SubwordVectors

WORDS = ["the", "naïve", "new york", "日本", "", "a\nb", "\ud800"]


def matrix(V=7, D=3, seed=0, padded=True):
    rows = np.random.default_rng(seed).normal(size=(V, 16)).astype(np.float32)
    return rows[:, :D] if padded else rows[:, :D].copy()


def small_file(path, **changes):
    arguments = {"keys": WORDS, "center": matrix(), "outside": matrix(seed=1), "counts": range(7)}
    arguments |= {"options": {"window": 5}, "history": [{"epoch": 1, "loss": 0.5}]}
    write_native(path, **(arguments | changes))
    return path


def test_everything_comes_back_as_it_was(tmp_path):
    file = read_native(small_file(tmp_path / "model.firth"))
    assert file.keys == WORDS
    assert file.center.tobytes() == matrix(padded=False).tobytes()
    assert file.outside.tobytes() == matrix(seed=1, padded=False).tobytes()
    assert file.counts.tolist() == list(range(7))
    assert file.options == {"window": 5}
    assert file.history == [{"epoch": 1, "loss": 0.5}]


def test_what_is_absent_comes_back_as_none_and_whole_number_keys_as_numbers(tmp_path):
    write_native(tmp_path / "ids", keys=[7, -1, 2**40], center=matrix(3))
    file = read_native(tmp_path / "ids")
    assert file.keys == [7, -1, 2**40]
    assert (file.outside, file.counts, file.options, file.history) == (None, None, None, None)


@settings(max_examples=30, deadline=None)
@given(
    words=st.lists(st.text(), unique=True, max_size=6), D=st.integers(1, 5), kind=st.sampled_from(["f2", "f4", "f8"])
)
def test_any_words_and_shapes_survive(tmp_path_factory, words, D, kind):
    path = tmp_path_factory.mktemp("native") / "file"
    vectors = np.arange(len(words) * D).reshape(len(words), D).astype(kind)
    write_native(path, keys=words, center=vectors)
    file = read_native(path)
    assert file.keys == words
    assert file.center.dtype == vectors.dtype
    assert np.array_equal(file.center, vectors)


def test_nodes_take_the_place_of_the_outside_matrix(tmp_path):
    nodes = matrix(6, seed=3)
    write_native(tmp_path / "m", keys=WORDS, center=matrix(), nodes=nodes)
    file = read_native(tmp_path / "m")
    assert file.outside is None
    assert np.array_equal(file.nodes, nodes)
    assert read_native(tmp_path / "m", outside=False).nodes is None


def test_a_model_of_two_objectives_has_both(tmp_path):
    nodes, outside = matrix(4, seed=3), matrix(seed=4)
    write_native(tmp_path / "m", keys=WORDS, center=matrix(), outside=outside, nodes=nodes)
    file = read_native(tmp_path / "m")
    assert np.array_equal(file.outside, outside)
    assert np.array_equal(file.nodes, nodes)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nodes": matrix(6, D=2)}, r"nodes has shape \(6, 2\) .*: it must have 3 columns"),
        ({"nodes": matrix(6).astype(int)}, "nodes has .*dtype int64: .*float16, float32, float64"),
    ],
)
def test_nodes_that_do_not_fit_are_not_written(given, message, tmp_path):
    with pytest.raises(OptionError, match=message):
        write_native(tmp_path / "m", keys=WORDS, center=matrix(), **given)
    assert not (tmp_path / "m").exists()


def test_the_outside_matrix_can_be_left_alone(tmp_path):
    assert read_native(small_file(tmp_path / "model"), outside=False).outside is None


def test_a_second_thread_writes_and_reads_the_same_file(tmp_path, monkeypatch):
    alone = small_file(tmp_path / "alone").read_bytes()
    monkeypatch.setattr("firth.formats.helper_thread._WORTH_A_THREAD", 0)
    monkeypatch.setattr("firth.formats.tensors._PART_BYTES", 20)
    path = small_file(tmp_path / "together")
    assert path.read_bytes() == alone
    file = read_native(path)
    assert file.keys == WORDS
    assert file.outside.tobytes() == matrix(seed=1, padded=False).tobytes()
    damaged = bytearray(alone)
    damaged[-100] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(FormatError, match="checksum of"):
        read_native(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_a_pipe_receives_the_same_bytes_as_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as pool:
        received = pool.submit((tmp_path / "pipe").read_bytes)
        small_file(tmp_path / "pipe")
    assert received.result() == small_file(tmp_path / "file").read_bytes()


def test_a_file_that_is_replaced_while_it_is_read_comes_back_as_it_was_opened(tmp_path):
    path = small_file(tmp_path / "model")
    with open_sealed(path, NATIVE) as file:
        small_file(path, center=matrix(seed=2))
        assert file.tensor("center").tobytes() == matrix(padded=False).tobytes()
        assert file.tensor("outside").tobytes() == matrix(seed=1, padded=False).tobytes()


def test_safetensors_itself_reads_the_file(tmp_path):
    with safe_open(small_file(tmp_path / "model"), framework="numpy") as file:
        assert set(file.keys()) == {"center", "outside", "words", "word_ends", "counts"}
        assert np.array_equal(file.get_tensor("center"), matrix())


def test_the_data_begin_at_a_multiple_of_64(tmp_path):
    head = small_file(tmp_path / "model").read_bytes()[:8]
    assert (8 + int.from_bytes(head, "little")) % 64 == 0


def test_no_copy_of_a_matrix_is_made_while_writing(tmp_path):
    big = np.zeros((300_000, 112), dtype=np.float32)[:, :100]
    tracemalloc.start()
    write_native(tmp_path / "big", keys=range(300_000), center=big, outside=big)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < big.nbytes / 3  # 120 MB each; the pieces are 8 MiB, the ids some MB


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outside": matrix(6)}, r"outside has shape \(6, 3\)"),
        ({"outside": matrix(D=2)}, r"outside has shape \(7, 2\)"),
        ({"center": np.zeros((7, 3), int)}, "float16, float32, float64 for .*dtype int64"),
        ({"outside": matrix().astype(int)}, "outside has .*dtype int64: .*float16, float32, float64"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path, changes, message):
    with pytest.raises(OptionError, match=message):
        small_file(tmp_path / "model", **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_file_cut_anywhere_is_refused(tmp_path):
    whole = small_file(tmp_path / "model").read_bytes()
    cut = tmp_path / "cut"
    for size in range(len(whole)):
        cut.write_bytes(whole[:size])
        with pytest.raises(FormatError, match=r"truncated or damaged|not a file that firth saved"):
            read_native(cut)


def test_any_flipped_bit_is_found_or_changes_nothing(tmp_path):
    whole = small_file(tmp_path / "model").read_bytes()
    flipped = tmp_path / "flipped"
    harmless = 0
    for position in range(len(whole)):
        bit = 1 << (position % 8)
        flipped.write_bytes(whole[:position] + bytes([whole[position] ^ bit]) + whole[position + 1 :])
        try:
            file = read_native(flipped)
        except FormatError:
            continue
        harmless += 1
        assert file.keys == WORDS
        assert np.array_equal(file.center, matrix())
        assert np.array_equal(file.outside, matrix(seed=1))
        assert file.options == {"window": 5}
    assert harmless < 64  # only white space in the header can change unseen


def test_bytes_after_the_end_are_refused(tmp_path):
    path = small_file(tmp_path / "model")
    with path.open("ab") as file:
        file.write(b"PK\x03\x04")
    with pytest.raises(FormatError, match="truncated or damaged"):
        read_native(path)


def rewritten(path, change):
    """Write a small file again with its metadata changed and the header's checksum made anew."""
    from firth.formats.sealed import _header_crc32

    with safe_open(small_file(path), framework="numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        layout = {name: (file.get_slice(name).get_dtype(), file.get_slice(name).get_shape()) for name in tensors}
    change(metadata, tensors)
    if metadata.pop("header_crc32", None) is not None:
        metadata["header_crc32"] = _header_crc32(metadata, layout)
    save_file(tensors, path, metadata)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m, t: m.update(version="9"), "in version '9' of its format.*pip install -U"),
        (lambda m, t: m.update(format="other"), "not a model that firth wrote"),
        (lambda m, t: m.pop("crc32"), "crc32 is absent"),
        (lambda m, t: m.pop("sha256"), "sha256 is absent"),
        (lambda m, t: m.pop("options"), "options is absent"),
        (lambda m, t: m.pop("header_crc32"), "the checksum of the header differs"),
        (lambda m, t: m.update(options="[1]"), "options is list, not dict"),
        (lambda m, t: m.update(options="{"), "options is not JSON"),
        (lambda m, t: m.update(history="[" * 100_000), "history is not JSON"),
        (lambda m, t: m.update(crc32=json.dumps({})), "the checksum of .* differs"),
    ],
)
def test_wrong_metadata_is_refused_even_where_the_checksum_fits(tmp_path, change, message):
    with pytest.raises(FormatError, match=message):
        read_native(rewritten(tmp_path / "model", change))


def test_models_and_checkpoints_are_told_apart_and_refused_with_a_remedy(tmp_path):
    small_file(tmp_path / "model")
    message = r"is a model, not a checkpoint of a training run: load it with firth\.load"
    with pytest.raises(FormatError, match=message), open_sealed(tmp_path / "model", CHECKPOINT):
        pass
    with (tmp_path / "checkpoint").open("wb") as file:
        write_sealed(file, CHECKPOINT, {"center": matrix()}, {})
    with pytest.raises(FormatError, match="is a checkpoint of a training run, not a model: resume the run"):
        read_native(tmp_path / "checkpoint")
    whole = (tmp_path / "checkpoint").read_bytes()
    (tmp_path / "checkpoint").write_bytes(whole[:-4] + b"abcd")
    message = r"the checksum of center differs .* Delete it: the run resumes from"
    with pytest.raises(FormatError, match=message), open_sealed(tmp_path / "checkpoint", CHECKPOINT) as sealed:
        sealed.mapped("center")


def test_a_key_that_comes_twice_is_found_in_a_mapped_file_too_when_the_index_is_made(tmp_path):
    with (tmp_path / "model").open("wb") as file:
        tensors = {"center": matrix(2), "ids": np.zeros(2, np.int64)}
        write_sealed(file, NATIVE, tensors, {"options": "null", "history": "null", "sha256": ""})
    with pytest.raises(FormatError, match="a key occurs more than once"):
        KeyedVectors.load(tmp_path / "model")
    mapped = KeyedVectors.load(tmp_path / "model", mmap=True)
    with pytest.raises(OptionError, match="keys must differ: 0 occurs more than once"):
        mapped.key_to_index  # noqa: B018 - it is made here


def test_a_safetensors_file_of_another_program_is_named(tmp_path):
    save_file({"embeddings": np.zeros((2, 2), np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(FormatError, match=r"not a model that firth wrote: it has tensors \['embeddings'\]"):
        read_native(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"2 3\na 1 2 3\n", "load_word2vec_format"),
        (b"hello world, this is text", "not a file that firth saved: it begins with b'hello"),
        (b"", "truncated or damaged"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_native(tmp_path / "file")


def test_a_folder_is_refused_and_a_missing_file_is_the_systems_error(tmp_path):
    with pytest.raises(FormatError, match="is a folder"):
        read_native(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_native(tmp_path / "none")


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=4), max_size=9), st.integers(1, 4))
def test_words_are_joined_and_split_a_few_at_a_time(keys, at_a_time):
    with pytest.MonkeyPatch.context() as patch:
        whole = key_tensors(keys)
        patch.setattr(words, "_WORDS_AT_A_TIME", at_a_time)
        tensors = key_tensors(keys)
        assert split_words(tensors["words"], tensors["word_ends"]) == keys
    assert {name: array.tolist() for name, array in tensors.items()} == {
        name: array.tolist() for name, array in whole.items()
    }


@pytest.mark.parametrize(("keys", "distinct"), [([], True), ([-1, -2], True), ([-1, -2, -1], False), (["a", ""], True)])
def test_keys_with_the_same_hash_may_be_distinct(keys, distinct):
    assert hash(-1) == hash(-2)
    assert are_distinct(keys) is distinct


def test_a_word_that_ends_within_a_character_is_refused():
    with pytest.raises(ValueError, match="a word ends within a character"):
        split_words(np.frombuffer("é".encode(), np.uint8), np.array([1, 2]))


def test_the_digest_is_that_of_the_matrices_alone(tmp_path):
    rng = np.random.default_rng(5)
    center, outside = rng.random((2, 6, 5), dtype=np.float32)
    keys = [f"word{i}" for i in range(6)]
    write_native(tmp_path / "a", keys=keys, center=center, outside=outside, history=[{"seconds": 1.0}])
    padded = np.zeros((6, 8), np.float32)
    padded[:, :5] = center
    write_native(tmp_path / "b", keys=keys, center=padded[:, :5], outside=outside, counts=range(6))
    expected = hashlib.sha256(center.tobytes() + outside.tobytes()).hexdigest()
    assert read_native(tmp_path / "a").sha256 == read_native(tmp_path / "b").sha256 == expected
    outside[0, 0] = np.nextafter(outside[0, 0], 1, dtype=np.float32)
    write_native(tmp_path / "c", keys=keys, center=center, outside=outside)
    assert read_native(tmp_path / "c").sha256 != expected


# --- rows of n-grams


def composed_file(path, **strings):
    """Write a file with rows of n-grams; `strings` replace its metadata."""
    rows, buckets = matrix(V=3, padded=False), np.array([1, 4, 6])
    vectors = ComposedVectors(matrix(padded=False), SubwordVectors(NgramScheme(3, 6, 9), rows, buckets))
    write_native(path, keys=WORDS, center=vectors)
    with open_sealed(path, NATIVE) as file:
        tensors = {name: file.tensor(name) for name in file.layout} | strings.pop("tensors", {})
        texts = {name: file.string(name) for name in ("options", "history", "sha256", "subwords")}
    with path.open("wb") as file:
        write_sealed(file, NATIVE, tensors, texts | strings)
    return path


@pytest.mark.parametrize("mmap", [False, True])
def test_rows_of_ngrams_come_back(tmp_path, mmap):
    found = read_native(composed_file(tmp_path / "m"), mmap=mmap).subwords
    assert found.scheme == NgramScheme(3, 6, 9)
    assert found.rows.tobytes() == matrix(V=3, padded=False).tobytes()
    assert found.buckets.tolist() == [1, 4, 6]
    write_native(tmp_path / "plain", keys=WORDS, center=matrix())
    assert read_native(tmp_path / "plain").subwords is None


@pytest.mark.parametrize(
    ("strings", "reason"),
    [
        ({"subwords": "[]"}, "subwords is list, not dict"),
        ({"subwords": "{}"}, "subwords is {}"),
        ({"subwords": '{"minn": 3, "maxn": 101, "buckets": 9}'}, "subwords is {'buckets': 9, 'maxn': 101, 'minn': 3}"),
        ({"subwords": '{"minn": 3, "maxn": 6, "buckets": 0}'}, "subwords is "),
        ({"subwords": '{"minn": 3, "maxn": 6, "buckets": 6}'}, "must be ascending and from 0 to 5"),
        ({"subwords": '{"minn": 3, "maxn": 6, "buckets": 9.0}'}, "subwords is "),
        ({"tensors": {"buckets": np.array([4, 1, 6])}}, "must be ascending"),
        ({"tensors": {"buckets": np.array([1, 4])}}, r"ngrams has shape \[3, 3\], but center has \[7, 3\]"),
        ({"tensors": {"ngrams": np.ones((3, 2), np.float32)}}, r"ngrams has shape \[3, 2\]"),
        ({"tensors": {"ngrams": np.ones(3, np.float32)}}, r"ngrams has shape \[3\]"),
    ],
)
def test_rows_of_ngrams_that_do_not_fit_are_refused(tmp_path, strings, reason):
    with pytest.raises(FormatError, match=f"is truncated or damaged .*{reason}"):
        read_native(composed_file(tmp_path / "m", **strings))


def test_rows_of_ngrams_of_another_size_are_not_written(tmp_path):
    vectors = ComposedVectors(matrix(), SubwordVectors(NgramScheme(3, 6, 9), np.ones((9, 2), np.float32)))
    with pytest.raises(OptionError, match="the rows of n-grams have 2 numbers: they must have 3, as center does"):
        write_native(tmp_path / "m", keys=WORDS, center=vectors)
    assert list(tmp_path.iterdir()) == []
