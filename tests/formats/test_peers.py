"""Files that the real programs write are read, and ours are read by them."""

import gc
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from firth import KeyedVectors, Options
from firth.errors import FormatError
from firth.formats import read_vectors, write_vectors
from firth.subwords import NgramScheme, SubwordVectors

WORDS = ["</s>", "the", "naïve", "non\u00a0breaking", "日本語", "über", "1.5", "[x]"]
VECTORS = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # gensim leaves the file of GloVe's text open
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", ["word2vec-text", "word2vec-binary", "fasttext-vec", "glove"])
def test_gensim_reads_our_files(tmp_path, name, suffix):
    gensim = pytest.importorskip("gensim.models")
    write_vectors(tmp_path / f"v{suffix}", name, WORDS, VECTORS)
    options = {"binary": name == "word2vec-binary", "no_header": name == "glove"}
    back = gensim.KeyedVectors.load_word2vec_format(str(tmp_path / f"v{suffix}"), **options)
    gc.collect()
    assert back.index_to_key == WORDS
    assert np.array_equal(back.vectors, VECTORS)


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2"])
@pytest.mark.parametrize("binary", [False, True])
def test_what_gensim_writes_is_read(tmp_path, binary, suffix):
    gensim = pytest.importorskip("gensim.models")
    theirs = gensim.KeyedVectors(6)
    theirs.add_vectors(WORDS, VECTORS)
    for index, word in enumerate(WORDS):
        theirs.set_vecattr(word, "count", 100 - index)
    path = tmp_path / f"v{suffix}"
    theirs.save_word2vec_format(str(path), fvocab=str(tmp_path / "vocab"), binary=binary)
    found = read_vectors(path, fvocab=tmp_path / "vocab")
    assert found.format == ("word2vec-binary" if binary else "word2vec-text")
    assert found.keys == WORDS
    assert np.array_equal(found.vectors, VECTORS)
    assert found.counts.tolist() == list(range(100, 92, -1))


def test_gensims_own_files_are_refused_with_the_safe_way(tmp_path):
    gensim = pytest.importorskip("gensim.models")
    theirs = gensim.KeyedVectors(6)
    theirs.add_vectors(WORDS, VECTORS)
    theirs.save(str(tmp_path / "v.kv"))
    with pytest.raises(FormatError, match=r"a gensim model.*save_word2vec_format\('vectors.bin', binary=True\)"):
        KeyedVectors.load(tmp_path / "v.kv")


# --- fastText


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("fasttext") / "corpus"
    line = "the cat sat on the mat naïve 日本語 über straße a b xyz"
    path.write_text("\n".join([" ".join([line] * 20)] * 20))
    return str(path)


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("skipgram", {"minn": 3, "maxn": 6, "bucket": 1000}),
        ("cbow", {"minn": 1, "maxn": 3, "bucket": 50}),
        ("skipgram", {"minn": 2, "maxn": 2, "bucket": 7}),
        ("skipgram", {"minn": 0, "maxn": 0}),
    ],
)
def test_fasttexts_bin_gives_the_vectors_fasttext_gives(tmp_path, corpus, model, parts):
    fasttext = pytest.importorskip("fasttext")
    theirs = fasttext.train_unsupervised(corpus, model=model, dim=20, epoch=1, minCount=1, thread=1, verbose=0, **parts)
    theirs.save_model(str(tmp_path / "m.bin"))
    found = read_vectors(tmp_path / "m.bin")
    words, counts = theirs.get_words(include_freq=True)
    assert found.format == "fasttext-bin"
    assert found.keys == words
    assert found.counts.tolist() == counts.tolist()
    assert found.vectors.tobytes() == np.array([theirs.get_word_vector(word) for word in words]).tobytes()
    assert np.array_equal(read_vectors(tmp_path / "m.bin", limit=4).vectors, found.vectors[:4])


def test_classifiers_are_read_and_quantised_ones_refused(tmp_path):
    fasttext = pytest.importorskip("fasttext")
    lines = [f"__label__a the cat sat on w{i}\n__label__b mat naive {i} 2" for i in range(300)]
    (tmp_path / "c").write_text("\n".join(lines))
    theirs = fasttext.train_supervised(str(tmp_path / "c"), dim=8, epoch=1, thread=1, verbose=0)
    theirs.save_model(str(tmp_path / "m.bin"))
    found = read_vectors(tmp_path / "m.bin")
    assert found.keys == theirs.get_words()
    assert np.array_equal(found.vectors, [theirs.get_word_vector(word) for word in found.keys])
    theirs.quantize(str(tmp_path / "c"), qnorm=False, verbose=False)
    theirs.save_model(str(tmp_path / "m.ftz"))
    with pytest.raises(FormatError, match=r"a quantised fastText model \(\.ftz\): take the \.bin it was made from"):
        read_vectors(tmp_path / "m.ftz")


def test_fasttext_starts_from_our_vec(tmp_path, corpus):
    fasttext = pytest.importorskip("fasttext")
    words = ["the", "cat", "sat", "on", "mat", "naïve", "日本語", "über", "straße", "a", "b", "xyz"]
    vectors = np.random.default_rng(1).normal(size=(len(words), 10)).astype(np.float32)
    write_vectors(tmp_path / "v.vec", None, words, vectors)
    theirs = fasttext.train_unsupervised(
        corpus, pretrainedVectors=str(tmp_path / "v.vec"), dim=10, epoch=0, minCount=1, thread=1, maxn=0, verbose=0
    )
    assert np.array_equal([theirs.get_word_vector(word) for word in words], vectors)


# --- models for fastText


D = 6
SCHEME = NgramScheme(2, 4, 500)
UNSEEN = ["unseen", "고양이", "😀😀", "Überraschung", "ab", "x" * 300]


def a_model(held):
    """Return vectors with rows of n-grams: for all numbers, or for every third."""
    rng = np.random.default_rng(5)
    buckets = np.arange(0, SCHEME.buckets, 3) if held else None
    rows = rng.normal(size=(len(buckets) if held else SCHEME.buckets, D)).astype(np.float32)
    subwords = SubwordVectors(SCHEME, rows, buckets)
    vectors = subwords.compose([word.encode() for word in WORDS], VECTORS)
    return KeyedVectors.trusted(list(WORDS), vectors, np.arange(108, 100, -1), subwords)


def printed(program, path, words):
    """Return the vectors that fastText's program prints for words, with its five digits."""
    command = [program, "print-word-vectors", path]
    done = subprocess.run(
        command, input="\n".join(words) + "\n", capture_output=True, text=True, check=True, timeout=60
    )
    rows = [line.rsplit(" ", D + 1) for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == words
    return np.array([row[1 : D + 1] for row in rows], dtype=float)


@pytest.mark.parametrize("held", [False, True])
def test_fasttexts_program_gives_our_vectors(tmp_path, held):
    program = os.environ.get("FASTTEXT") or pytest.skip("give the path of fastText's program in FASTTEXT")
    wv = a_model(held)
    wv.save(tmp_path / "m.bin", "fasttext-bin")
    words = [word for word in WORDS if "\u00a0" not in word] + UNSEEN
    np.testing.assert_allclose(printed(program, tmp_path / "m.bin", words), wv[words], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("held", [False, True])
def test_gensim_reads_our_fasttext_models(tmp_path, held):
    fasttext = pytest.importorskip("gensim.models.fasttext")
    wv, outside = a_model(held), np.random.default_rng(6).normal(size=(8, D)).astype(np.float32)
    options = Options(window=7, negative=9, epochs=3, sample=1e-4, min_count=2).to_dict()
    parts = {"subwords": wv.subwords, "outside": outside, "options": options}
    write_vectors(tmp_path / "m.bin", "fasttext-bin", WORDS, wv.vectors, wv.counts, **parts)
    theirs = fasttext.load_facebook_model(str(tmp_path / "m.bin"))
    assert theirs.wv.index_to_key == WORDS
    assert [theirs.wv.get_vecattr(word, "count") for word in WORDS] == wv.counts.tolist()
    assert np.array_equal(theirs.syn1neg, outside)
    assert (theirs.window, theirs.negative, theirs.epochs, theirs.sample, theirs.sg) == (7, 9, 3, 1e-4, 1)
    words = WORDS[1:]  # to gensim, </s> has n-grams; to fastText it has none
    np.testing.assert_allclose(theirs.wv[words], wv[words], atol=1e-6)
    np.testing.assert_allclose([theirs.wv[word] for word in UNSEEN], wv[UNSEEN], atol=1e-6)


def test_what_gensims_fasttext_writes_is_read_with_its_unseen_words(tmp_path):
    fasttext = pytest.importorskip("gensim.models.fasttext")
    lines = [["the", "naïve", "cat", "강아지", "고양이"]] * 50
    theirs = fasttext.FastText(lines, vector_size=8, min_count=1, bucket=100, min_n=2, max_n=3, epochs=1, workers=1)
    fasttext.save_facebook_model(theirs, str(tmp_path / "m.bin"))
    ours = KeyedVectors.load(tmp_path / "m.bin")
    for word in [*theirs.wv.index_to_key, "unseen", "강", "😀"]:
        np.testing.assert_allclose(ours[word], theirs.wv[word], atol=1e-6)
    ours.save(tmp_path / "again.bin", "fasttext-bin")
    again = KeyedVectors.load(tmp_path / "again.bin")
    np.testing.assert_allclose(again[["cat", "unseen"]], ours[["cat", "unseen"]], atol=1e-6)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_model_without_subwords_is_one_without_ngrams_for_gensim(tmp_path):
    fasttext = pytest.importorskip("gensim.models.fasttext")
    write_vectors(tmp_path / "m.bin", "fasttext-bin", WORDS, VECTORS)
    theirs = fasttext.load_facebook_vectors(str(tmp_path / "m.bin"))
    assert np.array_equal(theirs.vectors, VECTORS)
    assert "unseen" not in theirs
    assert "unseen" not in KeyedVectors.load(tmp_path / "m.bin")


# --- model2vec, spaCy, pandas' Arrow


def test_model2vec_loads_our_folder_and_we_load_its(tmp_path):
    model2vec = pytest.importorskip("model2vec")
    write_vectors(tmp_path / "ours", "huggingface", WORDS, VECTORS, np.arange(8), language="en", license_name="mit")
    theirs = model2vec.StaticModel.from_pretrained(str(tmp_path / "ours"))
    assert list(theirs.tokens) == [*WORDS, "[UNK]"]
    assert theirs.language == "en"
    texts = ["the naïve 日本語", "über unheard-of", "unheard-of"]
    expected = [VECTORS[[1, 2, 4]].mean(axis=0), VECTORS[5], np.zeros(6)]
    np.testing.assert_allclose(theirs.encode(texts), expected, atol=1e-6)  # it sums in another order
    theirs.save_pretrained(str(tmp_path / "theirs"))
    for folder in ("ours", "theirs"):
        found = read_vectors(tmp_path / folder)
        assert found.keys == WORDS
        assert np.array_equal(found.vectors, VECTORS)


def test_a_folder_names_the_module_that_sentence_transformers_loads(tmp_path):
    write_vectors(tmp_path / "v", "huggingface", WORDS, VECTORS)
    modules = json.loads((tmp_path / "v" / "modules.json").read_text())
    assert modules == [{"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"}]
    card = (tmp_path / "v" / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: model2vec\nlanguage: und\ntags:\n- word2vec\n")


def test_spacy_makes_a_pipeline_of_our_vectors(tmp_path):
    pytest.importorskip("spacy")
    words = [word for word in WORDS if word != "non\u00a0breaking"]
    write_vectors(tmp_path / "v.txt.gz", "spacy", words, VECTORS[:7])
    command = [sys.executable, "-m", "spacy", "init", "vectors", "en", tmp_path / "v.txt.gz", tmp_path / "out"]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    read = (
        "import spacy, json, sys\n"
        "nlp = spacy.load(sys.argv[1])\n"
        "print(json.dumps([nlp.vocab[word].vector.tolist() for word in sys.argv[2:]]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", read, tmp_path / "out", *words], check=True, capture_output=True, timeout=200
    )
    assert np.array_equal(np.array(json.loads(result.stdout), np.float32), VECTORS[:7])


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_a_table_is_one_row_a_key(tmp_path, name):
    import pyarrow.feather
    import pyarrow.parquet

    write_vectors(tmp_path / "v", name, WORDS, VECTORS, np.arange(8))
    read = pyarrow.parquet.read_table if name == "parquet" else pyarrow.feather.read_table
    table = read(tmp_path / "v")
    assert table.column_names == ["word", "vector", "count"]
    assert table.to_pylist()[2] == {"word": "naïve", "vector": VECTORS[2].tolist(), "count": 2}


def test_numpy_loads_our_npz(tmp_path):
    write_vectors(tmp_path / "v.npz", None, WORDS, VECTORS, np.arange(8))
    with np.load(tmp_path / "v.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == ["counts", "keys", "vectors"]
        assert arrays["keys"].tolist() == WORDS
        assert np.array_equal(arrays["vectors"], VECTORS)


def test_safetensors_loads_ours(tmp_path):
    from safetensors.numpy import load_file

    write_vectors(tmp_path / "v.safetensors", None, WORDS, VECTORS)
    tensors = load_file(tmp_path / "v.safetensors")
    assert sorted(tensors) == ["embeddings", "word_ends", "words"]
    assert np.array_equal(tensors["embeddings"], VECTORS)
