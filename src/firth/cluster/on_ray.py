"""Trains on a Ray cluster: checks, starts a member on each node, and starts them again after a failure.

    prepare_cluster_run  checks the arguments, before Ray is imported
    open_cluster_run     joins the cluster, and yields a `ClusterRun`
    ClusterRun           trains; its records and its model file are those of a run on one machine

If a process or a node stops, the processes of all members are ended, and new ones are started on the nodes that are
left. They read the text again and continue from the last checkpoint. What is lost is the work since then.
"""

import dataclasses
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import NamedTuple

from firth.cluster.actors import ActorHandle, Place, reserved, started_members
from firth.cluster.arguments import Cluster
from firth.cluster.checkpoints import ClusterCheckpointer
from firth.cluster.expected import validation_memory
from firth.cluster.handles import call_all, call_each
from firth.cluster.joining import Joined, joined
from firth.cluster.machines import check_machines, describe_software
from firth.cluster.member_process import MEMBER
from firth.cluster.objectives import AnyTrainer, expected_bytes, make_trainer, memory_needed
from firth.cluster.reading import CorpusReader, check_texts
from firth.cluster.setup import Setup, check_options
from firth.cluster.text import ClusterText
from firth.cluster.validating import Validation
from firth.errors import ClusterError, MemberLostError
from firth.formats.shards import open_shards
from firth.messages import counted, option
from firth.options import Options
from firth.resources import available_cores
from firth.text import Corpus
from firth.text.reading import return_free_memory
from firth.training.loop.progress import Reporter, reporter
from firth.training.loop.signals import terminating
from firth.training.loop.start import Start
from firth.training.loop.trainer import EpochRecord, records
from firth.training.registry import objective_of
from firth.training.run import Saving, Texts, apply_start, report_reading, report_start

MODEL = "model.firth"
"""The name of the file in the folder of a run that its members write the model to."""

_MOST_FAILURES = 3  # one after the other, without a checkpoint between them


class ClusterPlan(NamedTuple):
    """A run on a cluster whose arguments were checked, before the cluster is joined.

    workers  threads on each node; None for as many as it has cores
    start    the vectors to start from, on the machine of the driver
    """

    texts: Texts
    options: Options
    workers: int | None
    saving: Saving
    report: Reporter
    cluster: Cluster
    start: Start | None = None

    @property
    def has_checkpoints(self) -> bool:
        """Whether the folder of the run holds a checkpoint."""
        return self.saving.folder is not None and any(Path(self.saving.folder).glob("checkpoint-*.firth"))


def prepare_cluster_run(
    texts: Texts,
    options: Options,
    workers: int | None,
    saving: Saving,
    cluster: Cluster,
    *,
    progress: bool | None,
    start: Start | None = None,
) -> ClusterPlan:
    """Return the plan of a run on a cluster; raise the errors that can be found before it is joined."""
    check_options(options, cluster.nodes)
    saving.check()
    check_texts(texts, node_files=cluster.node_files, apart=saving.folder)
    if start is not None:
        start.check(options)
    return ClusterPlan(texts, options, workers, saving, reporter(progress), cluster, start)


class ClusterRun:
    """A training run on a cluster; `epochs` trains.

    writes_each_epoch  write the model after each epoch, and not only after the last
    """

    def __init__(self, plan: ClusterPlan, cluster: Joined, checkpointer: ClusterCheckpointer):
        self._plan, self._joined, self._checkpointer = plan, cluster, checkpointer
        self.writes_each_epoch = False
        self.summary: dict[str, int] = {}  # counts of what was read, dropped and replaced
        self.model = checkpointer.folder / MODEL  # the file that the members write
        self._yielded = 0
        self._failures: list[str] = []  # since the last checkpoint
        self._validation = Validation(plan.texts, plan.options, plan.report)
        self._reader = CorpusReader(plan.texts, plan.options, plan.cluster, plan.saving.folder, plan.report)

    @property
    def history(self) -> list[EpochRecord]:
        """The records of the epochs done, by this run and by the run that it resumed."""
        return records(self._checkpointer.history, "the checkpoint")

    def epochs(self) -> Generator[EpochRecord, None, None]:
        """Train, yielding the record of each epoch; closing the iterator stops training.

        Raises `ClusterError` after several failures without a checkpoint between them.
        """
        self._yielded = len(self._checkpointer.history)
        is_restart = False
        while True:
            try:
                yield from self._attempt(is_restart=is_restart)
                return
            except MemberLostError as error:
                self._note(error)
            is_restart = True
            self._checkpointer.find_newest()

    def close(self) -> None:
        """Free the texts that the driver has read."""
        self._validation.close()
        self._reader.close()

    def _attempt(self, *, is_restart: bool) -> Iterator[EpochRecord]:
        plan, nodes = self._plan, None if self._plan.cluster.node_files else self._plan.cluster.nodes
        with ExitStack() as stack:
            place = stack.enter_context(reserved(self._joined, nodes, plan.workers, fewer=is_restart))
            handles = stack.enter_context(started_members(self._joined, place))
            self._check(handles, place)
            handles, text = self._read(handles)
            setup = self._set_up(handles, text, place.workers)
            members = [handle.part(MEMBER) for handle in handles]
            trainer = self._trainer(members, setup, text.corpus)
            validate = self._validation.prepare(members, setup, text.corpus)
            trained = []
            for record in map(validate, trainer.epochs()):
                trained.append(record)
                self._checkpointer.history.append(record.to_dict())
                if record.epoch > self._yielded:
                    if self.writes_each_epoch:
                        self._write_model(handles, text)
                    self._yielded = record.epoch
                    yield record
            self._write_model(handles, text)
            self._report_sent(trainer, setup, trained)

    def _check(self, handles: list[ActorHandle], place: Place) -> None:
        """Raise `ClusterError` unless all nodes compute the same bits, ask for a token and see the folder."""
        with NamedTemporaryFile(dir=self._checkpointer.folder, prefix="seen-by-all-nodes-") as file:
            try:
                reports = call_all(handles, "report", file.name)
            except MemberLostError as error:
                if "No module named" in str(error):
                    raise ClusterError(f"a node cannot import firth: install it on every node. {error}") from error
                raise
        for host, report in zip(place.hosts, reports, strict=True):
            if not report.sees_folder:
                raise ClusterError(
                    f"the node {host} does not see the folder {self._checkpointer.folder}: give "
                    f"{option('checkpoint')}, a folder that all nodes share"
                )
            if not report.asks_for_token and not self._plan.cluster.insecure:
                raise ClusterError(
                    f"Ray on the node {host} does not ask for a token: start it with RAY_AUTH_MODE=token, or give "
                    f"{option('insecure', True)} if nobody else can reach it"
                )
        names = [handle.name for handle in handles]
        check_machines(dict(zip(names, [report.machine for report in reports], strict=True)), describe_software())

    def _read(self, handles: list[ActorHandle]) -> tuple[list[ActorHandle], ClusterText]:
        """Return the members in the order of the corpus, and the text to train on, of which each has a part."""
        plan = self._plan
        handles, text = self._reader.read(handles)
        if not self.summary:
            self.summary = {name: value for name, value in vars(text.corpus).items() if isinstance(value, int)}
            report_reading(text.corpus, plan.report)
        text, held_out = self._validation.hold_out(text)
        self._checkpointer.check_corpus(text.corpus, held_out, plan.start)
        return handles, text

    def _set_up(self, handles: list[ActorHandle], text: ClusterText, workers: int) -> Setup:
        """Let each node allocate its rows, and tell each the addresses of all."""
        corpus = text.corpus
        setup = Setup(
            corpus.vocabulary.counts,
            self._plan.options,
            corpus.tokens.n_words,
            corpus.raw_words,
            corpus.tokens.longest,
            text.token_blocks,
        )
        setup.check()
        self._plan.report.show(f"training on {counted(len(handles), 'node')}")
        needed = memory_needed(corpus, setup, workers)
        if self._plan.texts.validation is not None:
            needed |= validation_memory(setup)
        addresses = call_each(handles, "open_member", [(handle.number, setup, needed) for handle in handles])
        call_all(handles, "connect", addresses)
        return setup

    def _trainer(self, members: list[ActorHandle], setup: Setup, corpus: Corpus) -> AnyTrainer:
        """Return what trains, from the last checkpoint or from the start."""
        plan, is_resumed = self._plan, self._checkpointer.resumed is not None
        trainer = make_trainer(members, setup, plan.report, self._checkpointer)
        if plan.start is not None:
            rows = plan.start.rows_of(corpus.vocabulary)
            if "started" not in self.summary:  # as it is after a failure
                self.summary |= report_start(rows, plan.start, corpus, plan.report)
            apply_start(rows, trainer, is_resumed=is_resumed)
        return trainer

    def _write_model(self, handles: list[ActorHandle], text: ClusterText) -> None:
        """Let the members write the model, with the history so far."""
        vocabulary, options = text.corpus.vocabulary, self._plan.options
        history = [dataclasses.replace(record, seconds=None).to_dict() for record in self.history]
        with open_shards(
            self.model,
            keys=vocabulary.index_to_key,
            vector_size=options.vector_size,
            counts=vocabulary.counts,
            options=options.to_dict(),
            history=history,
        ) as shards:
            written = call_all(handles, "write_rows", shards.target)
            shards.finish([shard for each in written for shard in each])
        return_free_memory()

    def _report_sent(self, trainer: AnyTrainer, setup: Setup, trained: list[EpochRecord]) -> None:
        """Show how much the members sent to each other, and in a run of whole epochs how much was expected."""
        sent, expected = sum(trainer.sent_bytes.values()), expected_bytes(setup, trained)
        is_whole = len(trained) == setup.options.epochs
        note = f", expected {expected / 1e6:,.1f} MB" if is_whole and expected is not None else ""
        self._plan.report.show(f"members sent {sent / 1e6:,.1f} MB to each other{note}")

    def _note(self, error: MemberLostError) -> None:
        """Report a failure; raise `ClusterError` if there were too many without progress."""
        if self._checkpointer.has_advanced():
            self._failures.clear()
        self._failures.append(str(error))
        if len(self._failures) >= _MOST_FAILURES:
            raise ClusterError(
                f"members of the cluster stopped {_MOST_FAILURES} times without a checkpoint between them. The last "
                f"error: {error}"
            ) from error
        self._plan.report.show(f"{error}. Training starts again from the last checkpoint")


@contextmanager
def open_cluster_run(plan: ClusterPlan) -> Iterator[ClusterRun]:
    """Join the cluster, and lock the folder of the run, for the `with` block; no process is left after it."""
    with ExitStack() as stack:
        stack.enter_context(terminating())
        stack.enter_context(plan.report)
        folder = plan.saving.folder or stack.enter_context(TemporaryDirectory(prefix="firth-cluster-"))
        checkpointer = ClusterCheckpointer(
            folder,
            plan.options,
            plan.report,
            matrices=objective_of(plan.options).state_matrices,
            minutes=plan.saving.minutes,
            resume=plan.saving.resume,
        )
        stack.enter_context(checkpointer)
        nodes = plan.cluster.nodes or 1
        plan.report.stage("joining", None)
        cluster = stack.enter_context(joined(plan.cluster, plan.workers or max(1, available_cores() // nodes)))
        if cluster.is_local:
            plan.report.show(f"started a cluster of {counted(nodes, 'node')} on this machine")
        run = ClusterRun(plan, cluster, checkpointer)
        stack.callback(run.close)
        yield run
