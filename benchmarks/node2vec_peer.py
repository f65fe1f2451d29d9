"""The other side of `node2vec.py`: PecanPy's walks and gensim's skip-gram, in an environment of their own.

    python node2vec_peer.py EDGES VECTORS JOB

JOB is JSON with p, q, walks_per_node, walk_length, vector_size, window, negative, epochs, seed and workers. Prints the
seconds of each step as JSON. It needs only PecanPy, which brings gensim, and not firth.
"""

import json
import sys
import time


def main() -> None:
    """Read the edges, make the walks, train on them, and save the vectors in word2vec's binary format."""
    started = time.perf_counter()
    edges, vectors, job = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    import numba  # type: ignore[import-untyped]
    from gensim.models import Word2Vec  # type: ignore[import-untyped]
    from pecanpy import pecanpy  # type: ignore[import-not-found]

    laps = {"import": time.perf_counter()}
    numba.set_num_threads(job["workers"])
    is_first_order = job["p"] == job["q"] == 1
    kind = pecanpy.FirstOrderUnweighted if is_first_order else pecanpy.SparseOTF
    graph = kind(p=job["p"], q=job["q"], workers=job["workers"], random_state=job["seed"])
    graph.read_edg(edges, weighted=False, directed=False)
    laps["read"] = time.perf_counter()
    walks = graph.simulate_walks(job["walks_per_node"], job["walk_length"] - 1)  # its length counts steps
    laps["walks"] = time.perf_counter()
    model = Word2Vec(
        walks,
        sg=1,
        min_count=0,
        sample=0,
        **{name: job[name] for name in ("vector_size", "window", "negative", "epochs", "seed", "workers")},
    )
    laps["train"] = time.perf_counter()
    model.wv.save_word2vec_format(vectors, binary=True)
    laps["save"] = time.perf_counter()
    times = [started, *laps.values()]
    print(json.dumps({name: end - begin for name, begin, end in zip(laps, times, times[1:], strict=False)}))


if __name__ == "__main__":
    main()
