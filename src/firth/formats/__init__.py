"""How vectors are written down: one module per on-disk format, each opening with its byte layout.

Modules here take and return plain arrays and lists; they know nothing of models or queries.
"""
