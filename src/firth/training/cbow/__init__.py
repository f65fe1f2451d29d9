"""CBOW: the words around a position predict the word in its middle."""
