"""Writes internal/vector/model/pieces.bin from what encode.py computed.

    python fit.py ENCODED.npz OUT [--held]

The vector of a text is to be the sum of its pieces' rows, and near to the encoder's vector of it in what is common to
all languages: from the encoder's vectors the mean of the texts of the language is taken. A row is first a linear map of
the encoder's vector of the piece alone, less what tells languages apart, weighed by rarity (smooth inverse frequency,
Arora et al. 2017), then moved towards the texts it stands in; both are ridge regressions. --held keeps a tenth of the
texts for the printed figures.
"""

import argparse
import re
import struct
import unicodedata
import zlib

import numpy as np
from scipy import sparse


DIM, RARE, MAP, MOVE = 96, 1e-3, 1e-3, 0.5  # the last three by the figures of --held


class Pieces:
    """Cuts words as package vector does."""

    def __init__(self, names, score):
        self.at = {p: i for i, p in enumerate(names)}
        self.score = score
        self.longest = max(map(len, names))
        self.known = {}

    def word(self, word):
        if word not in self.known:
            s = "▁" + word
            n = len(s)
            best, frm, tok = [0] + [-(2**31)] * n, [0] * (n + 1), [-1] * (n + 1)
            for i in range(n):
                for e in range(i + 1, min(n, i + self.longest) + 1):
                    t = self.at.get(s[i:e])
                    if t is not None and best[i] - self.score[t] > best[e]:
                        best[e], frm[e], tok[e] = best[i] - self.score[t], i, t
                if best[i] - 30000 > best[i + 1]:
                    best[i + 1], frm[i + 1], tok[i + 1] = best[i] - 30000, i, -1
            ids, p = [], n
            while p > 0:
                if tok[p] >= 0:
                    ids.append(tok[p])
                p = frm[p]
            self.known[word] = ids[::-1]
        return self.known[word]

    def of(self, text):
        text = unicodedata.normalize("NFC", text).lower()
        return [t for w in re.findall(r"[^\W\d_]+", text) if len(w) <= 40 for t in self.word(w)]


def unit(v):
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def ridge(x, y, penalty):
    """The rows that x·rows comes near to y with, by conjugate gradients, each column on its own."""
    rows = np.zeros((x.shape[1], y.shape[1]), np.float32)
    rest = x.T @ y
    step, size = rest.copy(), (rest * rest).sum(0)
    for _ in range(30):
        image = x.T @ (x @ step) + penalty * step
        by = size / np.maximum((step * image).sum(0), 1e-20)
        rows += by * step
        rest -= by * image
        after = (rest * rest).sum(0)
        step = rest + after / np.maximum(size, 1e-20) * step
        size = after
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoded")
    parser.add_argument("out")
    parser.add_argument("--held", action="store_true")
    a = parser.parse_args()
    p = np.load(a.encoded)
    texts, languages, names = p["texts"].tolist(), p["languages"], p["pieces"].tolist()
    score = np.minimum(65535, np.round(-1000 * p["score"].astype(np.float64))).astype(np.uint16)

    # What the encoder says, less what tells languages apart.
    y, e = unit(p["text_vectors"]), unit(p["piece_vectors"])
    means = {l: y[languages == l].mean(0) for l in sorted(set(languages.tolist()))}
    y = y - np.stack([means[l] for l in languages])
    apart = np.stack(list(means.values()))
    _, _, axes = np.linalg.svd(apart - apart.mean(0))
    axes = axes[: len(means) - 1]
    e = e - e.mean(0)
    e -= e @ axes.T @ axes
    y -= y @ axes.T @ axes
    y = unit(y)
    _, axes = np.linalg.eigh(y.T @ y)
    y = unit(y @ axes[:, ::-1][:, : DIM])

    cut = Pieces(names, score.astype(int).tolist())
    ids = [cut.of(x) for x in texts]
    weight = RARE / (RARE + np.exp(p["score"].astype(np.float64)))
    held = np.array([a.held and zlib.crc32(x.encode()) % 10 == 0 for x in texts])
    some = np.array([len(i) > 0 for i in ids])
    rows = np.repeat(np.arange(len(ids)), [len(i) for i in ids])
    columns = np.concatenate([np.array(i, int) for i in ids])
    x = sparse.csr_matrix((weight[columns], (rows, columns)), (len(ids), len(names)))
    x = (sparse.diags(1 / np.maximum(np.asarray(x.sum(1))[:, 0], 1e-9)) @ x).tocsr().astype(np.float32)  # the weighted mean of the pieces
    fit = np.flatnonzero(some & ~held)
    f = x @ e
    m = np.linalg.solve(f[fit].T @ f[fit] + MAP * len(fit) * np.eye(512) / 512, f[fit].T @ y[fit])
    r = e @ m

    def figures(what, r):
        if not a.held:
            return
        z = unit(x @ r)
        for l in sorted(means):
            h = np.flatnonzero(held & some & (languages == l))
            print("%s %s %.3f" % (what, l, (z[h] * y[h]).sum(1).mean()), end="  ")
        print()

    figures("mapped", r)
    moved = ridge(x[fit], y[fit] - x[fit] @ r, MOVE)
    figures("moved", r + moved)
    r = (r + moved) * weight[:, None]
    scale = np.abs(r).max(1) / 127
    q = np.round(r / np.maximum(scale, 1e-12)[:, None]).astype(np.int8)
    with open(a.out, "wb") as out:
        out.write(b"SVP1" + struct.pack("<II", len(names), DIM) + scale.astype("<f4").tobytes() + score.astype("<u2").tobytes() + q.tobytes())
        out.write("".join(n + "\n" for n in names).encode())


main()
