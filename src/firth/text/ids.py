"""Token ids: int32, and two that are not words."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ids: TypeAlias = NDArray[np.int32]

END = -1
"""The entry that follows each sentence."""

DROPPED = -2
"""The new id of a word to leave out."""

MOST_IDS = 2**31 - 1
"""The most distinct words of a corpus."""
