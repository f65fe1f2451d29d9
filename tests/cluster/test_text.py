import gzip
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.cluster import text as cluster_text
from firth.cluster.file_shares import plan_shares
from firth.cluster.text import TextShare, read_shares
from firth.cluster.validating import Validation
from firth.errors import CorpusError
from firth.options import Options
from firth.text import ReadOptions, hold_out, read_corpus, sources, store
from firth.training.loop.progress import Reporter
from firth.training.run import Texts

OPTIONS = Options(min_count=1)
PLAIN = ReadOptions()


class Handle:
    """A share in threads, so that it answers while it reads."""

    def __init__(self, share):
        self.share, self.pool = share, ThreadPoolExecutor(2)

    def submit(self, method, *arguments):
        return self.pool.submit(getattr(self.share, method), *arguments)

    def close(self):
        self.share.close()
        self.pool.shutdown()


@contextmanager
def opened(shares, options=OPTIONS, how=PLAIN, limit=2**20):
    """Yield the handles of shares."""
    with ExitStack() as stack:
        handles = [Handle(TextShare(files, options, how, workers=2, memory_limit=limit)) for files in shares]
        for handle in handles:
            stack.callback(handle.close)
        yield handles


def read(shares, options=OPTIONS, how=PLAIN, limit=2**20, **more):
    """Read shares; return the corpus, and the token blocks of all shares in order."""
    with opened(shares, options, how, limit) as handles:
        found = read_shares(handles, options, how, **more)
        stores = [handle.share.tokens for handle in handles]
        blocks = [store.read_block(b).tolist() for store in stores for b in range(store.n_blocks)]
        assert found.token_blocks == tuple(store.n_blocks for store in stores)
        assert found.corpus.tokens.n_words == sum(store.n_words for store in stores)
        assert found.corpus.tokens.longest == max(store.longest for store in stores)
        return found.corpus, blocks


def check_same(found, corpus, options=OPTIONS, how=PLAIN):
    """Check that what `read` returned is the corpus that one process reads."""
    shared, blocks = found
    one = read_corpus(corpus, options, how)
    with one.tokens as tokens:
        assert list(shared.vocabulary.index_to_key) == one.vocabulary.index_to_key
        assert shared.vocabulary.key_to_index == one.vocabulary.key_to_index
        assert shared.vocabulary.counts.tolist() == one.vocabulary.counts.tolist()
        for name in {field.name for field in fields(one)} - {"vocabulary", "tokens"}:
            assert getattr(shared, name) == getattr(one, name), name
        assert blocks == [tokens.read_block(b).tolist() for b in range(tokens.n_blocks)]
        assert shared.tokens.block_starts.tolist() == tokens.block_starts.tolist()
        assert (shared.tokens.n_words, shared.tokens.longest) == (tokens.n_words, tokens.longest)


def small_numbers(patch):
    """Make blocks, chunks and parts so small that short texts have many."""
    patch.setattr(store, "BLOCK_WORDS", 16)
    patch.setattr(store, "_LOOKED_AT", 3)
    patch.setattr(sources, "CHUNK_BYTES", 64)
    patch.setattr(cluster_text, "PART_BYTES", 300)


WORDS = st.one_of(
    st.sampled_from([b"a", b"b", b"The", b"the", "ÉTÉ".encode(), "été".encode(), b"x\xff", b"\xef\xbb\xbf", b"%PDF-"]),
    st.sampled_from([b"l" * 1024, b"l" * 1025, b"l" * 3000, b"\r", b"\xff\xfe"]),
    st.integers(0, 40).map(lambda i: b"w%d" % i),
)
LINES = st.lists(WORDS, max_size=30).map(b" ".join)
TEXTS = st.lists(LINES, max_size=12).map(b"\n".join)


def write_files(folder, texts):
    """Write texts, every third one compressed."""
    for number, text in enumerate(texts):
        is_packed = number % 3 == 2
        path = folder / (f"{number}.txt.gz" if is_packed else f"{number}.txt")
        path.write_bytes(gzip.compress(text) if is_packed else text)


def check_any_shares(folder, n, options, limit):
    """Check that n shares of a folder give the corpus, or the error, of one process."""
    error = corpus = None
    try:
        corpus = read_corpus(folder, options)
    except CorpusError as found:
        error = str(found)
    if corpus is not None:
        corpus.tokens.close()
        check_same(read(plan_shares(folder, PLAIN, n).files, options, limit=limit), folder, options)
        return
    with pytest.raises(CorpusError) as caught:
        read(plan_shares(folder, PLAIN, n).files, options, limit=limit)
    assert str(caught.value) == error


ANY_SHARES = {
    "texts": st.lists(TEXTS, min_size=1, max_size=4), "n": st.integers(1, 5), "lowercase": st.booleans(),
    "min_count": st.integers(1, 3), "max_vocab": st.sampled_from([None, 3]), "limit": st.sampled_from([0, 2**20]),
}  # fmt: skip


def check_texts(folder, texts, n, limit, **options):
    write_files(folder, texts)
    with pytest.MonkeyPatch.context() as patch:
        small_numbers(patch)
        check_any_shares(folder, n, Options(**options), limit)


@settings(max_examples=40, deadline=None)
@given(**ANY_SHARES)
def test_shares_give_the_corpus_of_one_process(tmp_path_factory, texts, n, limit, lowercase, min_count, max_vocab):
    folder = tmp_path_factory.mktemp("corpus")
    check_texts(folder, texts, n, limit, lowercase=lowercase, min_count=min_count, max_vocab=max_vocab)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(**ANY_SHARES)
def test_many_shares_give_the_corpus_of_one_process(tmp_path_factory, texts, n, limit, lowercase, min_count, max_vocab):
    folder = tmp_path_factory.mktemp("corpus")
    check_texts(folder, texts, n, limit, lowercase=lowercase, min_count=min_count, max_vocab=max_vocab)


@settings(max_examples=15, deadline=None)
@given(
    sentences=st.lists(st.lists(st.integers(0, 30), max_size=40), min_size=1, max_size=20),
    kind=st.sampled_from(["text", "words", "numbers"]),
    n=st.integers(1, 5),
)
def test_tables_are_read_whole_and_give_the_same_corpus(tmp_path_factory, sentences, kind, n):
    folder = tmp_path_factory.mktemp("tables")
    rows = [None if len(row) == 7 else row if kind == "numbers" else [f"w {i}" for i in row] for row in sentences]
    rows = [row if row is None else " ".join(row) for row in rows] if kind == "text" else rows
    kinds = {"text": pa.string(), "words": pa.list_(pa.string()), "numbers": pa.list_(pa.int64())}
    for number in range(3):
        table = pa.table({"column": pa.array(rows[number::3], kinds[kind])})
        pq.write_table(table, folder / f"{number}.parquet")
    with pytest.MonkeyPatch.context() as patch, suppress(CorpusError):  # all rows may be empty
        read_corpus(folder, OPTIONS).tokens.close()
        small_numbers(patch)
        check_same(read(plan_shares(folder, PLAIN, n).files), folder)


def test_files_of_each_machine_are_read_in_the_order_of_the_machines(tmp_path):
    for name, text in {"a": "x y\nz", "b": "", "c": "z q q"}.items():
        (tmp_path / name).write_text(text)
    shares = [[tmp_path / "c"], [], [tmp_path / "a", tmp_path / "b"], [tmp_path / "c"]]
    check_same(read(shares, repeats=1), [tmp_path / name for name in "cabc"])


@pytest.mark.parametrize(
    "how",
    [
        ReadOptions(tokenizer=lambda line: line.split("b")),
        ReadOptions(encoding="utf-16"),
        ReadOptions(encoding="latin-1"),
    ],
)
def test_other_encodings_and_tokenizers_give_the_same_corpus(tmp_path, how):
    paths = [tmp_path / f"{number}.txt" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_text("a b \u00e9\n\u0a0a c\n" * number, encoding="utf-16" if how.encoding == "utf-16" else "utf-8")
    check_same(read(plan_shares(tmp_path, how, 3).files, how=how), tmp_path, how=how)


def test_the_fingerprint_does_not_depend_on_the_number_of_shares(tmp_path, monkeypatch):
    small_numbers(monkeypatch)
    path = tmp_path / "corpus.txt"
    path.write_text("".join(f"a b c{i} d{i % 7}\n" for i in range(300)))
    prints = {read(plan_shares(path, PLAIN, n).files)[0].tokens.fingerprint() for n in (1, 2, 5)}
    assert len(prints) == 1
    path.write_text("".join(f"a b c{i} d{i % 7}\n" for i in range(299)))
    assert read(plan_shares(path, PLAIN, 2).files)[0].tokens.fingerprint() not in prints


@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.95])
def test_what_is_held_out_of_shares_is_what_one_process_holds_out(tmp_path, monkeypatch, fraction):
    small_numbers(monkeypatch)
    path = tmp_path / "corpus.txt"
    path.write_text("".join(f"a b c{i} d{i % 7}\n" for i in range(300)))
    one, one_held = hold_out(read_corpus(path, OPTIONS), fraction, OPTIONS, 1)
    with opened(plan_shares(path, PLAIN, 4).files) as handles:
        text = read_shares(handles, OPTIONS)
        validation = Validation(Texts(path, fraction), OPTIONS, Reporter())
        (corpus, token_blocks), held = validation.hold_out(text)
        assert len(token_blocks) == 4
        assert sum(token_blocks) == one.tokens.n_blocks == corpus.tokens.n_blocks
        assert all(kept <= whole for kept, whole in zip(token_blocks, text.token_blocks, strict=True))
        for name in ("raw_words", "sentences", "distinct_words"):
            assert getattr(corpus, name) == getattr(one, name)
        for found, expected in ((corpus.tokens, one.tokens), (held, one_held)):
            blocks = [store.read_block(b).tolist() for store in (found, expected) for b in range(store.n_blocks)]
            assert blocks[: len(blocks) // 2] == blocks[len(blocks) // 2 :]
            assert (found.n_words, found.longest) == (expected.n_words, expected.longest)


def test_progress_is_the_sum_of_all_shares(tmp_path, monkeypatch):
    monkeypatch.setattr("firth.cluster.handles.POLL_SECONDS", 0.001)
    (tmp_path / "a.txt").write_text("x y\n" * 300_000)
    seen = []
    read(plan_shares(tmp_path, PLAIN, 3).files, progress=lambda *amount: seen.append(amount))
    assert seen
    assert max(done for done, _ in seen) <= 1_200_000
    assert all(total in (0, 400_000, 800_000, 1_200_000) for _, total in seen)


def test_a_file_that_is_not_the_planned_one_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("x y\n" * 10)
    plan = plan_shares(path, PLAIN, 2)
    os.utime(path, ns=(1, 1))
    with pytest.raises(CorpusError, match=r"a\.txt was changed after it was divided .* copy the times too"):
        read(plan.files)


def test_the_limit_of_input_bytes_is_that_of_all_shares(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x y\n" * 10))
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"x y\n" * 10))
    shares = [[tmp_path / "a.gz"], [tmp_path / "b.gz"]]
    read(shares, how=ReadOptions(max_input_bytes=80))
    with pytest.raises(CorpusError, match="larger than max_input_bytes=79: its files have 80 bytes, decompressed"):
        read(shares, how=ReadOptions(max_input_bytes=79))
    with pytest.raises(CorpusError, match=r"larger than max_input_bytes=39: .*[ab]\.gz has more bytes, decompressed"):
        read(shares, how=ReadOptions(max_input_bytes=39))


def test_shares_of_different_kinds_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("x y")
    for name, rows in {"words": [["x"]], "numbers": [[1]]}.items():
        pq.write_table(pa.table({"column": rows}), tmp_path / f"{name}.parquet")
    with pytest.raises(CorpusError, match="files of share 2 are tables and those of share 0 are text"):
        read([[tmp_path / "a.txt"], [], [tmp_path / "words.parquet"]])
    with pytest.raises(CorpusError, match=r"holds both strings \('x'\) and integers \(1\)"):
        read([[tmp_path / "words.parquet"], [tmp_path / "numbers.parquet"]])


@pytest.mark.parametrize("name", ["a.zip", "missing", "a.gz"])
def test_an_error_of_one_share_is_that_of_one_process(tmp_path, name):
    (tmp_path / "a.zip").write_bytes(b"PK\3\4 and so on")
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x y\n" * 1000)[:-20])
    (tmp_path / "b").write_text("x y")
    with pytest.raises(CorpusError) as of_one:
        read_corpus([tmp_path / name], OPTIONS)
    with pytest.raises(CorpusError) as of_share:
        read([[tmp_path / "b"], [tmp_path / name]])
    assert str(of_share.value) == str(of_one.value)
