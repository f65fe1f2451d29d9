"""Word2Vec: options, vocabulary, both matrices and their history; fit, save, load.

Reading, training and file formats are imported by the functions that use them, so that loading vectors starts fast.
"""

import dataclasses
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Never, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import CheckpointError, CorpusError, DivergenceError, FirthError, FormatError, OptionError
from firth.markup import table
from firth.messages import counted, option
from firth.options import Options
from firth.resources import checked_workers
from firth.training.loop.history import History
from firth.vectors import KeyedVectors
from firth.vectors.growing import GrowingArray

if TYPE_CHECKING:
    from firth.cluster.on_ray import ClusterPlan, ClusterRun
    from firth.text import CorpusInput
    from firth.training.arguments import Callbacks
    from firth.training.loop.engine import Kernels
    from firth.training.loop.start import Start
    from firth.training.loop.state import Checkpointer
    from firth.training.loop.trainer import EpochRecord
    from firth.training.run import Plan, Run

Callback: TypeAlias = Callable[["Word2Vec"], object]

_OPTIONS = {field.name for field in dataclasses.fields(Options)}
_MOST_LOADED = 2**27  # bytes of a file that the members of a cluster wrote; a larger one is mapped
_NO_CORPUS: Any = object()  # marks that `fit` was called without a corpus


class Word2Vec:
    """Skip-gram and CBOW: learns a vector for every word of a corpus.

    The loss of a pair of a center word c and an outside word o, with K noise words w_k, is (Mikolov et al. 2013,
    arXiv:1310.4546, eq. 4; in NumPy: `firth.objectives.negative_sampling`)

        J = -log sigma(u_o . v_c) - sum_k log sigma(-u_k . v_c)

    with `objective="hierarchical_softmax"`, over the nodes on the path of o in a Huffman tree (in NumPy:
    `firth.objectives.hierarchical_softmax`)

        J = -sum_j log sigma((1 - 2 b_j) q_j . v_c), b_j the child that the path takes at node j, 0 or 1

    with `objective="hierarchical_softmax+negative_sampling"` the sum of these two (`firth.objectives.both_losses`), and
    with `objective="softmax"` (in NumPy: `firth.objectives.naive_softmax`)

        J = -u_o . v_c + log sum_w exp(u_w . v_c), each score plus log P of its word if `unigram_intercept`

    With `architecture="cbow"`, o is the word in the middle of a window, and the mean h of the vectors of the M words
    around it, or their sum, takes the place of v_c (in NumPy: `firth.objectives.cbow`). A step adds -eta dJ/dh to each
    of these vectors. For the sum that is the gradient step. For the mean it is M times as long, as in word2vec.c.

    Keywords are the fields of `Options`, and `workers`, the number of threads (None: all cores that this process
    may use). The constructor only checks and stores them; `fit` does the work.

    Attributes after `fit` or `load`:
      wv       KeyedVectors: the words and the rows v of the center matrix, (V, D) float32; for CBOW, the matrix of
               the contexts
      outside  the rows u of the outside matrix, (V, D) float32, in the order of the words of `wv`
      nodes    for hierarchical softmax instead of `outside`, and for both at once in addition to it: the rows q of the
               inner nodes of the tree, (V - 1, D)
      history  a list of `EpochRecord`, one per epoch: losses (nats per pair), pairs, words, seconds, learning rate
      corpus   dict: counts of what was read, dropped and replaced

    `wv` may be edited after `fit`: sorting it or adding words changes `outside` too, and not `nodes`.

    Raises `OptionError` for an unknown option, suggesting the nearest, and for a value out of range.
    """

    def __init__(
        self,
        *corpus: Never,
        vector_size: int = 100,
        architecture: Literal["skip_gram", "cbow"] = "skip_gram",
        cbow_mean: bool = True,
        objective: Literal[
            "negative_sampling", "hierarchical_softmax", "hierarchical_softmax+negative_sampling", "softmax"
        ] = "negative_sampling",
        window: int = 5,
        shrink_windows: bool = True,
        negative: int = 5,
        ns_exponent: float = 0.75,
        sample: float = 0.001,
        min_count: int = 5,
        max_vocab: int | None = None,
        schedule: Literal["auto", "blocks", "hogwild"] = "auto",
        blocks: int = 16,
        unigram_intercept: bool = True,
        center_power: float = 0.5,
        warm_epochs: int = 3,
        subwords: tuple[int, int] | None = None,
        buckets: int = 2_000_000,
        epochs: int = 5,
        alpha: float | None = None,
        min_alpha: float = 0.0001,
        seed: int = 1,
        lowercase: bool = False,
        workers: int | None = None,
        **unknown: Never,
    ):
        options = {name: value for name, value in locals().items() if name in _OPTIONS}
        if corpus:
            raise OptionError("Word2Vec takes only options: give the corpus to fit, as Word2Vec(...).fit(corpus)")
        for name in unknown:
            for method in ("fit", "partial_fit"):
                if name in _arguments(method):
                    raise OptionError(
                        f"{name} is an argument of {method} and not an option of Word2Vec: give it to {method}"
                    )
        self.options = Options.from_dict(options | unknown)
        self.workers = checked_workers(workers)
        self._workers_given = workers is not None
        self.history: list[EpochRecord] = History()
        self.corpus: dict[str, int] = {}
        self._wv: KeyedVectors | None = None
        self._outside: GrowingArray | None = None
        self._nodes: NDArray[np.float32] | None = None
        self._is_training = False
        self._is_unfinished = False  # whether `partial_fit` was interrupted

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_is_training": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state | {"history": History(state["history"])}
        if self._wv is not None and self._outside is not None:
            self._wv.move_with(self._outside)

    @classmethod
    def from_counts(cls, counts: Mapping[str, int] | Mapping[int, int], **options: Any) -> Self:
        """Return an untrained model of these words, in this order, for `partial_fit`.

          counts   the words, or whole numbers, and how often each occurs; most frequent first is best for queries
                   with `restrict_vocab`. Neither `min_count` nor `max_vocab` is applied
          options  those of the constructor

        Center vectors are random and outside vectors zero, as at the start of `fit`. `partial_fit` with
        `update_counts=False` on the corpus that was counted trains the same vectors as `fit`. Raises `OptionError` for
        an option that is not allowed, for the softmax, which needs the corpus, and for wrong counts.
        """
        from firth.starting import checked_counts, untrained

        model = cls(**options)
        model._hold(*untrained(checked_counts(counts), model.options))
        return model

    def fit(
        self,
        corpus: "CorpusInput" = _NO_CORPUS,
        *,
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        column: str | int | None = None,
        encoding: str = "utf-8",
        offsets: Sequence[int] | NDArray[np.integer[Any]] | None = None,
        validation: "CorpusInput | float | None" = None,
        callbacks: Callback | Iterable[Callback] = (),
        progress: bool | None = None,
        max_input_bytes: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_minutes: float | None = None,
        resume: bool = False,
        overwrite: bool = False,
        init: "str | os.PathLike[str] | KeyedVectors | Word2Vec | None" = None,
        freeze: bool | Iterable[Any] = False,
        kernels: "Kernels" = "compiled",
        cluster: str | None = None,
        nodes: int | None = None,
        insecure: bool = False,
        node_files: bool = False,
        **unknown: Never,
    ) -> Self:
        """Read a corpus and train on it from the start, or from a checkpoint; return this model.

          corpus     a path, a list of paths, a folder, a glob pattern, "-" for standard input, or an open file; a table
                     or a column of one (Parquet, Arrow, CSV, JSON Lines, pandas, polars, Hugging Face datasets); an
                     iterable of texts or token lists, read once; or integer sequences (see `firth.text.read_corpus`)
          column     the column of a table that holds the sentences: texts, lists of words, or lists of integers. Null
                     rows are skipped and counted in `corpus["null_rows"]`
          tokenizer  function from a line or row of text to its words; None splits at whitespace
          encoding   that of text files, such as "latin-1"; invalid bytes become U+FFFD and are counted
          offsets    where sentences begin in a flat integer array
          validation a fraction of the corpus to set aside, or a corpus of its own, read like the other: after every
                     epoch the loss of its pairs (for CBOW, of at most 20,000 pairs) is added to the history: the exact
                     softmax's, whatever the objective, but for hierarchical softmax its own
          callbacks  a function, or several: each is called with this model after every epoch; training stops when
                     one returns True (other true values do not count)
          progress   None shows a bar on a terminal, one output that updates in a notebook, and a line every ten
                     seconds elsewhere; False shows nothing. The logger "firth" has the same lines at level INFO
          max_input_bytes     limit on decompressed bytes of the corpus's files, and of the validation's; None: no limit
          checkpoint          a folder for checkpoints: one is written every `checkpoint_minutes` (None: 10), at the end
                              of each epoch and at an interrupt, atomically; the last two are kept
          resume              resume from the newest sound checkpoint, or start if there is none yet; callbacks then
                              run again for an epoch that no checkpoint recorded
          overwrite           replace the vectors that this model already holds, because `fit` does not train them
                              further, as `partial_fit` does; not needed for a resume. The old vectors stay in memory
                              until training starts
          init                vectors that words of the corpus start from, instead of random ones: `KeyedVectors`, a
                              model, or a file of either in any format, whose vectors have `vector_size` numbers. A
                              model's outside vectors are used too. `corpus["started"]` counts the words found
          freeze              words of `init` whose vectors in `wv` stay as they are, to the bit; True for all of them.
                              Their outside vectors are trained. With subwords, the rows of their n-grams stay too,
                              and `init` must have the same n-grams. `corpus["frozen"]` counts the frozen words
          kernels             "reference" trains in plain NumPy: equal results up to rounding, about a thousand times
                              slower; `firth.training.negative_sampling.reference` explains how to step through it
          cluster             train on a Ray cluster: its address, such as "10.0.0.1:6379", or "auto" for the one that
                              runs on this machine, or for a new one if none runs. Needs `pip install 'firth[ray]'`
          nodes               how many of its machines train, each with `workers` threads; None: all that have cores
          insecure            train also on a cluster that does not ask for a token
          node_files          the files of the corpus are on the disks of the nodes: each node looks up its paths, and
                              reads those that it alone has. False: all nodes see all files

        On a cluster, all nodes must see the files of the corpus and the folder `checkpoint`. A corpus that is not files
        is read by this process and sent to the members. They write the model to that folder as `model.firth`, after the
        last epoch and, for callbacks, after each. `wv` is read from it; if it is larger than 128 MiB, it is mapped,
        read-only. An interrupt leaves the last checkpoint.

        The same seed, options and corpus give the same bytes on any number of workers (on one with
        `schedule="hogwild"`, which CBOW and subwords always have and hierarchical softmax has by default), however
        often the run was interrupted and resumed. An interrupt (Ctrl-C, and SIGTERM while training) stops within two
        seconds, writes a checkpoint if the tasks under way end within one second, keeps the vectors trained so far, and
        is re-raised, with a text that says what was kept. Keys, rows and vectors of `wv` cannot be edited until `fit`
        returns; a callback may edit a copy. If reading fails, training diverges or there are no pairs, this model is
        unchanged.

        Raises `OptionError` for a value that is not allowed, and if this model holds vectors that would be replaced
        without `overwrite=True`; `CorpusError` if there is nothing to train on, `NotEnoughMemoryError` before
        allocating what would not fit, `DivergenceError` if the loss becomes infinite or NaN, `OSError` if the folder
        cannot be created or written to, `ClusterError` if the cluster cannot be joined, is not safe or fails again and
        again, and `CheckpointError` if another run uses the folder, if it holds checkpoints and `resume` is False, or
        if they are of other options, another corpus or other versions of the software; the message shows the
        difference.
        """
        from firth.cluster.arguments import checked_cluster
        from firth.text import ReadOptions
        from firth.training.run import Saving, Texts, plan_run

        checked_callbacks = self._checked_call("fit", corpus, callbacks, unknown)
        texts = Texts(corpus, validation, ReadOptions(tokenizer, offsets, column, encoding, max_input_bytes))
        saving = Saving(checkpoint, checkpoint_minutes, resume)
        start = self._start_of(init, freeze, mapped=cluster is not None)
        where = checked_cluster(cluster, nodes, insecure, node_files)
        if where is not None:
            from firth.cluster.arguments import refuse_reference
            from firth.cluster.on_ray import prepare_cluster_run

            refuse_reference(kernels)
            threads = self.workers if self._workers_given else None
            prepared = prepare_cluster_run(texts, self.options, threads, saving, where, progress=progress, start=start)
            self._check_overwrite(overwrite, resume, prepared)
            return self._fit_on_cluster(prepared, checked_callbacks)
        plan = plan_run(texts, self.options, self.workers, saving, progress=progress, kernels=kernels, start=start)
        self._check_overwrite(overwrite, resume, plan.checkpointer)
        return self._fit(plan, checked_callbacks)

    def partial_fit(
        self,
        corpus: "CorpusInput" = _NO_CORPUS,
        epochs: int | None = None,
        *,
        alpha: float | None = None,
        min_alpha: float | None = None,
        update_vocab: bool = False,
        update_counts: bool = True,
        average: bool = True,
        freeze: bool | Iterable[Any] = False,
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        column: str | int | None = None,
        encoding: str = "utf-8",
        offsets: Sequence[int] | NDArray[np.integer[Any]] | None = None,
        validation: "CorpusInput | float | None" = None,
        callbacks: Callback | Iterable[Callback] = (),
        progress: bool | None = None,
        max_input_bytes: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_minutes: float | None = None,
        resume: bool = False,
        kernels: "Kernels" = "compiled",
        **unknown: Never,
    ) -> Self:
        """Train this fitted or loaded model further, on a corpus; return this model.

          epochs        passes over the corpus; None: those of `options`
          alpha, min_alpha
                        learning rates at the start and the end of this call; None: those of `options`. Not for the
                        softmax, whose further training has rates of its own
          update_vocab  add words that occur `min_count` times in this corpus, after the others, the most frequent
                        first, at most `max_vocab` words in all. Their vectors start as those of a new model: random
                        center vectors, and outside vectors of zero. Otherwise unknown words are skipped and counted
          update_counts  add the counts of this corpus to those of `wv`. Subsampling and noise words follow the sums.
                        Give False to train for more epochs on the same corpus, which was counted before. For
                        hierarchical softmax they are added only with `update_vocab`, because they make its tree
          average       at the end, average both matrices with their values before the call, in proportion to the
                        words counted before and in this call: the result comes close to one fit on all the text.
                        With False the vectors adapt to this corpus, and part of what they encoded is lost
          freeze        words whose vectors in `wv` stay as they are, to the bit; True for all words that the model
                        has. Their outside vectors, or the nodes, are trained. With subwords, the rows of their
                        n-grams stay too

        All other arguments are those of `fit`, and so are the errors. Both matrices continue from their values, as
        edited since; rows keep their order. Callbacks, the records and an interrupted call have vectors before the
        average. New records follow those in `history`. `wv` and `outside` are new objects, and the old ones do not
        change.

        With hierarchical softmax and `update_vocab`, words are sorted by count again, and the nodes of the new tree
        start at zero. Otherwise nodes continue from their values, unless words were added to `wv`.

        The same sequence of `fit` and `partial_fit` gives the same bytes on any number of workers. A call with
        `checkpoint` keeps the model as it was before the call in the folder, as `start.firth`. To resume an interrupted
        call, repeat it with `resume=True`: on this model, on the model as it was before the call, or, in a new process,
        on an unfitted model with the same options.
        """
        from firth.starting import continued_options, start_of_model
        from firth.text import ReadOptions
        from firth.training.run import Saving, Texts, plan_run

        checked_callbacks = self._checked_call("partial_fit", corpus, callbacks, unknown)
        origin = self._origin(checkpoint) if resume and isinstance(checkpoint, (str, os.PathLike)) else self
        done = len(origin.history)
        options = continued_options(self.options, done, epochs=epochs, alpha=alpha, min_alpha=min_alpha)
        start = start_of_model(
            origin.wv, origin._outputs, self.options, done,
            update_vocab=update_vocab, update_counts=update_counts, average=average, freeze=freeze,
        )  # fmt: skip
        texts = Texts(corpus, validation, ReadOptions(tokenizer, offsets, column, encoding, max_input_bytes))
        saving = Saving(checkpoint, checkpoint_minutes, resume)
        plan = plan_run(texts, options, self.workers, saving, progress=progress, kernels=kernels, start=start)
        return self._fit(plan, checked_callbacks, origin)

    def _origin(self, folder: str | os.PathLike[str]) -> "Word2Vec":
        """Return the model that the call to resume began with: the one that is kept in the folder, or this one.

        The kept one is taken if this model has no vectors, or if it was trained further from the kept one. Raises
        `CheckpointError` if the kept one has other options, and `FormatError` if its file is damaged.
        """
        from firth.training.loop.checkpoint import START

        path = Path(folder) / START
        if not path.exists():
            return self
        kept = Word2Vec.load(path)
        if self._wv is not None and not self._continues(kept):
            return self
        if kept.options != self.options:
            raise CheckpointError(
                f"{path}, with which the call to resume began, has other options than this model: give "
                f"{option('resume', True)} on a model with the same options, or name another folder"
            )
        if self._wv is not None:  # a file has no attributes of words
            own = self._wv.key_to_index
            rows = [row for row, key in enumerate(kept.wv.index_to_key) if key in own]
            sources = [own[kept.wv.index_to_key[row]] for row in rows]
            kept.wv.inherit_attributes(self._wv, np.array(rows, np.intp), np.array(sources, np.intp))
        return kept

    def _continues(self, earlier: "Word2Vec") -> bool:
        """Return whether this model was trained further from an earlier one, as far as words and history show."""
        own, theirs = ([dataclasses.replace(r, seconds=None) for r in each.history] for each in (self, earlier))
        is_longer = len(own) > len(theirs) or self._is_unfinished
        has_words = earlier.wv.key_to_index.keys() <= self.wv.key_to_index.keys()
        return is_longer and has_words and own[: len(theirs)] == theirs

    def _checked_call(self, method: str, corpus: Any, callbacks: Any, unknown: Iterable[str]) -> "Callbacks[Self]":
        """Raise `OptionError` for unknown arguments, no corpus, or wrong callbacks; return the callbacks."""
        from firth.training.arguments import Callbacks, refuse_unknown

        refuse_unknown(unknown, _arguments(method), method)
        if corpus is _NO_CORPUS:
            raise OptionError(
                f"{method} needs a corpus: give a path, a table, an iterable of token lists, or integer sequences"
            )
        return Callbacks(callbacks)

    def _start_of(
        self,
        init: "str | os.PathLike[str] | KeyedVectors | Word2Vec | None",
        freeze: bool | Iterable[Any],
        *,
        mapped: bool,
    ) -> "Start | None":
        from firth.starting import start_of_vectors

        if init is None:
            if freeze is not False:
                raise OptionError(
                    f"{option('freeze')} keeps vectors of {option('init')} as they are: give {option('init')}, or "
                    f"leave {option('freeze')} out"
                )
            return None
        if isinstance(init, Word2Vec):
            return start_of_vectors(init.wv, self.options, init._outputs[0], freeze)
        return start_of_vectors(init, self.options, freeze=freeze, mapped=mapped)

    def _check_overwrite(self, overwrite: bool, resume: bool, saved: "Checkpointer | ClusterPlan") -> None:
        if self._wv is None or overwrite or saved.has_checkpoints or self._is_training:
            return
        without = ", and there is no checkpoint to resume" if resume else ""
        raise OptionError(
            f"this model already holds the vectors of {counted(len(self._wv), 'word')}. fit trains from the start and "
            f"would replace them{without}. To train them further, call partial_fit; to train from the start, fit a new "
            "model with the same options, Word2Vec(**model.options.to_dict()), or give overwrite=True"
        )

    def _fit(self, plan: "Plan", callbacks: "Callbacks[Self]", origin: "Word2Vec | None" = None) -> Self:
        """Train; the matrices of the run replace those that this model held before.

        `origin` is the model that the run trains further, this one or another.
        """
        from firth.training.loop.signals import explained
        from firth.training.run import open_run

        vectors = self._wv
        with self._alone(), explained(lambda: self._kept(plan, vectors), self), open_run(plan) as run:
            before = self._wv, self._outside, self._nodes, self.history, self.corpus
            was_unfinished = self._is_unfinished
            extended = origin if plan.extends else None
            earlier = [] if extended is None else extended.history[: run.earlier_epochs]
            if extended is not None:
                run.checkpointer.keep_start(extended.save)
            self._hold(_vectors_of(run, extended), run.trainer.outside, run.trainer.nodes)
            self._is_unfinished = extended is not None
            self.history, self.corpus = History([*earlier, *run.history]), run.summary
            try:
                with self.wv.in_training(), closing(run.epochs()) as epochs:
                    for record in epochs:
                        self.wv.forget_norms()
                        self.history.append(record)
                        if callbacks(self):
                            break
                    run.finish()
                self._is_unfinished = False
            except (CorpusError, DivergenceError) as error:
                if isinstance(error, DivergenceError) or len(self.history) == len(earlier):  # nothing was trained
                    self._wv, self._outside, self._nodes, self.history, self.corpus = before
                    self._is_unfinished = was_unfinished
                raise
        return self

    def _fit_on_cluster(self, plan: "ClusterPlan", callbacks: "Callbacks[Self]") -> Self:
        """Train on a cluster, and hold the model that its members write."""
        from firth.cluster.on_ray import open_cluster_run
        from firth.training.loop.signals import explained

        vectors = self._wv
        with (
            self._alone(),
            explained(lambda: self._kept_by_cluster(plan, vectors), self),
            open_cluster_run(plan) as run,
        ):
            run.writes_each_epoch = bool(callbacks)
            with closing(run.epochs()) as epochs:
                for _ in epochs:
                    if callbacks:
                        self._hold_written(run)
                        if callbacks(self):
                            return self
            self._hold_written(run)
        return self

    def _hold_written(self, run: "ClusterRun") -> None:
        """Hold the model that the members of a cluster wrote last; a large one is mapped, and its words stay packed."""
        from firth.formats.native import read_native

        is_large = run.model.stat().st_size > _MOST_LOADED
        file = read_native(run.model, mmap=is_large, packed=is_large)
        assert file.outside is not None
        keys: Any = file.keys
        self._hold(KeyedVectors.trusted(keys, file.center, file.counts), file.outside)
        self.history, self.corpus = History(run.history), run.summary

    def _kept_by_cluster(self, plan: "ClusterPlan", before: KeyedVectors | None) -> str:
        """Return what this model holds after an interrupt on a cluster; `before` are its vectors before the call."""
        held = "this model is unchanged" if self._wv is before else "wv holds the vectors of the last callback"
        resume = "; to resume, repeat the call with resume=True" if plan.has_checkpoints else ""
        return f"while the cluster trained: {held}{resume}"

    def _hold(
        self, vectors: KeyedVectors, output: NDArray[np.float32], second: NDArray[np.float32] | None = None
    ) -> None:
        """Hold vectors and the output matrix; the rows of an outside matrix follow the vectors from now on.

        `output` is the outside matrix or, for hierarchical softmax, the nodes. With both, `second` are the nodes.
        """
        self._wv, self._outside, self._nodes = vectors, None, second
        if self.options.has_outside:
            self._outside = GrowingArray(output)
            vectors.move_with(self._outside)
        else:
            self._nodes = output

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Raise `FirthError` for another `fit` of this model, from a callback or another thread, during this one."""
        if self._is_training:
            raise FirthError(
                "this model is being trained: use another model, or call fit again after this call returns"
            )
        self._is_training = True
        try:
            yield
        finally:
            self._is_training = False

    def _kept(self, plan: "Plan", before: KeyedVectors | None) -> str:
        """Return when an interrupt came and what this model holds; `before` are its vectors before the call."""
        if self._wv is before:
            return "before training: this model is unchanged"
        if not self._is_trained():
            return "before training: wv holds the vectors that training starts from"
        done = len(self.history) - (0 if plan.start is None else plan.start.epochs)
        epochs = plan.options.epochs
        resume = "; to resume, repeat the call with resume=True" if plan.checkpointer.has_checkpoints else ""
        return f"in epoch {min(done + 1, epochs)} of {epochs}: wv holds the vectors trained so far{resume}"

    def _is_trained(self) -> bool:
        """Return whether training changed anything: until the first update the output matrix is zero."""
        return any(matrix is not None and matrix.any() for matrix in self._outputs)

    @property
    def _outputs(self) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
        """The outside matrix and the nodes, None for one that the objective does not have; raises before `fit`."""
        options = self.options
        return self.outside if options.has_outside else None, self.nodes if options.has_nodes else None

    @property
    def wv(self) -> KeyedVectors:
        """The trained vectors; raises `FirthError` before `fit`."""
        if self._wv is None:
            raise FirthError("this model has no vectors yet: call fit(corpus) first, or load a saved model")
        return self._wv

    @property
    def outside(self) -> NDArray[np.float32]:
        """The (V, D) float32 outside matrix, in the order of the words of `wv`.

        The row of a word that was added to `wv` is zero, as all rows are when negative sampling starts: its score
        with every center is 0. Raises `FirthError` before `fit`, and for hierarchical softmax, which has `nodes`.
        """
        self.wv  # noqa: B018 - raises if there are no vectors
        if self._outside is None:
            raise FirthError(
                "hierarchical softmax has no outside matrix: use model.nodes, the vectors of the nodes of its tree"
            )
        return self._outside.rows

    @property
    def nodes(self) -> NDArray[np.float32]:
        """The (V - 1, D) float32 vectors of the inner nodes of the Huffman tree, if the objective has one.

        Row i is node i of `firth.objectives.huffman_tree` of the counts of the V words that were trained on, in their
        order. Editing `wv` does not change it. Raises `FirthError` before `fit`, and for the other objectives.
        """
        self.wv  # noqa: B018 - raises if there are no vectors
        if self._nodes is None:
            raise FirthError(
                f"objective={self.options.objective!r} has no tree, so there are no nodes: use model.outside"
            )
        return self._nodes

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole model to one safetensors file, atomically.

        Raises `FirthError` before `fit`, and `OptionError` if `wv.index_to_key` was edited by hand and does not fit
        the matrices.
        """
        from firth.formats.native import ComposedVectors, write_native

        self.wv.check_rows()
        outside, nodes = self._outputs
        write_native(
            path,
            keys=self.wv.index_to_key,
            center=ComposedVectors(self.wv.vectors, self.wv.subwords),
            outside=outside,
            nodes=nodes,
            counts=self.wv.counts,
            options=self.options.to_dict(),
            history=[dataclasses.replace(record, seconds=None).to_dict() for record in self.history],
        )

    def save_fasttext(self, path: str | os.PathLike[str]) -> None:
        """Write the whole model in fastText's `.bin`, atomically; fastText and gensim's `load_facebook_model` read it.

        See `firth.formats.fasttext.write_fasttext`. Raises `FirthError` before `fit`, `FormatError` for a word with
        whitespace in it, and `OptionError` if `wv` was edited so that its counts no longer fit the tree of hierarchical
        softmax, and for a model of two objectives, whose two output matrices the format has no room for.
        """
        from firth.formats import write_vectors

        wv = self.wv
        wv.check_rows()
        outside, nodes = self._outputs
        parts = {"subwords": wv.subwords, "options": self.options.to_dict(), "outside": outside, "nodes": nodes}
        write_vectors(path, "fasttext-bin", wv.index_to_key, wv.vectors, wv.counts, **parts)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model that `save` wrote; raises `FormatError` for any other kind of file, or a damaged one."""
        model = load(path)
        if not isinstance(model, cls):
            raise FormatError(
                f"{os.fspath(path)} holds vectors without a model: use KeyedVectors.load, or start a new model from "
                "them, Word2Vec(...).fit(corpus, init=path)"
            )
        return model

    def __repr__(self) -> str:
        size = counted(len(self._wv), "word") if self._wv is not None else "not fitted"
        return f"<Word2Vec: {size}, vector_size={self.options.vector_size}>"

    def _repr_html_(self) -> str:
        """Return the size, the last loss, and the options that differ from the defaults, for notebooks."""
        defaults = Options().to_dict()
        options = [(name, value) for name, value in self.options.to_dict().items() if value != defaults[name]]
        loss = [("loss of the last epoch", f"{record.loss:.4f}") for record in self.history[-1:]]
        words = [] if self._wv is None else [("words", f"{len(self._wv):,}")]
        epochs = [("epochs trained", len(self.history))]
        caption = "Word2Vec" if words else "Word2Vec: not fitted"
        return table([*words, *epochs, *loss, *options], caption=caption)


def load(path: str | os.PathLike[str]) -> Word2Vec | KeyedVectors:
    """Read any file in firth's own format: a `Word2Vec` if it holds a model, `KeyedVectors` if vectors alone.

    Raises `FormatError` if it is another kind of file, or damaged.
    """
    from firth.formats.native import read_native
    from firth.training.loop.trainer import records

    file = read_native(path)
    vectors = KeyedVectors.trusted(list(file.keys), file.center, file.counts, file.subwords)  # keys were checked
    found = {"outside": file.outside, "nodes": file.nodes}
    outputs = {name: matrix for name, matrix in found.items() if matrix is not None}
    if not outputs or file.options is None:
        return vectors
    dtypes = [matrix.dtype.name for matrix in (file.center, *outputs.values())]
    if set(dtypes) != {"float32"}:
        raise FormatError(
            f"{os.fspath(path)} holds a model in {' and '.join(dtypes)}, and a model's matrices "
            "must be float32: read its vectors with KeyedVectors.load"
        )
    model = Word2Vec(**file.options)
    if (model.options.has_outside, model.options.has_nodes) != ("outside" in outputs, "nodes" in outputs):
        raise FormatError(
            f"{os.fspath(path)} holds a model with objective={model.options.objective!r} and the matrix "
            f"{' and '.join(map(repr, outputs))}, which belongs to another objective"
        )
    model._hold(vectors, *outputs.values())
    model.history = History(records(file.history or [], os.fspath(path)))
    return model


def _vectors_of(run: "Run", extended: Word2Vec | None) -> KeyedVectors:
    """Return the words and the center vectors of a run; attributes of words of the model that it extends are kept."""
    vocabulary = run.corpus.vocabulary
    counts = vocabulary.counts.copy()  # so that callbacks cannot change the counts used in training
    vectors = KeyedVectors(vocabulary.index_to_key, run.trainer.center, counts)
    vectors.subwords = run.trainer.subwords
    if extended is not None and run.start_rows is not None:
        vectors.inherit_attributes(extended.wv, run.start_rows.rows, run.start_rows.sources)
    return vectors


def _arguments(method: str) -> list[str]:
    """Return the names of the arguments of a method of `Word2Vec`."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(getattr(Word2Vec, method)).parameters
    return [name for name, given in parameters.items() if given.kind in kinds][1:]
