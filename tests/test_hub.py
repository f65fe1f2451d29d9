"""Upload to and download from the Hugging Face Hub: huggingface_hub itself, against a server on this machine."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from _hub_server import TOKEN, running
from safetensors.numpy import save

from firth import KeyedVectors, Word2Vec, hub
from firth.errors import FirthError, FormatError, MissingExtraError, OptionError

pytest.importorskip("huggingface_hub")

from huggingface_hub import constants, file_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # huggingface_hub's own use of its HTTP client

NAME = "someone/vectors"
SENTENCES = [["the", "cat", "chased", "the", "mouse"], ["a", "dog", "chased", "the", "cat"]] * 20
OPTIONS = {"vector_size": 6, "min_count": 1, "sample": 0, "epochs": 2}
WV = KeyedVectors(["cat", "dog", "mouse"], np.random.default_rng(2).normal(size=(3, 4)).astype(np.float32), [3, 2, 1])


@pytest.fixture(scope="module")
def model():
    return Word2Vec(**OPTIONS).fit(SENTENCES, progress=False)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True, raising=False)  # the server takes Git LFS alone
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between the attempts of huggingface_hub
    with running() as found:
        monkeypatch.setattr(constants, "ENDPOINT", found.url)  # as if HF_ENDPOINT had been set before the import
        files = found.url + "/{repo_id}/resolve/{revision}/{filename}"
        for module in (constants, file_download):
            monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", files, raising=False)
        yield found


@pytest.fixture
def upload(server):
    def call(model, name=NAME, *, token=TOKEN, license="mit", **others):  # noqa: A002
        return hub.upload(model, name, license=license, token=token, **others)

    return call


@pytest.fixture
def download(server, tmp_path):
    def call(name=NAME, *, token=False, **others):
        return hub.download(name, token=token, cache_dir=tmp_path / "cache", **others)

    return call


def assert_equal_vectors(found, expected):
    assert found.index_to_key == expected.index_to_key
    np.testing.assert_array_equal(found.vectors, expected.vectors)
    np.testing.assert_array_equal(found.counts, expected.counts)


# --- what is uploaded and downloaded


def test_a_model_comes_back_whole(model, server, upload, download):
    url = upload(model)
    assert url.startswith(f"{server.url}/{NAME}/commit/")
    assert set(server.latest(NAME)) == {"README.md", "model.safetensors"}
    found = download()
    assert_equal_vectors(found.wv, model.wv)
    np.testing.assert_array_equal(found.outside, model.outside)
    assert found.options == model.options
    assert found.history == [replace(record, seconds=None) for record in model.history]


def test_vectors_are_a_folder_that_other_programs_read(server, upload, download, tmp_path):
    upload(WV, language="en")
    assert set(server.latest(NAME)) == {
        "README.md",
        "config.json",
        "model.safetensors",
        "modules.json",
        "tokenizer.json",
    }
    assert_equal_vectors(download(), WV)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, content in server.latest(NAME).items():
        (folder / name).write_bytes(content)
    assert_equal_vectors(KeyedVectors.load(folder), WV)


def test_whole_number_keys_and_rows_of_ngrams_are_kept(server, upload, download):
    numbers = KeyedVectors([7, 9], np.eye(2, dtype=np.float32))
    upload(numbers)
    assert download().index_to_key == [7, 9]
    subwords = Word2Vec(**OPTIONS, subwords=(3, 4), buckets=100, workers=1).fit(SENTENCES, progress=False).wv
    upload(subwords)
    np.testing.assert_array_equal(download()["catapult"], subwords["catapult"])


def test_an_upload_replaces_an_earlier_one_and_keeps_other_files(model, server, upload, download):
    upload(WV)
    first = server.repositories[NAME].commits[-1][0]
    server.latest(NAME)["notes.txt"] = b"mine"
    upload(model)
    assert set(server.latest(NAME)) == {"README.md", "model.safetensors", "notes.txt"}
    assert isinstance(download(), Word2Vec)
    assert_equal_vectors(download(revision=first), WV)


def test_the_card_has_the_licence_the_options_and_the_losses(model, server, upload):
    upload(model, license="cc-by-4.0", language="en")
    text = server.latest(NAME)["README.md"].decode()
    header, _, body = text.removeprefix("---\n").partition("\n---\n")
    assert header.splitlines()[:3] == ["library_name: firth", "language: en", "license: cc-by-4.0"]
    assert f'hub.download("{NAME}")' in body
    assert "| `vector_size` | `6` |" in body
    for record in model.history:
        assert (
            f"| {record.epoch} | {record.words} | {record.pairs} | {record.loss:.4f} | {record.end_loss:.4f} |  |"
            in body
        )


def test_the_card_of_vectors_has_its_name_on_the_hub(server, upload):
    upload(WV)
    text = server.latest(NAME)["README.md"].decode()
    assert "language:" not in text
    assert text.count(f'"{NAME}"') == 3
    assert "this-folder" not in text


def test_a_private_repository_needs_a_token(upload, download):
    upload(WV, private=True)
    assert_equal_vectors(download(token=TOKEN), WV)
    with pytest.raises(RepositoryNotFoundError):
        download("someone/other")


def test_nothing_but_vectors_is_downloaded(server, upload, download):
    """A repository may hold pickles and code, which nothing asks for."""
    upload(WV)
    server.latest(NAME).update({"pytorch_model.bin": b"\x80\x04.", "modeling.py": b"raise SystemExit"})
    server.requests.clear()
    download()
    asked = {path.rpartition("/")[2] for _, path in server.requests if "/resolve/" in path}
    assert asked == {"model.safetensors", "tokenizer.json", "config.json"}


def test_files_in_the_cache_are_used_when_the_hub_cannot_be_reached(upload, download, monkeypatch):
    upload(WV)
    download()
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    assert_equal_vectors(download(), WV)
    with pytest.raises(LocalEntryNotFoundError):
        download("someone/other")


# --- failures


def test_a_wrong_token_is_refused_before_anything_is_written(server, upload):
    with pytest.raises(HfHubHTTPError, match="401"):
        upload(WV, token="hf_wrong")
    assert server.repositories == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "preupload"), ("POST", "objects/batch"), ("PUT", "/objects/"), ("POST", "/commit/")],
)
@pytest.mark.parametrize("how", ["drop", *(pytest.param(status, marks=pytest.mark.slow) for status in (403, 500))])
def test_an_upload_that_fails_commits_nothing(server, upload, download, method, path, how):
    upload(WV)
    server.failures[method, path] = how
    changed = KeyedVectors(WV.index_to_key, 2 * WV.vectors, WV.counts)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each version of huggingface_hub has its own HTTP client
        upload(changed)
    assert not isinstance(caught.value, FirthError)
    assert_equal_vectors(download(), WV)
    server.failures.clear()
    upload(changed)
    assert_equal_vectors(download(), changed)


def test_a_repository_or_revision_that_does_not_exist(upload, download):
    with pytest.raises(RepositoryNotFoundError):
        download()
    upload(WV)
    with pytest.raises(RevisionNotFoundError):
        download(revision="v9")


def test_a_download_that_is_cut_off_raises_and_the_next_one_works(server, upload, download):
    upload(WV)
    server.failures["GET", "model.safetensors"] = "cut"
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each version of huggingface_hub has its own HTTP client
        download()
    assert not isinstance(caught.value, FirthError)
    server.failures.clear()
    assert_equal_vectors(download(), WV)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_file_that_changed_on_the_way_raises_until_it_is_downloaded_again(server, upload, download, name):
    """huggingface_hub compares sizes; the digest is compared here."""
    upload(WV)
    server.failures["GET", name] = "garble"
    for _ in range(2):
        with pytest.raises(FormatError, match=rf"{name} of {NAME} is damaged: its digest is .* with force=True"):
            download()
        server.failures.clear()
    assert_equal_vectors(download(force=True), WV)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"README.md": b"# nothing", "pytorch_model.bin": b"\x80\x04."}, f"{NAME} on the Hub has no model.safetensors"),
        ({}, "has no model.safetensors"),
        ({"model.safetensors": b"not safetensors"}, "is not in a format that firth reads"),
        ({"model.safetensors": save({"layer.weight": np.eye(2)}), "config.json": b"{}"}, "is not a folder of vectors"),
        ({"model.safetensors": b"\x80\x04pickle", "tokenizer.json": b"{}"}, "a Python pickle .* firth never unpickles"),
    ],
)
def test_a_repository_of_something_else_raises(server, upload, download, files, message):
    upload(WV)
    server.repositories[NAME].commit(files)
    with pytest.raises(FormatError, match=message):
        download()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"license": "MIT License"}, "license='MIT License' is not allowed: give an identifier in lower case, such as"),
        ({"license": "mit\ntags: x"}, "license=.* is not allowed"),
        ({"license": None}, "license=None is not allowed"),
        ({"license": "mit", "language": "English"}, "language='English' is not allowed: .* such as 'en'"),
    ],
)
def test_wrong_arguments_raise_before_any_request(server, upload, arguments, message):
    with pytest.raises(OptionError, match=message):
        upload(WV, **arguments)
    assert server.requests == []


def test_what_is_not_ready_to_upload_raises_before_any_request(server, upload):
    with pytest.raises(FirthError, match="this model has no vectors yet"):
        upload(Word2Vec())
    with pytest.raises(OptionError, match=r"upload takes a Word2Vec or KeyedVectors: found 'model.firth'"):
        upload("model.firth")
    edited = KeyedVectors(["a", "b"], np.eye(2))
    edited.index_to_key.append("c")
    with pytest.raises(OptionError, match="3 keys and only 2 vectors"):
        upload(edited)
    assert server.requests == []


def test_without_the_library_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"firth.hub needs huggingface_hub: .* 'firth\[hub\]'"):
        hub.download(NAME)


@pytest.mark.slow
def test_the_address_and_the_token_may_be_variables(server, tmp_path):
    program = f"""
import numpy as np
from firth import KeyedVectors, hub
wv = KeyedVectors(["cat", "dog"], np.eye(2, dtype=np.float32))
print(hub.upload(wv, "{NAME}", license="mit"))
assert hub.download("{NAME}").index_to_key == ["cat", "dog"]
"""
    variables = {"HF_ENDPOINT": server.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{server.url}/{NAME}/commit/")
