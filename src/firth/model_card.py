"""The model card: a README.md with the options of a model and the figures of its training."""

from collections.abc import Iterable

from firth.formats.huggingface import card_header
from firth.messages import counted
from firth.model import Word2Vec
from firth.options import Options
from firth.vectors import KeyedVectors
from firth.version import __version__

_TAGS = ("word2vec", "static-embeddings")


def model_card(model: Word2Vec | KeyedVectors, repo_id: str, language: str | None, license_name: str) -> str:
    """Return the card, in Markdown with a YAML header, of a model in firth's format or of its vectors alone."""
    is_model = isinstance(model, Word2Vec)
    wv = model.wv if isinstance(model, Word2Vec) else model
    held = "both matrices of the model, its options and its history" if is_model else "the vectors"
    parts = [
        card_header("firth", language, license_name, _TAGS),
        "\n# Word vectors\n",
        f"{counted(len(wv), 'vector')} of {wv.vector_size} dimensions, trained with firth {__version__}. The file "
        f"`model.safetensors` holds {held}, with checksums.\n",
        f'```python\nfrom firth import hub\n\n{"model" if is_model else "vectors"} = hub.download("{repo_id}")',
        f'{"model.wv" if is_model else "vectors"}.most_similar("word")\n```',
    ]
    if isinstance(model, Word2Vec):
        parts += [_training(model), _options(model.options)]
    return "\n".join(parts) + "\n"


def _training(model: Word2Vec) -> str:
    if not model.history:
        return "\nThe model is not trained."
    rows = []
    for record in model.history:
        losses = (record.loss, record.end_loss, record.validation_loss)
        rows.append((record.epoch, f"{record.words:,}", f"{record.pairs:,}", *map(_loss, losses)))
    columns = ("epoch", "words", "pairs", "loss", "loss after the epoch", "loss on held-out text")
    return f"\n## Training\n\n{_table(columns, rows)}\n\nLosses are means in nats per pair."


def _loss(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _options(options: Options) -> str:
    rows = [(f"`{name}`", f"`{value!r}`") for name, value in options.to_dict().items()]
    return f"\n## Options\n\n{_table(('option', 'value'), rows)}"


def _table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [tuple(columns), *rows]
    lines.insert(1, ["---"] * len(tuple(lines[0])))
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
