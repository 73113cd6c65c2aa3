"""Computes what the first layers make of each training text, once, so that training only runs the others.

    python states.py WEIGHTS LAYERS OUT.npz < texts.jsonl       a line a text: {"text": …}
"""

import html
import json
import re
import sys

import jax
import numpy as np

import net
from e5 import E5

SIZES = [8, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128]  # tokens; a text is padded to the next, so that few shapes are compiled


def plain(s):
    """The text without markup, links and handles, as package plain has it."""
    if re.search(r"</?(p|br|b|i|a|div|span|blockquote|em|strong)\b", s, re.I):
        s = re.sub(r"<[^>]{0,200}>", " ", s)
    s = html.unescape(s)
    s = re.sub(r"https?://\S+|\bwww\.\S+|\bhttp\b", " ", s)
    s = re.sub(r"(?<!\S)#(?=\w)", "", re.sub(r"(?<!\w)@\w+", " ", s))
    return re.sub(r"\s+", " ", s).strip()


def states(m, texts, kept):
    """A float16 array of tokens × 384 for each text."""
    ids = [m.tokens("query: " + plain(t), SIZES[-1]) for t in texts]
    out = [None] * len(ids)
    f = jax.jit(lambda x, k: net.layers(m.layers[:kept], x, k))
    for size in SIZES:
        some = [i for i in range(len(ids)) if out[i] is None and len(ids[i]) <= size]
        for a in range(0, len(some), 64):
            part = some[a : a + 64]
            x, k = np.zeros((64, size, 384), np.float32), np.zeros((64, size), bool)
            k[:, 0] = True
            for j, i in enumerate(part):
                x[j, : len(ids[i])], k[j, : len(ids[i])] = m.embedded(ids[i]), True
            y = np.asarray(f(x, k)).astype(np.float16)
            for j, i in enumerate(part):
                out[i] = y[j, : len(ids[i])]
        print(size, "tokens:", sum(o is not None for o in out), "of", len(out), file=sys.stderr, flush=True)
    return out


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    got = states(E5(sys.argv[1]), [json.loads(line)["text"] for line in sys.stdin], int(sys.argv[2]))
    np.savez(sys.argv[3], lens=np.array([len(o) for o in got], np.int32), states=np.concatenate(got))
