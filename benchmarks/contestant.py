"""The child process of a benchmark: trains one program once, saves its vectors, and reports the measurements.

Vectors are saved as word2vec binary; with subwords, the whole model as fastText's `.bin`.

    python contestant.py firth|gensim version           # load it and print its version
    python contestant.py firth|gensim train JOB.json    # the job of `runner.run`

Imports are inside the functions, so that neither program pays for loading the other.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

Record = dict[str, float]


def train_firth(job: dict[str, Any]) -> Record:
    """Train firth as its users do; its history has the seconds of training, without compiling."""
    clock = Clock()
    from firth import Word2Vec

    record = {"import_seconds": clock.lap()}
    model = Word2Vec(**job["options"], workers=job["workers"]).fit(job["corpus"], progress=False)
    record |= {"fit_seconds": clock.lap(), "train_seconds": sum(epoch.seconds for epoch in model.history)}
    if "subwords" in job["options"]:
        model.save_fasttext(job["vectors"])
    else:
        model.wv.save_word2vec_format(job["vectors"], binary=True)
    return record | {
        "save_seconds": clock.lap(),
        "vocabulary": len(model.wv),
        "epochs": len(model.history),
    }


def train_gensim(job: dict[str, Any]) -> Record:
    """Train gensim by its fastest way, `corpus_file`; `train_seconds` excludes building the vocabulary."""
    clock = Clock()
    from gensim.models import FastText, Word2Vec  # type: ignore[import-untyped]
    from gensim.models.fasttext import save_facebook_model  # type: ignore[import-untyped]

    record = {"import_seconds": clock.lap()}
    has_subwords = "subwords" in job["options"]
    model = (FastText if has_subwords else Word2Vec)(workers=job["workers"], **gensim_options(job["options"]))
    model.build_vocab(corpus_file=job["corpus"])
    prepare_seconds = clock.lap()
    _, raw_words = model.train(
        corpus_file=job["corpus"],
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=model.epochs,
    )
    train_seconds = clock.lap()
    record |= {"fit_seconds": prepare_seconds + train_seconds, "train_seconds": train_seconds}
    if has_subwords:
        save_facebook_model(model, job["vectors"])
    else:
        model.wv.save_word2vec_format(job["vectors"], binary=True)
    return record | {
        "save_seconds": clock.lap(),
        "vocabulary": len(model.wv),
        "epochs": model.epochs,
        "raw_words": raw_words,
    }


def gensim_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return gensim's names and values for the architecture and the objective of firth's; skip-gram if not given."""
    translated = ("architecture", "objective", "subwords", "buckets")
    rest = {name: value for name, value in options.items() if name not in translated}
    if "subwords" in options:
        rest |= dict(zip(("min_n", "max_n", "bucket"), (*options["subwords"], options["buckets"]), strict=True))
    is_skip_gram = options.get("architecture", "skip_gram") == "skip_gram"
    if options.get("objective") == "hierarchical_softmax":
        rest["negative"] = 0
    return {"sg": int(is_skip_gram), "hs": int(rest.get("negative") == 0), **rest}


class Clock:
    """A stop-watch."""

    def __init__(self) -> None:
        self.last = time.perf_counter()

    def lap(self) -> float:
        """Return the seconds since the last lap, or the start."""
        now = time.perf_counter()
        seconds, self.last = now - self.last, now
        return seconds


def version(program: str) -> str:
    """Return the version of a program, after loading all that its training loads."""
    if program == "firth":
        import firth.model

        return firth.__version__
    import gensim  # type: ignore[import-untyped]

    return str(gensim.__version__)


def main() -> None:
    """Run the action of the command line."""
    program, action, *job_file = sys.argv[1:]
    if action == "version":
        print(version(program))
        return
    job = json.loads(Path(job_file[0]).read_text(encoding="utf-8"))
    train = {"firth": train_firth, "gensim": train_gensim}[program]
    Path(job["record"]).write_text(json.dumps(train(job)), encoding="utf-8")


if __name__ == "__main__":
    main()
