"""Models on the Hugging Face Hub: upload and download. Needs `pip install 'firth[hub]'`.

    model.safetensors   a `Word2Vec`: the file that `Word2Vec.save` writes. Word vectors without rows of n-grams: the
                        matrix that model2vec and sentence-transformers load, with tokenizer.json, config.json and
                        modules.json beside it (`firth.formats.huggingface`). Other vectors: the file that
                        `KeyedVectors.save` writes
    README.md           the model card

The Hub is huggingface.co, or another one whose address is in the variable HF_ENDPOINT when huggingface_hub is imported.
Only these files are downloaded, their checksums are compared, and firth's own readers read them; nothing is unpickled
and no code of the repository runs.
"""

import hashlib
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from firth.atomic import atomic_write
from firth.errors import FormatError, MissingExtraError, OptionError
from firth.formats import detect
from firth.formats.huggingface import CARD, CONFIG, FILES, MODEL, NESTED, card
from firth.formats.tokenizer import TOKENIZER
from firth.formats.words import are_numbers
from firth.model import Word2Vec, load
from firth.model_card import model_card
from firth.options import shortened
from firth.vectors import KeyedVectors
from firth.version import __version__

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_DOWNLOADED = [MODEL, TOKENIZER, CONFIG, f"{NESTED}/{MODEL}", f"{NESTED}/{TOKENIZER}"]


def upload(
    model: Word2Vec | KeyedVectors,
    repo_id: str,
    *,
    license: str,  # noqa: A002 - the Hub's name
    language: str | None = None,
    private: bool | None = None,
    token: str | bool | None = None,
) -> str:
    """Upload a model, or vectors, to a repository of the Hugging Face Hub, in one commit; return the commit's URL.

      repo_id   "user/name"; created unless it exists. Files of an earlier upload are replaced, the model card too
      license   the licence, by its identifier on the Hub: "mit", "apache-2.0", "cc-by-4.0", "other" ...
      language  ISO 639 code of the text's language, such as "en", for the model card
      private   whether only you can see a new repository; None: the Hub's default
      token     of https://huggingface.co/settings/tokens, with the right to write; None: that of `hf auth login`

    The model card has the options, and the losses of every epoch. Raises `OptionError` for a licence or a language that
    is not an identifier, `FirthError` before `fit`, `MissingExtraError` without huggingface_hub, and the errors of
    huggingface_hub: `HfHubHTTPError` for a request that the Hub refuses. Nothing is committed if an error is raised.
    """
    wv = model.wv if isinstance(model, Word2Vec) else model
    if not isinstance(wv, KeyedVectors):
        raise OptionError(f"upload takes a Word2Vec or KeyedVectors: found {shortened(model)}")
    _check_identifier("license", license, "mit")
    if language is not None:
        _check_identifier("language", language, "en")
    wv.check_rows()
    api = _api(token)
    api.create_repo(repo_id, private=private, exist_ok=True)
    with TemporaryDirectory() as folder:
        _write(model, Path(folder), repo_id, language, license)
        done = api.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            commit_message=f"Upload with firth {__version__}",
            delete_patterns=list(FILES),  # those of an earlier upload in the other form
        )
    return str(done.commit_url)


def download(
    repo_id: str,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    force: bool = False,
) -> Word2Vec | KeyedVectors:
    """Return the model, or the vectors, of a repository of the Hugging Face Hub.

      repo_id    "user/name": an upload of firth, or a static model of model2vec or sentence-transformers
      revision   a branch, a tag or a commit; None: the main branch. With a commit the files are always the same
      cache_dir  where files are kept for the next time; None: huggingface_hub's folder
      force      download again what is in `cache_dir`

    `token` is that of `upload`. Raises `FormatError` if the repository does not hold such a file, or
    one is damaged; `MissingExtraError` without huggingface_hub; and the errors of huggingface_hub:
    `RepositoryNotFoundError` if there is no such repository or the token does not open it, and
    `LocalEntryNotFoundError` if the Hub cannot be reached and the files are not in `cache_dir`.
    """
    if not isinstance(repo_id, str) or not repo_id:
        raise OptionError(f'repo_id={shortened(repo_id)} is not allowed: give the name of a repository, "user/name"')
    snapshot = _api(token).snapshot_download(
        repo_id, revision=revision, cache_dir=cache_dir, force_download=force, allow_patterns=_DOWNLOADED
    )
    folder = Path(snapshot)
    for name in _DOWNLOADED:
        if (folder / name).is_file():
            _check_digest(folder / name, repo_id)
    if not any((home / MODEL).is_file() for home in (folder, folder / NESTED)):
        raise FormatError(f"{repo_id} on the Hub has no {MODEL}: it is not a model of firth, nor a static model")
    own = folder / MODEL
    if own.is_file() and detect(own).name == "native":
        return load(own)
    return KeyedVectors.load(folder)


def _api(token: str | bool | None) -> Any:
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise MissingExtraError("huggingface_hub", "hub", "firth.hub") from error
    return HfApi(token=token, library_name="firth", library_version=__version__)


def _check_identifier(name: str, value: Any, example: str) -> None:
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise OptionError(
            f"{name}={shortened(value)} is not allowed: give an identifier in lower case, such as {example!r}"
        )


def _write(model: Word2Vec | KeyedVectors, folder: Path, repo_id: str, language: str | None, license_name: str) -> None:
    """Write the files of a repository into an empty folder."""
    text = model_card(model, repo_id, language, license_name)
    if isinstance(model, Word2Vec) or model.subwords is not None or are_numbers(model.index_to_key):
        model.save(folder / MODEL)
    else:
        model.save(folder, "huggingface")
        loading = f'from firth import hub\n\nvectors = hub.download("{repo_id}")'
        text = card(len(model), model.vector_size, language, license_name, repo_id, loading)
    with atomic_write(folder / CARD) as file:
        file.write(text.encode())


def _check_digest(file: Path, repo_id: str) -> None:
    """Raise `FormatError` for a file that is not the one which the Hub lists.

    In the cache a file is a link to one that is named by its digest: SHA-256 of its bytes, or of small files the SHA-1
    that Git gives them. Where links are not available, the name is no digest, and nothing is compared.
    """
    content = file.resolve()
    if re.fullmatch(r"[0-9a-f]{64}", content.name):
        found = _digest(content, hashlib.sha256())
    elif re.fullmatch(r"[0-9a-f]{40}", content.name):
        header = b"blob %d\0" % content.stat().st_size
        found = _digest(content, hashlib.sha1(header, usedforsecurity=False))
    else:
        return
    if found != content.name:
        raise FormatError(
            f"{file.name} of {repo_id} is damaged: its digest is {found}, and the Hub lists {content.name}. "
            "Download it again with force=True"
        )


def _digest(file: Path, digest: Any) -> str:
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return str(digest.hexdigest())
