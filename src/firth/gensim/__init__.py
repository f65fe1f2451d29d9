"""gensim's classes and functions, by the names and with the arguments of gensim 4.4, on top of firth.

A script moves by changing its imports: `from gensim.models import Word2Vec` becomes `from firth.gensim import
Word2Vec`, and `gensim.models.word2vec` becomes `firth.gensim.word2vec`. Nothing here trains: the classes call the
public API of firth. What that does not have raises `NotAvailableError`, with what to use instead. Every difference is
listed in docs/coming-from-gensim.md. gensim itself is not needed.
"""

from firth.gensim.callbacks import CallbackAny2Vec
from firth.gensim.corpora import BrownCorpus, LineSentence, PathLineSentences, Text8Corpus
from firth.gensim.fasttext import FastText, load_facebook_model, load_facebook_vectors, save_facebook_model
from firth.gensim.keyedvectors import KeyedVectors
from firth.gensim.phrases import ENGLISH_CONNECTOR_WORDS, FrozenPhrases, Phraser, Phrases
from firth.gensim.vocabulary import RULE_DEFAULT, RULE_DISCARD, RULE_KEEP
from firth.gensim.word2vec import Word2Vec

__all__ = [
    "Word2Vec", "FastText", "load_facebook_model", "load_facebook_vectors", "save_facebook_model", "KeyedVectors",
    "Phrases", "Phraser", "FrozenPhrases", "ENGLISH_CONNECTOR_WORDS", "LineSentence", "PathLineSentences",
    "Text8Corpus", "BrownCorpus", "CallbackAny2Vec", "RULE_DEFAULT", "RULE_DISCARD", "RULE_KEEP",
]  # fmt: skip
