"""Options of gensim, word2vec.c, fastText, Spark, scikit-learn and PecanPy, and what to use instead of each."""

import re

from firth.messages import advice, option

_SAME = {
    "vector_size": "size dim vectorSize n_components",
    "window": "ws windowSize",
    "negative": "neg",
    "sample": "t",
    "min_count": "minCount",
    "max_vocab": "max_final_vocab",
    "epochs": "iter epoch maxIter numIterations max_iter",
    "alpha": "start_alpha lr stepSize learningRate learning_rate",
    "min_alpha": "end_alpha",
    "buckets": "bucket",
    "workers": "threads thread n_jobs",
    "seed": "random_state",
}
"""firth's option -> the names of the same option in other programs."""

_ANSWERS: dict[str, str | tuple[str, str]] = {
    "sg": "use {architecture}: 'skip_gram', the default, is sg=1, and 'cbow' is sg=0",
    "cbow": "use {architecture}: 'skip_gram', the default, is cbow=0, and 'cbow' is cbow=1",
    "model": "use {architecture}: 'skip_gram' or 'cbow'",
    "hs": "leave it out for negative sampling (hs=0), or give {objective='hierarchical_softmax'} for hs=1 with "
    "negative=0, or {objective='hierarchical_softmax+negative_sampling'} for both at once",
    "loss": "use {objective}: 'negative_sampling' is fastText's ns, 'hierarchical_softmax' its hs, and 'softmax' its "
    "softmax",
    "max_vocab_size": "use {max_vocab}, which limits the finished vocabulary",
    "trim_rule": "trim rules are not available: use {min_count} and {max_vocab}, or remove words from the corpus",
    "hashfxn": "no hash function is used, and {seed} alone determines the random vectors: leave it out",
    "null_word": "no null word is added: leave it out",
    "sorted_vocab": "the vocabulary is always sorted by descending count: leave it out",
    "read_vocab": "the vocabulary is counted from the corpus: leave it out, or see Word2Vec.from_counts in Python",
    "comment": "a model has no comment: leave it out",
    "classes": "word classes are not available: cluster the vectors after training",
    "numPartitions": "use {workers}, the number of threads, or train on several machines: see docs/cluster.md",
    "maxSentenceLength": "sentences may have any length: leave it out",
    "outputCol": "vectors are rows of a matrix and not a column: leave it out",
    "wordNgrams": "word n-grams are not available: leave it out, or join words in the corpus, as in new_york",
    "output": ("call model.save(path) after fit", "use --output"),
    "binary": (
        "choose the format when you save: model.wv.save_word2vec_format(path, binary=True)",
        "the suffix of the output file sets the format (.bin is binary, .txt is text); or use --format",
    ),
    "save_vocab": (
        "save the model, which has the counts, or call model.wv.save_word2vec_format(path, fvocab=path_of_counts)",
        "write the native format, which has the counts",
    ),
    "compute_loss": (
        "the loss is always computed: leave it out, and read model.history",
        "the loss is always computed and printed: leave it out",
    ),
    "callbacks": (
        "give the callbacks to fit: fit(corpus, callbacks=[function])",
        "callbacks are Python functions: use Word2Vec(...).fit(corpus, callbacks=[function]) in Python",
    ),
    **dict.fromkeys(
        ["sentences", "corpus_file", "corpus_iterable", "train", "input", "inputCol"],
        ("give the corpus to fit: Word2Vec(...).fit(corpus)", "give the corpus as an argument: firth train CORPUS"),
    ),
    **dict.fromkeys(
        ["report_delay", "debug", "verbose"],
        ("give progress to fit: fit(corpus, progress=False) shows nothing", "use --quiet or --no-progress"),
    ),
    **dict.fromkeys(
        ["min_n", "max_n", "minn", "maxn"],
        (
            "give the shortest and the longest n-gram together, as in subwords=(3, 6)",
            "give the shortest and the longest n-gram together, as in --subwords 3-6",
        ),
    ),
    "word_ngrams": "give {subwords} for character n-grams; word n-grams are not available",
    **dict.fromkeys(["minCountLabel", "label", "label_prefix"], "labels are not available: leave it out"),
    **dict.fromkeys(["total_examples", "total_words"], "fit counts the corpus itself: leave it out"),
    **dict.fromkeys(["batch_words", "queue_factor"], "training divides its work automatically: leave it out"),
    **dict.fromkeys(
        ["lrUpdateRate", "lr_update_rate"], "the learning rate is updated throughout training: leave it out"
    ),
    **dict.fromkeys(
        ["pretrainedVectors", "pretrained_vectors"],
        ("give the vectors to fit: fit(corpus, init=path)", "use --init"),
    ),
    **{name: f"use {{{ours}}}" for ours, names in _SAME.items() for name in names.split()},
}

PHRASES = {
    "sentences": "give the corpus to fit: Phrases(...).fit(corpus)",
    "max_vocab_size": "use max_vocab",
    "common_terms": "use connector_words",
    "progress_per": "give progress to fit: fit(corpus, progress=False) shows nothing",
}
"""Options of gensim's Phrases, and what to use instead in firth's."""

WALKS = {"num_walks": "use walks_per_node", "number_walks": "use walks_per_node"}
"""Options of node2vec and DeepWalk programs, and what to use instead in `RandomWalks`."""

FOREIGN_NAMES = frozenset(_ANSWERS)
"""The names that `answer` accepts."""


def answer(name: str) -> str:
    """Return what to use instead of another program's option, one of `FOREIGN_NAMES`."""
    text = _ANSWERS[name]
    return advice(*text) if isinstance(text, tuple) else re.sub(r"\{(\w+)(?:=([^}]+))?\}", _named, text)


def _named(found: re.Match[str]) -> str:
    return option(found[1], found[2])
