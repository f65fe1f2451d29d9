"""Reading text: files, tables, token lists and integer arrays become a vocabulary and a token store.

`inputs` decides what a corpus is. `sources` finds files, `kinds` tells what is in them, `opening` reads their bytes,
and `sources` cuts text into chunks (`arrays` does the same for integers). `files` and `tables` open files of tables,
`frames` tables in memory; `columns` and `objects` make lines of text of their rows. `encoding` numbers the words of one
chunk; `word_lists` gives it those of columns of lists; `sentences` does the same for Python objects and for a caller's
tokenizer. `merging` merges these numberings, in order, into one of the whole corpus; `word_table` holds the distinct
words of text meanwhile. `choosing` drops rare words. `store` keeps the ids, `vocabulary` the words.

`table_columns` reads several columns of a whole table, of which `sequences` makes the sessions of a table of events.
"""

from firth.text.choosing import KnownWords
from firth.text.corpus import Corpus, CorpusInput, GeneratedCorpus
from firth.text.holdout import check_validation, hold_out
from firth.text.how import ReadOptions
from firth.text.ids import END
from firth.text.reading import check_corpus, read_corpus
from firth.text.store import BLOCK_WORDS, TokenStore
from firth.text.vocabulary import Vocabulary

__all__ = [
    "read_corpus", "check_corpus", "ReadOptions", "check_validation", "hold_out", "Corpus", "CorpusInput",
    "GeneratedCorpus", "KnownWords", "Vocabulary", "TokenStore", "END", "BLOCK_WORDS",
]  # fmt: skip
