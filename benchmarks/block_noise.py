"""Measures how often a word is a noise word under the block schedule, relative to noise from the whole vocabulary.

    python benchmarks/block_noise.py corpus.txt the city king physics guitar --noise the of a more professional

For each center c given and each noise word w this prints the mean, over the partitions that training draws, of

    (n(c, B_w) - n(c, w)) / P_n(B_w) / (N_c - n(c, w)),

beside the value of equation (40a) of docs/derivation.md, and the standard deviation over all words of the logarithm of
this ratio, for the mean and for a single partition.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from firth import Options
from firth.text import read_corpus
from firth.training.negative_sampling import partition
from firth.training.sampling import noise_distribution
from firth.training.softmax.cooccurrence import count_pairs

Floats = NDArray[np.float64]


def one_ratio(block_of: NDArray[np.uint16], P: int, n: Floats, P_n: Floats) -> Floats:
    """Return the ratio of one partition for the outside counts n (V,) of a center, by noise word (V,)."""
    of_block = np.bincount(block_of, n, minlength=P)
    noise_of_block = np.bincount(block_of, P_n, minlength=P)
    return (of_block[block_of] - n) / noise_of_block[block_of] / (n.sum() - n)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("centers", nargs="+")
    parser.add_argument("--noise", nargs="+", required=True)
    parser.add_argument("--partitions", type=int, default=400)
    args = parser.parse_args()

    options = Options()
    corpus = read_corpus(args.corpus, options, workers=2)
    ids, V = corpus.vocabulary.key_to_index, len(corpus.vocabulary)
    P = partition.count_row_blocks(V, partition.extent_of(corpus.tokens, options), options)
    words = partition.words_of(corpus.vocabulary.counts, options)
    P_n = noise_distribution(corpus.vocabulary.counts, options.ns_exponent)
    pairs = count_pairs(corpus.tokens, corpus.vocabulary, options, workers=2)
    drawn = [partition.draw_partition(words, P, 1, 1, chunk).block_of for chunk in range(args.partitions)]
    print(f"{V:,} words, {P} blocks, {args.partitions} partitions")
    for word in args.noise:
        print(f"  {word:<14} P_n {P_n[ids[word]]:.4f}  (40a) {1 / (1 + (P - 1) * P_n[ids[word]]):.3f}")
    for center in args.centers:
        row = slice(*pairs.indptr[ids[center] : ids[center] + 2])
        n = np.zeros(V)
        n[pairs.columns[row]] = pairs.values[row]
        ratios = [one_ratio(block_of, P, n, P_n) for block_of in drawn]
        mean = np.mean(ratios, axis=0)
        shown = "  ".join(f"{word} {mean[ids[word]]:.3f}" for word in args.noise)
        spreads = f"{np.log(mean).std():.3f}, of one partition {np.log(ratios[0]).std():.3f}"
        print(f"center {center:<10} {shown}  deviation {spreads}")


if __name__ == "__main__":
    main()
