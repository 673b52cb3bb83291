"""How deeply a JSON text nests, told from its bytes: no object is built of a text that only wants to be built."""

from __future__ import annotations

import re
from itertools import accumulate

MOST_DEPTH = 128
"""Rich text of the systems we know nests some twenty deep; the parser itself gives up at 200."""

STRING = re.compile(rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?', re.DOTALL)
"""Also one that never ends: whatever the bytes are, each is looked at once."""
OTHERS = bytes(byte for byte in range(256) if byte not in b"[]{}")
STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def is_deeper(text: bytes, most: int = MOST_DEPTH) -> bool:
    """Whether objects and lists stand inside one another more than `most` times. Anything may be given, also no JSON."""
    brackets = STRING.sub(b"", text).translate(None, OTHERS)
    return any(depth > most for depth in accumulate(map(STEPS.__getitem__, brackets)))
