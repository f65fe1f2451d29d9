"""A user's script, which `make lint` checks with a strict type checker; it is never run."""

from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import firth
from firth import KeyedVectors, OptionError, Phrases, Word2Vec

model = Word2Vec(vector_size=50, window=3, epochs=2, objective="softmax", schedule="blocks", seed=3, max_vocab=None)
assert_type(model.fit("corpus.txt", validation=0.1, callbacks=lambda m: m.history[-1].loss < 2.0), Word2Vec)
model.fit([["a", "b"], ["c", "d"]], progress=False, overwrite=True)
model.fit([Path("a.txt"), "b.txt.gz"], tokenizer=str.split, checkpoint=Path("run"), resume=True)
model.fit(np.zeros((3, 4), np.int64), offsets=[0, 2], validation=np.ones(3, np.int32), kernels="reference")
assert_type(model.outside, NDArray[np.float32])
assert_type(model.corpus["raw_words"], int)
for record in model.history:
    assert_type(record.epoch, int)
    assert_type(record.loss, float)
    assert_type(record.end_loss, float | None)

wv = model.wv
assert_type(wv, KeyedVectors)
vector = wv["king"]
print(vector.shape, vector @ wv["queen"])
for word, score in wv.most_similar(positive=["king", "woman"], negative=["man"], topn=5):
    assert_type(word, str | int)
    assert_type(score, float)
assert_type(wv.most_similar_batch(["king", "queen"], topn=3), list[list[tuple[str | int, float]]])
assert_type(wv.similarity("a", "b"), float)
means, unknown = wv.mean_vectors([["a", "b"], ["c"]], return_unknown=True)
print(wv.mean_vectors([["a"]]).shape, means.shape, unknown.sum(), wv.mean_vectors([["a"]], [[0.5]]).dtype)
print(wv.distance("a", "b") + wv.n_similarity(["a"], ["b", "c"]), wv.doesnt_match(["a", "b", "c"]), wv.rank("a", "b"))
print(wv.vector_size + 1, len(wv), "a" in wv, wv.index_to_key[0], wv.key_to_index["a"] + 1, wv.vectors.shape)
print(wv.evaluate_word_analogies("questions.txt").score + 1.0, wv.evaluate_word_pairs("pairs.tsv").spearman)
wv["new"] = np.zeros(50)
wv.add_vectors(["x", "y"], np.zeros((2, 50), np.float32))

model.save("model.firth")
loaded = firth.load("model.firth")
assert_type(loaded, Word2Vec | KeyedVectors)
if isinstance(loaded, Word2Vec):
    assert_type(loaded.options.vector_size, int)
assert_type(Word2Vec.load("model.firth"), Word2Vec)
vectors = KeyedVectors.load(Path("vectors.txt"))
vectors.save("vectors.arrow", "arrow")
KeyedVectors(["a", "b"], np.zeros((2, 3), np.float32), counts=[1, 2]).save_word2vec_format("v.bin", binary=True)

phrases = Phrases(min_count=3, threshold=0.5, scoring="npmi", connector_words={"of", "the"}, max_vocab=None)
assert_type(phrases.fit(["a.txt", Path("b.txt")], tokenizer=str.split, progress=False), Phrases)
Phrases(connector_words="english").fit([["new", "york"]]).save("phrases.firth")
assert_type(Phrases.load("phrases.firth").scores, dict[str, float])
assert_type(phrases.counts["new_york"] + phrases.corpus["vocab_size"], int)
assert_type(phrases.join(["new", "york"]), list[str])
for sentence in phrases.transform("corpus.txt"):
    assert_type(sentence, list[str])
phrases.fit(phrases.transform([["new", "york"]]))
model.fit(phrases.transform("corpus.txt"), overwrite=True)

try:
    Word2Vec(vector_size=0)
except OptionError as error:
    print(error)
