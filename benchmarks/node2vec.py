"""Times node2vec end to end in firth and in PecanPy with gensim, on one graph, and compares the link prediction.

    python benchmarks/node2vec.py --peer-python /path/to/python-with-pecanpy [--nodes 100000] [--edges 1000000]

The graph is drawn from a degree-corrected stochastic block model. A tenth of its edges is hidden. Both programs read
the other edges from the same file, make walks with the same p, q, number and length, train skip-gram with the same
options on the same number of threads, and save the vectors. The time is that of the whole process, from start to exit.

Link prediction: for the hidden edges and as many pairs of nodes without an edge, whose ends are drawn from those of the
edges, a logistic regression on the products of the coordinates (half of the pairs to train on, half to test), and the
cosine alone. AUC is the probability that an edge gets a higher score than another pair.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth import KeyedVectors

Pairs = NDArray[np.int64]

INSIDE = 0.8  # share of edges inside a community
COMMUNITY = 100  # nodes of a community, on average
HIDDEN = 0.1  # share of edges to predict
PEER = Path(__file__).with_name("node2vec_peer.py")


class Split(NamedTuple):
    """The edges to train on, the hidden edges, and pairs of nodes without an edge; each (n, 2)."""

    shown: Pairs
    hidden: Pairs
    others: Pairs


def draw_graph(n_nodes: int, n_edges: int, seed: int) -> Split:
    """Draw distinct edges without self-loops: degrees follow a power law, and most edges stay in a community."""
    rng = np.random.default_rng(seed)
    weights = rng.pareto(2.5, n_nodes) + 1
    community = np.sort(rng.integers(0, max(1, n_nodes // COMMUNITY), n_nodes))
    sums = np.append(0, np.cumsum(weights))
    first, last = (np.searchsorted(community, community, side=side) for side in ("left", "right"))
    codes = np.empty(0, np.int64)
    while len(codes) < n_edges:
        source = np.searchsorted(sums, rng.random(n_edges) * sums[-1], side="right") - 1
        is_inside = rng.random(n_edges) < INSIDE
        low, high = (np.where(is_inside, sums[bound[source]], total) for bound, total in ((first, 0), (last, sums[-1])))
        target = np.searchsorted(sums, low + rng.random(n_edges) * (high - low), side="right") - 1
        pairs = np.sort(np.stack([source, target], axis=1), axis=1)[source != target]
        codes = np.unique(np.append(codes, pairs[:, 0] * n_nodes + pairs[:, 1]))
    codes = rng.permutation(codes)[:n_edges]
    edges = np.stack(np.divmod(codes, n_nodes), axis=1)
    cut = int(HIDDEN * n_edges)
    others = rng.permuted(edges, axis=0)[: 2 * cut]
    keys = others.min(axis=1) * n_nodes + others.max(axis=1)
    others = others[~np.isin(keys, codes) & (others[:, 0] != others[:, 1])][:cut]
    return Split(edges[cut:], edges[:cut], others)


def auc(scores: NDArray[Any], is_edge: NDArray[np.bool_]) -> float:
    """Return the area under the receiver operating characteristic, by the ranks of the scores (Mann and Whitney)."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores, kind="stable")] = np.arange(1, len(scores) + 1)
    n = int(is_edge.sum())
    return float((ranks[is_edge].sum() - n * (n + 1) / 2) / (n * (len(scores) - n)))


def link_prediction(vectors: Path, split: Split) -> dict[str, float]:
    """Return the AUC of a logistic regression and of the cosine, on pairs whose nodes all have vectors."""
    from sklearn.linear_model import LogisticRegression

    wv = KeyedVectors.load_word2vec_format(vectors, binary=True)
    pairs, is_edge = np.concatenate([split.hidden, split.others]), np.arange(len(split.hidden) + len(split.others))
    row = np.full(int(pairs.max()) + 1, -1)
    for key, i in wv.key_to_index.items():
        if int(key) < len(row):
            row[int(key)] = i
    known = (row[pairs] >= 0).all(axis=1)
    products = wv.vectors[row[pairs[known][:, 0]]] * wv.vectors[row[pairs[known][:, 1]]]
    labels = (is_edge < len(split.hidden))[known]
    order = np.random.default_rng(1).permutation(len(labels))
    train, test = np.array_split(order, 2)
    scale = products[train].std(axis=0) + 1e-12
    fitted = LogisticRegression(max_iter=200).fit(products[train] / scale, labels[train])
    norms = np.linalg.norm(wv.vectors, axis=1)
    cosines = products.sum(axis=1) / (norms[row[pairs[known][:, 0]]] * norms[row[pairs[known][:, 1]]])
    return {
        "logistic": auc(fitted.decision_function(products[test] / scale), labels[test]),
        "cosine": auc(cosines[test], labels[test]),
    }


def run_firth(edges: Path, vectors: Path, job: dict[str, Any]) -> float:
    """Run `firth node2vec`; return the seconds of the process."""
    flags = [word for name, value in job.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = [sys.executable, "-m", "firth", "node2vec", str(edges), "-o", str(vectors), "--no-progress", *flags]
    return timed([*command, "--format", "word2vec-binary"], os.environ.copy())[0]


def run_peer(python: str, edges: Path, vectors: Path, job: dict[str, Any]) -> float:
    """Run PecanPy and gensim; print the seconds of each step, and return those of the process."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    seconds, out = timed([python, str(PEER), str(edges), str(vectors), json.dumps(job)], clean)
    steps = json.loads(out.splitlines()[-1])
    print("  PecanPy + gensim: " + ", ".join(f"{name} {value:.1f} s" for name, value in steps.items()), flush=True)
    return seconds


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """Return the wall time of a process and what it printed; raise `SystemExit` with its errors if it fails."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return time.perf_counter() - started, done.stdout


def main() -> None:
    """Draw the graph, run both in turn, and print times, ratios and AUCs."""
    given = arguments()
    names = ("p", "q", "walks_per_node", "walk_length", "vector_size", "window", "negative", "epochs", "workers")
    split = draw_graph(given.nodes, given.edges, given.seed)
    print(f"{given.nodes:,} nodes, {len(split.shown):,} edges to train on, {len(split.hidden):,} hidden", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        edges, ours, theirs = (Path(folder, name) for name in ("edges.txt", "firth.bin", "peer.bin"))
        np.savetxt(edges, split.shown, "%d", "\t")
        ratios = []
        for run in range(given.runs):
            job = {name: getattr(given, name) for name in names} | {"seed": given.seed + run}
            seconds = run_firth(edges, ours, job)
            print(f"run {run + 1}: firth {seconds:.1f} s, AUC {shown(link_prediction(ours, split))}", flush=True)
            if given.peer_python:
                other = run_peer(given.peer_python, edges, theirs, job)
                ratios.append(other / seconds)
                quality = shown(link_prediction(theirs, split))
                print(f"  PecanPy + gensim {other:.1f} s, AUC {quality}: {ratios[-1]:.1f} x", flush=True)
    if ratios:
        print(f"median of {len(ratios)}: firth is {statistics.median(ratios):.1f} times as fast")


def shown(found: dict[str, float]) -> str:
    """Return scores as text."""
    return ", ".join(f"{name} {value:.4f}" for name, value in found.items())


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="the Python of an environment with PecanPy; without it, firth runs alone")
    defaults: dict[str, Any] = {
        "nodes": 100_000, "edges": 1_000_000, "runs": 1, "seed": 1, "p": 1.0, "q": 0.5, "walks_per_node": 10,
        "walk_length": 80, "vector_size": 128, "window": 10, "negative": 5, "epochs": 1, "workers": os.cpu_count() or 1,
    }  # fmt: skip
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=f"(default: {value})")
    return parser.parse_args()


if __name__ == "__main__":
    main()
