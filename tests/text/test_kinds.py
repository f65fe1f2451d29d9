"""Tests that files which are neither text nor tables are refused, whatever their names, and text is not."""

import gzip
import io
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
from stress._corpus import ALL, check

import firth
from firth.errors import CorpusError
from firth.text import ReadOptions, check_corpus, read_corpus


def zipped(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "application/epub+zip" if name == "mimetype" else "x" * 100)
    return buffer.getvalue()


def tarred():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return buffer.getvalue()


def saved(save, *arguments):
    buffer = io.BytesIO()
    save(buffer, *arguments)
    return buffer.getvalue()


OTHERS = {
    "a zip archive": zipped("a.txt"),
    "an office document": zipped("[Content_Types].xml", "word/document.xml"),
    r"an e-book \(EPUB\)": zipped("mimetype", "book.xhtml"),
    r"a NumPy \.npz archive": saved(np.savez, np.arange(3)),
    r"a NumPy \.npy array": saved(np.save, np.arange(3)),
    "a tar archive": tarred(),
    "a PDF file": b"%PDF-1.7\n%\xe2\xe3",
    "a PNG image": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a JPEG image": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "a Python pickle": pickle.dumps([["a", "b"]], protocol=4),
    "a gzip file": gzip.compress(b"a b"),
    "an SQLite database": b"SQLite format 3\0\x10\0",
    "a document of an office program": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(8),
    "a sound, a video or an image": b"RIFF\x24\0\0\0WAVEfmt ",
    "a fastText .bin model": (0x2F4F16BA).to_bytes(4, "little") + bytes(100),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("name", ["corpus.txt", "corpus", "t.csv", "t.jsonl"])
def test_other_kinds_of_file_are_refused_before_they_are_read(tmp_path, kind, name):
    path = tmp_path / name
    path.write_bytes(OTHERS[kind])
    for column in (None, "text"):
        with pytest.raises(CorpusError, match=rf"{name} is {kind}.*, not a text: [a-z]"):
            check_corpus(path, ReadOptions(column=column))
    with pytest.raises(CorpusError, match=rf"the open file \(BytesIO\) is {kind}"):
        read_corpus(io.BytesIO(OTHERS[kind]), ALL)


def test_text_in_utf16_is_refused_with_the_encoding_to_give(tmp_path):
    (tmp_path / "a.txt").write_text("a b", encoding="utf-16")
    with pytest.raises(CorpusError, match=r"a\.txt is text in UTF-16, not in UTF-8: give encoding='utf-16'$"):
        check_corpus(tmp_path / "a.txt", ReadOptions())
    check_corpus(tmp_path / "a.txt", ReadOptions(encoding="utf-16"))


def test_a_compressed_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(OTHERS["a PDF file"]))
    with pytest.raises(CorpusError, match=r"a.txt.gz is a PDF file, not a text: extract its text first"):
        check_corpus(tmp_path / "a.txt.gz", ReadOptions())
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(gzip.compress(b"a b")))
    with pytest.raises(CorpusError, match="is a gzip file inside a compressed file, not a text: unpack it first"):
        check_corpus(tmp_path / "a.txt.gz", ReadOptions())


def test_a_model_is_refused(tmp_path):
    model = firth.Word2Vec(vector_size=2, min_count=1, sample=0).fit([["a", "b"]] * 9, progress=False)
    model.save(tmp_path / "model.firth")
    with pytest.raises(CorpusError, match=r"a safetensors file, not a text: it holds vectors or a model.* give init"):
        read_corpus(tmp_path / "model.firth", ALL)


@pytest.mark.parametrize(
    "text", ["PAR1 is a gene", "ORCHARD", "RIFF raff", "GIF", "II*", "ARROW1", "{curly} words", "[a] b", "BZ", "%P D F"]
)
def test_texts_that_begin_like_another_kind_are_read(tmp_path, text):
    (tmp_path / "a.txt").write_text(text)
    check(read_corpus(tmp_path / "a.txt", ALL), [text.split()])
