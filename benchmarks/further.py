"""Quality of further training: `fit` on the first half of a text and `partial_fit` on the second, against one `fit`.

    python benchmarks/further.py TEXT --analogies questions-words.txt --pairs wordsim353.tsv --pairs simlex999.txt

TEXT has one sentence per line. Analogies are evaluated among the 30,000 most frequent words.
"""

import argparse
import tempfile
from pathlib import Path

from firth import Word2Vec

MOST_FREQUENT = 30_000


def halves(text: Path, folder: Path) -> tuple[Path, Path]:
    """Write the first and the second half of the lines of `text` to two files."""
    with text.open("rb") as lines:
        n_lines = sum(1 for _ in lines)
    first, second = folder / "first.txt", folder / "second.txt"
    with text.open("rb") as lines, first.open("wb") as one, second.open("wb") as other:
        for number, line in enumerate(lines):
            (one if number < n_lines // 2 else other).write(line)
    return first, second


def show(name: str, model: Word2Vec, analogies: Path, pairs: list[Path]) -> None:
    """Print the scores of a model."""
    model.wv.sort_by_descending_frequency()
    answers = model.wv.evaluate_word_analogies(analogies, restrict_vocab=MOST_FREQUENT)
    scores = [f"{100 * answers[0]:.1f} % of {answers.covered:,} analogies"]
    scores += [f"{each.stem} {100 * model.wv.evaluate_word_pairs(each)[1][0]:.1f}" for each in pairs]
    print(f"{name:40} {len(model.wv):8,} words  {'  '.join(scores)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--analogies", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, action="append", default=[])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        first, second = halves(given.text, Path(name))
        for seed in given.seeds:
            compare(first, second, given, Path(name, "half.firth"), seed)


def compare(first: Path, second: Path, given: argparse.Namespace, saved: Path, seed: int) -> None:
    """Print the scores of one fit on both halves, of the first half, and of the second half after it."""
    sets = given.analogies, given.pairs
    show(f"seed {seed}: fit on the whole text", Word2Vec(seed=seed).fit(given.text, progress=False), *sets)
    half = Word2Vec(seed=seed).fit(first, progress=False)
    half.save(saved)
    show("fit on the first half", half, *sets)
    for average in (True, False):
        model = Word2Vec.load(saved).partial_fit(second, update_vocab=True, average=average, progress=False)
        show(f"then the second half, average={average}", model, *sets)


if __name__ == "__main__":
    main()
