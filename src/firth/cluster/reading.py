"""How the text of a run reaches its members: in files that all nodes see, in files of each node, or from the driver."""

import os

from firth.cluster.actors import ActorHandle
from firth.cluster.arguments import Cluster
from firth.cluster.file_shares import SharePlan, plan_shares
from firth.cluster.handles import call_each
from firth.cluster.member_process import TEXT
from firth.cluster.node_files import NodeFiles, checked_paths
from firth.cluster.sent_text import send_text
from firth.cluster.text import ClusterText, read_shares
from firth.errors import OptionError
from firth.options import Options
from firth.resources import available_cores
from firth.text import Corpus, GeneratedCorpus, check_validation, read_corpus
from firth.text.inputs import files_of
from firth.text.opening import is_regular
from firth.text.sequences import Sequences
from firth.text.sources import is_files
from firth.training.loop.progress import Reporter
from firth.training.run import Texts


def are_regular_files(texts: Texts) -> bool:
    """Return whether the corpus is regular files, which several machines can read."""
    return is_files(texts.corpus) and all(map(is_regular, files_of(texts.corpus, texts.how)))


def check_texts(texts: Texts, *, node_files: bool, apart: str | os.PathLike[str] | None) -> None:
    """Raise the errors that can be found before the cluster is joined; `apart` is the folder of the checkpoints."""
    if node_files:
        checked_paths(texts.corpus)
        check_validation(texts.validation, texts.how, apart=apart)
        return
    if isinstance(texts.corpus, GeneratedCorpus) and not isinstance(texts.corpus, Sequences):
        raise OptionError(
            f"a corpus of type {type(texts.corpus).__name__} is not available on a cluster: it is made anew in every "
            "epoch, in the threads that train. Train on one machine"
        )
    texts.check(apart)
    if are_regular_files(texts):
        plan_shares(texts.corpus, texts.how, 1)


class CorpusReader:
    """Reads the corpus of a run, each time that members are started; `folder` is that of the checkpoints."""

    def __init__(
        self,
        texts: Texts,
        options: Options,
        cluster: Cluster,
        folder: str | os.PathLike[str] | None,
        report: Reporter,
    ):
        self._texts, self._options, self._cluster, self._report = texts, options, cluster, report
        self._node_files = NodeFiles(texts, folder, report) if cluster.node_files else None
        self._corpus: Corpus | None = None  # if the driver reads it

    def read(self, handles: list[ActorHandle]) -> tuple[list[ActorHandle], ClusterText]:
        """Return the members in the order of the corpus, and the corpus, of which each has a part."""
        self._report.stage("reading", None)
        if self._node_files is None and not are_regular_files(self._texts):
            return handles, send_text(handles, [handle.part(TEXT) for handle in handles], self._read_here())
        handles, shares = self._shares(handles)
        how = self._texts.how
        call_each(handles, "open_text", [(files, self._options, how) for files in shares.files])
        parts = [handle.part(TEXT) for handle in handles]
        text = read_shares(parts, self._options, how, repeats=shares.repeats, progress=self._report.advance)
        return handles, text

    def close(self) -> None:
        """Free the corpus, if the driver has read it."""
        if self._corpus is not None:
            self._corpus.tokens.close()

    def _read_here(self) -> Corpus:
        if self._corpus is None:
            self._corpus = read_corpus(
                self._texts.corpus,
                self._options,
                self._texts.how,
                workers=available_cores(),
                progress=self._report.advance,
            )
        return self._corpus

    def _shares(self, handles: list[ActorHandle]) -> tuple[list[ActorHandle], SharePlan]:
        """Return the members in the order of the corpus, and the files that each of them reads."""
        if self._node_files is None:
            return handles, plan_shares(self._texts.corpus, self._texts.how, len(handles))
        self._node_files.check_number(self._cluster.nodes, len(handles))
        order, shares = self._node_files.find(handles, [handle.host for handle in handles])
        return [handles[node].numbered(number) for number, node in enumerate(order)], shares
