"""Options of gensim, word2vec.c, fastText, Spark and scikit-learn, and what to use for each."""

import re

from firth.messages import advice, option

_NO_SUBWORDS = "character n-grams are not available: leave it out"
_CORPUS = ("give the corpus to fit: Word2Vec(...).fit(corpus)", "give the corpus as an argument: firth train CORPUS")
_NO_LABELS = "there are no labels: leave it out"
_COUNTED = "fit counts the corpus itself: leave it out"
_AUTOMATIC = "training divides its work by itself: leave it out"
_PROGRESS = ("give progress to fit: fit(corpus, progress=False) shows nothing", "use --quiet or --no-progress")
_COUNTS = (
    "save the model, which has the counts, or call model.wv.save_word2vec_format(path, fvocab=path_of_counts)",
    "write the native format, which has the counts",
)

_ANSWERS: dict[str, str | tuple[str, str]] = {
    # gensim's Word2Vec, its FastText and its train
    "sentences": _CORPUS,
    "corpus_file": _CORPUS,
    "corpus_iterable": _CORPUS,
    "sg": "skip-gram (sg=1) is the only architecture, and CBOW (sg=0) is not available: leave it out",
    "cbow_mean": "CBOW is not available: leave it out",
    "hs": "hierarchical softmax is not available: leave it out for negative sampling, or give "
    "{objective='softmax'} for the exact softmax",
    "max_vocab_size": "use {max_vocab}, which limits the finished vocabulary",
    "max_final_vocab": "use {max_vocab}",
    "trim_rule": "there is no rule for single words: use {min_count} and {max_vocab}, or take words out of the corpus",
    "hashfxn": "no hash function is used, and {seed} alone determines the random vectors: leave it out",
    "null_word": "no null word is added: leave it out",
    "sorted_vocab": "the vocabulary is always sorted by descending count: leave it out",
    "batch_words": _AUTOMATIC,
    "compute_loss": (
        "the loss is always computed: leave it out, and read model.history",
        "the loss is always computed and printed: leave it out",
    ),
    "callbacks": (
        "give the callbacks to fit: fit(corpus, callbacks=[function])",
        "callbacks are functions of Python: use Word2Vec(...).fit(corpus, callbacks=[function]) there",
    ),
    "comment": "a model has no comment: leave it out",
    "size": "use {vector_size}",
    "iter": "use {epochs}",
    "min_n": _NO_SUBWORDS,
    "max_n": _NO_SUBWORDS,
    "bucket": _NO_SUBWORDS,
    "word_ngrams": _NO_SUBWORDS,
    "start_alpha": "use {alpha}",
    "end_alpha": "use {min_alpha}",
    "total_examples": _COUNTED,
    "total_words": _COUNTED,
    "queue_factor": _AUTOMATIC,
    "report_delay": _PROGRESS,
    # word2vec.c
    "train": _CORPUS,
    "output": ("call model.save(path) after fit", "use --output"),
    "cbow": "skip-gram (cbow=0) is the only architecture, and CBOW (cbow=1) is not available: leave it out",
    "threads": "use {workers}",
    "classes": "word classes are not available: cluster the vectors after training",
    "binary": (
        "choose the format when you save: model.wv.save_word2vec_format(path, binary=True)",
        "the name of the output file chooses the format (.bin is binary, .txt is text), or --format",
    ),
    "debug": _PROGRESS,
    "save_vocab": _COUNTS,
    "read_vocab": "the vocabulary is always counted from the corpus: leave it out",
    # fastText's train_unsupervised
    "input": _CORPUS,
    "model": "skip-gram is the only model, and CBOW is not available: leave it out",
    "lr": "use {alpha}",
    "dim": "use {vector_size}",
    "ws": "use {window}",
    "epoch": "use {epochs}",
    "minCount": "use {min_count}",
    "minCountLabel": _NO_LABELS,
    "minn": _NO_SUBWORDS,
    "maxn": _NO_SUBWORDS,
    "neg": "use {negative}",
    "wordNgrams": "word n-grams are not available: leave it out, or join words in the corpus, as in new_york",
    "loss": "use {objective}: 'negative_sampling' is fastText's ns, and 'softmax' its softmax",
    "thread": "use {workers}",
    "lrUpdateRate": "the learning rate is updated throughout training: leave it out",
    "lr_update_rate": "the learning rate is updated throughout training: leave it out",
    "t": "use {sample}",
    "label": _NO_LABELS,
    "label_prefix": _NO_LABELS,
    "verbose": _PROGRESS,
    "pretrainedVectors": "training cannot start from other vectors: leave it out",
    "pretrained_vectors": "training cannot start from other vectors: leave it out",
    # Spark's Word2Vec
    "vectorSize": "use {vector_size}",
    "windowSize": "use {window}",
    "stepSize": "use {alpha}",
    "learningRate": "use {alpha}",
    "maxIter": "use {epochs}",
    "numIterations": "use {epochs}",
    "numPartitions": "training runs on one machine: use {workers}, the number of threads",
    "maxSentenceLength": "sentences may have any length: leave it out",
    "inputCol": _CORPUS,
    "outputCol": "vectors are rows of a matrix and not a column: leave it out",
    # scikit-learn's habits
    "random_state": "use {seed}",
    "n_jobs": "use {workers}",
    "max_iter": "use {epochs}",
    "n_components": "use {vector_size}",
    "learning_rate": "use {alpha}",
}

FOREIGN_NAMES = frozenset(_ANSWERS)
"""The names that `answer` knows."""


def answer(name: str) -> str:
    """Return what to use in place of another program's option, one of `FOREIGN_NAMES`."""
    text = _ANSWERS[name]
    return advice(*text) if isinstance(text, tuple) else re.sub(r"\{(\w+)(?:=([^}]+))?\}", _named, text)


def _named(found: re.Match[str]) -> str:
    return option(found[1], found[2])
