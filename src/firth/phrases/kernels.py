# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls
"""The loops over the ids of a corpus, compiled by Numba: numbering candidates, and joining phrases.

A candidate is two words with nothing or a run of connector words between them. Runs are numbered by a trie: node 0 is
the empty run, and a child is its parent's run with one more connector word. The trie is a `connectors.RunTable`.

Kernels do not check their arguments: `counting` and `joining` do.
"""

import numpy as np

from firth.compiling.kernel import helper, kernel
from firth.sorted_runs import lower_bound
from firth.text import END

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@helper()
def _child(table, node, connector, insert):
    """Return the child of `node` for a connector word; -1 if there is none and it may not or cannot be inserted."""
    key = np.int64(node) << np.int64(32) | np.int64(connector)
    mask = np.uint64(len(table.keys) - 1)
    slot = np.int64((np.uint64(key) * _GOLDEN >> np.uint64(32)) & mask)
    while table.keys[slot] >= 0:
        if table.keys[slot] == key:
            return np.int64(table.nodes[slot])
        slot = np.int64(np.uint64(slot + 1) & mask)
    new = np.int64(table.size[0])
    if not insert or new == len(table.parents):
        return np.int64(-1)
    table.keys[slot] = key
    table.nodes[slot] = new
    table.parents[new] = node
    table.connectors[new] = connector
    table.size[0] = new + 1
    return new


@kernel()
def insert_runs(table, parents, connectors, n):
    """Insert nodes 1 to n - 1 into an empty table, which has room for them; numbers stay the same."""
    for node in range(1, n):
        _child(table, parents[node], connectors[node], True)


@kernel()
def write_candidates(tokens, start, first, node, is_connector, table, bits, entries, n):
    """Append the candidates of `tokens[start:]` to `entries`; return (number of entries, position, first, node).

    tokens        (n_tokens,) int32 ids and ENDs
    first, node   the last word that is not a connector, -1 if the sentence has none yet, and the run after it
    is_connector  (V,) bool
    table         new runs are inserted; if it is full, the kernel stops at `position`: enlarge it and continue there
    bits          an entry is node << 2 * bits | first << bits | second, and then << 1 | 1
    entries       int64, with room for a candidate of each token
    """
    for i in range(start, len(tokens)):
        word = np.int64(tokens[i])
        if word == END:
            first = np.int64(-1)
        elif is_connector[word]:
            if first >= 0:
                child = _child(table, node, word, True)
                if child < 0:
                    return n, i, first, node
                node = child
        else:
            if first >= 0:
                entries[n] = (node << 2 * bits | first << bits | word) << 1 | 1
                n += 1
            first, node = word, np.int64(0)
    return n, len(tokens), first, node


@helper()
def _find(keys, low, high, key):
    """Return the index of `key` in keys[low:high], which ascend, or -1."""
    at = lower_bound(keys, low, high, key)
    return at if at < high and keys[at] == key else -1


@kernel()
def join(tokens, is_connector, table, bits, rows, keys, joined, out):
    """Copy ids to `out`, each phrase as one id, from left to right; return (ids written, position, phrases).

    tokens, is_connector  as in `write_candidates`
    table                 the runs of all phrases; nothing is inserted
    rows                  (V + 1,) int64: the phrases that begin with word w are rows[w]:rows[w + 1]
    keys, joined          (n_phrases,) int64 node << bits | last word, ascending in each row, and int32 ids
    out                   int32, as long as `tokens`

    If the tokens end inside a sentence, tokens from `position` on are not in `out`: they may begin a phrase.
    """
    first = np.int64(-1)
    node = np.int64(0)
    position = n = start = phrases = 0
    for i in range(len(tokens)):
        word = np.int64(tokens[i])
        out[n] = word
        n += 1
        if word == END:
            first = np.int64(-1)
        elif is_connector[word]:
            if first >= 0:
                node = _child(table, node, word, False)
                if node < 0:  # no phrase has this run
                    first = np.int64(-1)
        else:
            found = -1
            if first >= 0:
                found = _find(keys, rows[first], rows[first + 1], node << bits | word)
            if found >= 0:
                out[start] = joined[found]
                n = start + 1
                phrases += 1
                first = np.int64(-1)
            else:
                first, node, position, start = word, np.int64(0), i, n - 1
    if first < 0:
        return n, len(tokens), phrases
    return start, position, phrases
